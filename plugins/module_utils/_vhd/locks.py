# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisory locks on disk files: one writer, or any number of readers (flock on the file itself)."""

from __future__ import annotations

import errno
import fcntl
import os

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


def lock_shared(fd: int, path: str) -> None:
    """Hold the file against writers until ``fd`` is closed.

    :raises InvalidInput: somebody holds it for writing; the message says who, when that can be known.
    """
    _lock(fd, path, fcntl.LOCK_SH)


def lock_exclusive(fd: int, path: str) -> None:
    """Hold the file against readers and writers until ``fd`` is closed.

    :raises InvalidInput: somebody uses it; the message says who, when that can be known.
    """
    _lock(fd, path, fcntl.LOCK_EX)


def _lock(fd: int, path: str, operation: int) -> None:
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:  # the file system knows no locks: nobody can hold one
            return
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        raise InvalidInput(
            f"{path} is in use by {_holders(fd)}.",
            remedy="Wait until it has finished, or end the play that uses the disk (meta: reset_connection).",
        ) from error


def _holders(fd: int) -> str:
    """Name the processes that hold a flock on the file: ``python3 (process 4711)``."""
    stat = os.fstat(fd)
    wanted = f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}"
    names = []
    try:
        with open("/proc/locks", encoding="ascii") as locks:
            # 1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF
            rows = [line.split() for line in locks]
        for row in rows:
            if len(row) > 5 and row[1] == "FLOCK" and row[5] == wanted:
                with open(f"/proc/{row[4]}/comm", encoding="utf-8") as comm:
                    names.append(f"{comm.read().strip()} (process {row[4]})")
    except OSError:  # no /proc, or the process ended meanwhile: the name is a courtesy
        pass
    return ", ".join(names) or "another process"
