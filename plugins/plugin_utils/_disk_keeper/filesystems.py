# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a partition holds, told from its superblock (offsets as in the file systems' on-disk documentation)."""

from __future__ import annotations

import dataclasses
import os
import struct
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .partitions import Partition

MOUNTABLE = ("ext4", "xfs", "btrfs")
# Mounting for a look must write nothing, not even the journal's replay.
_LOOK_ONLY = {"ext4": "noload", "xfs": "norecovery", "btrfs": "rescue=nologreplay"}
# A clone of the host's own disk has the host's UUID, which xfs would refuse to mount twice.
_ALWAYS = {"xfs": "nouuid"}
_EXT_ERRORS = 0x2
_HEAD = 0x11000  # bytes; all signatures are in there


@dataclasses.dataclass(frozen=True)
class Filesystem:
    """The content of a partition; type '' when unknown. uuid and label as fstab writes them."""

    partition: Partition
    type: str
    uuid: str = ""
    label: str = ""
    has_errors: bool = False


def mount_data(kind: str, *, read_only: bool, subvolume: str = "") -> str:
    """The mount options of a file system type (those that are not flags)."""
    look_only = _LOOK_ONLY.get(kind, "") if read_only else ""
    options = (_ALWAYS.get(kind, ""), look_only, subvolume and f"subvol={subvolume}")
    return ",".join(option for option in options if option)


def _uuid(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw))


def _serial(raw: bytes) -> str:
    number = f"{struct.unpack('<I', raw)[0]:08X}"
    return f"{number[:4]}-{number[4:]}"


@dataclasses.dataclass(frozen=True)
class _Signature:
    """Where a file system's magic, UUID and label are."""

    type: str
    at: int
    magic: bytes
    uuid: tuple[int, int] = (0, 0)
    label: tuple[int, int] = (0, 0)
    format: Callable[[bytes], str] = _uuid


_SIGNATURES = (
    _Signature("ext4", 0x438, b"\x53\xef", (0x468, 0x478), (0x478, 0x488)),
    _Signature("xfs", 0, b"XFSB", (32, 48), (108, 120)),
    _Signature("btrfs", 0x10040, b"_BHRfS_M", (0x10020, 0x10030), (0x1012B, 0x1022B)),
    _Signature("vfat", 0x52, b"FAT32", (0x43, 0x47), (0x47, 0x52), _serial),
    _Signature("vfat", 0x36, b"FAT", (0x27, 0x2B), (0x2B, 0x36), _serial),
    _Signature("swap", 0xFF6, b"SWAPSPACE2", (0x40C, 0x41C), (0x41C, 0x42C)),
    _Signature("LUKS", 0, b"LUKS\xba\xbe"),
    *(_Signature("LVM", sector, b"LABELONE") for sector in range(0, 2048, 512)),
)


def probe(fd: int, partition: Partition) -> Filesystem:
    """Look at a partition's first bytes."""
    head = os.pread(fd, min(_HEAD, partition.size), partition.offset).ljust(_HEAD, b"\0")
    for one in _SIGNATURES:
        if head.startswith(one.magic, one.at):
            return Filesystem(
                partition,
                one.type,
                one.format(head[slice(*one.uuid)]) if any(one.uuid) else "",
                head[slice(*one.label)].split(b"\0")[0].decode("utf-8", "replace").rstrip(),
                one.type == "ext4" and bool(head[0x43A] & _EXT_ERRORS),
            )
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
