# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that disks and snapshots have in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from azure_emulator.core import hooks
from azure_emulator.core.routing import Route
from azure_emulator.services.compute import access, disk_resources
from azure_emulator.services.compute._shared import GROUP, SUBSCRIPTION, getter, lister
from azure_emulator.services.compute.disk_shapes import present

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.disk_resources import Kind


def _present(ctx: Context, doc: Doc) -> Doc:
    return present(access.shown(doc, ctx.clock.now()), ctx.api_version)


def routes(kind: Kind) -> list[Route]:
    """All routes of a kind; also makes the deletion of a group take its resources along."""
    hooks.cascade[f"microsoft.compute/{kind.collection}"] = disk_resources.forget
    collection = f"{GROUP}/{kind.collection}"
    one = f"{collection}/{{name}}"
    show_all = lister(kind.collection, _present)
    return [
        Route("PUT", one, partial(disk_resources.put, kind=kind)),
        Route("PATCH", one, partial(disk_resources.patch, kind=kind)),
        Route("GET", one, getter(kind.collection, _present)),
        Route("DELETE", one, partial(disk_resources.delete, kind=kind)),
        Route("GET", collection, show_all),
        Route("GET", f"{SUBSCRIPTION}/{kind.collection}", show_all),
        Route("POST", f"{one}/beginGetAccess", partial(access.begin, kind=kind)),
        Route("POST", f"{one}/endGetAccess", partial(access.end, kind=kind)),
    ]
