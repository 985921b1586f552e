# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import (
    GoldenImageError,
    InvalidInput,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import build, formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource

from .disks import MIB, SMALLEST, examine, gpt, raw, run, vhd

if TYPE_CHECKING:
    from pathlib import Path


def make(source: Path, destination: Path) -> int:
    with AzureDisk(FileSource(str(source))) as disk:
        return build.build(disk, str(destination), lambda _done: None)


@pytest.mark.parametrize("way", ["kernel", "copy", "clone"])
def test_equals_what_qemu_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    source, ours, theirs = gpt(tmp_path / "disk", SMALLEST + 3 * 512), tmp_path / "ours.vhd", tmp_path / "theirs.vhd"
    if way == "copy":
        monkeypatch.setattr(os, "copy_file_range", _refuse(errno.EXDEV))
    if way == "clone":  # not every file system can; what follows is the same
        monkeypatch.setattr(fcntl, "ioctl", lambda fd, _request, source: os.sendfile(fd, source, 0, 1 << 30))
    copied = make(source, ours)
    assert (copied == 0) is (way == "clone")
    os.truncate(source, SMALLEST + MIB)
    run("sgdisk", "-e", source)
    run("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", "subformat=fixed,force_size", source, theirs)
    assert ours.read_bytes()[:-512] == theirs.read_bytes()[:-512]
    assert examine(ours, generation="V2", operating_system=True).findings == ()
    assert ours.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_holes_stay_holes(tmp_path: Path) -> None:
    source, ours = raw(tmp_path / "disk", 200 * MIB, {100 * MIB: b"x"}), tmp_path / "ours.vhd"
    make(source, ours)
    assert ours.stat().st_blocks * 512 < MIB


def test_same_content(tmp_path: Path) -> None:
    source, ours = gpt(tmp_path / "disk", SMALLEST + 512), tmp_path / "ours.vhd"
    make(source, ours)
    with AzureDisk(FileSource(str(source))) as disk:
        assert build.same_content(disk, str(ours))
        with ours.open("r+b") as file:  # inside a hole of both
            file.seek(15 * MIB)
            file.write(b"x")
        assert not build.same_content(disk, str(ours))
        assert not build.same_content(disk, str(source))
        make(source, ours)
        os.truncate(ours, SMALLEST)
        assert not build.same_content(disk, str(ours))


def test_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, ours = gpt(tmp_path / "disk"), tmp_path / "ours.vhd"
    ours.write_text("old")
    monkeypatch.setattr(os, "fsync", _refuse(errno.ENOSPC))
    with pytest.raises(InvalidInput, match="no space left"):
        make(source, ours)
    assert ours.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "ours.vhd"]


def test_source_that_changes_is_not_used(tmp_path: Path) -> None:
    source, ours = gpt(tmp_path / "disk"), tmp_path / "ours.vhd"
    with AzureDisk(FileSource(str(source))) as disk, pytest.raises(GoldenImageError, match="changed while"):
        build.build(disk, str(ours), lambda _done: os.utime(source, ns=(1, 1)))
    assert not ours.exists()


def test_space_is_checked_first(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no space left in .*: \d+ bytes are needed and \d+ are free"):
        build.need_space(str(tmp_path), 1 << 60)


def test_destination_in_use(tmp_path: Path) -> None:
    source, ours = gpt(tmp_path / "disk"), tmp_path / "ours.vhd"
    make(source, ours)
    with FileSource(str(ours)), pytest.raises(InvalidInput, match=r"ours\.vhd is in use by"):
        make(source, ours)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        make(gpt(tmp_path / "disk"), tmp_path / "no" / "folder.vhd")


def test_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build.need_folder(str(tmp_path / "new.vhd")) == str(tmp_path)
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)  # root may write everywhere
    with pytest.raises(InvalidInput, match=r"No file can be written in .*read-only"):
        build.need_folder(str(tmp_path / "new.vhd"))


def test_vhd_as_source_keeps_its_disk(tmp_path: Path) -> None:
    source = gpt(tmp_path / "disk", SMALLEST + 512)
    odd = vhd(tmp_path / "odd.vhd", source)
    make(source, tmp_path / "from_raw.vhd")
    with AzureDisk(FileSource(str(odd), size=SMALLEST + 512, format=formats.FIXED_VHD)) as disk:
        assert build.same_content(disk, str(tmp_path / "from_raw.vhd"))


def _refuse(number: int) -> object:
    def function(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    return function
