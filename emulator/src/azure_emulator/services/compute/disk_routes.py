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
from azure_emulator.services.compute._calls import Resource
from azure_emulator.services.compute._shared import GROUP
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
    resource = Resource(
        kind.collection,
        f"{kind.target}Name",
        partial(disk_updates.write, kind),
        disk_resources.delete,
        show=_present,
    )
    # The recordings delete, list and grant access to disks only.
    recorded_too = kind is disk_resources.DISK
    evidence = (recorded if recorded_too else documented)("2026-11-25")
    one = f"{GROUP}/{kind.collection}/{{name}}"
    return [
        *resource.routes("PUT", "GET", *(("DELETE", "LIST") if recorded_too else ())),
        Route("POST", f"{one}/beginGetAccess", partial(access.begin_access, kind=kind), evidence=evidence),
        Route("POST", f"{one}/endGetAccess", partial(access.end_access, kind=kind), evidence=evidence),
    ]
