# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access, scrub
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import missing
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import (
    GRAIN,
    WINDOW,
    fingerprint,
    transfer,
    windows,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .disks import MIB, raw
from .fake_page_blob import GOOD, FakePageBlob, Fault

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 16 * MIB
PIECES = {0: b"a" * 70_000, 5 * MIB + 512: b"b" * 3 * MIB, 12 * MIB: bytes(MIB), SIZE - 1: b"z"}
property_test = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off pauses as usual, a hundred times shorter."""
    wait = threading.Event.wait
    monkeypatch.setattr(threading.Event, "wait", lambda self, timeout=None: wait(self, timeout and timeout / 100))


def send(path: Path, blob: FakePageBlob, workers: int = 3) -> str:
    with FileSource(str(path)) as source, PageBlob(lambda: Access(blob.url)) as sink:
        return transfer(source, sink, workers=workers).fingerprint


def test_arrives_and_sends_no_zeros(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, PIECES)
    with FakePageBlob(SIZE).serving() as blob:
        with FileSource(str(path)) as source, PageBlob(lambda: Access(blob.url)) as sink:
            moved = transfer(source, sink, workers=3)
            assert missing(moved.runs, sink.page_ranges()) == []
        assert bytes(blob.content) == path.read_bytes()
    filled = sum(any(path.read_bytes()[at : at + GRAIN]) for at in range(0, SIZE, GRAIN)) * GRAIN
    assert blob.sent == moved.bytes_sent == filled
    assert len(blob.connections) <= 4
    assert all(end - start <= WINDOW for start, end in blob.written)


@property_test
@given(
    pieces=st.dictionaries(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=3000), max_size=8),
    workers=st.integers(1, 5),
)
def test_whatever_the_disk_the_blob_equals_it(tmp_path: Path, pieces: dict[int, bytes], workers: int) -> None:
    path = raw(tmp_path / "disk", SIZE, {at: data[: SIZE - at] for at, data in pieces.items()})
    dense = tmp_path / "dense"
    dense.write_bytes(path.read_bytes())
    with FakePageBlob(SIZE).serving() as blob:
        sent = send(path, blob, workers)
        assert bytes(blob.content) == path.read_bytes()
    with FileSource(str(dense)) as source:
        assert fingerprint(source) == sent


@property_test
@given(position=st.integers(0, SIZE - 1), bit=st.integers(0, 7))
def test_one_other_bit_is_another_fingerprint(tmp_path: Path, position: int, bit: int) -> None:
    path = raw(tmp_path / "disk", SIZE, PIECES)
    other = tmp_path / "other"
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    other.write_bytes(content)
    with FileSource(str(path)) as one, FileSource(str(other)) as two:
        assert fingerprint(one) != fingerprint(two)


def test_moved_content_and_other_size_are_other_fingerprints(tmp_path: Path) -> None:
    disks = [
        raw(tmp_path / "a", SIZE, {0: b"x"}),
        raw(tmp_path / "b", SIZE, {GRAIN: b"x"}),
        raw(tmp_path / "c", SIZE, {WINDOW: b"x"}),
        raw(tmp_path / "d", SIZE + MIB, {0: b"x"}),
    ]
    prints = set()
    for path in disks:
        with FileSource(str(path)) as source:
            prints.add(fingerprint(source))
    assert len(prints) == len(disks)


def test_windows_hold_each_byte_once(tmp_path: Path) -> None:
    with FileSource(str(raw(tmp_path / "disk", SIZE, PIECES))) as source:
        runs = [run for window in windows(source) for run in window]
    assert all(end <= start for (_before, end), (start, _after) in itertools.pairwise(runs))
    assert all(start // WINDOW == (end - 1) // WINDOW for start, end in runs)


@pytest.mark.parametrize(
    "fault", [(503, "ServerBusy"), (500, "InternalError"), (429, "TooManyRequests"), "drop", "lose"]
)
def test_faults_are_retried(tmp_path: Path, fault: Fault) -> None:
    path = raw(tmp_path / "disk", SIZE, {at: os.urandom(MIB) for at in range(0, SIZE, 2 * MIB)})
    rate = random.Random(7)
    with FakePageBlob(SIZE).serving() as blob:
        blob.faults = lambda _number: fault if rate.random() < 0.2 else None
        send(path, blob)
        assert bytes(blob.content) == path.read_bytes()


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, {0: b"x"})
    with FakePageBlob(SIZE, retry_after="20").serving() as blob:
        blob.faults = lambda number: (503, "ServerBusy") if number == 1 else None
        began = time.monotonic()
        send(path, blob)
        assert time.monotonic() - began >= 0.2


def test_what_never_gets_better_fails_and_stops_the_others(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, {at: os.urandom(MIB) for at in range(0, SIZE, 2 * MIB)})
    with FakePageBlob(SIZE).serving() as blob:
        blob.faults = lambda _number: (503, "ServerBusy")
        with pytest.raises(GoldenImageError, match="503 ServerBusy") as caught:
            send(path, blob)
    assert "sig=good" not in str(caught.value)
    assert blob.url.split("?")[1] not in repr(caught.value)


def test_a_refusal_is_not_retried_and_tells_no_secret(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, {0: b"x"})
    with FakePageBlob(SIZE // 2).serving() as blob:
        blob.faults = lambda _number: (409, "InvalidBlobType")
        with pytest.raises(GoldenImageError, match="409 InvalidBlobType: No InvalidBlobType, sig=\\*\\*\\*"):
            send(path, blob, workers=1)
    assert blob.requests == 1


def test_expired_permission_is_renewed_once_for_all_threads(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, {at: os.urandom(MIB) for at in range(0, SIZE, 2 * MIB)})
    granted: list[str] = []
    with FakePageBlob(SIZE).serving() as blob:

        def grant() -> Access:
            granted.append(f"sig=number{len(granted)}")
            blob.signatures = {granted[-1]} if len(granted) > 1 else set()
            return Access(blob.url.replace(GOOD, granted[-1]))

        with FileSource(str(path)) as source, PageBlob(grant) as sink:
            transfer(source, sink, workers=4)
        assert bytes(blob.content) == path.read_bytes()
    assert len(granted) == 2


def test_revoked_permission_fails(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, {0: b"x"})
    refused = pytest.raises(GoldenImageError, match=r"403 AuthenticationFailed.*permission is still valid")
    with refused, FakePageBlob(SIZE, signatures=set()).serving() as blob:
        send(path, blob)


def test_changed_bytes_on_the_way_are_noticed(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, {0: b"x"})
    with FakePageBlob(SIZE).serving() as blob:
        blob.faults = lambda _number: "corrupt"
        with pytest.raises(GoldenImageError, match="MD5"):
            send(path, blob)


def test_stop_ends_threads_that_wait_for_the_server(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, dict.fromkeys(range(0, SIZE, MIB), b"x"))
    release = threading.Event()

    def hang(_number: int) -> Fault:
        while not release.is_set():
            time.sleep(0.01)
        return None

    class CancelledError(Exception):
        pass

    def update(_done: int) -> None:
        raise CancelledError

    with FakePageBlob(SIZE).serving() as blob:
        blob.faults = hang
        began = time.monotonic()
        with FileSource(str(path)) as source, PageBlob(lambda: Access(blob.url)) as sink, pytest.raises(CancelledError):
            transfer(source, sink, workers=3, update=update)
        assert time.monotonic() - began < 5
        release.set()


def test_source_that_changes_meanwhile_fails(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk", SIZE, {0: b"x"})

    def change(_done: int) -> None:
        os.utime(path, ns=(1, 1))

    with FileSource(str(path)) as source, pytest.raises(GoldenImageError, match="changed while"):
        transfer(source, None, workers=1, update=change)


@pytest.mark.parametrize(
    ("wanted", "held", "left"),
    [
        ([(0, 5), (10, 20)], [(0, 30)], []),
        ([(0, 5), (10, 20)], [(0, 5), (10, 19)], [(10, 20)]),
        ([(0, 5), (10, 20)], [(10, 20)], [(0, 5)]),
        ([(0, 5)], [], [(0, 5)]),
        ([], [(0, 5)], []),
    ],
)
def test_missing(wanted: list[tuple[int, int]], held: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert missing(wanted, held) == left


def test_secrets_are_scrubbed() -> None:
    text = "https://host/c/abcd?sv=2018&si=p&sig=aBc%2Bd%3D&x=1 and Authorization=Bearer"
    assert "aBc" not in scrub(text)
    assert "sv=2018" in scrub(text)
    access = Access("https://host/?sig=secret", {"Authorization": "Bearer secret"})
    assert "secret" not in repr(access)
