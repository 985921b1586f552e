# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PUT and PATCH of virtual machines: create or update, under conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core.errors import ArmError
from azure_emulator.services.compute._shared import PROVIDER, check_location, find, resource_id
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.vm_create import create
from azure_emulator.services.compute.vm_shapes import ETAG_SINCE, etag
from azure_emulator.services.compute.vm_update import update

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Reply
    from azure_emulator.core.store import Doc

VM_TYPE = f"{PROVIDER}/virtualMachines"


def put(ctx: Context) -> Reply:
    """Create, or update what is there."""
    check_types(ctx.body)
    found = ctx.store.get(resource_id(ctx, "virtualMachines"))
    if found is None:
        if _condition(ctx, "if-match"):
            raise _precondition_failed()
        return create(ctx)
    _check_etag(ctx, found)
    check_location(ctx, found)
    return update(ctx, found)


def patch(ctx: Context) -> Reply:
    """Update some properties."""
    check_types(ctx.body)
    found = find(ctx, "virtualMachines")
    _check_etag(ctx, found)
    return update(ctx, found)


def _condition(ctx: Context, name: str) -> str:
    """A conditional header; API versions without etags do not look at it."""
    return ctx.headers.get(name, "") if ctx.api_version >= ETAG_SINCE else ""


def _check_etag(ctx: Context, found: Doc) -> None:
    wanted = _condition(ctx, "if-match")
    if (wanted and wanted not in ("*", etag(found))) or _condition(ctx, "if-none-match") == "*":
        raise _precondition_failed()


def _precondition_failed() -> ArmError:
    return ArmError(412, "PreconditionFailed", "The etag provided does not match the current version of the resource.")
