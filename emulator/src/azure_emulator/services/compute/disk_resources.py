# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create and delete disks and snapshots: they differ in little.

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
from azure_emulator.core.values import flag_of, object_of
from azure_emulator.services.compute import blobs, disk_copies
from azure_emulator.services.compute._data import GRANTS, discard
from azure_emulator.services.compute._shared import accepted, begin, doc_of
from azure_emulator.services.compute._skus import DISK_TYPES, SNAPSHOT_TYPES, sku_of
from azure_emulator.services.compute.disk_checks import (
    PLATFORM_KEY,
    check_choices,
    check_performance,
    check_properties,
    encryption_of,
)
from azure_emulator.services.compute.disk_shapes import (
    accepted_body,
    present,
    refresh,
    settable,
    shows_incremental_size,
    size_in_gb,
)
from azure_emulator.services.compute.origins import Origin, open_origin

if TYPE_CHECKING:
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


def new_properties(ctx: Scope, size: int | None) -> dict[str, Any]:
    """The computed part of a new disk's or snapshot's properties."""
    properties: dict[str, Any] = {
        "encryption": {"type": PLATFORM_KEY},
        "timeCreated": ctx.clock.iso(),
        "provisioningState": "Updating",
        "uniqueId": str(uuid.uuid4()),
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
    }
    if size is not None:
        properties |= {"diskSizeBytes": size}
    return properties


def create(ctx: Context, kind: Kind, doc: Doc) -> Reply:
    """A new disk or snapshot: 202; its bytes are there at once, or fetched while the operation runs."""
    check_choices(ctx)
    sku = sku_of(ctx.body, kind.storage_types, "Standard_LRS")
    encryption = encryption_of(ctx, doc["location"])
    origin = open_origin(ctx, doc["location"], kind.target)
    asked = {**settable(object_of(ctx.body, "properties"), sku["name"]), "creationData": origin.creation}
    doc |= {name: ctx.body[name] for name in _HEAD if ctx.body.get(name)}
    doc["sku"] = sku
    doc["properties"] = {**new_properties(ctx, origin.size), **origin.inherited, **asked}
    if encryption:
        doc["properties"]["encryption"] = encryption
    check_properties(ctx, asked, doc["properties"], doc["location"])
    if kind is DISK:
        check_performance(ctx, sku["name"], None if origin.size is None else size_in_gb(origin.size))
    _remember(ctx, doc, origin, asked)
    if kind is SNAPSHOT:
        _describe_snapshot(ctx, doc)
    refresh(doc)
    ctx.store.put(doc["id"], doc)
    return _started(ctx, doc, origin, asked)


def _remember(ctx: Context, doc: Doc, origin: Origin, asked: dict[str, Any]) -> None:
    """The private part of the document."""
    doc["_pages"] = origin.pages
    if origin.guest_state:
        doc["_guest_state"] = origin.guest_state
    if origin.size is None:
        doc["_awaits_upload"] = True
    if origin.blobs:
        doc["_importing"] = True
    if "tier" in asked:
        doc["_tier"] = asked["tier"]
    if asked.get("burstingEnabled"):
        doc["properties"]["burstingEnabledTime"] = ctx.clock.iso()
    if origin.copy:
        doc["_copy"] = origin.copy
        disk_copies.register(ctx, doc)


def _started(ctx: Context, doc: Doc, origin: Origin, asked: dict[str, Any]) -> Reply:
    extra = {}
    incremental = doc["properties"].get("incremental") and shows_incremental_size(ctx.api_version)
    if origin.blobs or incremental:
        extra["diskSizeBytes"] = origin.size
    name = "compute.disk.import" if origin.blobs else "compute.disk.create"
    operation = begin(ctx, doc, name, style="disk", version=ctx.api_version, blobs=origin.blobs)
    told = {**origin.told, **asked}
    if origin.copy:  # where the source is, is not known here yet [recorded]
        told["creationData"] = {k: v for k, v in origin.creation.items() if k != "sourceUniqueId"}
    return Reply(202, accepted_body(doc, ctx.body, told, extra, ctx.api_version), operation.headers())


def _describe_snapshot(ctx: Context, doc: Doc) -> None:
    properties = doc["properties"]
    properties["incremental"] = bool(flag_of(ctx.body, "properties", "incremental"))
    copy = doc.get("_copy")
    if copy and not properties["incremental"]:
        raise disk_copies.not_incremental()
    if properties["incremental"]:
        # All incremental snapshots of one disk form a family.
        source = properties["creationData"].get("sourceUniqueId", "")
        family = disk_copies.family_of_copy(copy) if copy else str(uuid.uuid5(uuid.NAMESPACE_OID, source))
        properties["incrementalSnapshotFamilyId"] = family


def delete(ctx: Context, found: Doc) -> Reply:
    """202; refused while attached or while a SAS is active."""
    check_deletable(ctx, found)
    return accepted(begin(ctx, found, "compute.disk.delete", style="disk"))


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


def forget_grant(scope: Scope, grant: dict[str, Any]) -> None:
    """Make the SAS of a grant and that of its guest state worthless."""
    for key in (grant["container"], grant.get("guest_state")):
        if key:
            scope.store.kv_delete(GRANTS, key)


def remove(scope: Scope, doc: Doc) -> None:
    """Forget a disk or snapshot, its bytes, and who may read them."""
    if grant := doc.get("_grant"):
        forget_grant(scope, grant)
    disk_copies.forget(scope, doc)
    discard(scope, doc)
    scope.store.delete(doc["id"])


@effect("compute.disk.create")
def _created(scope: Scope, args: dict[str, Any]) -> Any:
    doc = doc_of(scope, args)
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)
    return present(doc, args["version"])


@effect("compute.disk.import", work=blobs.fetch)
def _imported(scope: Scope, args: dict[str, Any]) -> Any:
    doc = doc_of(scope, args)
    doc.pop("_importing", None)
    scope.store.put(doc["id"], doc)
    return _created(scope, args)


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
