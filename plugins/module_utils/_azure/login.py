# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens for an identity, through azure-identity."""

from __future__ import annotations

import logging
import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import clouds, errors
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.credentials import CredentialError, Identity
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import Patient
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.tokens import TokenCache, key_for
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.credentials import AccessToken, TokenCredential

# Refused logins are told by our own errors; without a handler, Python would print azure-identity's warnings to stderr.
for _name in ("azure", "msal"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

CLI_CLIENT_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""Azure CLI's public application, through which users log in who give no ``client_id``; as in azure.azcollection."""

_IDENTIFYING = (
    "ad_user",
    "certificate_password",
    "client_id",
    "federated_token_file",
    "password",
    "secret",
    "tenant",
    "x509_certificate_path",
)
"""What makes a token another one; the subscription does not."""


class Credential:
    """Gets tokens for an identity; a ``TokenCredential`` for any Azure SDK client.

    azure-identity is imported when the first token is needed that is not cached.
    """

    def __init__(
        self,
        identity: Identity,
        cloud: clouds.Cloud,
        *,
        transport: Any = None,
        cache: TokenCache | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.identity = identity
        self._cloud = cloud
        self._transport = transport
        self._cache = cache
        self._pace = pace or Pace()
        self._inner: TokenCredential | None = None

    def get_token(self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **_: Any) -> AccessToken:
        """A token for the scopes, from the run's cache if there is one.

        :raises AuthenticationFailed: the identity provider refuses or cannot be reached.
        """
        from azure.core.credentials import AccessToken

        key = self._key(scopes)
        cached = self._cache.get(key) if self._cache and not claims and not tenant_id else None
        if cached:
            return AccessToken(*cached)
        with errors.translated(f"log in ({self.identity.source})", login=True):
            if self._inner is None:
                self._inner = self._build()
            token = self._inner.get_token(*scopes, claims=claims, tenant_id=tenant_id)
        if self._cache and not claims and not tenant_id:
            self._cache.put(key, token.token, token.expires_on)
        return token

    def forget(self, *scopes: str) -> None:
        """Drop the cached token: Azure did not take it."""
        self._inner = None
        if self._cache:
            self._cache.forget(self._key(scopes))

    def _key(self, scopes: tuple[str, ...]) -> str:
        values = {name: self.identity.get(name) for name in _IDENTIFYING}
        return key_for(kind=self.identity.kind, authority=self._authority, scopes=" ".join(scopes), **values)

    @property
    def _authority(self) -> str:
        """AZURE_AUTHORITY_HOST counts for a cloud that was not named by its address, as in azure-identity."""
        host = os.environ.get("AZURE_AUTHORITY_HOST")
        if not host or not self._cloud.well_known:
            return self._cloud.authority
        url = (host if "://" in host else f"https://{host}").rstrip("/")
        if urlsplit(url).scheme != "https":
            raise InvalidInput(f"AZURE_AUTHORITY_HOST is {host!r}.", remedy="It must be an https:// address.")
        return url

    def _build(self) -> TokenCredential:
        with errors.sdk_import():
            import azure.identity as sdk
        get = self.identity.values.get
        transport: dict[str, Any] = {"transport": self._transport} if self._transport else {}
        known = {cloud.authority for cloud in clouds.KNOWN.values()}
        # Asking for a token twice does no harm, so all of a login is repeated.
        patient = {"transport": Patient(self._transport, self._pace), "retry_total": 0} if self._transport else {}
        login: dict[str, Any] = {
            **patient,
            "authority": self._authority,
            "disable_instance_discovery": self._authority not in known,
        }
        app = {"tenant_id": get("tenant"), "client_id": get("client_id")}
        kind = self.identity.kind
        try:
            if kind == "secret":
                return sdk.ClientSecretCredential(**app, client_secret=get("secret"), **login)  # type: ignore[arg-type]
            if kind == "certificate":
                return _certificate(sdk, self.identity, login)
            if kind == "workload":
                return sdk.WorkloadIdentityCredential(**app, token_file_path=get("federated_token_file"), **login)
            if kind == "user":
                return self._user(sdk, login)
            if kind == "managed":
                return sdk.ManagedIdentityCredential(client_id=get("client_id"), **transport)
            return sdk.AzureCliCredential(tenant_id=get("tenant") or "", process_timeout=60)
        except ValueError as error:  # azure-identity's words for a malformed tenant, file or certificate
            raise CredentialError(f"{self.identity.source}: {error}") from None

    def _user(self, sdk: Any, login: Mapping[str, Any]) -> TokenCredential:
        values = self.identity.values
        app, tenant = values.get("client_id", CLI_CLIENT_ID), values.get("tenant", "organizations")
        person = {"username": values["ad_user"], "password": values["password"]}
        if not self._cloud.well_known:
            where = {"authority": self._authority, "tenant": tenant, "client_id": app}
            connections = self._transport or clouds.connections(None)
            return _PasswordCredential(**where, **person, transport=Patient(connections, self._pace))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # azure.azcollection's users still bring it
            credential: TokenCredential = sdk.UsernamePasswordCredential(app, tenant_id=tenant, **person, **login)
        return credential


def _certificate(sdk: Any, identity: Identity, login: Mapping[str, Any]) -> TokenCredential:
    path = Path(identity.values["x509_certificate_path"]).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CredentialError(
            f"{identity.source}: x509_certificate_path {path} cannot be read ({type(error).__name__}).",
            remedy="Give a PEM file with the certificate and its private key, or a PKCS #12 file.",
        ) from None
    _check_thumbprint(identity, content)
    credential: TokenCredential = sdk.CertificateCredential(
        tenant_id=identity.get("tenant"),
        client_id=identity.get("client_id"),
        certificate_data=content,
        password=identity.get("certificate_password"),
        **login,
    )
    return credential


def _check_thumbprint(identity: Identity, content: bytes) -> None:
    """azure-identity computes the thumbprint; one that is given must be the same, or the wrong file was given."""
    given = (identity.get("thumbprint") or "").replace(":", "").replace(" ", "").lower()
    if not given or b"-----BEGIN CERTIFICATE-----" not in content:
        return
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    found = x509.load_pem_x509_certificate(content).fingerprint(hashes.SHA1()).hex()  # noqa: S303 - what Entra ID calls it by
    if found != given:
        raise CredentialError(
            f"{identity.source}: the certificate's thumbprint is {found}, not the given {given}.",
            remedy="Correct thumbprint or x509_certificate_path, or leave thumbprint out.",
        )


class _PasswordCredential:
    """User name and password at a login service of one's own; a ``TokenCredential`` for OAuth's password grant.

    azure-identity asks such a service for the user's realm first and drops its port on the way (MSAL 1.39). A cloud that
    is known by its address only has no federated users, so the token is asked for directly.

    :param authority: https address without the tenant.
    :param transport: an azure-core transport.
    """

    def __init__(
        self, *, authority: str, tenant: str, client_id: str, username: str, password: str, transport: Any
    ) -> None:
        self._url = f"{authority}/{tenant}/oauth2/v2.0/token"
        self._form = {"grant_type": "password", "client_id": client_id, "username": username, "password": password}
        self._transport = transport

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """:raises azure.core.exceptions.ClientAuthenticationError: the service refuses."""
        from azure.core import PipelineClient
        from azure.core.credentials import AccessToken
        from azure.core.exceptions import ClientAuthenticationError
        from azure.core.pipeline import policies
        from azure.core.rest import HttpRequest

        client: Any = PipelineClient(self._url, policies=[policies.ProxyPolicy()], transport=self._transport)
        now = int(time.time())
        response = client.send_request(HttpRequest("POST", self._url, data={**self._form, "scope": " ".join(scopes)}))
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if isinstance(answer, dict) and isinstance(answer.get("access_token"), str):
            return AccessToken(answer["access_token"], now + int(answer.get("expires_in") or 0))
        said = answer.get("error_description") if isinstance(answer, dict) else None
        raise ClientAuthenticationError(str(said or f"HTTP {response.status_code} without a token"))
