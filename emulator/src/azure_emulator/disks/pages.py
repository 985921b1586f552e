# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Page data of managed disks, snapshots and images as sparse files.

Each set of pages is a file `<name>.pages` and, once pages were written one by one, a bitmap `<name>.map` with one
bit for every 512-byte page that was ever written. A file may be shorter than the disk: what is beyond its end reads
as zeros, so growing a disk costs nothing.

A copy is a reflink where the file system has them. Elsewhere copies share one file through hard links, and the file
is duplicated before the first write to any of them; whoever writes therefore calls `own` first. Both ways a copy
takes no time, needs no space, and can be made inside a database transaction. Only what something else may be writing
to at that moment (`open_to_foreign_writes`) is copied byte by byte where there are no reflinks.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import threading
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PAGE = 512

_FICLONE = 0x40049409
_COPY_CHUNK = 64 << 20
_MAP_CHUNK = 1 << 20
_PUNCH_HOLE_KEEP_SIZE = 0x03
_NO_REFLINK = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV, errno.ENOSYS}
_RUNS = re.compile(rb"\xff+|\x00+|[^\x00\xff]", re.DOTALL)
_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_BITS = [[bit for bit in range(8) if byte >> bit & 1] for byte in range(256)]


class PageStore:
    """All page files below one folder. Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._reflinks = True  # until the file system says no

    def path(self, name: str) -> Path:
        """The file with the bytes of `name`; call `own` before writing to it."""
        return self.root / f"{name}.pages"

    def _map(self, name: str) -> Path:
        return self.root / f"{name}.map"

    def create(self) -> str:
        """A new, empty set of pages: every byte reads as zero."""
        name = uuid.uuid4().hex
        self.path(name).touch(mode=0o600)
        return name

    def copy(self, source: str) -> str:
        """A new set of pages with the bytes that `source` has now."""
        name = uuid.uuid4().hex
        self._duplicate(self._map(source), self._map(name))
        if not self._duplicate(self.path(source), self.path(name)):
            raise FileNotFoundError(self.path(source))
        return name

    def _duplicate(self, source: Path, target: Path) -> bool:
        if not source.exists():
            return False
        if not (self._reflinks and _reflink(source, target)):
            self._reflinks = False
            if self._live(source.stem).exists():
                _sparse_copy(source, target)
                return True
            try:
                os.link(source, target)
            except OSError as error:
                if error.errno not in {errno.EMLINK, errno.EPERM, errno.EXDEV}:
                    raise
                _sparse_copy(source, target)
        return True

    def own(self, name: str) -> Path:
        """Make sure that no other set of pages shares the file of `name`, and return the file."""
        with self._lock:
            for path in (self.path(name), self._map(name)):
                if path.exists() and path.stat().st_nlink > 1:
                    private = path.with_suffix(path.suffix + ".new")
                    _sparse_copy(path, private)
                    private.replace(path)
        return self.path(name)

    def open_to_foreign_writes(self, name: str, size: int) -> Path:
        """The file of `name` at its full length, for something that writes to it without this class (a guest)."""
        # The mark comes first, and lies in the folder because the writer may live longer than this process.
        self._live(name).touch(mode=0o600)
        path = self.own(name)
        self._map(name).unlink(missing_ok=True)
        os.truncate(path, size)
        return path

    def close_to_foreign_writes(self, name: str) -> None:
        """Nothing but this class writes to `name` from now on."""
        self._live(name).unlink(missing_ok=True)

    def _live(self, name: str) -> Path:
        """Exists while something else may write to `name`."""
        return self.root / f"{name}.live"

    def delete(self, name: str) -> None:
        """Remove the pages; copies keep theirs. Removing what is gone is not an error."""
        for path in (self.path(name), self._map(name), self._live(name)):
            path.unlink(missing_ok=True)

    def sweep(self, keep: set[str]) -> int:
        """Remove every file that belongs to no name in `keep`: leftovers of an emulator that was killed."""
        gone = 0
        for path in self.root.iterdir():
            if path.suffix == ".new" or path.name.split(".")[0] not in keep:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def write(self, name: str, offset: int, data: bytes | memoryview) -> None:
        """Write whole pages at a page boundary. The caller has made `name` its own."""
        with self.path(name).open("r+b", buffering=0) as file:
            written = 0
            while written < len(data):
                written += os.pwrite(file.fileno(), data[written:], offset + written)
        self.mark(name, offset, len(data), written=True)

    def clear(self, name: str, offset: int, length: int) -> None:
        """Give pages back: they read as zero and count as never written."""
        path = self.path(name)
        length = min(length, max(0, path.stat().st_size - offset))
        if length:
            with path.open("r+b", buffering=0) as file:
                _punch_hole(file.fileno(), offset, length)
        self.mark(name, offset, length, written=False)

    def mark(self, name: str, offset: int, length: int, *, written: bool) -> None:
        """Note in the bitmap that the pages of a range are written, or are not."""
        first, last = offset // PAGE, (offset + length) // PAGE
        if first >= last:
            return
        fill = b"\xff" if written else b"\x00"
        with self._lock:
            descriptor = os.open(self._map(name), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                head, tail = first % 8, last % 8
                start, end = first // 8, last // 8
                if start == end:
                    _set_bits(descriptor, start, range(head, tail), written=written)
                    return
                if head:
                    _set_bits(descriptor, start, range(head, 8), written=written)
                    start += 1
                for position in range(start, end, _MAP_CHUNK):
                    os.pwrite(descriptor, fill * min(_MAP_CHUNK, end - position), position)
                if tail:
                    _set_bits(descriptor, end, range(tail), written=written)
            finally:
                os.close(descriptor)

    def cut(self, name: str, size: int) -> None:
        """Forget what is beyond `size` bytes."""
        path = self.own(name)
        beyond = path.stat().st_size - size
        if beyond > 0:
            os.truncate(path, size)
            self.mark(name, size, beyond, written=False)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; zeros beyond the end of the file."""
        with self.path(name).open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), length, offset)
            while len(data) < length:
                more = os.pread(file.fileno(), length - len(data), offset + len(data))
                if not more:
                    break
                data += more
        return data.ljust(length, b"\x00")

    def ranges(self, name: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The written parts of [start, end) as (start, end), in order, merged, at page granularity."""
        written = self._map(name)
        source = _mapped(written) if written.exists() else _data_extents(self.path(name))
        yield from merged((max(first, start), min(last, end)) for first, last in source)


def merged(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ranges in the order of their starts, with those that touch or overlap as one, and without empty ones."""
    current: tuple[int, int] | None = None
    for low, high in ranges:
        if low >= high:
            continue
        if current and low <= current[1]:
            current = (current[0], max(current[1], high))
            continue
        if current:
            yield current
        current = (low, high)
    if current:
        yield current


def _reflink(source: Path, target: Path) -> bool:
    with source.open("rb") as reader, target.open("wb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        except OSError as error:
            if error.errno not in _NO_REFLINK:
                raise
        else:
            return True
    target.unlink()
    return False


def _sparse_copy(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        for start, end in _extents(reader.fileno()):
            position = start
            while position < end:
                copied = os.copy_file_range(
                    reader.fileno(), writer.fileno(), min(_COPY_CHUNK, end - position), position, position
                )
                if not copied:
                    break
                position += copied
        writer.truncate(os.fstat(reader.fileno()).st_size)


def _punch_hole(descriptor: int, offset: int, length: int) -> None:
    """Zero a range of a file and free its blocks; plain zeros where the file system cannot punch holes."""
    if _fallocate(descriptor, _PUNCH_HOLE_KEEP_SIZE, offset, length) == 0:
        return
    for start, end in _extents(descriptor, offset, offset + length):
        for position in range(start, end, _MAP_CHUNK):
            os.pwrite(descriptor, bytes(min(_MAP_CHUNK, end - position)), position)


def _extents(descriptor: int, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """The data parts of an open file within [start, end)."""
    end = os.fstat(descriptor).st_size if end is None else end
    position = start
    while position < end:
        try:
            data = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            raise
        if data >= end:
            return
        position = min(os.lseek(descriptor, data, os.SEEK_HOLE), end)
        yield data, position


def _data_extents(path: Path) -> Iterator[tuple[int, int]]:
    with path.open("rb", buffering=0) as file:
        for start, end in _extents(file.fileno()):
            yield start, -(-end // PAGE) * PAGE


def _mapped(path: Path) -> Iterator[tuple[int, int]]:
    with path.open("rb", buffering=0) as file:
        for start, end in _extents(file.fileno()):
            for position in range(start, end, _MAP_CHUNK):
                chunk = os.pread(file.fileno(), min(_MAP_CHUNK, end - position), position)
                for run in _RUNS.finditer(chunk):
                    value = run.group()[0]
                    first = (position + run.start()) * 8
                    if value == 0xFF:
                        yield first * PAGE, (position + run.end()) * 8 * PAGE
                    elif value:
                        for bit in _BITS[value]:
                            yield (first + bit) * PAGE, (first + bit + 1) * PAGE


def _set_bits(descriptor: int, position: int, bits: range, *, written: bool) -> None:
    found = os.pread(descriptor, 1, position) or b"\x00"
    mask = sum(1 << bit for bit in bits)
    os.pwrite(descriptor, bytes([found[0] | mask if written else found[0] & ~mask]), position)
