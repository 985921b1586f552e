# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk as Azure wants it: whole MiB, the GPT's backup at the end, a fixed VHD's footer behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE, Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import moved_backup
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Extent, Kind, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MIB = 1 << 20


def round_up(size: int) -> int:
    """Return ``size`` rounded up to whole MiB, the unit of an Azure disk's size."""
    return -(-size // MIB) * MIB


class AzureDisk(Source):
    """Any source, seen as the disk Azure gets; nothing is copied.

    ``size`` is the virtual size, ``footer`` the 512 bytes that follow it, ``file_size`` both together.

    :param footer: a valid footer to keep, used when the size stays as it is.
    :param exact: Azure has it already, so neither its size nor its GPT is touched.
    """

    def __init__(self, base: Source, *, footer: bytes | None = None, exact: bool = False) -> None:
        self.base = base
        self.path = base.path
        self.format = base.format
        self.size = base.size if exact else round_up(base.size)
        self.patches = {} if exact else moved_backup(base, self.size)
        kept = footer if footer is not None and self.size == base.size else None
        self.footer: bytes = kept or Footer.fixed(self.size).pack()

    @property
    def file_size(self) -> int:
        return self.size + FOOTER_SIZE

    def extents(self) -> Iterator[Extent]:
        return _overlaid(self._with_tail(), sorted((at, at + len(data)) for at, data in self.patches.items()))

    def _with_tail(self) -> Iterator[Extent]:
        yield from self.base.extents()
        if self.size > self.base.size:
            yield Extent(self.base.size, self.size - self.base.size, Kind.HOLE)

    def readinto(self, offset: int, buffer: memoryview) -> None:
        inside = max(0, min(len(buffer), self.base.size - offset))
        if inside:
            self.base.readinto(offset, buffer[:inside])
        buffer[inside:] = bytes(len(buffer) - inside)
        end = offset + len(buffer)
        for at, data in self.patches.items():
            start, stop = max(at, offset), min(at + len(data), end)
            if start < stop:
                buffer[start - offset : stop - offset] = data[start - at : stop - at]

    def verify_unchanged(self) -> None:
        self.base.verify_unchanged()

    def close(self) -> None:
        self.base.close()


def _overlaid(extents: Iterable[Extent], patched: list[tuple[int, int]]) -> Iterator[Extent]:
    """Yield the extents with the patched ranges (sorted, apart from each other) turned into data."""
    for extent in extents:
        position = extent.offset
        if extent.kind is not Kind.DATA:
            for patch_start, patch_end in patched:
                start, end = max(patch_start, position), min(patch_end, extent.end)
                if start < end:
                    if start > position:
                        yield Extent(position, start - position, extent.kind)
                    yield Extent(start, end - start, Kind.DATA)
                    position = end
        if position < extent.end:
            yield Extent(position, extent.end - position, extent.kind)
