# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines: `Microsoft.Compute/virtualMachines`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import UNVERSIONED, Route, documented
from azure_emulator.services.compute import vm_actions, vm_capture, vm_maintenance, vm_reimage, vm_write
from azure_emulator.services.compute._calls import routes
from azure_emulator.services.compute._shared import GROUP, LOCATION, PROVIDER, find, invalid, location_of
from azure_emulator.services.compute.sizes import all_sizes, size_item
from azure_emulator.services.compute.vm_shapes import instance_view, present

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_ONE = f"{GROUP}/virtualMachines/{{name}}"


def _get(ctx: Context) -> Reply:
    return Reply(200, _expanded(ctx, find(ctx, "virtualMachines")))


def _expanded(ctx: Context, doc: Doc, *, listed: bool = False) -> Doc:
    wanted = ctx.query.get("$expand", "").lower()
    if wanted not in ("", "instanceview", "userdata"):
        raise invalid(f"The value '{ctx.query['$expand']}' of parameter '$expand' is invalid.", "$expand")
    shown = present(ctx, doc, listed=listed)
    if wanted == "instanceview":
        shown["properties"]["instanceView"] = instance_view(ctx, doc)
    elif wanted == "userdata" and "_user_data" in doc:
        shown["properties"]["userData"] = doc["_user_data"]
    return shown


def _instance_view(ctx: Context) -> Reply:
    return Reply(200, instance_view(ctx, find(ctx, "virtualMachines")))


def _list(ctx: Context) -> Reply:
    status_only = ctx.query.get("statusonly", "").lower() == "true"

    def show(doc: Doc) -> Doc:
        return _status(ctx, doc) if status_only else _expanded(ctx, doc, listed=True)

    return paged(ctx, type=f"{PROVIDER}/virtualMachines", show=show)


def _list_by_location(ctx: Context) -> Reply:
    location = location_of(ctx)
    return paged(
        ctx,
        type=f"{PROVIDER}/virtualMachines",
        show=lambda doc: _expanded(ctx, doc, listed=True),
        keep=lambda doc: doc["location"] == location,
    )


def _status(ctx: Context, doc: Doc) -> Doc:
    shown = {name: doc[name] for name in ("name", "id", "type", "location")}
    return {**shown, "properties": {"vmId": doc["properties"]["vmId"], "instanceView": instance_view(ctx, doc)}}


def _sizes(ctx: Context) -> Reply:
    """The sizes that the machine can be changed to."""
    doc = find(ctx, "virtualMachines")
    fitting = [size for size in all_sizes().values() if doc["_generation"] in size.generations]
    return Reply(200, {"value": [size_item(size) for size in fitting]})


_KNOWN = documented("2026-11-25")
ROUTES = [
    *routes(
        "virtualMachines",
        put=vm_write.put,
        patch=vm_write.patch,
        get=_get,
        delete=vm_actions.delete,
        show_all=_list,
    ),
    Route("GET", f"{_ONE}/instanceView", _instance_view, evidence=_KNOWN),
    Route("GET", f"{_ONE}/vmSizes", _sizes, evidence=_KNOWN),
    Route("GET", f"{LOCATION}/virtualMachines", _list_by_location, evidence=_KNOWN),
    Route("POST", f"{_ONE}/generalize", vm_actions.generalize, evidence=_KNOWN),
    Route("POST", f"{_ONE}/capture", vm_capture.capture, evidence=_KNOWN),
    Route("POST", f"{_ONE}/reimage", vm_reimage.reimage, evidence=_KNOWN),
    Route("POST", f"{_ONE}/performMaintenance", vm_maintenance.perform_maintenance, evidence=_KNOWN),
    Route("POST", f"{_ONE}/simulateEviction", vm_maintenance.simulate_eviction, evidence=_KNOWN),
    Route("POST", f"{_ONE}/assessPatches", vm_maintenance.assess_patches, evidence=_KNOWN),
    Route("POST", f"{_ONE}/installPatches", vm_maintenance.install_patches, evidence=_KNOWN),
    Route(
        "POST",
        f"{_ONE}/retrieveBootDiagnosticsData",
        vm_maintenance.boot_diagnostics,
        reading=True,
        evidence=_KNOWN,
    ),
    Route(
        "POST",
        f"{_ONE}/convertToManagedDisks",
        vm_maintenance.convert_to_managed_disks,
        evidence=_KNOWN,
    ),
    Route("POST", f"{_ONE}/attachDetachDataDisks", vm_maintenance.attach_detach, evidence=_KNOWN),
    Route(
        "GET",
        "/_bootdiagnostics/{vm}/{file}",
        vm_maintenance.boot_diagnostics_file,
        api_versions=UNVERSIONED,
        anonymous=True,
        evidence=_KNOWN,
    ),
    *(
        Route("POST", f"{_ONE}/{action.name}", vm_actions.actor(action), evidence=_KNOWN)
        for action in vm_actions.ACTIONS
    ),
]
