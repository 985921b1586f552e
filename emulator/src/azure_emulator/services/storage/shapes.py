# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a storage account looks like, by API version, and what requests may set. From recorded and published traffic."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.values import choice_of, flag_of, object_of, tags_of, text_of
from azure_emulator.services.storage import blobs

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc

SKUS = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
)
_FLAGS = (
    "supportsHttpsTrafficOnly",
    "allowBlobPublicAccess",
    "allowSharedKeyAccess",
    "allowCrossTenantReplication",
    "defaultToOAuthAuthentication",
    "isHnsEnabled",
    "isSftpEnabled",
    "isLocalUserEnabled",
    "isNfsV3Enabled",
)
_TEXTS = ("accessTier", "minimumTlsVersion", "publicNetworkAccess", "dnsEndpointType", "largeFileSharesState")
_OBJECTS = (
    "keyPolicy",
    "sasPolicy",
    "routingPreference",
    "geoPriorityReplicationStatus",
    "immutableStorageWithVersioning",
)
#: Properties that older API versions do not show.
_SINCE = {
    "keyCreationTime": "2021-01-01",
    "minimumTlsVersion": "2021-01-01",
    "allowBlobPublicAccess": "2021-01-01",
    "privateEndpointConnections": "2019-06-01",
    "allowCrossTenantDelegationSas": "2025-06-01",
}
_IPV6_RULES_SINCE = "2022-09-01"
_KEY_TYPE_SINCE = "2019-06-01"
#: Accounts made with these versions are private and modern by default.
_STRICT_SINCE = "2023-01-01"
_TLS12_SINCE = "2025-01-01"


def apply(ctx: Context, doc: Doc) -> None:
    """What both a PUT and a PATCH may set."""
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    sku = choice_of(ctx.body, SKUS, "sku", "name")
    if sku:
        doc["sku"] = {"name": sku, "tier": sku.partition("_")[0]}
    properties = doc["properties"]
    for name in _FLAGS:
        value = flag_of(ctx.body, "properties", name)
        if value is not None:
            properties[name] = value
    for name in _TEXTS:
        text = text_of(ctx.body, "properties", name)
        if text is not None:
            properties[name] = text
    for name in _OBJECTS:
        given = object_of(ctx.body, "properties", name)
        if given:
            properties[name] = given
    properties["networkAcls"] |= object_of(ctx.body, "properties", "networkAcls")
    _identify(ctx, doc)


def _identify(ctx: Context, doc: Doc) -> None:
    """An identity that the account gets for itself."""
    kind = text_of(ctx.body, "identity", "type")
    if kind is None:
        return
    if kind == "None":
        doc.pop("identity", None)
        return
    identity: dict[str, Any] = {"type": kind}
    if "SystemAssigned" in kind:
        own = doc.get("identity", {}).get("principalId") or str(uuid.uuid4())
        identity = {"principalId": own, "tenantId": ctx.principal.tenant if ctx.principal else "", "type": kind}
    given = object_of(ctx.body, "identity", "userAssignedIdentities")
    if given:
        identity["userAssignedIdentities"] = {
            name: {"principalId": found["principalId"], "clientId": found["clientId"]}
            for name in given
            if (found := (ctx.store.get(name) or {}).get("properties"))
        }
    doc["identity"] = identity


def defaults(api_version: str) -> dict[str, Any]:
    """Properties of a new account that depend on the version it is made with."""
    return {
        "minimumTlsVersion": "TLS1_2" if api_version >= _TLS12_SINCE else "TLS1_0",
        "allowBlobPublicAccess": api_version < _STRICT_SINCE,
        "allowCrossTenantDelegationSas": False,
    }


def present(scope: Scope, doc: Doc, api_version: str) -> Doc:
    """The account as an API version shows it."""
    properties = dict(doc["properties"])
    properties["primaryEndpoints"] = _endpoints(doc, doc["name"], blobs.endpoint(scope, doc["name"]))
    if "RA" in doc["sku"]["name"]:
        second = f"{doc['name']}-secondary"
        endpoints = _endpoints(doc, second, f"https://{second}.blob.core.windows.net/")
        properties["secondaryEndpoints"] = {kind: url for kind, url in endpoints.items() if kind != "file"}
    for name, since in _SINCE.items():
        if api_version < since:
            properties.pop(name, None)
    if api_version >= _IPV6_RULES_SINCE:
        properties["networkAcls"] = {"ipv6Rules": []} | properties["networkAcls"]
    if api_version < _KEY_TYPE_SINCE:
        services = properties["encryption"]["services"]
        shown = {
            kind: {key: value for key, value in entry.items() if key != "keyType"} for kind, entry in services.items()
        }
        properties["encryption"] = properties["encryption"] | {"services": shown}
    return doc | {"properties": properties}


def _endpoints(doc: Doc, name: str, blob: str) -> dict[str, str]:
    endpoints = {"blob": blob}
    endpoints |= {kind: f"https://{name}.{kind}.core.windows.net/" for kind in ("queue", "table", "file")}
    if doc["kind"] == "StorageV2":
        endpoints |= {
            "dfs": f"https://{name}.dfs.core.windows.net/",
            "web": f"https://{name}.z13.web.core.windows.net/",
        }
    return endpoints
