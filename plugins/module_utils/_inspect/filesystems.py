# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems as trees of nodes, over dissect's readers. Errors of any kind become ``Unreadable``.

The readers trust what they read; where the file system has checksums or says things twice, that is compared here,
so that a damaged folder is not taken for an empty one.
"""

from __future__ import annotations

import functools
import importlib
import stat
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.crc32c import crc32c
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.ext_integrity import ExtGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.contents import Content
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Window

DIRECTORY, FILE, LINK, OTHER = "directory", "file", "link", "other"
_MOST_ENTRIES = 50_000
_KINDS = {stat.S_IFDIR: DIRECTORY, stat.S_IFREG: FILE, stat.S_IFLNK: LINK}
Result = TypeVar("Result")


def guarded(what: str, function: Callable[[], Result]) -> Result:
    """Call a reader; whatever goes wrong in it is damage of the disk.

    :raises Unreadable: with the reason.
    """
    try:
        return function()
    except Unreadable:
        raise
    except Exception as error:
        text = str(error) or type(error).__name__
        raise Unreadable(f"{what} cannot be read: {text}") from error


class Node(ABC):
    """A file, folder or link. Children are read once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._children: dict[str, Node] | None = None

    @property
    def kind(self) -> str:
        return guarded(self.name, self._kind)

    @property
    def size(self) -> int:
        return guarded(self.name, self._size)

    def children(self) -> dict[str, Node]:
        """Return what is in the folder by name, without ``.`` and ``..``."""
        if self._children is None:
            self._children = guarded(f"The folder {self.name or '/'}", self._all)
        return self._children

    def _all(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for name, node in self._entries():
            if name not in (".", ".."):
                found[name] = node
            if len(found) > _MOST_ENTRIES:
                raise Unreadable(f"it has more than {_MOST_ENTRIES} entries")
        return found

    def read(self, most: int) -> bytes:
        """Return the first ``most`` bytes of the file."""
        return guarded(self.name, lambda: bytes(self._read(most)))

    def target(self) -> str:
        return guarded(self.name, self._target)

    @abstractmethod
    def _kind(self) -> str: ...

    @abstractmethod
    def _size(self) -> int: ...

    @abstractmethod
    def _entries(self) -> Iterator[tuple[str, Node]]: ...

    @abstractmethod
    def _read(self, most: int) -> bytes: ...

    def _target(self) -> str:
        raise Unreadable(f"{self.name} is no link")


class UnixNode(Node):
    """A node of ext or XFS, whose readers look alike."""

    def __init__(self, name: str, inode: Any, check: Callable[[Any], object] | None = None) -> None:
        super().__init__(name)
        self._inode = inode
        self._check = check
        self._checked = check is None

    def _sound(self) -> Any:
        if not self._checked and self._check is not None:
            self._check(self._inode)
            self._checked = True
        return self._inode

    def _kind(self) -> str:
        return _KINDS.get(self._inode.filetype, OTHER)

    def _size(self) -> int:
        return int(self._sound().size)

    def _entries(self) -> Iterator[tuple[str, Node]]:
        for inode in self._sound().iterdir():
            yield inode.filename, type(self)(inode.filename, inode, self._check)

    def _read(self, most: int) -> bytes:
        inode = self._sound()
        return bytes(inode.open().read(min(most, int(inode.size))))

    def _target(self) -> str:
        return str(self._sound().link)


class BtrfsNode(Node):
    def __init__(self, name: str, inode: Any) -> None:
        super().__init__(name)
        self._inode = inode

    def _kind(self) -> str:
        return _KINDS.get(stat.S_IFMT(self._inode.mode), OTHER)

    def _size(self) -> int:
        return int(self._inode.size)

    def _entries(self) -> Iterator[tuple[str, Node]]:
        for name, inode in self._inode.iterdir():
            yield name, BtrfsNode(name, inode)

    def _read(self, most: int) -> bytes:
        return bytes(self._inode.open().read(min(most, int(self._inode.size))))

    def _target(self) -> str:
        return str(self._inode.link)


class FatNode(Node):
    def __init__(self, name: str, entry: Any) -> None:
        super().__init__(name)
        self._entry = entry

    def _kind(self) -> str:
        return DIRECTORY if self._entry.is_directory() else OTHER if self._entry.is_volume_id() else FILE

    def _size(self) -> int:
        return int(self._entry.size)

    def _entries(self) -> Iterator[tuple[str, Node]]:
        for entry in self._entry.iterdir():
            yield entry.name, FatNode(entry.name, entry)

    def _read(self, most: int) -> bytes:
        return bytes(self._entry.open().read(min(most, int(self._entry.size))))


class NtfsNode(Node):
    """``find`` reads the record when it is needed: a Windows folder has thousands of entries."""

    def __init__(self, name: str, find: Callable[[], Any]) -> None:
        super().__init__(name)
        self._find = find

    @functools.cached_property
    def _record(self) -> Any:
        return self._find()

    def _kind(self) -> str:
        if self._record.is_reparse_point():
            return OTHER
        return DIRECTORY if self._record.is_dir() else FILE

    def _size(self) -> int:
        return int(self._record.size())

    def _entries(self) -> Iterator[tuple[str, Node]]:
        for entry in self._record.iterdir(ignore_dos=True):
            name = entry.attribute.file_name
            yield name, NtfsNode(name, entry.dereference)

    def _read(self, most: int) -> bytes:
        return bytes(self._record.open().read(min(most, int(self._record.size()))))


class FileSystem:
    """An opened file system: its content as ``contents`` saw it, and the root of its tree.

    :ivar fold: names are looked up without regard to case.
    """

    def __init__(self, content: Content, root: Node, *, fold: bool = False, subvolumes: Any = None) -> None:
        self.content = content
        self.root = root
        self.fold = fold
        self._subvolumes = subvolumes

    def subvolume(self, name: str) -> FileSystem | None:
        """Return a subvolume of btrfs by its path; ``None`` when there is none."""
        if self._subvolumes is None:
            return None
        found = guarded("The list of subvolumes", lambda: self._subvolumes.find_subvolume(name.strip("/")))
        return (
            None if found is None else FileSystem(self.content, BtrfsNode("", found.root), subvolumes=self._subvolumes)
        )


def _ext(content: Content, window: Window) -> FileSystem:
    reader = importlib.import_module("dissect.extfs").ExtFS(window)
    guard = ExtGuard(reader, window)
    return FileSystem(content, UnixNode("", reader.root, guard.check))


def _xfs(content: Content, window: Window) -> FileSystem:
    return FileSystem(content, UnixNode("", importlib.import_module("dissect.xfs").XFS(window).root))


def _btrfs(content: Content, window: Window) -> FileSystem:
    reader = _checked_btrfs()(window)
    return FileSystem(content, BtrfsNode("", reader.root), subvolumes=reader)


def _checked_btrfs() -> Any:
    """Return the reader of btrfs with the checksums of its tree's nodes compared, each node once."""
    base: Any = importlib.import_module("dissect.btrfs").Btrfs
    sound: set[int] = set()

    def read_node(self: Any, address: int) -> bytes:
        node: bytes = base._read_node(self, address)
        if address not in sound and self.sb.csum_type == 0:
            if crc32c(node[32:]) != int.from_bytes(node[:4], "little"):
                raise Unreadable(f"the checksum of the node at {address} is wrong")
            sound.add(address)
        return node

    return type("CheckedBtrfs", (base,), {"_read_node": read_node})


def _fat(content: Content, window: Window) -> FileSystem:
    reader = importlib.import_module("dissect.fat.fat").FATFS(window)
    return FileSystem(content, FatNode("", reader.root), fold=True)


def _ntfs(content: Content, window: Window) -> FileSystem:
    reader = importlib.import_module("dissect.ntfs").NTFS(window)
    return FileSystem(content, NtfsNode("", lambda: reader.mft.root), fold=True)


_OPEN = {"ext2": _ext, "ext3": _ext, "ext4": _ext, "xfs": _xfs, "btrfs": _btrfs, "vfat": _fat, "ntfs": _ntfs}


def open_filesystem(content: Content, window: Window) -> FileSystem:
    """Open a file system.

    :raises Unreadable: there is no reader for it, or it is damaged.
    """
    opener = _OPEN.get(content.type)
    if opener is None:
        raise Unreadable(f"{content.type or content.kind} is not read")
    if content.damage:
        raise Unreadable(f"The {content.type} file system is damaged: {'; '.join(content.damage)}")
    return guarded(f"The {content.type} file system", lambda: opener(content, window))
