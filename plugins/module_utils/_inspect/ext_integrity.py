# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether inodes and folders of an ext file system are what its driver wrote.

With the feature *metadata_csum* (the default of mke2fs) by their checksums; without it by what must hold in any case.
Layout and checksums: kernel documentation, filesystems/ext4.
"""

from __future__ import annotations

import stat
import struct
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import crc32c
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Window

_METADATA_CSUM, _CSUM_SEED = 0x400, 0x2000
_INDEXED, _INLINE = 0x1000, 0x10000000
_TAIL = b"\0\0\0\0\x0c\0\0\xde"
_MOST_FOLDER = 8 << 20


class ExtGuard:
    """:param reader: dissect's ``ExtFS``; ``window`` is what it reads."""

    def __init__(self, reader: Any, window: Window) -> None:
        self._reader = reader
        self._window = window
        superblock = window.at(1024, 1024)
        self._sums = bool(struct.unpack_from("<I", superblock, 100)[0] & _METADATA_CSUM)
        stated = struct.unpack_from("<I", superblock, 0x270)[0]
        seeded = struct.unpack_from("<I", superblock, 96)[0] & _CSUM_SEED
        self._seed = stated if seeded else crc32c.raw(superblock[104:120], 0xFFFFFFFF)
        self._groups: set[int] = set()

    def check(self, node: Any) -> None:
        """Look at an inode, and at the blocks of a folder.

        :raises Unreadable: it is not as it was written.
        """
        group, index = divmod(node.inum - 1, self._reader.sb.s_inodes_per_group)
        self._check_group(group)
        descriptor = self._reader._read_group_desc(group)
        table = descriptor.bg_inode_table_lo | getattr(descriptor, "bg_inode_table_hi", 0) << 32
        size = self._reader.sb.s_inode_size
        raw = self._window.at(table * self._reader.block_size + index * size, size)
        mode, links = struct.unpack_from("<H", raw)[0], struct.unpack_from("<H", raw, 26)[0]
        deleted, flags = struct.unpack_from("<I", raw, 20)[0], struct.unpack_from("<I", raw, 32)[0]
        if not links or deleted or stat.S_IFMT(mode) != node.filetype:
            raise Unreadable(f"inode {node.inum} is not what its folder says")
        generation = raw[100:104]
        seed = crc32c.raw(struct.pack("<I", node.inum) + generation, self._seed)
        if self._sums and not _inode_sum(raw, seed):
            raise Unreadable(f"the checksum of inode {node.inum} is wrong")
        if stat.S_ISDIR(mode) and not flags & _INLINE:
            self._check_folder(node, seed, indexed=bool(flags & _INDEXED))

    def _check_group(self, group: int) -> None:
        if not self._sums or group in self._groups:
            return
        size = self._reader._group_desc_size
        raw = self._window.at(self._reader.groups_offset + group * size, size)
        crc = crc32c.raw(struct.pack("<I", group) + raw[:30] + b"\0\0" + raw[32:], self._seed)
        if crc & 0xFFFF != struct.unpack_from("<H", raw, 30)[0]:
            raise Unreadable(f"the checksum of block group {group} is wrong")
        self._groups.add(group)

    def _check_folder(self, node: Any, seed: int, *, indexed: bool) -> None:
        block = self._reader.block_size
        if node.size > _MOST_FOLDER or node.size % block:
            raise Unreadable(f"inode {node.inum} has an impossible size for a folder")
        content = node.open().read(node.size)
        if len(content) != node.size:
            raise Unreadable(f"the folder with inode {node.inum} is cut off")
        for start in range(0, len(content), block):
            piece = content[start : start + block]
            at, entries = 0, []
            while at < block:
                length = struct.unpack_from("<H", piece, at + 4)[0]
                if length < 8 or length % 4 or at + length > block:
                    raise Unreadable(f"the folder with inode {node.inum} is damaged")
                entries.append(at)
                at += length
            # The inner blocks of a large folder's index look like one unused entry and have sums of another form.
            inner = indexed and (start == 0 or len(entries) == 1)
            if self._sums and not inner:
                tail = piece[-12:]
                if tail[:8] != _TAIL or crc32c.raw(piece[:-12], seed) != struct.unpack_from("<I", tail, 8)[0]:
                    raise Unreadable(f"the checksum of the folder with inode {node.inum} is wrong")


def _inode_sum(raw: bytes, seed: int) -> bool:
    """Compare the checksum of an inode; its upper half exists when the inode is large enough."""
    stored = struct.unpack_from("<H", raw, 124)[0]
    wide = len(raw) > 128 and struct.unpack_from("<H", raw, 128)[0] >= 4
    blank = bytearray(raw)
    blank[124:126] = b"\0\0"
    if wide:
        stored |= struct.unpack_from("<H", raw, 130)[0] << 16
        blank[130:132] = b"\0\0"
    return bool(crc32c.raw(bytes(blank), seed) & (0xFFFFFFFF if wide else 0xFFFF) == stored)
