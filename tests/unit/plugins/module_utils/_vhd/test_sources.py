# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source, recognise_file
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource, Kind
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .disks import MIB, SMALLEST, raw, run, vhd

if TYPE_CHECKING:
    from pathlib import Path

PIECES = st.dictionaries(st.integers(0, 4 * MIB - 1), st.binary(min_size=1, max_size=5000), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(pieces=PIECES, size=st.integers(1, 4 * MIB))
def test_extents_cover_the_file_and_hold_all_data(tmp_path: Path, pieces: dict[int, bytes], size: int) -> None:
    path = raw(tmp_path / "disk", size, {at: data for at, data in pieces.items() if at < size})
    content = path.read_bytes()
    with FileSource(str(path)) as source:
        position = 0
        for extent in source.extents():
            assert extent.offset == position
            assert extent.length > 0
            position = extent.end
            if extent.kind is not Kind.DATA:
                assert not any(content[extent.offset : extent.end])
            assert source.read(extent.offset, extent.length) == content[extent.offset : extent.end]
        assert position == source.size == len(content)


def test_reading_stops_at_the_end(tmp_path: Path) -> None:
    with FileSource(str(raw(tmp_path / "disk", 1000, {990: b"0123456789"}))) as source:
        assert source.read(990, 512) == b"0123456789"
        assert source.read(2000, 512) == b""


def test_fixed_vhd_is_its_disk_without_the_footer(tmp_path: Path) -> None:
    disk = raw(tmp_path / "disk", SMALLEST, {SMALLEST - 3: b"end"})
    path = vhd(tmp_path / "any name", disk)
    found = recognise_file(str(path))
    assert found.format == formats.FIXED_VHD
    with open_source(str(path), found) as source:
        assert source.size == SMALLEST
        assert source.read(SMALLEST - 3, 600) == b"end"
        assert list(source.extents())[-1].end == SMALLEST


@pytest.mark.parametrize(
    ("driver", "options", "expected"),
    [
        ("vpc", "subformat=dynamic", formats.DYNAMIC_VHD),
        ("vpc", "subformat=fixed,force_size", formats.FIXED_VHD),
        ("vhdx", "", formats.VHDX),
        ("qcow2", "", formats.QCOW2),
        ("vmdk", "subformat=monolithicSparse", formats.VMDK),
        ("vmdk", "subformat=streamOptimized", formats.VMDK),
        ("vmdk", "subformat=monolithicFlat", formats.VMDK),
        ("vdi", "", formats.VDI),
        ("raw", "", formats.RAW),
    ],
)
def test_formats_are_recognised_whatever_their_name(tmp_path: Path, driver: str, options: str, expected: str) -> None:
    path = tmp_path / "disk.raw"
    run("qemu-img", "create", "-q", "-f", driver, *(["-o", options] if options else []), path, "20M")
    found = recognise_file(str(path))
    assert found.format == expected
    with open_source(str(path), found) as source:
        assert source.format == expected
        assert source.size >= SMALLEST


@pytest.mark.parametrize("tool", ["gzip", "xz", "zstd", "bzip2"])
def test_packed_files_are_recognised(tmp_path: Path, tool: str) -> None:
    path = raw(tmp_path / "disk", MIB)
    packed = tmp_path / "packed"
    packed.write_bytes(subprocess.run([tool, "-c", path], check=True, capture_output=True).stdout)
    assert recognise_file(str(packed)).format == tool


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    head=st.binary(max_size=700), tail=st.binary(max_size=700), cookie=st.sampled_from([b"", b"conectix", b"QFI\xfb"])
)
def test_nothing_that_is_recognised_breaks(tmp_path: Path, head: bytes, tail: bytes, cookie: bytes) -> None:
    path = tmp_path / "disk"
    path.write_bytes(cookie + head + bytes(2000) + cookie + tail)
    found = recognise_file(str(path))
    assert found.file_size == path.stat().st_size


def test_a_footer_before_the_end_is_found(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(MIB) + Footer.fixed(MIB).pack() + b"appended")
    assert recognise_file(str(path)).footer_offset == MIB


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_what_cannot_be_read_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "missing"
    with pytest.raises(InvalidInput, match=str(path)):
        recognise_file(str(path))


def test_a_writer_is_named(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk")
    hold = "import fcntl,sys; f=open(sys.argv[1],'r+b'); fcntl.flock(f,fcntl.LOCK_EX); print('held',flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InvalidInput, match=rf"in use by python\S* \(process {holder.pid}\)"):
            FileSource(str(path))
        holder.communicate()
    FileSource(str(path)).close()


def test_readers_share_and_keep_writers_away(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk")
    with FileSource(str(path)), FileSource(str(path)):
        fd = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)


def test_change_while_reading_is_noticed(tmp_path: Path) -> None:
    path = raw(tmp_path / "disk")
    with FileSource(str(path)) as source:
        source.verify_unchanged()
        with path.open("r+b") as file:
            file.write(b"changed")
        os.utime(path, ns=(1, 1))
        with pytest.raises(GoldenImageError, match="changed while"):
            source.verify_unchanged()
        os.truncate(path, 10)
        with pytest.raises(GoldenImageError, match="shorter"):
            source.read(0, 20)
