# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``Microsoft.Compute/skus``: what can be had where, with capabilities and restrictions [documented].

The control API can make a region or a zone lack a size: it is then listed with a restriction, and a machine of that
size is refused there with ``SkuNotAvailable``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.checks import SettingError, check_fields, flag
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.compute._shared import SUBSCRIPTION, invalid
from azure_emulator.services.compute._skus import DISK_TYPES, MAX_GB, SNAPSHOT_TYPES, most_shares
from azure_emulator.services.compute.sizes import all_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_emulator.services.compute.sizes import VmSize

_NAMESPACE = "compute.restrictions"
_ZONES = ("1", "2", "3")
_FILTER = re.compile(r"\s*location\s+eq\s+'([^']+)'\s*", re.IGNORECASE)


def _restrict(scope: Scope, wanted: dict[str, Any]) -> None:
    """Take a size away from a region or from some of its zones, or give it back."""
    check_fields(wanted, ("location", "size", "zones", "available"), "the body")
    location, size = str(wanted.get("location", "")), str(wanted.get("size", "")).lower()
    if not locations.is_known(location) or size not in all_sizes():
        raise SettingError(f"give a location and a size that exist, not {location!r} and {size!r}")
    zones = wanted.get("zones") or []
    if not isinstance(zones, list) or not set(map(str, zones)) <= set(_ZONES):
        raise SettingError(f"zones must be some of {', '.join(_ZONES)}, not {zones!r}")
    key = f"{locations.normalize(location)}/{size}"
    if flag(wanted, "available", "the body"):
        scope.store.kv_delete(_NAMESPACE, key)
    else:
        scope.store.kv_put(_NAMESPACE, key, {"zones": [str(zone) for zone in zones]})


hooks.restrict.append(_restrict)


def check_available(ctx: Context, vm_id: str, location: str, size: VmSize, zones: list[str]) -> None:
    """Refuse what is not to be had in a region or its zones.

    :raises ArmError: 400 ``LocationDoesNotSupportAvailabilityZones`` or ``InvalidAvailabilityZone``, 409 ``SkuNotAvailable``.
    """
    if zones and location not in locations.ZONED:
        raise ArmError(
            400,
            "LocationDoesNotSupportAvailabilityZones",
            f"The location '{location}' does not support availability zones for resources of type 'virtualMachines'.",
        )
    for zone in zones:
        if zone not in _ZONES:
            raise ArmError(
                400,
                "InvalidAvailabilityZone",
                f"The zone(s) '{zone}' for resource '{vm_id}' is not supported. The supported zones for location "
                f"'{location}' are '{','.join(_ZONES)}'",
            )
    restriction = ctx.store.kv_get(_NAMESPACE, f"{location}/{size.name}".lower())
    if restriction is None or (restriction["zones"] and not set(zones) & set(restriction["zones"])):
        return
    raise ArmError(
        409,
        "SkuNotAvailable",
        f"The requested size for resource '{vm_id}' is currently not available in location '{location}' zones "
        f"'{','.join(zones)}' for subscription '{ctx.subscription}'. Please try another size or deploy to a different "
        "location or zones. See https://aka.ms/azureskunotavailable for details.",
    )


def _skus(ctx: Context) -> Reply:
    given = ctx.query.get("$filter", "")
    found = _FILTER.fullmatch(given) if given else None
    if given and found is None:
        raise invalid(
            f"The value '{given}' of parameter '$filter' is invalid: only location is supported.",
            "$filter",
        )
    if found and not locations.is_known(found[1]):
        return Reply(200, {"value": []})
    wanted = [locations.normalize(found[1])] if found else list(locations.ALL)
    restrictions = dict(ctx.store.kv_items(_NAMESPACE))
    return Reply(200, {"value": [item for place in wanted for item in _in_region(place, restrictions)]})


def _in_region(location: str, restrictions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield _plain(location, "availabilitySets", "Classic", {"MaximumPlatformFaultDomainCount": "3"})
    yield _plain(location, "availabilitySets", "Aligned", {"MaximumPlatformFaultDomainCount": "3"})
    for name in DISK_TYPES:
        yield _plain(location, "disks", name, {"MaxValueOfMaxShares": str(most_shares(name, MAX_GB))})
    for name in SNAPSHOT_TYPES:
        yield _plain(location, "snapshots", name, {})
    for size in all_sizes().values():
        yield _size(size, location, restrictions.get(f"{location}/{size.name}".lower()))


def _plain(location: str, kind: str, name: str, capabilities: dict[str, str]) -> dict[str, Any]:
    zones = list(_ZONES) if location in locations.ZONED and kind in ("disks", "snapshots") else []
    return {
        "resourceType": kind,
        "name": name,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones, "zoneDetails": []}],
        "capabilities": _named(capabilities),
        "restrictions": [],
    }


def _size(size: VmSize, location: str, restriction: dict[str, Any] | None) -> dict[str, Any]:
    tier, _rest, short = size.name.partition("_")
    zones = list(_ZONES) if location in locations.ZONED else []
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": tier,
        "size": short,
        "family": size.family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones, "zoneDetails": []}],
        "capabilities": _named(_capabilities(size)),
        "restrictions": _restrictions(location, restriction),
    }


def _capabilities(size: VmSize) -> dict[str, Any]:
    found: dict[str, Any] = {
        "MaxResourceVolumeMB": size.temporary,
        "OSVhdSizeMB": 1047552,
        "vCPUs": size.cores,
        "MemoryPreservingMaintenanceSupported": True,
        "HyperVGenerations": ",".join(size.generations),
        "MemoryGB": size.memory / 1024 if size.memory % 1024 else size.memory // 1024,
        "MaxDataDiskCount": size.data_disks,
        "CpuArchitectureType": size.architecture,
        "LowPriorityCapable": not size.name.startswith(("Basic", "Standard_B")),
        "PremiumIO": size.premium,
        "VMDeploymentTypes": "IaaS",
        "vCPUsAvailable": size.cores,
        "vCPUsPerCore": 1 if size.architecture == "Arm64" else 2,
        "EphemeralOSDiskSupported": size.premium and size.temporary > 0,
        "EncryptionAtHostSupported": size.premium,
        "CapacityReservationSupported": not size.name.startswith("Basic"),
        "AcceleratedNetworkingEnabled": size.cores > 1,
        "RdmaEnabled": False,
        "MaxNetworkInterfaces": min(8, max(2, size.cores)),
    }
    if size.confidential:
        found["ConfidentialComputingType"] = "SNP"
    if "V2" in size.generations and not size.trusted_launch and not size.confidential:
        found["TrustedLaunchDisabled"] = True
    return found


def _named(capabilities: dict[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "value": str(value)} for name, value in capabilities.items()]


def _restrictions(location: str, restriction: dict[str, Any] | None) -> list[dict[str, Any]]:
    if restriction is None:
        return []
    info: dict[str, Any] = {"locations": [location]}
    kind = "Zone" if restriction["zones"] else "Location"
    if restriction["zones"]:
        info["zones"] = restriction["zones"]
    return [{"type": kind, "values": [location], "restrictionInfo": info, "reasonCode": "NotAvailableForSubscription"}]


ROUTES = [Route("GET", f"{SUBSCRIPTION}/skus", _skus, evidence=documented("2026-11-25"), waits=True)]
