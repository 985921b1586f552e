# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create, update and delete disks and snapshots: they differ in little.

DiskRP answers every write with 202 and takes writes while others still run; they end in order [recorded].
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import choice_of, flag_of, object_of, tags_of
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._data import GRANTS, discard, page_store
from azure_emulator.services.compute._shared import (
    GIB,
    accepted,
    check_location,
    find,
    new_resource,
    resource_id,
    without,
)
from azure_emulator.services.compute._skus import DISK_TYPES, SNAPSHOT_TYPES, sku_of
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.disk_shapes import (
    accepted_body,
    present,
    refresh,
    settable,
    shows_incremental_size,
)
from azure_emulator.services.compute.origins import open_origin, requested_size

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.store import Doc

_HEAD = ("zones", "extendedLocation")


@dataclass(frozen=True)
class Kind:
    """What differs: the collection's name, the parameter's name in errors, the storage types."""

    collection: str
    target: str
    storage_types: tuple[str, ...]


DISK = Kind("disks", "disk", DISK_TYPES)
SNAPSHOT = Kind("snapshots", "snapshot", SNAPSHOT_TYPES)


def put(ctx: Context, kind: Kind) -> Reply:
    """Create, or update what is there."""
    check_types(ctx.body)
    found = ctx.store.get(resource_id(ctx, kind.collection))
    if found is None:
        return _create(ctx, kind)
    check_location(ctx, found)
    return _update(ctx, kind, found)


def patch(ctx: Context, kind: Kind) -> Reply:
    """Update some properties."""
    check_types(ctx.body)
    return _update(ctx, kind, find(ctx, kind.collection))


def new_properties(ctx: Scope, size: int | None) -> dict[str, Any]:
    """The computed part of a new disk's or snapshot's properties."""
    properties: dict[str, Any] = {
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "timeCreated": ctx.clock.iso(),
        "provisioningState": "Updating",
        "uniqueId": str(uuid.uuid4()),
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
    }
    if size is not None:
        properties |= {"diskSizeBytes": size}
    return properties


def _create(ctx: Context, kind: Kind) -> Reply:
    doc = new_resource(ctx, kind.collection, f"{kind.target}Name")
    tags = tags_of(ctx.body)
    _check_values(ctx)
    sku = sku_of(ctx.body, kind.storage_types, "Standard_LRS")
    origin = open_origin(ctx, doc["location"], kind.target)
    asked = {**origin.inherited, **settable(object_of(ctx.body, "properties")), "creationData": origin.creation}
    doc |= {name: ctx.body[name] for name in _HEAD if ctx.body.get(name)}
    if tags is not None:
        doc["tags"] = tags
    doc["sku"] = sku
    doc["properties"] = {**new_properties(ctx, origin.size), **asked}
    doc["_pages"] = origin.pages
    if origin.size is None:
        doc["_awaits_upload"] = True
    if kind is SNAPSHOT:
        _describe_snapshot(ctx, doc)
    refresh(doc)
    ctx.store.put(doc["id"], doc)
    extra = {}
    incremental = kind is SNAPSHOT and doc["properties"]["incremental"] and shows_incremental_size(ctx.api_version)
    if origin.blob or incremental:
        extra["diskSizeBytes"] = origin.size
    args = {"id": doc["id"], "version": ctx.api_version, "blob": origin.blob, "pages": origin.pages}
    name = "compute.disk.import" if origin.blob else "compute.disk.create"
    operation = ctx.operations.start("disk", doc["location"], name, args, doc["id"])
    return Reply(202, accepted_body(doc, ctx.body, asked, extra), operation.headers())


def _describe_snapshot(ctx: Context, doc: Doc) -> None:
    properties = doc["properties"]
    properties["incremental"] = bool(flag_of(ctx.body, "properties", "incremental"))
    if properties["incremental"]:
        # All incremental snapshots of one disk form a family.
        source = properties["creationData"].get("sourceUniqueId", "")
        properties["incrementalSnapshotFamilyId"] = str(uuid.uuid5(uuid.NAMESPACE_OID, source))
    if properties["creationData"]["createOption"] == "CopyStart":
        if not properties["incremental"]:
            raise ArmError(
                400,
                "InvalidParameter",
                "CreateOption 'CopyStart' is only allowed for incremental snapshots.",
                "creationData.createOption",
            )
        properties["completionPercent"] = 100.0


def _check_values(ctx: Context) -> None:
    choice_of(ctx.body, ("Windows", "Linux"), "properties", "osType")
    choice_of(ctx.body, ("V1", "V2"), "properties", "hyperVGeneration")
    choice_of(ctx.body, ("AllowAll", "AllowPrivate", "DenyAll"), "properties", "networkAccessPolicy")


def _update(ctx: Context, kind: Kind, found: Doc) -> Reply:
    _check_values(ctx)
    tags = tags_of(ctx.body)
    properties = settable(object_of(ctx.body, "properties"))
    _check_creation_data(found, properties.get("creationData"))
    properties["creationData"] = found["properties"]["creationData"]
    size = requested_size(ctx, kind.target)
    if size is not None and size > found["properties"].get("diskSizeBytes", size):
        _check_growable(found)
    changes: dict[str, Any] = {"properties": without(properties, "creationData", "diskSizeGB"), "size": size}
    if tags is not None:
        changes["tags"] = tags
    if ctx.body.get("sku"):
        changes["sku"] = sku_of(ctx.body, kind.storage_types, found["sku"]["name"])
    found["properties"]["provisioningState"] = "Updating"
    ctx.store.put(found["id"], found)
    args = {"id": found["id"], "version": ctx.api_version, "changes": changes}
    operation = ctx.operations.start("disk", found["location"], "compute.disk.update", args, found["id"])
    extra = {"faultDomain": 0} if kind is SNAPSHOT else {}
    return Reply(202, accepted_body(found, ctx.body, properties, extra), operation.headers())


def _check_creation_data(found: Doc, wanted: Any) -> None:
    if not isinstance(wanted, dict):
        return
    for name, value in wanted.items():
        if name in found["properties"]["creationData"] and not _same(found["properties"]["creationData"][name], value):
            raise ArmError(
                409,
                "PropertyChangeNotAllowed",
                f"Changing property 'creationData.{name}' is not allowed.",
                f"creationData.{name}",
            )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other)


def _check_growable(found: Doc) -> None:
    if found.get("managedBy") and not found.get("_vm_deallocated"):
        raise ArmError(
            409, "Conflict", "Disk resizing is allowed only when creating a VM or when the VM is deallocated."
        )


def delete(ctx: Context, kind: Kind) -> Reply:
    """202, or 204 when there is nothing; refused while attached or while a SAS is active."""
    found = ctx.store.get(resource_id(ctx, kind.collection))
    if found is None:
        return Reply(204)
    check_deletable(ctx, found)
    operation = ctx.operations.start("disk", found["location"], "compute.disk.delete", {"id": found["id"]}, found["id"])
    return accepted(operation)


def check_deletable(ctx: Scope, found: Doc) -> None:
    """Refuse to delete a disk that is in use [recorded]."""
    if found.get("managedBy"):
        raise ArmError(409, "OperationNotAllowed", f"Disk {found['name']} is attached to VM {found['managedBy']}.")
    check_no_access(ctx, found)


def check_no_access(ctx: Scope, found: Doc) -> None:
    """Refuse to delete or attach a disk while a SAS is active [recorded]."""
    grant = found.get("_grant")
    if grant and grant["expires"] > ctx.clock.now():
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"There is an active shared access signature outstanding for disk {found['name']}. "
            "Call EndGetAccess before attaching or deleting the disk. Learn more here: aka.ms/revokeaccessapi.",
        )


def remove(scope: Scope, doc: Doc) -> None:
    """Forget a disk or snapshot, its bytes, and who may read them."""
    if grant := doc.get("_grant"):
        scope.store.kv_delete(GRANTS, grant["container"])
    discard(scope, doc)
    scope.store.delete(doc["id"])


@effect("compute.disk.create")
def _created(scope: Scope, args: dict[str, Any]) -> Any:
    doc = _present_doc(scope, args)
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)
    return present(doc, args["version"])


def _fetch(data_dir: Path, args: dict[str, Any]) -> None:
    blobs.fetch(data_dir, page_store(data_dir), args["pages"], args["blob"])


@effect("compute.disk.import", work=_fetch)
def _imported(scope: Scope, args: dict[str, Any]) -> Any:
    return _created(scope, args)


def _unchanged(scope: Scope, args: dict[str, Any], _error: ArmError) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        doc["properties"]["provisioningState"] = "Succeeded"
        scope.store.put(doc["id"], doc)


@effect("compute.disk.update", failed=_unchanged)
def _updated(scope: Scope, args: dict[str, Any]) -> Any:
    doc = _present_doc(scope, args)
    changes, properties = args["changes"], doc["properties"]
    size = changes["size"]
    if size is not None and "diskSizeBytes" in properties:
        if size // GIB < properties["diskSizeGB"]:
            raise ArmError(400, "InvalidParameter", "Disks or snapshot cannot be resized down.", "diskSizeGB")
        if size > properties["diskSizeBytes"]:
            properties |= {"diskSizeBytes": size, "diskSizeGB": size // GIB}
    properties |= {**changes["properties"], "provisioningState": "Succeeded"}
    doc |= {name: changes[name] for name in ("tags", "sku") if name in changes}
    refresh(doc)
    scope.store.put(doc["id"], doc)
    return present(doc, args["version"])


@effect("compute.disk.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        check_deletable(scope, doc)
        remove(scope, doc)


def forget(scope: Scope, doc: Doc) -> None:
    """Deletion with the group: a machine of the same group does not matter, a SAS does [recorded]."""
    owner = doc.get("managedBy")
    if owner and arm_ids.parse(owner).group.lower() != arm_ids.parse(doc["id"]).group.lower():
        check_deletable(scope, doc)
    check_no_access(scope, doc)
    scope.operations.cancel(doc["id"])
    remove(scope, doc)


def _present_doc(scope: Scope, args: dict[str, Any]) -> Doc:
    doc = scope.store.get(args["id"])
    if doc is None:
        raise ArmError(404, "NotFound", "The entity was not found in this Azure location.")
    return doc
