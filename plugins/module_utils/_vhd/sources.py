# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any disk as one interface: a size, extents, and reads at an offset.

``Source`` is all that transfers and validators know. A new format is one class that says where its data lies and
reads it; reads may come from several threads at once.
"""

from __future__ import annotations

import errno
import fcntl
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.locks import lock_shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

FIRST_DESCRIPTOR = 10


class Kind(Enum):
    """What is known of an extent without reading it."""

    DATA = "data"  # may hold anything, zeros too
    ZERO = "zero"  # allocated, reads as zeros
    HOLE = "hole"  # not allocated, reads as zeros


@dataclass(frozen=True)
class Extent:
    """A run of bytes of one kind."""

    offset: int
    length: int
    kind: Kind

    @property
    def end(self) -> int:
        return self.offset + self.length


def merged(extents: Iterable[Extent]) -> Iterator[Extent]:
    """Yield consecutive extents, those of the same kind as one."""
    last: Extent | None = None
    for extent in extents:
        if last is not None and last.kind is extent.kind:
            last = Extent(last.offset, last.length + extent.length, last.kind)
            continue
        if last is not None:
            yield last
        last = extent
    if last is not None:
        yield last


class Source(ABC):
    """A disk that can be read. ``size`` is the virtual size in bytes, ``format`` a name from ``formats``.

    ``path`` is how the user named it; ``footer`` is the footer of a fixed VHD as it stands in the file.
    """

    path: str
    format: str
    size: int
    footer: bytes | None = None

    @abstractmethod
    def extents(self) -> Iterator[Extent]:
        """Yield runs that cover the disk from 0 to ``size``, in order, without gaps or overlaps."""

    @abstractmethod
    def readinto(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with the bytes at ``offset``; the range lies inside the disk."""

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes at ``offset``, fewer at the end of the disk."""
        data = bytearray(max(0, min(length, self.size - offset)))
        self.readinto(offset, memoryview(data))
        return bytes(data)

    def data_extents(self) -> Iterator[Extent]:
        """Yield only what has to be read."""
        return (extent for extent in self.extents() if extent.kind is Kind.DATA)

    @abstractmethod
    def verify_unchanged(self) -> None:
        """Raise when the disk changed since it was opened, so that what was read may be a mixture."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and locks; may be called again."""

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FileSource(Source):
    """``size`` bytes of a file or block device, as they are: a raw disk, or a fixed VHD without its footer.

    A shared advisory lock is held while it is open.

    :param start: where in the file the disk begins, such as inside a tar.
    :param fd: a descriptor that is open already, and belongs to this object from now on.
    :raises InvalidInput: the file cannot be read or somebody is writing to it.
    """

    def __init__(
        self,
        path: str,
        *,
        size: int | None = None,
        format: str = formats.RAW,  # noqa: A002
        start: int = 0,
        fd: int | None = None,
    ) -> None:
        self.path = path
        self.format = format
        self.start = start
        self.fd = open_for_reading(path) if fd is None else fd
        try:
            lock_shared(self.fd, path)
            self.size = os.lseek(self.fd, 0, os.SEEK_END) - start if size is None else size
            self._state = self._fingerprint()
        except BaseException:
            os.close(self.fd)
            raise

    def extents(self) -> Iterator[Extent]:
        position = 0
        while position < self.size:
            start = min(self._seek(position, os.SEEK_DATA), self.size)
            if start > position:
                yield Extent(position, start - position, Kind.HOLE)
            if start == self.size:
                return
            position = min(self._seek(start, os.SEEK_HOLE), self.size)
            yield Extent(start, position - start, Kind.DATA)

    def _seek(self, position: int, whence: int) -> int:
        try:
            return os.lseek(self.fd, self.start + position, whence) - self.start
        except OSError as error:
            if error.errno == errno.ENXIO:  # no data behind this position
                return self.size
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):  # block devices, some network file systems
                return position if whence == os.SEEK_DATA else self.size
            raise

    def readinto(self, offset: int, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            count = os.preadv(self.fd, [buffer[done:]], self.start + offset + done)
            if count == 0:
                raise GoldenImageError(
                    f"{self.path} became shorter while it was read: it ended at byte {offset + done}.",
                    remedy="Make sure that nothing writes to the file and run again.",
                )
            done += count

    def verify_unchanged(self) -> None:
        if self._fingerprint() != self._state:
            raise GoldenImageError(
                f"{self.path} changed while it was read.",
                remedy="Shut down whatever uses the disk and run again; what was written so far is not used.",
            )

    def _fingerprint(self) -> tuple[int, ...]:
        stat = os.fstat(self.fd)
        return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def open_for_reading(path: str) -> int:
    """Open a file or block device and return the descriptor, which is at least ``FIRST_DESCRIPTOR``.

    :raises InvalidInput: it does not exist, is a folder, or is not ours to read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}.", remedy="Give the path of a disk file."
        ) from error
    if os.path.isdir(path):
        os.close(fd)
        raise InvalidInput(f"{path} is a folder.", remedy="Give the path of a disk file.")
    return moved_up(fd)


def moved_up(fd: int) -> int:
    """Return the same open file under a number that no program we start wants for itself."""
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR)
    finally:
        os.close(fd)
