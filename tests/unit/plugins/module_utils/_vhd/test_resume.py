# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going on with what an earlier attempt brought, reading back, and how fast a service is asked."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.pacing import Bandwidth, Gate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import leftover
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import (
    GRAIN,
    Transferred,
    fingerprint,
    transfer,
)
from hypothesis import given
from hypothesis import strategies as st

from .disks import MIB, raw
from .fake_page_blob import GOOD, FakePageBlob, Fault

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 24 * MIB


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = threading.Event.wait
    monkeypatch.setattr(threading.Event, "wait", lambda self, timeout=None: wait(self, timeout and timeout / 100))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    chance = random.Random(3)
    pieces = {at * MIB: chance.randbytes(MIB - 512) for at in (0, 1, 2, 7, 8, 15, 23)}
    return raw(tmp_path / "disk", SIZE, pieces)


def go(path: Path, blob: FakePageBlob, **options: object) -> Transferred:
    """One attempt, as an upload makes it."""
    with FileSource(str(path)) as source, PageBlob(lambda: Access(blob.url), **options) as sink:  # type: ignore[arg-type]
        moved = transfer(source, sink, workers=3, held=sink.page_ranges())
        for start, end in leftover(sink.page_ranges(), moved.runs, SIZE):
            sink.clear(start, end - start)
    return moved


def test_what_arrived_is_not_sent_again(disk: Path) -> None:
    with FakePageBlob(SIZE).serving() as blob:
        blob.faults = lambda number: (400, "InvalidHeaderValue") if number > 6 else None
        with pytest.raises(GoldenImageError, match="400") as caught:
            go(disk, blob)
        blob.faults = lambda _number: None
        before = blob.sent
        assert before > 0
        assert caught.value.details["transferred"]["bytes_sent"] <= before
        moved = go(disk, blob)
        assert bytes(blob.content) == disk.read_bytes()
        assert blob.sent == moved.bytes_sent + moved.bytes_kept == before + moved.bytes_sent
    with FileSource(str(disk)) as source:
        assert moved.fingerprint == fingerprint(source)


def test_what_is_held_is_looked_at_and_only_what_differs_is_sent(disk: Path) -> None:
    with FakePageBlob(SIZE).serving() as blob:
        go(disk, blob)
        before = blob.sent
        blob.put(8 * MIB + GRAIN, b"\1" * 512)  # in the disk's data
        blob.put(12 * MIB, b"\2" * GRAIN)  # where the disk has none
        blob.put(MIB, bytes(GRAIN))  # what was there is gone
        go(disk, blob)
        assert blob.sent - before == 2 * GRAIN
        assert bytes(blob.content) == disk.read_bytes()
        assert not list(leftover(blob.ranges(0, SIZE), [(0, SIZE)], SIZE))


def test_another_disk_is_written_over(disk: Path, tmp_path: Path) -> None:
    other = raw(tmp_path / "other", SIZE, {at * MIB + 5: b"other" * 9000 for at in range(1, 20, 3)})
    with FakePageBlob(SIZE).serving() as blob:
        go(other, blob)
        go(disk, blob)
        assert bytes(blob.content) == disk.read_bytes()


@pytest.mark.parametrize("fault", ["cut", "drop", (500, "InternalError")])
def test_reading_back_bears_faults(disk: Path, fault: Fault) -> None:
    chance = random.Random(5)
    with FakePageBlob(SIZE).serving() as blob:
        go(disk, blob)
        before = blob.sent
        blob.faults = lambda _number: fault if chance.random() < 0.3 else None
        go(disk, blob)
        assert blob.sent == before


def test_a_blob_is_a_source(disk: Path) -> None:
    with FakePageBlob(SIZE + 512).serving() as blob, PageBlob(lambda: Access(blob.url)) as page:
        blob.put(0, disk.read_bytes())
        blob.put(SIZE, Footer.fixed(SIZE).pack())
        source = BlobSource(page)
        with FileSource(str(disk)) as file:
            assert fingerprint(source) == fingerprint(file)
        assert source.size == SIZE
        assert source.read(7 * MIB, 512) == disk.read_bytes()[7 * MIB : 7 * MIB + 512]
        blob.put(512, b"x" * 512)
        with pytest.raises(GoldenImageError, match="written to while it was read"):
            fingerprint(source)


@pytest.mark.parametrize("footer", [bytes(512), b"conectix" + bytes(504), Footer.fixed(SIZE + MIB).pack()])
def test_what_is_no_vhd_is_no_source(footer: bytes) -> None:
    with FakePageBlob(SIZE + 512).serving() as blob, PageBlob(lambda: Access(blob.url)) as page:
        blob.put(SIZE, footer)
        with pytest.raises(InvalidInput, match="does not hold a fixed VHD"):
            BlobSource(page)


def test_a_permission_is_renewed_before_it_ends(disk: Path) -> None:
    granted: list[str] = []

    with FakePageBlob(SIZE).serving() as blob:

        def grant() -> Access:
            granted.append(f"sig=number{len(granted)}")
            blob.signatures = {granted[-1]}
            ends = time.monotonic() if len(granted) == 1 else None
            return Access(blob.url.replace(GOOD, granted[-1]), renew_at=ends)

        with FileSource(str(disk)) as source, PageBlob(grant) as sink:
            transfer(source, sink, workers=1)
    assert len(granted) == 2
    assert blob.requests == len(blob.written)  # nothing was refused


def test_busy_services_are_asked_less_at_once() -> None:
    now = [0.0]
    gate = Gate(8, clock=lambda: now[0])
    for _ignored in range(5):
        gate.refused()  # all of one round
    assert gate.allowed == 4
    for _ignored in range(20):
        now[0] += 1
        gate.refused()
    assert gate.allowed == 1
    for _ignored in range(1000):
        gate.answered()
    assert gate.allowed == 8


def test_a_full_gate_holds_until_it_is_thrown_open() -> None:
    gate = Gate(1)
    through = threading.Event()

    def wait() -> None:
        with gate.passing():
            through.set()

    with gate.passing():
        thread = threading.Thread(target=wait)
        thread.start()
        assert not through.wait(5)
        gate.throw_open()
        assert through.wait(500)
    thread.join()


def test_bandwidth_is_shared() -> None:
    now = [100.0]
    limit = Bandwidth(1000, clock=lambda: now[0])
    assert [limit.reserve(500), limit.reserve(1000), limit.reserve(1)] == [0, 0.5, 1.5]
    now[0] = 200.0
    assert limit.reserve(1) == 0
    assert Bandwidth(None).reserve(10**12) == 0


def test_the_limit_holds(tmp_path: Path) -> None:
    path = raw(tmp_path / "limited", SIZE, {at * MIB: os.urandom(64) for at in range(SIZE // MIB)})
    with FakePageBlob(SIZE).serving() as blob:
        began = time.monotonic()
        go(path, blob, bandwidth=GRAIN)  # pauses are a hundredth here
        pieces = blob.sent // GRAIN
        assert pieces == SIZE // MIB
        # The n-th piece waits for n hundredths of a second, and three wait at once.
        assert time.monotonic() - began > sum(range(pieces)) / 100 / 3 / 2


@given(
    held=st.sets(st.integers(0, 40)),
    wanted=st.sets(st.integers(0, 40)),
)
def test_leftover_is_what_to_clear(held: set[int], wanted: set[int]) -> None:
    cleared = {at for start, end in leftover(runs(held), runs(wanted), 41) for at in range(start, end)}
    assert held - wanted <= cleared
    assert not cleared & wanted


def runs(places: set[int]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for at in sorted(places):
        if merged and merged[-1][1] == at:
            merged[-1] = (merged[-1][0], at + 1)
        else:
            merged.append((at, at + 1))
    return merged
