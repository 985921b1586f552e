# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bin of a gallery: versions that were deleted while ``softDeletePolicy.isSoftDeleteEnabled`` was set.

They are resources of their own, below ``softDeletedArtifactTypes``, and keep their bytes. Recorded: the list, its dates
(consumption ends after the retention period, the bytes go after the grace period), and that a PUT without a source takes
a version out again. Documented: seven days of retention unless the policy says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import flag_of
from azure_emulator.services.compute._data import discard
from azure_emulator.services.compute._shared import GROUP, invalid
from azure_emulator.services.compute.galleries._dates import days_later, seconds_of
from azure_emulator.services.compute.galleries._levels import GALLERY, VERSION, find
from azure_emulator.services.compute.galleries._version_sources import storage_profile

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_TYPE = "Microsoft.Compute/galleries/softDeletedArtifactTypes/artifacts/versions"
_RETENTION_DAYS = 7


def keep(scope: Scope, version: Doc) -> bool:
    """Move a version that is being deleted into the bin, if its gallery has one; whether it did."""
    gallery = scope.store.get(_gallery_of(version["id"])) or {}
    policy = gallery.get("properties", {}).get("softDeletePolicy", {})
    if not policy.get("isSoftDeleteEnabled"):
        return False
    now, retention = scope.clock.now(), policy.get("retentionPeriodInDays", _RETENTION_DAYS)
    identity = _bin_id(version["id"])
    if older := scope.store.get(identity):
        discard(scope, older)
    properties = {
        "resourceArmId": version["id"],
        "softDeletedTime": scope.clock.iso(now),
        "softDeletedArtifactType": "Images",
        "consumptionEndTime": days_later(scope, now, retention),
        "hardDeletionTargetTime": days_later(scope, now, retention + policy.get("gracePeriodInDays", 0)),
    }
    # Without a location of its own the entry is in no list of resources.
    doc = {"name": version["name"], "id": identity, "type": _TYPE, "properties": properties}
    scope.store.put(identity, {**doc, "_version": version, "_pages": version["_pages"]})
    return True


def _gallery_of(version_id: str) -> str:
    return version_id.rsplit("/", 4)[0]


def _bin_id(version_id: str) -> str:
    parsed = arm_ids.parse(version_id)
    gallery, definition, version = parsed.names
    return arm_ids.resource_id(parsed.subscription, parsed.group, _TYPE, gallery, "Images", definition, version)


def restorable(ctx: Context) -> Doc | None:
    """The deleted version that a PUT means to take back: it says so, or it names no source."""
    found = ctx.store.get(_bin_id(VERSION.id(ctx)))
    if found is None or _expired(ctx, found):
        return None
    wanted = flag_of(ctx.body, "properties", "restore")
    return found if wanted or not storage_profile(ctx) else None


def restore(scope: Scope, deleted: Doc) -> Doc:
    """Make it a version again."""
    scope.store.delete(deleted["id"])
    version: Doc = deleted["_version"]
    return version


def _expired(scope: Scope, doc: Doc) -> bool:
    return seconds_of(doc["properties"]["hardDeletionTargetTime"]) <= scope.clock.now()


def purge(scope: Scope, gallery_id: str, definition: str | None = None) -> int:
    """Let go of what has been in the bin for too long; how much is left."""
    left = 0
    for doc in _all(scope, gallery_id):
        if definition is not None and arm_ids.parse(doc["id"]).names[2].lower() != definition.lower():
            continue
        if _expired(scope, doc):
            _forget(scope, doc)
        else:
            left += 1
    return left


def _all(scope: Scope, gallery_id: str) -> list[Doc]:
    parsed = arm_ids.parse(gallery_id)
    found = scope.store.list(type=_TYPE, subscription=parsed.subscription, group=parsed.group)
    return [doc for doc in found if doc["id"].lower().startswith(f"{gallery_id.lower()}/")]


def _forget(scope: Scope, doc: Doc) -> None:
    discard(scope, doc)
    scope.store.delete(doc["id"])


def _shown(doc: Doc) -> dict[str, Any]:
    return {
        **{key: doc[key] for key in ("name", "id", "type")},
        "location": doc["_version"]["location"],
        "properties": doc["properties"],
    }


def _list(ctx: Context) -> Reply:
    gallery = find(ctx, GALLERY)
    if ctx.ids["kind"].lower() != "images":
        raise invalid(f"The value '{ctx.ids['kind'][:40]}' of parameter 'artifactType' is invalid.", "artifactType")
    definition = ctx.ids["artifact"].lower()
    found = [
        doc
        for doc in _all(ctx, gallery["id"])
        if arm_ids.parse(doc["id"]).names[2].lower() == definition and not _expired(ctx, doc)
    ]
    return Reply(200, {"value": [_shown(doc) for doc in found]})


hooks.cascade[_TYPE.lower()] = _forget

ROUTES = [
    Route(
        "GET",
        f"{GROUP}/galleries/{{gallery}}/softDeletedArtifactTypes/{{kind}}/artifacts/{{artifact}}/versions",
        _list,
        evidence=documented("2026-11-25"),
    ),
]
