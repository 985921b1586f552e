# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about disks and volumes: encryption, room, sizes, optical drive."""

from __future__ import annotations

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Facts, Unknown
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import (
    ALWAYS,
    GENERAL,
    GENERALIZE,
    PREP,
    WARNING,
    Evidence,
    Rules,
    against,
)

RULES = Rules()
GIB = 1 << 30
_LEAST_FREE = 2 * GIB
_ENOUGH_FREE = 10 * GIB
_BIOS_DISK = 2048 * GIB
_DATA_DISK = 32767 * GIB
_BIOS, _UEFI = 1, 2
_ONLINE_ALL = 1
_SYSTEM_START = 1


@RULES.add(
    "bitlocker.decrypted", "Every volume is fully decrypted",
    cause="Sysprep refuses a machine with BitLocker or Azure Disk Encryption on, and Azure cannot use the image.",
    remedy="Switch the encryption off (manage-bde -off, or disable Azure Disk Encryption) and wait until it says Fully "
    "Decrypted for every volume; to suspend it is not enough.",
    source=GENERALIZE, repair="decrypt_volumes",
)  # fmt: skip
def _bitlocker(facts: Facts) -> list[Evidence]:
    available, volumes, boot = facts[shape.BITLOCKER], facts[shape.VOLUMES], facts[shape.BITLOCKER_BOOT]
    if available and volumes:
        encrypted = [each for each in volumes if each.conversion]
        return against(shape.VOLUMES, *(f"{each.mount}: ConversionStatus {each.conversion}" for each in encrypted))
    if available:
        raise Unknown(shape.VOLUMES.path, "the class Win32_EncryptableVolume lists no volume at all")
    # Without the class nothing can tell; a server where the feature is not installed cannot have encrypted its volumes.
    installed = any(each.name.lower() == "bitlocker" for each in facts[shape.ROLES])
    if boot in (None, 0) and facts[shape.ROLES_KNOWN] and not installed:
        return []
    raise Unknown(shape.VOLUMES.path, "Windows does not have the class Win32_EncryptableVolume")


@RULES.add(
    "efs.files", "No encrypted files were found",
    cause="The keys of encrypted files (EFS) do not survive Sysprep: nobody can read these files afterwards.",
    remedy="Decrypt them (cipher /d), or delete them. Profiles were searched three folders deep, nothing else.",
    source=GENERALIZE,
)  # fmt: skip
def _efs(facts: Facts) -> list[Evidence]:
    return against(shape.EFS_FILES, *facts[shape.EFS_FILES])


@RULES.add(
    "efs.searched", "All of these folders could be searched for encrypted files", severity=WARNING,
    cause="What is in a folder that cannot be read is not known.",
    remedy="Look into it by hand (cipher /u /n lists encrypted files).", source=GENERAL,
)  # fmt: skip
def _efs_searched(facts: Facts) -> list[Evidence]:
    return against(shape.EFS_UNREAD, *facts[shape.EFS_UNREAD])


@RULES.add(
    "efs.users", "No user has a key for encrypted files", severity=WARNING,
    cause="Somebody who has such a key has probably encrypted files somewhere, and only some places were searched.",
    remedy="Look for encrypted files on all volumes (cipher /u /n) and decrypt them.", source=GENERAL,
)  # fmt: skip
def _efs_users(facts: Facts) -> list[Evidence]:
    return against(shape.EFS_KEYS, *facts[shape.EFS_KEYS])


@RULES.add(
    "disks.space", "The system volume has at least 2 GiB free",
    cause="Sysprep writes logs and copies of drivers and of the registry, and fails without room.",
    remedy="Clean up (cleanmgr, DISM /StartComponentCleanup) or enlarge the volume.", source=GENERAL,
)  # fmt: skip
def _space(facts: Facts) -> list[Evidence]:
    free = facts[shape.FREE]
    return against(shape.FREE, f"{free >> 20} MiB") if free < _LEAST_FREE else []


@RULES.add(
    "disks.little_space", "The system volume has at least 10 GiB free", severity=WARNING,
    cause="Machines from the image start with as little room: the first start, updates and dumps need some.",
    remedy="Clean up, or enlarge the volume.", source=GENERAL,
)  # fmt: skip
def _little_space(facts: Facts) -> list[Evidence]:
    free = facts[shape.FREE]
    return against(shape.FREE, f"{free >> 20} MiB") if _LEAST_FREE <= free < _ENOUGH_FREE else []


@RULES.add(
    "disks.boot_size", "The disk that it starts from is one that Azure starts",
    cause="A machine of generation 1 (BIOS) starts from disks of up to 2,048 GiB only.",
    remedy="Shrink the disk, or convert it to GPT and use generation 2.", source=PREP,
)  # fmt: skip
def _boot_size(facts: Facts) -> list[Evidence]:
    firmware = facts[shape.FIRMWARE]
    large = [each for each in facts[shape.DISKS] if each.boot and each.size > _BIOS_DISK]
    if not large:
        return []
    if firmware not in (_BIOS, _UEFI):
        raise Unknown(shape.FIRMWARE.path, "Windows does not say whether it started by BIOS or UEFI")
    if firmware == _UEFI:
        return []
    return against(shape.DISKS, *(f"disk {each.number}: {each.size // GIB} GiB" for each in large))


@RULES.add(
    "disks.data_size", "No disk is larger than Azure has",
    cause="A managed disk has at most 32,767 GiB.", remedy="Shrink the disk or leave it out of the image.", source=PREP,
)  # fmt: skip
def _data_size(facts: Facts) -> list[Evidence]:
    large = [each for each in facts[shape.DISKS] if each.size > _DATA_DISK]
    return against(shape.DISKS, *(f"disk {each.number}: {each.size // GIB} GiB" for each in large))


@RULES.add(
    "disks.found", "The disk that it starts from was found",
    cause="Without it nothing is known of the disk's size.", remedy="Look at the disks by hand (Get-Disk).", source=GENERAL,
)  # fmt: skip
def _found(facts: Facts) -> list[Evidence]:
    if not any(each.boot for each in facts[shape.DISKS]):
        raise Unknown(shape.DISKS.path, "none of the disks says that Windows started from it")
    return []


@RULES.add(
    "disks.san_policy", "All disks come online by themselves", severity=WARNING,
    cause="With another SAN policy the data disks of machines from the image stay offline.",
    remedy="diskpart: san policy=onlineall.", source=PREP, repair="set_san_policy", offline=ALWAYS,
)  # fmt: skip
def _san(facts: Facts) -> list[Evidence]:
    policy = facts[shape.SAN_POLICY]
    return [] if policy == _ONLINE_ALL else against(shape.SAN_POLICY, "not there" if policy is None else policy)


@RULES.add(
    "cdrom.start", "The optical drive is enabled",
    cause="Azure hands provisioning data over on a disc; without the drive the first start hangs in OOBE.",
    remedy="Set HKLM\\SYSTEM\\CurrentControlSet\\Services\\cdrom, Start to 1.",
    source=GENERALIZE, repair="enable_cdrom", offline=ALWAYS,
)  # fmt: skip
def _cdrom(facts: Facts) -> list[Evidence]:
    start = facts[shape.CDROM_START]
    return [] if start == _SYSTEM_START else against(shape.CDROM_START, "not there" if start is None else start)


@RULES.add(
    "cdrom.policy", "No policy denies reading discs",
    cause="Azure hands provisioning data over on a disc; a policy that denies removable storage makes the first start hang.",
    remedy="Remove the policy (Computer Configuration, System, Removable Storage Access).", source=GENERALIZE, offline=ALWAYS,
)  # fmt: skip
def _cdrom_policy(facts: Facts) -> list[Evidence]:
    return against(shape.CDROM_DENIED, *facts[shape.CDROM_DENIED])
