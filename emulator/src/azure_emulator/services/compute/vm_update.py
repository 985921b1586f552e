# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update virtual machines: what may change, when, and what never may.

PUT and PATCH mean the same here: what is not mentioned stays. Recorded: ``PropertyChangeNotAllowed``, detaching disks by
leaving them out. Documented: what needs a deallocated machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import flag_of, member, number_of, object_of, objects_of, required_text, text_of
from azure_emulator.services.compute._shared import begin, not_allowed, not_changeable, set_tags
from azure_emulator.services.compute.disk_updates import cannot_grow_now, cannot_shrink
from azure_emulator.services.compute.quotas import check_quota
from azure_emulator.services.compute.resource_skus import check_available
from azure_emulator.services.compute.sizes import check_architecture, check_generation, check_size
from azure_emulator.services.compute.vm_create import ECHOED
from azure_emulator.services.compute.vm_disks import claim, make_disks, release
from azure_emulator.services.compute.vm_identity import set_identity
from azure_emulator.services.compute.vm_profiles import claim_interfaces, network_profile
from azure_emulator.services.compute.vm_rules import check_hibernation, check_idle, check_licence
from azure_emulator.services.compute.vm_shapes import present
from azure_emulator.services.compute.vm_storage import (
    Machine,
    attachable,
    check_count,
    check_new_names,
    check_premium,
    plan_data_disks,
)
from azure_emulator.services.network import attachment

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sizes import VmSize

_FIXED = ("priority", "availabilitySet", "zones", "virtualMachineScaleSet")
_DEFAULTS = {"priority": "Regular"}
_FIXED_PROFILE = ("computerName", "adminUsername")
# Switches that need a deallocated machine [documented].
_DEALLOCATED = (
    ("additionalCapabilities", "ultraSSDEnabled"),
    ("additionalCapabilities", "hibernationEnabled"),
    ("securityProfile", "encryptionAtHost"),
)


def update(ctx: Context, found: Doc) -> Reply:
    """200: the machine as it will be."""
    check_idle(ctx, found, "Update VM")
    wanted = object_of(ctx.body, "properties")
    _check_unchanged(ctx, found, wanted)
    _check_deallocated(found, wanted)
    set_tags(ctx, found)
    properties = found["properties"]
    machine = _resize(ctx, found, wanted)
    check_licence(wanted, properties["storageProfile"]["osDisk"]["osType"])
    properties |= {name: wanted[name] for name in ECHOED if wanted.get(name) is not None}
    _update_disks(ctx, machine, found, object_of(wanted, "storageProfile"))
    if objects_of(wanted, "networkProfile", "networkInterfaces"):
        _update_interfaces(ctx, found, wanted)
    if ctx.body.get("identity") is not None:
        set_identity(ctx, found)
    if wanted.get("userData"):
        found["_user_data"] = wanted["userData"]
    properties["provisioningState"] = "Updating"
    found["_etag"] = found.get("_etag", 1) + 1
    ctx.store.put(found["id"], found)
    return Reply(200, present(ctx, found), begin(ctx, found, "compute.vm.update", seconds=10).headers())


def _resize(ctx: Context, found: Doc, wanted: dict[str, Any]) -> Machine:
    hardware = found["properties"]["hardwareProfile"]
    size = check_size(text_of(wanted, "hardwareProfile", "vmSize") or hardware["vmSize"])
    if size.name != hardware["vmSize"]:
        check_generation(size, found["_generation"])
        check_architecture(size, found.get("_architecture", "x64"))
        check_available(ctx, found["id"], found["location"], size, found.get("zones") or [])
        old = check_size(hardware["vmSize"])
        if size.family != old.family or size.cores > old.cores:
            check_quota(ctx, found["location"], size, found["properties"].get("priority"))
        if found.get("_hibernated"):
            raise not_allowed("Resize VM", found, "the VM is hibernated")
        _check_fits(found, size)
        hardware["vmSize"] = size.name
    if member(wanted, "hardwareProfile", "vmSizeProperties") is not None:
        hardware["vmSizeProperties"] = object_of(wanted, "hardwareProfile", "vmSizeProperties")
    check_hibernation({**found["properties"], **wanted}, size)
    return Machine(found["id"], found["name"], found["location"], size)


def _check_fits(found: Doc, size: VmSize) -> None:
    storage = found["properties"]["storageProfile"]
    for disk in (storage["osDisk"], *storage["dataDisks"]):
        check_premium(size, disk.get("managedDisk", {}).get("storageAccountType", ""), disk)


def _check_deallocated(found: Doc, wanted: dict[str, Any]) -> None:
    """Refuse what only a deallocated machine can change."""
    if found["_power"] in ("deallocated", None):
        return
    properties = found["properties"]
    for path in _DEALLOCATED:
        value = flag_of(wanted, *path)
        if value is not None and value != bool(flag_of(properties, *path)):
            raise not_allowed(f"Update {'.'.join(path)}", found, "the VM is not deallocated")
    security = text_of(wanted, "securityProfile", "securityType")
    if security and security != (text_of(properties, "securityProfile", "securityType") or "Standard"):
        raise not_allowed("Update securityProfile.securityType", found, "the VM is not deallocated")
    group = text_of(wanted, "proximityPlacementGroup", "id")
    if group and not arm_ids.same(group, text_of(properties, "proximityPlacementGroup", "id")):
        raise not_allowed("Update proximityPlacementGroup", found, "the VM is not deallocated")


def _check_unchanged(ctx: Context, found: Doc, wanted: dict[str, Any]) -> None:
    """Refuse what can never change."""
    properties = found["properties"]
    for name in _FIXED:
        has = found.get(name) if name == "zones" else properties.get(name)
        value = ctx.body.get(name) if name == "zones" else wanted.get(name)
        if value is not None and not _equal(value, has if has is not None else _DEFAULTS.get(name)):
            raise not_changeable(name)
    if ctx.body.get("plan") is not None and not _equal(ctx.body["plan"], found.get("plan")):
        raise not_changeable("plan")
    for name in _FIXED_PROFILE:
        value = text_of(wanted, "osProfile", name)
        if value is not None and value != properties.get("osProfile", {}).get(name):
            raise not_changeable(f"osProfile.{name}")
    data = text_of(wanted, "osProfile", "customData")
    if data is not None and data != found.get("_secrets", {}).get("customData"):
        raise not_changeable("osProfile.customData")
    _check_same_source(found, object_of(wanted, "storageProfile"))


def _check_same_source(found: Doc, wanted: dict[str, Any]) -> None:
    profile = found["properties"]["storageProfile"]
    has = profile.get("imageReference", {})
    for name, value in object_of(wanted, "imageReference").items():
        if name != "exactVersion" and str(value).lower() != str(has.get(name)).lower():
            raise not_changeable("imageReference")
    os_disk = object_of(wanted, "osDisk")
    paths = (
        (("vhd", "uri"),) if _swaps(profile["osDisk"], os_disk) else (("name",), ("managedDisk", "id"), ("vhd", "uri"))
    )
    for path in paths:
        value, had = text_of(os_disk, *path), text_of(profile["osDisk"], *path) or ""
        if value is not None and value.lower() != had.lower():
            raise not_changeable(f"osDisk.{'.'.join(path)}")
    if _swaps(profile["osDisk"], os_disk) and found["_power"] not in ("stopped", "deallocated"):
        raise not_changeable("osDisk.managedDisk.id")


def _swaps(has: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether another managed disk is to become the system's."""
    identity = text_of(wanted, "managedDisk", "id")
    return (
        identity is not None
        and "id" in has.get("managedDisk", {})
        and not arm_ids.same(identity, has["managedDisk"]["id"])
    )


def _equal(one: Any, other: Any) -> bool:
    """Whether two values mean the same; ids and names without regard to case."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {str(name).lower(): str(value).lower() for name, value in one.items() if value is not None} == {
            str(name).lower(): str(value).lower() for name, value in other.items() if value is not None
        }
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other)


def _update_disks(ctx: Context, machine: Machine, found: Doc, wanted: dict[str, Any]) -> None:
    _update_os_disk(ctx, machine, found, object_of(wanted, "osDisk"))
    if wanted.get("dataDisks") is not None:
        change_data_disks(ctx, machine, found, objects_of(wanted, "dataDisks"))


def _update_os_disk(ctx: Context, machine: Machine, found: Doc, wanted: dict[str, Any]) -> None:
    disk = found["properties"]["storageProfile"]["osDisk"]
    if _swaps(disk, wanted):
        new = attachable(ctx, machine, wanted, "osDisk")
        release(ctx, [disk])
        disk |= {
            "name": new["name"],
            "managedDisk": {"storageAccountType": new["sku"]["name"], "id": wanted["managedDisk"]["id"]},
            "diskSizeGB": new["properties"]["diskSizeGB"],
        }
        claim(ctx, found, [disk])
    for name in ("caching", "deleteOption"):
        if text_of(wanted, name):
            disk[name] = wanted[name]
    size = number_of(wanted, "diskSizeGB")
    if size is None or size == disk.get("diskSizeGB", size):
        return
    if size < disk["diskSizeGB"]:
        raise cannot_shrink("osDisk.diskSizeGB")
    if found["_power"] != "deallocated":
        raise cannot_grow_now()
    disk["diskSizeGB"] = size


def change_data_disks(ctx: Context, machine: Machine, found: Doc, wanted: list[dict[str, Any]]) -> None:
    """Let the machine have exactly these data disks: what is missing here leaves, what is new comes."""
    if found.get("_hibernated"):
        raise not_allowed("Update VM", found, "the VM is hibernated")
    profile = found["properties"]["storageProfile"]
    has = {disk["lun"]: disk for disk in profile["dataDisks"]}
    kept: dict[int, dict[str, Any]] = {}
    new: list[dict[str, Any]] = []
    for disk in wanted:
        old = has.get(number_of(disk, "lun") if disk.get("lun") is not None else -1)
        if old is not None and _same_disk(old, disk) and not disk.get("toBeDetached"):
            kept[old["lun"]] = {**old, **{n: disk[n] for n in ("caching", "deleteOption") if text_of(disk, n)}}
        elif not disk.get("toBeDetached"):
            new.append(disk)
    leaving = [{**disk, "toBeDetached": True} for lun, disk in has.items() if lun not in kept]
    staying = list(kept.values())
    added = plan_data_disks(ctx, machine, new, None)
    for disk in added:
        if disk["lun"] in kept:
            raise ArmError(409, "ConflictingUserInput", f"A disk at LUN {disk['lun']} already exists.", "dataDisk.lun")
    check_count(machine, len(staying) + len(added))
    _check_one_kind(profile, added)
    check_new_names(ctx, machine, added)
    claim(ctx, found, added)
    profile["dataDisks"] = sorted([*leaving, *staying], key=lambda disk: disk["lun"]) + added


def _check_one_kind(profile: dict[str, Any], added: list[dict[str, Any]]) -> None:
    """Blobs and managed disks do not go together in one machine [documented]."""
    managed = "managedDisk" in profile["osDisk"]
    for disk in added:
        if managed and "vhd" in disk:
            text = "Addition of a blob based disk to VM with managed disks is not supported."
            raise ArmError(409, "OperationNotAllowed", text, "dataDisk")
        if not managed and "managedDisk" in disk:
            text = "Addition of a managed disk to a VM with blob based disks is not supported."
            raise ArmError(409, "OperationNotAllowed", text, "dataDisk")


def _same_disk(old: dict[str, Any], wanted: dict[str, Any]) -> bool:
    identity = text_of(wanted, "managedDisk", "id")
    if identity is not None:
        return arm_ids.same(identity, old.get("managedDisk", {}).get("id"))
    name = text_of(wanted, "name")
    return name is None or name.lower() == old.get("name", "").lower()


def _update_interfaces(ctx: Context, found: Doc, wanted: dict[str, Any]) -> None:
    new = network_profile(ctx, found["id"], found["location"], wanted)
    ids_before = {item["id"].lower() for item in found["properties"]["networkProfile"]["networkInterfaces"]}
    ids_after = {required_text(item, "id").lower() for item in new["networkInterfaces"]}
    if ids_before != ids_after and found["_power"] != "deallocated":
        raise ArmError(
            409,
            "AddingOrDeletingNetworkInterfacesOnARunningVirtualMachineNotSupported",
            f"Virtual machine {found['id']} must be deallocated before network interfaces are added or deleted.",
        )
    for identity in ids_before - ids_after:
        attachment.detach(ctx, identity, found["id"])
    found["properties"]["networkProfile"] = new
    claim_interfaces(ctx, found)


@effect("compute.vm.update")
def _updated(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    profile = doc["properties"]["storageProfile"]
    release(scope, [disk for disk in profile["dataDisks"] if disk["toBeDetached"]])
    profile["dataDisks"] = [disk for disk in profile["dataDisks"] if not disk["toBeDetached"]]
    make_disks(scope, doc, None)
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)
