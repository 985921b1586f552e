# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed images: Microsoft.Compute/images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import made
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import _shape, disks, locations
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present, stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

TYPE = "Microsoft.Compute/images"

# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftcompute
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")

# An image is what it is: only its tags can change.
IMMUTABLE = ("location", "source_virtual_machine", "storage_profile", "hyper_v_generation")
_SOURCES = ("managed_disk.id", "snapshot.id", "blob_uri")
CASE_INSENSITIVE = (
    "location",
    "source_virtual_machine.id",
    *(f"storage_profile.os_disk.{source}" for source in (*_SOURCES, "os_type", "os_state")),
    *(f"storage_profile.data_disks.*.{source}" for source in _SOURCES),
)
KEYS = {"storage_profile.data_disks": "lun"}


def read(azure: Session, group: str, name: str) -> Wire | None:
    return azure.read(azure.compute.images.get, group, name)


def settled(azure: Session, group: str, name: str) -> Wire | None:
    return _shape.settled(azure, azure.compute.images.get, group, name)


def find(azure: Session, group: str | None) -> list[Wire]:
    """All images of a resource group, or of the subscription."""
    if group is None:
        return azure.list(azure.compute.images.list)
    return azure.list(azure.compute.images.list_by_resource_group, group)


def from_machine(vm_id: str, params: Mapping[str, Any], *, location: str, tags: Mapping[str, str] | None) -> Wire:
    """An image of a generalized machine, as ARM wants it: Azure takes all its disks, LUNs and caching over."""
    properties = {
        "sourceVirtualMachine": {"id": vm_id},
        "hyperVGeneration": params["hyper_v_generation"],
        "storageProfile": {"zoneResilient": params["zone_resilient"]},
    }
    return stated({"location": location, "tags": tags, "properties": properties})


def from_disks(
    os_disk: Wire, data_disks: list[Wire], params: Mapping[str, Any], *, location: str, tags: Mapping[str, str] | None
) -> Wire:
    """An image of disks, snapshots or blobs, as ARM wants it; see :func:`image_disk` for their shape."""
    profile = {"osDisk": os_disk, "dataDisks": data_disks, "zoneResilient": params["zone_resilient"]}
    properties = {"storageProfile": profile, "hyperVGeneration": params["hyper_v_generation"]}
    return stated({"location": location, "tags": tags, "properties": properties})


def image_disk(source: str, **settings: Any) -> Wire:
    """One disk of an image, by the id of a disk or snapshot, or by the address of a blob."""
    if source.lower().startswith(("http://", "https://")):
        return {"blobUri": source, **settings}
    kind = "snapshot" if ids.parse(source).types[-1].lower() == "snapshots" else "managedDisk"
    return {kind: {"id": source}, **settings}


def plan(found: Wire | None, wanted: Wire | None) -> Plan:
    return Plan.between(
        present(found) if found else None,
        present(wanted) if wanted else None,
        immutable=IMMUTABLE,
        case_insensitive=CASE_INSENSITIVE,
        keys=KEYS,
    )


def apply(task: Task, plan: Plan, group: str, name: str, wanted: Wire) -> Wire | None:
    images = task.azure.compute.images
    if plan.action == "update":
        body = {"tags": wanted["tags"]}
        return task.azure.send(images.begin_update, group, name, body=body, what=f"tag the image {name}")
    create, what = images.begin_create_or_update, f"create the image {name}"
    return task.azure.send(create, group, name, body=wanted, what=what, done=made)


def delete(task: Task, group: str, name: str) -> None:
    task.azure.send(task.azure.compute.images.begin_delete, group, name, what=f"delete the image {name}")


def check_machine(vm: Wire) -> None:
    """Refuse a machine of which Azure makes no managed image.

    :raises InvalidInput: its disks lie in a storage account or on the host, or its security type does not allow it.
    """
    os_disk = vm["properties"]["storageProfile"]["osDisk"]
    security = vm["properties"].get("securityProfile", {}).get("securityType")
    if not os_disk.get("managedDisk") or os_disk.get("diffDiskSettings"):
        raise InvalidInput(
            f"The OS disk of {vm['name']} is no managed disk.", remedy="Use a machine with a managed OS disk."
        )
    if security not in (None, "Standard"):
        raise InvalidInput(
            f"The security type of {vm['name']} is {security}, and Azure makes no managed image of such a machine.",
            remedy="Publish it as a version of a gallery image instead.",
        )


def check_sources(azure: Session, wanted: Wire) -> Wire:
    """Look at the disks a new image is made of, before anything is written, and take from them what was not stated.

    :returns: ``wanted`` with the generation and operating system of the OS disk.
    :raises InvalidInput: a source is absent, incomplete, in another location, or does not fit.
    """
    profile = wanted["properties"]["storageProfile"]
    os_disk, generation, os_type = profile["osDisk"], wanted["properties"].get("hyperVGeneration"), None
    for disk in [os_disk, *profile.get("dataDisks", [])]:
        source = (disk.get("managedDisk") or disk.get("snapshot") or {}).get("id")
        if source is None:
            continue
        found = disks.check_source(azure, source)
        if locations.plain(found["location"]) != locations.plain(wanted["location"]):
            raise InvalidInput(
                f"The source {found['name']} lies in {found['location']}, the image shall lie in {wanted['location']}.",
                remedy="Make the image where its disks are.",
            )
        if disk is os_disk:
            os_type = found["properties"].get("osType")
            generation = _fitting_generation(found, generation)
    if not os_disk.get("osType") and not os_type:
        raise InvalidInput(
            "os_disk.os_type is missing, and the source does not tell it.", remedy="State Linux or Windows."
        )
    profile = {**profile, "osDisk": {"osType": os_type, **os_disk}}
    return {
        **wanted,
        "properties": stated({**wanted["properties"], "storageProfile": profile, "hyperVGeneration": generation}),
    }


def _fitting_generation(source: Wire, stated_generation: str | None) -> str | None:
    has = source["properties"].get("hyperVGeneration")
    if has and stated_generation and has != stated_generation:
        raise InvalidInput(
            f"hyper_v_generation is {stated_generation}, but the OS disk {source['name']} is of generation {has}.",
            remedy=f"State {has}, or leave it out.",
        )
    return stated_generation or has
