# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk of any format goes into a managed disk and comes back as the VHD that qemu-img makes of it, byte for byte."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from .test_image_from_vm import Bench
from .test_resilience import make_disk

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import LocalAzure

GROUP = "round-trip"
MIB = 1 << 20
SIZE, ODD = 24 * MIB, 23 * MIB + 3 * 512
FOOTER = 512
# By the file's name: the driver of qemu-img and what it is told.
CONVERTED = {
    "fixed.vhd": ("vpc", "-o", "subformat=fixed,force_size"),
    "dynamic.vhd": ("vpc", "-o", "subformat=dynamic,force_size"),
    "disk.vhdx": ("vhdx",),
    "disk.qcow2": ("qcow2",),
    "compressed.qcow2": ("qcow2", "-c"),
    "sparse.vmdk": ("vmdk", "-o", "subformat=monolithicSparse"),
    "stream.vmdk": ("vmdk", "-o", "subformat=streamOptimized"),
    "flat.vmdk": ("vmdk", "-o", "subformat=monolithicFlat"),
    "disk.vdi": ("vdi",),
}
PACKED = ("disk.raw.gz", "disk.raw.xz", "disk.raw.bz2", "disk.raw.zst", "disk.qcow2.gz", "disk.tar.gz")
FILES = ("disk.raw", "odd.raw", "on-another.qcow2", *CONVERTED, *PACKED)


def qemu_img(folder: Path, *words: str) -> None:
    subprocess.run(["qemu-img", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def expected(folder: Path, raw: str) -> bytes:
    """The fixed VHD of a raw disk that was rounded up to whole MiB."""
    rounded = folder / f"rounded-{raw}"
    shutil.copyfile(folder / raw, rounded)
    with rounded.open("r+b") as file:
        file.truncate(-(-rounded.stat().st_size // MIB) * MIB)
    if rounded.stat().st_size != (folder / raw).stat().st_size:
        subprocess.run(["sgdisk", "-e", str(rounded)], check=True, stdout=subprocess.DEVNULL)
    qemu_img(
        folder, "convert", "-f", "raw", "-O", "vpc", "-o", "subformat=fixed,force_size", rounded.name, f"{raw}.vhd"
    )
    return (folder / f"{raw}.vhd").read_bytes()


def without_free_fields(vhd: bytes) -> bytes:
    """A fixed VHD less its checksum, what a footer says of its making (program, version, host, time, id), and cylinders.

    With a size of its own qemu-img writes the largest geometry there is; Azure goes by the size.
    """
    footer = bytearray(vhd[-FOOTER:])
    for start, end in ((24, 40), (56, 60), (64, 84)):
        footer[start:end] = bytes(end - start)
    return vhd[:-FOOTER] + bytes(footer)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All the files, of two disks: one of whole MiB, and one of an odd size."""
    made = tmp_path_factory.mktemp("round-trip")
    make_disk(made / "disk.raw", SIZE, 2 * MIB + 12345)
    make_disk(made / "odd.raw", ODD, MIB)
    for name, (driver, *options) in CONVERTED.items():
        qemu_img(made, "convert", "-f", "raw", "-O", driver, *options, "disk.raw", name)
    qemu_img(made, "create", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", "on-another.qcow2")
    for name in PACKED:
        inside = made / name.rpartition(".")[0]
        if name.endswith(".tar.gz"):
            with tarfile.open(made / name, "w:gz") as archive:
                archive.add(made / "disk.raw", "disk.raw")
        elif name.endswith(".zst"):
            subprocess.run(["zstd", "-q", str(inside), "-o", str(made / name)], check=True)
        else:
            pack = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}[name.rpartition(".")[2]]
            (made / name).write_bytes(pack(inside.read_bytes()))
    return made


def test_what_comes_back_is_what_qemu_img_makes(azure: LocalAzure, folder: Path) -> None:
    file = {"path": str(folder / "{{ item }}"), "backing_files": "{{ item == 'on-another.qcow2' }}"}
    disk = {"resource_group": GROUP, "disk": "{{ item }}", "os_type": "Linux"}
    back = {"resource_group": GROUP, "source": "{{ item }}", "dest": str(folder / "back-{{ item }}.vhd")}
    Bench(azure, folder).tasks(
        [
            {"goldenimage.azure.resource_group": {"name": GROUP, "location": "westeurope"}},
            {"goldenimage.azure.vhd_upload": {**file, **disk, "inspect": False}, "loop": [*FILES]},
            {"goldenimage.azure.vhd_export": back, "loop": [*FILES]},
        ]
    )
    wanted = {raw: without_free_fields(expected(folder, raw)) for raw in ("disk.raw", "odd.raw")}
    for name in FILES:
        came = (folder / f"back-{name}.vhd").read_bytes()
        same = without_free_fields(came) == wanted["odd.raw" if name == "odd.raw" else "disk.raw"]
        assert same, f"{name} came back as another disk"
