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
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, required_text, text_of
from azure_emulator.services.storage import blobs, shapes, signatures
from azure_emulator.services.storage.blobs import TYPE

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.store import Doc

_NAMES = "storage.names"
_NAME = re.compile(r"[a-z0-9]{3,24}")
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
    shapes.apply(ctx, doc)
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
    return shapes.present(scope, doc, args["version"])


def get(ctx: Context) -> Reply:
    return Reply(200, shapes.present(ctx, find(ctx), ctx.api_version))


def patch(ctx: Context) -> Reply:
    return _update(ctx, find(ctx))


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
    return paged(ctx, type=TYPE, show=lambda doc: shapes.present(ctx, doc, ctx.api_version))


def list_keys(ctx: Context) -> Reply:
    return Reply(200, {"keys": _keys(find(ctx), ctx.api_version)})


def regenerate_key(ctx: Context) -> Reply:
    doc = find(ctx)
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


def account_sas(ctx: Context) -> Reply:
    """A shared access signature of the account, signed with the key that is asked for."""
    doc = find(ctx)
    wanted = (text_of(ctx.body, "keyToSign") or "key1").lower()
    key = next((key["value"] for key in doc["_keys"] if key["keyName"] == wanted), None)
    if key is None:
        raise _invalid("keyToSign")
    fields = {
        name: text_of(ctx.body, member) or ""
        for name, member in (
            ("ss", "signedServices"),
            ("srt", "signedResourceTypes"),
            ("sp", "signedPermission"),
            ("st", "signedStart"),
            ("se", "signedExpiry"),
            ("sip", "signedIp"),
            ("spr", "signedProtocol"),
        )
    }
    missing = [name for name in ("ss", "srt", "sp", "se") if not fields[name]]
    if missing:
        raise _invalid(missing[0])
    return Reply(200, {"accountSasToken": signatures.sign_account(doc["name"], key, fields)})


def usages(ctx: Context) -> Reply:
    """How many accounts of a region there may be and are."""
    location = locations.normalize(ctx.ids["location"])
    docs = ctx.store.list(type=TYPE, subscription=ctx.subscription)
    entry = {
        "unit": "Count",
        "currentValue": sum(doc["location"] == location for doc in docs),
        "limit": 250,
        "name": {"value": "StorageAccounts", "localizedValue": "Storage Accounts"},
    }
    return Reply(200, {"value": [entry]})


def _new(ctx: Context, resource_id: str, location: str) -> Doc:
    now = ctx.clock.iso_z()
    sku = choice_of(ctx.body, shapes.SKUS, "sku", "name")
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
        **shapes.defaults(ctx.api_version),
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


def _update(ctx: Context, doc: Doc) -> Reply:
    shapes.apply(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return Reply(200, shapes.present(ctx, doc, ctx.api_version))


def _keys(doc: Doc, api_version: str) -> list[dict[str, Any]]:
    hidden = "creationTime" if api_version < "2021-01-01" else ""
    return [{name: value for name, value in key.items() if name != hidden} for key in doc["_keys"]]


def find(ctx: Context) -> Doc:
    """The account of the path.

    :raises ArmError: 404 ``ResourceNotFound``.
    """
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
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("POST", f"{_PROVIDER}/checkNameAvailability", check_name, reading=True, evidence=_KNOWN),
    Route("GET", f"{_PROVIDER}/storageAccounts", list_accounts, evidence=_KNOWN),
    Route("GET", _ACCOUNTS, list_accounts, evidence=_KNOWN),
    Route("PUT", _ACCOUNT, put, evidence=_KNOWN),
    Route("GET", _ACCOUNT, get, evidence=_KNOWN),
    Route("PATCH", _ACCOUNT, patch, evidence=_KNOWN),
    Route("DELETE", _ACCOUNT, delete, evidence=_KNOWN),
    Route("POST", f"{_ACCOUNT}/listKeys", list_keys, reading=True, evidence=_KNOWN),
    Route("POST", f"{_ACCOUNT}/regenerateKey", regenerate_key, evidence=_KNOWN),
    Route("POST", f"{_ACCOUNT}/ListAccountSas", account_sas, reading=True, evidence=_KNOWN),
    Route("GET", f"{_PROVIDER}/locations/{{location}}/usages", usages, evidence=_KNOWN),
]
