# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page files below managed disks."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
from azure_emulator.disks.pages import PageStore
from azure_emulator.disks.vhd import footer_problem, make_footer

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> PageStore:
    return PageStore(tmp_path / "disks")


def test_unwritten_pages_read_as_zeros(store: PageStore) -> None:
    name = store.create()
    assert store.read(name, 10 * MIB, 1024) == bytes(1024)
    assert list(store.ranges(name, 0, 10 * MIB)) == []


def test_ranges_are_exact_and_merged(store: PageStore) -> None:
    name = store.create()
    for offset, length in ((512, 512), (1024, 512), (4096, 8192), (MIB, 4 * MIB), (5 * MIB, 512)):
        store.write(name, offset, b"x" * length)
    assert list(store.ranges(name, 0, 8 * MIB)) == [(512, 1536), (4096, 12288), (MIB, 5 * MIB + 512)]
    assert list(store.ranges(name, 1024, 4608)) == [(1024, 1536), (4096, 4608)]


def test_clear_gives_pages_back(store: PageStore) -> None:
    name = store.create()
    store.write(name, 0, b"x" * 16384)
    store.clear(name, 512, 8192)
    assert list(store.ranges(name, 0, MIB)) == [(0, 512), (8704, 16384)]
    assert store.read(name, 0, 16384) == b"x" * 512 + bytes(8192) + b"x" * 7680


def test_clear_beyond_what_was_written(store: PageStore) -> None:
    name = store.create()
    store.write(name, 0, b"x" * 4096)
    store.clear(name, 2048, MIB)
    store.clear(name, 4 * MIB, MIB)
    assert list(store.ranges(name, 0, 8 * MIB)) == [(0, 2048)]


def test_copies_do_not_change_each_other(store: PageStore) -> None:
    first = store.create()
    store.write(first, 0, b"a" * 4096)
    second = store.copy(first)
    third = store.copy(second)
    store.own(second)
    store.write(second, 0, b"b" * 512)
    store.write(second, 8192, b"b" * 512)
    assert store.read(first, 0, 512) == store.read(third, 0, 512) == b"a" * 512
    assert list(store.ranges(first, 0, MIB)) == list(store.ranges(third, 0, MIB)) == [(0, 4096)]
    assert list(store.ranges(second, 0, MIB)) == [(0, 4096), (8192, 8704)]


def test_a_copy_survives_its_source(store: PageStore) -> None:
    first = store.create()
    store.write(first, 0, b"a" * 4096)
    second = store.copy(first)
    store.delete(first)
    assert store.read(second, 0, 4096) == b"a" * 4096


def test_a_copy_of_what_is_gone_fails(store: PageStore) -> None:
    name = store.create()
    store.delete(name)
    with pytest.raises(FileNotFoundError):
        store.copy(name)


def test_sparse_data_stay_sparse_when_duplicated(store: PageStore) -> None:
    name = store.create()
    store.write(name, 512 * MIB, b"x" * 4096)
    copy = store.copy(name)
    store.own(copy)
    found = store.path(copy).stat()
    assert found.st_size == 512 * MIB + 4096
    assert found.st_blocks * 512 < MIB


def test_foreign_writes_reach_one_set_of_pages_only(store: PageStore) -> None:
    name = store.create()
    store.write(name, 0, b"a" * 4096)
    copy = store.copy(name)
    path = store.open_to_foreign_writes(copy, 8 * MIB)
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), b"guest", MIB)
    assert path.stat().st_size == 8 * MIB
    assert store.read(name, MIB, 5) == bytes(5)
    assert (MIB, MIB + 4096) in list(store.ranges(copy, 0, 8 * MIB))


@pytest.mark.parametrize("reflinks", [True, False])
def test_a_copy_of_what_a_guest_writes_to_stands_still(store: PageStore, reflinks: bool) -> None:
    store._reflinks = reflinks
    name = store.create()
    path = store.open_to_foreign_writes(name, MIB)
    with path.open("r+b") as guest:
        os.pwrite(guest.fileno(), b"before", 0)
        again = PageStore(store.root)  # the guest goes on when the emulator is started again
        again._reflinks = reflinks
        copy = again.copy(name)
        os.pwrite(guest.fileno(), b"later!", 0)
    assert store.read(copy, 0, 6) == b"before"
    assert store.read(name, 0, 6) == b"later!"
    store.close_to_foreign_writes(name)
    store.delete(name)
    assert [found.name for found in store.root.iterdir()] == [f"{copy}.pages"]


def test_cut_forgets_the_end(store: PageStore) -> None:
    name = store.create()
    store.write(name, 0, b"a" * 512)
    store.write(name, 4096, b"f" * 512)
    store.cut(name, 4096)
    assert list(store.ranges(name, 0, MIB)) == [(0, 512)]
    assert store.read(name, 4096, 512) == bytes(512)


def test_sweep_removes_leftovers_only(store: PageStore) -> None:
    kept, lost = store.create(), store.create()
    store.write(kept, 0, b"a" * 512)
    store.write(lost, 0, b"a" * 512)
    assert store.sweep({kept}) == 2
    assert store.read(kept, 0, 512) == b"a" * 512
    assert not store.path(lost).exists()


def test_footer_has_the_checksum_of_the_specification() -> None:
    footer = make_footer(MIB, uuid.UUID(bytes=bytes(range(16))))
    assert footer[:8] == b"conectix"
    assert footer[48:56] == MIB.to_bytes(8, "big")
    assert ~(sum(footer[:64]) + sum(footer[68:])) & 0xFFFFFFFF == int.from_bytes(footer[64:68], "big")
    assert footer_problem(footer, MIB) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda footer: b"x" + footer[1:], "not a VHD footer"),
        (lambda footer: footer[:100] + b"x" + footer[101:], "checksum"),
        (lambda _: make_footer(2 * MIB, uuid.uuid4()), "states a size"),
        (lambda footer: footer[:200], "not a VHD footer"),
    ],
)
def test_wrong_footers_are_named(change, words: str) -> None:
    assert words in (footer_problem(change(make_footer(MIB, uuid.uuid4())), MIB) or "")
