# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differencing VHDs, written here by the specification, because no tool of Linux makes them."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer, checksum
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source, recognise_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .disks import MIB, SMALLEST, raw, run, vhd
from .test_opening import content

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 2 * MIB


@dataclass
class Differencing:
    """A differencing file: sectors (number to 512 bytes) over a parent."""

    parent: str
    parent_id: uuid.UUID
    size: int = SMALLEST
    sectors: dict[int, bytes] = field(default_factory=dict)
    absolute: bool = False
    unique_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def write(self, path: Path) -> Path:
        footer = Footer(**{
            **Footer.fixed(self.size, unique_id=self.unique_id).__dict__, "disk_type": 4, "next_structure": 512
        }).pack()  # fmt: skip
        blocks = -(-self.size // BLOCK)
        name = f".\\{self.parent}".encode("utf-16-le") if not self.absolute else b""
        table, body = self._blocks(blocks, first=(512 + 1024 + 4096 + 512) // 512)
        path.write_bytes(
            footer + self._header(blocks, name) + table.ljust(4096, b"\xff") + name.ljust(512, b"\0") + body
        )
        with path.open("ab") as file:
            file.write(footer)
        return path

    def _header(self, blocks: int, name: bytes) -> bytes:
        locator = struct.pack(">4sIIIQ", b"W2ru", 512, len(name), 0, 512 + 1024 + 4096) if name else b""
        title = self.parent.encode("utf-16-be").ljust(512, b"\0")
        fields = (b"cxsparse", (1 << 64) - 1, 1536, 0x10000, blocks, BLOCK, 0, self.parent_id.bytes, 0, title)
        header = (struct.pack(">8sQQIIII16sI4x512s", *fields) + locator).ljust(1024, b"\0")
        return header[:36] + struct.pack(">I", checksum(header, 36)) + header[40:]

    def _blocks(self, blocks: int, first: int) -> tuple[bytes, bytes]:
        table, body = [], b""
        for number in range(blocks):
            own = {at - number * 4096: data for at, data in self.sectors.items() if at // 4096 == number}
            if not own:
                table.append(0xFFFF_FFFF)
                continue
            table.append(first + len(body) // 512)
            bitmap, block = bytearray(512), bytearray(b"\xee" * BLOCK)  # what is not its own must never be seen
            for at, data in own.items():
                bitmap[at // 8] |= 0x80 >> at % 8
                block[at * 512 : at * 512 + 512] = data
            body += bytes(bitmap) + bytes(block)
        return struct.pack(f">{blocks}I", *table), body


def base(path: Path, kind: str) -> tuple[Path, bytes, uuid.UUID]:
    """A parent of some kind, its content, and its id."""
    disk = raw(path.with_name("disk"), SMALLEST, {at * MIB: bytes([at]) * 300_000 for at in range(0, 20, 3)})
    if kind == "fixed":
        vhd(path, disk)
    else:
        run("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", "subformat=dynamic,force_size", disk, path)
    footer = recognise_file(str(path)).footer
    assert footer is not None
    return path, disk.read_bytes(), footer.unique_id


def overlaid(below: bytes, sectors: dict[int, bytes]) -> bytes:
    data = bytearray(below)
    for at, sector in sectors.items():
        data[at * 512 : at * 512 + 512] = sector
    return bytes(data)


RUNS = st.lists(st.tuples(st.integers(0, SMALLEST // 512 - 64), st.integers(1, 60), st.integers(1, 255)), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(kind=st.sampled_from(["fixed", "dynamic"]), first=RUNS, second=RUNS)
def test_layers(
    tmp_path: Path, kind: str, first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]
) -> None:
    parent, data, parent_id = base(tmp_path / "base.vhd", kind)
    for name, runs in (("one.vhd", first), ("two.vhd", second)):
        sectors = {at + n: bytes([byte]) * 512 for at, count, byte in runs for n in range(count)}
        made = Differencing(parent.name, parent_id, sectors=sectors)
        parent, data, parent_id = made.write(tmp_path / name), overlaid(data, sectors), made.unique_id
    with open_source(str(parent), backing_files=True) as source:
        assert content(source) == data
        for at in (0, 511, BLOCK - 700, SMALLEST - 1500):
            assert source.read(at, 1400) == data[at : at + 1400]


def test_wrong_parents(tmp_path: Path) -> None:
    parent, _data, parent_id = base(tmp_path / "base.vhd", "dynamic")
    child = tmp_path / "child.vhd"
    Differencing("base.vhd", uuid.uuid4()).write(child)
    with pytest.raises(InvalidInput, match="is not the parent"):
        open_source(str(child), backing_files=True)
    Differencing("base.vhd", parent_id, size=SMALLEST + MIB).write(child)
    with pytest.raises(InvalidInput, match="has 22020096 bytes and its parent"):
        open_source(str(child), backing_files=True)
    Differencing("base.vhd", parent_id).write(child)
    with pytest.raises(InvalidInput, match=r"another file: base\.vhd.*backing_files"):
        open_source(str(child))
    parent.unlink()
    with pytest.raises(InvalidInput, match=r"base\.vhd cannot be read"):
        open_source(str(child), backing_files=True)


def test_loops(tmp_path: Path) -> None:
    one, two = uuid.uuid4(), uuid.uuid4()
    Differencing("two.vhd", two, unique_id=one).write(tmp_path / "one.vhd")
    Differencing("one.vhd", one, unique_id=two).write(tmp_path / "two.vhd")
    with pytest.raises(InvalidInput, match="builds on itself"):
        open_source(str(tmp_path / "one.vhd"), backing_files=True)


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (512, b"x", "header of its block table is missing"),
        (512 + 100, b"x", "checksum of the header"),
        (1536, b"\0\0\0\x01", "over each other"),
        (1536, b"\0\x10\0\0", "outside of it"),
    ],
)
def test_damage_in_a_dynamic_vhd(tmp_path: Path, at: int, value: bytes, words: str) -> None:
    path, _data, _id = base(tmp_path / "base.vhd", "dynamic")
    with path.open("r+b") as file:
        file.seek(at)
        file.write(value)
        if at == 1536 and value[1] == 0:
            file.write(value)  # twice the same place
    with pytest.raises(InvalidInput, match=words):
        open_source(str(path))
