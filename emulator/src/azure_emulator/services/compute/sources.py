# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ``imageReference`` means: bytes, operating system, generation, data disks.

Managed images, gallery versions and Marketplace images become one `ImageSource`. A service that has images registers
a resolver for its resource type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import missing, text_of
from azure_emulator.services.compute import catalogue
from azure_emulator.services.compute._data import page_store
from azure_emulator.services.compute._shared import GIB, PROVIDER

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SourceDisk:
    """One disk of an image.

    `size` in bytes; `creation` is the ``creationData`` of a disk made from it; `pages` is None for a disk of zeros;
    `lun` is None for the OS disk; `encryption_set` is the id of the customer's key that the image has in the region.
    """

    size: int
    size_gb: int
    creation: dict[str, Any]
    pages: str | None = None
    lun: int | None = None
    caching: str | None = None
    storage_type: str | None = None
    encryption_set: str | None = None

    def take(self, data_dir: Path) -> str:
        """New pages with this disk's bytes."""
        store = page_store(data_dir)
        return store.copy(self.pages) if self.pages else store.create()


@dataclass(frozen=True)
class ImageSource:
    """An image that machines and disks can be made from.

    `disk_label` is the middle of generated names of OS disks (`vm_OsDisk_1_…`, but `vm_disk1_…` from a managed image
    [recorded]).
    """

    os_type: str
    os_state: str
    generation: str
    os: SourceDisk
    data: tuple[SourceDisk, ...] = ()
    exact_version: str | None = None
    disk_label: str = "OsDisk_1"
    architecture: str = "x64"
    #: Further properties that an OS disk made from the image gets: ``supportedCapabilities``, ``purchasePlan`` …
    handed_on: dict[str, Any] = field(default_factory=dict)
    #: The purchase plan that a machine must name; ``None``: it must name none.
    plan: dict[str, str] | None = None
    #: The feature ``SecurityType``: ``TrustedLaunchSupported``, ``TrustedLaunch``, ``ConfidentialVM`` …
    security_type: str | None = None

    @property
    def generalized(self) -> bool:
        return self.os_state == "Generalized"


Resolver = Callable[[Scope, str, str], ImageSource]
"""From a resource id and a location to the image; raises `ArmError` when it cannot be used there."""

NamedResolver = Callable[[Scope, str, str, str, str], ImageSource]
"""The same for ids that are no resource ids: member of ``imageReference``, its value, subscription, location."""

_RESOLVERS: dict[str, Resolver] = {}
_NAMED: dict[str, NamedResolver] = {}
_PLATFORM_ID = re.compile(
    r"/subscriptions/[^/]+/providers/microsoft\.compute/locations/[^/]+/publishers/(?P<publisher>[^/]+)"
    r"/artifacttypes/vmimage/offers/(?P<offer>[^/]+)/skus/(?P<sku>[^/]+)/versions/(?P<version>[^/]+)",
    re.IGNORECASE,
)
_GALLERY_IMAGE = re.compile(r".*/\w*Galleries/[^/]+/images/[^/]+", re.IGNORECASE)


def register(resource_type: str, resolver: Resolver) -> None:
    """Let `imageReference.id` name resources of a type, e.g. ``Microsoft.Compute/images``."""
    _RESOLVERS[resource_type.lower()] = resolver


def register_named(member: str, resolver: NamedResolver) -> None:
    """Let a member of `imageReference`, e.g. ``communityGalleryImageId``, name images."""
    _NAMED[member] = resolver


def pinned(reference: dict[str, Any]) -> dict[str, Any]:
    """A gallery's reference that was resolved before, now to the version that was found then."""
    exact = reference.get("exactVersion")
    for name in ("id", *_NAMED) if exact else ():
        value = reference.get(name)
        found = _GALLERY_IMAGE.match(value) if isinstance(value, str) else None
        if found:
            return {**reference, name: f"{found[0]}/versions/{exact}"}
    return reference


def resolve(scope: Scope, reference: dict[str, Any], subscription: str, location: str) -> ImageSource:
    """The image that a VM's ``imageReference`` names.

    :raises ArmError: 400 for an incomplete reference, 404 when there is no such image.
    """
    identity = text_of(reference, "id")
    if identity:
        resolver = _RESOLVERS.get(arm_ids.parse(identity).type.lower())
        if resolver is None:
            raise ArmError(404, "NotFound", f"The Image {identity} cannot be found.")
        return resolver(scope, identity, location)
    for member, named in _NAMED.items():
        if value := text_of(reference, member):
            return named(scope, member, value, subscription, location)
    names = {name: text_of(reference, name) for name in ("publisher", "offer", "sku", "version")}
    for name, value in names.items():
        if not value:
            raise missing(name, "imageReference")
    return _platform(names, subscription, location)


def resolve_platform_id(scope: Scope, identity: str, location: str) -> ImageSource:
    """The image that ``creationData.imageReference.id`` of a disk names: a Marketplace version."""
    found = _PLATFORM_ID.fullmatch(identity)
    if found:
        return _platform(found.groupdict(), identity.split("/")[2], location)
    return resolve(scope, {"id": identity}, "", location)


def _platform(names: dict[str, Any], subscription: str, location: str) -> ImageSource:
    sku = catalogue.find(names["publisher"], names["offer"], names["sku"])
    version = names["version"]
    if sku and version.lower() == "latest":
        version = sku.versions[-1]
    if sku is None or not sku.has(version):
        urn = ":".join(names[name] for name in ("publisher", "offer", "sku", "version"))
        raise ArmError(
            404,
            "PlatformImageNotFound",
            f"The platform image '{urn}' is not available. Verify that all fields in the storage profile are correct. "
            "For more details about storage profile information, please refer to https://aka.ms/storageprofile",
            "imageReference",
        )
    if sku.deprecated:
        raise ArmError(
            400,
            "ImageVersionDeprecated",
            f"VM Image from publisher: {sku.publisher} with - Offer: {sku.offer}, Sku: {sku.sku}, Version: {version} is "
            "deprecated.",
            "imageReference",
        )
    identity = (
        f"/Subscriptions/{subscription}/Providers/{PROVIDER}/Locations/{location}/Publishers/{sku.publisher}"
        f"/ArtifactTypes/VMImage/Offers/{sku.offer}/Skus/{sku.sku}/Versions/{version}"
    )

    def creation(lun: int | None = None) -> dict[str, Any]:
        reference = {"id": identity} if lun is None else {"id": identity, "lun": lun}
        return {"createOption": "FromImage", "imageReference": reference}

    return ImageSource(
        os_type=sku.os_type,
        os_state="Generalized",
        generation=sku.generation,
        os=SourceDisk(sku.disk_size, sku.size_gb, creation()),
        data=tuple(
            SourceDisk(disk.size_gb * GIB, disk.size_gb, creation(disk.lun), lun=disk.lun) for disk in sku.data_disks
        ),
        exact_version=version,
        architecture=sku.architecture,
        handed_on=_platform_capabilities(sku),
        plan=sku.plan,
        security_type=sku.security_type,
    )


def _platform_capabilities(sku: catalogue.Sku) -> dict[str, Any]:
    """What disks of Marketplace images say of themselves [recorded for a generation 2 image]."""
    plan = {"purchasePlan": sku.plan} if sku.plan else {}
    capabilities: dict[str, Any] = {"acceleratedNetwork": True, "architecture": sku.architecture}
    if sku.generation != "V2":
        return {**plan, "supportedCapabilities": capabilities}
    return {
        **plan,
        "supportsHibernation": True,
        "supportedCapabilities": {"diskControllerTypes": "SCSI, NVMe", **capabilities},
    }
