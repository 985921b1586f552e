# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VM sizes, and how many cores a subscription may use in a region.

Families are real, figures are as documented; each family is one line, its sizes follow from it. The quota is wide
enough for load tests unless the control API sets another one (key ``cores`` of the namespace ``compute.quota``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route
from azure_emulator.services.compute._shared import LOCATION, PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFAULT_CORES = 10_000


@dataclass(frozen=True, slots=True)
class VmSize:
    """One size. `memory` in MB; `generations` are the boot modes it can start."""

    name: str
    cores: int
    memory: int
    data_disks: int
    premium: bool
    generations: tuple[str, ...]
    architecture: str = "x64"
    temporary: int = 0


@dataclass(frozen=True, slots=True)
class _Family:
    pattern: str
    cores: tuple[int, ...]
    memory_per_core: float
    premium: bool = True
    generations: tuple[str, ...] = ("V1", "V2")
    architecture: str = "x64"
    temporary_per_core: int = 0


_G1, _G2, _BOTH = ("V1",), ("V2",), ("V1", "V2")
_SMALL = (2, 4, 8, 16, 32, 48, 64)
_FAMILIES = (
    _Family("Standard_B{n}ms", (1, 2, 4, 8, 12, 16, 20), 4, temporary_per_core=4),
    _Family("Standard_B{n}s_v2", (2, 4, 8, 16, 32), 4),
    _Family("Standard_B{n}as_v2", (2, 4, 8, 16, 32), 4),
    _Family("Standard_B{n}ps_v2", (2, 4, 8, 16), 4, generations=_G2, architecture="Arm64"),
    _Family("Standard_A{n}_v2", (1, 2, 4, 8), 2, premium=False, generations=_G1, temporary_per_core=10),
    _Family("Standard_D{n}_v3", _SMALL, 4, premium=False, generations=_G1, temporary_per_core=25),
    _Family("Standard_D{n}s_v3", _SMALL, 4, temporary_per_core=8),
    _Family("Standard_D{n}a_v4", _SMALL, 4, premium=False, temporary_per_core=25),
    _Family("Standard_D{n}as_v4", _SMALL, 4, temporary_per_core=8),
    _Family("Standard_D{n}_v4", _SMALL, 4, premium=False),
    _Family("Standard_D{n}s_v4", _SMALL, 4),
    _Family("Standard_D{n}ds_v4", _SMALL, 4, temporary_per_core=37),
    _Family("Standard_D{n}_v5", (*_SMALL, 96), 4, premium=False),
    _Family("Standard_D{n}s_v5", (*_SMALL, 96), 4),
    _Family("Standard_D{n}ds_v5", (*_SMALL, 96), 4, temporary_per_core=37),
    _Family("Standard_D{n}as_v5", (*_SMALL, 96), 4),
    _Family("Standard_D{n}ads_v5", (*_SMALL, 96), 4, temporary_per_core=37),
    _Family("Standard_D{n}ps_v5", _SMALL, 4, generations=_G2, architecture="Arm64"),
    _Family("Standard_D{n}s_v6", (*_SMALL, 96), 4, generations=_G2),
    _Family("Standard_D{n}as_v6", (*_SMALL, 96), 4, generations=_G2),
    _Family("Standard_DC{n}as_v5", _SMALL, 4, generations=_G2),
    _Family("Standard_E{n}_v3", _SMALL, 8, premium=False, generations=_G1, temporary_per_core=25),
    _Family("Standard_E{n}s_v3", _SMALL, 8, temporary_per_core=16),
    _Family("Standard_E{n}s_v4", _SMALL, 8),
    _Family("Standard_E{n}s_v5", (*_SMALL, 96), 8),
    _Family("Standard_E{n}ds_v5", (*_SMALL, 96), 8, temporary_per_core=37),
    _Family("Standard_E{n}as_v5", (*_SMALL, 96), 8),
    _Family("Standard_F{n}", (1, 2, 4, 8, 16), 2, premium=False, generations=_G1, temporary_per_core=16),
    _Family("Standard_F{n}s", (1, 2, 4, 8, 16), 2, temporary_per_core=4),
    _Family("Standard_F{n}s_v2", (2, 4, 8, 16, 32, 48, 64, 72), 2, temporary_per_core=8),
)
# Sizes whose names do not hold the number of cores: name, cores, GB of memory, data disks, premium, generations.
_SINGLE = (
    ("Standard_B1ls", 1, 0.5, 2, True, _BOTH),
    ("Standard_B1s", 1, 1, 2, True, _BOTH),
    ("Standard_B2s", 2, 4, 4, True, _BOTH),
    ("Standard_B2ts_v2", 2, 1, 4, True, _BOTH),
    ("Standard_B2ls_v2", 2, 4, 4, True, _BOTH),
    ("Basic_A0", 1, 0.75, 1, False, _G1),
    ("Basic_A1", 1, 1.75, 2, False, _G1),
    ("Basic_A2", 2, 3.5, 4, False, _G1),
    ("Standard_A0", 1, 0.75, 1, False, _G1),
    ("Standard_A1", 1, 1.75, 2, False, _G1),
    ("Standard_A2", 2, 3.5, 4, False, _G1),
    ("Standard_A3", 4, 7, 8, False, _G1),
    ("Standard_A4", 8, 14, 16, False, _G1),
    ("Standard_D1", 1, 3.5, 4, False, _G1),
    ("Standard_D2", 2, 7, 8, False, _G1),
    ("Standard_D3", 4, 14, 16, False, _G1),
    ("Standard_D4", 8, 28, 32, False, _G1),
    ("Standard_DS1", 1, 3.5, 4, True, _BOTH),
    ("Standard_DS2", 2, 7, 8, True, _BOTH),
    ("Standard_DS3", 4, 14, 16, True, _BOTH),
    ("Standard_D1_v2", 1, 3.5, 4, False, _G1),
    ("Standard_D2_v2", 2, 7, 8, False, _G1),
    ("Standard_D3_v2", 4, 14, 16, False, _G1),
    ("Standard_D4_v2", 8, 28, 32, False, _G1),
    ("Standard_D5_v2", 16, 56, 64, False, _G1),
    ("Standard_DS1_v2", 1, 3.5, 4, True, _BOTH),
    ("Standard_DS2_v2", 2, 7, 8, True, _BOTH),
    ("Standard_DS3_v2", 4, 14, 16, True, _BOTH),
    ("Standard_DS4_v2", 8, 28, 32, True, _BOTH),
    ("Standard_DS5_v2", 16, 56, 64, True, _BOTH),
)


@cache
def all_sizes() -> dict[str, VmSize]:
    """Every size by its name in lower case."""
    return {size.name.lower(): size for size in _make()}


def _make() -> Iterator[VmSize]:
    for name, cores, memory, disks, premium, generations in _SINGLE:
        yield VmSize(name, cores, int(memory * 1024), disks, premium, generations, temporary=cores * 10240)
    for family in _FAMILIES:
        for cores in family.cores:
            yield VmSize(
                family.pattern.format(n=cores),
                cores,
                int(cores * family.memory_per_core * 1024),
                min(64, max(2, cores * 2)),
                family.premium,
                family.generations,
                family.architecture,
                cores * family.temporary_per_core * 1024,
            )


def check_size(name: str) -> VmSize:
    """The size of a name.

    :raises ArmError: 400 ``InvalidParameter`` for an unknown one.
    """
    size = all_sizes().get(name.lower())
    if size is None:
        known = ",".join(size.name for size in all_sizes().values())
        raise ArmError(
            400,
            "InvalidParameter",
            f"The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {known}. "
            "Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.",
            "vmSize",
        )
    return size


def check_generation(size: VmSize, generation: str) -> None:
    """Refuse a size that cannot boot a generation."""
    if generation in size.generations:
        return
    number = generation.removeprefix("V")
    raise ArmError(
        400,
        "BadRequest",
        f"The selected VM size '{size.name}' cannot boot Hypervisor Generation '{number}'. If this was a Create operation "
        "please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM "
        f"Size. If this was an Update operation please select a Hypervisor Generation '{number}' VM Size. For more "
        "information, see https://aka.ms/azuregen2vm",
    )


def check_quota(scope: Scope, subscription: str, location: str, more: int) -> None:
    """Refuse what would take more cores than the quota.

    :raises ArmError: 409 with the recorded text.
    """
    limit, used = _limit(scope), _used(scope, subscription, location)
    if used + more > limit:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Operation results in exceeding quota limits of Core. Maximum allowed: {limit}, Current in use: {used}, "
            f"Additional requested: {more}.",
        )


def _limit(scope: Scope) -> int:
    return int(scope.store.kv_get("compute.quota", "cores") or _DEFAULT_CORES)


def _used(scope: Scope, subscription: str, location: str) -> int:
    sql = (
        "SELECT lower(json_extract(doc, '$.properties.hardwareProfile.vmSize')), count(*) FROM resources"
        " WHERE type = ? AND subscription = ? AND location = ?"
        " AND coalesce(json_extract(doc, '$._power'), '') <> 'deallocated' GROUP BY 1"
    )
    rows = scope.store.read(sql, f"{PROVIDER}/virtualMachines".lower(), subscription.lower(), location)
    return sum(all_sizes()[name].cores * count for name, count in rows if name in all_sizes())


def _location(ctx: Context) -> str:
    return locations.check(ctx.ids["location"], f"{PROVIDER}/locations")


def _vm_sizes(ctx: Context) -> Reply:
    _location(ctx)
    return Reply(200, {"value": [_size_item(size) for size in all_sizes().values()]})


def _size_item(size: VmSize) -> dict[str, Any]:
    return {
        "name": size.name,
        "numberOfCores": size.cores,
        "osDiskSizeInMB": 1047552,
        "resourceDiskSizeInMB": size.temporary,
        "memoryInMB": size.memory,
        "maxDataDiskCount": size.data_disks,
    }


def _usages(ctx: Context) -> Reply:
    location = _location(ctx)
    machines = ctx.store.list(type=f"{PROVIDER}/virtualMachines", subscription=ctx.subscription)
    count = sum(1 for machine in machines if machine["location"] == location)
    rows = (
        ("cores", "Total Regional vCPUs", _used(ctx, ctx.subscription, location), _limit(ctx)),
        ("virtualMachines", "Virtual Machines", count, 25000),
    )
    return Reply(
        200,
        {
            "value": [
                {
                    "limit": limit,
                    "unit": "Count",
                    "currentValue": used,
                    "name": {"value": name, "localizedValue": label},
                }
                for name, label, used, limit in rows
            ]
        },
    )


def _skus(ctx: Context) -> Reply:
    found = re.search(r"location eq '([^']+)'", ctx.query.get("$filter", ""))
    wanted = [locations.normalize(found[1])] if found else list(locations.ALL)
    if found and not locations.is_known(found[1]):
        return Reply(200, {"value": []})
    return Reply(200, {"value": [_sku_item(size, place) for place in wanted for size in all_sizes().values()]})


def _sku_item(size: VmSize, location: str) -> dict[str, Any]:
    zones = ["1", "2", "3"] if location in locations.ZONED else []
    capabilities = {
        "vCPUs": size.cores,
        "MemoryGB": size.memory / 1024,
        "MaxDataDiskCount": size.data_disks,
        "PremiumIO": size.premium,
        "HyperVGenerations": ",".join(size.generations),
        "CpuArchitectureType": size.architecture,
        "MaxResourceVolumeMB": size.temporary,
    }
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": size.name.partition("_")[0],
        "size": size.name.partition("_")[2],
        "family": "standard" + re.sub(r"\d+", "", size.name.partition("_")[2], count=1) + "Family",
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones, "zoneDetails": []}],
        "capabilities": [{"name": name, "value": str(value)} for name, value in capabilities.items()],
        "restrictions": [],
    }


ROUTES = [
    Route("GET", f"{LOCATION}/vmSizes", _vm_sizes),
    Route("GET", f"{LOCATION}/usages", _usages),
    Route("GET", "/subscriptions/{subscription}/providers/Microsoft.Compute/skus", _skus),
]
