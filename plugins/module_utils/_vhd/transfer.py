# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move a disk to where it shall go, with several workers, and tell what was in it.

The disk is cut into windows of 4 MiB, and a window into grains of 64 KiB. Grains that hold only zeros are neither
sent nor counted, wherever they come from, so the fingerprint is the same for a sparse and a dense file. It is
SHA-256 over the size and, in order, the offset and SHA-256 of every window that is not zero.

What an earlier attempt brought is found by looking: where the sink says that it holds something, that is read back and
compared, and only what differs is sent. No record is believed.
"""

from __future__ import annotations

import bisect
import hashlib
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import add
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import ReadableSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import Run
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import Sink
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Source

WINDOW = 4 << 20  # the most that one Put Page may carry
GRAIN = 64 << 10
_ZEROS = bytes(GRAIN)
_TICK = 0.2  # seconds between looks at the workers
_LOOK = 1 << 20  # how much is read back at once


@dataclass(frozen=True)
class Transferred:
    """What was moved.

    :ivar fingerprint: of the content.
    :ivar bytes_read: of the source.
    :ivar bytes_sent: to the sink.
    :ivar bytes_kept: what the sink was found to hold already.
    :ivar runs: where the content is not zero, merged and in order.
    :ivar seconds: how long it took.
    """

    fingerprint: str
    bytes_read: int
    bytes_sent: int
    bytes_kept: int
    runs: list[Run]
    seconds: float


def fingerprint(source: Source, *, update: Callable[[int], object] | None = None, workers: int = 2) -> str:
    """Return the fingerprint of a disk: the same text for the same size and bytes."""
    return transfer(source, None, workers=workers, update=update).fingerprint


def data_size(source: Source) -> int:
    """Return how many bytes a transfer of this source reads."""
    return sum(end - start for start, end in pieces(source))


def transfer(
    source: Source,
    sink: Sink | None,
    *,
    workers: int,
    update: Callable[[int], object] | None = None,
    held: Sequence[Run] = (),
    memory: Memory | None = None,
) -> Transferred:
    """Read every window that may hold data and write what is not zero.

    :param sink: ``None``: read only.
    :param workers: how many windows are on their way at once; memory is 4 MiB each, and 1 MiB where something is held.
    :param update: called now and then, from this thread, with the number of bytes read so far.
    :param held: where the sink, a :class:`ReadableSink`, already holds something; merged and in order.
    :param memory: which windows a sink that is quicker to read than the source got before; what it holds is believed
        when its digest is the one that was noted.
    :raises GoldenImageError: the source changed or ended early, or the sink failed; the other workers are stopped.
        Its details say how much was sent.
    """
    began = time.monotonic()
    worker = _Worker(source, sink, held, memory)
    with ThreadPoolExecutor(workers, thread_name_prefix="transfer") as pool:
        try:
            pending = {pool.submit(worker.work) for _ignored in range(workers)}
            while pending:
                done, pending = wait(pending, timeout=_TICK, return_when=FIRST_EXCEPTION)
                if update is not None:
                    update(worker.read)
                for future in done:
                    future.result()
        except BaseException as error:
            worker.stop()
            if isinstance(error, GoldenImageError) and sink is not None:
                error.details.setdefault("transferred", {"bytes_sent": worker.sent, "bytes_kept": worker.kept})
            raise
    source.verify_unchanged()
    seconds = time.monotonic() - began
    ledger = worker.ledger
    return Transferred(ledger.fingerprint, worker.read, worker.sent, worker.kept, ledger.runs, seconds)


class Memory(Protocol):
    """The digests of windows that a sink got, by their offset."""

    def recall(self, base: int) -> bytes | None: ...

    def note(self, base: int, digest: bytes) -> None: ...


@dataclass
class _Window:
    """What was found in one window."""

    base: int
    digest: bytes
    runs: list[Run]


class _Ledger:
    """The windows in their order, whatever order they end in; what is in order already takes no memory."""

    def __init__(self, size: int) -> None:
        self.runs: list[Run] = []
        self._root = hashlib.sha256(b"goldenimage-content-1" + size.to_bytes(8, "big"))
        self._early: dict[int, _Window] = {}
        self._next = 0

    @property
    def fingerprint(self) -> str:
        return self._root.hexdigest()

    def add(self, number: int, window: _Window) -> None:
        self._early[number] = window
        while (found := self._early.pop(self._next, None)) is not None:
            self._next += 1
            if found.runs:
                self._root.update(found.base.to_bytes(8, "big") + found.digest)
            for start, end in found.runs:
                add(self.runs, start, end)


class _Worker:
    """What the threads share: the windows still to do, and the sums."""

    def __init__(self, source: Source, sink: Sink | None, held: Sequence[Run], memory: Memory | None) -> None:
        self.ledger = _Ledger(source.size)
        self.read = self.sent = self.kept = 0
        self._source = source
        self._sink = sink
        self._held = held
        self._memory = memory
        self._ends = [end for _start, end in held]
        self._windows = enumerate(windows(source))
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
                number, window = next(self._windows, (0, None))
            if window is None:
                return
            self._move(number, window, buffer)

    def _move(self, number: int, window: list[Run], buffer: bytearray) -> None:
        found = self._recalled(window, buffer)
        read = 0
        if found is None:
            base = window[0][0] // WINDOW * WINDOW
            view = memoryview(buffer)
            for start, end in window:
                self._source.readinto(start, view[start - base : end - base])
                read += end - start
            found = _examined(window, buffer)
            for start, end in found.runs:
                self._send(start, view[start - base : end - base])
            if self._memory is not None:
                self._memory.note(base, found.digest)
        else:
            with self._lock:
                self.kept += sum(end - start for start, end in found.runs)
        with self._lock:
            self.read += read
            self.ledger.add(number, found)

    def _recalled(self, window: list[Run], buffer: bytearray) -> _Window | None:
        """The window as the sink holds it, if that is what it got."""
        base = window[0][0] // WINDOW * WINDOW
        noted = self._memory.recall(base) if self._memory is not None else None
        if noted is None or not isinstance(self._sink, ReadableSink):
            return None
        view = memoryview(buffer)
        for start, end in window:
            self._sink.readinto(start, view[start - base : end - base])
        found = _examined(window, buffer)
        return found if found.digest == noted else None

    def _send(self, offset: int, content: memoryview) -> None:
        if self._sink is None:
            return
        sent = 0
        for low, high in self._wanting(offset, content):
            self._sink.write(offset + low, content[low:high])
            sent += high - low
            with self._lock:
                self.sent += high - low
        with self._lock:
            self.kept += len(content) - sent

    def _wanting(self, offset: int, content: memoryview) -> Iterator[Run]:
        """The parts of the content that the sink does not hold."""
        end = offset + len(content)
        at = bisect.bisect_right(self._ends, offset)
        if at == len(self._held) or self._held[at][0] >= end or not isinstance(self._sink, ReadableSink):
            yield 0, len(content)
            return
        begin = -1
        for low in range(0, len(content), _LOOK):
            part = content[low : low + _LOOK]
            back = bytearray(len(part))
            self._sink.readinto(offset + low, memoryview(back))
            for place in range(0, len(part), GRAIN):
                same = back[place : place + GRAIN] == part[place : place + GRAIN]
                if same and begin >= 0:
                    yield begin, low + place
                    begin = -1
                elif not same and begin < 0:
                    begin = low + place
        if begin >= 0:
            yield begin, len(content)


def _examined(window: list[Run], buffer: bytearray) -> _Window:
    """What is in a window, whose bytes lie in the buffer."""
    base = window[0][0] // WINDOW * WINDOW
    view = memoryview(buffer)
    digest = hashlib.sha256()
    runs = []
    for start, end in window:
        for low, high in filled(buffer, start - base, end - base):
            digest.update((base + low).to_bytes(8, "big") + (base + high).to_bytes(8, "big"))
            digest.update(view[low:high])
            runs.append((base + low, base + high))
    return _Window(base, digest.digest(), runs)


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
            add(current, start, end)
            start = end
    if current:
        yield current


def pieces(source: Source) -> Iterator[Run]:
    """Yield the runs of all windows, none of which is longer than a window."""
    return (run for window in windows(source) for run in window)


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
