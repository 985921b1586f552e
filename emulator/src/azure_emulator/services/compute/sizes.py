# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VM sizes.

Families are real, figures are as documented; each family is one line, its sizes follow from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.compute._shared import LOCATION, invalid, location_of

if TYPE_CHECKING:
    from collections.abc import Iterator


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

    @property
    def confidential(self) -> bool:
        """Whether it runs confidential machines."""
        return self.name.startswith(("Standard_DC", "Standard_EC"))

    @property
    def trusted_launch(self) -> bool:
        """Whether it runs machines with Trusted Launch: second generation, x64, and no other protection."""
        return "V2" in self.generations and self.architecture == "x64" and not self.confidential

    @property
    def family(self) -> str:
        """The name of its quota: ``standardDSv2Family``."""
        return _family_of(self.name)[0]

    @property
    def family_label(self) -> str:
        """The quota's name for people: ``Standard DSv2 Family vCPUs``."""
        return _family_of(self.name)[1]


_NAME = re.compile(r"(?P<tier>Standard|Basic)_(?P<series>[A-Z]+)\d+(?P<features>[a-z]*)(_(?P<version>v\d+))?")


@cache
def _family_of(name: str) -> tuple[str, str]:
    """Name and label of a size's quota, as in the recorded list of usages."""
    found = _NAME.fullmatch(name)
    if found is None:
        return f"{name}Family", f"{name} Family vCPUs"
    series, features, version = found["series"], found["features"], found["version"] or ""
    if found["tier"] == "Basic":
        return "basicAFamily", "Basic A Family vCPUs"
    if series == "A" and not version:
        return "standardA0_A7Family", "Standard A0-A7 Family vCPUs"
    if series == "B":
        core = "BS" if not version else "B" + features.lstrip("mlt") + version
    else:
        core = series + (features if version >= "v6" else features.upper()) + version
    return f"{'Standard' if version >= 'v6' else 'standard'}{core}Family", f"Standard {core} Family vCPUs"


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
    _Family("Standard_DC{n}as_v5", (*_SMALL, 96), 4, generations=_G2),
    _Family("Standard_DC{n}ads_v5", (*_SMALL, 96), 4, generations=_G2, temporary_per_core=37),
    _Family("Standard_EC{n}as_v5", (*_SMALL, 96), 8, generations=_G2),
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
        raise invalid(
            f"The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {known}. "
            "Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.",
            "vmSize",
        )
    return size


def check_architecture(size: VmSize, architecture: str) -> None:
    """Refuse a size whose processors cannot run an image [documented by its text in reports]."""
    if architecture.lower() != size.architecture.lower():
        raise ArmError(
            400,
            "BadRequest",
            f"Cannot create a VM of size '{size.name}' because this VM size only supports a CPU Architecture of "
            f"'{size.architecture}', but an image or disk with CPU Architecture '{architecture}' was given. Please check "
            "that the CPU Architecture of the image or disk is compatible with that of the VM size.",
        )


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


def _vm_sizes(ctx: Context) -> Reply:
    location_of(ctx)
    return Reply(200, {"value": [size_item(size) for size in all_sizes().values()]})


def size_item(size: VmSize) -> dict[str, Any]:
    """A size as lists of sizes show it."""
    return {
        "name": size.name,
        "numberOfCores": size.cores,
        "osDiskSizeInMB": 1047552,
        "resourceDiskSizeInMB": size.temporary,
        "memoryInMB": size.memory,
        "maxDataDiskCount": size.data_disks,
    }


ROUTES = [
    Route("GET", f"{LOCATION}/vmSizes", _vm_sizes, evidence=documented("2026-11-25")),
]
