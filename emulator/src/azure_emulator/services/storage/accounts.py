# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage accounts."""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, ids, locations
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.operations import effect
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Route
from azure_emulator.core.values import choice_of, flag_of, required_text, tags_of, text_of
from azure_emulator.services.storage import blobs
from azure_emulator.services.storage.blobs import TYPE

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.store import Doc

_NAMES = "storage.names"
_NAME = re.compile(r"[a-z0-9]{3,24}")
_SKUS = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
)
#: Before, accounts had a ``properties.accountType`` and no kind [recorded].
_SKUS_SINCE = "2016-01-01"
_KINDS = ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")


def put(ctx: Context) -> Reply:
    """202 with a Location and nothing else; 200 with the account when it exists."""
    name, group = ctx.ids["name"], ctx.ids["group"]
    _check_name(name)
    if ctx.api_version < _SKUS_SINCE:
        ctx.body = {**ctx.body, "sku": {"name": text_of(ctx.body, "properties", "accountType")}, "kind": "Storage"}
    location = locations.check(text_of(ctx.body, "location"), TYPE)
    resource_id = ids.resource_id(ctx.subscription, group, TYPE, name)
    owner = ctx.store.kv_get(_NAMES, name)
    if owner and not ids.same(owner, resource_id):
        raise ArmError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    found = ctx.store.get(resource_id)
    if found:
        locations.check_unmoved(found["location"], location, name, group)
        return _update(ctx, found)
    doc = _new(ctx, resource_id, location)
    _apply(ctx, doc)
    ctx.store.put(resource_id, doc)
    ctx.store.kv_put(_NAMES, name, resource_id)
    operation = ctx.operations.start(
        "storage", location, "storage.account.create", {"id": resource_id, "version": ctx.api_version}, resource_id
    )
    return Reply(202, None, {"Content-Type": "text/plain; charset=utf-8", **operation.headers()})


def _provide(data_dir: Path, args: dict[str, Any]) -> None:
    blobs.provide_empty(data_dir, args["id"])


@effect("storage.account.create", work=_provide)
def _created(scope: Scope, args: dict[str, Any]) -> Doc | None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return None
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(args["id"], doc)
    return _present(scope, doc, args["version"])


def get(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, _find(ctx), ctx.api_version))


def patch(ctx: Context) -> Reply:
    return _update(ctx, _find(ctx))


def delete(ctx: Context) -> Reply:
    resource_id = ids.resource_id(ctx.subscription, ctx.ids["group"], TYPE, ctx.ids["name"])
    doc = ctx.store.get(resource_id)
    if doc is None:
        return Reply(204)
    ctx.operations.cancel(resource_id)
    _forget(ctx, doc)
    ctx.store.delete(resource_id)
    return Reply(200)


def list_accounts(ctx: Context) -> Reply:
    return paged(ctx, type=TYPE, show=lambda doc: _present(ctx, doc, ctx.api_version))


def list_keys(ctx: Context) -> Reply:
    return Reply(200, {"keys": _keys(_find(ctx), ctx.api_version)})


def regenerate_key(ctx: Context) -> Reply:
    doc = _find(ctx)
    wanted = required_text(ctx.body, "keyName")
    for key in doc["_keys"]:
        if key["keyName"] == wanted:
            key["value"] = _secret()
            ctx.store.put(doc["id"], doc)
            blobs.changed(ctx)
            return Reply(200, {"keys": _keys(doc, ctx.api_version)})
    raise _invalid("keyName")


def check_name(ctx: Context) -> Reply:
    name = text_of(ctx.body, "name") or ""
    reason, message = "", ""
    if not _NAME.fullmatch(name):
        reason, message = "AccountNameInvalid", _name_rule(name)
    elif ctx.store.kv_get(_NAMES, name):
        reason, message = "AlreadyExists", f"The storage account named {name} is already taken."
    return Reply(
        200, {"nameAvailable": False, "reason": reason, "message": message} if reason else {"nameAvailable": True}
    )


def _new(ctx: Context, resource_id: str, location: str) -> Doc:
    now = ctx.clock.iso_z()
    sku = choice_of(ctx.body, _SKUS, "sku", "name")
    if sku is None:
        raise _invalid("sku")
    kind = choice_of(ctx.body, _KINDS, "kind")
    if kind is None:
        raise _invalid("kind")
    service = {"keyType": "Account", "enabled": True, "lastEnabledTime": now}
    pair = locations.pair(location)
    properties: Doc = {
        "keyCreationTime": {"key1": now, "key2": now},
        "privateEndpointConnections": [],
        "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
        "supportsHttpsTrafficOnly": ctx.api_version >= "2019-04-01",
        "encryption": {"services": {"file": service, "blob": service}, "keySource": "Microsoft.Storage"},
        "provisioningState": "ResolvingDns",
        "creationTime": now,
        "primaryLocation": location,
        "statusOfPrimary": "available",
    }
    if kind in ("StorageV2", "BlobStorage"):
        properties["accessTier"] = "Hot"
    if "GRS" in sku or "GZRS" in sku:
        properties |= {"secondaryLocation": pair or location, "statusOfSecondary": "available"}
    keys = [
        {"creationTime": now, "keyName": name, "value": _secret(), "permissions": "FULL"} for name in ("key1", "key2")
    ]
    return {
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "kind": kind,
        "id": resource_id,
        "name": ctx.ids["name"],
        "type": TYPE,
        "location": location,
        "tags": {},
        "properties": properties,
        "_keys": keys,
    }


def _apply(ctx: Context, doc: Doc) -> None:
    """What both a PUT and a PATCH may set."""
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    sku = choice_of(ctx.body, _SKUS, "sku", "name")
    if sku:
        doc["sku"] = {"name": sku, "tier": sku.partition("_")[0]}
    properties = doc["properties"]
    for name in ("supportsHttpsTrafficOnly", "allowBlobPublicAccess", "allowSharedKeyAccess", "isHnsEnabled"):
        value = flag_of(ctx.body, "properties", name)
        if value is not None:
            properties[name] = value
    for name in ("accessTier", "minimumTlsVersion", "publicNetworkAccess"):
        text = text_of(ctx.body, "properties", name)
        if text is not None:
            properties[name] = text


def _update(ctx: Context, doc: Doc) -> Reply:
    _apply(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return Reply(200, _present(ctx, doc, ctx.api_version))


def _present(scope: Scope, doc: Doc, api_version: str) -> Doc:
    name, properties = doc["name"], dict(doc["properties"])
    endpoints = {"blob": blobs.endpoint(scope, name)}
    endpoints |= {kind: f"https://{name}.{kind}.core.windows.net/" for kind in ("queue", "table", "file")}
    if doc["kind"] == "StorageV2":
        endpoints |= {
            "dfs": f"https://{name}.dfs.core.windows.net/",
            "web": f"https://{name}.z13.web.core.windows.net/",
        }
    properties["primaryEndpoints"] = endpoints
    if api_version < "2021-01-01":
        properties.pop("keyCreationTime")
    if api_version < "2019-06-01":
        properties.pop("privateEndpointConnections")
        services = properties["encryption"]["services"]
        shown = {
            kind: {key: value for key, value in entry.items() if key != "keyType"} for kind, entry in services.items()
        }
        properties["encryption"] = properties["encryption"] | {"services": shown}
    return doc | {"properties": properties}


def _keys(doc: Doc, api_version: str) -> list[dict[str, Any]]:
    hidden = "creationTime" if api_version < "2021-01-01" else ""
    return [{name: value for name, value in key.items() if name != hidden} for key in doc["_keys"]]


def _find(ctx: Context) -> Doc:
    doc = ctx.store.get(ids.resource_id(ctx.subscription, ctx.ids["group"], TYPE, ctx.ids["name"]))
    if doc is None:
        raise resource_not_found(TYPE, [ctx.ids["name"]], ctx.ids["group"])
    return doc


def _forget(scope: Scope, doc: Doc) -> None:
    scope.store.kv_delete(_NAMES, doc["name"])
    blobs.changed(scope)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ArmError(400, "AccountNameInvalid", _name_rule(name))


def _name_rule(name: str) -> str:
    return (
        f"{name[:100]} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
        "length and use numbers and lower-case letters only."
    )


def _invalid(parameter: str) -> ArmError:
    return ArmError(
        400, "InvalidValuesForRequestParameters", f"Values for request parameters are invalid: {parameter}."
    )


def _secret() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


hooks.cascade[TYPE.lower()] = _forget

_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.Storage"
_ACCOUNTS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts"
_ACCOUNT = f"{_ACCOUNTS}/{{name}}"
ROUTES = [
    Route("POST", f"{_PROVIDER}/checkNameAvailability", check_name, reading=True),
    Route("GET", f"{_PROVIDER}/storageAccounts", list_accounts),
    Route("GET", _ACCOUNTS, list_accounts),
    Route("PUT", _ACCOUNT, put),
    Route("GET", _ACCOUNT, get),
    Route("PATCH", _ACCOUNT, patch),
    Route("DELETE", _ACCOUNT, delete),
    Route("POST", f"{_ACCOUNT}/listKeys", list_keys, reading=True),
    Route("POST", f"{_ACCOUNT}/regenerateKey", regenerate_key),
]
