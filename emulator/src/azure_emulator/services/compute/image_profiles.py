# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``storageProfile`` of a managed image: computed from a virtual machine, or checked and completed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.values import choice_of, member, missing, number_of, object_of, objects_of, text_of
from azure_emulator.services.compute._shared import CACHING, OS_TYPES, invalid, not_changeable
from azure_emulator.services.compute.companions import require
from azure_emulator.services.compute.origins import gigabytes_of, usable_source

if TYPE_CHECKING:
    from azure_emulator.core.context import Context

SOURCES = ("managedDisk", "snapshot", "blobUri")
_MAX_LUN = 63
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
    security = vm.get("_security") or member(vm, "properties", "securityProfile", "securityType")
    if security and security != "Standard":
        raise _secured("virtual machine", security)
    if vm["location"] != location:
        raise invalid(
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


def _secured(noun: str, security: str) -> ArmError:
    """Managed images know no security types; galleries do. The text is known for virtual machines."""
    return ArmError(
        409,
        "OperationNotAllowed",
        f"Creation of managed images are not supported for {noun} with {security} security type.",
    )


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


def profile_of_disks(ctx: Context, location: str, generation: str | None) -> tuple[dict[str, Any], str]:
    """The ``storageProfile`` of a request, checked and with defaults, and the generation of the image.

    A generation that the request does not give is that of the OS disk's source [documented].
    """
    wanted = object_of(ctx.body, "properties", "storageProfile")
    if not wanted:
        raise missing("storageProfile", "properties")
    os_wanted = object_of(wanted, "osDisk")
    if not os_wanted:
        raise missing("osDisk", "storageProfile")
    os_type = choice_of(os_wanted, OS_TYPES, "osType")
    os_state = choice_of(os_wanted, ("Generalized", "Specialized"), "osState")
    if os_type is None or os_state is None:
        raise missing("osType" if os_type is None else "osState", "osDisk")
    data_disks: list[dict[str, Any]] = []
    for disk in objects_of(wanted, "dataDisks"):
        lun = number_of(disk, "lun")
        if lun is None:
            raise missing("lun", "dataDisk")
        if not 0 <= lun <= _MAX_LUN or any(other["lun"] == lun for other in data_disks):
            raise invalid(
                f"The lun '{lun}' is out of range or used by more than one data disk.",
                "dataDisk.lun",
            )
        data_disks.append({"lun": lun, **_wanted_disk(ctx, disk, "dataDisk", location)})
    os_disk = {"osType": os_type, "osState": os_state, **_wanted_disk(ctx, os_wanted, "osDisk", location)}
    own = _check_sources(ctx, location, [os_disk, *data_disks])
    if generation and own and generation != own:
        raise invalid(
            f"The hyperVGeneration '{generation}' of the image differs from that of its source disk, '{own}'.",
            "hyperVGeneration",
        )
    return {"osDisk": os_disk, "dataDisks": data_disks}, generation or own or "V1"


def _wanted_disk(ctx: Context, disk: dict[str, Any], target: str, location: str) -> dict[str, Any]:
    given = [name for name in SOURCES if disk.get(name)]
    if len(given) != 1:
        raise invalid(
            f"Exactly one of 'managedDisk', 'snapshot' and 'blobUri' must be specified for parameter '{target}'.",
            target,
        )
    name = given[0]
    source = member(disk, name) if name == "blobUri" else {"id": member(disk, name, "id")}
    if not isinstance(source, str) and not isinstance(source["id"], str):
        raise missing("id", f"{target}.{name}")
    size = gigabytes_of(disk, target)
    key = text_of(disk, "diskEncryptionSet", "id")
    if key:
        require(ctx, key, "diskEncryptionSets", location)
    return {
        **({"diskSizeGB": size} if size is not None else {}),
        name: source,
        "caching": choice_of(disk, CACHING, "caching") or "None",
        "storageAccountType": choice_of(disk, _STORAGE_TYPES, "storageAccountType") or "Standard_LRS",
        **({"diskEncryptionSet": {"id": key}} if key else {}),
    }


def source_id(disk: dict[str, Any]) -> str | None:
    found = disk.get("managedDisk") or disk.get("snapshot")
    return found["id"] if found else None


def _check_sources(ctx: Context, location: str, disks: list[dict[str, Any]]) -> str | None:
    """Refuse sources that cannot be used; the generation of the first one, the OS disk's, if it has one."""
    generation = None
    for number, disk in enumerate(disks):
        identity = source_id(disk)
        if not identity:
            continue
        source = usable_source(ctx, identity, location)
        properties = source["properties"]
        has = properties["diskSizeGB"]
        if disk.get("diskSizeGB", has) < has:
            raise invalid(
                f"The size {disk['diskSizeGB']} GB is smaller than the size of the source '{source['name']}', {has} GB.",
                "diskSizeGB",
            )
        if security := member(properties, "securityProfile", "securityType"):
            raise _secured("disk", security)
        if number == 0:
            generation = properties.get("hyperVGeneration")
    return generation


def check_unchanged(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse an update that names other disks than the image was made of."""
    if os_wanted := object_of(wanted, "osDisk"):
        _check_disk(found["osDisk"], os_wanted, "osDisk", ("osType", "osState", *SOURCES))
    data = objects_of(wanted, "dataDisks")
    if data and len(data) != len(found["dataDisks"]):
        raise not_changeable("storageProfile.dataDisks")
    by_lun = {disk["lun"]: disk for disk in found["dataDisks"]}
    for disk in data:
        own = by_lun.get(number_of(disk, "lun"))
        if own is None:
            raise not_changeable("storageProfile.dataDisks")
        _check_disk(own, disk, "dataDisks", SOURCES)


def _check_disk(found: dict[str, Any], wanted: dict[str, Any], where: str, names: tuple[str, ...]) -> None:
    for name in names:
        if wanted.get(name) and str(wanted[name]).lower() != str(found.get(name)).lower():
            raise not_changeable(f"storageProfile.{where}.{name}")
