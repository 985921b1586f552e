# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few Linux calls that Python's standard library lacks (constants from the kernel's uapi headers)."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DiskImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
MNT_DETACH = 2

PR_SET_NAME = 15
PR_CAPBSET_DROP = 24

LOOP_CONFIGURE = 0x4C0A
LOOP_CTL_GET_FREE = 0x4C82
LO_FLAGS_READ_ONLY = 1
LO_FLAGS_AUTOCLEAR = 4
# struct loop_config: fd, block_size, struct loop_info64, eight reserved words
LOOP_CONFIG = struct.Struct("=2I5Q4I64s64s32s2Q8Q")
LOOP_MAJOR = 7

FITRIM = 0xC0185879
FITRIM_RANGE = struct.Struct("=3Q")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by the CLONE_NEW* flags."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str | Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); raises OSError."""
    arguments = [os.fsencode(text) or None for text in (source, str(target), kind)]
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() or None), f"mount {source} on {target}")


@contextlib.contextmanager
def changed_root(directory: Path) -> Iterator[None]:
    """For a moment, see ``directory`` as /."""
    outside = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chroot(directory)
        yield
    finally:
        os.fchdir(outside)
        os.chroot(".")
        os.close(outside)


def bind(source: str | Path, target: str | Path, *, read_only: bool = False) -> None:
    """Bind-mount; read-only needs a second call by the rules of mount(2)."""
    mount(str(source), target, flags=MS_BIND)
    if read_only:
        mount(str(source), target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID)


def umount(target: str | Path, flags: int = 0) -> None:
    """umount2(2); raises OSError."""
    _check(_libc.umount2(os.fsencode(str(target)), flags), f"umount {target}")


def drop_capability(number: int) -> None:
    """Take a capability away for good from this process and the programs it starts."""
    _check(_libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), f"drop capability {number}")


def set_name(name: str) -> None:
    """Set this process's name in /proc/PID/comm."""
    _check(_libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0), "set the process's name")


def trim(directory: str | Path) -> int:
    """Discard the unused blocks of a mounted file system; gives back the number of bytes."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        answer = fcntl.ioctl(fd, FITRIM, FITRIM_RANGE.pack(0, 2**64 - 1, 0))
    finally:
        os.close(fd)
    return int(FITRIM_RANGE.unpack(answer)[1])


def attach_loop(file_fd: int, node: Path, *, offset: int, size: int, read_only: bool) -> tuple[int, int]:
    """Attach a part of a file to a loop device that detaches itself after its last user.

    :param node: where the device's node is made; neither udev nor the host's /dev is needed for it.
    :returns: the loop device's number and an open descriptor; close it once the device is mounted.
    """
    flags = LO_FLAGS_AUTOCLEAR | (LO_FLAGS_READ_ONLY if read_only else 0)
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise DiskImageError(
            f"The kernel offers no loop devices (/dev/loop-control: {error.strerror}).",
            "Load the module with 'modprobe loop'; in a container, give it access to loop devices.",
        ) from error
    try:
        # Another process can take the free device first: the kernel then says EBUSY.
        for _attempt in range(64):
            number = _free_loop(control)
            node.unlink(missing_ok=True)
            os.mknod(node, stat.S_IFBLK | 0o660, os.makedev(LOOP_MAJOR, number))
            device = os.open(node, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
            config = LOOP_CONFIG.pack(
                file_fd, 512, 0, 0, 0, offset, size, 0, 0, 0, flags, b"disk_image", b"", b"", *([0] * 10)
            )
            try:
                fcntl.ioctl(device, LOOP_CONFIGURE, config)
            except OSError as error:
                os.close(device)
                if error.errno == errno.EBUSY:
                    continue
                raise DiskImageError(
                    f"Attaching the disk to a loop device failed: {error.strerror}.",
                    "Linux 5.8 or newer is needed.",
                ) from error
            else:
                return number, device
    finally:
        os.close(control)
    raise DiskImageError("No loop device could be had: others took each free one first.", "Try again.")


def _free_loop(control: int) -> int:
    try:
        return fcntl.ioctl(control, LOOP_CTL_GET_FREE)
    except OSError as error:
        raise DiskImageError(
            f"No free loop device ({error.strerror}).", "'losetup -a' shows who uses them; detach some."
        ) from error


def loop_attached(number: int) -> bool:
    """Whether the loop device still has a file behind it."""
    return Path(f"/sys/block/loop{number}/loop").exists()
