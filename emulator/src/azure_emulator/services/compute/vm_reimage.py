# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reimage: the machine gets a new OS disk with the image's bytes, its data disks stay.

Recorded: 202, and that the disk has another name and id afterwards. Documented: the old disk goes or stays as its
``deleteOption`` says. Guessed: the refusals.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.operations import effect
from azure_emulator.core.values import text_of
from azure_emulator.services.compute._shared import accepted, begin, find, not_allowed
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.disk_resources import remove as remove_disk
from azure_emulator.services.compute.vm_create import image_of
from azure_emulator.services.compute.vm_disks import make_disks, release
from azure_emulator.services.compute.vm_rules import DEALLOCATED, GENERALIZED, check_idle

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Reply, Scope
    from azure_emulator.core.store import Doc

_LABEL = "Reimage VM"


def reimage(ctx: Context) -> Reply:
    """202; the machine runs afterwards."""
    check_types(ctx.body)
    doc = find(ctx, "virtualMachines")
    check_idle(ctx, doc, _LABEL)
    reason = _reason_against(doc)
    if reason:
        raise not_allowed(_LABEL, doc, reason)
    image_of(ctx, doc)  # it must still be there
    for name in ("adminPassword", "customData"):
        value = text_of(ctx.body, "osProfile", name)
        if value:
            doc.setdefault("_secrets", {})[name] = value
    doc["properties"]["provisioningState"] = "Updating"
    ctx.store.put(doc["id"], doc)
    return accepted(begin(ctx, doc, "compute.vm.reimage", seconds=75))


def _reason_against(doc: Doc) -> str | None:
    storage = doc["properties"]["storageProfile"]
    if doc.get("_generalized"):
        return GENERALIZED
    if doc["_power"] == "deallocated":
        return DEALLOCATED
    if "managedDisk" not in storage["osDisk"]:
        return "the VM has blob based disks"
    if "imageReference" not in storage:
        return "the VM was not created from an image"
    return None


@effect("compute.vm.reimage")
def _reimaged(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    disk = doc["properties"]["storageProfile"]["osDisk"]
    image = image_of(scope, doc)
    for old in release(scope, [disk]):
        if disk.get("deleteOption") == "Delete":
            remove_disk(scope, old)
    disk["managedDisk"].pop("id", None)
    if image is not None:
        disk["name"] = f"{doc['name']}_{image.disk_label}_{uuid.uuid4().hex}"
    make_disks(scope, doc, image)
    doc["properties"]["provisioningState"] = "Succeeded"
    doc |= {"_power": "running", "_stopped_by_guest": False, "_changed": scope.clock.now()}
    scope.store.put(doc["id"], doc)
