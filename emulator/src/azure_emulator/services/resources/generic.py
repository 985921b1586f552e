# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources whatever their type: lists, moves (refused), a group as a template."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import list_of
from azure_emulator.services.resources import filters, groups

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_SUMMARY = ("id", "name", "type", "kind", "location", "sku", "tags", "zones", "managedBy", "identity", "plan")
_GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_SCHEMA = "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"


def list_resources(ctx: Context) -> Reply:
    """Resources of a subscription or group, filtered by ``$filter``; ``$expand`` adds times and states."""
    wanted = ctx.query.get("$filter", "")
    expanded = (
        set() if filters.names_tag(wanted) else {part.strip() for part in ctx.query.get("$expand", "").split(",")}
    )
    return paged(
        ctx,
        size=1000,
        show=lambda doc: _summary(ctx, doc, expanded, tags=not filters.names_tag(wanted)),
        keep=lambda doc: doc["type"] != _GROUP_TYPE and "location" in doc and filters.passes(doc, wanted),
    )


def list_group_resources(ctx: Context) -> Reply:
    groups.find(ctx)
    return list_resources(ctx)


def move(ctx: Context) -> Reply:
    """Nothing can be moved to another group or subscription here."""
    groups.find(ctx)
    resources = [str(item) for item in list_of(ctx.body, "resources")]
    if not resources:
        raise ArmError(400, "MoveResourcesHasInvalidRequestBody", "The resources to move must be specified.")
    raise ArmError(
        409,
        "ResourceMoveProviderValidationFailed",
        "Resource move validation failed. Please see details.",
        details=[
            {
                "code": "ResourceMoveNotSupported",
                "target": resource,
                "message": f"Resource move is not supported for resource '{resource[:200]}'.",
            }
            for resource in resources
        ],
    )


def export_template(ctx: Context) -> Reply:
    """The group's resources as a template with their names and properties as they are."""
    group = groups.find(ctx)
    docs = ctx.store.list(subscription=ctx.subscription, group=ids.parse(group["id"]).group)
    wanted = {str(item).lower() for item in list_of(ctx.body, "resources")}
    chosen = [
        d for d in docs if d["type"] != _GROUP_TYPE and ("*" in wanted or not wanted or d["id"].lower() in wanted)
    ]
    template = {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {},
        "variables": {},
        "resources": [_template(doc) for doc in chosen],
    }
    return Reply(200, {"template": template})


def _template(doc: Doc) -> dict[str, Any]:
    names = ids.parse(doc["id"]).names
    shown: Doc = {key: doc[key] for key in ("location", "tags", "sku", "kind", "zones", "identity") if key in doc}
    properties = {key: value for key, value in doc.get("properties", {}).items() if key != "provisioningState"}
    return {"type": doc["type"], "apiVersion": "2024-07-01", "name": "/".join(names), **shown, "properties": properties}


def _summary(ctx: Context, doc: Doc, expanded: set[str], *, tags: bool) -> Doc:
    shown = {key: doc[key] for key in _SUMMARY if key in doc and (tags or key != "tags")}
    if expanded & {"createdTime", "changedTime"}:
        sql = "SELECT created, changed FROM resources WHERE id_lower = ?"
        row = ctx.store.read(sql, doc["id"].lower()).fetchone()
        times = dict(zip(("createdTime", "changedTime"), row or (), strict=False))
        shown |= {key: _time(value) for key, value in times.items() if key in expanded}
    if "provisioningState" in expanded:
        state = doc.get("properties", {}).get("provisioningState")
        shown |= {"provisioningState": state} if state else {}
    return shown


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", f"{_GROUP}/resources", list_group_resources, evidence=_KNOWN, waits=True),
    Route("GET", "/subscriptions/{subscription}/resources", list_resources, evidence=_KNOWN, waits=True),
    Route("POST", f"{_GROUP}/moveResources", move),
    Route("POST", f"{_GROUP}/validateMoveResources", move),
    Route("POST", f"{_GROUP}/exportTemplate", export_template, reading=True),
]
