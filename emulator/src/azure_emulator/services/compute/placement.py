# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Availability sets and proximity placement groups: where machines may be put together or apart.

They change nothing here but what is shown and what may be deleted. Documented: shapes, statuses, refusals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, number_of, object_of, tags_of, text_of
from azure_emulator.services.compute._shared import (
    GROUP,
    SUBSCRIPTION,
    check_location,
    find,
    getter,
    lister,
    new_resource,
    resource_id,
    visible,
)
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.sizes import all_sizes, size_item
from azure_emulator.services.compute.vm_rules import members_of

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_SETS = "availabilitySets"
_GROUPS = "proximityPlacementGroups"


def _members(scope: Scope, doc: Doc, name: str) -> list[dict[str, str]]:
    return members_of(scope, doc["id"].split("/")[2], name, doc["id"])


# Availability sets -----------------------------------------------------------------------------------------------


def _put_set(ctx: Context) -> Reply:
    check_types(ctx.body)
    found = ctx.store.get(resource_id(ctx, _SETS))
    if found is not None:
        check_location(ctx, found)
    doc = found or new_resource(ctx, _SETS, "availabilitySetName")
    had = doc.get("properties", {})
    wanted = object_of(ctx.body, "properties")
    updates = _domains(wanted, "platformUpdateDomainCount", had, 5, 20)
    faults = _domains(wanted, "platformFaultDomainCount", had, 2, 3)
    doc["properties"] = {"platformUpdateDomainCount": updates, "platformFaultDomainCount": faults}
    if group := text_of(wanted, "proximityPlacementGroup", "id"):
        doc["properties"]["proximityPlacementGroup"] = {"id": group}
    kind = choice_of(object_of(ctx.body, "sku"), ("Aligned", "Classic"), "name") or doc.get("sku", {}).get(
        "name", "Classic"
    )
    if doc.get("sku", {}).get("name") == "Aligned" and kind == "Classic":
        text = "Changing availability set SKU from 'Aligned' to 'Classic' is not allowed."
        raise ArmError(409, "OperationNotAllowed", text)
    doc["sku"] = {"name": kind}
    _set_tags(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return Reply(200, _show_set(ctx, doc))


def _domains(wanted: dict[str, Any], name: str, had: dict[str, Any], default: int, most: int) -> int:
    count = number_of(wanted, name)
    before = had.get(name)
    if count is None:
        return int(before or default)
    if before is not None and count != before:
        raise ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", name)
    if not 1 <= count <= most:
        noun = "fault" if "Fault" in name else "update"
        text = f"The specified {noun} domain count {count} must fall in the range 1 to {most}."
        raise ArmError(400, "InvalidParameter", text, name)
    return count


def _set_tags(ctx: Context, doc: Doc) -> None:
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags


def _patch_set(ctx: Context) -> Reply:
    doc = find(ctx, _SETS)
    _set_tags(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return Reply(200, _show_set(ctx, doc))


def _show_set(ctx: Context, doc: Doc) -> Doc:
    shown = visible(doc)
    shown["properties"] = {**shown["properties"], "virtualMachines": _members(ctx, doc, "availabilitySet")}
    return shown


def _delete_set(ctx: Context) -> Reply:
    doc = ctx.store.get(resource_id(ctx, _SETS))
    if doc is None:
        return Reply(204)
    _check_set_empty(ctx, doc)
    ctx.store.delete(doc["id"])
    return Reply(200)


def _check_set_empty(scope: Scope, doc: Doc) -> None:
    if _members(scope, doc, "availabilitySet"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Availability Set '{doc['name']}' cannot be deleted. Before deleting an Availability Set please ensure that it "
            "does not contain any VM.",
        )


def _set_sizes(ctx: Context) -> Reply:
    find(ctx, _SETS)
    return Reply(200, {"value": [size_item(size) for size in all_sizes().values()]})


# Proximity placement groups --------------------------------------------------------------------------------------


def _put_group(ctx: Context) -> Reply:
    check_types(ctx.body)
    found = ctx.store.get(resource_id(ctx, _GROUPS))
    if found is not None:
        check_location(ctx, found)
    doc = found or new_resource(ctx, _GROUPS, "proximityPlacementGroupName")
    wanted = object_of(ctx.body, "properties")
    kind = choice_of(wanted, ("Standard", "Ultra"), "proximityPlacementGroupType") or "Standard"
    if found and kind != found["properties"]["proximityPlacementGroupType"]:
        text = "Changing property 'proximityPlacementGroup.properties.proximityPlacementGroupType' is not allowed."
        raise ArmError(409, "PropertyChangeNotAllowed", text)
    doc["properties"] = {"proximityPlacementGroupType": kind}
    if wanted.get("intent") is not None:
        doc["properties"]["intent"] = object_of(wanted, "intent")
    if ctx.body.get("zones"):
        doc["zones"] = ctx.body["zones"]
    _set_tags(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return Reply(200 if found else 201, _show_group(ctx, doc))


def _patch_group(ctx: Context) -> Reply:
    doc = find(ctx, _GROUPS)
    _set_tags(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return Reply(200, _show_group(ctx, doc))


def _show_group(ctx: Context, doc: Doc) -> Doc:
    shown = visible(doc)
    members = _members(ctx, doc, "proximityPlacementGroup")
    shown["properties"] = {**shown["properties"], **({"virtualMachines": members} if members else {})}
    return shown


def _delete_group(ctx: Context) -> Reply:
    doc = ctx.store.get(resource_id(ctx, _GROUPS))
    if doc is None:
        return Reply(204)
    _check_group_empty(ctx, doc)
    ctx.store.delete(doc["id"])
    return Reply(200)


def _check_group_empty(scope: Scope, doc: Doc) -> None:
    if _members(scope, doc, "proximityPlacementGroup"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Proximity Placement Group '{doc['name']}' cannot be deleted. Before deleting a Proximity Placement Group please "
            "ensure that it does not contain any resources.",
        )


hooks.cascade[f"microsoft.compute/{_SETS}".lower()] = _check_set_empty
hooks.cascade[f"microsoft.compute/{_GROUPS}".lower()] = _check_group_empty

_KNOWN = documented("2026-11-25")
_SET, _GROUP = f"{GROUP}/{_SETS}/{{name}}", f"{GROUP}/{_GROUPS}/{{name}}"
ROUTES = [
    Route("PUT", _SET, _put_set, evidence=_KNOWN),
    Route("PATCH", _SET, _patch_set, evidence=_KNOWN),
    Route("GET", _SET, getter(_SETS, _show_set), evidence=_KNOWN),
    Route("DELETE", _SET, _delete_set, evidence=_KNOWN),
    Route("GET", f"{_SET}/vmSizes", _set_sizes, evidence=_KNOWN),
    Route("GET", f"{GROUP}/{_SETS}", lister(_SETS, _show_set), evidence=_KNOWN),
    Route("GET", f"{SUBSCRIPTION}/{_SETS}", lister(_SETS, _show_set), evidence=_KNOWN),
    Route("PUT", _GROUP, _put_group, evidence=_KNOWN),
    Route("PATCH", _GROUP, _patch_group, evidence=_KNOWN),
    Route("GET", _GROUP, getter(_GROUPS, _show_group), evidence=_KNOWN),
    Route("DELETE", _GROUP, _delete_group, evidence=_KNOWN),
    Route("GET", f"{GROUP}/{_GROUPS}", lister(_GROUPS, _show_group), evidence=_KNOWN),
    Route("GET", f"{SUBSCRIPTION}/{_GROUPS}", lister(_GROUPS, _show_group), evidence=_KNOWN),
]
