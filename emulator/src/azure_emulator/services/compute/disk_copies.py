# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of incremental snapshots to other regions (``createOption: CopyStart``), which take their time.

The PUT ends soon; ``completionPercent`` then rises with the clock, and the copy cannot be used before it is 100. The
bytes are those of the source, which never change, so they are there from the beginning; only the clock holds them
back. Documented: the rules and ``CopySourceNotFound``; recorded: where ``completionPercent`` shows; guessed: codes
and texts of refusals, and how long it takes.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError
from azure_emulator.services.compute._shared import invalid

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc, Store

#: Names the operation in patterns of the latency profile.
EFFECT = "compute.snapshot.copy"

_COPIES = "disks.copies"
_PARALLEL = 100
_SECONDS = 120.0
_SECONDS_PER_GB = 2.0


def begin_copy(ctx: Context, source: Doc, location: str) -> dict[str, Any]:
    """What the new snapshot must remember as ``_copy``; `register` it once the snapshot has an id.

    :raises ArmError: 400 or 409 when such a copy is not allowed.
    """
    if not source["properties"].get("incremental"):
        raise not_incremental()
    if source["location"] == location:
        raise invalid(
            f"CreateOption 'CopyStart' needs a source in another location, but '{source['id']}' is in '{location}', too. "
            "Use 'Copy' within a location.",
            "creationData.sourceResourceId",
        )
    now, family = ctx.clock.now(), source["properties"]["incrementalSnapshotFamilyId"]
    _check_others(ctx, source, location, family, now)
    seconds = ctx.operations.profile.duration(EFFECT, _SECONDS + _SECONDS_PER_GB * source["properties"]["diskSizeGB"])
    return {
        "source": source["id"].lower(),
        "family": family,
        "made": source["properties"]["timeCreated"],
        "location": location,
        "begins": now,
        "ends": now + seconds,
    }


def not_incremental() -> ArmError:
    """400: neither the source nor the copy may be a full snapshot."""
    text = "CreateOption 'CopyStart' is only allowed for incremental snapshots."
    return invalid(text, "creationData.createOption")


def _check_others(ctx: Context, source: Doc, location: str, family: str, now: float) -> None:
    """One copy of a disk's snapshots at a time, in the order they were made; not too many in all."""
    subscription = arm_ids.parse(source["id"]).subscription.lower()
    here = [copy for _id, copy in ctx.store.kv_items(_COPIES, f"{subscription}/") if copy["location"] == location]
    running = [copy for copy in here if copy["ends"] > now and "failed" not in copy]
    if len(running) >= _PARALLEL:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The subscription has {len(running)} snapshot copies in progress in '{location}'; at most {_PARALLEL} are "
            "allowed at a time.",
        )
    of_disk = [copy for copy in here if copy["family"] == family]
    if any(copy in running for copy in of_disk):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"A snapshot of the same disk as '{source['name']}' is being copied to '{location}'. Incremental snapshots of a "
            "disk are copied one at a time.",
        )
    if any(copy["made"] > source["properties"]["timeCreated"] for copy in of_disk):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"A later snapshot of the same disk as '{source['name']}' was copied to '{location}' already. Incremental "
            "snapshots of a disk are copied in the order they were created.",
        )


def register(scope: Scope, doc: Doc) -> None:
    """Remember the copy, so that the end of its source can be told to it."""
    scope.store.kv_put(_COPIES, _key(doc["id"]), doc["_copy"] | {"target": doc["id"]})


def family_of_copy(copy: dict[str, Any]) -> str:
    """Copies of one family in one region are a family there [recorded: it differs from the source's]."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{copy['family']}/{copy['location']}"))


def percent(doc: Doc, now: float) -> float | None:
    """``completionPercent`` of a snapshot now, None when it is not such a copy."""
    copy = doc.get("_copy")
    if not copy:
        return None
    at = min(now, copy.get("failed", now))
    if at >= copy["ends"]:
        return 100.0
    return float(round(100.0 * (at - copy["begins"]) / (copy["ends"] - copy["begins"]), 1))


def shown(doc: Doc, now: float) -> Doc:
    """The document with what the clock says of its copy."""
    done = percent(doc, now)
    if done is None:
        return doc
    more: dict[str, Any] = {"completionPercent": done}
    if "failed" in doc["_copy"]:
        more["copyCompletionError"] = {
            "errorCode": "CopySourceNotFound",
            "errorMessage": f"The source snapshot '{doc['_copy']['source']}' was deleted while it was being copied.",
        }
    return {**doc, "properties": {**doc["properties"], **more}}


def check_complete(scope: Scope, doc: Doc) -> None:
    """Refuse to use a snapshot before it is complete."""
    done = percent(doc, scope.clock.now())
    if done is not None and done < 100.0:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The snapshot '{doc['name']}' cannot be used before its copy is complete; completionPercent is {done}.",
        )


def forget(scope: Scope, doc: Doc) -> None:
    """A disk or snapshot goes away: copies of it that are not complete fail, its own copying ends."""
    now, identity = scope.clock.now(), doc["id"].lower()
    scope.store.kv_delete(_COPIES, _key(doc["id"]))
    for key, copy in scope.store.kv_items(_COPIES):
        if copy["source"] == identity and copy["ends"] > now and "failed" not in copy:
            _fail(scope.store, key, copy, now)


def _fail(store: Store, key: str, copy: dict[str, Any], now: float) -> None:
    store.kv_put(_COPIES, key, copy | {"failed": now})
    target = store.get(copy["target"])
    if target and "_copy" in target:
        target["_copy"]["failed"] = now
        store.put(target["id"], target)


def _key(identity: str) -> str:
    return f"{arm_ids.parse(identity).subscription}/{identity}".lower()
