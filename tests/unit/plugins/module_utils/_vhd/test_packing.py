# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats, packing, validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source

from .disks import MIB, SMALLEST, examine, gpt, raw, run

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = ["gzip", "xz", "zstd", "bzip2"]


def packed(tool: str, path: Path) -> Path:
    """Compress a file with a tool and return the new one."""
    made = path.with_name(path.name + ".packed")
    made.write_bytes(subprocess.run([tool, "-c", path], check=True, capture_output=True).stdout)
    return made


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("driver", ["raw", "qcow2"])
def test_compressed(tmp_path: Path, tool: str, driver: str) -> None:
    disk = gpt(tmp_path / "disk", 64 * MIB)
    run("qemu-img", "convert", "-f", "raw", "-O", driver, disk, tmp_path / "image")
    path = packed(tool, tmp_path / "image")
    with open_source(str(path)) as source:
        assert source.format == driver
        assert source.read(0, source.size) == disk.read_bytes()
        assert sum(extent.length for extent in source.data_extents()) < 2 * MIB


@pytest.mark.parametrize("tool", TOOLS)
def test_several_streams_in_a_row(tmp_path: Path, tool: str) -> None:
    disk = raw(tmp_path / "disk", SMALLEST, {at * MIB: os.urandom(20000) * 40 for at in range(20)})
    halves = []
    for number in range(2):
        half = tmp_path / f"half{number}"
        half.write_bytes(disk.read_bytes()[number * SMALLEST // 2 :][: SMALLEST // 2])
        halves.append(packed(tool, half).read_bytes())
    path = tmp_path / "whole"
    path.write_bytes(b"".join(halves))
    with open_source(str(path)) as source:
        assert source.read(0, source.size) == disk.read_bytes()


@pytest.mark.parametrize("tool", TOOLS)
def test_damaged_or_cut_off(tmp_path: Path, tool: str) -> None:
    disk = raw(tmp_path / "disk", SMALLEST, {0: os.urandom(MIB)})
    whole = packed(tool, disk).read_bytes()
    path = tmp_path / "bad"
    for content in (whole[:-100], whole[: len(whole) // 2], whole[:1000] + os.urandom(1000) + whole[2000:]):
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match="cannot be unpacked as"):
            open_source(str(path))


@pytest.mark.parametrize("options", [[], ["--sparse"], ["--gzip"], ["--sparse", "--zstd", "--format=pax"], ["--xz"]])
def test_tar(tmp_path: Path, options: list[str]) -> None:
    disk = gpt(tmp_path / "disk.raw")
    (tmp_path / "readme.txt").write_text("about")
    run("tar", "-C", tmp_path, *options, "-cf", tmp_path / "a.tar", "readme.txt", "disk.raw")
    with open_source(str(tmp_path / "a.tar")) as source:
        assert source.size == SMALLEST
        assert source.read(0, source.size) == disk.read_bytes()


@pytest.mark.parametrize(
    ("driver", "options"), [("qcow2", []), ("vmdk", ["-o", "subformat=streamOptimized"]), ("vhdx", [])]
)
def test_formats_inside_of_a_tar_are_read_where_they_lie(tmp_path: Path, driver: str, options: list[str]) -> None:
    disk = gpt(tmp_path / "disk")
    run("qemu-img", "convert", "-f", "raw", "-O", driver, *options, disk, tmp_path / f"disk.{driver}")
    (tmp_path / "a.ovf").write_text("<Envelope/>")
    run("tar", "-C", tmp_path, "-cf", tmp_path / "a.ova", "a.ovf", f"disk.{driver}")
    with open_source(str(tmp_path / "a.ova")) as source:
        assert source.format == driver
        assert source.read(0, source.size) == disk.read_bytes()


def test_tar_without_one_disk(tmp_path: Path) -> None:
    for name in ("a.vhd", "b.vhd"):
        raw(tmp_path / name, MIB)
    run("tar", "-C", tmp_path, "-cf", tmp_path / "a.tar", "a.vhd", "b.vhd")
    with pytest.raises(InvalidInput, match=r"not hold one disk but a\.vhd, b\.vhd"):
        open_source(str(tmp_path / "a.tar"))


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    path = packed("gzip", raw(tmp_path / "disk"))
    with pytest.raises(InvalidInput, match=r"temporary file cannot be written in .*temporary_folder"):
        examine(path, folder=str(tmp_path / "missing"))


def test_a_dictionary_may_not_take_all_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.xz"
    command = ["xz", "-c", "--lzma2=dict=1GiB", raw(tmp_path / "disk")]
    path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    assert formats.recognise_in(lambda at, size: path.read_bytes()[at : at + size], path.stat().st_size).format == "xz"
    assert packing._MEMORY < 1 << 30
    with pytest.raises(InvalidInput, match="cannot be unpacked as xz"):
        open_source(str(path))


def test_what_is_packed_is_a_finding_that_conversion_repairs(tmp_path: Path) -> None:
    found = examine(packed("gzip", gpt(tmp_path / "disk")))
    assert found.packed == ("gzip",)
    assert {finding.code for finding in found.errors} == {"format.packed", "format.raw"}
    validate.refuse(found, converting=True)
