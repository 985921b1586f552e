# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import LARGEST, Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import (
    BIOS_BOOT,
    ESP,
    moved_backup,
    read_table,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource, Kind
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .disks import MIB, SMALLEST, gpt, raw, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("size", "grown"),
    [(SMALLEST + 512, 0), (SMALLEST, MIB), (SMALLEST + MIB - 512, 100), (9000 * MIB, 7)],
    ids=["unaligned", "grown", "odd length", "beyond CHS"],
)
def test_backup_moves_as_sgdisk_moves_it(tmp_path: Path, size: int, grown: int) -> None:
    path = gpt(tmp_path / "disk", size)
    os.truncate(path, size + grown)
    with AzureDisk(FileSource(str(path))) as disk:
        ours = {at: disk.read(at, len(data)) for at, data in disk.patches.items()}
        end = disk.size
    assert len(ours) == 4
    os.truncate(path, end)
    run("sgdisk", "-e", path)
    with FileSource(str(path)) as theirs:
        for at, data in ours.items():
            assert theirs.read(at, len(data)) == data
    assert "No problems found" in run("sgdisk", "-v", path)


def test_whole_disk_equals_sgdisk(tmp_path: Path) -> None:
    path = gpt(tmp_path / "disk")
    os.truncate(path, SMALLEST + 12345)
    with AzureDisk(FileSource(str(path))) as disk:
        ours = disk.read(0, disk.size)
    os.truncate(path, len(ours))
    run("sgdisk", "-e", path)
    assert ours == path.read_bytes()


def test_aligned_disk_is_left_alone(tmp_path: Path) -> None:
    path = gpt(tmp_path / "disk")
    with AzureDisk(FileSource(str(path))) as disk:
        assert disk.patches == {}
        assert disk.read(0, disk.size) == path.read_bytes()


def test_what_azure_has_already_is_left_as_it_is(tmp_path: Path) -> None:
    """An enlarged disk, whose backup lies where its end was, and a size that is not whole MiB."""
    path = gpt(tmp_path / "disk")
    os.truncate(path, SMALLEST + MIB + 512)
    with AzureDisk(FileSource(str(path)), exact=True) as disk:
        assert disk.size == SMALLEST + MIB + 512
        assert disk.read(0, disk.size) == path.read_bytes()


def test_table_of_a_gpt_disk(tmp_path: Path) -> None:
    with FileSource(str(gpt(tmp_path / "disk"))) as source:
        table = read_table(source)
    assert table.scheme == "gpt"
    assert [(part.type, part.offset, part.length) for part in table.partitions[:2]] == [
        (str(BIOS_BOOT), MIB, MIB),
        (str(ESP), 2 * MIB, 2 * MIB),
    ]
    assert table.partitions[2].name == "root"
    assert table.backup_at_end
    assert table.generations == ["V1", "V2"]


def test_table_of_an_mbr_disk(tmp_path: Path) -> None:
    entry = bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little")
    path = raw(tmp_path / "disk", SMALLEST, {0: b"\xeb", 446: entry, 510: b"\x55\xaa"})
    with FileSource(str(path)) as source:
        table = read_table(source)
        assert moved_backup(source, 2 * SMALLEST) == {}
    assert (table.scheme, table.generations, table.backup_at_end) == ("mbr", ["V1"], None)
    assert (table.partitions[0].type, table.partitions[0].offset, table.partitions[0].active) == ("0x83", MIB, True)


def test_disk_without_a_table(tmp_path: Path) -> None:
    with FileSource(str(raw(tmp_path / "disk"))) as source:
        table = read_table(source)
    assert (table.scheme, table.generations, table.problems) == ("none", [], ())


def test_cut_off_disk_is_noticed_and_not_touched(tmp_path: Path) -> None:
    path = gpt(tmp_path / "disk")
    with path.open("r+b") as file:
        file.truncate(SMALLEST - MIB)
    with AzureDisk(FileSource(str(path))) as disk:
        table = read_table(disk.base)
        assert disk.patches == {}
    assert any("behind the end" in text for text in table.problems)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(position=st.integers(446, 512 * 34 - 1), value=st.integers(0, 255), both=st.booleans())
@example(position=456, value=2, both=False)  # a protective partition that begins beyond the disk
def test_damage_never_breaks_and_is_never_spread(tmp_path: Path, position: int, value: int, both: bool) -> None:
    path = tmp_path / "disk"
    if not path.exists():
        gpt(path)
    good = path.read_bytes()
    damaged = bytearray(good)
    damaged[position] = value
    if both:
        damaged[-512:] = bytes(512)
    other = tmp_path / "damaged"
    other.write_bytes(damaged)
    with FileSource(str(other)) as source:
        table = read_table(source)
        patches = moved_backup(source, 2 * SMALLEST)
    if table.gpt is None:
        assert patches == {}
    elif position >= 512:
        assert good[position] == value or position >= 512 + 92  # a changed header or entry is never believed
        assert damaged[512 : 512 + 92] == good[512 : 512 + 92]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    size=st.integers(1, 3 * MIB),
    offset=st.integers(0, 3 * MIB),
    length=st.integers(0, MIB),
    data=st.binary(min_size=1, max_size=3000),
)
def test_rounding_up_adds_zeros_only(tmp_path: Path, size: int, offset: int, length: int, data: bytes) -> None:
    path = raw(tmp_path / "disk", size, {size // 2: data[: size - size // 2]})
    content = path.read_bytes()
    with AzureDisk(FileSource(str(path))) as disk:
        assert disk.size % MIB == 0
        assert 0 <= disk.size - len(content) < MIB
        padded = content.ljust(disk.size, b"\0")
        assert disk.read(offset, length) == padded[offset : offset + length]
        extents = list(disk.extents())
        assert [extent.offset for extent in extents[1:]] == [extent.end for extent in extents[:-1]]
        assert extents[-1].end == disk.size
        for extent in extents:
            if extent.kind is not Kind.DATA:
                assert not any(padded[extent.offset : extent.end])
        footer = Footer.parse(disk.footer)
    assert footer is not None
    assert footer.current_size == disk.size
    assert footer.geometry == LARGEST or footer.geometry.size == disk.size


def test_own_footer_is_kept_unless_the_size_changes(tmp_path: Path) -> None:
    kept = Footer.fixed(SMALLEST, timestamp=7).pack()
    with AzureDisk(FileSource(str(raw(tmp_path / "disk"))), footer=kept) as disk:
        assert disk.footer == kept
    with AzureDisk(FileSource(str(raw(tmp_path / "disk", SMALLEST + 1))), footer=kept) as disk:
        assert disk.footer != kept
