# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version is made from: a managed image, a machine, disks, snapshots, VHDs, another version.

Some faults are refused at once, others only show when the operation fails: which is which is as users report it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import choice_of, number_of, object_of, objects_of, text_of
from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._shared import GIB, invalid
from azure_emulator.services.compute.galleries._definition_parts import security_of
from azure_emulator.services.compute.origins import usable_source
from azure_emulator.services.compute.sources import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sources import ImageSource

_CACHING = ("None", "ReadOnly", "ReadWrite")
_FULL_GB = 2048
_ONE_SOURCE = (
    "The gallery artifact version source can only be specified either directly under storageProfile or within individual OS "
    "or data disks. One and only one source type (user image, snapshot, disk, virtual machine) can be provided."
)
#: The first API version with a source in the ``storageProfile``.
SOURCE_SINCE = "2019-07-01"
# A blob's account has a member of its own since this version; `id` meant it before [reported].
_ACCOUNT_SINCE = "2022-03-03"


@dataclass
class DiskPlan:
    """One disk: `lun` None for the OS disk, `size` in bytes, `pages` to copy (None: zeros), or a `blob` to fetch."""

    lun: int | None
    size: int
    caching: str
    pages: str | None = None
    blob: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        return "os" if self.lun is None else str(self.lun)


@dataclass
class VersionSource:
    """The start of a version: what it shows while it is made, its disks, and why it will fail, if it will."""

    shown: dict[str, Any]
    disks: list[DiskPlan]
    problems: list[ArmError] = field(default_factory=list)
    #: The Marketplace image behind a machine, as a version's ``platformAttributes`` tell it.
    attributes: list[dict[str, str]] = field(default_factory=list)

    def expect(self, what: str, identity: str, has: str | None, wants: str) -> None:
        """Note a difference between source and definition, which fails the operation [reported: code ``Conflict``]."""
        if has is not None and has.lower() != wants.lower():
            # The word "generation" after "OS type" is Azure's.
            theirs = f"{what} generation" if what == "OS type" else what
            message = (
                f"The resource with id '{identity}' has a different {what} ['{has}'] than the parent gallery image {theirs} "
                f"['{wants}']."
            )
            self.problems.append(ArmError(409, "Conflict", message))


def open_source(ctx: Context, definition: Doc, location: str) -> VersionSource:
    """Find and check the source of a new version.

    :raises ArmError: 400, 404 or 409 for what is refused at once.
    """
    profile = storage_profile(ctx)
    source = object_of(profile, "source")
    os_image, data_images = object_of(profile, "osDiskImage"), objects_of(profile, "dataDiskImages")
    names = [name for name in ("id", "virtualMachineId", "communityGalleryImageId") if text_of(source, name)]
    if len(names) + bool(os_image or data_images) != 1:
        raise invalid(_ONE_SOURCE, "galleryImageVersion.properties.storageProfile")
    if not names:
        found = _from_disks(ctx, definition, location, os_image, data_images)
    else:
        identity = str(text_of(source, names[0]))
        opener = _opener(names[0], identity)
        found = opener(ctx, definition, location, identity)
        found.shown = {"source": {names[0]: identity}}
    mode = choice_of(ctx.body, ("Full", "Shallow"), "properties", "publishingProfile", "replicationMode")
    largest = max(disk.size for disk in found.disks) // GIB
    if largest > _FULL_GB and mode != "Shallow":
        message = f"The GalleryImageVersion source resource size {largest} exceeds the max size {_FULL_GB} supported."
        found.problems.append(ArmError(409, "GallerySourceResourceExceedsMaxSize", message))
    return found


def storage_profile(ctx: Context) -> dict[str, Any]:
    """The ``storageProfile``; the first API versions named a managed image in the ``publishingProfile`` [published]."""
    if ctx.api_version < SOURCE_SINCE:
        image = text_of(ctx.body, "properties", "publishingProfile", "source", "managedImage", "id")
        return {"source": {"id": image}} if image else {}
    return object_of(ctx.body, "properties", "storageProfile")


def _opener(name: str, identity: str) -> Callable[[Context, Doc, str, str], VersionSource]:
    if name == "communityGalleryImageId":
        return _from_community
    openers = {
        "microsoft.compute/images": _from_image,
        "microsoft.compute/virtualmachines": _from_machine,
        "microsoft.compute/galleries/images/versions": _from_version,
    }
    known = openers.get(arm_ids.parse(identity).type.lower())
    if known is None or (name == "virtualMachineId" and known is not _from_machine):
        raise invalid(
            f"The source id: {identity} must either be a managed image, virtual machine or another gallery image version.",
            "galleryImageVersion.properties.storageProfile.source.id",
        )
    return known


def _located(ctx: Context, identity: str, location: str) -> Doc:
    found = ctx.store.get(identity)
    if found is None or found["location"] != location:
        raise _missing(identity)
    return found


def _missing(identity: str) -> ArmError:
    return ArmError(
        404,
        "NotFound",
        f"Source {identity} is not found. Please check source exists, and is in the same region as gallery image version being "
        "created.",
    )


def _from_image(ctx: Context, definition: Doc, location: str, identity: str) -> VersionSource:
    _located(ctx, identity, location)
    return _like(definition, identity, resolve(ctx, {"id": identity}, ctx.subscription, location))


def _like(definition: Doc, identity: str, image: ImageSource) -> VersionSource:
    """What is made from an image, whose disks it copies.

    :raises ArmError: 409 when the definition has another OS state.
    """
    wants = definition["properties"]
    if image.os_state != wants["osState"]:
        raise ArmError(
            409,
            "Conflict",
            f"Cannot create Gallery Image Version from: {identity} since the OS State in the parent gallery image "
            f"('{wants['osState']}') is not '{image.os_state}'.",
        )
    disks = [DiskPlan(disk.lun, disk.size, disk.caching or "None", disk.pages) for disk in (image.os, *image.data)]
    found = VersionSource({}, disks)
    found.expect("Hypervisor generation", identity, image.generation, wants["hyperVGeneration"])
    found.expect("OS type", identity, image.os_type, wants["osType"])
    return found


def _from_machine(ctx: Context, definition: Doc, location: str, identity: str) -> VersionSource:
    vm = _located(ctx, identity, location)
    properties, wants = vm["properties"], definition["properties"]
    state = "Generalized" if vm.get("_generalized") else "Specialized"
    if state != wants["osState"]:
        raise ArmError(
            400,
            "BadRequest",
            f"The resource with id '{identity}' has a different OS state ['{state}'] than the parent gallery image OS state "
            f"['{wants['osState']}'].",
        )
    storage = properties["storageProfile"]
    if "diffDiskSettings" in storage["osDisk"]:
        raise invalid(
            f"Source virtual machine {identity} cannot contain an ephemeral OS disk.", "storageProfile.source.id"
        )
    disks = [_disk_of_machine(ctx, identity, storage["osDisk"], None)]
    disks += [_disk_of_machine(ctx, identity, disk, disk["lun"]) for disk in storage["dataDisks"]]
    found = VersionSource({}, disks)
    found.expect("Hypervisor generation", identity, vm.get("_generation"), wants["hyperVGeneration"])
    found.expect("OS type", identity, storage["osDisk"]["osType"], wants["osType"])
    _compare_security(found, identity, properties, wants)
    _compare_plans(found, identity, vm.get("plan"), wants.get("purchasePlan"))
    reference = storage.get("imageReference", {})
    if "publisher" in reference:
        names = ("publisher", "offer", "sku")
        found.attributes = [{"name": f"source_image_{name}", "value": reference[name]} for name in names]
    return found


def _disk_of_machine(ctx: Context, identity: str, disk: dict[str, Any], lun: int | None) -> DiskPlan:
    if "managedDisk" not in disk:
        raise invalid(
            f"Source virtual machine {identity} must be created from Managed Disks.", "storageProfile.source.id"
        )
    managed = ctx.store.get(disk["managedDisk"].get("id", ""))
    if managed is None:
        raise _missing(identity)
    if managed["sku"]["name"] == "UltraSSD_LRS":
        raise invalid(
            f"Source virtual machine {identity} cannot contain disk ['{managed['id']}'] stored in an UltraSSD account type.",
            "storageProfile.source.id",
        )
    size = managed["properties"]["diskSizeBytes"]
    return DiskPlan(lun, size, disk.get("caching", "None"), managed["_pages"])


def _compare_security(found: VersionSource, identity: str, vm: dict[str, Any], wants: dict[str, Any]) -> None:
    """A machine with a security type needs a definition that has or supports it [documented; the text is guessed]."""
    has = str(object_of(vm, "securityProfile").get("securityType") or "Standard")
    accepts = security_of(wants)
    if has != "Standard" and not accepts.lower().startswith(has.lower()) and "And" not in accepts:
        found.expect("security type", identity, has, accepts)


def _compare_plans(found: VersionSource, identity: str, has: Any, wants: Any) -> None:
    """A machine from a Marketplace image with a plan makes versions only of definitions with the same plan."""
    names = ("name", "publisher", "product")
    ours, theirs = ({name: plan.get(name) for name in names} if plan else None for plan in (has, wants))
    if ours is None or ours == theirs:
        return
    shown = [json.dumps(plan, separators=(",", ":")) for plan in (ours, theirs)]
    message = (
        f"The resource with id '{identity}' has a different plan ['{shown[0]}'] than the parent gallery image plan "
        f"['{shown[1]}']."
    )
    found.problems.append(ArmError(409, "Conflict", message))


def _from_version(ctx: Context, definition: Doc, location: str, identity: str) -> VersionSource:
    return _from_resolved(ctx, definition, location, identity, {"id": identity})


def _from_community(ctx: Context, definition: Doc, location: str, identity: str) -> VersionSource:
    return _from_resolved(ctx, definition, location, identity, {"communityGalleryImageId": identity})


def _from_resolved(
    ctx: Context, definition: Doc, location: str, identity: str, reference: dict[str, Any]
) -> VersionSource:
    try:
        image = resolve(ctx, reference, ctx.subscription, location)
    except ArmError as error:
        raise _missing(identity) from error
    found = _like(definition, identity, image)
    found.expect("architecture", identity, image.architecture, definition["properties"]["architecture"])
    return found


def _from_disks(
    ctx: Context, definition: Doc, location: str, os_image: dict[str, Any], data_images: list[dict[str, Any]]
) -> VersionSource:
    """OS and data disks from disks, snapshots and VHDs, each named by itself."""
    if not os_image:
        raise invalid(_ONE_SOURCE, "galleryImageVersion.properties.storageProfile")
    found = VersionSource({}, [])
    found.shown["osDiskImage"] = _open_disk(ctx, found, definition, location, os_image, None)
    luns: set[int] = set()
    for image in data_images:
        lun = number_of(image, "lun")
        if lun is None or lun in luns:
            raise invalid(
                "Duplicated lun numbers have been detected in the input data disks. Lun number must be unique for each data "
                "disk.",
                "galleryImageVersion.properties.storageProfile.dataDiskImages",
            )
        luns.add(lun)
        shown = _open_disk(ctx, found, definition, location, image, lun)
        found.shown.setdefault("dataDiskImages", []).append({"lun": lun, **shown})
    sources = [_source_key(image) for image in (os_image, *data_images)]
    if len(set(sources)) != len(sources):
        raise invalid(
            "Duplicated source ids are found in the input disks. Source id should be unique for each disk.",
            "galleryImageVersion.properties.storageProfile",
        )
    return found


def _source_key(image: dict[str, Any]) -> str:
    source = object_of(image, "source")
    return (text_of(source, "uri") or text_of(source, "id") or "").lower()


def _open_disk(
    ctx: Context, found: VersionSource, definition: Doc, location: str, image: dict[str, Any], lun: int | None
) -> dict[str, Any]:
    source = object_of(image, "source")
    caching = choice_of(image, _CACHING, "hostCaching") or ("ReadWrite" if lun is None else "None")
    uri, identity = text_of(source, "uri"), text_of(source, "id")
    if uri:
        _check_account(ctx, source)
        blob = blobs.describe(ctx, uri)
        found.disks.append(DiskPlan(lun, blob["size"] - FOOTER_SIZE, caching, blob=blob))
        kept = {name: source[name] for name in ("id", "uri", "storageAccountId") if source.get(name)}
        return {"hostCaching": caching, "source": kept}
    if not identity:
        raise invalid(_ONE_SOURCE, "galleryImageVersion.properties.storageProfile")
    if arm_ids.parse(identity).type.lower() not in ("microsoft.compute/disks", "microsoft.compute/snapshots"):
        raise invalid(f"The source id: {identity} must be a managed disk or snapshot.", "storageProfile.source.id")
    _located(ctx, identity, location)
    disk = usable_source(ctx, identity, location)
    found.disks.append(DiskPlan(lun, disk["properties"]["diskSizeBytes"], caching, disk["_pages"]))
    if lun is None:
        properties, wants = disk["properties"], definition["properties"]
        found.expect("Hypervisor generation", identity, properties.get("hyperVGeneration"), wants["hyperVGeneration"])
        found.expect("OS type", identity, properties.get("osType"), wants["osType"])
        architecture = text_of(properties, "supportedCapabilities", "architecture")
        found.expect("architecture", identity, architecture, wants["architecture"])
    return {"hostCaching": caching, "source": {"id": identity}}


def _check_account(ctx: Context, source: dict[str, Any]) -> None:
    name = "storageAccountId" if ctx.api_version >= _ACCOUNT_SINCE else "id"
    account = text_of(source, "storageAccountId") or text_of(source, name)
    if not account:
        raise invalid(
            f"Required parameter '{name}' is missing (null).",
            f"galleryImageVersion.properties.storageProfile.osDiskImage.source.{name}",
        )
    if not ctx.store.exists(account):
        raise ArmError(404, "NotFound", f"Source was not found: {account}. Please make sure the source exists.")
