# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A version's way into its regions, told by the clock.

The home region comes first, further ones follow one by one; the recorded times are six minutes for the first and about
eight for each other. A latency profile that shortens the operation shortens the regions' times alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc

_HOME_SECONDS = 360.0
_REGION_SECONDS = 480.0
# An update that adds no region [recorded].
_UPDATE_SECONDS = 150.0


def plan(scope: Scope, doc: Doc, effect: str) -> float:
    """Write into a version when each new region begins and ends; the operation's seconds."""
    known: dict[str, list[float]] = doc.get("_regions", {})
    wanted = [locations.normalize(region["name"]) for region in doc["properties"]["publishingProfile"]["targetRegions"]]
    home = locations.normalize(doc["location"])
    new = sorted((name for name in wanted if name not in known), key=lambda name: name != home)
    seconds = [_HOME_SECONDS if name == home else _REGION_SECONDS for name in new]
    total = sum(seconds) or _UPDATE_SECONDS
    scale = scope.operations.profile.duration(effect, total) / total
    moment, regions = scope.clock.now(), {name: known[name] for name in wanted if name in known}
    for name, length in zip(new, seconds, strict=True):
        regions[name] = [moment, moment + length * scale]
        moment += length * scale
    doc["_regions"] = regions
    return total


def in_region(scope: Scope, doc: Doc, region: str) -> bool:
    """Whether a version can be used in a region now."""
    times = doc.get("_regions", {}).get(locations.normalize(region))
    return times is not None and times[1] <= scope.clock.now()


def status(scope: Scope, doc: Doc) -> dict[str, Any]:
    """The ``replicationStatus`` that ``$expand=ReplicationStatus`` shows."""
    failed = doc["properties"]["provisioningState"] == "Failed"
    now, summary = scope.clock.now(), []
    for region in doc["properties"]["publishingProfile"]["targetRegions"]:
        start, end = doc["_regions"][locations.normalize(region["name"])]
        done = 100 if now >= end else max(0, int(100 * (now - start) / (end - start)))
        state = "Failed" if failed else "Completed" if done == 100 else "Replicating"
        details = doc["_failure"]["message"] if failed else ""
        summary.append(
            {"region": region["name"], "state": state, "details": details, "progress": 0 if failed else done}
        )
    states = {entry["state"] for entry in summary}
    aggregated = "Failed" if failed else "InProgress" if "Replicating" in states else "Completed"
    return {"aggregatedState": aggregated, "summary": summary}
