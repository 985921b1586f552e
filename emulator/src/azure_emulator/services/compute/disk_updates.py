# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of disks and snapshots by PUT or PATCH: allowed live, with the machine deallocated, detached, or never.

DiskRP takes changes while others still run; they end in order [recorded]. Recorded: the answers, the failed operation
of a disk that would shrink. Documented: when which property can change. Guessed: the codes and texts of most refusals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import member, object_of
from azure_emulator.services.compute._shared import GIB, begin, doc_of, invalid, not_changeable, set_state, without
from azure_emulator.services.compute._skus import TUNABLE, sku_of
from azure_emulator.services.compute.disk_checks import (
    check_choices,
    check_performance,
    check_properties,
    encryption_of,
)
from azure_emulator.services.compute.disk_resources import SNAPSHOT, Kind, check_no_access, create
from azure_emulator.services.compute.disk_shapes import accepted_body, present, refresh, settable
from azure_emulator.services.compute.origins import requested_size

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

# A data disk can grow under a running machine, but not across this size [documented].
_LIVE_LIMIT = 4096 * GIB
_NEVER = ("incremental", "hyperVGeneration")


def write(kind: Kind, ctx: Context, doc: Doc) -> Reply:
    """Create a disk or snapshot, or change what is there."""
    return _update(ctx, kind, doc) if "properties" in doc else create(ctx, kind, doc)


def _update(ctx: Context, kind: Kind, found: Doc) -> Reply:
    check_choices(ctx)
    sku = sku_of(ctx.body, kind.storage_types, found["sku"]["name"])
    asked = settable(object_of(ctx.body, "properties"), sku["name"])
    size = requested_size(ctx, kind.target)
    _check_unchangeable(found, asked)
    _check_machine(ctx, found, asked, size, sku["name"])
    changes = _changes(ctx, kind, found, asked, size, sku)
    if member(ctx.body, "tags") is not None:
        changes["tags"] = found["tags"]
    # The state does not show that a change is under way [recorded].
    operation = begin(ctx, found, "compute.disk.update", style="disk", version=ctx.api_version, changes=changes)
    told = {**asked, "creationData": found["properties"]["creationData"]}
    extra = {"faultDomain": 0} if kind is SNAPSHOT else {}
    return Reply(202, accepted_body(found, ctx.body, told, extra, ctx.api_version), operation.headers())


def _changes(
    ctx: Context, kind: Kind, found: Doc, asked: dict[str, Any], size: int | None, sku: dict[str, str]
) -> dict[str, Any]:
    """What the operation will write."""
    properties = without(asked, "creationData", "diskSizeGB", "tier")
    encryption = encryption_of(ctx, found["location"])
    if encryption:
        properties["encryption"] = encryption
    whole = {**found["properties"], **properties}
    check_properties(ctx, _new(found, properties), whole, found["location"])
    if kind is not SNAPSHOT:
        known = found["properties"].get("diskSizeGB")
        check_performance(ctx, sku["name"], max(size // GIB, known or 0) if size else known)
    changes: dict[str, Any] = {"properties": properties, "size": size}
    if ctx.body.get("sku"):
        changes["sku"] = sku
    if "tier" in asked and asked["tier"] != found["properties"].get("tier"):
        changes["tier"] = asked["tier"]
    return changes


def _new(found: Doc, asked: dict[str, Any]) -> dict[str, Any]:
    """The properties that differ from what they are; clients send the whole disk back in a PUT."""
    return {name: value for name, value in asked.items() if not _same(found["properties"].get(name), value)}


def _check_unchangeable(found: Doc, asked: dict[str, Any]) -> None:
    """Refuse to change where the disk came from and what it is."""
    properties = found["properties"]
    wanted = asked.get("creationData")
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            if name in properties["creationData"] and not _same(properties["creationData"][name], value):
                raise not_changeable(f"creationData.{name}")
    for name in _NEVER:
        if name in asked and name in properties and not _same(properties[name], asked[name]):
            raise not_changeable(name)
    security, plan = asked.get("securityProfile", {}).get("securityType"), asked.get("purchasePlan")
    if security and properties.get("securityProfile", {}).get("securityType", security) != security:
        raise not_changeable("securityProfile.securityType")
    if plan and properties.get("purchasePlan", plan) != plan:
        raise not_changeable("purchasePlan")


def _check_machine(ctx: Context, found: Doc, asked: dict[str, Any], size: int | None, sku: str) -> None:
    """Refuse what needs the disk's machine deallocated, or the disk detached."""
    owner, running = found.get("managedBy"), not found.get("_vm_deallocated")
    has = found["properties"].get("diskSizeBytes", 0)
    if size is not None and size > has and has:
        check_no_access(ctx, found)
        if owner and running:
            _check_live_growth(found, has, size)
    if sku != found["sku"]["name"]:
        if TUNABLE[0] in (sku, found["sku"]["name"]):
            raise not_changeable("sku.name")
        if owner and running:
            raise _attached(found, "its storage type can change")
    changed = _new(found, asked)
    if owner and running and "encryption" in changed:
        raise _attached(found, "its encryption can change")
    if owner and "maxShares" in changed:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The maxShares of disk '{found['name']}' can change only while it is detached from all VMs.",
        )


def _check_live_growth(found: Doc, has: int, size: int) -> None:
    """OS disks, shared disks and disks that pass 4 TiB grow with the machine deallocated only [documented]."""
    properties = found["properties"]
    crosses = has <= _LIVE_LIMIT < size
    if properties.get("osType") or properties.get("maxShares", 1) > 1 or crosses:
        raise cannot_grow_now()


def cannot_shrink(target: str) -> ArmError:
    """400: no disk is ever made smaller [recorded]."""
    return invalid("Disks or snapshot cannot be resized down.", target)


def cannot_grow_now() -> ArmError:
    """409: the disk's machine must be deallocated first."""
    text = "Disk resizing is allowed only when creating a VM or when the VM is deallocated."
    return ArmError(409, "Conflict", text)


def _attached(found: Doc, what: str) -> ArmError:
    return ArmError(
        409,
        "OperationNotAllowed",
        f"Disk {found['name']} is attached to running VM {found['managedBy']}. Deallocate the VM before {what}.",
    )


def _same(one: Any, other: Any) -> bool:
    """Equality without regard to case, as ids need it; of objects, only what both say counts."""
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_same(one.get(name), value) for name, value in other.items())
    return bool(one == other)


def _unchanged(scope: Scope, args: dict[str, Any], _error: ArmError) -> None:
    set_state(scope, args["id"], "Succeeded")


@effect("compute.disk.update", failed=_unchanged)
def _updated(scope: Scope, args: dict[str, Any]) -> Any:
    doc = doc_of(scope, args)
    changes, properties = args["changes"], doc["properties"]
    size = changes["size"]
    if size is not None and "diskSizeBytes" in properties:
        if size // GIB < properties["diskSizeGB"]:
            raise cannot_shrink("diskSizeGB")
        if size > properties["diskSizeBytes"]:
            properties |= {"diskSizeBytes": size, "diskSizeGB": size // GIB}
    if changes["properties"].get("burstingEnabled") and not properties.get("burstingEnabled"):
        properties["burstingEnabledTime"] = scope.clock.iso()
    properties |= {**changes["properties"], "provisioningState": "Succeeded"}
    if changes["properties"].get("networkAccessPolicy", "AllowPrivate") != "AllowPrivate":
        properties.pop("diskAccessId", None)
    doc |= {name: changes[name] for name in ("tags", "sku") if name in changes}
    if "tier" in changes:
        doc["_tier"] = changes["tier"]
    refresh(doc)
    scope.store.put(doc["id"], doc)
    return present(doc, args["version"])
