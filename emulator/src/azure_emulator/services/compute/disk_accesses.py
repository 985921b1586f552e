# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk accesses, through which private endpoints reach disks: `Microsoft.Compute/diskAccesses`.

There are no private endpoints here: their lists are empty. Recorded (2025): create, read, list; documented: the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.compute._shared import GROUP, find
from azure_emulator.services.compute.companions import Companion

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_ONE = f"{GROUP}/diskAccesses/{{name}}"
_CHECKED = "2026-11-25"


def _apply(ctx: Context, doc: Doc) -> None:
    doc["properties"].setdefault("timeCreated", ctx.clock.iso())
    if ctx.body.get("extendedLocation"):
        doc["extendedLocation"] = ctx.body["extendedLocation"]


def _accept(ctx: Context, doc: Doc) -> Doc:
    """The head and what was asked for; properties only when the request had some, even none [recorded in 2025]."""
    body = {name: doc[name] for name in ("name", "id", "type", "location")}
    if ctx.body.get("tags") is not None:
        body["tags"] = ctx.body["tags"]
    if ctx.body.get("properties") is not None:
        body["properties"] = {}
    return body


def _private_links(ctx: Context) -> Reply:
    """What a private endpoint can be connected to."""
    identity = find(ctx, "diskAccesses")["id"]
    group = {
        "id": f"{identity}/privateLinkResources/disks",
        "name": "disks",
        "type": "Microsoft.Compute/diskAccesses/privateLinkResources",
        "properties": {
            "groupId": "disks",
            "requiredMembers": ["diskAccess_1"],
            "requiredZoneNames": ["privatelink.blob.core.windows.net"],
        },
    }
    return Reply(200, {"value": [group]})


def _connections(ctx: Context) -> Reply:
    find(ctx, "diskAccesses")
    return Reply(200, {"value": []})


DISK_ACCESS = Companion("diskAccesses", "diskAccessName", _apply, _accept, (("diskAccessId",),))
ROUTES = [
    *DISK_ACCESS.routes(),
    Route("GET", f"{_ONE}/privateLinkResources", _private_links, evidence=documented(_CHECKED)),
    Route("GET", f"{_ONE}/privateEndpointConnections", _connections, evidence=documented(_CHECKED)),
]
