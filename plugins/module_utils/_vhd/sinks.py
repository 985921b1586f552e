# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of a disk go."""

from __future__ import annotations

import errno
import os
from typing import Protocol, runtime_checkable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a file system without room for more answers."""


class Sink(Protocol):
    """A place with random access that reads as zeros until written; used by several threads at once."""

    def write(self, offset: int, content: memoryview) -> None:
        """Write up to 4 MiB; offset and length are multiples of 512."""

    def abort(self) -> None:
        """Make writes that are under way in other threads fail soon."""


@runtime_checkable
class ReadableSink(Sink, Protocol):
    """A sink that can tell what it holds."""

    def readinto(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes at ``offset``."""


class FileSink:
    """A file that was opened for writing; what is not written stays a hole."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, offset: int, content: memoryview) -> None:
        done = 0
        while done < len(content):
            done += os.pwrite(self._fd, content[done:], offset + done)

    def readinto(self, offset: int, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            count = os.preadv(self._fd, [buffer[done:]], offset + done)
            if count == 0:  # behind the end
                buffer[done:] = bytes(len(buffer) - done)
                return
            done += count

    def abort(self) -> None:
        """Nothing to do: a write to a file ends by itself."""
