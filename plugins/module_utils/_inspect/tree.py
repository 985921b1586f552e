# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tree of files from several file systems, as the system on the disk sees it; links are followed inside it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.filesystems import DIRECTORY, FILE, LINK, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.filesystems import FileSystem

_MOST_LINKS = 40
_MOST_WALKED = 20_000
MOST_READ = 1 << 20


class Tree:
    """Paths are absolute, with slashes. What lies on a file system that is mounted there and cannot be read is
    ``Unreadable``; what is not there is ``None`` or empty."""

    def __init__(self, root: FileSystem) -> None:
        self._root = root
        self._mounts: dict[str, FileSystem | str] = {}

    def mount(self, path: str, what: FileSystem | str) -> None:
        """Put a file system at a path, or the reason why it cannot be read."""
        self._mounts[path.rstrip("/")] = what

    def node(self, path: str, *, follow: bool = True) -> Node | None:
        """Return what is at a path.

        :param follow: a link at the end is followed.
        """
        links = 0
        todo = [part for part in path.split("/") if part]
        done: list[str] = []
        trail: list[tuple[Node, bool]] = [(self._root.root, self._root.fold)]
        while todo:
            part = todo.pop(0)
            if part == ".":
                continue
            if part == "..":
                if done:
                    done.pop()
                    trail.pop()
                continue
            found = self._step(trail[-1], done, part)
            if found is None:
                return None
            if found[0].kind == LINK and (todo or follow):
                links += 1
                if links > _MOST_LINKS:
                    raise Unreadable(f"{path} leads through more than {_MOST_LINKS} links")
                target = found[0].target()
                if target.startswith("/"):
                    del done[:], trail[1:]
                todo = [each for each in target.split("/") if each] + todo
                continue
            done.append(part)
            trail.append(found)
        return trail[-1][0]

    def _step(self, at: tuple[Node, bool], done: list[str], part: str) -> tuple[Node, bool] | None:
        mounted = self._mounts.get("/" + "/".join([*done, part]))
        if isinstance(mounted, str):
            raise Unreadable(mounted)
        if mounted is not None:
            return mounted.root, mounted.fold
        folder, fold = at
        if folder.kind != DIRECTORY:
            return None
        children = folder.children()
        found = children.get(part)
        if found is None and fold:
            wanted = part.casefold()
            found = next((node for name, node in children.items() if name.casefold() == wanted), None)
        return None if found is None else (found, fold)

    def exists(self, path: str, *, follow: bool = True) -> bool:
        return self.node(path, follow=follow) is not None

    def is_link(self, path: str) -> bool:
        node = self.node(path, follow=False)
        return node is not None and node.kind == LINK

    def is_file(self, path: str) -> bool:
        node = self.node(path)
        return node is not None and node.kind == FILE

    def link(self, path: str) -> str | None:
        """Return the target of a link; ``None`` when it is none."""
        node = self.node(path, follow=False)
        return node.target() if node is not None and node.kind == LINK else None

    def size(self, path: str) -> int:
        node = self.node(path)
        return 0 if node is None or node.kind != FILE else node.size

    def data(self, path: str, most: int = MOST_READ) -> bytes | None:
        """Return the first bytes of a file; ``None`` when there is no such file."""
        node = self.node(path)
        return node.read(most) if node is not None and node.kind == FILE else None

    def text(self, path: str, most: int = MOST_READ) -> str:
        """Return a file's text; empty also when there is none."""
        return (self.data(path, most) or b"").decode("utf-8", "replace")

    def names(self, path: str) -> list[str]:
        """Return what is in a folder, sorted; nothing when there is none."""
        node = self.node(path)
        return sorted(node.children()) if node is not None and node.kind == DIRECTORY else []

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match; ``*`` stays inside one name."""
        found = [""]
        for part in (each for each in pattern.split("/") if each):
            if any(char in part for char in "*?["):
                found = [
                    f"{base}/{name}" for base in found for name in self.names(base or "/") if fnmatchcase(name, part)
                ]
            else:
                found = [f"{base}/{part}" for base in found if self.exists(f"{base}/{part}", follow=False)]
        return found

    def files(self, path: str) -> Iterator[tuple[str, int]]:
        """Yield every file below a folder with its size; links are not followed."""
        todo, seen = [path.rstrip("/")], 0
        while todo:
            folder = todo.pop()
            for name in self.names(folder or "/"):
                seen += 1
                if seen > _MOST_WALKED:
                    raise Unreadable(f"{path} has more than {_MOST_WALKED} files")
                node = self.node(f"{folder}/{name}", follow=False)
                if node is not None and node.kind == DIRECTORY:
                    todo.append(f"{folder}/{name}")
                elif node is not None and node.kind == FILE:
                    yield f"{folder}/{name}", node.size
