# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Azure checks in the properties of a disk or snapshot, at creation and at changes.

Documented: which values exist and what each storage type allows. Guessed: most texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.values import choice_of, flag_of, missing, number_of, object_of, text_of
from azure_emulator.services.compute._shared import OS_TYPES, invalid, upper_group
from azure_emulator.services.compute._skus import (
    MAX_GB,
    TUNABLE,
    most_shares,
    premium_labels,
    premium_row,
    tunable_range,
)
from azure_emulator.services.compute.companions import require
from azure_emulator.services.compute.encryption_sets import TYPES as CUSTOMER_KEY_TYPES

if TYPE_CHECKING:
    from azure_emulator.core.context import Context

PLATFORM_KEY = "EncryptionAtRestWithPlatformKey"
SECURITY_TYPES = (
    "TrustedLaunch",
    "ConfidentialVM_VMGuestStateOnlyEncryptedWithPlatformKey",
    "ConfidentialVM_DiskEncryptedWithPlatformKey",
    "ConfidentialVM_DiskEncryptedWithCustomerKey",
    "ConfidentialVM_NonPersistedTPM",
)
_BURST_FROM_GB = 513
_SECTORS = (512, 4096)


def check_choices(ctx: Context) -> None:
    """Refuse values that no API version knows."""
    body = ctx.body
    choice_of(body, OS_TYPES, "properties", "osType")
    choice_of(body, ("V1", "V2"), "properties", "hyperVGeneration")
    choice_of(body, ("AllowAll", "AllowPrivate", "DenyAll"), "properties", "networkAccessPolicy")
    choice_of(body, ("Enabled", "Disabled"), "properties", "publicNetworkAccess")
    choice_of(body, ("AzureActiveDirectory", "None"), "properties", "dataAccessAuthMode")
    choice_of(body, SECURITY_TYPES, "properties", "securityProfile", "securityType")
    choice_of(body, ("x64", "Arm64"), "properties", "supportedCapabilities", "architecture")
    choice_of(body, (PLATFORM_KEY, *CUSTOMER_KEY_TYPES), "properties", "encryption", "type")
    sector = number_of(body, "properties", "creationData", "logicalSectorSize")
    if sector not in (None, *_SECTORS):
        raise invalid(f"The value '{sector}' of parameter 'logicalSectorSize' is invalid.", "logicalSectorSize")


def encryption_of(ctx: Context, location: str) -> dict[str, str] | None:
    """``encryption`` of the request with its defaults, None when there is none.

    The group's name comes back in upper case [recorded].
    """
    wanted = object_of(ctx.body, "properties", "encryption")
    if not wanted:
        return None
    kind = choice_of(wanted, (PLATFORM_KEY, *CUSTOMER_KEY_TYPES), "type")
    identity = text_of(wanted, "diskEncryptionSetId")
    if not identity:
        if kind in (None, PLATFORM_KEY):
            return {"type": PLATFORM_KEY}
        raise missing("diskEncryptionSetId", "encryption")
    if kind == PLATFORM_KEY:
        raise invalid(f"Parameter 'diskEncryptionSetId' is not allowed with type '{kind}'.", "encryption")
    found = require(ctx, identity, "diskEncryptionSets", location)
    own = found["properties"].get("encryptionType", CUSTOMER_KEY_TYPES[0])
    if kind not in (None, own):
        raise invalid(f"The encryption type '{kind}' differs from that of '{identity}', '{own}'.", "encryption.type")
    return {"type": own, "diskEncryptionSetId": upper_group(identity)}


def check_properties(ctx: Context, asked: dict[str, Any], whole: dict[str, Any], location: str) -> None:
    """Refuse properties that do not go together: `asked` for now, and the `whole` as it would become."""
    policy, access = whole.get("networkAccessPolicy"), whole.get("diskAccessId")
    if policy == "AllowPrivate" and not access:
        raise missing("diskAccessId", "networkAccessPolicy")
    if asked.get("diskAccessId"):
        if policy != "AllowPrivate":
            raise invalid("Parameter 'diskAccessId' needs the networkAccessPolicy 'AllowPrivate'.", "diskAccessId")
        require(ctx, asked["diskAccessId"], "diskAccesses", location)
    security = asked.get("securityProfile", {}).get("securityType")
    if security and whole.get("hyperVGeneration", "V2") != "V2":
        raise invalid(
            f"The security type '{security}' needs a disk of hyperVGeneration 'V2'.", "securityProfile.securityType"
        )
    confidential = asked.get("securityProfile", {}).get("secureVMDiskEncryptionSetId")
    if confidential:
        require(ctx, confidential, "diskEncryptionSets", location)
    elif security == "ConfidentialVM_DiskEncryptedWithCustomerKey":
        raise missing("secureVMDiskEncryptionSetId", "securityProfile")


def check_performance(ctx: Context, sku: str, size_gb: int | None) -> None:
    """Refuse performance that the storage type or the size does not give; `size_gb` None: not known yet."""
    size = size_gb or 1
    _check_shares(ctx, sku, size_gb)
    _check_tuning(ctx, sku, size)
    if number_of(ctx.body, "properties", "creationData", "logicalSectorSize") == _SECTORS[1] and sku not in TUNABLE:
        raise invalid(f"Parameter 'logicalSectorSize' is not allowed for disks of type '{sku}'.", "logicalSectorSize")
    if flag_of(ctx.body, "properties", "creationData", "performancePlus") and size_gb and size_gb < _BURST_FROM_GB:
        raise invalid(
            f"Parameter 'performancePlus' needs a disk of at least {_BURST_FROM_GB} GB.", "creationData.performancePlus"
        )
    bursts = flag_of(ctx.body, "properties", "burstingEnabled")
    if bursts and (sku not in ("Premium_LRS", "Premium_ZRS") or (size_gb and size_gb < _BURST_FROM_GB)):
        raise invalid(
            f"Parameter 'burstingEnabled' needs a Premium SSD of at least {_BURST_FROM_GB} GB.", "burstingEnabled"
        )


def _check_shares(ctx: Context, sku: str, size_gb: int | None) -> None:
    shares = number_of(ctx.body, "properties", "maxShares")
    if shares is None:
        return
    most = most_shares(sku, size_gb or MAX_GB)
    if not 1 <= shares <= most:
        raise invalid(
            f"The value '{shares}' of parameter 'disk.maxShares' is out of range. "
            f"The value must be between '1' and '{most}', inclusive.",
            "disk.maxShares",
        )


def _check_tuning(ctx: Context, sku: str, size: int) -> None:
    label = text_of(ctx.body, "properties", "tier")
    if label is not None and sku in ("Premium_LRS", "Premium_ZRS"):
        known = premium_labels()
        if label not in known:
            raise invalid(f"The value '{label}' of parameter 'disk.tier' is invalid.", "disk.tier")
        base = premium_row(size)[1]
        if known.index(label) < known.index(base):
            raise invalid(
                f"The performance tier '{label}' is below '{base}', the tier of a disk of {size} GB.", "disk.tier"
            )
    if sku not in TUNABLE:
        return
    low_iops, high_iops, low_mbps, high_mbps = tunable_range(sku, size)
    limits = {"diskIOPSReadWrite": (low_iops, high_iops), "diskMBpsReadWrite": (low_mbps, high_mbps)}
    for name, (low, high) in limits.items():
        value = number_of(ctx.body, "properties", name)
        if value is not None and not low <= value <= high:
            raise invalid(
                f"The value '{value}' of parameter 'disk.{name}' is out of range. "
                f"The value must be between '{low}' and '{high}', inclusive.",
                f"disk.{name}",
            )
