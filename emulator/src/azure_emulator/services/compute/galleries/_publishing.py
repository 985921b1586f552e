# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``publishingProfile`` of a version: target regions, replicas, storage types, end of life.

Recorded: display names of regions, counts and storage types that are filled in, what is shown when. Documented: the
strategy and the end of life that newer API versions set by themselves, limits and texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations
from azure_emulator.core.values import choice_of, flag_of, number_of, object_of, objects_of, text_of
from azure_emulator.services.compute.galleries._dates import future_date_of, months_later
from azure_emulator.services.compute.galleries._levels import VERSION, invalid, not_changeable

if TYPE_CHECKING:
    from azure_emulator.core.context import Context

MAX_REPLICAS = 100
#: From this API version on, versions end half a year after they were published, and cannot be deleted before.
ENDS_SINCE = "2026-03-03"
STRATEGY_SINCE = "2025-03-03"
END_MONTHS = 6

_TYPES = ("Standard_LRS", "Standard_ZRS", "Premium_LRS", "PremiumV2_LRS")
_STRATEGIES = ("PreferStandard_ZRS", "DefaultStandard_LRS")
_MODES = ("Full", "Shallow")


def new_profile(ctx: Context, location: str, path: str) -> dict[str, Any]:
    """The profile of a new version; `path` is what errors call the resource.

    :raises ArmError: 400 for what Azure refuses.
    """
    wanted = object_of(ctx.body, "properties", "publishingProfile")
    count = _count(wanted, "replicaCount", path) or 1
    storage, strategy = _storage(ctx, wanted, path)
    profile: dict[str, Any] = {
        "targetRegions": _regions(wanted, location, count, storage, strategy, path)
        or [_region({}, location, count, storage, strategy, path)],
        "replicaCount": count,
        "excludeFromLatest": bool(flag_of(wanted, "excludeFromLatest")),
        "publishedDate": ctx.clock.iso(),
        "storageAccountType": storage or _by_strategy(strategy, location),
        **({"storageAccountStrategy": strategy} if strategy else {}),
    }
    if end := future_date_of(ctx, None, wanted, "endOfLifeDate"):
        profile["endOfLifeDate"] = end
    elif ctx.api_version >= ENDS_SINCE and path == "galleryImageVersion":
        profile["endOfLifeDate"] = months_later(ctx, ctx.clock.now(), END_MONTHS)
    if mode := choice_of(wanted, _MODES, "replicationMode"):
        profile["replicationMode"] = mode
    if extended := objects_of(wanted, "targetExtendedLocations"):
        profile["targetExtendedLocations"] = extended
    return profile


def changed_profile(ctx: Context, has: dict[str, Any], location: str, path: str) -> dict[str, Any]:
    """The profile after an update: regions, counts, end of life and the place in the order of versions may change."""
    wanted = object_of(ctx.body, "properties", "publishingProfile")
    for name, allowed in (("storageAccountType", _TYPES), ("replicationMode", _MODES)):
        value = choice_of(wanted, allowed, name)
        if value is not None and value != has.get(name, "Full" if name == "replicationMode" else None):
            raise not_changeable(f"{path}.properties.publishingProfile.{name}")
    strategy = choice_of(wanted, _STRATEGIES, "storageAccountStrategy")
    if strategy is not None and strategy != has.get("storageAccountStrategy"):
        raise not_changeable(f"{path}.properties.publishingProfile.storageAccountStrategy")
    count = _count(wanted, "replicaCount", path) or has["replicaCount"]
    strategy, storage = (
        has.get("storageAccountStrategy"),
        None if "storageAccountStrategy" in has else has["storageAccountType"],
    )
    profile = {**has, "replicaCount": count}
    if wanted.get("targetRegions") is not None:
        regions = _regions(wanted, location, count, storage, strategy, path)
        profile["targetRegions"] = regions or has["targetRegions"]
    exclude = flag_of(wanted, "excludeFromLatest")
    if exclude is not None:
        profile["excludeFromLatest"] = exclude
    if end := future_date_of(ctx, has.get("endOfLifeDate"), wanted, "endOfLifeDate"):
        profile["endOfLifeDate"] = end
    if extended := objects_of(wanted, "targetExtendedLocations"):
        profile["targetExtendedLocations"] = extended
    return profile


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


def _by_strategy(strategy: str | None, region: str) -> str:
    zoned = strategy == _STRATEGIES[0] and locations.normalize(region) in locations.ZONED
    return "Standard_ZRS" if zoned else "Standard_LRS"


def _regions(
    wanted: dict[str, Any], location: str, count: int, storage: str | None, strategy: str | None, path: str
) -> list[dict[str, Any]]:
    """The target regions of a request, completed; they contain the version's own, each once."""
    regions, target = [], f"{path}.properties.publishingProfile.targetRegions"
    for region in objects_of(wanted, "targetRegions"):
        name = locations.check(text_of(region, "name"), VERSION.type)
        regions.append(_region(region, name, count, storage, strategy, path))
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


def _region(
    region: dict[str, Any], name: str, count: int, storage: str | None, strategy: str | None, path: str
) -> dict[str, Any]:
    chosen = choice_of(region, _TYPES, "storageAccountType") or storage or _by_strategy(strategy, name)
    if chosen == "Standard_ZRS" and locations.normalize(name) not in locations.ZONED:
        raise invalid("ZRS storage account type is not supported in this region.", "storageAccountType")
    exclude = flag_of(region, "excludeFromLatest")
    return {
        "name": locations.display_name(name),
        "regionalReplicaCount": _count(region, "regionalReplicaCount", path) or count,
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
    if count is not None and not 1 <= count <= MAX_REPLICAS:
        target = f"{path}.properties.publishingProfile.{name}"
        raise invalid(
            f"The value '{count}' of parameter '{target}' is out of range. The value must be between '1' and "
            f"'{MAX_REPLICAS}', inclusive.",
            target,
        )
    return count
