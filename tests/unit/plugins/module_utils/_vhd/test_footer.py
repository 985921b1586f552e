# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import (
    FOOTER_SIZE,
    LARGEST,
    Footer,
    Geometry,
    checksum,
)
from hypothesis import given
from hypothesis import strategies as st

from .disks import MIB, run

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30


def test_known_vector() -> None:
    footer = Footer(
        current_size=MIB,
        original_size=MIB,
        geometry=Geometry(30, 4, 17),
        creator_application=b"tst ",
        unique_id=uuid.UUID(bytes=bytes(range(16))),
    )
    packed = footer.pack()
    assert len(packed) == FOOTER_SIZE
    expected = (
        "636f6e6563746978 00000002 00010000 ffffffffffffffff 00000000 74737420 00010000 5769326b"
        "0000000000100000 0000000000100000 001e0411 00000002 fffff101"
    )
    assert packed[:68] == bytes.fromhex(expected)
    assert packed[68:84] == bytes(range(16))
    assert not any(packed[84:])


def test_reads_what_qemu_wrote(tmp_path: Path) -> None:
    path = tmp_path / "qemu.vhd"
    run("qemu-img", "create", "-q", "-f", "vpc", "-o", "subformat=fixed,force_size", path, str(GIB))
    with path.open("rb") as file:
        file.seek(-FOOTER_SIZE, 2)
        footer = Footer.parse(file.read())
    assert footer is not None
    assert (footer.current_size, footer.kind, footer.checksum_ok) == (GIB, "fixed", True)
    assert footer.creator_application == b"qem2"
    assert footer.geometry == LARGEST


@pytest.mark.parametrize("size", [20 * MIB, GIB, GIB + MIB, 30 * GIB, 200 * GIB])
def test_qemu_takes_the_size_from_ours(tmp_path: Path, size: int) -> None:
    path = tmp_path / "ours.vhd"
    with path.open("wb") as file:
        file.seek(size)
        file.write(Footer.fixed(size).pack())
    assert f"({size} bytes)" in run("qemu-img", "info", "-f", "vpc", path)


@pytest.mark.parametrize(
    ("size", "geometry"),
    [
        (MIB, (30, 4, 17)),
        (20 * MIB, (602, 4, 17)),
        (GIB, (2080, 16, 63)),
        (30 * GIB, (62415, 16, 63)),
        (127 * GIB, (65278, 16, 255)),
        (128 * GIB, (65535, 16, 255)),
        (4095 * GIB, (65535, 16, 255)),
    ],
)
def test_geometry(size: int, geometry: tuple[int, int, int]) -> None:
    assert Geometry.of(size) == Geometry(*geometry)


@given(st.integers(1, 40 * 1024 * GIB))
def test_geometry_never_exceeds_the_disk_nor_its_fields(size: int) -> None:
    geometry = Geometry.of(size)
    assert geometry.cylinders <= 65535
    assert geometry.heads <= 16
    assert geometry.sectors <= 255
    assert geometry.size <= size


@given(
    size=st.integers(0, 2**64 - 1),
    stamp=st.integers(0, 2**32 - 1),
    identity=st.uuids(),
    disk_type=st.integers(0, 2**32 - 1),
    application=st.binary(min_size=4, max_size=4),
)
def test_round_trip(size: int, stamp: int, identity: uuid.UUID, disk_type: int, application: bytes) -> None:
    footer = Footer(
        current_size=size,
        original_size=size // 2,
        geometry=Geometry(1, 2, 3),
        disk_type=disk_type,
        timestamp=stamp,
        unique_id=identity,
        creator_application=application,
    )
    parsed = Footer.parse(footer.pack())
    assert parsed is not None
    assert parsed.checksum_ok
    assert parsed.pack() == footer.pack()


@given(position=st.integers(8, FOOTER_SIZE - 1), bit=st.integers(0, 7))
def test_one_wrong_bit_is_noticed(position: int, bit: int) -> None:
    data = bytearray(Footer.fixed(20 * MIB, timestamp=1).pack())
    data[position] ^= 1 << bit
    parsed = Footer.parse(bytes(data))
    assert parsed is not None
    assert not parsed.checksum_ok


@given(st.binary(max_size=600))
def test_anything_may_be_parsed(data: bytes) -> None:
    parsed = Footer.parse(data)
    assert parsed is None or parsed.cookie == b"conectix"


def test_checksum_ignores_its_own_field() -> None:
    data = bytes(64) + b"\xff\xff\xff\xff" + bytes(444)
    assert checksum(data) == 0xFFFFFFFF
