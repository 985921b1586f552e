# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image versions: `Microsoft.Compute/galleries/images/versions`.

A version holds copies of its source's bytes from the moment of the PUT. Recorded: shapes, defaults, what appears only
after success. Documented: what may change, names, end of life, the protection from deletion.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect, mark_failed
from azure_emulator.core.routing import recorded
from azure_emulator.core.values import flag_of, number_of, object_of, objects_of, text_of
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._data import discard, page_store
from azure_emulator.services.compute._shared import check_location, invalid, not_changeable, set_state, set_tags
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.disk_shapes import size_in_gb
from azure_emulator.services.compute.galleries import _replication, soft_deletion
from azure_emulator.services.compute.galleries._dates import months_later, seconds_of
from azure_emulator.services.compute.galleries._levels import (
    VERSION,
    absent,
    accepted,
    begin,
    find,
    head,
    headers,
    parent_of,
    remove,
    routes,
)
from azure_emulator.services.compute.galleries._limits import check_limit
from azure_emulator.services.compute.galleries._publishing import changed_profile, new_profile
from azure_emulator.services.compute.galleries._version_shapes import present
from azure_emulator.services.compute.galleries._version_sources import VersionSource, open_source, storage_profile

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_NAME = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_PATH = "galleryImageVersion"
_DELETE_SECONDS = 150.0
# From this API version on, versions end half a year after they were published, and cannot be deleted before.
_ENDS_SINCE = "2026-03-03"
_END_MONTHS = 6
# Of a version that could not be made: it has no bytes to rely on.
_UNMADE = "_unmade"


def check_version_name(name: str, target: str) -> None:
    """Refuse what is not Major.Minor.Patch of 32-bit numbers."""
    parts = _NAME.fullmatch(name)
    if parts is None or any(int(part) >= 2**31 for part in parts.groups()):
        raise invalid(
            "The image version name is invalid. The image version name should follow Major(int).Minor(int).Patch(int) format, "
            "for e.g: 1.0.0, 2018.12.1 etc.",
            target,
        )


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    definition = parent_of(ctx, VERSION)
    found = ctx.store.get(VERSION.id(ctx))
    if found is not None:
        check_location(ctx, found)
        return _create_again(ctx, definition, found) if _UNMADE in found else _update(ctx, found)
    if deleted := soft_deletion.restorable(ctx):
        return _restore(ctx, deleted)
    return _create(ctx, definition)


def _create_again(ctx: Context, definition: Doc, found: Doc) -> Reply:
    """A PUT on a version that could not be made is another attempt [documented; the state is guessed]."""
    _check_idle(ctx, found)
    reply = _create(ctx, definition)
    discard(ctx, found)
    return Reply(200, reply.body, reply.headers)


def _create(ctx: Context, definition: Doc) -> Reply:
    check_version_name(ctx.ids["version"], VERSION.target)
    location = locations.check(text_of(ctx.body, "location"), VERSION.type)
    check_limit(ctx, VERSION, location)
    doc = head(ctx, VERSION, location)
    profile = new_profile(ctx, location, _PATH)
    ends = ctx.api_version >= _ENDS_SINCE
    if ends:
        profile.setdefault("endOfLifeDate", months_later(ctx, ctx.clock.now(), _END_MONTHS))
    source = open_source(ctx, definition, location)
    doc["properties"] = {
        "publishingProfile": profile,
        "storageProfile": source.shown,
        "safetyProfile": _safety(ctx, {"blockDeletionBeforeEndOfLife": True} if ends else {}),
        "provisioningState": "Creating",
    }
    if security := object_of(ctx.body, "properties", "securityProfile"):
        doc["properties"]["securityProfile"] = security
    doc["_attributes"] = source.attributes
    pending = _take(ctx, doc, source)
    name = "compute.gallery.version.import" if pending else "compute.gallery.version.create"
    seconds = _replication.plan(ctx, doc, name)
    ctx.store.put(doc["id"], doc)
    problem = source.problems[0].inner() if source.problems else None
    operation = begin(ctx, doc, name, seconds, blobs=pending, problem=problem)
    return Reply(201, present(ctx, doc), headers(ctx, operation))


def _take(ctx: Context, doc: Doc, source: VersionSource) -> list[dict[str, Any]]:
    """Copy the bytes of all disks; what must be fetched from blobs is returned."""
    store, pending = page_store(ctx.data_dir), []
    doc["_pages"], doc["_disks"] = {}, []
    for disk in source.disks:
        doc["_disks"].append({"lun": disk.lun, "key": disk.key, "size": disk.size, "caching": disk.caching})
        doc["_pages"][disk.key] = store.copy(disk.pages) if disk.pages else store.create()
        if disk.blob:
            pending.append({"pages": doc["_pages"][disk.key], "blob": disk.blob})
    return pending


def _safety(ctx: Context, has: dict[str, Any]) -> dict[str, Any]:
    """The ``safetyProfile``: what it has, changed as asked."""
    profile = {"reportedForPolicyViolation": False, "allowDeletionOfReplicatedLocations": False, **has}
    for name in ("allowDeletionOfReplicatedLocations", "blockDeletionBeforeEndOfLife"):
        wanted = flag_of(ctx.body, "properties", "safetyProfile", name)
        if wanted is not None:
            profile[name] = wanted
    return profile


def _patch(ctx: Context) -> Reply:
    check_types(ctx.body)
    return _update(ctx, find(ctx, VERSION))


def _check_idle(ctx: Context, found: Doc) -> None:
    if ctx.operations.running(found["id"]):
        raise ArmError(
            409,
            "Conflict",
            f"Operation 'Update Gallery Image Version' is not allowed on gallery image version '{found['name']}' since another "
            "operation is in progress.",
        )


def _update(ctx: Context, found: Doc) -> Reply:
    _check_idle(ctx, found)
    properties = found["properties"]
    _check_source(ctx, properties["storageProfile"])
    properties["publishingProfile"] = changed_profile(ctx, properties["publishingProfile"], found["location"], _PATH)
    properties["safetyProfile"] = _safety(ctx, properties["safetyProfile"])
    set_tags(ctx, found)
    return _updating(ctx, found)


def _updating(ctx: Context, found: Doc) -> Reply:
    found["properties"]["provisioningState"] = "Updating"
    seconds = _replication.plan(ctx, found, "compute.gallery.version.update")
    ctx.store.put(found["id"], found)
    operation = begin(ctx, found, "compute.gallery.version.update", seconds)
    return Reply(200, present(ctx, found), headers(ctx, operation))


def _restore(ctx: Context, deleted: Doc) -> Reply:
    """Take a version out of the bin [recorded: 200, Updating, with all that it had]."""
    found = soft_deletion.restore(ctx, deleted)
    set_tags(ctx, found)
    return _updating(ctx, found)


def _check_source(ctx: Context, has: dict[str, Any]) -> None:
    """The source and the disks are what they were."""
    wanted = storage_profile(ctx)
    for path in (("source",), ("osDiskImage", "source")):
        theirs, ours = object_of(wanted, *path), object_of(has, *path)
        for name in ("id", "virtualMachineId", "communityGalleryImageId", "uri"):
            value = text_of(theirs, name)
            if value is not None and value.lower() != (text_of(ours, name) or "").lower():
                raise not_changeable(f"{_PATH}.properties.storageProfile.{'.'.join(path)}.{name}")
    luns = {image["lun"] for image in has.get("dataDiskImages", [])}
    if any(number_of(image, "lun") not in luns for image in objects_of(wanted, "dataDiskImages")):
        raise ArmError(
            409,
            "PropertyChangeNotAllowed",
            "Adding new Data Disks or changing the LUN of a Data Disk in an existing Image is not allowed.",
            f"{_PATH}.properties.storageProfile.dataDiskImages",
        )


def _delete(ctx: Context) -> Reply:
    found = ctx.store.get(VERSION.id(ctx))
    if found is None:
        return absent(ctx, VERSION)
    check_deletable(ctx, found)
    found["properties"]["provisioningState"] = "Deleting"
    ctx.store.put(found["id"], found)
    return accepted(ctx, begin(ctx, found, "compute.gallery.version.delete", _DELETE_SECONDS))


def check_deletable(scope: Scope, doc: Doc) -> None:
    """Refuse to delete a version whose life is not over, if it is protected [documented]."""
    properties = doc["properties"]
    end = properties["publishingProfile"].get("endOfLifeDate")
    if properties["safetyProfile"].get("blockDeletionBeforeEndOfLife") and end and seconds_of(end) > scope.clock.now():
        raise ArmError(
            409,
            "DeleteGalleryImageVersionBlockedBeforeEndOfLife",
            "Deletion of Gallery image version is not allowed because the image is enabled for blockDeletionBeforeEndOfLife "
            "and its endOfLifeDate has not reached yet",
        )


def _creation_failed(scope: Scope, args: dict[str, Any], error: ArmError) -> None:
    mark_failed(args["id"])(scope, args, error)
    doc = scope.store.get(args["id"])
    if doc:
        doc[_UNMADE] = True
        scope.store.put(doc["id"], doc)


@effect("compute.gallery.version.create", failed=_creation_failed)
def _created(scope: Scope, args: dict[str, Any]) -> None:
    if problem := args["problem"]:
        raise ArmError(409, problem["code"], problem["message"])
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    profile, disks = doc["properties"]["storageProfile"], doc["_disks"]
    by_source = "source" in profile
    for disk in disks:
        size = {"sizeInGB": size_in_gb(disk["size"])}
        if disk["lun"] is None:
            has = {"hostCaching": disk["caching"], "source": {}} if by_source else profile["osDiskImage"]
            profile["osDiskImage"] = {**size, **has}
        elif by_source:
            images = profile.setdefault("dataDiskImages", [])
            images.append({"lun": disk["lun"], **size, "hostCaching": disk["caching"]})
        else:
            image = next(image for image in profile["dataDiskImages"] if image["lun"] == disk["lun"])
            image |= size
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)


@effect("compute.gallery.version.import", failed=_creation_failed, work=blobs.fetch)
def _imported(scope: Scope, args: dict[str, Any]) -> None:
    _created(scope, args)


@effect("compute.gallery.version.update")
def _updated(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        # What could not be made does not become usable by an update of its profile.
        set_state(scope, doc["id"], "Failed" if _UNMADE in doc else "Succeeded")


@effect("compute.gallery.version.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    if not soft_deletion.keep(scope, doc):
        discard(scope, doc)
    remove(scope, doc)


def _forget(scope: Scope, doc: Doc) -> None:
    """Deletion with the group: protected versions hold the group [guessed]."""
    check_deletable(scope, doc)
    discard(scope, doc)
    remove(scope, doc)


hooks.cascade[VERSION.type.lower()] = _forget
ROUTES = routes(VERSION, _put, _patch, _delete, present, recorded("2026-11-25"))
