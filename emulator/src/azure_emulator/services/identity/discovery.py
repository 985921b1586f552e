# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are: ARM metadata and OpenID configuration."""

from __future__ import annotations

from typing import Any

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import missing_api_version
from azure_emulator.core.routing import UNVERSIONED, Route, documented

_SUFFIXES = {
    "storage": "core.windows.net",
    "storageSyncEndpointSuffix": "afs.azure.net",
    "keyVaultDns": "vault.azure.net",
    "sqlServerHostname": "database.windows.net",
    "acrLoginServer": "azurecr.io",
    "mhsmDns": "managedhsm.azure.net",
    "azureFrontDoorEndpointSuffix": "azurefd.net",
}


def endpoints(ctx: Context) -> Reply:
    """``/metadata/endpoints``: one cloud; a list of clouds from 2019-05-01 to 2022-09-01 (exclusive) [documented]."""
    url = ctx.base_url
    version = ctx.api_version
    if not version:
        raise missing_api_version()
    if version < "2019":
        authentication = {"loginEndpoint": f"{url}/", "audiences": [f"{url}/"]}
        return Reply(
            200, {"galleryEndpoint": url, "graphEndpoint": url, "portalEndpoint": url, "authentication": authentication}
        )
    cloud: dict[str, Any] = {
        "portal": url,
        "authentication": {
            "loginEndpoint": f"{url}/",
            "audiences": [f"{url}/", "https://management.azure.com/", "https://management.core.windows.net/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "media": url,
        "graphAudience": f"{url}/",
        "graph": f"{url}/",
        "name": "AzureLocal",
        "suffixes": _SUFFIXES,
        "batch": url,
        "resourceManager": f"{url}/",
        "vmImageAliasDoc": f"{url}/metadata/aliases.json",
        "sqlManagement": url,
        "activeDirectoryDataLake": url,
        "microsoftGraphResourceId": f"{url}/",
        "appInsightsResourceId": url,
        "logAnalyticsResourceId": url,
        "ossrDbmsResourceId": url,
        "gallery": url,
    }
    return Reply(200, cloud if version >= "2022-09-01" else [cloud])


def openid_v2(ctx: Context) -> Reply:
    return Reply(200, _openid(ctx, "/v2.0", "/oauth2/v2.0"))


def openid_v1(ctx: Context) -> Reply:
    return Reply(200, _openid(ctx, "", "/oauth2"))


def instance(ctx: Context) -> Reply:
    """Instance discovery: which hosts speak for this authority."""
    tenant = "common"
    host = ctx.base_url.removeprefix("https://")
    return Reply(
        200,
        {
            "tenant_discovery_endpoint": f"{ctx.base_url}/{tenant}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        },
    )


def _openid(ctx: Context, issuer: str, oauth: str) -> dict[str, Any]:
    tenant, url = ctx.ids["tenant"], ctx.base_url
    return {
        "token_endpoint": f"{url}/{tenant}{oauth}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": f"{url}/{tenant}/discovery{issuer}/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{url}/{tenant}{issuer}",
        "authorization_endpoint": f"{url}/{tenant}{oauth}/authorize",
        "device_authorization_endpoint": f"{url}/{tenant}{oauth}/devicecode",
        "end_session_endpoint": f"{url}/{tenant}{oauth}/logout",
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": None,
        "cloud_instance_name": ctx.base_url.removeprefix("https://"),
    }


_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", "/metadata/endpoints", endpoints, api_versions=UNVERSIONED, anonymous=True, evidence=_KNOWN),
    Route("GET", "/common/discovery/instance", instance, api_versions=UNVERSIONED, anonymous=True, evidence=_KNOWN),
    Route(
        "GET",
        "/{tenant}/v2.0/.well-known/openid-configuration",
        openid_v2,
        api_versions=UNVERSIONED,
        anonymous=True,
        evidence=_KNOWN,
    ),
    Route(
        "GET",
        "/{tenant}/.well-known/openid-configuration",
        openid_v1,
        api_versions=UNVERSIONED,
        anonymous=True,
        evidence=_KNOWN,
    ),
]
