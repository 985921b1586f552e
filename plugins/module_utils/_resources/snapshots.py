# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: Microsoft.Compute/snapshots."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import OperationTimeout
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import made
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import _shape
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present, stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

TYPE = "Microsoft.Compute/snapshots"
IMMUTABLE = ("location", "creation_data", "incremental")
CASE_INSENSITIVE = ("location", "creation_data.source_resource_id")

# Azure takes only incremental snapshots of these, and copies their bytes in the background.
# https://learn.microsoft.com/azure/virtual-machines/disks-incremental-snapshots
ONLY_INCREMENTAL = ("PremiumV2_LRS", "UltraSSD_LRS")
_FIRST, _LONGEST = 0.5, 30.0  # seconds between looks at a copy that goes on in the background


def read(azure: Session, group: str, name: str) -> Wire | None:
    return azure.read(azure.compute.snapshots.get, group, name)


def settled(azure: Session, group: str, name: str) -> Wire | None:
    return _shape.settled(azure, azure.compute.snapshots.get, group, name)


def find(azure: Session, group: str | None) -> list[Wire]:
    """All snapshots of a resource group, or of the subscription."""
    if group is None:
        return azure.list(azure.compute.snapshots.list)
    return azure.list(azure.compute.snapshots.list_by_resource_group, group)


def desire(params: Mapping[str, Any], creation: Wire | None, *, location: str, tags: Mapping[str, str] | None) -> Wire:
    """The snapshot as ARM wants it. Operating system, generation and size come from the source.

    :param params: ``incremental``, ``sku``, ``network_access_policy``, ``public_network_access``; ``None`` is not stated.
    :param creation: what it is made of, see :func:`creation`; ``None``: does not matter, for it exists.
    """
    return stated(
        {
            "location": location,
            "sku": {"name": params.get("sku")},
            "tags": tags,
            "properties": {
                "incremental": params.get("incremental"),
                "networkAccessPolicy": params.get("network_access_policy"),
                "publicNetworkAccess": params.get("public_network_access"),
                "creationData": creation,
            },
        }
    )


def creation(source: str, *, elsewhere: bool = False) -> Wire:
    """What a new snapshot is made of; ``elsewhere``: the source lies in another region."""
    return {"createOption": "CopyStart" if elsewhere else "Copy", "sourceResourceId": source}


def incremental(stated_value: bool | None, *, sku: str | None, source_sku: str) -> bool:
    """Whether a new snapshot is incremental: unless told otherwise wherever it can be.

    :param sku: how the snapshot shall be stored.
    :param source_sku: how the source is stored.
    :raises InvalidInput: what was told cannot be.
    """
    if source_sku in ONLY_INCREMENTAL:
        if stated_value is False:
            raise InvalidInput(
                f"incremental is false, and Azure takes only incremental snapshots of {source_sku} disks.",
                remedy="Leave incremental out.",
            )
        if sku == "Premium_LRS":
            raise InvalidInput(
                f"sku is Premium_LRS, and snapshots of {source_sku} disks are incremental and always on standard storage.",
                remedy="State Standard_LRS or Standard_ZRS, or leave sku out.",
            )
        return True
    if stated_value and sku == "Premium_LRS":
        raise InvalidInput(
            "sku is Premium_LRS, and incremental snapshots are always on standard storage.",
            remedy="Set incremental to false for a full one, or leave sku out.",
        )
    return sku != "Premium_LRS" if stated_value is None else stated_value


def plan(found: Wire | None, wanted: Wire | None) -> Plan:
    return Plan.between(
        present(found) if found else None,
        present(wanted) if wanted else None,
        immutable=IMMUTABLE,
        case_insensitive=CASE_INSENSITIVE,
    )


def create(task: Task, group: str, name: str, wanted: Wire, *, wait: bool = True) -> Wire | None:
    """Take it. Without ``wait`` it is only begun: what it holds is decided, and :func:`settled` waits for its end."""
    call = task.azure.compute.snapshots.begin_create_or_update
    return task.azure.send(call, group, name, body=wanted, wait=wait, what=f"take the snapshot {name}", done=made)


def update(task: Task, group: str, name: str, wanted: Wire) -> Wire | None:
    """Change what can be changed: how it is stored, access policies, tags."""
    changeable = ("networkAccessPolicy", "publicNetworkAccess")
    properties = {key: value for key, value in wanted.get("properties", {}).items() if key in changeable}
    body = stated({"properties": properties, "sku": wanted.get("sku"), "tags": wanted.get("tags")})
    call = task.azure.compute.snapshots.begin_update
    return task.azure.send(call, group, name, body=body, what=f"update the snapshot {name}")


def delete(task: Task, group: str, name: str) -> None:
    task.azure.send(task.azure.compute.snapshots.begin_delete, group, name, what=f"delete the snapshot {name}")


def refuse_delete(found: Wire) -> None:
    """Say what stands in the way before Azure does.

    :raises InvalidInput: somebody reads it through a SAS.
    """
    if str(found["properties"].get("diskState", "")).startswith("ActiveSAS"):
        raise InvalidInput(
            f"Somebody reads the snapshot {found['name']} through a SAS that is still active.",
            remedy="Wait for the export to end, or revoke its access (az snapshot revoke-access).",
        )


def percent(found: Wire) -> float | None:
    """How much of a copy in the background is done, in percent; ``None`` where all was there at once."""
    told = found["properties"].get("completionPercent")
    return None if told is None else float(told)


def usable(found: Wire) -> bool:
    """Whether disks can be made of it: it was taken, and its bytes are all there."""
    done = percent(found)
    return found["properties"].get("provisioningState") == "Succeeded" and (done is None or done >= 100)


def complete(task: Task, group: str, name: str, found: Wire) -> Wire:
    """Wait for what Azure still copies in the background.

    :raises GoldenImageError: the copy has failed, or the snapshot went away.
    :raises OperationTimeout: it takes longer than ``wait_timeout``.
    """
    pace = task.azure.pace
    end = pace.clock() + pace.timeout
    latest: Wire | None = found
    pause = _FIRST
    while latest is not None and not usable(latest):
        done, error = percent(latest) or 0.0, latest["properties"].get("copyCompletionError")
        if error:
            raise GoldenImageError(
                f"The bytes of the snapshot {name} could not be copied: {error.get('errorCode')}:"
                f" {error.get('errorMessage')}",
                remedy="Delete the snapshot and take it anew.",
            )
        left = end - pace.clock()
        if left <= 0:
            raise OperationTimeout(
                f"The snapshot {name} was not complete within {pace.timeout:g} s: {done:g} % are copied.",
                remedy="Azure goes on copying. Run the task again to wait for it, or raise wait_timeout.",
            )
        pace.pause(min(pause, left), partial(_told, name, done))
        pause = min(_LONGEST, 2 * pause)
        latest = settled(task.azure, group, name)
    if latest is None:
        raise GoldenImageError(f"The snapshot {name} went away, or failed, while it was waited for.")
    return latest


def _told(name: str, done: float, _rest: float) -> str:
    return f"the snapshot {name}: {done:g} % copied"
