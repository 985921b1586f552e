# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk file formats: what a file is, and its content as something that a loop device can be put on."""

from __future__ import annotations

import dataclasses
import os
import shutil
import struct
import subprocess
import time
from typing import TYPE_CHECKING

from . import linux
from .errors import DiskImageError

if TYPE_CHECKING:
    from pathlib import Path

FOOTER = 512
EXPORT_WAIT = 20.0  # seconds
# format name here -> QEMU's block driver
QEMU_DRIVERS = {"qcow2": "qcow2", "vhdx": "vhdx", "vhd_dynamic": "vpc", "vmdk": "vmdk"}
WRITABLE = frozenset({"raw", "vhd", "qcow2"})


@dataclasses.dataclass
class Content:
    """A disk's bytes: a descriptor, how many of them, and the program that provides them if one does."""

    fd: int
    size: int
    exporter: subprocess.Popen[bytes] | None = None


def detect(fd: int, size: int, wanted: str) -> str:
    """The format of a disk file: raw, vhd (fixed), vhd_dynamic, qcow2, vhdx or vmdk.

    :param wanted: what the user says it is, or ``auto``.
    """
    head = os.pread(fd, FOOTER, 0)
    tail = os.pread(fd, FOOTER, size - FOOTER) if size >= FOOTER else b""
    found = "raw"
    if head.startswith(b"QFI\xfb"):
        found = "qcow2"
    elif head.startswith(b"vhdxfile"):
        found = "vhdx"
    elif head.startswith((b"KDMV", b"# Disk DescriptorFile")):
        found = "vmdk"
    elif head.startswith(b"conectix"):
        found = "vhd_dynamic"
    elif tail.startswith(b"conectix"):
        found = "vhd"
    if wanted in ("auto", found) or (wanted == "vhd" and found == "vhd_dynamic"):
        return found
    if wanted == "raw" and found == "vhd":
        return "raw"
    raise DiskImageError(f"The disk file is {found}, not {wanted} as the option 'format' says.", "Correct the option.")


def virtual_size(fd: int, size: int, kind: str) -> int:
    """The disk's size inside its file, for the formats that need no translation."""
    if kind != "vhd":
        return size
    footer = os.pread(fd, FOOTER, size - FOOTER)
    current: int
    disk_type: int
    current, disk_type = struct.unpack_from(">Q", footer, 48)[0], struct.unpack_from(">I", footer, 60)[0]
    if disk_type != 2 or current != size - FOOTER:
        raise DiskImageError(
            f"The VHD's footer does not fit the file (disk type {disk_type}, size {current}, file {size} bytes).",
            "The file may be truncated; convert it again with goldenimage.azure.vhd_convert.",
        )
    return current


def export(path: str, kind: str, stage: Path, *, read_only: bool) -> Content:
    """Have qemu-storage-daemon present a translated disk as a plain file below ``stage``."""
    if not read_only and kind not in WRITABLE:
        raise DiskImageError(
            f"A disk of format {kind.replace('_', ' ')} can only be opened with read_only: true.",
            "Convert it first with goldenimage.azure.vhd_convert.",
        )
    program = shutil.which("qemu-storage-daemon")
    if not program:
        raise DiskImageError(
            f"A {kind} disk needs the program qemu-storage-daemon, which is not installed.",
            "Install the package qemu-system-common or qemu-utils (Debian, Ubuntu) or qemu-img (RHEL, SUSE), "
            "or convert the disk with goldenimage.azure.vhd_convert.",
        )
    if not os.path.exists("/dev/fuse"):
        raise DiskImageError(f"A {kind} disk needs FUSE, and there is no /dev/fuse.", "Run 'modprobe fuse'.")
    target = stage / "disk"
    target.touch()
    mode = "on" if read_only else "off"
    name = path.replace(",", ",,")
    command = [
        program,
        "--blockdev",
        f"driver=file,node-name=file,filename={name},read-only={mode},discard=unmap",
        "--blockdev",
        f"driver={QEMU_DRIVERS[kind]},node-name=disk,file=file,read-only={mode},discard=unmap",
        "--export",
        f"type=fuse,id=disk,node-name=disk,mountpoint={target},writable={'off' if read_only else 'on'}",
    ]
    log = stage / "qemu.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    content = _wait_for_export(process, target, log, read_only=read_only)
    # The disk's file systems are mounted where the exporter is not: were it the last to leave that namespace, as when all
    # are killed, the kernel would wait for it to write their data back, and it for the kernel, forever.
    linux.unshare(linux.CLONE_NEWNS)
    return content


def _wait_for_export(process: subprocess.Popen[bytes], target: Path, log: Path, *, read_only: bool) -> Content:
    plain = target.stat().st_dev
    deadline = time.monotonic() + EXPORT_WAIT
    while target.stat().st_dev == plain:
        if process.poll() is not None or time.monotonic() > deadline:
            reason = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            process.kill()
            raise DiskImageError(
                f"qemu-storage-daemon could not open the disk: {reason[0] if reason else 'no answer'}",
                "Check the file with 'qemu-img check'.",
            )
        time.sleep(0.01)
    fd = os.open(target, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
    return Content(fd, os.fstat(fd).st_size, process)
