# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a partition holds, told from its superblock (offsets as in the file systems' on-disk documentation)."""

from __future__ import annotations

import dataclasses
import os
import struct
import uuid

from .partitions import Partition

MOUNTABLE = ("ext4", "xfs", "btrfs")
# Mounting for a look must write nothing, not even the journal's replay.
LOOK_ONLY = {"ext4": "noload", "xfs": "norecovery,nouuid", "btrfs": "rescue=nologreplay"}
# A clone of the host's own disk has the host's UUID, which xfs would refuse to mount twice.
MOUNT_DATA = {"xfs": "nouuid"}
_EXT_ERRORS = 0x2


@dataclasses.dataclass(frozen=True)
class Filesystem:
    """The content of a partition; type '' when unknown. uuid and label as fstab writes them."""

    partition: Partition
    type: str
    uuid: str = ""
    label: str = ""
    has_errors: bool = False


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").rstrip()


def _uuid(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw))


def _serial(raw: bytes) -> str:
    number = f"{struct.unpack('<I', raw)[0]:08X}"
    return f"{number[:4]}-{number[4:]}"


def probe(fd: int, partition: Partition) -> Filesystem:
    """Look at a partition's first bytes."""
    head = os.pread(fd, min(0x11000, partition.size), partition.offset).ljust(0x11000, b"\0")
    if head[0x438:0x43A] == b"\x53\xef":
        state = struct.unpack_from("<H", head, 0x43A)[0]
        return Filesystem(
            partition, "ext4", _uuid(head[0x468:0x478]), _text(head[0x478:0x488]), bool(state & _EXT_ERRORS)
        )
    if head[:4] == b"XFSB":
        return Filesystem(partition, "xfs", _uuid(head[32:48]), _text(head[108:120]))
    if head[0x10040:0x10048] == b"_BHRfS_M":
        return Filesystem(partition, "btrfs", _uuid(head[0x10020:0x10030]), _text(head[0x1012B:0x1022B]))
    if head[0x52:0x57] == b"FAT32":
        return Filesystem(partition, "vfat", _serial(head[0x43:0x47]), _text(head[0x47:0x52]))
    if head[0x36:0x39] == b"FAT":
        return Filesystem(partition, "vfat", _serial(head[0x27:0x2B]), _text(head[0x2B:0x36]))
    if head[4086:4096] == b"SWAPSPACE2":
        return Filesystem(partition, "swap", _uuid(head[0x40C:0x41C]), _text(head[0x41C:0x42C]))
    if head[:6] == b"LUKS\xba\xbe":
        return Filesystem(partition, "LUKS")
    if any(head[at : at + 8] == b"LABELONE" for at in range(0, 2048, 512)):
        return Filesystem(partition, "LVM")
    return Filesystem(partition, "")


def find(spec: str, known: list[Filesystem]) -> Filesystem | None:
    """The file system that an fstab's first field names, or None when it is not on this disk."""
    if spec.startswith("/dev/disk/by-"):
        kind, _slash, value = spec.removeprefix("/dev/disk/by-").partition("/")
        spec = f"{kind.upper()}={value}"
    key, equals, value = spec.partition("=")
    value = value.strip('"')
    if equals:
        for one in known:
            names = {
                "UUID": one.uuid.lower(),
                "LABEL": one.label,
                "PARTUUID": one.partition.uuid,
                "PARTLABEL": one.partition.label,
            }
            if names.get(key) == (value.lower() if key.endswith("UUID") else value) and value:
                return one
        return None
    if spec.startswith(("/dev/sd", "/dev/vd", "/dev/xvd", "/dev/nvme")):
        digits = spec[len(spec.rstrip("0123456789")) :]
        for one in known:
            if digits and one.partition.number == int(digits):
                return one
    return None
