# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks inside of gzip, xz, zstd, bzip2 and tar files.

A compressed file can only be read from its beginning, so it becomes a private, sparse temporary file. A disk inside of
a tar is read where it lies. Decompressors may not take more than ``_MEMORY`` for their dictionaries.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import os
import shutil
import subprocess
import tarfile
import zlib
from typing import TYPE_CHECKING, Any, cast

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput, MissingDependency
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.qemu_nbd import launched
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Update = Callable[[int], object]

_MEMORY = 256 << 20
_CHUNK = 1 << 20
_DISKS = (".raw", ".img", ".vhd", ".vhdx", ".qcow2", ".vmdk", ".vdi")
_AGAIN = "Copy it again; it is damaged or cut off."


def unpack(file: FileSource, kind: str, folder: str | None, update: Update) -> FileSource:
    """Return what is packed in a file, which is closed.

    :param kind: one of ``formats.PACKED``.
    :param folder: where temporary files go.
    :param update: called now and then with how many bytes of the packed file were read.
    :raises InvalidInput: damaged, cut off, or there is not exactly one disk in it.
    """
    inner = _member(file, folder) if kind == formats.TAR else _decompressed(file, kind, folder, update)
    if inner is not file:
        file.verify_unchanged()
        file.close()
    return inner


def _decompressed(file: FileSource, kind: str, folder: str | None, update: Update) -> FileSource:
    with Spool(folder) as spool:
        try:
            for data in _zstd(file, update) if kind == "zstd" else _stream(file, _MAKERS[kind], update):
                spool.append(data)
        except (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
            raise InvalidInput(f"{file.path} cannot be unpacked as {kind}: {error}.", remedy=_AGAIN) from error
        return FileSource(file.path, fd=spool.take())


def _stream(file: FileSource, make: Callable[[], Any], update: Update) -> Iterator[bytes]:
    """Yield the content of a compressed file, of all its streams; ``make`` returns what reads one of them."""
    decompressor: Any = None
    for data in _chunks(file, update):
        rest = data
        while rest:
            if decompressor is None:
                rest = rest.lstrip(b"\0")  # padding between streams
                if not rest:
                    break
                decompressor = make()
            yield from _pulled(decompressor, rest)
            rest = b""
            if decompressor.eof:
                rest, decompressor = decompressor.unused_data, None
    if decompressor is not None:
        raise EOFError("it ends in the middle")


def _pulled(decompressor: Any, data: bytes) -> Iterator[bytes]:
    """Yield what becomes of some bytes, a piece at a time, however much that is."""
    while True:
        piece = decompressor.decompress(data, _CHUNK)
        yield piece
        data = getattr(decompressor, "unconsumed_tail", b"")  # zlib hands back what it did not get to
        if decompressor.eof or (not data and getattr(decompressor, "needs_input", len(piece) < _CHUNK)):
            return


def _chunks(file: FileSource, update: Update) -> Iterator[bytes]:
    for at in range(0, file.size, _CHUNK):
        yield file.read(at, _CHUNK)
        update(min(at + _CHUNK, file.size))


def _zstd(file: FileSource, update: Update) -> Iterator[bytes]:
    """Python reads zstd from 3.14 on; before, the program does."""
    try:
        module = importlib.import_module("compression.zstd")
    except ImportError:
        yield from _zstd_program(file)
        return
    limit = {module.DecompressionParameter.window_log_max: _MEMORY.bit_length() - 1}
    try:
        yield from _stream(file, lambda: module.ZstdDecompressor(options=limit), update)
    except module.ZstdError as error:
        raise ValueError(str(error)) from error


def _zstd_program(file: FileSource) -> Iterator[bytes]:
    program = shutil.which("zstd")
    if program is None:
        raise MissingDependency("The program zstd is needed to unpack this file.", remedy="Install the package zstd.")
    if file.start:
        raise InvalidInput(f"{file.path} has a zstd file inside of a tar.", remedy="Unpack it first.")
    os.lseek(file.fd, 0, os.SEEK_SET)
    command = launched([program, "-dcq", f"--memory={_MEMORY >> 20}MB"])
    with subprocess.Popen(command, stdin=file.fd, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            while process.stdout is not None and (data := process.stdout.read(_CHUNK)):
                yield data
            said = process.stderr.read() if process.stderr is not None else b""
        except BaseException:
            process.kill()
            raise
        if process.wait():
            raise ValueError(said.decode(errors="replace").strip().rpartition(": ")[2] or "it is damaged")


_MAKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
}


class _Reader:
    """A part of a file as tarfile wants it."""

    def __init__(self, file: FileSource) -> None:
        self._file = file
        self._at = 0

    def read(self, length: int = -1) -> bytes:
        data = self._file.read(self._at, length if length >= 0 else self._file.size - self._at)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at


def _member(file: FileSource, folder: str | None) -> FileSource:
    """Return the one disk in a tar: where it lies, or unpacked when its holes were left out."""
    try:
        with tarfile.open(fileobj=cast("Any", _Reader(file)), mode="r:") as tar:
            member = _disk_member(file.path, tar)
            if member.offset_data + (0 if member.issparse() else member.size) > file.size:
                raise tarfile.ReadError("it ends in the middle")
            if not member.issparse():
                file.start += member.offset_data
                file.size = member.size
                return file
            content = tar.extractfile(member)
            with Spool(folder) as spool:
                while content is not None and (data := content.read(_CHUNK)):
                    spool.append(data)
                if spool.length != member.size:
                    raise tarfile.ReadError("it ends in the middle")
                return FileSource(file.path, fd=spool.take())
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise InvalidInput(f"{file.path} cannot be unpacked as tar: {error}.", remedy=_AGAIN) from error


def _disk_member(path: str, tar: tarfile.TarFile) -> tarfile.TarInfo:
    members = [member for member in tar if member.isreg() and not os.path.basename(member.name).startswith(".")]
    disks = [member for member in members if member.name.lower().endswith(_DISKS)]
    chosen = disks or members
    if len(chosen) != 1:
        names = ", ".join(member.name for member in chosen[:5]) or "nothing"
        raise InvalidInput(
            f"{path} is a tar that does not hold one disk but {names}.", remedy="Unpack it and give the disk."
        )
    return chosen[0]
