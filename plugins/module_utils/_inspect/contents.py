# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a partition holds, by its magic numbers, and whether its first block is intact.

Layouts: ext4 documentation of the kernel (disk layout), XFS on-disk format, btrfs wiki, FAT specification 1.03, NTFS
boot sector, LVM2 and LUKS headers, BitLocker's volume signature. Where a checksum or a copy exists it is compared: a
damaged head must not be taken for an empty or a clean disk.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.crc32c import crc32c, raw

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Window

FILESYSTEM, LVM, ENCRYPTED, SWAP, RAID, EMPTY, UNKNOWN = (
    "filesystem", "lvm", "encrypted", "swap", "raid", "empty", "unknown",
)  # fmt: skip
_HEAD = 256 << 10


@dataclass
class Content:
    """``kind`` is one of the names above; ``type`` what exactly, as blkid calls it.

    :ivar damage: sentences; with any of them nothing that is read from it is certain.
    :ivar clean: whether it was taken out of use properly; ``None`` where this is not looked at.
    """

    kind: str
    type: str = ""
    label: str = ""
    uuid: str = ""
    damage: list[str] = field(default_factory=list)
    clean: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)


def identify(window: Window) -> Content:
    """Say what is in a partition, or on a disk without partitions."""
    head = window.at(0, _HEAD)
    for look in (_luks, _bitlocker, _ext, _xfs, _btrfs, _ntfs, _lvm, _swap, _raid, _fat, _others):
        found = look(head, window)
        if found is not None:
            return found
    if not any(head):
        return Content(EMPTY)
    return Content(UNKNOWN)


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()


def _luks(head: bytes, _window: Window) -> Content | None:
    if head[:6] != b"LUKS\xba\xbe":
        return None
    version = struct.unpack_from(">H", head, 6)[0]
    return Content(ENCRYPTED, "luks", uuid=_text(head[168:208]), details={"version": version})


def _bitlocker(head: bytes, _window: Window) -> Content | None:
    return Content(ENCRYPTED, "bitlocker") if head[3:11] == b"-FVE-FS-" else None


def _ext(head: bytes, window: Window) -> Content | None:
    sb = head[1024:2048]
    if len(sb) < 1024 or sb[56:58] != b"\x53\xef":
        return None
    compatible, incompatible, read_only = struct.unpack_from("<III", sb, 92)
    kind = "ext4" if incompatible & 0x40 or incompatible & 0x200 else "ext3" if compatible & 4 else "ext2"
    found = Content(FILESYSTEM, kind, _text(sb[120:136]), str(uuid.UUID(bytes=bytes(sb[104:120]))))
    found.clean = not incompatible & 4  # INCOMPAT_RECOVER: the journal has to be replayed
    if read_only & 0x400 and raw(sb[:1020], 0xFFFFFFFF) != struct.unpack_from("<I", sb, 1020)[0]:
        found.damage.append("the checksum of the superblock is wrong")
    blocks = struct.unpack_from("<I", sb, 4)[0]
    if incompatible & 0x80:
        blocks |= struct.unpack_from("<I", sb, 0x150)[0] << 32
    exponent = struct.unpack_from("<I", sb, 24)[0]
    if exponent > 6 or blocks * (1024 << exponent) > window.length:
        found.damage.append("it is larger than its partition")
    if incompatible & 0x10000:
        found.details["encrypted_folders"] = True
    return found


def _xfs(head: bytes, window: Window) -> Content | None:
    if head[:4] != b"XFSB":
        return None
    block, blocks = struct.unpack_from(">IQ", head, 4)
    version, sector = struct.unpack_from(">HH", head, 100)
    found = Content(FILESYSTEM, "xfs", _text(head[108:120]), str(uuid.UUID(bytes=bytes(head[32:48]))))
    if version & 15 == 5 and 512 <= sector <= 32768:
        stored = struct.unpack_from("<I", head, 224)[0]
        if crc32c(head[:224] + bytes(4) + head[228:sector]) != stored:
            found.damage.append("the checksum of the superblock is wrong")
    if block * blocks > window.length:
        found.damage.append("it is larger than its partition")
    return found


def _btrfs(head: bytes, window: Window) -> Content | None:
    sb = head[0x10000:0x11000]
    if len(sb) < 4096 or sb[64:72] != b"_BHRfS_M":
        return None
    found = Content(FILESYSTEM, "btrfs", _text(sb[299:555]), str(uuid.UUID(bytes=bytes(sb[32:48]))))
    if struct.unpack_from("<H", sb, 196)[0] == 0 and crc32c(sb[32:]) != struct.unpack_from("<I", sb)[0]:
        found.damage.append("the checksum of the superblock is wrong")
    size, _used, _root, devices = struct.unpack_from("<QQQQ", sb, 112)
    if devices != 1:
        found.damage.append(f"it spreads over {devices} disks")
    elif size > window.length:
        found.damage.append("it is larger than its partition")
    return found


def _ntfs(head: bytes, window: Window) -> Content | None:
    if head[3:11] != b"NTFS    ":
        return None
    sector, sectors = struct.unpack_from("<H", head, 11)[0], struct.unpack_from("<Q", head, 40)[0]
    found = Content(FILESYSTEM, "ntfs", uuid=f"{struct.unpack_from('<Q', head, 72)[0]:016X}")
    end = sectors * sector
    if head[510:512] != b"\x55\xaa" or sector not in (512, 1024, 2048, 4096) or end + sector > window.length:
        found.damage.append("its boot sector contradicts itself or the size of the partition")
    elif head[:512] not in (window.at(end, 512), window.at(window.length - 512, 512)):
        found.damage.append("its boot sector differs from the copy at its end")
    return found


def _lvm(head: bytes, _window: Window) -> Content | None:
    for sector in range(4):
        label = head[sector * 512 : sector * 512 + 512]
        if label[:8] == b"LABELONE" and label[24:32] == b"LVM2 001":
            return Content(LVM, "lvm2", uuid=_text(label[32:64]))
    return None


def _swap(head: bytes, _window: Window) -> Content | None:
    for page in (4096, 8192, 16384, 65536):
        if head[page - 10 : page] in (b"SWAPSPACE2", b"SWAP-SPACE"):
            return Content(SWAP, "swap", _text(head[1052:1068]), str(uuid.UUID(bytes=bytes(head[1036:1052]))))
    return None


def _raid(head: bytes, _window: Window) -> Content | None:
    starts = (head[0:4], head[4096:4100])
    return Content(RAID, "linux_raid_member") if b"\xfc\x4e\x2b\xa9" in starts else None


def _fat(head: bytes, window: Window) -> Content | None:
    if len(head) < 512 or head[510:512] != b"\x55\xaa":
        return None
    kind = "vfat" if head[82:90] == b"FAT32   " or head[54:59] in (b"FAT12", b"FAT16") else ""
    if head[3:11] == b"EXFAT   ":
        return Content(FILESYSTEM, "exfat")
    if not kind:
        return None
    wide = head[82:90] == b"FAT32   "
    at = 67 if wide else 39
    serial, label = head[at : at + 4][::-1].hex().upper(), head[at + 4 : at + 15].decode("cp437").strip()
    found = Content(FILESYSTEM, kind, label, f"{serial[:4]}-{serial[4:]}")
    sector = struct.unpack_from("<H", head, 11)[0]
    sectors = struct.unpack_from("<H", head, 19)[0] or struct.unpack_from("<I", head, 32)[0]
    if sector not in (512, 1024, 2048, 4096) or sectors * sector > window.length:
        found.damage.append("its boot sector contradicts itself or the size of the partition")
    backup = struct.unpack_from("<H", head, 50)[0]
    if wide and 0 < backup < 64 and sector == 512 and head[:90] != head[backup * 512 : backup * 512 + 90]:
        found.damage.append("its boot sector differs from its copy")
    return found


_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"hsqs", FILESYSTEM, "squashfs"),
    (3, b"ReFS\0\0\0\0", FILESYSTEM, "refs"),
    (1024, b"\x10\x20\xf5\xf2", FILESYSTEM, "f2fs"),
    (1024, b"\xe2\xe1\xf5\xe0", FILESYSTEM, "erofs"),
    (32, b"NXSB", FILESYSTEM, "apfs"),
    (0x8001, b"CD001", FILESYSTEM, "iso9660"),
    (0x10000 + 1372, b"\x19\x01\x54\x19", FILESYSTEM, "ufs"),
)


def _others(head: bytes, _window: Window) -> Content | None:
    """File systems that are named and not read."""
    for at, magic, kind, name in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return Content(kind, name)
    if head[128 << 10 : (128 << 10) + 1024].count(b"\x0c\xb1\xba\0\0\0\0\0") > 1:
        return Content(FILESYSTEM, "zfs_member")
    return None
