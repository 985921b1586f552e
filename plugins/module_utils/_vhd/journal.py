# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is being received, and which windows of it have arrived: what a killed export goes on with.

Beside ``disk.vhd`` lie ``.disk.vhd.partial``, sparse, and ``.disk.vhd.journal``: 32 bytes that say of what, then for each
window of 4 MiB the 32 bytes of its digest, or zeros. A window counts only if what the file holds still has that digest,
so a journal that is ahead of its file, torn or foreign costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.locks import lock_exclusive
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLOT = 32
_EMPTY = bytes(_SLOT)


class Partial:
    """The file and its journal; open as long as :func:`receiving` lasts.

    :ivar path: of the file.
    :ivar fd: of the file, whose size is that of the disk.
    :ivar resumed: it is the one that an earlier attempt began.
    """

    def __init__(self, path: str, fd: int, journal: int, mark: bytes, size: int) -> None:
        self.path = path
        self.fd = fd
        self._journal = journal
        self.resumed = os.pread(journal, _SLOT, 0) == mark and os.fstat(fd).st_size >= size
        if not self.resumed:
            os.ftruncate(journal, 0)
            os.ftruncate(fd, 0)
            os.ftruncate(fd, size)
            os.pwrite(journal, mark, 0)
        os.ftruncate(fd, size)

    def recall(self, base: int) -> bytes | None:
        """The digest that was noted for a window."""
        slot = os.pread(self._journal, _SLOT, _place(base))
        return slot if len(slot) == _SLOT and slot != _EMPTY else None

    def note(self, base: int, digest: bytes) -> None:
        """Remember that a window was received."""
        os.pwrite(self._journal, digest, _place(base))


def began(path: str, identity: str) -> bool:
    """Whether an export of just this was begun, and not finished."""
    try:
        with open(_beside(path, "journal"), "rb") as file:
            return file.read(_SLOT) == _mark(identity)
    except OSError:
        return False


@contextlib.contextmanager
def receiving(path: str, identity: str, size: int) -> Iterator[Partial]:
    """Lend the partial file for ``path``, which only its owner can read. It stays until :func:`discard`.

    :param identity: another text for other content.
    :param size: of the disk in bytes.
    :raises InvalidInput: another export to this path is running.
    """
    with contextlib.ExitStack() as stack:
        files = []
        for kind in ("partial", "journal"):
            files.append(os.open(_beside(path, kind), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            stack.callback(os.close, files[-1])
        lock_exclusive(files[0], _beside(path, "partial"))
        yield Partial(_beside(path, "partial"), files[0], files[1], _mark(identity), size)


def discard(path: str) -> None:
    """Remove what is left of an export that is finished or given up."""
    for kind in ("partial", "journal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_beside(path, kind))


def _place(base: int) -> int:
    return _SLOT + base // WINDOW * _SLOT


def _mark(identity: str) -> bytes:
    return hashlib.sha256(f"goldenimage-export-1 {identity}".encode()).digest()


def _beside(path: str, kind: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(folder, f".{name}.{kind}")
