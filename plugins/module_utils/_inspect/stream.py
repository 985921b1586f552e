# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of the disk as a file, with the blocks that were read last kept."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 64 << 10
_KEPT = 512
_LARGE = 1 << 20  # such reads are of big files, which are read once


class Disk:
    """The whole disk: ``size`` bytes behind ``fetch(offset, length)``, which must return exactly that many."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._fetch = fetch
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes at ``offset``, fewer at the end of the disk."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        if length >= _LARGE:
            return b"".join(
                self._fetch(at, min(_LARGE, offset + length - at)) for at in range(offset, offset + length, _LARGE)
            )
        first = offset // _BLOCK
        data = b"".join(self._block(number) for number in range(first, -(-(offset + length) // _BLOCK)))
        start = offset - first * _BLOCK
        return data[start : start + length]

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            start = number * _BLOCK
            block = self._fetch(start, min(_BLOCK, self.size - start))
            self._blocks[number] = block
            if len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block


class Window(io.RawIOBase):
    """``length`` bytes of the disk from ``offset``, as the file object that readers want."""

    def __init__(self, disk: Disk, offset: int = 0, length: int | None = None) -> None:
        super().__init__()
        self._disk = disk
        self.offset = offset
        self.length = max(0, min(disk.size - offset, disk.size if length is None else length))
        self.size = self.length
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self.length - self._position)
        size = left if size is None or size < 0 else min(size, left)
        data = self.at(self._position, size)
        self._position += len(data)
        return data

    def at(self, offset: int, length: int) -> bytes:
        """Return bytes at an offset of the window without moving the position."""
        return self._disk.read(self.offset + offset, max(0, min(length, self.length - offset)))
