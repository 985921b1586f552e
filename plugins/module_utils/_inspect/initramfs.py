# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel modules inside an initramfs: one or more cpio archives, the last of them compressed.

Format: kernel documentation, driver-api/early-userspace/buffer-format. Only names are read, never more than
``_MOST`` bytes are unpacked.
"""

from __future__ import annotations

import bz2
import importlib
import io
import lzma
import re
import zlib
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_PACKED = 256 << 20
_MOST = 768 << 20
_MAGIC = (b"070701", b"070702")
_MODULE = re.compile(rb"/([^/]+)\.ko(?:\.\w+)?$")
_PIECE = 1 << 20


def modules(image: bytes) -> set[str]:
    """Return the names of the modules, with underscores.

    :raises Unreadable: damaged, or packed in a way that cannot be unpacked here.
    """
    found: set[str] = set()
    stream = _Stream(io.BytesIO(image).read)
    while True:
        head = stream.peek(6)
        while head[:4] == b"\0\0\0\0":  # padding between archives
            stream.take(4)
            head = stream.peek(6)
        if not head:
            return found
        if head not in _MAGIC:
            break
        _archive(stream, found)
    packed = _Stream(_unpacker(stream.peek(8), stream))
    if packed.peek(6) not in _MAGIC:
        raise Unreadable("the initramfs holds no cpio archive")
    _archive(packed, found)
    return found


def _archive(stream: _Stream, found: set[str]) -> None:
    """Read one archive up to its trailer."""
    while True:
        head = stream.take(110)
        if head[:6] not in _MAGIC:
            raise Unreadable("the initramfs is damaged")
        fields = [int(head[at : at + 8], 16) for at in range(6, 110, 8)]
        size, name_size = fields[6], fields[11]
        if name_size > 4096 or size > _MOST:
            raise Unreadable("the initramfs is damaged")
        name = stream.take(name_size + -(110 + name_size) % 4)[: name_size - 1]
        stream.skip(size + -size % 4)
        if name == b"TRAILER!!!":
            return
        module = _MODULE.search(name)
        if module:
            found.add(module[1].decode("ascii", "replace").replace("-", "_"))


class _Stream:
    """Bytes in order, from a function that returns some of them, at most so many."""

    def __init__(self, more: Callable[[int], bytes]) -> None:
        self._more = more
        self._kept = b""
        self._total = 0

    def peek(self, length: int) -> bytes:
        while len(self._kept) < length:
            piece = self._more(_PIECE)
            if not piece:
                break
            self._total += len(piece)
            if self._total > _MOST:
                raise Unreadable("the initramfs is too large when unpacked")
            self._kept += piece
        return self._kept[:length]

    def take(self, length: int) -> bytes:
        piece = self.peek(length)
        if len(piece) < length:
            raise Unreadable("the initramfs is cut off")
        self._kept = self._kept[length:]
        return piece

    def skip(self, length: int) -> None:
        while length:
            step = min(length, _PIECE)
            self.take(step)
            length -= step

    def some(self, length: int) -> bytes:
        piece = self.peek(min(length, 1)) and self._kept[:length]
        self._kept = self._kept[len(piece) :]
        return piece


def _unpacker(magic: bytes, stream: _Stream) -> Callable[[int], bytes]:
    """Return a function that gives unpacked bytes."""
    unpack: Any
    if magic[:2] == b"\x1f\x8b":
        unpack = zlib.decompressobj(31)
    elif magic[:6] == b"\xfd7zXZ\0" or magic[:3] == b"\x5d\0\0":
        unpack = lzma.LZMADecompressor()
    elif magic[:3] == b"BZh":
        unpack = bz2.BZ2Decompressor()
    elif magic[:4] == b"\x28\xb5\x2f\xfd":
        try:
            unpack = importlib.import_module("zstandard").ZstdDecompressor().decompressobj()
        except ImportError as error:
            raise Unreadable("the initramfs is packed with zstd; install the Python package zstandard") from error
    else:
        raise Unreadable("the initramfs is packed in an unknown way")

    def more(_length: int) -> bytes:
        while piece := stream.some(256 << 10):
            if out := bytes(unpack.decompress(piece)):
                return out
            if getattr(unpack, "eof", False):
                break
        return b""

    return more
