# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of a machine as members of a backup, and what else has to be known to make a machine like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import backup_sets, disks, snapshots

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.backup_sets import Member


def of(azure: Session, vm: Wire) -> list[Member]:
    """The machine's disks as members of a set, the OS disk first.

    :raises InvalidInput: one of them cannot be kept as a snapshot.
    """
    storage = vm["properties"]["storageProfile"]
    attached = [(backup_sets.OS, storage["osDisk"])]
    attached += [(str(disk["lun"]), disk) for disk in storage.get("dataDisks") or []]
    problems = [_unfit(key, disk) for key, disk in attached]
    if any(problems):
        raise InvalidInput(
            f"The machine {vm['name']} cannot be backed up: {'; '.join(filter(None, problems))}.",
            remedy="Snapshots are of managed disks; move its disks there (az vm convert), or back it up from inside.",
        )
    found = [_member(azure, key, disk) for key, disk in attached]
    return sorted(found, key=lambda one: backup_sets.order(one.key))


def _unfit(key: str, disk: Wire) -> str | None:
    if disk.get("diffDiskSettings"):
        return f"{backup_sets.title(key)} lies on the host (ephemeral)"
    if not (disk.get("managedDisk") or {}).get("id"):
        return f"{backup_sets.title(key)} is a blob, no managed disk"
    return None


def _member(azure: Session, key: str, attached: Wire) -> Member:
    where = ids.parse(attached["managedDisk"]["id"])
    disk = disks.read(azure, where.resource_group, where.name)
    if disk is None:
        raise InvalidInput(f"The disk {where}, {backup_sets.title(key)}, cannot be read.", remedy="Check your rights.")
    properties = disk["properties"]
    tuned = disk["sku"]["name"] in snapshots.ONLY_INCREMENTAL
    shares = properties.get("maxShares")
    settings = {
        "sku": disk["sku"]["name"],
        "zone": next(iter(disk.get("zones") or []), None),
        "iops": properties.get("diskIOPSReadWrite") if tuned else None,
        "mbps": properties.get("diskMBpsReadWrite") if tuned else None,
        "sector": properties.get("creationData", {}).get("logicalSectorSize"),
        "shares": shares if shares and shares > 1 else None,
        "accelerated": attached.get("writeAcceleratorEnabled") or None,
        "owned": properties.get("LastOwnershipUpdateTime"),
    }
    kept = {name: value for name, value in settings.items() if value is not None}
    return backup_sets.Member(
        key, f"{where.resource_group}/{where.name}", attached.get("caching") or "None", settings=kept
    )


def machine(vm: Wire) -> dict[str, Any]:
    """What a new machine must be like to run what is on the disks."""
    properties, security = vm["properties"], vm["properties"].get("securityProfile") or {}
    settings = {
        "size": properties["hardwareProfile"].get("vmSize"),
        "zone": next(iter(vm.get("zones") or []), None),
        "license_type": properties.get("licenseType"),
        "security_type": security.get("securityType"),
        "secure_boot": (security.get("uefiSettings") or {}).get("secureBootEnabled"),
    }
    return {name: value for name, value in settings.items() if value is not None}
