# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a fixed VHD file from a source: sparse, all or nothing, and only when the one that exists is another."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import heapq
import os
import tempfile
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.locks import lock_exclusive
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source, recognise_file
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import FULL, FileSink
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import data_size, pieces, transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk

_FICLONE = 0x40049409  # linux/fs.h: share every block of another file
_CHUNK = 64 << 20
_NO_CLONE = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.ETXTBSY)


def same_content(disk: AzureDisk, path: str) -> bool:
    """Return whether the file is a valid fixed VHD with exactly this disk in it, the footer's free fields aside."""
    found = recognise_file(path)
    footer = found.footer
    if found.format != formats.FIXED_VHD or footer is None or not footer.checksum_ok:
        return False
    if footer.current_size != disk.size or found.file_size != disk.file_size:
        return False
    with open_source(path, found) as other:
        done = 0
        # What holds data in neither reads as zeros in both.
        for start, end in heapq.merge(pieces(disk), pieces(other)):
            begin = max(start, done)
            if begin < end and disk.read(begin, end - begin) != other.read(begin, end - begin):
                return False
            done = max(done, end)
    return True


def build(disk: AzureDisk, path: str, update: Callable[[int], object]) -> int:
    """Write the VHD and put it in place of ``path`` in one step. Only its owner can read it.

    :param update: called with the number of bytes copied so far.
    :returns: bytes copied; 0 when the file system shares the source's blocks.
    :raises InvalidInput: no space, no such folder, or the file that exists is in use.
    """
    with replacing(path) as (fd, _temporary):
        copied = _clone(disk, fd)
        if copied is None:
            need_space(os.path.dirname(os.path.abspath(path)), data_size(disk))
            copied = _copy(disk, fd, update)
        disk.verify_unchanged()
        os.ftruncate(fd, disk.size)  # a clone of a VHD still ends with its old footer
        sink = FileSink(fd)
        for at, data in disk.patches.items():
            sink.write(at, memoryview(data))
        sink.write(disk.size, memoryview(disk.footer))
        os.fsync(fd)
    return copied


@contextlib.contextmanager
def replacing(path: str) -> Iterator[tuple[int, str]]:
    """Lend a new file (descriptor, name) beside ``path`` that takes its place when the block succeeds."""
    folder, name = need_folder(path), os.path.basename(os.path.abspath(path))
    with untouched(path):
        try:
            fd, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        except OSError as error:
            raise _not_writable(folder, error.strerror or "") from error
        try:
            yield fd, temporary
            os.replace(temporary, path)
        except BaseException as error:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            if isinstance(error, OSError) and error.errno in FULL:
                raise _no_space(folder, error.strerror or "") from error
            raise
        finally:
            os.close(fd)


def need_folder(path: str) -> str:
    """Return the folder of a file that is going to be written.

    :raises InvalidInput: it does not exist, or nothing can be written there.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise InvalidInput(f"The folder {folder} does not exist.", remedy="Create it first or give another path.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _not_writable(folder, "it is read-only or belongs to somebody else")
    return folder


def need_space(folder: str, size: int) -> None:
    """Raise when ``size`` more bytes do not fit on the file system of a folder.

    :raises InvalidInput: with both figures.
    """
    stat = os.statvfs(folder)
    free = stat.f_bavail * stat.f_frsize
    if size > free:
        raise _no_space(folder, f"{size} bytes are needed and {free} are free")


def _not_writable(folder: str, reason: str) -> InvalidInput:
    return InvalidInput(f"No file can be written in {folder}: {reason}.", remedy="Give a folder you can write to.")


def _no_space(folder: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"There is no space left in {folder}: {reason}.", remedy="Free some space or give another path."
    )


@contextlib.contextmanager
def untouched(path: str) -> Iterator[None]:
    """Keep readers and writers off the file that is about to be replaced, if there is one.

    :raises InvalidInput: somebody uses it.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        lock_exclusive(fd, path)
        yield
    finally:
        os.close(fd)


def _clone(disk: AzureDisk, fd: int) -> int | None:
    """Share the source's blocks where the file system can (XFS, Btrfs)."""
    if not isinstance(disk.base, FileSource) or disk.base.start:
        return None
    try:
        fcntl.ioctl(fd, _FICLONE, disk.base.fd)
    except OSError as error:
        if error.errno in _NO_CLONE:
            return None
        raise
    return 0


def _copy(disk: AzureDisk, fd: int, update: Callable[[int], object]) -> int:
    base = disk.base
    if isinstance(base, FileSource) and hasattr(os, "copy_file_range"):
        try:
            return _copy_in_kernel(base, fd, update)
        except OSError as error:
            if error.errno not in _NO_CLONE:
                raise
    sent: int = transfer(disk, FileSink(fd), workers=2, update=update).bytes_sent
    return sent


def _copy_in_kernel(base: FileSource, fd: int, update: Callable[[int], object]) -> int:
    copied = 0
    for extent in base.data_extents():
        position = extent.offset
        while position < extent.end:
            count = os.copy_file_range(base.fd, fd, min(_CHUNK, extent.end - position), base.start + position, position)
            if count == 0:
                raise GoldenImageError(
                    f"{base.path} became shorter while it was read.", remedy="Make sure that nothing writes to it."
                )
            position += count
            copied += count
            update(copied)
    return copied
