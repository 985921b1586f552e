# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a storage type means for a disk: tier, performance, performance tier.

The figures for up to 32 GiB are recorded (Premium 120/25, others 500/60); the larger ones are documented.
"""

from __future__ import annotations

from typing import Any

from azure_emulator.core.errors import ArmError

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


def sku_of(body: dict[str, Any], allowed: tuple[str, ...], default: str) -> dict[str, str]:
    """``{"name", "tier"}`` of a request.

    :raises ArmError: 400 for an unknown storage type.
    """
    sku = body.get("sku") or {}
    name = sku.get("name", default) if isinstance(sku, dict) else None
    for known in allowed:
        if isinstance(name, str) and known.lower() == name.lower():
            return {"name": known, "tier": tier(known)}
    raise ArmError(
        400,
        "InvalidParameter",
        f"The value '{name}' of parameter 'sku.name' is invalid. Allowed values are: {', '.join(allowed)}.",
        "sku.name",
    )


def tier(name: str) -> str:
    """``Premium_LRS`` -> ``Premium``."""
    return _TIERS.get(name, "Standard")


def performance(name: str, size_gb: int) -> dict[str, Any]:
    """The properties that follow from type and size: IOPS, MB/s and, for premium disks, the performance tier."""
    if tier(name) != "Premium":
        large = size_gb > 4096
        return {"diskIOPSReadWrite": 2000 if large else 500, "diskMBpsReadWrite": 500 if large else 60}
    _ignored, label, iops, mbps = next(row for row in _PREMIUM if size_gb <= row[0])
    return {"diskIOPSReadWrite": iops, "diskMBpsReadWrite": mbps, "tier": label}
