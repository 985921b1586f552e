# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receiving a disk into a file, in one go and in several."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import journal
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import FileSink
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import WINDOW, Transferred, transfer

from .disks import MIB
from .fake_page_blob import FakePageBlob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 40 * MIB
DATA = tuple(MIB * at for at in (0, 4, 9, 17, 22, 39))


@pytest.fixture
def blob() -> Iterator[FakePageBlob]:
    chance = random.Random(9)
    with FakePageBlob(SIZE + 512).serving() as blob:
        for place in DATA:
            blob.put(place, chance.randbytes(MIB))
        blob.put(SIZE, Footer.fixed(SIZE).pack())
        yield blob


def receive(blob: FakePageBlob, path: Path, identity: str = "disk one") -> Transferred:
    with PageBlob(lambda: Access(blob.url), retries=0) as page, journal.receiving(str(path), identity, SIZE) as partial:
        source = BlobSource(page)
        return transfer(source, FileSink(partial.fd), workers=1, memory=partial)


def content(path: Path) -> bytes:
    return path.with_name(f".{path.name}.partial").read_bytes()


def broken_off(blob: FakePageBlob, path: Path) -> None:
    """An attempt that ends with an error in the middle."""
    begin = blob.requests
    blob.faults = lambda number: (400, "InvalidHeaderValue") if number > begin + 7 else None
    with pytest.raises(GoldenImageError):
        receive(blob, path)
    blob.faults = lambda _number: None


def test_goes_on(blob: FakePageBlob, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    broken_off(blob, path)
    assert journal.began(str(path), "disk one")
    assert not journal.began(str(path), "another")
    moved = receive(blob, path)
    assert moved.bytes_kept >= 2 * MIB
    assert moved.bytes_read + moved.bytes_kept == len(DATA) * MIB
    assert content(path) == bytes(blob.content[:SIZE])
    assert receive(blob, path).bytes_read == 0
    journal.discard(str(path))
    assert os.listdir(tmp_path) == []


def test_what_the_file_does_not_hold_is_received_again(blob: FakePageBlob, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    receive(blob, path)
    with path.with_name(".disk.vhd.partial").open("r+b") as file:
        file.seek(9 * MIB + 77)
        file.write(b"rotten")
    assert receive(blob, path).bytes_read == MIB
    assert content(path) == bytes(blob.content[:SIZE])


def test_a_torn_journal_costs_time_only(blob: FakePageBlob, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    receive(blob, path)
    with path.with_name(".disk.vhd.journal").open("r+b") as file:
        file.truncate(32 + 17 * MIB // WINDOW * 32 + 11)
    assert 0 < receive(blob, path).bytes_read < len(DATA) * MIB
    assert content(path) == bytes(blob.content[:SIZE])


def test_another_disk_begins_anew(blob: FakePageBlob, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    receive(blob, path)
    blob.put(4 * MIB, bytes(MIB))
    assert receive(blob, path, "disk two").bytes_kept == 0
    assert content(path) == bytes(blob.content[:SIZE])


def test_two_at_once_are_refused(blob: FakePageBlob, tmp_path: Path) -> None:
    with (
        journal.receiving(str(tmp_path / "disk.vhd"), "one", SIZE),
        pytest.raises(InvalidInput, match="in use"),
    ):
        receive(blob, tmp_path / "disk.vhd")
