# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes of a disk: partitions, the whole disk when it has none, and LVM's logical volumes in them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import contents
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.filesystems import guarded, open_filesystem
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Disk, Window
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import SECTOR

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.filesystems import FileSystem
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import Partition, PartitionTable

_MOST_VOLUMES = 64
_WITHOUT_FILES = ("BIOS boot", "Microsoft reserved")
_GPT_TYPES = {
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft basic data",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux file system",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
    "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
    "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
    "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (arm64)",
    "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux extended boot",
}
_MBR_TYPES = {"0x07": "NTFS or exFAT", "0x82": "Linux swap", "0x83": "Linux", "0x8e": "Linux LVM", "0xef": "EFI system",
              "0x0b": "FAT32", "0x0c": "FAT32", "0x27": "Windows recovery", "0x05": "extended", "0x0f": "extended"}  # fmt: skip


@dataclass
class Volume:
    """A partition, a disk without partitions, or a logical volume.

    :ivar number: of the partition.
    :ivar names: how an fstab or a kernel may call it.
    :ivar trouble: why its files cannot be read.
    :ivar shown: what the result says of it.
    """

    content: contents.Content
    number: int | None = None
    names: set[str] = field(default_factory=set)
    filesystem: FileSystem | None = None
    trouble: str = ""
    shown: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.shown.get("volume") or (f"partition {self.number}" if self.number else "the disk")


def volumes(disk: Disk, table: PartitionTable) -> list[Volume]:
    """Identify and open everything on a disk."""
    if table.scheme == "none":
        return _with_logical(Window(disk), {"offset": 0, "size": disk.size})
    found: list[Volume] = []
    for partition in table.partitions[:_MOST_VOLUMES]:
        shown = {
            "number": partition.number,
            "type": partition.type,
            "type_name": (_GPT_TYPES if table.scheme == "gpt" else _MBR_TYPES).get(partition.type.lower(), ""),
            "name": printable(partition.name),
            "active": partition.active,
            "offset": partition.offset,
            "size": partition.length,
        }
        found += _with_logical(Window(disk, partition.offset, partition.length), shown, partition)
    if len(table.partitions) > _MOST_VOLUMES:
        found.append(_left_out(f"{len(table.partitions)} partitions"))
    return found


def _with_logical(window: Window, shown: dict[str, Any], partition: Partition | None = None) -> list[Volume]:
    """What is in a part of the disk, and the logical volumes in it."""
    volume = _volume(contents.identify(window), window, shown, partition)
    return [volume, *(_logical(volume, window) if volume.content.kind == contents.LVM else [])]


def _left_out(what: str) -> Volume:
    """Stands for the volumes beyond those that are looked into."""
    trouble = f"There are {what}; only the first {_MOST_VOLUMES} were looked into"
    content = contents.Content(contents.UNKNOWN)
    return Volume(content, trouble=trouble, shown={"content": content.kind, "filesystem": "", "problems": [trouble]})


def _volume(
    content: contents.Content, window: Any, shown: dict[str, Any], partition: Partition | None = None
) -> Volume:
    names = {f"UUID={content.uuid}", f"LABEL={content.label}", f"PARTLABEL={partition.name if partition else ''}"}
    number = partition.number if partition else None
    volume = Volume(content, number, {name for name in names if name[-1] != "="}, shown=shown)
    volume.names |= {f"/dev/disk/by-{name.split('=', 1)[0].lower()}/{name.split('=', 1)[1]}" for name in volume.names}
    if content.kind == contents.FILESYSTEM:
        try:
            volume.filesystem = open_filesystem(content, window)
        except Unreadable as error:
            volume.trouble = f"{volume.label}: {error}"
    elif content.kind == contents.ENCRYPTED:
        volume.trouble = f"{volume.label} is encrypted ({content.type})"
    elif content.kind == contents.RAID:
        volume.trouble = f"{volume.label} is part of a RAID"
    elif content.kind == contents.UNKNOWN and shown.get("type_name") not in _WITHOUT_FILES:
        volume.trouble = f"{volume.label} holds something unknown"
    shown |= {
        "content": content.kind,
        "filesystem": content.type,
        "label": printable(content.label),
        "uuid": printable(content.uuid),
        "clean": content.clean,
        "problems": [printable(text) for text in ([volume.trouble] if volume.trouble else content.damage)],
        **content.details,
    }
    return volume


def _logical(physical: Volume, window: Window) -> list[Volume]:
    try:
        return guarded("LVM", lambda: _read_lvm(window))
    except Unreadable as error:
        physical.trouble = str(error)
        physical.shown["problems"] = [printable(error)]
        return []


def _read_lvm(window: Window) -> list[Volume]:
    group = importlib.import_module("dissect.volume.lvm").LVM2(window).vg
    found = []
    visible = [each for each in group.lv if each.is_visible]
    for logical in visible[:_MOST_VOLUMES]:
        extents = sum(segment.extent_count for segment in logical.segments)
        stream = _Opened(logical.open(), extents * group.extent_size * SECTOR)
        name = f"{group.name}/{logical.name}"
        volume = _volume(contents.identify(stream), stream, {"volume": printable(name), "size": stream.length})  # type: ignore[arg-type]
        dashed = "-".join(part.replace("-", "--") for part in (str(group.name), str(logical.name)))
        volume.names |= {f"/dev/{name}", f"/dev/mapper/{dashed}"}
        found.append(volume)
    if len(visible) > _MOST_VOLUMES:
        found.append(_left_out(f"{len(visible)} logical volumes in {printable(group.name)}"))
    return found


class _Opened:
    """A logical volume with the methods of a ``Window``."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self.length = self.size = length

    def at(self, offset: int, length: int) -> bytes:
        self._stream.seek(offset)
        return bytes(self._stream.read(max(0, min(length, self.length - offset))))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
