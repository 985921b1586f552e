# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute's limits: which buckets a request takes from. Names and sizes of the windows are recorded, the limits of
machines documented; those of reading and deleting disks are guessed from similar ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure_emulator.core.routing import Route


@dataclass(frozen=True, slots=True)
class Policy:
    """One bucket: its size, tokens a second. ``shown``: in the header; ``enforced``: an empty one refuses."""

    name: str
    size: int
    refill: float
    per_resource: bool = False
    shown: bool = True
    enforced: bool = True


def _windows(name: str, three: int, thirty: int, *, enforced: bool = True) -> tuple[Policy, ...]:
    """The two windows that Compute shows for an operation group."""
    return (
        Policy(f"{name}3Min", three, three / 180, enforced=enforced),
        Policy(f"{name}30Min", thirty, thirty / 1800, enforced=enforced),
    )


def _machine(name: str, three: int, thirty: int, one: int, all_: int) -> tuple[Policy, ...]:
    """Machines: the windows are only shown, what refuses are the documented buckets, refilled in three minutes."""
    return (
        *_windows(name, three, thirty, enforced=False),
        Policy(name, one, one / 180, per_resource=True, shown=False),
        Policy(f"{name}Subscription", all_, all_ / 180, shown=False),
    )


_PUT_VM = _machine("PutVM", 240, 1200, 12, 1500)
_UPDATE_VM = _machine("UpdateVM", 240, 1200, 12, 1500)
_DELETE_VM = _machine("DeleteVM", 240, 1200, 12, 1500)
_LOW_COST_GET = _machine("LowCostGet", 4000, 32000, 36, 24000)
_HIGH_COST_GET = (*_windows("HighCostGet", 240, 1200, enforced=False), Policy("HighCostGet", 900, 5, shown=False))
_GET_OPERATION = (
    *_windows("GetOperation", 15000, 30000, enforced=False),
    Policy("GetOperation", 45, 0.25, per_resource=True, shown=False),
    Policy("GetOperationSubscription", 15000, 15000 / 180, shown=False),
)
_HYDRATE = _windows("HighCostDiskHydrate", 1000, 8000)
_DISK_READ = _windows("LowCostGet", 15000, 120000)
_DISK_DELETE = _windows("DeleteDisks", 3000, 24000)

# Actions in lower case, without the provider.
_POLICIES: dict[str, tuple[Policy, ...]] = {
    "virtualmachines/write": _PUT_VM,
    "virtualmachines/delete": _DELETE_VM,
    "virtualmachines/deallocate/action": _DELETE_VM,
    "virtualmachines/read": _LOW_COST_GET,
    "virtualmachines/instanceview/read": _LOW_COST_GET,
    "locations/operations/read": _GET_OPERATION,
    "locations/diskoperations/read": _windows("GetOperation", 50000, 400000),
    "locations/capsoperations/read": _windows("GetOperationStatus", 5000, 15000),
    "images/write": _windows("CreateImages", 40, 200),
    "images/read": _windows("GetImages", 360, 1800),
    "images/delete": _windows("DeleteImages", 120, 600),
    "disks/write": _windows("CreateUpdateDisks", 1000, 8000),
    "disks/read": _DISK_READ,
    "disks/delete": _DISK_DELETE,
    "disks/begingetaccess/action": _HYDRATE,
    "disks/endgetaccess/action": _HYDRATE,
    "snapshots/write": _windows("HighCostSnapshotCreateHydrate", 1000, 8000),
    "snapshots/read": _DISK_READ,
    "snapshots/delete": _DISK_DELETE,
    "snapshots/begingetaccess/action": _HYDRATE,
    "snapshots/endgetaccess/action": _HYDRATE,
    "galleries/write": _windows("CreateUpdateGallery", 50, 300),
    "galleries/read": _windows("GetGallery", 350, 2500),
    "galleries/delete": _windows("DeleteGallery", 50, 300),
    "galleries/share/action": _windows("PostShareGallery", 10, 60),
    "galleries/applications/write": _windows("CreateUpdateGalleryApplication", 150, 750),
    "galleries/applications/read": _windows("GetGalleryApplication", 300, 2000),
    "galleries/images/write": _windows("CreateUpdateGalleryImage", 150, 750),
    "galleries/images/read": _windows("GetGalleryImage", 600, 3000),
    "galleries/images/delete": _windows("DeleteGalleryImage", 50, 300),
    "galleries/images/versions/write": _windows("CreateUpdateGalleryImageVersion", 375, 1200),
    "galleries/images/versions/read": _windows("GetGalleryImageVersion", 2000, 10000),
    "galleries/images/versions/delete": _windows("DeleteGalleryImageVersion", 150, 1000),
}
_LISTS: dict[str, tuple[Policy, ...]] = {
    "virtualmachines/read": _HIGH_COST_GET,
    "galleries/read": _windows("ListGalleryInResourceGroup", 100, 1000),
}
_CATALOGUE = "locations/publishers/artifacttypes/vmimage/offers/skus/versions/read"
_POLICIES[_CATALOGUE] = _windows("GetVMImageFromLocation", 13000, 74000)
_LISTS[_CATALOGUE] = _windows("ListVMImagesVersionsFromLocation", 16000, 44000)


@lru_cache(maxsize=1024)
def policies_of(route: Route) -> tuple[Policy, ...]:
    """The buckets of a route; none outside of Compute."""
    provider, _ignored, action = route.action().lower().partition("/")
    if provider != "microsoft.compute":
        return ()
    if not route.template.endswith("}") and action in _LISTS:
        return _LISTS[action]
    if action in _POLICIES:
        return _POLICIES[action]
    return _UPDATE_VM if action.startswith("virtualmachines/") and action.endswith("/action") else ()
