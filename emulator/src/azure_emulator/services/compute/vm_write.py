# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create and update virtual machines."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import missing, number_of, object_of, objects_of, required_text, tags_of, text_of
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._shared import (
    PROVIDER,
    check_idle,
    check_location,
    find,
    new_resource,
    resource_id,
)
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.sizes import check_generation, check_quota, check_size
from azure_emulator.services.compute.sources import ImageSource, pinned, resolve
from azure_emulator.services.compute.vm_disks import claim, make_disks, new_vhds, release
from azure_emulator.services.compute.vm_profiles import claim_interfaces, network_profile, os_profile
from azure_emulator.services.compute.vm_shapes import etag, present
from azure_emulator.services.compute.vm_storage import Machine, check_new_names, plan, plan_data_disks
from azure_emulator.services.network import attachment

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.store import Doc

# Properties that come back as they were sent.
_ECHOED = (
    "additionalCapabilities",
    "securityProfile",
    "diagnosticsProfile",
    "availabilitySet",
    "virtualMachineScaleSet",
    "proximityPlacementGroup",
    "priority",
    "evictionPolicy",
    "billingProfile",
    "host",
    "licenseType",
    "extensionsTimeBudget",
    "applicationProfile",
)
_HEAD = ("zones", "plan", "extendedLocation")
_FIXED = ("priority", "availabilitySet", "zones")


def put(ctx: Context) -> Reply:
    """Create, or update what is there."""
    check_types(ctx.body)
    found = ctx.store.get(resource_id(ctx, "virtualMachines"))
    if found is None:
        if ctx.headers.get("if-match"):
            raise _precondition_failed()
        return _create(ctx)
    _check_etag(ctx, found)
    check_location(ctx, found)
    return _update(ctx, found)


def patch(ctx: Context) -> Reply:
    """Update some properties."""
    check_types(ctx.body)
    found = find(ctx, "virtualMachines")
    _check_etag(ctx, found)
    return _update(ctx, found)


def _check_etag(ctx: Context, found: Doc) -> None:
    wanted = ctx.headers.get("if-match")
    if (wanted and wanted not in ("*", etag(found))) or ctx.headers.get("if-none-match") == "*":
        raise _precondition_failed()


def _precondition_failed() -> ArmError:
    return ArmError(412, "PreconditionFailed", "The etag provided does not match the current version of the resource.")


def _create(ctx: Context) -> Reply:
    doc = new_resource(ctx, "virtualMachines", "vmName")
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    wanted = object_of(ctx.body, "properties")
    size = check_size(_size_name(wanted))
    machine = Machine(doc["id"], doc["name"], doc["location"], size)
    storage, image = plan(ctx, machine, wanted)
    doc["_generation"] = image.generation if image else _generation_of_disk(ctx, storage)
    check_generation(size, doc["_generation"])
    profile, secrets = _os_profile(wanted, storage, image)
    network = network_profile(ctx, doc["id"], doc["location"], wanted)
    check_new_names(ctx, machine, [storage["osDisk"], *storage["dataDisks"]])
    check_quota(ctx, ctx.subscription, doc["location"], size.cores)
    doc |= {name: ctx.body[name] for name in _HEAD if ctx.body.get(name)}
    _set_identity(ctx, doc)
    doc["properties"] = {
        "vmId": str(uuid.uuid4()),
        "hardwareProfile": {**object_of(wanted, "hardwareProfile"), "vmSize": size.name},
        "storageProfile": storage,
        **({"osProfile": profile} if profile else {}),
        **{name: wanted[name] for name in _ECHOED if wanted.get(name) is not None},
        "networkProfile": network,
        "provisioningState": "Creating",
        "timeCreated": ctx.clock.iso(),
    }
    doc |= {"_power": "starting", "_changed": ctx.clock.now(), "_etag": 1, "_secrets": secrets}
    doc["_specialized"] = bool(image and not image.generalized) or profile is None
    if wanted.get("userData"):
        doc["_user_data"] = wanted["userData"]
    ctx.store.put(doc["id"], doc)
    claim_interfaces(ctx, doc)
    claim(ctx, doc, [storage["osDisk"], *storage["dataDisks"]])
    vhds = new_vhds(ctx, doc, image)
    effect_name = "compute.vm.create.unmanaged" if vhds else "compute.vm.create"
    args = {"id": doc["id"], "vhds": vhds}
    operation = ctx.operations.start("compute", doc["location"], effect_name, args, doc["id"])
    return Reply(201, present(ctx, doc), operation.headers())


def _size_name(wanted: dict[str, Any]) -> str:
    name = text_of(wanted, "hardwareProfile", "vmSize")
    if not name:
        raise missing("vmSize", "hardwareProfile")
    return name


def _generation_of_disk(ctx: Context, storage: dict[str, Any]) -> str:
    identity = storage["osDisk"].get("managedDisk", {}).get("id")
    disk = ctx.store.get(identity) if identity else None
    return str(disk["properties"].get("hyperVGeneration", "V1")) if disk else "V1"


def _os_profile(
    wanted: dict[str, Any], storage: dict[str, Any], image: ImageSource | None
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    if image is None or not image.generalized:
        if wanted.get("osProfile"):
            raise ArmError(400, "InvalidParameter", "Parameter 'osProfile' is not allowed.", "osProfile")
        return None, {}
    return os_profile(wanted, storage["osDisk"]["osType"])


def _set_identity(ctx: Context, doc: Doc) -> None:
    wanted = object_of(ctx.body, "identity")
    if not wanted:
        return
    doc["identity"] = dict(wanted)
    if "systemassigned" in (text_of(wanted, "type") or "").lower():
        tenant = ctx.store.kv_get("subscriptions", ctx.subscription.lower()) or {}
        doc["identity"] |= {
            "principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, doc["id"].lower())),
            "tenantId": tenant.get("tenantId", str(uuid.UUID(int=0))),
        }


def _image_of(scope: Scope, doc: Doc) -> ImageSource | None:
    reference = doc["properties"]["storageProfile"].get("imageReference")
    return resolve(scope, pinned(reference), doc["id"].split("/")[2], doc["location"]) if reference else None


def _creation_failed(scope: Scope, args: dict[str, Any], error: ArmError) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        doc["properties"]["provisioningState"] = "Failed"
        doc["_failure"] = {"code": error.code, "message": error.message}
        doc["_power"] = None
        scope.store.put(doc["id"], doc)


@effect("compute.vm.create", failed=_creation_failed)
def _created(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    doc["_power"] = "running"
    doc["_changed"] = scope.clock.now()
    make_disks(scope, doc, _image_of(scope, doc))
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)


def _make_vhds(data_dir: Path, args: dict[str, Any]) -> None:
    for vhd in args["vhds"]:
        blobs.create_vhd(data_dir, **vhd)


@effect("compute.vm.create.unmanaged", failed=_creation_failed, work=_make_vhds)
def _created_unmanaged(scope: Scope, args: dict[str, Any]) -> None:
    _created(scope, args)


# Updates ---------------------------------------------------------------------------------------------------------


def _update(ctx: Context, found: Doc) -> Reply:
    check_idle(ctx, found, "Update VM", "VM")
    wanted = object_of(ctx.body, "properties")
    _check_unchanged(ctx, found, wanted)
    tags = tags_of(ctx.body)
    if tags is not None:
        found["tags"] = tags
    properties = found["properties"]
    size = check_size(text_of(wanted, "hardwareProfile", "vmSize") or properties["hardwareProfile"]["vmSize"])
    if size.name != properties["hardwareProfile"]["vmSize"]:
        check_generation(size, found["_generation"])
        check_quota(ctx, ctx.subscription, found["location"], size.cores)
        properties["hardwareProfile"]["vmSize"] = size.name
    properties |= {name: wanted[name] for name in _ECHOED if wanted.get(name) is not None}
    machine = Machine(found["id"], found["name"], found["location"], size)
    _update_disks(ctx, machine, found, object_of(wanted, "storageProfile"))
    if objects_of(wanted, "networkProfile", "networkInterfaces"):
        _update_interfaces(ctx, found, wanted)
    if ctx.body.get("identity") is not None:
        _set_identity(ctx, found)
    if wanted.get("userData"):
        found["_user_data"] = wanted["userData"]
    properties["provisioningState"] = "Updating"
    found["_etag"] = found.get("_etag", 1) + 1
    ctx.store.put(found["id"], found)
    operation = ctx.operations.start(
        "compute", found["location"], "compute.vm.update", {"id": found["id"]}, found["id"], seconds=10
    )
    return Reply(200, present(ctx, found), operation.headers())


def _check_unchanged(ctx: Context, found: Doc, wanted: dict[str, Any]) -> None:
    properties = found["properties"]
    for name in _FIXED:
        has = found.get(name) if name == "zones" else properties.get(name)
        value = ctx.body.get(name) if name == "zones" else wanted.get(name)
        if value is not None and value != has:
            raise _not_changeable(name)
    for name in ("computerName", "adminUsername"):
        value = text_of(wanted, "osProfile", name)
        if value is not None and value != properties.get("osProfile", {}).get(name):
            raise _not_changeable(f"osProfile.{name}")
    reference = object_of(wanted, "storageProfile", "imageReference")
    has = properties["storageProfile"].get("imageReference", {})
    for name, value in reference.items():
        if name != "exactVersion" and str(value).lower() != str(has.get(name)).lower():
            raise _not_changeable("imageReference")
    os_disk = object_of(wanted, "storageProfile", "osDisk")
    for path in (("name",), ("managedDisk", "id"), ("vhd", "uri")):
        value = text_of(os_disk, *path)
        if (
            value is not None
            and value.lower() != (text_of(properties["storageProfile"]["osDisk"], *path) or "").lower()
        ):
            raise _not_changeable(f"osDisk.{'.'.join(path)}")


def _not_changeable(name: str) -> ArmError:
    return ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", name)


def _update_disks(ctx: Context, machine: Machine, found: Doc, wanted: dict[str, Any]) -> None:
    profile = found["properties"]["storageProfile"]
    os_wanted = object_of(wanted, "osDisk")
    for name in ("caching", "deleteOption"):
        if text_of(os_wanted, name):
            profile["osDisk"][name] = os_wanted[name]
    size = number_of(os_wanted, "diskSizeGB")
    if size is not None and size > profile["osDisk"].get("diskSizeGB", size):
        if found["_power"] != "deallocated":
            raise ArmError(
                409, "Conflict", "Disk resizing is allowed only when creating a VM or when the VM is deallocated."
            )
        profile["osDisk"]["diskSizeGB"] = size
    if wanted.get("dataDisks") is None:
        return
    has = {disk["lun"]: disk for disk in profile["dataDisks"]}
    kept: dict[int, dict[str, Any]] = {}
    new: list[dict[str, Any]] = []
    for disk in objects_of(wanted, "dataDisks"):
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
    if len(staying) + len(added) > machine.size.data_disks:
        plan_data_disks(ctx, machine, [*objects_of(wanted, "dataDisks")], None)
    check_new_names(ctx, machine, added)
    claim(ctx, found, added)
    profile["dataDisks"] = sorted([*leaving, *staying], key=lambda disk: disk["lun"]) + added


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


VM_TYPE = f"{PROVIDER}/virtualMachines"
