# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every format against what qemu-img itself makes of it."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput, MissingDependency
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import build
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source, recognise_file
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Kind, Source
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import fingerprint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .disks import MIB, SMALLEST, examine, gpt, raw, run

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = [
    ("qcow2", ""),
    ("qcow2", "compat=0.10"),
    ("qcow2", "cluster_size=4k"),
    ("qcow2", "extended_l2=on,cluster_size=128k"),
    ("vhdx", ""),
    ("vhdx", "subformat=fixed"),
    ("vmdk", ""),
    ("vmdk", "subformat=streamOptimized"),
    ("vmdk", "subformat=monolithicFlat"),
    ("vmdk", "subformat=twoGbMaxExtentSparse"),
    ("vmdk", "subformat=twoGbMaxExtentFlat"),
    ("vdi", ""),
    ("vdi", "static=on"),
    ("vpc", "subformat=dynamic,force_size"),
    ("vpc", "subformat=fixed,force_size"),
]


def opened(path: Path, *, backing_files: bool = False) -> Source:
    return open_source(str(path), recognise_file(str(path)), backing_files=backing_files)


def convert(source: Path, path: Path, driver: str, options: str = "", *more: str) -> Path:
    """Let qemu-img write a raw disk in another format."""
    run("qemu-img", "convert", *more, "-f", "raw", "-O", driver, *(["-o", options] if options else []), source, path)
    return path


def content(source: Source) -> bytes:
    """Read a disk through its extents and see that they cover it, in order, and are as they say."""
    data, position = bytearray(source.size), 0
    for extent in source.extents():
        assert extent.offset == position
        assert extent.length > 0
        position = extent.end
        source.readinto(extent.offset, memoryview(data)[extent.offset : extent.end])
        if extent.kind is not Kind.DATA:
            assert not any(data[extent.offset : extent.end])
    assert position == source.size
    return bytes(data)


@pytest.mark.parametrize(("driver", "options"), FORMATS)
def test_equals_the_disk_it_was_made_of(tmp_path: Path, driver: str, options: str) -> None:
    disk = gpt(tmp_path / "disk")
    path = convert(disk, tmp_path / "odd, name", driver, options)
    with opened(path) as source, opened(disk) as original:
        assert content(source) == disk.read_bytes()
        assert fingerprint(AzureDisk(source)) == fingerprint(AzureDisk(original))
        source.verify_unchanged()


def test_compressed_clusters(tmp_path: Path) -> None:
    disk = raw(tmp_path / "disk", SMALLEST, {at * MIB: os.urandom(3000) * 200 for at in range(19)})
    with opened(convert(disk, tmp_path / "small", "qcow2", "compression_type=zstd", "-c")) as source:
        assert content(source) == disk.read_bytes()


def test_backing_files_need_permission(tmp_path: Path) -> None:
    base = convert(gpt(tmp_path / "disk"), tmp_path / "base", "qcow2")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", tmp_path / "over")
    run("qemu-io", "-c", "write -P 7 5M 70000", "-f", "qcow2", tmp_path / "over")
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", tmp_path / "over", tmp_path / "flat")
    with pytest.raises(InvalidInput, match=r"takes content from another file: base.*backing_files"):
        opened(tmp_path / "over")
    with opened(tmp_path / "over", backing_files=True) as source:
        assert content(source) == (tmp_path / "flat").read_bytes()
        os.utime(base, ns=(1, 1))
        with pytest.raises(Exception, match=r"base changed while"):
            source.verify_unchanged()


def test_a_backing_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    disk = raw(tmp_path / "disk", SMALLEST, {at * MIB: os.urandom(MIB) for at in range(20)})
    base = convert(disk, tmp_path / "base", "qcow2")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", tmp_path / "over")
    os.truncate(base, base.stat().st_size - 6 * MIB)
    with pytest.raises(InvalidInput, match="cannot be read as qcow2"):
        opened(tmp_path / "over", backing_files=True)


def test_long_names_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with opened(convert(gpt(tmp_path / "disk"), tmp_path / "image", "qcow2")) as source:
        assert source.size == SMALLEST
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/hostname", "absolute path"),
        ("http://127.0.0.1/x", "address"),
        ("nbd:unix:/run/x", "address"),
        ('json:{"driver":"file","filename":"/etc/hostname"}', "address"),
        ("../outside", "outside of its folder"),
        ("link", "outside of its folder"),
        ("missing", "cannot be read"),
        ("over", "builds on itself"),
    ],
)
def test_what_a_header_names_is_not_simply_opened(tmp_path: Path, name: str, words: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    raw(tmp_path / "outside")
    (folder / "link").symlink_to(tmp_path / "outside")
    over = folder / "over"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", name, "-F", "raw", over, "20M")
    with pytest.raises(InvalidInput, match=words):
        opened(over, backing_files=True)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"QFI\xfb" + bytes(3) + b"\3" + os.urandom(2000))
    with pytest.raises(InvalidInput, match="cannot be read as qcow2"):
        opened(path)


@pytest.mark.parametrize(
    ("driver", "options"), [entry for entry in FORMATS if "Flat" not in entry[1] and "twoGb" not in entry[1]]
)
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, driver: str, options: str) -> None:
    disk = raw(tmp_path / "disk", SMALLEST, {at * MIB: os.urandom(MIB) for at in range(20)})
    path = convert(disk, tmp_path / "cut.vhd", driver, options)
    os.truncate(path, path.stat().st_size - 6 * MIB)
    found = examine(path)
    assert {finding.code for finding in found.errors} & {"format.unreadable", "footer.missing"}
    if driver == "vhdx":  # of which QEMU knows more than its last line says
        assert any("truncated" in finding.message for finding in found.errors)


def test_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = convert(raw(tmp_path / "disk"), tmp_path / "x", "qcow2")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency, match="qemu-utils"):
        opened(path)


RUNS = st.dictionaries(st.integers(0, 5 * MIB), st.binary(min_size=1, max_size=3000), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(entry=st.sampled_from(FORMATS), sectors=st.integers(1, 10000), pieces=RUNS, gpt_disk=st.booleans())
def test_what_azure_gets_is_what_qemu_makes_of_the_rounded_disk(
    tmp_path: Path, entry: tuple[str, str], sectors: int, pieces: dict[int, bytes], gpt_disk: bool
) -> None:
    """All formats, sizes in sectors; byte by byte, and the fields of the footer that are not free."""
    driver, options = entry
    size = sectors * 512
    disk = raw(tmp_path / "disk", size, {at: data[: size - at] for at, data in pieces.items() if at < size})
    if gpt_disk:
        disk = gpt(tmp_path / "disk")
    for old in tmp_path.glob("image*"):
        old.unlink()
    image = convert(disk, tmp_path / "image.x", driver, options)
    with opened(image) as source, AzureDisk(source) as azure:
        build.build(azure, str(tmp_path / "ours.vhd"), lambda _done: None)
        assert azure.size % MIB == 0
        os.truncate(disk, azure.size)
    theirs = convert(disk, tmp_path / "theirs.vhd", "vpc", "subformat=fixed,force_size").read_bytes()
    ours = (tmp_path / "ours.vhd").read_bytes()
    assert ours[:-512] == theirs[:-512]
    one, two = Footer.parse(ours[-512:]), Footer.parse(theirs[-512:])
    assert one is not None
    assert two is not None
    assert one.checksum_ok
    for name in ("cookie", "features", "version", "next_structure", "current_size", "original_size", "disk_type"):
        assert getattr(one, name) == getattr(two, name)
