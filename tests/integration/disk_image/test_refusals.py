# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be opened is refused with a message that names the cause and the remedy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .tiny_disk import MIB, make_ext4, run

if TYPE_CHECKING:
    from .conftest import Bench

HELLO = {"raw": "true"}
ROOT = 18 * MIB


def refusal(bench: Bench) -> str:
    """What a play on an impossible disk says, without the line breaks of warnings."""
    return " ".join(bench.play(HELLO, rc=4).split())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nonexistent/disk.raw", "No such file"),
        ("disk.raw", "not an absolute path"),
        ("/dev/null", "not a regular file"),
        ("/", "not a regular file"),
    ],
)
def test_paths(bench: Bench, path: str, message: str) -> None:
    bench.variables = {"ansible_host": path}
    assert message in refusal(bench)


def test_no_partition_table(bench: Bench) -> None:
    with bench.disk.open("wb") as file:
        file.truncate(MIB)
    assert "no partition table" in refusal(bench)


def test_an_empty_file(bench: Bench) -> None:
    bench.disk.write_bytes(b"")
    assert "no partition table" in refusal(bench)


def test_a_damaged_partition_table(bench: Bench) -> None:
    for offset in (512, bench.disk.stat().st_size - 512):
        with bench.disk.open("r+b") as file:
            file.seek(offset + 16)
            file.write(b"\0\0\0\0")
    assert "GUID partition table is damaged" in refusal(bench)


def test_a_damaged_primary_table_is_read_from_its_backup(bench: Bench) -> None:
    with bench.disk.open("r+b") as file:
        file.seek(512)
        file.write(bytes(512))
    bench.play(HELLO)


def test_a_truncated_disk(bench: Bench) -> None:
    os.truncate(bench.disk, 60 * MIB)
    assert "truncated" in refusal(bench)


def test_no_root_file_system(bench: Bench) -> None:
    run("debugfs", "-w", "-R", "rm /etc/os-release", f"{bench.disk}?offset={ROOT}")
    text = refusal(bench)
    assert "No partition holds a Linux root file system" in text
    assert "1: ext4 'root'" in text


@pytest.mark.parametrize(("magic", "name"), [(b"LUKS\xba\xbe", "LUKS"), (b"LABELONE", "LVM")])
def test_encrypted_disks_and_volume_groups(bench: Bench, magic: bytes, name: str) -> None:
    with bench.disk.open("r+b") as file:
        file.seek(ROOT)
        file.write(magic.ljust(65536, b"\0"))
    assert f"the disk uses {name}" in refusal(bench)


def test_the_root_partition_can_be_chosen(bench: Bench, tmp_path: Path) -> None:
    second = tmp_path / "second"
    (second / "etc").mkdir(parents=True)
    (second / "etc/os-release").write_text("ID=other\n")
    make_ext4(bench.disk, second, start=10 * MIB, size=8 * MIB, uuid="6d1f2b4c-0000-4000-8000-000000000002")
    run("sgdisk", "--typecode=1:8300", str(bench.disk))
    assert "More than one partition holds an operating system" in refusal(bench)
    bench.variables = {"ansible_disk_image_root_partition": "3"}
    assert "No partition 3" in refusal(bench)
    bench.variables = {"ansible_disk_image_root_partition": "15"}
    assert "Partition 15 holds" in refusal(bench)
    bench.variables = {"ansible_disk_image_root_partition": "root"}
    bench.play({"raw": "grep ID=tiny /etc/os-release"})


def test_a_file_system_with_errors(bench: Bench) -> None:
    run("debugfs", "-w", "-R", "set_super_value state 2", f"{bench.disk}?offset={ROOT}")
    assert "e2fsck" in refusal(bench)


def test_formats(bench: Bench) -> None:
    bench.variables = {"ansible_disk_image_format": "qcow2"}
    assert "is raw, not qcow2" in refusal(bench)
    raw = bench.disk
    bench.variables = {}
    bench.disk = bench.folder / "disk.vhd"
    run(
        "qemu-img",
        "convert",
        "-O",
        "vpc",
        "-o",
        "subformat=fixed,force_size=on",
        "-f",
        "raw",
        str(raw),
        str(bench.disk),
    )
    with bench.disk.open("r+b") as file:
        footer = bench.disk.read_bytes()[-512:]
        file.truncate(100 * MIB)
        file.seek(0, os.SEEK_END)
        file.write(footer)
    assert "footer does not fit the file" in refusal(bench)


def test_a_missing_tool(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = bench.disk
    bench.disk = bench.folder / "disk.qcow2"
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(bench.disk))
    monkeypatch.setenv("PATH", "/nonexistent")
    text = refusal(bench)
    assert "qemu-storage-daemon, which is not installed" in text
    assert "vhd_convert" in text


def test_the_efi_system_partition(bench: Bench) -> None:
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "vfat"], capture_output=True, check=False)
    kernel_can = "vfat" in Path("/proc/filesystems").read_text(encoding="ascii")
    bench.variables = {"ansible_disk_image_esp": "require"}
    if kernel_can:
        bench.play({"raw": "grep ' /boot/efi vfat ' /proc/mounts"})
    else:
        assert "cannot mount vfat" in refusal(bench)
    bench.variables = {"ansible_disk_image_esp": "skip"}
    output = bench.play({"raw": "grep ' /boot/efi ' /proc/mounts; test $? -eq 1"})
    assert "WARNING" not in output
