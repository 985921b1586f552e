# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of Windows registry hives, over dissect's reader."""

from __future__ import annotations

import importlib
import io
import struct
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.filesystems import guarded

MOST = 512 << 20
_BLOCK = 512


class Hive:
    """A hive in memory.

    :ivar dirty: it was not written to its end; Windows would complete it from its logs, which are not read here.
    :raises Unreadable: it is damaged.
    """

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        head = content[:_BLOCK]
        if len(head) < _BLOCK or head[:4] != b"regf":
            raise Unreadable(f"{name} is no registry hive" if head else f"The hive {name} is empty or not there")
        if _checksum(head) != struct.unpack_from("<I", head, 508)[0]:
            raise Unreadable(f"{name} is damaged: the checksum of its head is wrong")
        length = struct.unpack_from("<I", head, 40)[0]
        if length + 4096 > len(content):
            raise Unreadable(f"{name} is cut off")
        first, second = struct.unpack_from("<II", head, 4)
        self.dirty = first != second
        self._hive, self._absent = guarded(name, lambda: _opened(content))

    def key(self, path: str) -> Any | None:
        """Return a key by its path with backslashes; ``None`` when there is none."""

        def find() -> Any | None:
            try:
                return self._hive.open(path)
            except self._absent:
                return None

        return guarded(f"{self.name}\\{path}", find)

    def value(self, path: str, name: str) -> Any | None:
        """Return a value (int, str, list of str, bytes); ``None`` when there is none."""
        key = self.key(path)
        if key is None:
            return None

        def find() -> Any | None:
            try:
                return key.value(name).value
            except self._absent:
                return None

        return guarded(f"{self.name}\\{path}\\{name}", find)

    def text(self, path: str, name: str) -> str:
        value = self.value(path, name)
        return "" if value is None else str(value).rstrip("\0")

    def number(self, path: str, name: str) -> int | None:
        value = self.value(path, name)
        return value if isinstance(value, int) else None

    def subkeys(self, path: str) -> list[str]:
        """Return the names of the keys right below one."""
        key = self.key(path)
        return (
            [] if key is None else guarded(f"{self.name}\\{path}", lambda: [str(each.name) for each in key.subkeys()])
        )


def _opened(content: bytes) -> tuple[Any, Any]:
    """The reader of a hive, and the error that says that something is not in it."""
    reader = importlib.import_module("dissect.regf").RegistryHive(io.BytesIO(content))
    return reader, importlib.import_module("dissect.regf.exceptions").Error


def _checksum(head: bytes) -> int:
    """XOR of the first 127 words; 0 and -1 are stored as 1 and -2."""
    value = 0
    for word in struct.unpack_from("<127I", head):
        value ^= word
    return {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(value, value)
