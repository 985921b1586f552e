# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of a virtual machine as resources: made with their bytes, claimed, released."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._data import page_store
from azure_emulator.services.compute._shared import GIB, PROVIDER, upper_group
from azure_emulator.services.compute._skus import DISK_TYPES, sku_of
from azure_emulator.services.compute.disk_resources import new_properties
from azure_emulator.services.compute.disk_shapes import owned_anew, refresh, size_in_gb

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sources import ImageSource, SourceDisk


def disk_id(vm_id: str, name: str) -> str:
    """The id of a disk in the group of its machine."""
    parsed = arm_ids.parse(vm_id)
    return arm_ids.resource_id(parsed.subscription, parsed.group, f"{PROVIDER}/disks", name)


def claim(scope: Scope, doc: Doc, disks: list[dict[str, Any]]) -> None:
    """Write the VM into the managed disks it gets."""
    for disk in disks:
        identity = disk.get("managedDisk", {}).get("id")
        found = scope.store.get(identity) if identity else None
        if found is None:
            continue
        found["managedBy"] = doc["id"]
        found["_vm_deallocated"] = doc.get("_power") == "deallocated"
        size = disk.get("diskSizeGB", 0)
        if size > found["properties"]["diskSizeGB"]:
            found["properties"] |= {"diskSizeBytes": size * GIB, "diskSizeGB": size}
        owned_anew(scope, found)
        refresh(found)
        scope.store.put(found["id"], found)


def release(scope: Scope, disks: list[dict[str, Any]]) -> list[Doc]:
    """Take the VM out of its disks; the documents of those that exist."""
    released = []
    for disk in disks:
        identity = disk.get("managedDisk", {}).get("id")
        found = scope.store.get(identity) if identity else None
        if found is None:
            continue
        found.pop("managedBy", None)
        found.pop("_vm_deallocated", None)
        found.pop("_vm_hibernated", None)
        owned_anew(scope, found)
        refresh(found)
        scope.store.put(found["id"], found)
        released.append(found)
    return released


def _vhd_size(image: ImageSource | None) -> int:
    return image.os.size_gb if image else 30


def new_vhds(scope: Scope, doc: Doc, image: ImageSource | None) -> list[dict[str, Any]]:
    """The page blobs that must be made for the unmanaged disks of a VM.

    Arguments of `blobs.create_vhd`, or of `blobs.copy_vhd` for a disk from an image in a blob.
    """
    profile = doc["properties"]["storageProfile"]
    found = []
    for disk in (profile["osDisk"], *profile["dataDisks"]):
        if "vhd" in disk and disk["createOption"] != "Attach":
            location = blobs.locate(scope, disk["vhd"]["uri"])
            target = blobs.writable(location, scope.clock.now())
            if "image" in disk:
                found.append({**target, "source": blobs.describe(scope, disk["image"]["uri"])["url"]})
                continue
            found.append({**target, "size_gb": disk.get("diskSizeGB") or _vhd_size(image)})
    return found


def make_disks(scope: Scope, doc: Doc, image: ImageSource | None) -> None:
    """Create the disks of a VM that do not exist yet, with their bytes, and complete the profile."""
    profile = doc["properties"]["storageProfile"]
    os_disk = profile["osDisk"]
    if "vhd" in os_disk:
        os_disk.setdefault("diskSizeGB", _vhd_size(image))
        os_disk.setdefault("name", f"{doc['name']}-os-disk")
    elif "id" not in os_disk["managedDisk"] and image is not None:
        os_disk.setdefault("name", f"{doc['name']}_{image.disk_label}_{uuid.uuid4().hex}")
        _make(scope, doc, os_disk, image.os, _origin_of_os(image))
    sources = {disk.lun: disk for disk in (image.data if image else ())}
    # The OS disk is number one; data disks are numbered by their place, attached ones included.
    for number, disk in enumerate(profile["dataDisks"], 2):
        if "vhd" in disk or "id" in disk["managedDisk"]:
            continue
        source = sources.get(disk["lun"]) if disk["createOption"] == "FromImage" else None
        by_lun = source is not None and image is not None and image.exact_version is not None
        label = f"lun_{disk['lun']}_{number}" if by_lun else f"disk{number}"  # of galleries and Marketplace [recorded]
        disk.setdefault("name", f"{doc['name']}_{label}_{uuid.uuid4().hex}")
        origin: dict[str, Any] = {"creationData": {"createOption": "Empty"}}
        if source is not None:
            origin = {"creationData": source.creation}
        _make(scope, doc, disk, source, origin)
    claim(scope, doc, [os_disk, *profile["dataDisks"]])


def _origin_of_os(image: ImageSource) -> dict[str, Any]:
    return {
        "osType": image.os_type,
        "hyperVGeneration": image.generation,
        **image.handed_on,
        "creationData": image.os.creation,
    }


def _make(scope: Scope, vm: Doc, disk: dict[str, Any], source: SourceDisk | None, origin: dict[str, Any]) -> None:
    size = max(source.size if source else 0, disk["diskSizeGB"] * GIB if _larger(disk, source) else 0)
    if source and source.encryption_set:
        disk["managedDisk"].setdefault("diskEncryptionSet", {"id": source.encryption_set})
    pages = source.take(scope.data_dir) if source else page_store(scope.data_dir).create()
    _put(scope, vm, disk, origin, size, pages)


def _put(scope: Scope, vm: Doc, disk: dict[str, Any], origin: dict[str, Any], size: int, pages: str) -> None:
    """Store a new disk of a machine and complete the machine's profile."""
    identity = disk_id(vm["id"], disk["name"])
    doc: Doc = {
        "name": disk["name"],
        "id": identity,
        "type": f"{PROVIDER}/disks",
        "location": vm["location"],
        **({"tags": vm["tags"]} if "tags" in vm else {}),
        **({"zones": vm["zones"]} if vm.get("zones") else {}),
        "managedBy": vm["id"],
        "sku": sku_of({"sku": {"name": disk["managedDisk"]["storageAccountType"]}}, DISK_TYPES, "Standard_LRS"),
        "properties": {
            **origin,
            **new_properties(scope, size),
            **_protection(vm, disk, origin),
            "provisioningState": "Succeeded",
        },
        "_pages": pages,
    }
    refresh(doc)
    scope.store.put(identity, doc)
    disk["diskSizeGB"] = doc["properties"]["diskSizeGB"]
    # The group's name comes back in upper case here [recorded].
    disk["managedDisk"]["id"] = upper_group(identity)


def _protection(vm: Doc, disk: dict[str, Any], origin: dict[str, Any]) -> dict[str, Any]:
    """The key that a disk is encrypted with when it is the customer's, and the machine's security type."""
    found: dict[str, Any] = {}
    encryption_set = disk["managedDisk"].get("diskEncryptionSet", {}).get("id")
    if encryption_set:
        found["encryption"] = {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": encryption_set}
    if vm.get("_security") == "TrustedLaunch" and "osType" in origin:
        found["securityProfile"] = {"securityType": "TrustedLaunch"}
    return found


def _larger(disk: dict[str, Any], source: SourceDisk | None) -> bool:
    return "diskSizeGB" in disk and (source is None or disk["diskSizeGB"] > size_in_gb(source.size))


def convert_disks(scope: Scope, doc: Doc, sources: list[dict[str, Any]]) -> None:
    """Make managed disks of a machine's blobs; their bytes are in pages already, in the order of the disks."""
    profile = doc["properties"]["storageProfile"]
    for disk, source in zip((profile["osDisk"], *profile["dataDisks"]), sources, strict=True):
        uri = disk.pop("vhd")["uri"]
        disk["managedDisk"] = {"storageAccountType": "Standard_LRS"}
        disk.setdefault("name", f"{doc['name']}_disk_{uuid.uuid4().hex}")
        origin: dict[str, Any] = {"creationData": {"createOption": "Import", "sourceUri": uri}}
        if "osType" in disk:
            origin |= {"osType": disk["osType"], "hyperVGeneration": doc["_generation"]}
        _put(scope, doc, disk, origin, source["size"], source["pages"])
