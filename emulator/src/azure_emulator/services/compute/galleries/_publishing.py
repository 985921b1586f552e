# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``publishingProfile`` of a version: target regions, replicas, storage types, end of life.

Recorded: display names of regions, counts and storage types that are filled in, what is shown when. Documented: the
strategy and the end of life that newer API versions set by themselves, limits and texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations
from azure_emulator.core.values import choice_of, flag_of, number_of, object_of, objects_of, text_of
from azure_emulator.services.compute._shared import invalid, not_changeable
from azure_emulator.services.compute.galleries._dates import end_of_life
from azure_emulator.services.compute.galleries._levels import VERSION

if TYPE_CHECKING:
    from azure_emulator.core.context import Context

#: From this API version on, a strategy chooses the storage type unless the request does.
STRATEGY_SINCE = "2025-03-03"

_MAX_REPLICAS = 100
_TYPES = ("Standard_LRS", "Standard_ZRS", "Premium_LRS", "PremiumV2_LRS")
_STRATEGIES = ("PreferStandard_ZRS", "DefaultStandard_LRS")
_MODES = ("Full", "Shallow")
_NEVER_CHANGE = {"storageAccountType": _TYPES, "storageAccountStrategy": _STRATEGIES, "replicationMode": _MODES}


@dataclass(frozen=True)
class _Defaults:
    """What a target region has unless it says otherwise; a strategy chooses the storage type where there is none."""

    replicas: int
    storage: str | None
    strategy: str | None

    def storage_in(self, region: str) -> str:
        if self.storage:
            return self.storage
        zoned = self.strategy == _STRATEGIES[0] and locations.normalize(region) in locations.ZONED
        return "Standard_ZRS" if zoned else "Standard_LRS"


def new_profile(ctx: Context, location: str, path: str) -> dict[str, Any]:
    """The profile of a new version; `path` is what errors call the resource.

    :raises ArmError: 400 for what Azure refuses.
    """
    wanted = object_of(ctx.body, "properties", "publishingProfile")
    defaults = _Defaults(_count(wanted, "replicaCount", path) or 1, *_storage(ctx, wanted, path))
    profile: dict[str, Any] = {
        "targetRegions": _regions(wanted, location, defaults, path) or [_region({}, location, defaults, path)],
        "replicaCount": defaults.replicas,
        "excludeFromLatest": bool(flag_of(wanted, "excludeFromLatest")),
        "publishedDate": ctx.clock.iso(),
        "storageAccountType": defaults.storage_in(location),
        **({"storageAccountStrategy": defaults.strategy} if defaults.strategy else {}),
    }
    if mode := choice_of(wanted, _MODES, "replicationMode"):
        profile["replicationMode"] = mode
    return profile | _in_both(ctx, wanted, None)


def changed_profile(ctx: Context, has: dict[str, Any], location: str, path: str) -> dict[str, Any]:
    """The profile after an update: regions, counts, end of life and the place in the order of versions may change.

    :raises ArmError: 400 for what Azure refuses, 409 ``PropertyChangeNotAllowed``.
    """
    wanted = object_of(ctx.body, "properties", "publishingProfile")
    for name, allowed in _NEVER_CHANGE.items():
        value = choice_of(wanted, allowed, name)
        if value is not None and value != {"replicationMode": "Full", **has}.get(name):
            raise not_changeable(f"{path}.properties.publishingProfile.{name}")
    strategy = has.get("storageAccountStrategy")
    count = _count(wanted, "replicaCount", path) or has["replicaCount"]
    defaults = _Defaults(count, None if strategy else has["storageAccountType"], strategy)
    profile = {**has, "replicaCount": count}
    if regions := _regions(wanted, location, defaults, path):
        profile["targetRegions"] = regions
    exclude = flag_of(wanted, "excludeFromLatest")
    if exclude is not None:
        profile["excludeFromLatest"] = exclude
    return profile | _in_both(ctx, wanted, has.get("endOfLifeDate"))


def _in_both(ctx: Context, wanted: dict[str, Any], end: str | None) -> dict[str, Any]:
    """What a new profile and a changed one take as it is given."""
    given: dict[str, Any] = {}
    if date := end_of_life(ctx, end, wanted):
        given["endOfLifeDate"] = date
    if extended := objects_of(wanted, "targetExtendedLocations"):
        given["targetExtendedLocations"] = extended
    return given


def _storage(ctx: Context, wanted: dict[str, Any], path: str) -> tuple[str | None, str | None]:
    """The storage type, or the strategy that chooses it in each region."""
    storage = choice_of(wanted, _TYPES, "storageAccountType")
    strategy = choice_of(wanted, _STRATEGIES, "storageAccountStrategy")
    if storage and strategy:
        target = f"{path}.properties.publishingProfile.storageAccountStrategy"
        raise invalid(
            "Parameters 'storageAccountType' and 'storageAccountStrategy' cannot be specified together.", target
        )
    if storage is None and strategy is None and ctx.api_version >= STRATEGY_SINCE:
        strategy = _STRATEGIES[0]
    return storage or (None if strategy else _TYPES[0]), strategy


def _regions(wanted: dict[str, Any], location: str, defaults: _Defaults, path: str) -> list[dict[str, Any]]:
    """The target regions of a request, completed; they contain the version's own, each once."""
    regions, target = [], f"{path}.properties.publishingProfile.targetRegions"
    for region in objects_of(wanted, "targetRegions"):
        name = locations.check(text_of(region, "name"), VERSION.type)
        regions.append(_region(region, name, defaults, path))
    names = [region["name"] for region in regions]
    if len(set(names)) != len(names):
        raise invalid("Duplicate regions are not allowed in target publishing regions.", target)
    if names and locations.display_name(location) not in names:
        raise invalid(
            f"Gallery image version publishing profile regions {', '.join(names)} must contain the location of image version "
            f"{locations.display_name(location)}",
            target,
        )
    return regions


def _region(region: dict[str, Any], name: str, defaults: _Defaults, path: str) -> dict[str, Any]:
    chosen = choice_of(region, _TYPES, "storageAccountType") or defaults.storage_in(name)
    if chosen == "Standard_ZRS" and locations.normalize(name) not in locations.ZONED:
        raise invalid("ZRS storage account type is not supported in this region.", "storageAccountType")
    exclude = flag_of(region, "excludeFromLatest")
    return {
        "name": locations.display_name(name),
        "regionalReplicaCount": _count(region, "regionalReplicaCount", path) or defaults.replicas,
        "storageAccountType": chosen,
        **({"excludeFromLatest": exclude} if exclude is not None else {}),
        **({"encryption": encryption} if (encryption := _encryption(region)) else {}),
        **({"additionalReplicaSets": sets} if (sets := objects_of(region, "additionalReplicaSets")) else {}),
    }


def _encryption(region: dict[str, Any]) -> dict[str, Any]:
    """As it was sent, once its shape is known: disks made from the version are encrypted alike."""
    encryption = object_of(region, "encryption")
    text_of(encryption, "osDiskImage", "diskEncryptionSetId")
    for image in objects_of(encryption, "dataDiskImages"):
        number_of(image, "lun")
        text_of(image, "diskEncryptionSetId")
    return encryption


def _count(wanted: dict[str, Any], name: str, path: str) -> int | None:
    count = number_of(wanted, name)
    if count is not None and not 1 <= count <= _MAX_REPLICAS:
        target = f"{path}.properties.publishingProfile.{name}"
        raise invalid(
            f"The value '{count}' of parameter '{target}' is out of range. The value must be between '1' and "
            f"'{_MAX_REPLICAS}', inclusive.",
            target,
        )
    return count
