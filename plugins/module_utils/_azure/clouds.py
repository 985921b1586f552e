# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Azure: the public one, a national one, or any that describes itself at its ARM metadata address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import errors
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import Patient
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Cloud:
    """Where the parts of one Azure are. Addresses have no slash at the end.

    :ivar name: as users know it; for a cloud found by its address, the name it calls itself.
    :ivar resource_manager: address of the management API.
    :ivar authority: address of the login service, without the tenant.
    :ivar audience: whom a token for the management API is for, verbatim.
    :ivar storage_suffix: a blob endpoint is ``{account}.blob.{storage_suffix}``.
    :ivar well_known: Microsoft's public login service knows the authority, so that it can be asked about it.
    """

    name: str
    resource_manager: str
    authority: str
    audience: str
    storage_suffix: str
    well_known: bool = True

    @property
    def scope(self) -> str:
        """What a token for the management API is asked for with; the audience stays as it is, slash and all."""
        return f"{self.audience}/.default"

    @property
    def storage_scope(self) -> str:
        """What a token for blobs is asked for with; the same in every cloud."""
        return "https://storage.azure.com/.default"


PUBLIC = Cloud(
    "AzureCloud",
    "https://management.azure.com",
    "https://login.microsoftonline.com",
    "https://management.azure.com",
    "core.windows.net",
)
CHINA = Cloud(
    "AzureChinaCloud",
    "https://management.chinacloudapi.cn",
    "https://login.chinacloudapi.cn",
    "https://management.chinacloudapi.cn",
    "core.chinacloudapi.cn",
)
US_GOVERNMENT = Cloud(
    "AzureUSGovernment",
    "https://management.usgovcloudapi.net",
    "https://login.microsoftonline.us",
    "https://management.core.usgovcloudapi.net",
    "core.usgovcloudapi.net",
)
KNOWN = {cloud.name.lower(): cloud for cloud in (PUBLIC, CHINA, US_GOVERNMENT)}


def trusted_ca() -> str | None:
    """The certificate authorities to trust, a file or a folder; ``None`` for the ones certifi brings.

    :raises InvalidInput: a variable names something that is not there.
    """
    for name in CA_VARIABLES:
        value = os.environ.get(name)
        if value:
            if not Path(value).exists():
                raise InvalidInput(
                    f"{name} names {value}, which does not exist.", remedy="Correct it, or remove the variable."
                )
            return value
    return None


def connections(ca: str | None, pace: Pace | None = None) -> Any:
    """The connections of one task, an azure-core transport. Shared by all clients: reading the authorities is slow.

    :param pace: told when a policy of the SDK waits.
    """
    with errors.sdk_import():
        from azure.core.pipeline.transport import RequestsTransport
    told = pace or Pace()

    def sleep(seconds: float) -> None:
        told.pause(seconds, lambda rest: f"Azure is busy, trying again in {rest:.0f} s")

    transport = RequestsTransport(connection_verify=ca or True)
    transport.sleep = sleep
    return transport


def resolve(name_or_url: str, *, ca: str | None, transport: Any = None, pace: Pace | None = None) -> Cloud:
    """Find a cloud by its name (in any case) or by the https address of its management API.

    :param ca: as :func:`trusted_ca` gives it.
    :param transport: connections to use; by default new ones.
    :param pace: how long to try.
    :raises InvalidInput: no such name, or the address does not answer as a management API does.
    :raises Unreachable: the address does not answer.
    """
    text = name_or_url.strip()
    if text.lower() in KNOWN:
        return KNOWN[text.lower()]
    if "://" not in text:
        raise InvalidInput(
            f"cloud_environment is {text!r}, which is no known cloud.",
            remedy=f"Use {', '.join(cloud.name for cloud in KNOWN.values())}, or the https:// address of its API.",
        )
    url = text.rstrip("/")
    _require_https(url, "cloud_environment")
    for cloud in KNOWN.values():
        if cloud.resource_manager == url.lower():
            return cloud
    return _from_metadata(
        url, _fetch(f"{url}/metadata/endpoints?api-version=2022-09-01", transport or connections(ca), pace)
    )


def _fetch(url: str, transport: Any, pace: Pace | None) -> Any:
    with errors.sdk_import():
        from azure.core import PipelineClient
        from azure.core.pipeline import policies
        from azure.core.rest import HttpRequest
    patient: Any = Patient(transport, pace or Pace())
    client: Any = PipelineClient(url, policies=[policies.ProxyPolicy()], transport=patient)
    what = f"read the cloud's metadata at {url}"
    with errors.translated(what):
        response = client.send_request(HttpRequest("GET", url), connection_timeout=20, read_timeout=30)
        if response.status_code in errors.TRANSIENT:
            raise errors.from_response(what, response.status_code, response.headers, errors.json_of(response))
        if response.status_code != 200:
            raise _nonsense(url, f"HTTP {response.status_code}")
        try:
            return response.json()
        except ValueError:
            kind = response.headers.get("Content-Type", "no content type")
            raise _nonsense(url, f"something that is not JSON ({kind})") from None


def _from_metadata(url: str, metadata: Any) -> Cloud:
    """Read the metadata of API version 2022-09-01 (a cloud), 2019-05-01 (a list of clouds) or older (fewer fields)."""
    answered = metadata if isinstance(metadata, list) else [metadata]
    candidates = [cloud for cloud in answered if isinstance(cloud, Mapping)]
    own = [cloud for cloud in candidates if str(cloud.get("resourceManager", "")).rstrip("/").lower() == url.lower()]
    found: Mapping[str, Any] = next(iter([*own, *candidates]), {})
    try:
        login = str(found["authentication"]["loginEndpoint"]).rstrip("/")
        audiences = [str(audience) for audience in found["authentication"]["audiences"]]
        matching = [audience for audience in audiences if audience.rstrip("/").lower() == url.lower()]
        audience = [*matching, *audiences][0]
        suffix = str(found.get("suffixes", {}).get("storage", PUBLIC.storage_suffix))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _nonsense(url, f"JSON without the expected {error}") from None
    _require_https(login, f"The login address that {url} announces")
    known = {cloud.authority for cloud in KNOWN.values()}
    manager = str(found.get("resourceManager") or url).rstrip("/") if own else url
    return Cloud(str(found.get("name") or url), manager, login, audience, suffix, well_known=login in known)


def _require_https(url: str, what: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise InvalidInput(f"{what} is {url!r}.", remedy="It must be an https:// address: tokens are sent there.")


def _nonsense(url: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"cloud_environment: {url} answers {found}, not a cloud's metadata.",
        remedy="Give the address of an Azure management API (it serves /metadata/endpoints).",
    )
