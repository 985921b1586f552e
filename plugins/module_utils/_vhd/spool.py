# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private temporary files for what cannot be read where it is: sparse, without a name, gone with their descriptor."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import FULL, FileSink
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import moved_up

if TYPE_CHECKING:
    from collections.abc import Iterator

_GRAIN = 64 << 10
_ZEROS = bytes(_GRAIN)
LARGEST = 64 << 40
"""No disk, packed or not, is larger: Azure's end at 32 TiB."""


class Spool:
    """A file that is written from its beginning to its end; zeros become holes.

    :param folder: where; ``None``: the usual folder for temporary files.
    """

    def __init__(self, folder: str | None) -> None:
        self.folder = folder or tempfile.gettempdir()
        self.length = 0
        with refused_space(self.folder), tempfile.TemporaryFile(dir=folder) as file:
            self.fd = moved_up(os.dup(file.fileno()))

    def append(self, data: bytes | memoryview) -> None:
        """Write what comes next.

        :raises InvalidInput: the file system is full, or it is more than any disk.
        """
        view = memoryview(data)
        if self.length + len(view) > LARGEST:
            raise InvalidInput("It is larger than any disk.", remedy="Check where the file comes from.")
        with refused_space(self.folder):
            for at in range(0, len(view), _GRAIN):
                piece = view[at : at + _GRAIN]
                if piece != _ZEROS[: len(piece)]:
                    FileSink(self.fd).write(self.length + at, piece)
        self.length += len(view)

    def take(self) -> int:
        """Give the descriptor away, the file at its full length."""
        with refused_space(self.folder):
            os.ftruncate(self.fd, self.length)
        fd, self.fd = self.fd, -1
        return fd

    def close(self) -> None:
        """Drop the file, unless it was taken."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


@contextlib.contextmanager
def refused_space(folder: str) -> Iterator[None]:
    """Say in the user's words that a temporary file cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in (*FULL, errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOTDIR):
            raise
        raise InvalidInput(
            f"A temporary file cannot be written in {folder}: {error.strerror}.",
            remedy="Give another folder with temporary_folder, with room for the unpacked disk's data.",
        ) from error
