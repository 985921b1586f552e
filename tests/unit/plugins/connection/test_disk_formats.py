# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables, superblocks, formats and paths, from bytes made here."""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper import filesystems, images, paths
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper.errors import DiskImageError
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper.partitions import (
    Partition,
    read_partitions,
)

if TYPE_CHECKING:
    from pathlib import Path

SECTOR = 512
SIZE = 4096 * SECTOR
LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
UNIQUE = uuid.UUID("11111111-2222-3333-4444-555555555555")


def gpt_header(lba: int, table_lba: int, table: bytes) -> bytes:
    """A header as the UEFI specification lays it out."""
    header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, lba, 4095 - lba + 1, 34, 4062, bytes(16),
                         table_lba, 128, 128, zlib.crc32(table))  # fmt: skip
    return header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]


def make_gpt(file: Path) -> None:
    """A disk with one Linux partition, number 3, from sector 64 to 127, called root."""
    entry = struct.pack("<16s16sQQQ72s", LINUX.bytes_le, UNIQUE.bytes_le, 64, 127, 0, "root".encode("utf-16-le"))
    table = (bytes(256) + entry).ljust(128 * 128, b"\0")
    protective = bytes(446) + struct.pack("<B3sB3sII", 0, b"", 0xEE, b"", 1, 4095)
    disk = bytearray(SIZE)
    disk[: len(protective)] = protective
    disk[510:512] = b"\x55\xaa"
    for lba, table_lba in ((1, 2), (4095, 4063)):
        header = gpt_header(lba, table_lba, table)
        disk[lba * SECTOR : lba * SECTOR + len(header)] = header
        disk[table_lba * SECTOR : table_lba * SECTOR + len(table)] = table
    file.write_bytes(disk)


def read(file: Path) -> list[Partition]:
    """The partitions of a disk file."""
    with file.open("rb") as opened:
        return read_partitions(opened.fileno(), file.stat().st_size)


@pytest.mark.parametrize("damaged", [None, 1, 2])
def test_gpt_and_its_backup(tmp_path: Path, damaged: int | None) -> None:
    make_gpt(tmp_path / "disk")
    if damaged is not None:
        with (tmp_path / "disk").open("r+b") as file:
            file.seek(damaged * SECTOR + 40)
            file.write(b"\xff" * 16)
    (found,) = read(tmp_path / "disk")
    assert found == Partition(3, 64 * SECTOR, 64 * SECTOR, str(LINUX), str(UNIQUE), "root")


def test_mbr_with_logical_partitions(tmp_path: Path) -> None:
    def entry(kind: int, start: int, count: int) -> bytes:
        return struct.pack("<B3sB3sII", 0, b"", kind, b"", start, count)

    def table(*entries: bytes) -> bytes:
        return b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"

    disk = bytearray(SIZE)
    disk[440:444] = bytes.fromhex("78563412")
    disk[446:512] = table(entry(0x83, 8, 16), entry(0x05, 100, 200))
    disk[100 * SECTOR + 446 : 101 * SECTOR] = table(entry(0x82, 4, 10), entry(0x05, 50, 60))
    disk[150 * SECTOR + 446 : 151 * SECTOR] = table(entry(0x83, 2, 20))
    (tmp_path / "disk").write_bytes(disk)
    assert read(tmp_path / "disk") == [
        Partition(1, 8 * SECTOR, 16 * SECTOR, "83", "12345678-01"),
        Partition(5, 104 * SECTOR, 10 * SECTOR, "82", "12345678-05"),
        Partition(6, 152 * SECTOR, 20 * SECTOR, "83", "12345678-06"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no partition table"),
        (bytes(SIZE), "no partition table"),
        (bytes(510) + b"\x55\xaa" + bytes(SIZE), "partition table is empty"),
        (bytes(450) + b"\xee" + bytes(59) + b"\x55\xaa" + bytes(SIZE), "GUID partition table is damaged"),
    ],
)
def test_disks_without_partitions(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "disk").write_bytes(content)
    with pytest.raises(DiskImageError, match=message) as caught:
        read(tmp_path / "disk")
    assert caught.value.remedy


KNOWN_UUID = uuid.UUID("6d1f2b4c-0000-4000-8000-000000000001")


@pytest.mark.parametrize(
    ("parts", "kind", "identity", "label", "errors"),
    [
        ({0x438: b"\x53\xef\x01", 0x468: KNOWN_UUID.bytes, 0x478: b"cloudimg"}, "ext4", str(KNOWN_UUID), "cloudimg", 0),
        ({0x438: b"\x53\xef\x02", 0x468: KNOWN_UUID.bytes}, "ext4", str(KNOWN_UUID), "", 1),
        ({0: b"XFSB", 32: KNOWN_UUID.bytes, 108: b"rootfs"}, "xfs", str(KNOWN_UUID), "rootfs", 0),
        ({0x10040: b"_BHRfS_M", 0x10020: KNOWN_UUID.bytes, 0x1012B: b"x"}, "btrfs", str(KNOWN_UUID), "x", 0),
        ({0x52: b"FAT32   ", 0x43: b"\x01\x00\xcd\xab", 0x47: b"UEFI       "}, "vfat", "ABCD-0001", "UEFI", 0),
        ({0x36: b"FAT16   ", 0x27: b"\x01\x00\xcd\xab", 0x2B: b"EFI"}, "vfat", "ABCD-0001", "EFI", 0),
        ({4086: b"SWAPSPACE2", 0x40C: KNOWN_UUID.bytes}, "swap", str(KNOWN_UUID), "", 0),
        ({0: b"LUKS\xba\xbe\x00\x02"}, "LUKS", "", "", 0),
        ({512: b"LABELONE"}, "LVM", "", "", 0),
        ({}, "", "", "", 0),
    ],
)
def test_superblocks(
    tmp_path: Path, parts: dict[int, bytes], kind: str, identity: str, label: str, errors: int
) -> None:
    content = bytearray(0x12000)
    for offset, value in parts.items():
        content[SECTOR + offset : SECTOR + offset + len(value)] = value
    (tmp_path / "disk").write_bytes(content)
    partition = Partition(1, SECTOR, 0x11000, "83", "x")
    with (tmp_path / "disk").open("rb") as file:
        found = filesystems.probe(file.fileno(), partition)
    assert found == filesystems.Filesystem(partition, kind, identity, label, bool(errors))


@pytest.mark.parametrize(
    ("spec", "number"),
    [
        (f"UUID={KNOWN_UUID}", 1),
        (f"UUID={str(KNOWN_UUID).upper()}", 1),
        (f'UUID="{KNOWN_UUID}"', 1),
        ("UUID=abcd-0001", 15),
        ("LABEL=cloudimg-rootfs", 1),
        ("PARTUUID=AAAA", 1),
        ("PARTLABEL=esp", 15),
        (f"/dev/disk/by-uuid/{KNOWN_UUID}", 1),
        ("/dev/disk/by-partlabel/esp", 15),
        ("/dev/sda15", 15),
        ("/dev/nvme0n1p1", 1),
        ("/dev/sda", None),
        ("/dev/mapper/vg-root", None),
        ("LABEL=", None),
        ("UUID=other", None),
        ("tmpfs", None),
        ("/dev/disk/cloud/azure_resource-part1", None),
    ],
)
def test_what_fstab_names(spec: str, number: int | None) -> None:
    known = [
        filesystems.Filesystem(Partition(1, 0, 1, "x", "aaaa"), "ext4", str(KNOWN_UUID), "cloudimg-rootfs"),
        filesystems.Filesystem(Partition(15, 0, 1, "x", "bbbb", "esp"), "vfat", "ABCD-0001"),
    ]
    found = filesystems.find(spec, known)
    assert (found.partition.number if found else None) == number


FOOTER = b"conectix".ljust(48, b"\0") + struct.pack(">QII", 2048, 0, 2)


@pytest.mark.parametrize(
    ("head", "tail", "wanted", "found"),
    [
        (b"", b"", "auto", "raw"),
        (b"", FOOTER, "auto", "vhd"),
        (b"", FOOTER, "raw", "raw"),
        (b"conectix", FOOTER, "auto", "vhd_dynamic"),
        (b"conectix", FOOTER, "vhd", "vhd_dynamic"),
        (b"QFI\xfb", b"", "auto", "qcow2"),
        (b"vhdxfile", b"", "vhdx", "vhdx"),
        (b"KDMV", b"", "auto", "vmdk"),
        (b"vhdxfile", b"", "vhd", "is vhdx, not vhd"),
        (b"", b"", "qcow2", "is raw, not qcow2"),
    ],
)
def test_formats(tmp_path: Path, head: bytes, tail: bytes, wanted: str, found: str) -> None:
    (tmp_path / "disk").write_bytes(head.ljust(2048, b"\0") + tail.ljust(512, b"\0"))
    with (tmp_path / "disk").open("rb") as file:
        if " " in found:
            with pytest.raises(DiskImageError, match=found):
                images.detect(file.fileno(), 2560, wanted)
        else:
            assert images.detect(file.fileno(), 2560, wanted) == found
            assert images.virtual_size(file.fileno(), 2560, "raw") == 2560
            if found == "vhd":
                assert images.virtual_size(file.fileno(), 2560, "vhd") == 2048


@pytest.mark.parametrize("footer", [struct.pack(">QII", 4096, 0, 2), struct.pack(">QII", 2048, 0, 3)])
def test_a_footer_that_does_not_fit(tmp_path: Path, footer: bytes) -> None:
    (tmp_path / "disk").write_bytes(bytes(2048) + (b"conectix".ljust(48, b"\0") + footer).ljust(512, b"\0"))
    with (tmp_path / "disk").open("rb") as file, pytest.raises(DiskImageError, match="footer does not fit"):
        images.virtual_size(file.fileno(), 2560, "vhd")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/etc/resolv.conf", "run/systemd/stub.conf"),
        ("/boot/../etc/./plain", "etc/plain"),
        ("/../../etc/plain", "etc/plain"),
        ("/absolute/plain", "etc/plain"),
        ("/up/plain", "etc/plain"),
    ],
)
def test_links_stay_inside(tmp_path: Path, path: str, place: str) -> None:
    for name in ("etc", "run/systemd", "boot"):
        (tmp_path / name).mkdir(parents=True)
    os.symlink("../run/systemd/stub.conf", tmp_path / "etc/resolv.conf")
    os.symlink("/etc", tmp_path / "absolute")
    os.symlink("../../../../etc", tmp_path / "up")
    assert paths.inside(tmp_path, path) == tmp_path / place


def test_links_in_a_circle(tmp_path: Path) -> None:
    os.symlink("b", tmp_path / "a")
    os.symlink("a", tmp_path / "b")
    with pytest.raises(DiskImageError, match="Too many symbolic links"):
        paths.inside(tmp_path, "/a")


@pytest.mark.parametrize(
    ("kind", "read_only", "subvolume", "data"),
    [
        ("ext4", False, "", ""),
        ("ext4", True, "", "noload"),
        ("xfs", True, "", "nouuid,norecovery"),
        ("btrfs", True, "@", "rescue=nologreplay,subvol=@"),
        ("vfat", True, "", ""),
    ],
)
def test_mount_options(kind: str, read_only: bool, subvolume: str, data: str) -> None:
    assert filesystems.mount_data(kind, read_only=read_only, subvolume=subvolume) == data
