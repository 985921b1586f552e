# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move a disk to where it shall go, with several workers, and tell what was in it.

The disk is cut into windows of 4 MiB, and a window into grains of 64 KiB. Grains that hold only zeros are neither
sent nor counted, wherever they come from, so the fingerprint is the same for a sparse and a dense file. It is
SHA-256 over the size and, in order, the offset and SHA-256 of every window that is not zero.
"""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import Sink
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Source

WINDOW = 4 << 20  # the most that one Put Page may carry
GRAIN = 64 << 10
_ZEROS = bytes(GRAIN)
_TICK = 0.2  # seconds between looks at the workers

Run = tuple[int, int]
"""Offset and end of consecutive bytes."""


@dataclass(frozen=True)
class Transferred:
    """What was moved: the fingerprint, bytes read and sent, the ranges sent, and how long it took in seconds."""

    fingerprint: str
    bytes_read: int
    bytes_sent: int
    runs: list[Run]
    seconds: float


@dataclass
class _Totals:
    read: int = 0
    sent: int = 0
    digests: dict[int, bytes] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)


def fingerprint(source: Source, *, update: Callable[[int], object] | None = None, workers: int = 2) -> str:
    """Return the fingerprint of a disk: the same text for the same size and bytes."""
    return transfer(source, None, workers=workers, update=update).fingerprint


def data_size(source: Source) -> int:
    """Return how many bytes a transfer of this source reads."""
    return sum(end - start for window in windows(source) for start, end in window)


def transfer(
    source: Source, sink: Sink | None, *, workers: int, update: Callable[[int], object] | None = None
) -> Transferred:
    """Read every window that may hold data and write what is not zero.

    :param sink: ``None``: read only.
    :param workers: how many windows are on their way at once; memory is 4 MiB each.
    :param update: called now and then, from this thread, with the number of bytes read so far.
    :raises GoldenImageError: the source changed or ended early, or the sink failed; the other workers are stopped.
    """
    began = time.monotonic()
    worker = _Worker(source, sink)
    with ThreadPoolExecutor(workers, thread_name_prefix="transfer") as pool:
        try:
            pending = {pool.submit(worker.work) for _ignored in range(workers)}
            while pending:
                done, pending = wait(pending, timeout=_TICK, return_when=FIRST_EXCEPTION)
                if update is not None:
                    update(worker.totals.read)
                for future in done:
                    future.result()
        except BaseException:
            worker.stop()
            raise
    source.verify_unchanged()
    totals = worker.totals
    root = hashlib.sha256(b"goldenimage-content-1" + source.size.to_bytes(8, "big"))
    for offset in sorted(totals.digests):
        root.update(offset.to_bytes(8, "big") + totals.digests[offset])
    runs = sorted(totals.runs)
    return Transferred(root.hexdigest(), totals.read, totals.sent, runs, time.monotonic() - began)


class _Worker:
    """What the threads share: the windows still to do, and the sums."""

    def __init__(self, source: Source, sink: Sink | None) -> None:
        self.totals = _Totals()
        self._source = source
        self._sink = sink
        self._windows = windows(source)
        self._lock = threading.Lock()
        self._stopped = False

    def stop(self) -> None:
        """Make every thread end soon, those that wait on the network too."""
        self._stopped = True
        if self._sink is not None:
            self._sink.abort()

    def work(self) -> None:
        buffer = bytearray(WINDOW)
        while not self._stopped:
            with self._lock:
                window = next(self._windows, None)
            if window is None:
                return
            self._move(window, buffer)

    def _move(self, window: list[Run], buffer: bytearray) -> None:
        base = window[0][0] // WINDOW * WINDOW
        view = memoryview(buffer)
        digest = hashlib.sha256()
        sent = []
        for start, end in window:
            self._source.readinto(start, view[start - base : end - base])
            for low, high in filled(buffer, start - base, end - base):
                content = view[low:high]
                digest.update((base + low).to_bytes(8, "big") + (base + high).to_bytes(8, "big"))
                digest.update(content)
                if self._sink is not None:
                    self._sink.write(base + low, content)
                sent.append((base + low, base + high))
        with self._lock:
            self.totals.read += sum(end - start for start, end in window)
            self.totals.sent += sum(end - start for start, end in sent)
            self.totals.runs += sent
            if sent:
                self.totals.digests[base] = digest.digest()


def windows(source: Source) -> Iterator[list[Run]]:
    """Yield, window by window, the runs that may hold data, widened to whole grains and merged."""
    current: list[Run] = []
    for extent in source.data_extents():
        start = extent.offset // GRAIN * GRAIN
        stop = min(-(-extent.end // GRAIN) * GRAIN, source.size)
        while start < stop:
            end = min(stop, (start // WINDOW + 1) * WINDOW)
            if current and current[0][0] // WINDOW != start // WINDOW:
                yield current
                current = []
            if current and start <= current[-1][1]:
                current[-1] = (current[-1][0], max(end, current[-1][1]))
            else:
                current.append((start, end))
            start = end
    if current:
        yield current


def filled(buffer: bytearray, start: int, end: int) -> Iterator[Run]:
    """Yield the runs of grains between ``start`` (a multiple of a grain) and ``end`` that are not all zero."""
    begin = -1
    for at in range(start, end, GRAIN):
        # startswith compares in place, at the speed of memcmp; comparing memoryviews goes byte by byte.
        size = min(GRAIN, end - at)
        zero = buffer.startswith(_ZEROS if size == GRAIN else bytes(size), at)
        if zero and begin >= 0:
            yield begin, at
            begin = -1
        elif not zero and begin < 0:
            begin = at
    if begin >= 0:
        yield begin, end


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
