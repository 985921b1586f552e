# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables (GPT: UEFI specification 2.10 chapter 5; MBR) read without help from the kernel."""

from __future__ import annotations

import dataclasses
import os
import struct
import uuid
import zlib

from .errors import DiskImageError

SECTOR = 512
ESP_TYPES = frozenset({"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ef"})
# Root partitions by architecture, from the UAPI group's Discoverable Partitions Specification.
ROOT_TYPES = frozenset(
    {
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",  # x86-64
        "b921b045-1df0-41c3-af44-4c6f280d3fae",  # arm64
        "44479540-f297-41b2-9af7-d131d5f0458a",  # x86
    }
)

_GPT_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_GPT_ENTRY = struct.Struct("<16s16sQQQ72s")
_EXTENDED = frozenset({0x05, 0x0F, 0x85})


@dataclasses.dataclass(frozen=True)
class Partition:
    """One partition; offset and size in bytes, type and uuid in lower case as blkid prints them."""

    number: int
    offset: int
    size: int
    type: str
    uuid: str
    label: str = ""


def read_partitions(fd: int, size: int) -> list[Partition]:
    """The partitions of a disk of ``size`` bytes; raises DiskImageError when there is no valid table."""
    first = os.pread(fd, SECTOR, 0)
    if len(first) < SECTOR or first[510:512] != b"\x55\xaa":
        raise DiskImageError(
            "The disk has no partition table (no MBR or GPT signature in its first sector).",
            "Give a whole, partitioned disk, and its format if the file name does not tell.",
        )
    if any(first[446 + 16 * index + 4] == 0xEE for index in range(4)):
        return _read_gpt(fd, size)
    return _read_mbr(fd, first)


def _read_gpt(fd: int, size: int) -> list[Partition]:
    for lba in (1, size // SECTOR - 1):
        header = os.pread(fd, SECTOR, lba * SECTOR)
        if len(header) < SECTOR or header[:8] != b"EFI PART":
            continue
        fields = _GPT_HEADER.unpack_from(header)
        header_size, checksum = fields[2], fields[3]
        start, count, entry_size, table_checksum = fields[10:14]
        bare = header[:16] + bytes(4) + header[20:header_size]
        if not 92 <= header_size <= SECTOR or zlib.crc32(bare) != checksum:
            continue
        if entry_size < _GPT_ENTRY.size or count > 4096:
            continue
        table = os.pread(fd, count * entry_size, start * SECTOR)
        if zlib.crc32(table) == table_checksum:
            return _gpt_entries(table, count, entry_size)
    raise DiskImageError(
        "The disk's GUID partition table is damaged (neither the primary nor the backup header is valid).",
        "Repair it with 'sgdisk --verify' and gdisk's recovery menu.",
    )


def _gpt_entries(table: bytes, count: int, entry_size: int) -> list[Partition]:
    found = []
    for index in range(count):
        kind, unique, first, last, _flags, name = _GPT_ENTRY.unpack_from(table, index * entry_size)
        if kind == bytes(16):
            continue
        found.append(
            Partition(
                number=index + 1,
                offset=first * SECTOR,
                size=(last - first + 1) * SECTOR,
                type=str(uuid.UUID(bytes_le=kind)),
                uuid=str(uuid.UUID(bytes_le=unique)),
                label=name.decode("utf-16-le", "replace").split("\0")[0],
            )
        )
    return found


def _mbr_entries(sector: bytes) -> list[tuple[int, int, int]]:
    """(type, first sector, sectors) of the four slots."""
    return [(sector[446 + 16 * slot + 4], *struct.unpack_from("<II", sector, 446 + 16 * slot + 8)) for slot in range(4)]


def _read_mbr(fd: int, first: bytes) -> list[Partition]:
    signature = struct.unpack_from("<I", first, 440)[0]
    found = []

    def add(number: int, kind: int, start: int, count: int) -> None:
        found.append(Partition(number, start * SECTOR, count * SECTOR, f"{kind:02x}", f"{signature:08x}-{number:02x}"))

    for slot, (kind, start, count) in enumerate(_mbr_entries(first), start=1):
        if kind in _EXTENDED:
            for number, logical in enumerate(_logical(fd, start), start=5):
                add(number, *logical)
        elif kind and count:
            add(slot, kind, start, count)
    if not found:
        raise DiskImageError(
            "The disk's partition table is empty.", "Give a partitioned disk; a bare file system cannot boot on Azure."
        )
    return sorted(found, key=lambda partition: partition.number)


def _logical(fd: int, base: int) -> list[tuple[int, int, int]]:
    """The chain of logical partitions in an extended one that begins at sector ``base``."""
    found: list[tuple[int, int, int]] = []
    at = base
    while len(found) < 64:
        sector = os.pread(fd, SECTOR, at * SECTOR)
        if len(sector) < SECTOR or sector[510:512] != b"\x55\xaa":
            break
        (kind, start, count), (_next_kind, next_start, _next_count), *_rest = _mbr_entries(sector)
        if kind and count:
            found.append((kind, at + start, count))
        if not next_start:
            break
        at = base + next_start
    return found
