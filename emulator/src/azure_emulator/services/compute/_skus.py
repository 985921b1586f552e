# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a storage type means for a disk: tier, performance, performance tier, how many machines may share it.

Recorded: Premium from P1 to P30, with performance plus at P30, Standard HDD up to S50, Ultra. The other figures are
documented.
"""

from __future__ import annotations

from typing import Any

from azure_emulator.services.compute._shared import invalid

DISK_TYPES = (
    "Standard_LRS",
    "StandardSSD_LRS",
    "StandardSSD_ZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "PremiumV2_LRS",
    "UltraSSD_LRS",
)
SNAPSHOT_TYPES = ("Standard_LRS", "Standard_ZRS", "Premium_LRS")

#: The largest disk.
MAX_GB = 32767
#: Disks whose IOPS and MB/s are the client's to choose.
TUNABLE = ("UltraSSD_LRS", "PremiumV2_LRS")
_TIERS = {"Premium_LRS": "Premium", "Premium_ZRS": "Premium", "PremiumV2_LRS": "Premium", "UltraSSD_LRS": "Ultra"}
# Size limit in GiB, performance tier, IOPS, MB/s.
_PREMIUM = (
    (4, "P1", 120, 25),
    (8, "P2", 120, 25),
    (16, "P3", 120, 25),
    (32, "P4", 120, 25),
    (64, "P6", 240, 50),
    (128, "P10", 500, 100),
    (256, "P15", 1100, 125),
    (512, "P20", 2300, 150),
    (1024, "P30", 5000, 200),
    (2048, "P40", 7500, 250),
    (4096, "P50", 7500, 250),
    (8192, "P60", 16000, 500),
    (16384, "P70", 18000, 750),
    (32767, "P80", 20000, 900),
)
# Size limit in GiB, IOPS, MB/s.
_SSD = ((4096, 500, 100), (8192, 2000, 400), (16384, 4000, 600), (32767, 6000, 750))
_HDD = ((4096, 500, 60), (8192, 1300, 300), (32767, 2000, 500))
# The same with performance plus, which needs more than 512 GiB.
_PLUS_FROM = 513
_PREMIUM_PLUS = ((1024, 8000, 300), (2048, 20000, 600), (32767, 20000, 900))
_SSD_PLUS = ((1024, 1500, 150), (2048, 3000, 300), (4096, 6000, 600), (32767, 6000, 750))
_HDD_PLUS = ((1024, 1500, 150), (2048, 3000, 300), (32767, 3000, 500))
# Size limit in GiB, machines that may share a disk.
_PREMIUM_SHARES = ((512, 3), (4096, 5), (32767, 10))


def sku_of(body: dict[str, Any], allowed: tuple[str, ...], default: str) -> dict[str, str]:
    """``{"name", "tier"}`` of a request.

    :raises ArmError: 400 for an unknown storage type.
    """
    sku = body.get("sku") or {}
    name = sku.get("name", default) if isinstance(sku, dict) else None
    for known in allowed:
        if isinstance(name, str) and known.lower() == name.lower():
            return {"name": known, "tier": tier(known)}
    raise invalid(
        f"The value '{name}' of parameter 'sku.name' is invalid. Allowed values are: {', '.join(allowed)}.",
        "sku.name",
    )


def tier(name: str) -> str:
    """``Premium_LRS`` -> ``Premium``."""
    return _TIERS.get(name, "Standard")


def performance(name: str, size_gb: int, properties: dict[str, Any], label: str | None = None) -> dict[str, Any]:
    """The properties that follow from type and size: IOPS, MB/s and, for Premium SSDs, the performance tier.

    `label` is a tier that the client chose; what a client chose for a tunable disk stays.
    """
    if name in TUNABLE:
        return _tuned(name, properties)
    plus = bool(properties.get("creationData", {}).get("performancePlus")) and size_gb >= _PLUS_FROM
    if tier(name) == "Premium":
        row = premium_row(size_gb)
        if label:
            row = max(row, next(row for row in _PREMIUM if row[1] == label))
        iops, mbps = row[2:]
        if plus:
            plus_iops, plus_mbps = _row(_PREMIUM_PLUS, size_gb)
            iops, mbps = max(iops, plus_iops), max(mbps, plus_mbps)
        return {"diskIOPSReadWrite": iops, "diskMBpsReadWrite": mbps, "tier": row[1]}
    tables = (_SSD, _SSD_PLUS) if name.startswith("StandardSSD") else (_HDD, _HDD_PLUS)
    iops, mbps = _row(tables[plus], size_gb)
    return {"diskIOPSReadWrite": iops, "diskMBpsReadWrite": mbps}


def _tuned(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """What a client chose, or the defaults; Ultra disks always say what machines that only read get [recorded]."""
    ultra = name == "UltraSSD_LRS"
    iops, mbps = (100, 13) if ultra else (3000, 125)
    found = {
        "diskIOPSReadWrite": properties.get("diskIOPSReadWrite", iops),
        "diskMBpsReadWrite": properties.get("diskMBpsReadWrite", mbps),
    }
    if ultra:
        found["maxShares"] = properties.get("maxShares", 1)
    if ultra or properties.get("maxShares", 1) > 1:
        found["diskIOPSReadOnly"] = properties.get("diskIOPSReadOnly", 100)
        found["diskMBpsReadOnly"] = properties.get("diskMBpsReadOnly", 13)
    return found


def premium_row(size_gb: int) -> tuple[int, str, int, int]:
    """Size limit, performance tier, IOPS and MB/s of a Premium SSD of a size."""
    return next(row for row in _PREMIUM if size_gb <= row[0])


def premium_labels() -> tuple[str, ...]:
    """``P1`` to ``P80``, in order."""
    return tuple(row[1] for row in _PREMIUM)


def tunable_range(name: str, size_gb: int) -> tuple[int, int, int, int]:
    """Least and most IOPS, least and most MB/s of a tunable disk."""
    if name == "PremiumV2_LRS":
        return 3000, max(3000, min(80000, 500 * size_gb)), 125, 1200
    return 100, min(400000, max(1200, 1000 * size_gb)), 1, 10000


def most_shares(name: str, size_gb: int) -> int:
    """How many machines may share a disk; 1: it cannot be shared."""
    if name in TUNABLE:
        return 15
    if name.startswith(("Premium", "StandardSSD")):
        return next(shares for limit, shares in _PREMIUM_SHARES if size_gb <= limit)
    return 1


def _row(table: tuple[tuple[int, int, int], ...], size_gb: int) -> tuple[int, int]:
    _limit, iops, mbps = next(row for row in table if size_gb <= row[0])
    return iops, mbps
