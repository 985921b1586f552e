# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fixed VHD in a page blob, or behind the SAS of a disk or snapshot, as a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE, Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Extent, Kind, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob


class BlobSource(Source):
    """The disk in the blob.

    Only what the blob says is written is read. Whether it was written to meanwhile is told by its ETag, which the
    service changes with every write; :attr:`state` is the one it had at the beginning.

    :ivar footer: what follows the disk, 512 bytes.
    :param blob: closed by whoever opened it.
    :raises InvalidInput: what is there is no fixed VHD.
    """

    footer: bytes

    def __init__(self, blob: PageBlob) -> None:
        self.blob = blob
        self.path = blob.place
        self.format = formats.FIXED_VHD
        length = blob.size()
        self.size = length - FOOTER_SIZE
        self.state = blob.state()
        self.footer = self._read_footer()
        self._runs = blob.page_ranges()

    def _read_footer(self) -> bytes:
        data = bytearray(FOOTER_SIZE)
        if self.size > 0 and self.size % FOOTER_SIZE == 0:
            self.blob.readinto(self.size, memoryview(data))
        footer = Footer.parse(bytes(data))
        if footer is None or not footer.checksum_ok or footer.current_size != self.size:
            raise InvalidInput(
                f"{self.blob.place} does not hold a fixed VHD: it has no valid footer at its end.",
                remedy="Give a disk, a snapshot, or a page blob with a complete VHD.",
            )
        return bytes(data)

    def extents(self) -> Iterator[Extent]:
        position = 0
        for start, held_end in self._runs:
            end = min(held_end, self.size)
            if start >= end:
                continue
            if start > position:
                yield Extent(position, start - position, Kind.HOLE)
            yield Extent(start, end - start, Kind.DATA)
            position = end
        if position < self.size:
            yield Extent(position, self.size - position, Kind.HOLE)

    def readinto(self, offset: int, buffer: memoryview) -> None:
        self.blob.readinto(offset, buffer)

    def verify_unchanged(self) -> None:
        if self.blob.state() != self.state:
            raise GoldenImageError(
                f"{self.blob.place} was written to while it was read.",
                remedy="Stop the machine that uses it, or take a snapshot and read that.",
            )

    def close(self) -> None:
        """Nothing of its own is open."""
