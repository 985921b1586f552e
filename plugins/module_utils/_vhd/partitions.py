# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables: read MBR and GPT, say what could boot, move the GPT's backup to a new end of the disk.

Layout: UEFI Specification 2.10, chapter 5. Sectors are 512 bytes, as Azure presents OS disks.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import SECTOR

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Source

ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
BIOS_BOOT = uuid.UUID("21686148-6449-6e6f-744e-656564454649")
_MBR_ESP = 0xEF
_PROTECTIVE = 0xEE
_MBR_TABLE = 446
_GPT_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_SIGNATURE = b"EFI PART"
_MAX_TABLE = 1 << 20  # 16 KiB is usual; more than this is damage


@dataclass(frozen=True)
class Partition:
    """One partition; offsets and lengths in bytes, ``type`` an MBR byte (``0x83``) or a GPT type GUID."""

    number: int
    type: str
    offset: int
    length: int
    name: str = ""
    active: bool = False


@dataclass(frozen=True)
class GptHeader:
    """A GPT header with a correct checksum, and its entries as bytes."""

    revision: int
    header_size: int
    my_lba: int
    alternate_lba: int
    first_usable: int
    last_usable: int
    disk_guid: bytes
    entries_lba: int
    entry_count: int
    entry_size: int
    entries_crc: int
    entries: bytes = field(repr=False)

    def pack(self) -> bytes:
        """Return one sector with a correct header checksum."""
        values = (
            _SIGNATURE, self.revision, self.header_size, 0, 0, self.my_lba, self.alternate_lba, self.first_usable,
            self.last_usable, self.disk_guid, self.entries_lba, self.entry_count, self.entry_size, self.entries_crc,
        )  # fmt: skip
        blank = _GPT_HEADER.pack(*values).ljust(self.header_size, b"\0")
        crc = zlib.crc32(blank)
        return (blank[:16] + struct.pack("<I", crc) + blank[20:]).ljust(SECTOR, b"\0")

    @property
    def entry_sectors(self) -> int:
        return -(-len(self.entries) // SECTOR)


@dataclass(frozen=True)
class PartitionTable:
    """What the disk's first and last sectors say.

    ``scheme`` is ``gpt``, ``mbr`` or ``none``; ``backup_at_end`` is whether a valid GPT backup lies in the last
    sector (``None`` without GPT); ``problems`` are sentences.
    """

    scheme: str
    partitions: tuple[Partition, ...] = ()
    boot_code: bool = False
    gpt: GptHeader | None = None
    backup_at_end: bool | None = None
    problems: tuple[str, ...] = ()

    @property
    def generations(self) -> list[str]:
        """The Hyper-V generations whose firmware finds something to start here."""
        types = {partition.type for partition in self.partitions}
        v1 = self.boot_code and (
            any(partition.active for partition in self.partitions) if self.scheme == "mbr" else str(BIOS_BOOT) in types
        )
        v2 = str(ESP) in types or f"{_MBR_ESP:#04x}" in types
        return [name for name, can in (("V1", v1), ("V2", v2)) if can]


def read_table(source: Source) -> PartitionTable:
    """Read the partition table of a disk; damage becomes ``problems``, never an exception."""
    mbr = source.read(0, SECTOR)
    if len(mbr) < SECTOR or mbr[510:] != b"\x55\xaa":
        if source.read(4096, 8) == _SIGNATURE:
            return PartitionTable("none", problems=("The partition table is made for 4096-byte sectors.",))
        return PartitionTable("none")
    boot_code = any(mbr[:440])
    entries = [mbr[at : at + 16] for at in range(_MBR_TABLE, 510, 16)]
    if any(entry[4] == _PROTECTIVE for entry in entries):
        return _read_gpt(source, boot_code=boot_code)
    partitions = tuple(
        Partition(number, f"{entry[4]:#04x}", start * SECTOR, count * SECTOR, active=entry[0] == 0x80)
        for number, entry in enumerate(entries, 1)
        for start, count in [struct.unpack_from("<II", entry, 8)]
        if entry[4] and count
    )
    return PartitionTable("mbr", partitions, boot_code=boot_code, problems=_beyond(partitions, source.size))


def _read_gpt(source: Source, *, boot_code: bool) -> PartitionTable:
    last_lba = source.size // SECTOR - 1
    primary = read_header(source, 1)
    backup = read_header(source, last_lba)
    header = primary or backup
    if header is None:
        return PartitionTable("gpt", boot_code=boot_code, problems=("Both GPT headers are missing or damaged.",))
    partitions = _partitions(header)
    problems = list(_beyond(partitions, source.size))
    if primary is None:
        problems.append("The primary GPT header is damaged; the backup is intact.")
    return PartitionTable(
        "gpt", partitions, boot_code=boot_code, gpt=primary, backup_at_end=backup is not None, problems=tuple(problems)
    )


def read_header(source: Source, lba: int) -> GptHeader | None:
    """Return the GPT header at ``lba`` when its own and its entries' checksums are right, else ``None``."""
    sector = source.read(lba * SECTOR, SECTOR) if lba > 0 else b""
    if len(sector) < SECTOR or not sector.startswith(_SIGNATURE):
        return None
    (
        _signature,
        revision,
        size,
        crc,
        _reserved,
        my_lba,
        alternate,
        first,
        last,
        guid,
        entries_lba,
        count,
        entry_size,
        entries_crc,
    ) = _GPT_HEADER.unpack_from(sector)
    if not _GPT_HEADER.size <= size <= SECTOR or my_lba != lba:
        return None
    if zlib.crc32(sector[:16] + bytes(4) + sector[20:size]) != crc:
        return None
    length = count * entry_size
    if entry_size < 128 or length > _MAX_TABLE or entries_lba * SECTOR + length > source.size:
        return None
    entries = source.read(entries_lba * SECTOR, length)
    if zlib.crc32(entries) != entries_crc:
        return None
    return GptHeader(
        revision, size, my_lba, alternate, first, last, guid, entries_lba, count, entry_size, entries_crc, entries
    )


def _partitions(header: GptHeader) -> tuple[Partition, ...]:
    found = []
    for number in range(header.entry_count):
        entry = header.entries[number * header.entry_size : (number + 1) * header.entry_size]
        if any(entry[:16]):
            first, last = struct.unpack_from("<QQ", entry, 32)
            name = entry[56:128].decode("utf-16-le", "replace").split("\0")[0]
            kind = str(uuid.UUID(bytes_le=entry[:16]))
            found.append(Partition(number + 1, kind, first * SECTOR, (last - first + 1) * SECTOR, name))
    return tuple(found)


def _beyond(partitions: tuple[Partition, ...], size: int) -> tuple[str, ...]:
    return tuple(
        f"Partition {part.number} ends at byte {part.offset + part.length}, behind the end of the disk at {size}."
        for part in partitions
        if part.offset + part.length > size
    )


def moved_backup(source: Source, new_size: int) -> dict[int, bytes]:
    """Return what to write (offset to bytes) so that the GPT's backup lies at the end of a disk of ``new_size`` bytes.

    The same bytes as ``sgdisk --move-second-header``: the backup entries and header, the primary header that names
    them, and the protective MBR's size. Empty when the disk has no intact primary GPT or nothing has to move.
    """
    table = read_table(source)
    header = table.gpt
    last_lba = new_size // SECTOR - 1
    if header is None or table.problems or (table.backup_at_end and new_size == source.size):
        return {}
    entries_lba = last_lba - header.entry_sectors
    primary = replace(header, alternate_lba=last_lba, last_usable=entries_lba - 1)
    backup = replace(primary, my_lba=last_lba, alternate_lba=header.my_lba, entries_lba=entries_lba)
    return {
        0: _protective_mbr(source.read(0, SECTOR), last_lba),
        header.my_lba * SECTOR: primary.pack(),
        entries_lba * SECTOR: header.entries.ljust(header.entry_sectors * SECTOR, b"\0"),
        last_lba * SECTOR: backup.pack(),
    }


def _protective_mbr(mbr: bytes, last_lba: int) -> bytes:
    """Return the sector with its protective partition reaching to ``last_lba``; a hybrid or damaged MBR is left as it is."""
    entries = [mbr[at : at + 16] for at in range(_MBR_TABLE, 510, 16)]
    used = [number for number, entry in enumerate(entries) if entry[4]]
    if len(used) != 1:
        return mbr
    at = _MBR_TABLE + 16 * used[0]
    start = struct.unpack_from("<I", mbr, at + 8)[0]
    if start > last_lba:
        return mbr
    size = struct.pack("<I", min(last_lba - start + 1, 0xFFFF_FFFF))
    return mbr[: at + 5] + _chs(last_lba) + mbr[at + 8 : at + 12] + size + mbr[at + 16 :]


def _chs(lba: int) -> bytes:
    """Return an LBA as three bytes of an MBR entry (255 heads, 63 sectors), all ones when it does not fit."""
    cylinder, rest = divmod(lba, 255 * 63)
    head, sector = divmod(rest, 63)
    if cylinder > 1023:
        return b"\xff\xff\xff"
    return bytes((head, sector + 1 | cylinder >> 2 & 0xC0, cylinder & 0xFF))
