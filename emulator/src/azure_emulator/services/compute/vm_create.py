# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create virtual machines, and what becomes of one whose creation fails.

Effects, for plans of failures: ``compute.vm.create`` (managed disks) and ``compute.vm.create.unmanaged`` (blobs). A
failure whose code begins with ``OSProvisioning`` means that the machine runs and only its agent was not heard: disks
and power state stay. Any other (``AllocationFailed``) leaves a machine that never started. Both show ``Failed``, the
code in the instance view, and can be deleted.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import missing, object_of, text_of
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._shared import begin, invalid, new_resource
from azure_emulator.services.compute.quotas import check_quota
from azure_emulator.services.compute.resource_skus import check_available
from azure_emulator.services.compute.sizes import check_architecture, check_generation, check_size
from azure_emulator.services.compute.sources import ImageSource, pinned, resolve
from azure_emulator.services.compute.vm_disks import claim, make_disks, new_vhds
from azure_emulator.services.compute.vm_identity import set_identity
from azure_emulator.services.compute.vm_profiles import claim_interfaces, network_profile, os_profile
from azure_emulator.services.compute.vm_rules import (
    check_hibernation,
    check_licence,
    check_plan,
    check_references,
    check_security,
)
from azure_emulator.services.compute.vm_shapes import present
from azure_emulator.services.compute.vm_storage import Machine, check_new_names, plan

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sizes import VmSize

#: Properties that come back as they were sent.
ECHOED = (
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
    "hostGroup",
    "licenseType",
    "extensionsTimeBudget",
    "platformFaultDomain",
    "scheduledEventsProfile",
    "scheduledEventsPolicy",
    "capacityReservation",
    "applicationProfile",
)
_HEAD = ("zones", "plan", "extendedLocation")


def create(ctx: Context) -> Reply:
    """201: the machine as it will be, while it is being made."""
    doc = new_resource(ctx, "virtualMachines", "vmName")
    wanted = object_of(ctx.body, "properties")
    size = check_size(_size_name(wanted))
    check_available(ctx, doc["id"], doc["location"], size, ctx.body.get("zones") or [])
    machine = Machine(doc["id"], doc["name"], doc["location"], size)
    storage, image = plan(ctx, machine, wanted)
    _check_image(ctx, doc, size, wanted, storage, image)
    profile, secrets = _os_profile(wanted, storage, image)
    network = network_profile(ctx, doc["id"], doc["location"], wanted)
    check_new_names(ctx, machine, [storage["osDisk"], *storage["dataDisks"]])
    check_quota(ctx, doc["location"], size, text_of(wanted, "priority"))
    doc |= {name: ctx.body[name] for name in _HEAD if ctx.body.get(name)}
    set_identity(ctx, doc)
    doc["properties"] = {
        "vmId": str(uuid.uuid4()),
        "hardwareProfile": {**object_of(wanted, "hardwareProfile"), "vmSize": size.name},
        "storageProfile": storage,
        **({"osProfile": profile} if profile else {}),
        **{name: wanted[name] for name in ECHOED if wanted.get(name) is not None},
        "networkProfile": network,
        "provisioningState": "Creating",
        "timeCreated": ctx.clock.iso(),
    }
    doc |= {"_power": "starting", "_changed": ctx.clock.now(), "_etag": 1, "_secrets": secrets}
    doc["_specialized"] = bool(image and not image.generalized) or profile is None
    if wanted.get("userData"):
        doc["_user_data"] = wanted["userData"]
    return _start(ctx, doc, image)


def _start(ctx: Context, doc: Doc, image: ImageSource | None) -> Reply:
    storage = doc["properties"]["storageProfile"]
    ctx.store.put(doc["id"], doc)
    claim_interfaces(ctx, doc)
    claim(ctx, doc, [storage["osDisk"], *storage["dataDisks"]])
    vhds = new_vhds(ctx, doc, image)
    operation = begin(ctx, doc, "compute.vm.create.unmanaged" if vhds else "compute.vm.create", vhds=vhds)
    return Reply(201, present(ctx, doc), operation.headers())


def _check_image(
    ctx: Context, doc: Doc, size: VmSize, wanted: dict[str, Any], storage: dict[str, Any], image: ImageSource | None
) -> None:
    """Does everything fit together: boot mode, processor, plan, licence, security type, what is referred to."""
    disk = _os_disk(ctx, storage)
    doc["_generation"] = image.generation if image else str(disk.get("hyperVGeneration") or "V1")
    check_generation(size, doc["_generation"])
    found = (
        image.architecture if image else object_of(disk, "supportedCapabilities").get("architecture", size.architecture)
    )
    check_architecture(size, str(found))
    doc["_architecture"] = size.architecture
    check_plan(ctx, doc["id"], image)
    check_licence(wanted, storage["osDisk"]["osType"])
    security = check_security(wanted, size, image)
    if security:
        doc["_security"] = security
    check_hibernation(wanted, size)
    check_references(ctx, doc, wanted, managed="managedDisk" in storage["osDisk"])


def _size_name(wanted: dict[str, Any]) -> str:
    name = text_of(wanted, "hardwareProfile", "vmSize")
    if not name:
        raise missing("vmSize", "hardwareProfile")
    return name


def _os_disk(ctx: Context, storage: dict[str, Any]) -> dict[str, Any]:
    """The properties of the disk that is attached as the system's, if one is."""
    identity = storage["osDisk"].get("managedDisk", {}).get("id")
    disk = ctx.store.get(identity) if identity else None
    return dict(disk["properties"]) if disk else {}


def _os_profile(
    wanted: dict[str, Any], storage: dict[str, Any], image: ImageSource | None
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    if image is None or not image.generalized:
        if wanted.get("osProfile"):
            raise invalid("Parameter 'osProfile' is not allowed.", "osProfile")
        return None, {}
    return os_profile(wanted, storage["osDisk"]["osType"])


def image_of(scope: Scope, doc: Doc) -> ImageSource | None:
    """The image that a machine was made from."""
    reference = doc["properties"]["storageProfile"].get("imageReference")
    return resolve(scope, pinned(reference), doc["id"].split("/")[2], doc["location"]) if reference else None


def _creation_failed(scope: Scope, args: dict[str, Any], error: ArmError) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    booted = error.code.startswith("OSProvisioning")
    doc["_power"] = "running" if booted else None
    if booted:
        make_disks(scope, doc, image_of(scope, doc))
    doc["properties"]["provisioningState"] = "Failed"
    doc["_failure"] = {"code": error.code, "message": error.message}
    doc["_changed"] = scope.clock.now()
    scope.store.put(doc["id"], doc)


@effect("compute.vm.create", failed=_creation_failed)
def _created(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    doc["_power"] = "running"
    doc["_changed"] = scope.clock.now()
    make_disks(scope, doc, image_of(scope, doc))
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)


def _make_vhds(data_dir: Path, args: dict[str, Any]) -> None:
    for vhd in args["vhds"]:
        if "source" in vhd:
            blobs.copy_vhd(data_dir, **vhd)
        else:
            blobs.create_vhd(data_dir, **vhd)


@effect("compute.vm.create.unmanaged", failed=_creation_failed, work=_make_vhds)
def _created_unmanaged(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is not None:
        _check_from_premises(scope, doc)
    _created(scope, args)


def _check_from_premises(scope: Scope, doc: Doc) -> None:
    """A Windows licence of one's own is not for a captured Marketplace image in a blob [recorded 2017]."""
    licence = text_of(doc["properties"], "licenseType") or ""
    uri = text_of(doc["properties"], "storageProfile", "osDisk", "image", "uri")
    captured = scope.store.kv_get(blobs.CAPTURED, uri.lower()) if uri else None
    if licence.startswith("Windows_") and captured and captured["marketplace"]:
        raise ArmError(
            409, "NotSupported", f"The license type is {licence}, but the image blob {uri} is not from on-premises."
        )
