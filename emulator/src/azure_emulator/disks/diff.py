# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two sets of pages: the changes from one incremental snapshot to the next.

Azure tracks writes; here contents are compared, so pages that were written with what they held do not count.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from azure_emulator.disks.pages import merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_emulator.disks.pages import PageStore

_CHUNK = 1 << 20
_STEP = 4096


def changes(store: PageStore, before: str, after: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """(``PageRange`` | ``ClearRange``, start, end) of what `after` has otherwise than `before`, in order, merged.

    A ``ClearRange`` was written in `before` and is not in `after`.
    """
    current: tuple[str, int, int] | None = None
    written = _Cursor(store.ranges(after, start, end))
    # The parts that are written in one or both.
    for low, high in merged(heapq.merge(store.ranges(before, start, end), store.ranges(after, start, end))):
        for first, last in _different(store, before, after, low, high):
            for kind, one, other in written.split(first, last):
                if current and current[0] == kind and current[2] == one:
                    current = (kind, current[1], other)
                    continue
                if current:
                    yield current
                current = (kind, one, other)
    if current:
        yield current


def _different(store: PageStore, before: str, after: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    for position in range(low, high, _CHUNK):
        length = min(_CHUNK, high - position)
        one, other = store.read(before, position, length), store.read(after, position, length)
        if one == other:
            continue
        for at in range(0, length, _STEP):
            if one[at : at + _STEP] != other[at : at + _STEP]:
                yield position + at, position + min(at + _STEP, length)


class _Cursor:
    """Walks along sorted ranges; `split` must be asked in ascending order."""

    def __init__(self, ranges: Iterator[tuple[int, int]]) -> None:
        self._ranges = ranges
        self._at = next(ranges, None)

    def split(self, low: int, high: int) -> Iterator[tuple[str, int, int]]:
        """A range in parts that are written (``PageRange``) and parts that are not (``ClearRange``)."""
        while low < high:
            while self._at and self._at[1] <= low:
                self._at = next(self._ranges, None)
            if self._at is None or self._at[0] >= high:
                yield "ClearRange", low, high
                return
            if self._at[0] > low:
                yield "ClearRange", low, self._at[0]
                low = self._at[0]
            until = min(high, self._at[1])
            yield "PageRange", low, until
            low = until
