# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports to a file, and copies inside of Azure, of a disk behind a page blob's address."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from _vhd.disks import MIB
from _vhd.fake_page_blob import FakePageBlob
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import copying, exporting, uploading
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.disk_access import Lent
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.export_sources import Origin
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.marks import COPIED
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import journal
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access, Refused
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import Transferred

SIZE = 24 * MIB
IDENTITY = "the disk"
MIDDLE = 4  # of a copy: a piece, the blob's size, its page ranges, the second piece


@dataclass
class Task:
    """As much of a task as an export or a copy uses."""

    params: dict[str, Any]
    check_mode: bool = False
    azure: Any = field(default_factory=lambda: SimpleNamespace(ca=None))
    warnings: list[str] = field(default_factory=list)
    granted: int = 0

    def progress(self, *_what: object) -> Any:
        return SimpleNamespace(update=lambda _done: None)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = threading.Event.wait
    monkeypatch.setattr(threading.Event, "wait", lambda self, timeout=None: wait(self, timeout and timeout / 100))


@pytest.fixture
def blob() -> Iterator[FakePageBlob]:
    """A VHD with data in its first, third and last windows."""
    chance = random.Random(9)
    with FakePageBlob(SIZE + 512).serving() as blob:
        for place in (0, 9 * MIB, SIZE - MIB):
            blob.put(place, chance.randbytes(MIB))
        blob.put(SIZE, Footer.fixed(SIZE).pack())
        yield blob


def target(blob: FakePageBlob, path: Path) -> exporting.FileTarget:
    @contextlib.contextmanager
    def opened(*, left: bool = False) -> Iterator[Lent]:
        yield Lent(lambda: Access(blob.url), lambda: Access(blob.url))

    params = {"dest": str(path), "format": "raw", "force": True, "verify": True}
    task: Any = Task({**params, "connections": 2, "bandwidth_limit": None})
    return exporting.FileTarget(task, Origin("the disk d", IDENTITY, None, opened, SIZE))


class TestFile:
    def test_one_that_somebody_writes_to_is_not_replaced(self, blob: FakePageBlob, tmp_path: Path) -> None:
        path = tmp_path / "disk.raw"
        path.write_bytes(b"in use")
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with pytest.raises(InvalidInput, match="in use"):
                target(blob, path).plan()

    def test_one_that_somebody_reads_is_not_replaced(self, blob: FakePageBlob, tmp_path: Path) -> None:
        path = tmp_path / "disk.raw"
        path.write_bytes(b"in use")
        with FileSource(str(path)), pytest.raises(InvalidInput, match="in use"):
            target(blob, path).write()
        assert path.read_bytes() == b"in use"
        assert target(blob, path).write()["bytes_kept"] == 3 * MIB
        assert path.read_bytes() == blob.content[:SIZE]

    def test_what_was_spoiled_meanwhile_is_not_gone_on_with(self, blob: FakePageBlob, tmp_path: Path) -> None:
        """Where the disk has a hole nothing is received, so nothing would write over it."""
        path = tmp_path / "disk.raw"
        with journal.receiving(str(path), IDENTITY, SIZE) as partial:
            os.pwrite(partial.fd, b"rotten", 5 * MIB)
        with pytest.raises(GoldenImageError, match="does not hold what was received"):
            target(blob, path).write()
        assert not path.exists()
        assert target(blob, path).write()["bytes_received"] == 3 * MIB
        assert path.read_bytes() == blob.content[:SIZE]


def copy(blob: FakePageBlob, other: FakePageBlob, renew_at: float | None = None) -> tuple[Task, bool, Transferred]:
    """Copy one blob to another; whether Azure did it.

    :param renew_at: of the permission to read: 0.0 for a new one each time.
    """
    task: Any = Task({"connections": 3, "verify": True, "read_back": True, "bandwidth_limit": None})

    def granted(one: FakePageBlob) -> Access:
        task.granted += 1
        return Access(one.url, renew_at=renew_at if one is blob else None)

    def page(one: FakePageBlob) -> PageBlob:
        return uploading.opened(task, Lent(lambda: granted(one), lambda: granted(one)))

    with page(blob) as from_here, page(other) as to_there:
        source = BlobSource(from_here)
        copier = copying._Copier(source, COPIED)
        disk = AzureDisk(source, footer=source.footer, exact=True)
        moved = copier.send(task, disk, to_there)
        return task, copier.in_azure, moved


class TestCopy:
    def test_azure_does_it(self, blob: FakePageBlob) -> None:
        with FakePageBlob(SIZE + 512, copied_from=blob).serving() as other:
            other.put(5 * MIB, b"\1" * 512)  # of an attempt before
            before = blob.reads
            task, in_azure, moved = copy(blob, other)
            assert other.content == blob.content
        assert in_azure
        assert moved.bytes_sent == 0
        assert task.warnings == []
        assert blob.reads > before  # for read_back

    def test_where_azure_does_not_the_data_goes_through_this_machine(self, blob: FakePageBlob) -> None:
        with FakePageBlob(SIZE + 512).serving() as other:
            task, in_azure, moved = copy(blob, other)
            assert other.content == blob.content
        assert not in_azure
        assert moved.bytes_sent == 3 * MIB
        assert "through this machine" in task.warnings[0]

    def test_a_source_that_azure_may_not_read_says_nothing_of_the_destination(self, blob: FakePageBlob) -> None:
        with FakePageBlob(SIZE + 512, copied_from=blob).serving() as other:
            refusals = [(403, "CannotVerifyCopySource")]
            other.faults = lambda _number: refusals.pop() if refusals else None
            task, in_azure, _moved = copy(blob, other)
            assert other.content == blob.content
        assert not in_azure
        assert task.granted == 2  # one each: that of the destination is as good as before

    def test_a_permission_that_ends_meanwhile_is_renewed(self, blob: FakePageBlob) -> None:
        with FakePageBlob(SIZE + 512, copied_from=blob).serving() as other:
            refusals = [(403, "CannotVerifyCopySource")]
            other.faults = lambda number: refusals.pop() if number == MIDDLE else None
            task, in_azure, _moved = copy(blob, other, renew_at=0.0)
            assert other.content == blob.content
        assert in_azure
        assert not refusals
        assert task.warnings == []

    def test_a_refusal_in_the_middle_is_one(self, blob: FakePageBlob) -> None:
        with FakePageBlob(SIZE + 512, copied_from=blob).serving() as other:
            other.faults = lambda number: (404, "CannotVerifyCopySource") if number >= MIDDLE else None
            with pytest.raises(Refused, match="CannotVerifyCopySource"):
                copy(blob, other)
