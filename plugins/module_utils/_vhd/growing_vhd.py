# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynamic and differencing VHD files: blocks of usually 2 MiB, present or not, over a parent or over zeros.

Layout: Microsoft's "Virtual Hard Disk Image Format Specification" 1.0. In a differencing file a bitmap in front of each
block says which sectors are its own; in a dynamic file a block that is present counts as a whole, as other readers
have it.
"""

from __future__ import annotations

import array
import itertools
import struct
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE, SECTOR, Footer, checksum
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import (
    Extent,
    FileSource,
    Kind,
    Source,
    merged,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct(">8sQQIIII16sI4x512s")
_HEADER_SIZE = 1024
_CHECKSUM_AT = 36
_LOCATORS_AT = 576
_RELATIVE, _NEXT_TO = b"W2ru", b"Wi2r"
_ABSENT = 0xFFFF_FFFF
_SMALLEST_BLOCK, _LARGEST_BLOCK = 64 << 10, 256 << 20
_MOST_BLOCKS = 1 << 22  # 2,040 GiB, the most a VHD can have, in blocks of 512 KiB
_DAMAGED = "It is damaged or cut off; copy it again."


@dataclass(frozen=True)
class Header:
    """The dynamic disk header; ``parent_names`` are relative names to try, the best first."""

    table_at: int
    blocks: int
    block_size: int
    parent_id: uuid.UUID
    parent_names: tuple[str, ...]


class GrowingVhd(Source):
    """A dynamic or differencing VHD.

    :param parent: what shows through, for a differencing file; closed with this source.
    :raises InvalidInput: it contradicts itself.
    """

    def __init__(self, file: FileSource, footer: Footer, header: Header, parent: Source | None) -> None:
        self.path = file.path
        self.format = formats.DIFFERENCING_VHD if parent is not None else formats.DYNAMIC_VHD
        self.size = footer.current_size
        self._file = file
        self._parent = parent
        self._block_size = header.block_size
        self._bitmap_size = -(-header.block_size // SECTOR // 8 // SECTOR) * SECTOR
        self._table = _table(file, header, self.size, self._bitmap_size)

    def extents(self) -> Iterator[Extent]:
        return merged(self._raw_extents())

    def _raw_extents(self) -> Iterator[Extent]:
        below = _Cursor(self._parent) if self._parent is not None else None
        for number, sector in enumerate(self._table):
            start = number * self._block_size
            length = min(self._block_size, self.size - start)
            if length <= 0:
                return
            if sector != _ABSENT:
                yield Extent(start, length, Kind.DATA)
            elif below is not None:
                yield from below.between(start, start + length)
            else:
                yield Extent(start, length, Kind.HOLE)

    def readinto(self, offset: int, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            number, inside = divmod(offset + done, self._block_size)
            count = min(self._block_size - inside, len(buffer) - done)
            self._read_block(number, inside, buffer[done : done + count])
            done += count

    def _read_block(self, number: int, inside: int, buffer: memoryview) -> None:
        at = number * self._block_size + inside
        if self._table[number] == _ABSENT:
            self._read_below(at, buffer)
            return
        place = self._table[number] * SECTOR
        if self._parent is None:
            self._file.readinto(place + self._bitmap_size + inside, buffer)
            return
        bitmap = self._file.read(place, self._bitmap_size)
        for start, end, own in _own_runs(bitmap, inside, inside + len(buffer)):
            part = buffer[start - inside : end - inside]
            if own:
                self._file.readinto(place + self._bitmap_size + start, part)
            else:
                self._read_below(number * self._block_size + start, part)

    def _read_below(self, offset: int, buffer: memoryview) -> None:
        if self._parent is None:
            buffer[:] = bytes(len(buffer))
        else:
            self._parent.readinto(offset, buffer)

    def verify_unchanged(self) -> None:
        self._file.verify_unchanged()
        if self._parent is not None:
            self._parent.verify_unchanged()

    def close(self) -> None:
        self._file.close()
        if self._parent is not None:
            self._parent.close()


def read_header(file: FileSource, footer: Footer) -> Header:
    """Read the header that the footer points to.

    :raises InvalidInput: it is not there, or its checksum is wrong.
    """
    data = file.read(footer.next_structure, _HEADER_SIZE)
    if len(data) < _HEADER_SIZE or not data.startswith(b"cxsparse"):
        raise _bad(file, "the header of its block table is missing")
    _cookie, _next, table_at, _version, blocks, block_size, stored, parent_id, _time, name = _HEADER.unpack_from(data)
    if checksum(data, _CHECKSUM_AT) != stored:
        raise _bad(file, "the checksum of the header of its block table is wrong")
    if block_size & (block_size - 1) or not _SMALLEST_BLOCK <= block_size <= _LARGEST_BLOCK:
        raise _bad(file, f"it states blocks of {block_size} bytes")
    if blocks > _MOST_BLOCKS or blocks * block_size < footer.current_size:
        raise _bad(file, f"{blocks} blocks of {block_size} bytes do not make a disk of {footer.current_size} bytes")
    names = (*_located(file, data), name.decode("utf-16-be", "replace").split("\0")[0].rpartition("\\")[2])
    return Header(table_at, blocks, block_size, uuid.UUID(bytes=parent_id), tuple(name for name in names if name))


def _located(file: FileSource, header: bytes) -> Iterator[str]:
    """Yield the relative names of the parent, from the parent locators."""
    for at in range(_LOCATORS_AT, _LOCATORS_AT + 8 * 24, 24):
        code, _space, length, offset = struct.unpack_from(">4sII4xQ", header, at)
        if code in (_RELATIVE, _NEXT_TO) and 0 < length <= 4096:
            text = file.read(offset, length).decode("utf-16-le" if code == _RELATIVE else "ascii", "replace")
            name = text.split("\0")[0].replace("\\", "/").removeprefix("./")
            if name:
                yield name


def _table(file: FileSource, header: Header, size: int, bitmap_size: int) -> array.array[int]:
    """Return the sector of every block; blocks lie inside the file and not over each other."""
    needed = -(-size // header.block_size)
    data = file.read(header.table_at, needed * 4)
    table = array.array("I", data)
    if len(data) < needed * 4:
        raise _bad(file, "its block table is cut off")
    if sys.byteorder == "little":
        table.byteswap()
    end = (file.size - FOOTER_SIZE) // SECTOR
    each = (bitmap_size + header.block_size) // SECTOR
    present = sorted(sector for sector in table if sector != _ABSENT)
    if present and (present[-1] + each > end or present[0] < 1):
        raise _bad(file, "blocks lie outside of it")
    if any(after - before < each for before, after in itertools.pairwise(present)):
        raise _bad(file, "blocks lie over each other")
    return table


def _own_runs(bitmap: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, own) of the runs of sectors between two offsets in a block."""
    while start < end:
        own = _is_own(bitmap, start // SECTOR)
        sector = start // SECTOR + 1
        last = -(-end // SECTOR)
        whole = 0xFF if own else 0
        while sector < last and _is_own(bitmap, sector) is own:
            # byte by byte where all eight are alike
            sector += 8 if sector % 8 == 0 and bitmap[sector // 8] == whole else 1
        stop = min(sector * SECTOR, end)
        yield start, stop, own
        start = stop


def _is_own(bitmap: bytes, sector: int) -> bool:
    return bool(bitmap[sector // 8] & 0x80 >> sector % 8)


class _Cursor:
    """The extents of a disk, asked for in ranges that only go forward."""

    def __init__(self, source: Source) -> None:
        self._extents = source.extents()
        self._current = next(self._extents, None)

    def between(self, start: int, end: int) -> Iterator[Extent]:
        while self._current is not None and start < end:
            if self._current.end <= start:
                self._current = next(self._extents, None)
                continue
            stop = min(end, self._current.end)
            yield Extent(start, stop - start, self._current.kind)
            start = stop


def _bad(file: FileSource, what: str) -> InvalidInput:
    return InvalidInput(f"{file.path} cannot be read as VHD: {what}.", remedy=_DAMAGED)
