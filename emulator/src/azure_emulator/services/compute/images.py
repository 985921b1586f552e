# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed images: `Microsoft.Compute/images`.

An image holds copies of its sources' bytes from the moment of the PUT. Recorded: answers and key sets, defaults of
caching and storage type, the errors for VMs that are not generalized or of a security type. Documented: the other
errors, and which API versions know what.
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.store import public
from azure_emulator.core.values import choice_of, flag_of, member, object_of
from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._calls import Resource
from azure_emulator.services.compute._data import discard, page_store
from azure_emulator.services.compute._shared import (
    GIB,
    PROVIDER,
    accepted,
    begin,
    check_idle,
    check_location,
    not_changeable,
    set_state,
    upper_group,
    without,
)
from azure_emulator.services.compute.disk_shapes import size_in_gb
from azure_emulator.services.compute.image_profiles import (
    check_unchanged,
    profile_of_disks,
    profile_of_vm,
    source_id,
)
from azure_emulator.services.compute.origins import inherited_from, usable_source
from azure_emulator.services.compute.sources import ImageSource, SourceDisk, register

if TYPE_CHECKING:
    from azure_emulator.core.operations import Operation
    from azure_emulator.core.store import Doc

_GENERATION_SINCE = "2019-03-01"


def _write(ctx: Context, doc: Doc) -> Reply:
    return _update(ctx, doc) if "properties" in doc else _create(ctx, doc)


def _create(ctx: Context, doc: Doc) -> Reply:
    if ctx.body.get("extendedLocation"):
        doc["extendedLocation"] = ctx.body["extendedLocation"]
    generation = choice_of(ctx.body, ("V1", "V2"), "properties", "hyperVGeneration")
    source_vm = member(ctx.body, "properties", "sourceVirtualMachine", "id")
    if source_vm:
        profile, generation = profile_of_vm(ctx, str(source_vm), doc["location"], generation)
    else:
        profile, generation = profile_of_disks(ctx, doc["location"], generation)
    if (resilient := flag_of(ctx.body, "properties", "storageProfile", "zoneResilient")) is not None:
        profile["zoneResilient"] = resilient
    pending = _take(ctx, doc, profile)
    doc["properties"] = {
        **({"sourceVirtualMachine": {"id": source_vm}} if source_vm else {}),
        "storageProfile": profile,
        "provisioningState": "Creating",
        "hyperVGeneration": generation,
    }
    ctx.store.put(doc["id"], doc)
    operation = begin(ctx, doc, "compute.image.import" if pending else "compute.image.create", blobs=pending)
    return Reply(201, _present(ctx, doc), _headers(operation))


def _headers(operation: Operation) -> dict[str, str]:
    """Answers about images do not say when to ask again [recorded]."""
    return without(operation.headers(), "Retry-After")


def _take(ctx: Context, doc: Doc, profile: dict[str, Any]) -> list[dict[str, Any]]:
    """Copy the bytes of all disks into the image; what must be fetched from blobs is returned."""
    store, pending = page_store(ctx.data_dir), []
    doc["_pages"], doc["_sizes"], doc["_snapshots"] = {}, {}, {}
    for number, disk in enumerate((profile["osDisk"], *profile["dataDisks"])):
        key = str(disk.get("lun", "os"))
        doc["_snapshots"][key] = _hidden_snapshot(doc["id"], number)
        if identity := source_id(disk):
            source = usable_source(ctx, identity, None)
            doc["_pages"][key] = store.copy(source["_pages"])
            doc["_sizes"][key] = source["properties"]["diskSizeBytes"]
            if number == 0:
                doc["_handed_on"] = without(inherited_from(source), "osType", "hyperVGeneration")
        else:
            blob = blobs.describe(ctx, disk["blobUri"])
            doc["_pages"][key] = store.create()
            doc["_sizes"][key] = blob["size"] - FOOTER_SIZE
            pending.append({"pages": doc["_pages"][key], "blob": blob})
    return pending


def _hidden_snapshot(image_id: str, number: int) -> dict[str, str]:
    """What a disk made from the image names as its source: a snapshot that nobody can see [recorded]."""
    identity = f"{image_id}_{number}_{secrets.token_hex(6)[:11]}".replace("/images/", "/snapshots/")
    return {"sourceResourceId": identity, "sourceUniqueId": str(uuid.uuid4())}


def _update(ctx: Context, found: Doc) -> Reply:
    """PUT or PATCH on an image: only tags can change."""
    check_idle(ctx, found, "Update Image", "Image")
    wanted_vm = member(ctx.body, "properties", "sourceVirtualMachine", "id")
    has_vm = member(found, "properties", "sourceVirtualMachine", "id")
    if wanted_vm is not None and not arm_ids.same(str(wanted_vm), has_vm):
        raise not_changeable("sourceVirtualMachine.id")
    check_unchanged(found["properties"]["storageProfile"], object_of(ctx.body, "properties", "storageProfile"))
    generation = choice_of(ctx.body, ("V1", "V2"), "properties", "hyperVGeneration")
    if generation not in (None, found["properties"]["hyperVGeneration"]):
        raise not_changeable("hyperVGeneration")
    found["properties"]["provisioningState"] = "Updating"
    ctx.store.put(found["id"], found)
    operation = begin(ctx, found, "compute.image.update", seconds=5)
    return Reply(200, _present(ctx, found), _headers(operation))


def _patch(ctx: Context, found: Doc) -> Reply:
    check_location(ctx, found)
    return _update(ctx, found)


def _delete(ctx: Context, found: Doc) -> Reply:
    users = _machines_in_creation(ctx, found["id"])
    if users:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Operation 'Delete Image' is not allowed since the Virtual Machines '{', '.join(users)}' are being "
            "provisioned using the Image",
        )
    reply = accepted(begin(ctx, found, "compute.image.delete"))
    reply.headers.pop("Retry-After", None)
    return reply


def _machines_in_creation(ctx: Context, image_id: str) -> list[str]:
    machines = [ctx.store.get(identity) for identity in ctx.operations.busy("compute.vm.create")]
    return [
        vm["name"]
        for vm in machines
        if vm and arm_ids.same(member(vm, "properties", "storageProfile", "imageReference", "id"), image_id)
    ]


@effect("compute.image.create")
def _created(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    profile = doc["properties"]["storageProfile"]
    for disk in (profile["osDisk"], *profile["dataDisks"]):
        disk.setdefault("diskSizeGB", size_in_gb(doc["_sizes"][str(disk.get("lun", "os"))]))
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)


@effect("compute.image.import", work=blobs.fetch)
def _imported(scope: Scope, args: dict[str, Any]) -> None:
    _created(scope, args)


@effect("compute.image.update")
def _updated(scope: Scope, args: dict[str, Any]) -> None:
    set_state(scope, args["id"], "Succeeded")


@effect("compute.image.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        _remove(scope, doc)


def _remove(scope: Scope, doc: Doc) -> None:
    scope.operations.cancel(doc["id"])
    discard(scope, doc)
    scope.store.delete(doc["id"])


def _resolve(scope: Scope, identity: str, location: str) -> ImageSource:
    """Let virtual machines be made from images."""
    doc = scope.store.get(identity)
    if doc is None or doc["location"] != location:
        raise ArmError(
            404, "NotFound", f"The Image {identity} cannot be found in '{location}' region.", "imageReference"
        )
    if doc["properties"]["provisioningState"] not in ("Succeeded", "Updating"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The resource cannot be created from Image {identity} until Image has been successfully created.",
        )
    profile = doc["properties"]["storageProfile"]

    def disk(found: dict[str, Any]) -> SourceDisk:
        key = str(found.get("lun", "os"))
        size, larger = doc["_sizes"][key], found["diskSizeGB"] > size_in_gb(doc["_sizes"][key])
        return SourceDisk(
            size=found["diskSizeGB"] * GIB if larger else size,
            size_gb=found["diskSizeGB"],
            creation={"createOption": "Copy", **doc["_snapshots"][key]},
            pages=doc["_pages"][key],
            lun=found.get("lun"),
            caching=found["caching"],
            storage_type=found["storageAccountType"],
        )

    return ImageSource(
        os_type=profile["osDisk"]["osType"],
        os_state=profile["osDisk"]["osState"],
        generation=doc["properties"]["hyperVGeneration"],
        os=disk(profile["osDisk"]),
        data=tuple(disk(found) for found in profile["dataDisks"]),
        disk_label="disk1",
        handed_on=doc.get("_handed_on", {}),
    )


def _present(ctx: Context, doc: Doc) -> Doc:
    """What a client of an API version sees."""
    shown = public(doc)
    if ctx.api_version < _GENERATION_SINCE:
        shown["properties"] = without(shown["properties"], "hyperVGeneration")
    return shown


def _listed(ctx: Context, doc: Doc) -> Doc:
    return {**_present(ctx, doc), "id": upper_group(doc["id"])}


register(f"{PROVIDER}/images", _resolve)
hooks.cascade["microsoft.compute/images"] = _remove

_IMAGE = Resource("images", "imageName", _write, _delete, update=_patch, show=_present, listed=_listed)
ROUTES = _IMAGE.routes("PUT", "GET", "DELETE")
