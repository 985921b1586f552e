# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which format a disk file has: decided by its content, never by its name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import COOKIE, FOOTER_SIZE, DiskType, Footer

if TYPE_CHECKING:
    from collections.abc import Callable

RAW = "raw"
FIXED_VHD = "vhd"
DYNAMIC_VHD = "vhd-dynamic"
DIFFERENCING_VHD = "vhd-differencing"
VHDX = "vhdx"
QCOW2 = "qcow2"
VMDK = "vmdk"
VDI = "vdi"
TAR = "tar"

NATIVE = (RAW, FIXED_VHD)
"""Formats whose file is the disk, byte by byte."""
GROWING = (DYNAMIC_VHD, DIFFERENCING_VHD)
"""VHD files with a block table."""
LAYERED = (QCOW2, VMDK)
"""Formats that qemu reads and that may build on another file."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"vhdxfile", VHDX),
    (0, b"QFI\xfb", QCOW2),
    (0, b"KDMV", VMDK),
    (0, b"COWD", VMDK),
    (0, b"# Disk DescriptorFile", VMDK),
    (64, b"\x7f\x10\xda\xbe", VDI),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"BZh", "bzip2"),
    (257, b"ustar", TAR),
)
PACKED = ("gzip", "xz", "zstd", "bzip2", TAR)
_BY_TYPE: dict[int, str] = {DiskType.DYNAMIC: DYNAMIC_VHD, DiskType.DIFFERENCING: DIFFERENCING_VHD}
_HEAD = 1024
_SEARCH = 1 << 20


@dataclass(frozen=True)
class Recognised:
    """What the bytes of a file say it is.

    ``footer_offset`` is where a VHD footer was found when that is not the last sector of the file.
    """

    format: str
    file_size: int
    footer: Footer | None = None
    head_footer: Footer | None = None
    footer_offset: int | None = None


def recognise(fd: int) -> Recognised:
    """Read both ends of an open file and say what it is."""
    return recognise_in(lambda offset, length: os.pread(fd, length, offset), os.lseek(fd, 0, os.SEEK_END))


def recognise_in(read: Callable[[int, int], bytes], file_size: int) -> Recognised:
    """Say what ``file_size`` bytes are; ``read(offset, length)`` returns some of them."""
    head = read(0, _HEAD)
    footer = _footer_at(read, file_size - FOOTER_SIZE)
    head_footer = Footer.parse(head[:FOOTER_SIZE])
    # A dynamic file begins with a copy of its footer; a fixed one with the disk's own first sector.
    judged = footer or (head_footer if head_footer and head_footer.disk_type in _BY_TYPE else None)
    if judged is not None:
        return Recognised(_BY_TYPE.get(judged.disk_type, FIXED_VHD), file_size, footer, head_footer)
    name = next((kind for at, magic, kind in _MAGIC if head[at:].startswith(magic)), RAW)
    stray = _stray_footer(read, file_size) if name == RAW else None
    return Recognised(name, file_size, footer, head_footer, stray)


def _footer_at(read: Callable[[int, int], bytes], offset: int) -> Footer | None:
    return Footer.parse(read(offset, FOOTER_SIZE)) if offset >= 0 else None


def _stray_footer(read: Callable[[int, int], bytes], file_size: int) -> int | None:
    """Return the offset of a footer near the end that is not the last sector (bytes were appended or cut off)."""
    start = max(0, file_size - _SEARCH)
    tail = read(start, file_size - start)
    at = tail.rfind(COOKIE)
    while at >= 0:
        footer = Footer.parse(tail[at : at + FOOTER_SIZE])
        if (footer is not None and footer.checksum_ok) or len(tail) - at < FOOTER_SIZE:
            return start + at
        at = tail.rfind(COOKIE, 0, at)
    return None
