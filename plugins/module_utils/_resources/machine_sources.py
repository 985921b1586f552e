# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is made from: a managed image, a Marketplace image, or an existing OS disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import disks, managed_images

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire


@dataclass(frozen=True)
class Source:
    """An operating system that machines can be made from.

    :ivar name: for messages.
    :ivar location: where machines can be made from it; ``None``: wherever it was looked up.
    :ivar image: ARM's ``imageReference``; ``None`` for an OS disk.
    :ivar disk_id: the OS disk; ``None`` for an image.
    :ivar os_type: ``Linux`` or ``Windows``.
    :ivar specialized: it has an identity already, so no administrator can be given to it.
    :ivar luns: of the data disks that every machine gets.
    :ivar plan: the purchase plan that a Marketplace image demands.
    """

    name: str
    location: str | None
    image: Wire | None
    disk_id: str | None
    os_type: str
    specialized: bool
    generation: str | None
    luns: tuple[int, ...] = ()
    plan: Wire | None = None


def from_disk(azure: Session, disk_id: str) -> Source:
    """An existing OS disk: one machine, the one that is on it.

    :raises InvalidInput: absent, incomplete, attached, or not marked with an operating system.
    """
    found = disks.check_source(azure, disk_id)
    if found.get("managedBy"):
        raise InvalidInput(
            f"The disk {found['name']} belongs to {found['managedBy']} already.",
            remedy="Use a copy of it (goldenimage.azure.disk with source).",
        )
    os_type = found["properties"].get("osType")
    if os_type is None:
        raise InvalidInput(f"The disk {found['name']} is a data disk.", remedy="Set os_type on the disk first.")
    generation = found["properties"].get("hyperVGeneration")
    return Source(
        name=found["name"],
        location=found["location"],
        image=None,
        disk_id=found["id"],
        os_type=os_type,
        specialized=True,
        generation=generation,
    )


def from_image(azure: Session, value: Any, *, group: str, location: str) -> Source:
    """An image by name, id, dictionary or URN.

    :raises InvalidInput: no such image, or it is not ready.
    """
    if isinstance(value, str) and value.count(":") == 3 and not value.startswith("/"):
        return _marketplace(azure, value, location)
    where = {"subscription_id": azure.subscription_id, "resource_group": group}
    image_id = ids.resolve(value, type_=managed_images.TYPE, parameter="image", **where)
    found = managed_images.read(azure, image_id.resource_group, image_id.name)
    if found is None:
        raise InvalidInput(
            f"The image {image_id.name} does not exist in the resource group {image_id.resource_group}.",
            remedy="Check image; an image elsewhere is given by its id, one of the Marketplace as publisher:offer:sku:version.",
        )
    state = found["properties"].get("provisioningState")
    if state != "Succeeded":
        raise InvalidInput(f"The image {image_id.name} is not ready: {state}.", remedy="Wait for it, or make it anew.")
    profile = found["properties"]["storageProfile"]
    return Source(
        name=image_id.name,
        location=found["location"],
        image={"id": found["id"]},
        disk_id=None,
        os_type=profile["osDisk"]["osType"],
        specialized=profile["osDisk"].get("osState") == "Specialized",
        generation=found["properties"].get("hyperVGeneration") or "V1",
        luns=tuple(disk["lun"] for disk in profile.get("dataDisks") or []),
    )


def _marketplace(azure: Session, urn: str, location: str) -> Source:
    publisher, offer, sku, version = urn.split(":")
    images = azure.compute.virtual_machine_images
    exact = version
    if version.lower() == "latest":
        newest = azure.list(images.list, location, publisher, offer, sku, top=1, orderby="name desc")
        exact = newest[0]["name"] if newest else ""
    found = azure.read(images.get, location, publisher, offer, sku, exact) if exact else None
    if found is None:
        raise InvalidInput(
            f"The Marketplace has no image {urn} in {location}.",
            remedy="List what there is: az vm image list --all --publisher … --location ….",
        )
    properties = found["properties"]
    plan = properties.get("plan")
    return Source(
        name=urn,
        location=None,
        image={"publisher": publisher, "offer": offer, "sku": sku, "version": version},
        disk_id=None,
        os_type=properties["osDiskImage"]["operatingSystem"],
        specialized=False,
        generation=properties.get("hyperVGeneration"),
        luns=tuple(disk["lun"] for disk in properties.get("dataDiskImages") or []),
        plan={"name": plan["name"], "product": plan["product"], "publisher": plan["publisher"]} if plan else None,
    )
