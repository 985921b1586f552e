# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files a disk is made of: backing files, parents and extents, opened by us and only where that is safe.

A header may have been written by a guest or a stranger. So other files are opened only when the user allows it
(``backing_files``), only by a relative name, and only inside the folder of the file that the user named.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.headers import Anatomy, anatomy
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource, open_for_reading

if TYPE_CHECKING:
    from types import TracebackType

_PROTOCOL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_LONGEST = 32
_FLATTEN = "Flatten it first (qemu-img convert), if you trust where it comes from."


class Files:
    """The files that were opened for one disk, in the order of opening; closed when the block fails.

    :param allowed: whether files beside the first may be opened at all.
    :param folder: they have to lie in it; ``None`` when the first file was packed or fetched and has no neighbours.
    """

    def __init__(self, *, allowed: bool, folder: str | None) -> None:
        self.opened: list[FileSource] = []
        self._allowed = allowed
        self._folder = folder

    def add(self, file: FileSource) -> FileSource:
        """Take in a file that is open.

        :raises InvalidInput: it is there already, so the disk builds on itself, or there are too many.
        """
        self.opened.append(file)
        identities = [(stat.st_dev, stat.st_ino) for stat in (os.fstat(other.fd) for other in self.opened)]
        if identities[-1] in identities[:-1]:
            raise InvalidInput(
                f"{self.opened[0].path} builds on itself: {file.path} comes up again.", remedy="Restore the files."
            )
        if len(self.opened) > _LONGEST:
            raise InvalidInput(f"{self.opened[0].path} is made of more than {_LONGEST} files.", remedy=_FLATTEN)
        return file

    def parent(self, child: FileSource, name: str) -> FileSource:
        """Open the file that ``child`` says it builds on.

        :raises InvalidInput: not allowed, not safe, or not there.
        """
        if not self._allowed:
            raise InvalidInput(
                f"{child.path} takes content from another file: {name}.",
                remedy=f"{_FLATTEN} Or allow it with backing_files, when that file lies in the same folder.",
            )
        return self.beside(child, name)

    def beside(self, child: FileSource, name: str) -> FileSource:
        """Open a file by the relative name that ``child`` gives it.

        :raises InvalidInput: not safe, or not there.
        """
        if not name or "\0" in name or name.startswith("/") or _PROTOCOL.match(name):
            raise InvalidInput(
                f"{child.path} names another file by an address or an absolute path: {name!r}. Only names relative to "
                "its folder are followed.",
                remedy=_FLATTEN,
            )
        if self._folder is None:
            raise InvalidInput(
                f"{child.path} takes content from another file ({name}), which a packed or remote file cannot.",
                remedy="Unpack or download all of them into one folder first.",
            )
        path = os.path.join(os.path.dirname(child.path), name)
        inside = os.path.realpath(self._folder)
        if os.path.commonpath([inside, os.path.realpath(path)]) != inside:
            raise InvalidInput(f"{child.path} builds on a file outside of its folder: {name}.", remedy=_FLATTEN)
        fd = open_for_reading(path)
        # What was opened counts, should the name lead elsewhere by now.
        really = os.path.realpath(f"/proc/self/fd/{fd}") if os.path.isdir("/proc/self/fd") else inside
        if os.path.commonpath([inside, really]) != inside:
            os.close(fd)
            raise InvalidInput(f"{path} changed while it was opened.", remedy=_FLATTEN)
        return self.add(FileSource(path, fd=fd))

    def close(self) -> None:
        """Close every file."""
        for file in self.opened:
            file.close()

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.close()


def understood(file: FileSource, format: str) -> Anatomy:  # noqa: A002
    """Return what the header of an open file says.

    :raises InvalidInput: damaged, encrypted, or of a kind that cannot be read.
    """
    found = anatomy(file.fd, file.start, file.size, format)
    if found.problem is not None:
        raise InvalidInput(f"{file.path} cannot be read as {format}: it {found.problem}.", remedy=found.remedy)
    return found


def parent_format(child: FileSource, said: str | None, parent: FileSource) -> formats.Recognised:
    """Return what a parent is: as its child's header states, or else by its content.

    :raises InvalidInput: both differ.
    """
    found = formats.recognise(parent.fd)
    if said is None or said == found.format:
        return found
    if said == formats.RAW:
        return formats.Recognised(formats.RAW, found.file_size)
    if said == formats.DYNAMIC_VHD and found.format == formats.FIXED_VHD:
        return found
    raise InvalidInput(
        f"{child.path} says that {parent.path} is {said}, but its content is {found.format}.",
        remedy="It is another file than the one it was made from; restore the right one.",
    )
