# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``storageProfile`` of a virtual machine: what was asked for, with defaults, and the disks that come of it.

Recorded: names of generated disks, defaults, which fields appear before and after the disks exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.values import choice_of, missing, number_of, object_of, objects_of, text_of
from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._shared import CACHING, GIB, OS_TYPES, invalid
from azure_emulator.services.compute._skus import DISK_TYPES, sku_of
from azure_emulator.services.compute.disk_resources import check_no_access
from azure_emulator.services.compute.origins import gigabytes_of
from azure_emulator.services.compute.sources import ImageSource, SourceDisk, resolve
from azure_emulator.services.compute.vm_disks import disk_id

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sizes import VmSize

_CREATE = ("FromImage", "Attach", "Empty", "Copy", "Restore")
_DELETE = ("Delete", "Detach")
_KEPT = ("writeAcceleratorEnabled", "diffDiskSettings", "encryptionSettings", "detachOption")


@dataclass(frozen=True)
class Machine:
    """What the storage profile needs to know of its machine."""

    id: str
    name: str
    location: str
    size: VmSize

    @property
    def default_storage(self) -> str:
        return "Premium_LRS" if self.size.premium else "Standard_LRS"


def plan(ctx: Context, machine: Machine, properties: dict[str, Any]) -> tuple[dict[str, Any], ImageSource | None]:
    """The profile as it is shown while the VM is being created, and the image, if it is made from one.

    :raises ArmError: for everything that Azure refuses before it starts.
    """
    wanted = object_of(properties, "storageProfile")
    os_wanted = object_of(wanted, "osDisk")
    if not os_wanted:
        raise missing("osDisk", "storageProfile")
    option = choice_of(os_wanted, _CREATE, "createOption")
    if option is None:
        raise missing("createOption", "osDisk")
    reference = object_of(wanted, "imageReference")
    profile: dict[str, Any] = {}
    image = None
    if option == "FromImage" and text_of(os_wanted, "image", "uri"):
        image = _image_in_blob(ctx, os_wanted)
        profile["osDisk"] = {**_os_from_image(ctx, machine, os_wanted, image), "image": os_wanted["image"]}
    elif option == "FromImage":
        if not reference:
            raise missing("imageReference", "storageProfile")
        image = resolve(ctx, reference, machine.id.split("/")[2], machine.location)
        profile["imageReference"] = _reference(reference, image)
        profile["osDisk"] = _os_from_image(ctx, machine, os_wanted, image)
    elif option == "Attach":
        if reference:
            raise invalid("Parameter 'imageReference' is not allowed.", "imageReference")
        profile["osDisk"] = _os_attached(ctx, machine, os_wanted)
    else:
        raise invalid(f"The value '{option}' of parameter 'osDisk.createOption' is invalid.", "osDisk.createOption")
    profile["dataDisks"] = plan_data_disks(ctx, machine, objects_of(wanted, "dataDisks"), image)
    return profile, image


def _image_in_blob(ctx: Context, disk: dict[str, Any]) -> ImageSource:
    """The image that a page blob is, as legacy captures make them: for machines with blob disks only."""
    os_type = choice_of(disk, OS_TYPES, "osType")
    if os_type is None:
        raise missing("osType", "osDisk")
    if not text_of(disk, "vhd", "uri"):
        raise missing("vhd", "osDisk")
    size = blobs.describe(ctx, disk["image"]["uri"])["size"] - FOOTER_SIZE
    source = SourceDisk(size, -(-size // GIB), {"createOption": "FromImage"})
    return ImageSource(os_type=os_type, os_state="Generalized", generation="V1", os=source)


def _reference(reference: dict[str, Any], image: ImageSource) -> dict[str, Any]:
    return {**reference, **({"exactVersion": image.exact_version} if image.exact_version else {})}


def _common(disk: dict[str, Any], option: str, default_caching: str) -> dict[str, Any]:
    kept = {name: disk[name] for name in _KEPT if disk.get(name) is not None}
    return {
        "createOption": option,
        "caching": choice_of(disk, CACHING, "caching") or default_caching,
        **kept,
        "deleteOption": choice_of(disk, _DELETE, "deleteOption") or "Detach",
    }


def _name(disk: dict[str, Any]) -> dict[str, Any]:
    name = text_of(disk, "name")
    return {"name": name} if name else {}


def _wanted_size(disk: dict[str, Any], at_least: int, target: str) -> int | None:
    size = gigabytes_of(disk, target)
    if size is not None and size < at_least:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk with size {size}GB, which is smaller than the size {at_least}GB of corresponding disk in Image, is "
            "not allowed.",
            f"{target}.diskSizeGB",
        )
    return size


def _managed(machine: Machine, disk: dict[str, Any], default: str | None) -> dict[str, Any]:
    managed = object_of(disk, "managedDisk")
    asked = text_of(managed, "storageAccountType") or default or machine.default_storage
    name = sku_of({"sku": {"name": asked}}, DISK_TYPES, asked)["name"]
    check_premium(machine.size, name, disk)
    kept = {key: managed[key] for key in ("diskEncryptionSet", "securityProfile") if managed.get(key) is not None}
    return {**kept, "storageAccountType": name}


def check_premium(size: VmSize, storage_type: str, disk: dict[str, Any]) -> None:
    """Refuse Premium disks for a size that cannot have them."""
    if storage_type.startswith("Premium") and not size.premium:
        raise invalid(
            f"Requested operation cannot be performed because the VM size {size.name} does not support the storage account "
            f"type {storage_type} of disk '{disk.get('name', '')}'. Consider updating the VM to a size that supports Premium "
            "storage.",
            "storageAccountType",
        )


def _unmanaged(ctx: Context, disk: dict[str, Any]) -> dict[str, Any] | None:
    uri = text_of(disk, "vhd", "uri")
    if uri is None:
        return None
    blobs.locate(ctx, uri)
    return {"uri": uri}


def _os_from_image(ctx: Context, machine: Machine, disk: dict[str, Any], image: ImageSource) -> dict[str, Any]:
    shown = {"osType": image.os_type, **_name(disk), **_common(disk, "FromImage", "ReadWrite")}
    size = _wanted_size(disk, image.os.size_gb, "osDisk")
    if vhd := _unmanaged(ctx, disk):
        return {**shown, "vhd": vhd, **({"diskSizeGB": size} if size else {})}
    shown["managedDisk"] = _managed(machine, disk, image.os.storage_type)
    # The size is known at once from a managed image, and later from others [recorded].
    size = size or (image.os.size_gb if image.exact_version is None else None)
    return {**shown, **({"diskSizeGB": size} if size else {})}


def _os_attached(ctx: Context, machine: Machine, disk: dict[str, Any]) -> dict[str, Any]:
    os_type = choice_of(disk, OS_TYPES, "osType")
    if os_type is None:
        raise missing("osType", "osDisk")
    if _unmanaged(ctx, disk):
        return {"osType": os_type, **_name(disk), "vhd": disk["vhd"], **_common(disk, "Attach", "ReadWrite")}
    found = attachable(ctx, machine, disk, "osDisk")
    size = found["properties"]["diskSizeBytes"]
    if size % (1 << 20):
        raise ArmError(
            400,
            "InvalidVhd",
            f"The VHD {found['id']} has an unsupported virtual size of {size} bytes. The size must be a whole number (in "
            "MBs).",
        )
    return {"osType": os_type, **_attached(found, disk, "ReadWrite")}


def attachable(ctx: Context, machine: Machine, disk: dict[str, Any], target: str) -> Doc:
    """The managed disk that is to be attached.

    :raises ArmError: when it is absent, elsewhere, not ready, or owned by another VM.
    """
    identity = text_of(disk, "managedDisk", "id")
    if not identity:
        raise missing("id", f"{target}.managedDisk")
    found = ctx.store.get(identity)
    if found is None:
        parsed = arm_ids.parse(identity)
        raise resource_not_found(parsed.type, parsed.names, parsed.group)
    owner = found.get("managedBy")
    if owner and not arm_ids.same(owner, machine.id):
        raise ArmError(
            409,
            "ConflictingUserInput",
            f"Disk '{identity}' cannot be attached as the disk is already owned by VM '{owner}'.",
        )
    if found["location"] != machine.location:
        raise invalid(
            f"Disk '{identity}' is in location '{found['location']}' and cannot be attached to a VM in "
            f"'{machine.location}'.",
            target,
        )
    check_no_access(ctx, found)
    if found.get("_awaits_upload"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk '{found['name']}' cannot be attached in state '{found['properties']['diskState']}'. Finish the upload "
            "and call EndGetAccess before attaching the disk.",
        )
    return found


def _attached(found: Doc, disk: dict[str, Any], default_caching: str) -> dict[str, Any]:
    size = number_of(disk, "diskSizeGB")
    return {
        "name": found["name"],
        **_common(disk, "Attach", default_caching),
        "managedDisk": {"storageAccountType": found["sku"]["name"], "id": disk["managedDisk"]["id"]},
        "diskSizeGB": max(size or 0, found["properties"]["diskSizeGB"]),
    }


def plan_data_disks(
    ctx: Context, machine: Machine, wanted: list[dict[str, Any]], image: ImageSource | None
) -> list[dict[str, Any]]:
    """The data disks as they are shown: those asked for, then those of the image that were not mentioned."""
    in_image = {disk.lun: disk for disk in (image.data if image else ())}
    shown = []
    luns: set[int] = set()
    for disk in wanted:
        lun = number_of(disk, "lun")
        if lun is None:
            raise missing("lun", "dataDisk")
        if lun in luns or not 0 <= lun <= 63:
            raise invalid(f"A disk at LUN {lun} already exists or the LUN is out of range.", "dataDisk.lun")
        luns.add(lun)
        shown.append({"lun": lun, **_data_disk(ctx, machine, disk, in_image.get(lun)), "toBeDetached": False})
    for lun, source in in_image.items():
        if lun is not None and lun not in luns:
            disk = _data_disk(ctx, machine, {"createOption": "FromImage"}, source)
            shown.append({"lun": lun, **disk, "toBeDetached": False})
    check_count(machine, len(shown))
    return shown


def check_count(machine: Machine, data_disks: int) -> None:
    """Refuse more data disks than the size takes."""
    if data_disks > machine.size.data_disks:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The maximum number of data disks allowed to be attached to a VM of this size is {machine.size.data_disks}.",
            "dataDisks",
        )


def _data_disk(ctx: Context, machine: Machine, disk: dict[str, Any], source: SourceDisk | None) -> dict[str, Any]:
    option = choice_of(disk, _CREATE, "createOption")
    if option is None:
        raise missing("createOption", "dataDisk")
    if option == "Attach" and not disk.get("vhd"):
        return _attached(attachable(ctx, machine, disk, "dataDisk"), disk, "None")
    if option == "FromImage" and text_of(disk, "image", "uri"):
        bytes_in_blob = blobs.describe(ctx, disk["image"]["uri"])["size"] - FOOTER_SIZE
        size, caching, storage = -(-bytes_in_blob // GIB), "None", None
    elif option == "FromImage":
        if source is None:
            raise invalid("The image has no data disk with this lun.", "dataDisk.lun")
        size = _wanted_size(disk, source.size_gb, "dataDisk") or source.size_gb
        caching, storage = source.caching or "None", source.storage_type
    elif option in ("Empty", "Attach"):
        wanted = _wanted_size(disk, 1, "dataDisk")
        if wanted is None:
            raise missing("diskSizeGB", "dataDisk")
        size, caching, storage = wanted, "None", None
    else:
        raise invalid(f"The value '{option}' of parameter 'dataDisk.createOption' is not supported.", "createOption")
    shown = {**_name(disk), **_common(disk, option, caching)}
    if vhd := _unmanaged(ctx, disk):
        image = {"image": disk["image"]} if text_of(disk, "image", "uri") else {}
        return {**shown, **image, "vhd": vhd, "diskSizeGB": size}
    return {**shown, "managedDisk": _managed(machine, disk, storage), "diskSizeGB": size}


def check_new_names(ctx: Context, machine: Machine, disks: list[dict[str, Any]]) -> None:
    """Refuse to create a disk under the name of one that exists."""
    group = arm_ids.parse(machine.id).group
    for disk in disks:
        if "name" not in disk or "managedDisk" not in disk or "id" in disk["managedDisk"]:
            continue
        if ctx.store.exists(disk_id(machine.id, disk["name"])):
            raise ArmError(
                409,
                "ConflictingUserInput",
                f"Disk {disk['name']} already exists in resource group {group.upper()}. Only CreateOption.Attach is supported.",
                "disk.name",
            )
