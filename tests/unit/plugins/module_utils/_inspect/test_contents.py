# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in partitions: file systems of every kind that is read, and the others by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Disk

from .conftest import look, results
from .systems import MIB, blank, clean_linux, linux_disk, physical_volume, run, write_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_ext(kind: str, tmp_path: Path) -> None:
    disk = linux_disk(tmp_path / "disk.raw", clean_linux(), options=("-t", kind))
    found = look(disk.read_bytes())
    assert found["partitions"][1]["filesystem"] == kind
    assert found["generalized"] is True


def test_ext4_with_other_features(tmp_path: Path) -> None:
    features = "inline_data,^metadata_csum,^64bit"
    found = look(linux_disk(tmp_path / "disk.raw", clean_linux(), options=("-O", features, "-I", "256")).read_bytes())
    assert found["generalized"] is True


def test_large_folders_have_an_index(tmp_path: Path) -> None:
    files = {f"usr/share/doc/package-number-{number:05}/copyright": "" for number in range(600)}
    disk = linux_disk(tmp_path / "disk.raw", {**clean_linux(), **files}, size=64 * MIB)
    run("e2fsck", "-fyD", f"{disk}?offset={9 * MIB}")
    found = look(disk.read_bytes())
    assert found["generalized"] is True
    assert results(found)["agent.kvp_daemon"] == "pass"


def test_journal_that_must_be_replayed_keeps_from_a_yes(tmp_path: Path) -> None:
    disk = linux_disk(tmp_path / "disk.raw", clean_linux())
    run("debugfs", "-w", "-R", "feature needs_recovery", f"{disk}?offset={9 * MIB}")
    found = look(disk.read_bytes())
    assert results(found)["disk.file_systems"] == "fail"
    assert found["generalized"] is None
    assert found["ready"] is None


def test_btrfs(tmp_path: Path) -> None:
    files = clean_linux()
    files["etc/fstab"] = "LABEL=system / btrfs defaults 0 0\n"
    tree, disk = write_tree(tmp_path / "tree", files), blank(tmp_path / "disk.raw", 128 * MIB)
    run("mkfs.btrfs", "-q", "-L", "system", "--rootdir", tree, disk)
    found = look(disk.read_bytes())
    assert found["partitions"][0]["filesystem"] == "btrfs"
    assert found["os"]["id"] == "debian"
    assert results(found)["ssh.client_alive"] == "pass"
    assert found["generalized"] is True
    damaged = disk.read_bytes().replace(b"10-azure.conf", b"99-azure.conf")
    again = look(damaged)
    assert again["generalized"] is None, "a changed name is noticed by the checksum of the tree"
    assert again["ready"] is not True


def test_xfs(tmp_path: Path) -> None:
    """mkfs.xfs takes its files from a description: the name, the mode, a file to copy."""
    wanted = {name: clean_linux()[name] for name in ("etc/os-release", "etc/passwd", "etc/shadow", "etc/machine-id")}
    write_tree(tmp_path / "tree", wanted)
    lines = [f"{name.split('/')[1]} ---644 0 0 {tmp_path / 'tree' / name}" for name in wanted]
    description = tmp_path / "description"
    description.write_text("\n".join(["/", "0 0", "d--755 0 0", "etc d--755 0 0", *lines, "$", "$"]) + "\n")
    disk = blank(tmp_path / "disk.raw", 320 * MIB)
    run("mkfs.xfs", "-q", "-L", "system", "-p", description, disk)
    found = look(disk.read_bytes())
    assert found["partitions"][0] | {"offset": 0} == found["partitions"][0]
    assert (found["partitions"][0]["filesystem"], found["partitions"][0]["label"]) == ("xfs", "system")
    assert found["os"]["name"] == "Debian GNU/Linux 12 (bookworm)"
    assert results(found)["users.root_locked"] == "pass"
    assert results(found)["agent.installed"] == "fail"


def test_root_on_a_logical_volume(tmp_path: Path) -> None:
    files = {**clean_linux(), "etc/fstab": "/dev/mapper/vg0-root / ext4 defaults 0 1\n"}
    tree, volume = write_tree(tmp_path / "tree", files), blank(tmp_path / "volume", 16 * MIB)
    run("mkfs.ext4", "-q", "-F", "-E", "root_owner=0:0", "-d", tree, volume)
    found = look(physical_volume(tmp_path / "disk.raw", volume.read_bytes()).read_bytes())
    assert [each["content"] for each in found["partitions"]] == ["lvm", "filesystem"]
    assert found["partitions"][1]["volume"] == "vg0/root"
    assert found["os"]["id"] == "debian"
    assert found["generalized"] is True


def test_a_logical_volume_is_called_by_its_name(tmp_path: Path) -> None:
    found = look(physical_volume(tmp_path / "disk.raw", b"LUKS\xba\xbe\0\2".ljust(MIB, b"\0")).read_bytes())
    assert found["problems"] == ["vg0/root is encrypted (luks)"]


def test_luks_is_said(tmp_path: Path) -> None:
    disk = blank(tmp_path / "disk.raw", 32 * MIB)
    key = tmp_path / "key"
    key.write_text("secret")
    run("cryptsetup", "luksFormat", "--batch-mode", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", disk, key)
    found = look(disk.read_bytes())
    assert found["partitions"][0]["content"] == "encrypted"
    assert found["os"] == {"family": "unknown", "encrypted": "luks"}
    assert results(found)["disk.encryption"] == "fail"
    assert any("encrypted (luks)" in text for text in found["problems"])


def test_bitlocker_is_said(tmp_path: Path) -> None:
    content = bytearray(blank(tmp_path / "disk.raw", 2 * MIB).read_bytes())
    content[0:11] = b"\xeb\x58\x90-FVE-FS-"
    found = look(bytes(content))
    assert found["os"] == {"family": "unknown", "encrypted": "bitlocker"}
    assert found["ready"] is False


@pytest.mark.parametrize(
    ("at", "magic", "name"), [(0, b"hsqs", "squashfs"), (0x8001, b"CD001", "iso9660"), (32, b"NXSB", "apfs")]
)
def test_what_is_not_read_is_named(at: int, magic: bytes, name: str) -> None:
    content = bytearray(2 * MIB)
    content[at : at + len(magic)] = magic
    found = look(bytes(content))
    assert found["partitions"][0]["filesystem"] == name
    assert any(f"{name} is not read" in text for text in found["problems"])


def test_unknown_is_said() -> None:
    found = look(b"\x11" * (2 * MIB))
    assert found["partitions"][0]["content"] == "unknown"
    assert results(found)["disk.known"] == "unknown"
    assert results(found)["disk.partition_table"] == "fail"


def test_a_head_that_is_cut_off_is_nothing_known() -> None:
    content = bytearray(0x10000 + 512)
    content[0x10000 + 64 : 0x10000 + 72] = b"_BHRfS_M"
    assert look(bytes(content))["partitions"][0]["content"] == "unknown"


def test_nothing_is_read_beyond_the_disk() -> None:
    disk = Disk(1000, lambda offset, length: bytes(range(256))[:length] if 0 < length <= 1000 - offset else b"!")
    assert (disk.read(1000, 5), disk.read(5000, 5), disk.read(100, 0)) == (b"", b"", b"")
    assert len(disk.read(0, 200)) == 200


def test_more_partitions_than_are_looked_into_is_said(tmp_path: Path) -> None:
    disk = blank(tmp_path / "disk.raw", 4 * MIB)
    run("sgdisk", "-a1", *(f"-n{number}:{1000 + number * 8}:+7" for number in range(1, 67)), disk)
    found = look(disk.read_bytes())
    assert len(found["partitions"]) == 65
    assert "There are 66 partitions; only the first 64 were looked into" in found["problems"]
    assert results(found)["disk.known"] == "unknown"


def test_without_a_loader_nothing_starts(tmp_path: Path) -> None:
    disk = linux_disk(tmp_path / "disk.raw", clean_linux())
    run("mdel", "-i", f"{disk}@@{MIB}", "::/EFI/BOOT/BOOTX64.EFI")
    found = look(disk.read_bytes())
    failed = {name for name, result in results(found).items() if result == "fail"}
    assert failed == {"disk.generation", "disk.removable_loader"}
    assert (found["generations"], found["ready"]) == ([], False)


def test_swap_partition(tmp_path: Path) -> None:
    disk = blank(tmp_path / "disk.raw", 2 * MIB)
    run("mkswap", disk)
    assert look(disk.read_bytes())["partitions"][0]["content"] == "swap"


def test_links_stay_inside(tmp_path: Path) -> None:
    files = {"etc/os-release": "-> ../../../../../usr/lib/os-release", "usr/lib/os-release": "ID=debian\nVERSION_ID=12\n",
             "etc/machine-id": "-> machine-id"}  # fmt: skip
    found = look(linux_disk(tmp_path / "disk.raw", {**clean_linux(), **files}).read_bytes())
    assert found["os"]["id"] == "debian"
    assert results(found)["identity.machine_id"] == "unknown", "a link to itself"
    assert found["generalized"] is None


def test_what_is_mounted_from_elsewhere_is_unknown(tmp_path: Path) -> None:
    fstab = str(clean_linux()["etc/fstab"]) + "UUID=0000-1111 /var ext4 defaults 0 2\n"
    found = look(linux_disk(tmp_path / "disk.raw", {**clean_linux(), "etc/fstab": fstab}).read_bytes())
    assert results(found)["state.cloud_init"] == "unknown"
    assert found["generalized"] is None
