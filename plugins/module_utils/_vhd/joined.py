# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk whose bytes lie one after the other in several files, as in a flat VMDK."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Extent, FileSource, Kind, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Part = tuple["FileSource | None", int, int]
"""A file (``None``: zeros), where in it, and how many bytes."""


class JoinedSource(Source):
    """Parts of files, one after the other. Files are closed with the source.

    :param held: further files that belong to the disk, such as its descriptor; the first names it.
    """

    def __init__(self, held: Sequence[FileSource], parts: Sequence[Part], *, format: str) -> None:  # noqa: A002
        self.path = held[0].path
        self.format = format
        self._held = list(held)
        self._parts = [part for part in parts if part[2]]
        self._starts: list[int] = []
        self.size = 0
        for _file, _offset, length in self._parts:
            self._starts.append(self.size)
            self.size += length

    def extents(self) -> Iterator[Extent]:
        for start, (file, offset, length) in zip(self._starts, self._parts, strict=True):
            if file is None:
                yield Extent(start, length, Kind.HOLE)
                continue
            for extent in file.extents():
                low, high = max(extent.offset, offset), min(extent.end, offset + length)
                if low < high:
                    yield Extent(start + low - offset, high - low, extent.kind)

    def readinto(self, offset: int, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            number = bisect.bisect_right(self._starts, offset + done) - 1
            file, place, length = self._parts[number]
            inside = offset + done - self._starts[number]
            count = min(length - inside, len(buffer) - done)
            part = buffer[done : done + count]
            if file is None:
                part[:] = bytes(count)
            else:
                file.readinto(place + inside, part)
            done += count

    def verify_unchanged(self) -> None:
        for file in self._held:
            file.verify_unchanged()

    def close(self) -> None:
        for file in self._held:
            file.close()
