# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of bytes, such as those that a disk or a blob holds: merged, compared."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Run = tuple[int, int]
"""Offset and end of consecutive bytes."""


def add(runs: list[Run], start: int, end: int) -> None:
    """Append a run that begins in or behind the last one; they become one where they touch."""
    if runs and start <= runs[-1][1]:
        runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
    else:
        runs.append((start, end))


def missing(wanted: Iterable[Run], held: Iterable[Run]) -> list[Run]:
    """Return the wanted runs that no single run of ``held`` contains; both sorted, ``held`` merged."""
    left = []
    holding = iter(held)
    current = next(holding, None)
    for start, end in wanted:
        while current is not None and current[1] < end:
            current = next(holding, None)
        if current is None or current[0] > start:
            left.append((start, end))
    return left


def leftover(held: Iterable[Run], wanted: Sequence[Run], size: int) -> Iterator[Run]:
    """Yield, for each gap between the wanted runs, the part of it from the first to the last byte that is held.

    :param held: merged and in order, as is ``wanted``.
    :param size: where the last gap ends.
    """
    starts = [start for start, _end in wanted]
    current: tuple[int, int, int] | None = None  # number of the gap, begin, end
    for start, held_end in held:
        position, end = start, min(held_end, size)
        while position < end:
            gap = bisect.bisect_right(starts, position)  # so many runs begin at or before here
            low = max(position, wanted[gap - 1][1] if gap else 0)
            stop = min(end, wanted[gap][0] if gap < len(wanted) else size)
            if low < stop:
                if current is not None and current[0] != gap:
                    yield current[1], current[2]
                    current = None
                current = (gap, current[1] if current else low, stop)
            position = stop if low < stop else low
    if current is not None:
        yield current[1], current[2]
