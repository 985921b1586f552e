# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed disks: Microsoft.Compute/disks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import made
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import _shape, locations
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present, stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

TYPE = "Microsoft.Compute/disks"

# What only a new disk can have otherwise. The size is here in one direction only, see _refuse_shrinking.
IMMUTABLE = ("location", "zones", "creation_data", "hyper_v_generation", "security_profile")
CASE_INSENSITIVE = ("location", "creation_data.source_resource_id", "creation_data.storage_account_id", "os_type")

# Disk states in which a disk's data is complete and nobody holds a SAS of it.
# https://learn.microsoft.com/rest/api/compute/disks/get#diskstate
READY = ("Unattached", "Attached", "Reserved")


def read(azure: Session, group: str, name: str) -> Wire | None:
    return azure.read(azure.compute.disks.get, group, name)


def settled(azure: Session, group: str, name: str) -> Wire | None:
    return _shape.settled(azure, azure.compute.disks.get, group, name)


def find(azure: Session, group: str | None) -> list[Wire]:
    """All disks of a resource group, or of the subscription."""
    if group is None:
        return azure.list(azure.compute.disks.list)
    return azure.list(azure.compute.disks.list_by_resource_group, group)


def desire(params: Mapping[str, Any], *, location: str, tags: Mapping[str, str] | None) -> Wire:
    """The disk as ARM wants it. The size comes from the source unless it is stated."""
    return stated(
        {
            "location": location,
            "zones": [params["zone"]] if params["zone"] else None,
            "sku": {"name": params["sku"]},
            "tags": tags,
            "properties": {
                "osType": params["os_type"],
                "hyperVGeneration": params["hyper_v_generation"],
                "diskSizeGB": params["disk_size_gb"],
                "networkAccessPolicy": params["network_access_policy"],
                "publicNetworkAccess": params["public_network_access"],
                "securityProfile": {"securityType": params["security_type"]},
                "creationData": _creation_data(params),
            },
        }
    )


def _creation_data(params: Mapping[str, Any]) -> Wire:
    if params["source"]:
        return {"createOption": "Copy", "sourceResourceId": params["source"]}
    if params["source_uri"]:
        return {
            "createOption": "Import",
            "sourceUri": params["source_uri"],
            "storageAccountId": params["storage_account"],
        }
    return {"createOption": "Empty"}


def plan(found: Wire | None, wanted: Wire | None, *, source_stated: bool = True) -> Plan:
    """The difference. Without a stated source, what an existing disk was made from does not matter."""
    if found is not None and wanted is not None and not source_stated:
        wanted = {**wanted, "properties": {k: v for k, v in wanted["properties"].items() if k != "creationData"}}
    _refuse_shrinking(found, wanted)
    return Plan.between(
        present(found) if found else None,
        present(wanted) if wanted else None,
        immutable=IMMUTABLE,
        case_insensitive=CASE_INSENSITIVE,
    )


def _refuse_shrinking(found: Wire | None, wanted: Wire | None) -> None:
    if found is None or wanted is None:
        return
    have, want = (wire["properties"].get("diskSizeGB") for wire in (found, wanted))
    if have and want and want < have:
        raise InvalidInput(
            f"disk_size_gb is {want}, but the disk {found['name']} has {have} GiB, and no disk can become smaller.",
            remedy=f"State at least {have}, or copy the data to a new disk.",
        )


def create(task: Task, group: str, name: str, wanted: Wire) -> Wire | None:
    create = task.azure.compute.disks.begin_create_or_update
    return task.azure.send(create, group, name, body=wanted, what=f"create the disk {name}", done=made)


def update(task: Task, group: str, name: str, wanted: Wire) -> Wire | None:
    """Change what can be changed in place: size (upwards), SKU, access policies, tags."""
    changeable = ("diskSizeGB", "osType", "networkAccessPolicy", "publicNetworkAccess")
    properties = {key: value for key, value in wanted["properties"].items() if key in changeable}
    body = stated({"properties": properties, "sku": wanted.get("sku"), "tags": wanted.get("tags")})
    disks = task.azure.compute.disks
    return task.azure.send(disks.begin_update, group, name, body=body, what=f"update the disk {name}")


def delete(task: Task, group: str, name: str) -> None:
    task.azure.send(task.azure.compute.disks.begin_delete, group, name, what=f"delete the disk {name}")


def refuse_delete(found: Wire) -> None:
    """Say what stands in the way before Azure does: an attached disk, an active SAS."""
    owner = found.get("managedBy")
    if owner:
        raise InvalidInput(
            f"The disk {found['name']} is attached to {owner}.", remedy="Detach it, or remove that machine first."
        )
    if str(found["properties"].get("diskState", "")).startswith("ActiveSAS"):
        raise InvalidInput(
            f"Somebody reads the disk {found['name']} through a SAS that is still active.",
            remedy="Wait for the export to end, or revoke its access (az disk revoke-access).",
        )


def location(azure: Session, params: Mapping[str, Any], found: Wire | None) -> str:
    """The stated location, else the existing disk's, else the resource group's; ``West Europe`` is ``westeurope``."""
    known = params["location"] or (found or {}).get("location")
    return locations.plain(known or azure.resources.location(params["resource_group"]))


def resolve_source(azure: Session, params: Mapping[str, Any]) -> str | None:
    """The id of the disk or snapshot that ``source`` means: a disk's name, or an id."""
    source = params["source"]
    if source is None:
        return None
    if "/snapshots/" in source.lower():
        return str(ids.parse(source))
    where = {"subscription_id": azure.subscription_id, "resource_group": params["resource_group"]}
    return str(ids.resolve(source, type_=TYPE, parameter="source", **where))


def check_source(azure: Session, source: str) -> Wire:
    """The disk or snapshot with this id, when its data can be copied.

    :raises InvalidInput: it does not exist, or its bytes are not all there yet.
    """
    parsed = ids.parse(source)
    kind = parsed.types[-1].lower()
    get = azure.compute.snapshots.get if kind == "snapshots" else azure.compute.disks.get
    found = azure.read(get, parsed.resource_group, parsed.name)
    if found is None:
        raise InvalidInput(f"The source {source} does not exist.", remedy="Check its name and resource group.")
    state = found["properties"].get("diskState")
    if state in ("ReadyToUpload", "ActiveUpload"):
        raise InvalidInput(
            f"The source {source} is not complete: its disk state is {state}.",
            remedy="Finish its upload first (vhd_upload).",
        )
    percent = found["properties"].get("completionPercent")
    if percent is not None and percent < 100:
        raise InvalidInput(
            f"The source {source} is not complete: Azure has copied {percent:g} % of it.",
            remedy="Wait until it is (goldenimage.azure.snapshot, by its name, waits for it).",
        )
    return found
