# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the tasks act as: parameters, environment, credential file or Azure CLI, by the names azure.azcollection uses.

:func:`find` decides. Nothing here puts a secret into a message.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import env_fallback
from ansible_collections.goldenimage.azure.plugins.module_utils._azure import clouds, errors
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace


AUTH_SOURCES = ("auto", "cli", "env", "credential_file", "msi", "workload_identity")

ARGUMENT_SPEC: dict[str, Any] = {
    "ad_user": {"type": "str"},
    "auth_source": {
        "type": "str",
        "choices": list(AUTH_SOURCES),
        "default": "auto",
        "fallback": (env_fallback, ["ANSIBLE_AZURE_AUTH_SOURCE"]),
    },
    "cert_validation_mode": {
        "type": "str",
        "choices": ["validate", "ignore"],
        "fallback": (env_fallback, ["AZURE_CERT_VALIDATION_MODE"]),
    },
    "client_id": {"type": "str"},
    "cloud_environment": {"type": "str", "fallback": (env_fallback, ["AZURE_CLOUD_ENVIRONMENT"])},
    "password": {"type": "str", "no_log": True},
    "profile": {"type": "str"},
    "secret": {"type": "str", "no_log": True},
    "subscription_id": {"type": "str"},
    "tenant": {"type": "str"},
    "thumbprint": {"type": "str"},
    "x509_certificate_path": {"type": "path"},
}
"""The parameters every module has; documented in the fragment ``goldenimage.azure.azure``."""

VARIABLES: dict[str, tuple[str, ...]] = {
    "ad_user": ("AZURE_AD_USER", "AZURE_USERNAME"),
    "certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "client_id": ("AZURE_CLIENT_ID",),
    "cloud_environment": ("AZURE_CLOUD_ENVIRONMENT",),
    "federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
    "password": ("AZURE_PASSWORD",),
    "profile": ("AZURE_PROFILE",),
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
    "subscription_id": ("AZURE_SUBSCRIPTION_ID",),
    "tenant": ("AZURE_TENANT", "AZURE_TENANT_ID"),
    "thumbprint": ("AZURE_THUMBPRINT",),
    "x509_certificate_path": ("AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
}
"""The environment's names for each value: azure.azcollection's, then azure-identity's. The first one set counts."""


class CredentialError(GoldenImageError):
    """No usable credentials; says what was tried and what was missing in each."""


@dataclass(frozen=True)
class Identity:
    """Who to be, before any token was asked for.

    :ivar kind: ``secret``, ``certificate``, ``user``, ``workload``, ``managed`` or ``cli``.
    :ivar source: where it was found, for messages.
    :ivar values: as :data:`VARIABLES` names them; holds secrets, so it is kept out of ``repr``.
    """

    kind: str
    source: str
    values: Mapping[str, str] = field(repr=False)

    def get(self, name: str) -> str | None:
        return self.values.get(name)


def find(params: Mapping[str, Any]) -> Identity:
    """Choose the identity by ``auth_source``; ``auto`` takes the first that is complete.

    :param params: the module's parameters, of :data:`ARGUMENT_SPEC`.
    :raises CredentialError: none is complete.
    :raises InvalidInput: ``cert_validation_mode`` is ``ignore``.
    """
    given = {name: str(params[name]) for name in VARIABLES if params.get(name)}
    source = params.get("auth_source") or "auto"
    tried: list[str] = []
    for search in _searches(source, given):
        found = search(given)
        if isinstance(found, Identity):
            _refuse_unverified(params.get("cert_validation_mode") or found.get("cert_validation_mode"))
            return found
        tried.append(found)
    raise CredentialError(
        f"No complete Azure credentials (auth_source={source}). {' '.join(tried)}",
        remedy="Set client_id, secret and tenant (AZURE_CLIENT_ID, AZURE_SECRET, AZURE_TENANT), a profile in"
        " ~/.azure/credentials, or log in with az login; docs/authentication.md describes every way.",
    )


def _searches(source: str, given: Mapping[str, str]) -> tuple[Callable[[Mapping[str, str]], Identity | str], ...]:
    """Whoever names a profile wants that one and no other identity."""
    found = environment()
    named = "profile" in given or ("profile" in found and "client_id" not in found)
    if source == "auto" and named and not _names_somebody(given):
        return _SEARCHES["credential_file"]
    return _SEARCHES[source]


def _names_somebody(given: Mapping[str, str]) -> bool:
    return "client_id" in given or "ad_user" in given


def _refuse_unverified(mode: str | None) -> None:
    if mode == "ignore":
        raise InvalidInput(
            "cert_validation_mode is ignore: credentials would be sent to whoever answers.", remedy=errors.CA_REMEDY
        )


def _from_parameters(given: Mapping[str, str]) -> Identity | str:
    if not _names_somebody(given):
        return "Parameters: neither client_id nor ad_user is set."
    return _classify("Parameters", given)


def _from_environment(given: Mapping[str, str]) -> Identity | str:
    found = environment()
    if found.get("profile") and "client_id" not in found:
        return _from_file({"profile": found["profile"], **given})
    if not _names_somebody({**found, **given}):
        return "Environment: neither AZURE_CLIENT_ID nor AZURE_AD_USER is set."
    return _classify("Environment", {**found, **given})


def _from_file(given: Mapping[str, str]) -> Identity | str:
    path = config_folder() / "credentials"
    profile = given.get("profile") or environment().get("profile") or "default"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8") as stream:
            parser.read_file(stream)
    except FileNotFoundError:
        return f"Credential file: {path} does not exist."
    except (OSError, UnicodeDecodeError) as error:
        return f"Credential file: {path} cannot be read ({type(error).__name__})."
    except configparser.Error as error:  # its text repeats the line, which may be a secret
        return f"Credential file: {path} is not an ini file ({type(error).__name__})."
    if not parser.has_section(profile):
        return f"Credential file: {path} has no profile [{profile}]."
    found = {name: value for name, value in parser.items(profile) if value}
    return _classify(f"Credential file {path} [{profile}]", {**found, **given})


def _from_workload(given: Mapping[str, str]) -> Identity | str:
    found = {**environment(), **given}
    for name in ("secret", "x509_certificate_path", "ad_user"):
        found.pop(name, None)
    return _classify("Workload identity", found, needs_token_file=True)


def _from_managed(given: Mapping[str, str]) -> Identity | str:
    found = environment()
    kept = {
        name: value for name, value in found.items() if name in {"client_id", "subscription_id", "cloud_environment"}
    }
    return Identity("managed", "Managed identity", {**kept, **given})


def _from_cli(given: Mapping[str, str]) -> Identity | str:
    if _names_somebody(given):
        return "Azure CLI: not asked, as a parameter names somebody else."
    if shutil.which("az") is None:
        return "Azure CLI: the program az is not on PATH."
    path = config_folder() / "azureProfile.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        subscriptions = [dict(one) for one in content["subscriptions"]]
    except FileNotFoundError:
        return f"Azure CLI: nobody is logged in ({path} does not exist)."
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"Azure CLI: {path} cannot be read ({type(error).__name__})."
    wanted = given.get("subscription_id") or environment().get("subscription_id")
    chosen = [one for one in subscriptions if (one.get("id") == wanted if wanted else one.get("isDefault"))]
    if not chosen:
        what = f"subscription {wanted}" if wanted else "default subscription"
        return f"Azure CLI: it has no {what} (az account set)."
    values = {"subscription_id": chosen[0].get("id"), "tenant": chosen[0].get("tenantId")}
    values["cloud_environment"] = _cli_cloud(chosen[0].get("environmentName"))
    return Identity("cli", "Azure CLI", {**{name: value for name, value in values.items() if value}, **given})


_SEARCHES: dict[str, tuple[Callable[[Mapping[str, str]], Identity | str], ...]] = {
    "auto": (_from_parameters, _from_environment, _from_file, _from_cli),
    "env": (_from_environment,),
    "credential_file": (_from_file,),
    "cli": (_from_cli,),
    "msi": (_from_managed,),
    "workload_identity": (_from_workload,),
}


def _classify(source: str, values: Mapping[str, str], *, needs_token_file: bool = False) -> Identity | str:
    """The identity that the values make, or a sentence that says what is missing."""
    if "client_id" not in values and "ad_user" not in values:
        return f"{source}: client_id is missing."
    kind: str
    needed: tuple[str, ...]
    if needs_token_file:
        kind, needed = "workload", ("client_id", "tenant", "federated_token_file")
    elif "secret" in values:
        kind, needed = "secret", ("client_id", "tenant")
    elif "x509_certificate_path" in values:
        kind, needed = "certificate", ("client_id", "tenant")
    elif "ad_user" in values:
        kind, needed = "user", ("password",)
    elif "federated_token_file" in values:
        kind, needed = "workload", ("client_id", "tenant")
    else:
        return f"{source}: a client_id, but neither secret nor x509_certificate_path."
    missing = [name for name in needed if name not in values]
    if missing:
        return f"{source}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
    return Identity(kind, source, values)


def environment() -> dict[str, str]:
    """What the environment says, by the names of :data:`VARIABLES`."""
    found: dict[str, str] = {}
    for name, variables in VARIABLES.items():
        value = next((os.environ[variable] for variable in variables if os.environ.get(variable)), None)
        if value:
            found[name] = value
    return found


def config_folder() -> Path:
    """Where Azure CLI and azure.azcollection keep their files."""
    return Path(os.environ.get("AZURE_CONFIG_DIR") or "~/.azure").expanduser()


def _cli_cloud(name: str | None) -> str | None:
    """Azure CLI's name of a cloud, or the address it registered under that name."""
    if not name or name.lower() in clouds.KNOWN:
        return name
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(config_folder() / "clouds.config", encoding="utf-8")
    return parser.get(name, "endpoint_resource_manager", fallback=name)


def resolve_cloud(
    params: Mapping[str, Any],
    identity: Identity,
    *,
    ca: str | None,
    transport: Any = None,
    pace: Pace | None = None,
) -> clouds.Cloud:
    """The cloud that the parameters, the identity or the environment name; the public one otherwise."""
    name = params.get("cloud_environment") or identity.get("cloud_environment")
    name = name or environment().get("cloud_environment") or clouds.PUBLIC.name
    return clouds.resolve(name, ca=ca, transport=transport, pace=pace)
