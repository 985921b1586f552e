# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else is asked of a machine: maintenance, eviction, patches, boot diagnostics, conversion of its disks.

Recorded: the result of installing patches. Documented: all others. Behind a machine's document no guest lives, so no
patch is ever missing, and the serial log is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import flag_of, missing, objects_of, required_text, text_of
from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._data import page_store
from azure_emulator.services.compute._shared import accepted, begin, find, invalid, not_allowed
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.sizes import check_size
from azure_emulator.services.compute.vm_children import check_extensions_allowed, check_running
from azure_emulator.services.compute.vm_disks import claim, convert_disks
from azure_emulator.services.compute.vm_rules import check_idle
from azure_emulator.services.compute.vm_shapes import present
from azure_emulator.services.compute.vm_storage import Machine
from azure_emulator.services.compute.vm_update import change_data_disks

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_PATCHES = "/patches"  # the part of a machine that is busy meanwhile
_REBOOTS = ("IfRequired", "Never", "Always")


def perform_maintenance(ctx: Context) -> Reply:
    """Always refused: nothing here is ever under maintenance."""
    doc = find(ctx, "virtualMachines")
    raise not_allowed("performMaintenance", doc, "the Subscription of this VM is not eligible")


def simulate_eviction(ctx: Context) -> Reply:
    """204; a Spot machine is then deallocated, or deleted, as its policy says."""
    doc = find(ctx, "virtualMachines")
    if (text_of(doc["properties"], "priority") or "").lower() not in ("spot", "low"):
        raise not_allowed("simulateEviction", doc, "it is not a Spot VM")
    check_running(doc)
    check_idle(ctx, doc, "simulateEviction")
    policy = text_of(doc["properties"], "evictionPolicy") or "Deallocate"
    name = "compute.vm.delete" if policy == "Delete" else "compute.vm.power"
    begin(ctx, doc, name, seconds=30, after="deallocated")
    return Reply(204)


def assess_patches(ctx: Context) -> Reply:
    """202; none is missing."""
    return accepted(begin(ctx, _patchable(ctx), "compute.vm.patches.assess", part=_PATCHES))


@effect("compute.vm.patches.assess")
def _assessed(scope: Scope, args: dict[str, Any]) -> Any:
    operation = scope.operations.running(args["id"] + _PATCHES)
    return {
        "status": "Succeeded",
        "assessmentActivityId": operation.id if operation else "",
        "rebootPending": False,
        "criticalAndSecurityPatchCount": 0,
        "otherPatchCount": 0,
        "startDateTime": scope.clock.iso(operation.started if operation else None),
        "availablePatches": [],
        "error": _no_errors(),
    }


def install_patches(ctx: Context) -> Reply:
    """202; nothing had to be installed."""
    check_types(ctx.body)
    doc = _patchable(ctx)
    reboot = required_text(ctx.body, "rebootSetting")
    if reboot not in _REBOOTS:
        raise invalid(
            f"The value '{reboot}' of parameter 'rebootSetting' is invalid. Allowed values are: {', '.join(_REBOOTS)}.",
            "rebootSetting",
        )
    os_type = doc["properties"]["storageProfile"]["osDisk"]["osType"]
    if not ctx.body.get(f"{os_type.lower()}Parameters"):
        raise missing(f"{os_type.lower()}Parameters")
    return accepted(begin(ctx, doc, "compute.vm.patches.install", part=_PATCHES, reboot=reboot))


@effect("compute.vm.patches.install")
def _installed(scope: Scope, args: dict[str, Any]) -> Any:
    operation = scope.operations.running(args["id"] + _PATCHES)
    return {
        "status": "Succeeded",
        "installationActivityId": operation.id if operation else "",
        "rebootStatus": "Completed" if args["reboot"] == "Always" else "NotNeeded",
        "maintenanceWindowExceeded": False,
        "excludedPatchCount": 0,
        "notSelectedPatchCount": 0,
        "pendingPatchCount": 0,
        "installedPatchCount": 0,
        "failedPatchCount": 0,
        "patches": [],
        "startDateTime": scope.clock.iso(operation.started if operation else None),
        "maintenanceRunId": "",
        "error": _no_errors(),
    }


def _no_errors() -> dict[str, Any]:
    return {"details": [], "code": "0", "message": "0 error/s reported."}


def _patchable(ctx: Context) -> Doc:
    doc = find(ctx, "virtualMachines")
    check_running(doc)
    check_extensions_allowed(doc)
    if ctx.operations.running(doc["id"] + _PATCHES):
        raise ArmError(409, "Conflict", "An operation for patches is already in progress on the virtual machine.")
    return doc


def boot_diagnostics(ctx: Context) -> Reply:
    """200 with URLs of screenshot and serial log, for machines with managed boot diagnostics."""
    doc = find(ctx, "virtualMachines")
    properties = doc["properties"]
    enabled = flag_of(properties, "diagnosticsProfile", "bootDiagnostics", "enabled")
    if not enabled or text_of(properties, "diagnosticsProfile", "bootDiagnostics", "storageUri"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Boot diagnostics with managed storage is not enabled on VM '{doc['name']}'.",
        )
    base = f"{ctx.base_url}/_bootdiagnostics/{properties['vmId']}/{doc['name']}.{properties['vmId']}"
    return Reply(
        200,
        {
            "consoleScreenshotBlobUri": f"{base}.screenshot.bmp",
            "serialConsoleLogBlobUri": f"{base}.serialconsole.log",
        },
    )


def boot_diagnostics_file(_ctx: Context) -> Reply:
    """What those URLs lead to: nothing was printed, nothing is on the screen."""
    return Reply(200, "", {"Content-Type": "application/octet-stream"})


def convert_to_managed_disks(ctx: Context) -> Reply:
    """202; the machine's blobs become managed disks, the blobs stay. It must be deallocated."""
    doc = find(ctx, "virtualMachines")
    check_idle(ctx, doc, "convertToManagedDisks")
    storage = doc["properties"]["storageProfile"]
    if "managedDisk" in storage["osDisk"]:
        raise ArmError(409, "OperationNotAllowed", f"VM '{doc['name']}' is already using managed disks.")
    if doc["_power"] != "deallocated":
        raise not_allowed("convertToManagedDisks", doc, "the VM is not deallocated")
    sources = []
    for disk in (storage["osDisk"], *storage["dataDisks"]):
        blob = blobs.describe(ctx, disk["vhd"]["uri"])
        pages = page_store(ctx.data_dir).create()
        sources.append({"blob": blob, "pages": pages, "size": blob["size"] - FOOTER_SIZE})
    doc["_pages"] = {str(number): source["pages"] for number, source in enumerate(sources)}  # kept over a restart
    doc["properties"]["provisioningState"] = "Updating"
    ctx.store.put(doc["id"], doc)
    return accepted(begin(ctx, doc, "compute.vm.convert", blobs=sources))


@effect("compute.vm.convert", work=blobs.fetch)
def _converted(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    convert_disks(scope, doc, args["blobs"])
    doc.pop("_pages", None)
    doc["properties"]["provisioningState"] = "Succeeded"
    doc["_power"] = "running"  # conversion starts the machine [documented]
    doc["_changed"] = scope.clock.now()
    storage = doc["properties"]["storageProfile"]
    claim(scope, doc, [storage["osDisk"], *storage["dataDisks"]])
    scope.store.put(doc["id"], doc)


def attach_detach(ctx: Context) -> Reply:
    """202: data disks come and go by id, the others stay; the result is the storage profile."""
    check_types(ctx.body)
    doc = find(ctx, "virtualMachines")
    check_idle(ctx, doc, "attachDetachDataDisks")
    has = doc["properties"]["storageProfile"]["dataDisks"]
    attach, detach = objects_of(ctx.body, "dataDisksToAttach"), objects_of(ctx.body, "dataDisksToDetach")
    if not attach and not detach:
        raise missing("dataDisksToAttach")
    leaving = {required_text(disk, "diskId").lower() for disk in detach}
    known = {disk["managedDisk"]["id"].lower() for disk in has if "id" in disk.get("managedDisk", {})}
    for identity in leaving - known:
        raise invalid(f"The disk '{identity}' is not attached to VM '{doc['name']}'.", "dataDisksToDetach")
    staying = [disk for disk in has if disk.get("managedDisk", {}).get("id", "").lower() not in leaving]
    luns = {disk["lun"] for disk in staying}
    for disk in attach:
        lun = disk.get("lun")
        if lun is None:
            lun = next(number for number in range(len(luns) + 1) if number not in luns)
        luns.add(lun)
        new = {"lun": lun, "createOption": "Attach", "managedDisk": {"id": required_text(disk, "diskId")}}
        kept = {name: disk[name] for name in ("caching", "deleteOption", "writeAcceleratorEnabled") if disk.get(name)}
        staying.append({**new, **kept})
    size = check_size(doc["properties"]["hardwareProfile"]["vmSize"])
    change_data_disks(ctx, Machine(doc["id"], doc["name"], doc["location"], size), doc, staying)
    doc["properties"]["provisioningState"] = "Updating"
    doc["_etag"] = doc.get("_etag", 1) + 1
    ctx.store.put(doc["id"], doc)
    headers = accepted(begin(ctx, doc, "compute.vm.update", seconds=10)).headers
    return Reply(202, present(ctx, doc)["properties"]["storageProfile"], headers)
