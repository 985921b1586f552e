# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else uses the disk file: other keepers, loop devices, QEMU, anyone who has it open for writing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DiskImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

F_OFD_GETLK = 36
_FLOCK = struct.Struct("hhxxxxqqixxxx")
# QEMU keeps its locks on these bytes of an image (block/file-posix.c); 101 is held by a writer.
_QEMU_LOCKS = (100, 104)
_QEMU_WRITER = (101, 1)
CLOSING_WAIT = 60.0  # seconds for another keeper to unmount, once its own ansible has ended


def start_time(pid: int | str) -> str:
    """When a process started, in clock ticks since boot; '' when there is none. With the pid it names a process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def describe(pid: int | str) -> str:
    """'process 123 (python3 -m …)'."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        words = []
    text = b" ".join(words).decode(errors="replace")
    owner = _owner(words)
    if owner:
        return f"process {pid}, which serves the ansible process {owner.partition(':')[0]}"
    return f"process {pid} ({text[:100]})" if text else f"process {pid}"


def _owner(words: list[bytes]) -> str:
    """The '--owner PID:START' of a keeper's command line, '' for other programs."""
    if b"_disk_keeper" not in words or b"--owner" not in words[:-1]:
        return ""
    return words[words.index(b"--owner") + 1].decode(errors="replace")


def _lock_holders(status: os.stat_result) -> list[str]:
    """Process ids that hold a flock on the file."""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with open("/proc/locks", encoding="ascii") as lines:
        words = [line.split() for line in lines]
    return [word[4] for word in words if word[1] == "FLOCK" and word[5] == device]


def _is_closing(pid: str, own_owner: str) -> bool:
    """Whether the holder is a keeper that is about to end: its ansible is gone, or is ours."""
    try:
        owner = _owner(Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0"))
    except OSError:
        return True
    ansible, _colon, started = owner.partition(":")
    return bool(owner) and (owner == own_owner or start_time(ansible) != started)


def lock(fd: int, path: str, *, shared: bool, owner: str) -> None:
    """Take the file's flock; waits for a keeper that is just closing, for nobody else."""
    deadline = time.monotonic() + CLOSING_WAIT
    while True:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            holders = _lock_holders(os.fstat(fd))
            if time.monotonic() < deadline and all(_is_closing(pid, owner) for pid in holders):
                time.sleep(0.05)
                continue
            names = ", ".join(describe(pid) for pid in holders) or "a process that cannot be seen from here"
            raise DiskImageError(
                f"The disk file {path} is in use by {names}.",
                "Wait for it to end; only one play at a time can write to a disk.",
            ) from None
        else:
            return


def check_unused(fd: int, path: str, *, read_only: bool) -> None:
    """Refuse a file that a loop device, QEMU or any other writer uses without taking the lock."""
    start, length = _QEMU_WRITER if read_only else _QEMU_LOCKS
    answer = fcntl.fcntl(fd, F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
    status = os.fstat(fd)
    users = [*_loop_users(status, writing_only=read_only), *_writers(status)]
    if not users and _FLOCK.unpack(answer)[0] != fcntl.F_UNLCK:
        users = ["a QEMU process"]
    if users:
        raise DiskImageError(
            f"The disk file {path} is in use by {', '.join(users)}.",
            "Stop what uses it first: changing a disk from two sides destroys its file systems.",
        )


def _loop_users(status: os.stat_result, *, writing_only: bool) -> Iterator[str]:
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        device = backing.parent.parent
        with contextlib.suppress(OSError):
            if writing_only and (device / "ro").read_text(encoding="ascii").strip() == "1":
                continue
            found = os.stat(backing.read_text(encoding="utf-8").strip())
            if (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino):
                yield f"the loop device /dev/{device.name}"


def _writers(status: os.stat_result) -> Iterator[str]:
    own = os.readlink("/proc/self")
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or process.name == own:
            continue
        # A process can end, or close a file, while it is looked at.
        with contextlib.suppress(OSError):
            for entry in os.scandir(process / "fd"):
                found = os.stat(entry.path)
                if (found.st_dev, found.st_ino) != (status.st_dev, status.st_ino):
                    continue
                info = (process / "fdinfo" / entry.name).read_text(encoding="ascii")
                flags = int(info.split("flags:")[1].split()[0], 8)
                if flags & os.O_ACCMODE != os.O_RDONLY:
                    yield describe(process.name)
                    break
