# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blob services and containers as resources. Containers are those of the blob server itself. [documented shapes]"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core.certificates import Certificates
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, object_of
from azure_emulator.services.storage import accounts, blobs
from azure_emulator.services.storage.blob_server import REMEDY
from azure_emulator.services.storage.blobs import TYPE
from azure_emulator.services.storage.containers import Containers
from azure_emulator.services.storage.missing import PREFIX

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_SERVICE = f"{TYPE}/blobServices"
_CONTAINER = f"{_SERVICE}/containers"
_NAME = re.compile(r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]|\$root|\$web")
_ACCESS = ("None", "Blob", "Container")


def get_service(ctx: Context) -> Reply:
    account = accounts.find(ctx)
    kept = account.get("_blobService", {})
    properties = {
        "cors": {"corsRules": []},
        "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
    } | kept
    return Reply(200, {"sku": account["sku"], **_service(account), "properties": properties})


def put_service(ctx: Context) -> Reply:
    account = accounts.find(ctx)
    account["_blobService"] = account.get("_blobService", {}) | object_of(ctx.body, "properties")
    ctx.store.put(account["id"], account)
    return Reply(200, {**_service(account), "properties": account["_blobService"]})


def list_containers(ctx: Context) -> Reply:
    account = accounts.find(ctx)
    found = _containers(ctx, account).listed()
    return Reply(200, {"value": [_present(account, entry, whole=True) for entry in found]})


def put_container(ctx: Context) -> Reply:
    """201 for a new one; 200 when it exists: who may read it does not change then."""
    account, name = accounts.find(ctx), _checked(ctx.ids["container"])
    access = choice_of(ctx.body, _ACCESS, "properties", "publicAccess") or "None"
    if access != "None" and not account["properties"]["allowBlobPublicAccess"]:
        raise ArmError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
    made = _containers(ctx, account).make(name, access)
    entry = _find(ctx, account, name) or {"name": name, "access": access}
    return Reply(201 if made else 200, _present(account, entry, whole=False))


def get_container(ctx: Context) -> Reply:
    account = accounts.find(ctx)
    entry = _find(ctx, account, ctx.ids["container"])
    if entry is None:
        raise ArmError(404, "ContainerNotFound", "The specified container does not exist.")
    return Reply(200, _present(account, entry, whole=True), {"ETag": entry["etag"]})


def delete_container(ctx: Context) -> Reply:
    account, name = accounts.find(ctx), ctx.ids["container"]
    if _find(ctx, account, name) is None:
        return Reply(204)
    _containers(ctx, account).remove(name)
    return Reply(200)


def _find(ctx: Context, account: Doc, name: str) -> dict[str, str] | None:
    return next((entry for entry in _containers(ctx, account).listed() if entry["name"] == name), None)


def _containers(ctx: Context, account: Doc) -> Containers:
    url = blobs.endpoint(ctx, account["name"])
    if PREFIX in url:
        raise ArmError(503, "ServiceUnavailable", REMEDY)
    return Containers(Certificates(ctx.data_dir).authority, url, account)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ArmError(
            400,
            "ContainerOperationFailure",
            "The specified resource name contains invalid characters or its length is not within the permissible limits.",
        )
    return name


def _service(account: Doc) -> dict[str, Any]:
    return {"id": f"{account['id']}/blobServices/default", "name": "default", "type": _SERVICE}


def _present(account: Doc, entry: dict[str, str], *, whole: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "deleted": False,
        "remainingRetentionDays": 0,
        "defaultEncryptionScope": "$account-encryption-key",
        "denyEncryptionScopeOverride": False,
        "publicAccess": entry["access"],
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
    }
    identity = f"{account['id']}/blobServices/default/containers/{entry['name']}"
    shown = {"id": identity, "name": entry["name"], "type": _CONTAINER}
    if not whole:
        return shown | {"properties": properties}
    properties |= {"leaseStatus": "Unlocked", "leaseState": "Available", "lastModifiedTime": entry["modified"]}
    return shown | {"etag": entry["etag"], "properties": properties}


_DEFAULT = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}/{{name}}/blobServices/default"
_ONE = f"{_DEFAULT}/containers/{{container}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", _DEFAULT, get_service, evidence=_KNOWN),
    Route("PUT", _DEFAULT, put_service, evidence=_KNOWN),
    Route("GET", f"{_DEFAULT}/containers", list_containers, evidence=_KNOWN, waits=True),
    Route("PUT", _ONE, put_container, evidence=_KNOWN),
    Route("GET", _ONE, get_container, evidence=_KNOWN, waits=True),
    Route("DELETE", _ONE, delete_container, evidence=_KNOWN),
]
