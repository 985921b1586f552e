# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ManagedIdentity: user assigned identities. Shapes are those of published traffic (2022/23)."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from azure_emulator.core import ids, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import tags_of, text_of

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
_NAME = re.compile(r"[A-Za-z0-9][\w-]{2,127}", re.ASCII)


def put(ctx: Context) -> Reply:
    """201 with a Location that is only a path [published traffic]; 200 when it exists."""
    name, group = ctx.ids["name"], ctx.ids["group"]
    if not _NAME.fullmatch(name):
        raise ArmError(
            400,
            "InvalidResourceName",
            f"Resource name '{name[:130]}' is invalid. The name must start with a letter or number, have 3 to 128 "
            "characters and contain only letters, numbers, '-' and '_'.",
        )
    location = locations.check(text_of(ctx.body, "location"), TYPE)
    found = ctx.store.get(ids.resource_id(ctx.subscription, group, TYPE, name))
    if found:
        locations.check_unmoved(found["location"], location, name, group)
    # Its ids have a small "resourcegroups" [published traffic].
    identity = f"/subscriptions/{ctx.subscription}/resourcegroups/{group}/providers/{TYPE}/{name}"
    tenant = ctx.principal.tenant if ctx.principal else ""
    doc: Doc = found or {
        "id": identity,
        "name": name,
        "type": TYPE,
        "location": location,
        "tags": {},
        "properties": {"tenantId": tenant, "principalId": str(uuid.uuid4()), "clientId": str(uuid.uuid4())},
    }
    doc["tags"] = tags_of(ctx.body) or {}
    ctx.store.put(doc["id"], doc)
    return Reply(200, doc) if found else Reply(201, doc, {"Location": doc["id"]})


def patch(ctx: Context) -> Reply:
    doc = _find(ctx)
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    ctx.store.put(doc["id"], doc)
    return Reply(200, doc)


def get(ctx: Context) -> Reply:
    return Reply(200, _find(ctx))


def delete(ctx: Context) -> Reply:
    found = ctx.store.delete(ids.resource_id(ctx.subscription, ctx.ids["group"], TYPE, ctx.ids["name"]))
    return Reply(200 if found else 204)


def list_identities(ctx: Context) -> Reply:
    return paged(ctx, type=TYPE)


def list_associated(ctx: Context) -> Reply:
    """Resources of the subscription that have the identity."""
    own = _find(ctx)["id"].lower()
    using = [
        doc
        for doc in ctx.store.list(subscription=ctx.subscription)
        if own in (name.lower() for name in doc.get("identity", {}).get("userAssignedIdentities", {}))
    ]
    shown = [
        {"id": d["id"], "name": d["name"], "type": d["type"], "resourceGroup": ids.parse(d["id"]).group} for d in using
    ]
    return Reply(200, {"totalCount": len(shown), "value": shown})


def _find(ctx: Context) -> Doc:
    doc = ctx.store.get(ids.resource_id(ctx.subscription, ctx.ids["group"], TYPE, ctx.ids["name"]))
    if doc is None:
        raise resource_not_found(TYPE, [ctx.ids["name"]], ctx.ids["group"])
    return doc


_ALL = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}"
_ONE = f"{_ALL}/{{name}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", f"/subscriptions/{{subscription}}/providers/{TYPE}", list_identities, evidence=_KNOWN),
    Route("GET", _ALL, list_identities, evidence=_KNOWN),
    Route("PUT", _ONE, put, evidence=_KNOWN),
    Route("PATCH", _ONE, patch, evidence=_KNOWN),
    Route("GET", _ONE, get, evidence=_KNOWN),
    Route("DELETE", _ONE, delete, evidence=_KNOWN),
    Route("POST", f"{_ONE}/listAssociatedResources", list_associated, reading=True, evidence=_KNOWN, waits=True),
]
