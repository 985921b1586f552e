# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let machines and disks be made from versions: of one's own galleries, of shared and of public ones.

Recorded: ``exactVersion``, names of the disks. Documented: what ``latest`` means and the texts of refusals; their codes
are guessed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core import locations
from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import object_of, objects_of, text_of
from azure_emulator.services.compute.disk_shapes import size_in_gb
from azure_emulator.services.compute.galleries._definition_parts import security_of
from azure_emulator.services.compute.galleries._levels import DEFINITION, VERSION
from azure_emulator.services.compute.galleries._published import (
    Published,
    community,
    descending,
    highest_first,
    newest,
    shared_gallery,
    usable,
)
from azure_emulator.services.compute.sources import ImageSource, SourceDisk, register, register_named

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc

_PUBLISHED_ID = re.compile(
    r"/(?P<kind>CommunityGalleries|SharedGalleries)/(?P<gallery>[^/]+)/Images/(?P<definition>[^/]+)"
    r"(/Versions/(?P<version>[^/]+))?/?",
    re.IGNORECASE,
)


def _of_definition(scope: Scope, identity: str, location: str) -> ImageSource:
    """The definition's newest version."""
    definition = scope.store.get(identity)
    if definition is None:
        raise _unavailable(identity, location)
    version = newest(scope, descending(scope, definition["id"]), location)
    if version is None:
        profiles = (doc["properties"]["publishingProfile"] for doc in descending(scope, definition["id"]))
        included = any(not profile["excludeFromLatest"] for profile in profiles)
        raise _unavailable(identity, location) if included else _no_latest(identity)
    return _image(definition, version, {"id": version["id"]}, location)


def _of_version(scope: Scope, identity: str, location: str) -> ImageSource:
    parent = arm_ids.parse(identity).parent or ""
    if identity.rsplit("/", 1)[1].lower() == "latest":
        return _of_definition(scope, parent, location)
    version, definition = scope.store.get(identity), scope.store.get(parent)
    if version is None or definition is None or not usable(scope, version, location):
        raise _unavailable(identity, location)
    return _image(definition, version, {"id": version["id"]}, location)


def _of_published(scope: Scope, name: str, identity: str, subscription: str, location: str) -> ImageSource:
    """An id like ``/CommunityGalleries/{public name}/Images/{definition}/Versions/{version or latest}``."""
    parts = _PUBLISHED_ID.fullmatch(identity)
    kind = "CommunityGalleries" if name.startswith("community") else "SharedGalleries"
    if parts is None or parts["kind"].lower() != kind.lower():
        raise ArmError(
            400, "InvalidParameter", f"The value of parameter imageReference.{name} is invalid.", "imageReference"
        )
    found = (
        community(scope, parts["gallery"])
        if kind == "CommunityGalleries"
        else shared_gallery(scope, parts["gallery"], subscription)
    )
    definition = found.definition(scope, parts["definition"]) if found else None
    version = _chosen(scope, found, definition, parts["version"] or "latest", location)
    if found is None or definition is None or version is None:
        raise _unavailable(identity, location)
    exact = f"/{kind}/{found.name}/Images/{definition['name']}/Versions/{version['name']}"
    return _image(definition, version, {name: exact}, location)


def _chosen(scope: Scope, found: Published | None, definition: Doc | None, name: str, location: str) -> Doc | None:
    if found is None or definition is None:
        return None
    if name.lower() == "latest":
        return newest(scope, highest_first(found.versions(scope, definition, location)), location)
    return found.version(scope, definition, name, location)


def _image(definition: Doc, version: Doc, reference: dict[str, Any], location: str) -> ImageSource:
    properties = definition["properties"]
    security, plan = security_of(properties), properties.get("purchasePlan")
    disks = [_disk(version, disk, reference, location) for disk in version["_disks"]]
    return ImageSource(
        os_type=properties["osType"],
        os_state=properties["osState"],
        generation=properties["hyperVGeneration"],
        os=next(disk for disk in disks if disk.lun is None),
        data=tuple(disk for disk in disks if disk.lun is not None),
        exact_version=version["name"],
        architecture=properties["architecture"],
        plan={name: plan.get(name, "") for name in ("name", "publisher", "product")} if plan else None,
        handed_on=_handed_on(properties),
        security_type=None if security == "Standard" else security,
    )


def _handed_on(properties: dict[str, Any]) -> dict[str, Any]:
    """What the OS disk of a machine takes over from the definition."""
    plan, arm = properties.get("purchasePlan"), properties["architecture"] == "Arm64"
    return {
        **({"purchasePlan": plan} if plan else {}),
        **({"supportedCapabilities": {"architecture": "Arm64"}} if arm else {}),
    }


def _disk(version: Doc, disk: dict[str, Any], reference: dict[str, Any], location: str) -> SourceDisk:
    lun = {"lun": disk["lun"]} if disk["lun"] is not None else {}
    return SourceDisk(
        size=disk["size"],
        size_gb=size_in_gb(disk["size"]),
        creation={"createOption": "FromImage", "galleryImageReference": {**reference, **lun}},
        pages=version["_pages"].get(disk["key"]),
        lun=disk["lun"],
        caching=disk["caching"],
        encryption_set=_encryption_set(version, disk["lun"], location),
    )


def _encryption_set(version: Doc, lun: int | None, location: str) -> str | None:
    """The key of a region's replica, which the disks made from it have, too [recorded]."""
    regions = version["properties"]["publishingProfile"]["targetRegions"]
    name = locations.display_name(location)
    encryption = next((object_of(region, "encryption") for region in regions if region["name"] == name), {})
    if lun is None:
        return text_of(encryption, "osDiskImage", "diskEncryptionSetId")
    images = objects_of(encryption, "dataDiskImages")
    return next((text_of(image, "diskEncryptionSetId") for image in images if image.get("lun") == lun), None)


def _no_latest(identity: str) -> ArmError:
    message = f'There is no latest image version exists for "{identity}"'
    return ArmError(404, "GalleryImageNotFound", message, "imageReference")


def _unavailable(identity: str, location: str) -> ArmError:
    return ArmError(
        404,
        "GalleryImageNotFound",
        f"The gallery image {identity} is not available in {location} region. Please contact image owner to replicate to this "
        "region, or change your requested region.",
        "imageReference",
    )


register(DEFINITION.type, _of_definition)
register(VERSION.type, _of_version)
register_named("communityGalleryImageId", _of_published)
register_named("sharedGalleryImageId", _of_published)
