# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Availability sets and proximity placement groups: where machines may be put together or apart.

They change nothing here but what is shown and what may be deleted. Documented: shapes, statuses, refusals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.store import public
from azure_emulator.core.values import choice_of, number_of, object_of, text_of
from azure_emulator.services.compute._calls import immediate
from azure_emulator.services.compute._shared import GROUP, find, invalid, not_changeable
from azure_emulator.services.compute.sizes import all_sizes, size_item
from azure_emulator.services.compute.vm_rules import members_of

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc


def _members(scope: Scope, doc: Doc, name: str) -> list[dict[str, str]]:
    return members_of(scope, doc["id"].split("/")[2], name, doc["id"])


# Availability sets -----------------------------------------------------------------------------------------------


def _apply_to_set(ctx: Context, doc: Doc) -> None:
    had = doc.get("properties", {})
    wanted = object_of(ctx.body, "properties")
    updates = _domains(wanted, "platformUpdateDomainCount", had, 5, 20)
    faults = _domains(wanted, "platformFaultDomainCount", had, 2, 3)
    doc["properties"] = {"platformUpdateDomainCount": updates, "platformFaultDomainCount": faults}
    if group := text_of(wanted, "proximityPlacementGroup", "id"):
        doc["properties"]["proximityPlacementGroup"] = {"id": group}
    before = doc.get("sku", {}).get("name", "Classic")
    kind = choice_of(object_of(ctx.body, "sku"), ("Aligned", "Classic"), "name") or before
    if before == "Aligned" and kind == "Classic":
        text = "Changing availability set SKU from 'Aligned' to 'Classic' is not allowed."
        raise ArmError(409, "OperationNotAllowed", text)
    doc["sku"] = {"name": kind}


def _domains(wanted: dict[str, Any], name: str, had: dict[str, Any], default: int, most: int) -> int:
    count = number_of(wanted, name)
    before = had.get(name)
    if count is None:
        return int(before or default)
    if before is not None and count != before:
        raise not_changeable(name)
    if not 1 <= count <= most:
        noun = "fault" if "Fault" in name else "update"
        raise invalid(f"The specified {noun} domain count {count} must fall in the range 1 to {most}.", name)
    return count


def _show_set(ctx: Context, doc: Doc) -> Doc:
    shown = public(doc)
    shown["properties"] = {**shown["properties"], "virtualMachines": _members(ctx, doc, "availabilitySet")}
    return shown


def _check_set_empty(scope: Scope, doc: Doc) -> None:
    if _members(scope, doc, "availabilitySet"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Availability Set '{doc['name']}' cannot be deleted. Before deleting an Availability Set please ensure that it "
            "does not contain any VM.",
        )


def _set_sizes(ctx: Context) -> Reply:
    find(ctx, _SET.collection)
    return Reply(200, {"value": [size_item(size) for size in all_sizes().values()]})


# Proximity placement groups --------------------------------------------------------------------------------------


def _apply_to_group(ctx: Context, doc: Doc) -> None:
    had = doc.get("properties")
    wanted = object_of(ctx.body, "properties")
    kind = choice_of(wanted, ("Standard", "Ultra"), "proximityPlacementGroupType") or "Standard"
    if had and kind != had["proximityPlacementGroupType"]:
        raise not_changeable("proximityPlacementGroup.properties.proximityPlacementGroupType")
    doc["properties"] = {"proximityPlacementGroupType": kind}
    if wanted.get("intent") is not None:
        doc["properties"]["intent"] = object_of(wanted, "intent")
    if ctx.body.get("zones"):
        doc["zones"] = ctx.body["zones"]


def _show_group(ctx: Context, doc: Doc) -> Doc:
    shown = public(doc)
    members = _members(ctx, doc, "proximityPlacementGroup")
    shown["properties"] = {**shown["properties"], **({"virtualMachines": members} if members else {})}
    return shown


def _check_group_empty(scope: Scope, doc: Doc) -> None:
    if _members(scope, doc, "proximityPlacementGroup"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Proximity Placement Group '{doc['name']}' cannot be deleted. Before deleting a Proximity Placement Group please "
            "ensure that it does not contain any resources.",
        )


_SET = immediate(
    "availabilitySets",
    "availabilitySetName",
    _apply_to_set,
    check_unused=_check_set_empty,
    created=200,
    tags_only=True,
    show=_show_set,
)
_GROUP = immediate(
    "proximityPlacementGroups",
    "proximityPlacementGroupName",
    _apply_to_group,
    check_unused=_check_group_empty,
    tags_only=True,
    show=_show_group,
)
ROUTES = [
    *_SET.routes(),
    Route("GET", f"{GROUP}/{_SET.collection}/{{name}}/vmSizes", _set_sizes, evidence=documented("2026-11-25")),
    *_GROUP.routes(),
]
