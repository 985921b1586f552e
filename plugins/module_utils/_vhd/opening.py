# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a disk file of any format to a ``Source``."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import (
    formats,
    growing_vhd,
    packing,
    qemu_nbd,
    remote,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.chains import Files, parent_format, understood
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE, Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.joined import JoinedSource, Part
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import FileSink
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource, Source, open_for_reading
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.spool import Spool, refused_space
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    Update = Callable[[str, int], object]

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.headers import Anatomy

_DEEPEST = 3  # tar.gz is 2
_FETCHERS = 4
_Plain = TypeVar("_Plain", bound=Source)
_FLAT = ("FLAT", "VMFS")
_RESTORE = "It is another file than the one it was made from; restore the right one."


def recognise_file(path: str) -> formats.Recognised:
    """Say what the file at ``path`` is.

    :raises InvalidInput: the file cannot be read.
    """
    fd = open_for_reading(path)
    try:
        return formats.recognise(fd)
    finally:
        os.close(fd)


class Place:
    """A disk as the user names it, by a path or an address, found and unpacked but not opened yet.

    ``recognised`` is what the disk's file is, ``packed`` how it is packed, outermost first. Close it, or hand it to
    :meth:`open`.

    :param folder: where temporary files go, for packed files and those on servers that do not serve parts of them.
    :param update: called with what is being done and how many bytes of the file were read for it.
    :raises InvalidInput: it cannot be read or unpacked.
    """

    def __init__(self, place: str, *, folder: str | None = None, update: Update | None = None) -> None:
        self.name = remote.shown(place) if remote.is_address(place) else place
        self.packed: list[str] = []
        self._folder = folder
        self._update = update or (lambda _what, _done: None)
        self._near: str | None = None
        self._file: FileSource | remote.RemoteSource
        if remote.is_address(place):
            self._file = remote.RemoteSource(place)
        else:
            self._near = os.path.dirname(os.path.abspath(place))
            self._file = FileSource(place)
        try:
            self.recognised = self._uncovered()
        except BaseException:
            self._file.close()
            raise

    def _uncovered(self) -> formats.Recognised:
        """Fetch what cannot be read where it is, and take off the packing."""
        if isinstance(self._file, remote.RemoteSource):
            found = self._recognise() if self._file.ranges else None
            if found is not None and found.format in formats.NATIVE:
                return found
            self._file = self._fetched(self._file)
        found = self._recognise()
        while found.format in formats.PACKED and len(self.packed) < _DEEPEST:
            self.packed.append(found.format)
            self._near = None
            update = functools.partial(self._update, f"unpacking {found.format}")
            self._file = packing.unpack(self._file, found.format, self._folder, update)
            found = self._recognise()
        return found

    def _fetched(self, server: remote.RemoteSource) -> FileSource:
        try:
            if server.ranges:
                with Spool(self._folder) as spool, refused_space(spool.folder):
                    transfer(
                        server,
                        FileSink(spool.fd),
                        workers=_FETCHERS,
                        update=lambda done: self._update("fetching", done),
                    )
                    spool.length = server.size
                    fd = spool.take()
            else:
                fd = server.fetch(self._folder, lambda done: self._update("fetching", done))
        finally:
            server.close()
        return FileSource(self.name, fd=fd)

    def _recognise(self) -> formats.Recognised:
        return formats.recognise_in(self._file.read, self._file.size)

    def open(self, found: formats.Recognised, *, backing_files: bool = False) -> Source:
        """Open the disk.

        :param found: ``recognised``, or what the user says it is instead.
        :param backing_files: backing files and parents may be opened, if they lie in the same folder.
        :raises InvalidInput: damaged, encrypted, in use, or other files are needed that may not be opened.
        :raises MissingDependency: the program that reads the format is not installed.
        """
        if isinstance(self._file, remote.RemoteSource):
            return _plain(self._file, found)
        with Files(allowed=backing_files, folder=self._near) as files:
            return open_file(files, files.add(self._file), found)

    def close(self) -> None:
        """Let go of the file; may be called again, and after it was opened."""
        self._file.close()


def open_source(path: str, found: formats.Recognised | None = None, *, backing_files: bool = False) -> Source:
    """Open the disk at a path or an address, whatever its format and packing.

    :param found: what it is, when that is known.
    :raises InvalidInput: as for :class:`Place` and :meth:`Place.open`.
    """
    place = Place(path)
    try:
        return place.open(found or place.recognised, backing_files=backing_files)
    except BaseException:
        place.close()
        raise


def open_file(files: Files, file: FileSource, found: formats.Recognised) -> Source:
    """Open a disk whose file is open already; it, and whatever else is opened, is closed with the result.

    :raises InvalidInput: as for :func:`open_source`.
    """
    if found.format in formats.NATIVE:
        return _plain(file, found)
    if found.format in formats.GROWING:
        return _growing(files, file, found)
    if found.format not in qemu_nbd.DRIVERS:
        raise InvalidInput(f"{file.path} is not a disk but packed ({found.format}).", remedy="Unpack it first.")
    anatomy = understood(file, found.format)
    if found.format == formats.VMDK and anatomy.pieces:
        return _in_pieces(files, file, anatomy)
    node = _node(files, file, found, anatomy)
    return qemu_nbd.QemuSource(files.opened, node, format=found.format)


def _plain(file: _Plain, found: formats.Recognised) -> _Plain:
    """Turn the whole file into the disk in it."""
    if found.format == formats.FIXED_VHD:
        _need_footer(file, found)
        file.footer = file.read(file.size - FOOTER_SIZE, FOOTER_SIZE)
        file.size -= FOOTER_SIZE
    file.format = found.format
    return file


def _need_footer(file: Source, found: formats.Recognised) -> Footer:
    footer = found.footer
    if footer is None:
        raise InvalidInput(f"{file.path} is cut off: its VHD footer is missing.", remedy="Copy it again.")
    if not footer.checksum_ok:
        raise InvalidInput(f"The checksum of the VHD footer of {file.path} is wrong.", remedy="Copy it again.")
    if found.format == formats.FIXED_VHD and footer.current_size != file.size - FOOTER_SIZE:
        raise InvalidInput(
            f"The VHD footer of {file.path} says {footer.current_size} bytes, but {file.size - FOOTER_SIZE} precede it.",
            remedy="Copy it again.",
        )
    return footer


def _growing(files: Files, file: FileSource, found: formats.Recognised) -> Source:
    footer = _need_footer(file, found)
    header = growing_vhd.read_header(file, footer)
    if found.format == formats.DYNAMIC_VHD:
        return growing_vhd.GrowingVhd(file, footer, header, None)
    if not header.parent_names:
        raise InvalidInput(f"{file.path} is a differencing VHD that does not name its parent.", remedy=_RESTORE)
    parent_file = files.parent(file, header.parent_names[0])
    below = formats.recognise(parent_file.fd)
    if below.footer is None or below.footer.unique_id != header.parent_id:
        raise InvalidInput(
            f"{parent_file.path} is not the parent of {file.path}: that has the id {header.parent_id}.", remedy=_RESTORE
        )
    parent = open_file(files, parent_file, below)
    if parent.size != footer.current_size:
        raise InvalidInput(
            f"{file.path} has {footer.current_size} bytes and its parent {parent_file.path} {parent.size}.",
            remedy=_RESTORE,
        )
    return growing_vhd.GrowingVhd(file, footer, header, parent)


def _in_pieces(files: Files, descriptor: FileSource, anatomy: Anatomy) -> Source:
    """A VMDK whose data lies in other files: its extents are a part of it, so no permission is needed."""
    if anatomy.parent is not None:
        raise InvalidInput(
            f"{descriptor.path} is a snapshot that builds on {anatomy.parent}.",
            remedy="Consolidate the snapshots, or flatten it with qemu-img convert.",
        )
    opened: dict[str, FileSource] = {}
    parts: list[Part] = []
    for piece in anatomy.pieces:
        if piece.kind != "ZERO" and piece.name not in opened:
            opened[piece.name] = files.beside(descriptor, piece.name)
        if piece.kind in _FLAT and opened[piece.name].size < piece.offset + piece.length:
            raise InvalidInput(f"{opened[piece.name].path} is cut off.", remedy="Copy it again.")
        parts.append((opened.get(piece.name) if piece.kind != "ZERO" else None, piece.offset, piece.length))
    if all(piece.kind in (*_FLAT, "ZERO") for piece in anatomy.pieces):
        return JoinedSource(files.opened, parts, format=formats.VMDK)
    # The reader has to open the extents by their names, which were checked.
    node = {"driver": "vmdk", "backing": None, "file": {"driver": "file", "filename": os.path.abspath(descriptor.path)}}
    return qemu_nbd.QemuSource(files.opened, node, format=formats.VMDK)


def _node(files: Files, file: FileSource, found: formats.Recognised, anatomy: Anatomy) -> dict[str, Any]:
    """Say how qemu shall open a file and everything below it."""
    node: dict[str, Any] = {"driver": qemu_nbd.DRIVERS[found.format], "file": qemu_nbd.protocol_node(file)}
    if found.format in formats.LAYERED:
        node["backing"] = None
        if anatomy.parent is not None:
            node["backing"] = _parent_node(files, file, anatomy)
    return node


def _parent_node(files: Files, child: FileSource, anatomy: Anatomy) -> dict[str, Any]:
    file = files.parent(child, anatomy.parent or "")
    found = parent_format(child, anatomy.parent_format, file)
    if found.format in formats.NATIVE:
        _plain(file, found)
        return {"driver": "raw", "size": file.size, "file": qemu_nbd.protocol_node(file)}
    if found.format not in qemu_nbd.DRIVERS:
        raise InvalidInput(f"{child.path} builds on {file.path}, which is {found.format}.", remedy="Flatten it first.")
    below = understood(file, found.format)
    if anatomy.parent_content_id is not None and below.content_id != anatomy.parent_content_id:
        raise InvalidInput(
            f"{file.path} is not the parent of {child.path}: its CID is {below.content_id}, "
            f"not {anatomy.parent_content_id}.",
            remedy=_RESTORE,
        )
    return _node(files, file, found, below)
