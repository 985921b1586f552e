# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that disks and snapshots have in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from azure_emulator.core import hooks
from azure_emulator.core.routing import Route, documented, recorded
from azure_emulator.services.compute import access, disk_copies, disk_resources, disk_updates
from azure_emulator.services.compute._shared import GROUP, SUBSCRIPTION, getter, lister
from azure_emulator.services.compute.disk_shapes import present

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.disk_resources import Kind


def _present(ctx: Context, doc: Doc) -> Doc:
    now = ctx.clock.now()
    return present(disk_copies.shown(access.shown(doc, now), now), ctx.api_version)


def routes(kind: Kind) -> list[Route]:
    """All routes of a kind; also makes the deletion of a group take its resources along."""
    hooks.cascade[f"microsoft.compute/{kind.collection}"] = disk_resources.forget
    collection = f"{GROUP}/{kind.collection}"
    one = f"{collection}/{{name}}"
    show_all = lister(kind.collection, _present)
    seen, known = recorded("2026-11-25"), documented("2026-11-25")
    # The recordings delete, list and grant access to disks only.
    disks = seen if kind.collection == "disks" else known
    return [
        Route("PUT", one, partial(disk_updates.put, kind=kind), evidence=seen),
        Route("PATCH", one, partial(disk_updates.patch, kind=kind), evidence=known),
        Route("GET", one, getter(kind.collection, _present), evidence=seen),
        Route("DELETE", one, partial(disk_resources.delete, kind=kind), evidence=disks),
        Route("GET", collection, show_all, evidence=disks),
        Route("GET", f"{SUBSCRIPTION}/{kind.collection}", show_all, evidence=known),
        Route("POST", f"{one}/beginGetAccess", partial(access.begin, kind=kind), evidence=disks),
        Route("POST", f"{one}/endGetAccess", partial(access.end, kind=kind), evidence=disks),
    ]
