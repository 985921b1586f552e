# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``storageProfile`` of a managed image: computed from a virtual machine, or checked and completed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.values import choice_of, member, missing, number_of, object_of, objects_of
from azure_emulator.services.compute.origins import usable_source

if TYPE_CHECKING:
    from azure_emulator.core.context import Context

SOURCES = ("managedDisk", "snapshot", "blobUri")

_CACHING = ("None", "ReadOnly", "ReadWrite")
_STORAGE_TYPES = ("Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS", "Standard_ZRS")


def profile_of_vm(ctx: Context, vm_id: str, location: str, generation: str | None) -> tuple[dict[str, Any], str]:
    """The computed ``storageProfile`` of a VM's image, and its generation."""
    vm = ctx.store.get(vm_id)
    if vm is None:
        parsed = arm_ids.parse(vm_id)
        raise resource_not_found(parsed.type, parsed.names, parsed.group)
    if not vm.get("_generalized"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The operation 'Create Image' requires the Virtual Machine '{vm['name']}' to be Generalized.",
        )
    if vm["location"] != location:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The image must be in the location of its source virtual machine, '{vm['location']}', not '{location}'.",
            "location",
        )
    own = vm["_generation"]
    if generation not in (None, own):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The hyperVGeneration '{generation}' of the image differs from '{own}' of Virtual Machine '{vm['name']}'.",
        )
    storage = vm["properties"]["storageProfile"]
    os_disk = {"osType": storage["osDisk"]["osType"], "osState": "Generalized", **_disk_of_vm(ctx, storage["osDisk"])}
    data_disks = [{"lun": disk["lun"], **_disk_of_vm(ctx, disk)} for disk in storage["dataDisks"]]
    return {"osDisk": os_disk, "dataDisks": data_disks}, own


def _disk_of_vm(ctx: Context, disk: dict[str, Any]) -> dict[str, Any]:
    if "managedDisk" not in disk:
        size = {"diskSizeGB": disk["diskSizeGB"]} if "diskSizeGB" in disk else {}
        caching = disk.get("caching", "None")
        return {**size, "blobUri": disk["vhd"]["uri"], "caching": caching, "storageAccountType": "Standard_LRS"}
    managed = ctx.store.get(disk["managedDisk"]["id"])
    storage_type = managed["sku"]["name"] if managed else "Standard_LRS"
    return {
        "managedDisk": {"id": disk["managedDisk"]["id"]},
        "caching": disk.get("caching", "None"),
        "storageAccountType": storage_type,
    }


def profile_of_disks(ctx: Context, location: str) -> dict[str, Any]:
    """The ``storageProfile`` of a request, checked and with defaults."""
    wanted = object_of(ctx.body, "properties", "storageProfile")
    if not wanted:
        raise missing("storageProfile", "properties")
    os_wanted = object_of(wanted, "osDisk")
    if not os_wanted:
        raise missing("osDisk", "storageProfile")
    os_type = choice_of(os_wanted, ("Windows", "Linux"), "osType")
    os_state = choice_of(os_wanted, ("Generalized", "Specialized"), "osState")
    if os_type is None or os_state is None:
        raise missing("osType" if os_type is None else "osState", "osDisk")
    data_disks: list[dict[str, Any]] = []
    for disk in objects_of(wanted, "dataDisks"):
        lun = number_of(disk, "lun")
        if lun is None:
            raise missing("lun", "dataDisk")
        if any(other["lun"] == lun for other in data_disks):
            raise ArmError(
                400, "InvalidParameter", f"The lun '{lun}' is used by more than one data disk.", "dataDisk.lun"
            )
        data_disks.append({"lun": lun, **_wanted_disk(disk, "dataDisk")})
    os_disk = {"osType": os_type, "osState": os_state, **_wanted_disk(os_wanted, "osDisk")}
    _check_sources(ctx, location, [os_disk, *data_disks])
    return {"osDisk": os_disk, "dataDisks": data_disks}


def _wanted_disk(disk: dict[str, Any], target: str) -> dict[str, Any]:
    given = [name for name in SOURCES if disk.get(name)]
    if len(given) != 1:
        raise ArmError(
            400,
            "InvalidParameter",
            f"Exactly one of 'managedDisk', 'snapshot' and 'blobUri' must be specified for parameter '{target}'.",
            target,
        )
    name = given[0]
    source = member(disk, name) if name == "blobUri" else {"id": member(disk, name, "id")}
    if not isinstance(source, str) and not isinstance(source["id"], str):
        raise missing("id", f"{target}.{name}")
    size = number_of(disk, "diskSizeGB")
    return {
        **({"diskSizeGB": size} if size is not None else {}),
        name: source,
        "caching": choice_of(disk, _CACHING, "caching") or "None",
        "storageAccountType": choice_of(disk, _STORAGE_TYPES, "storageAccountType") or "Standard_LRS",
    }


def source_id(disk: dict[str, Any]) -> str | None:
    found = disk.get("managedDisk") or disk.get("snapshot")
    return found["id"] if found else None


def _check_sources(ctx: Context, location: str, disks: list[dict[str, Any]]) -> None:
    for disk in disks:
        if identity := source_id(disk):
            source = usable_source(ctx, identity, location)
            has = source["properties"]["diskSizeGB"]
            if disk.get("diskSizeGB", has) < has:
                raise ArmError(
                    400,
                    "InvalidParameter",
                    f"The size {disk['diskSizeGB']} GB is smaller than the size of the source '{source['name']}', {has} GB.",
                    "diskSizeGB",
                )
