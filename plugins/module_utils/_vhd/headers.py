# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk file's own header says of other files, encryption and completeness, before any program opens it.

Only what decides whether, and with which other files, a reader may be started; reading the disk is the reader's.
Layouts: qcow2, docs/interop/qcow2.rst of QEMU; VMDK, "Virtual Disk Format 5.0" (VMware); VDI, VBox/VDICore.h of
VirtualBox; VHDX, [MS-VHDX] 2.0.
"""

from __future__ import annotations

import os
import re
import struct
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_QCOW2 = struct.Struct(">4sIQIIQIIQQIIQ")
_QCOW2_BACKING_FORMAT = 0xE279_2ACA
_QCOW2_UNREADABLE = {
    2: ("is marked as corrupt by what wrote it", "Repair a copy of it with qemu-img check -r all."),
    4: ("keeps its data in another file", "Flatten it with qemu-img convert, if you trust where it comes from."),
}
_VMDK_SPARSE = struct.Struct("<4sIIQQQQIQQQ")
_VMDK_TEXT = 64 << 10  # descriptors of disks with hundreds of extents are smaller
_EXTENT = re.compile(r'^(?:RW|RDONLY|NOACCESS)\s+(\d+)\s+([A-Z]+)(?:\s+"([^"]*)"(?:\s+(\d+))?)?\s*$', re.MULTILINE)
_NO_PARENT = "ffffffff"
_VDI = struct.Struct("<IIIII256sIIIIIIIQIIII")
_VHDX_METADATA = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
_VHDX_FILE_PARAMETERS = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
_VHDX_REGIONS = 192 << 10
_SECTOR = 512


@dataclass(frozen=True)
class Piece:
    """A part of a VMDK: ``kind`` is ``FLAT``, ``ZERO``, ``SPARSE`` …; sizes in bytes."""

    kind: str
    length: int
    name: str = ""
    offset: int = 0


@dataclass(frozen=True)
class Anatomy:
    """What a header says.

    ``problem`` is why the file cannot be read at all, as the rest of a sentence that begins with its name; then
    ``remedy`` says what to do. ``parent`` is the name of the file this one builds on, ``parent_format`` a name from
    ``formats`` if the header states it; ``content_id`` and ``parent_content_id`` tell whether they belong together.
    """

    parent: str | None = None
    parent_format: str | None = None
    problem: str | None = None
    remedy: str = "It is damaged or cut off; copy it again."
    pieces: tuple[Piece, ...] = field(default=())
    content_id: str | None = None
    parent_content_id: str | None = None


def anatomy(fd: int, start: int, size: int, format: str) -> Anatomy:  # noqa: A002
    """Look at the header of a file of a known format.

    :param start: where in ``fd`` the file begins, ``size`` bytes long.
    """

    def read(offset: int, length: int) -> bytes:
        inside = max(0, min(length, size - offset))
        return os.pread(fd, inside, start + offset) if offset >= 0 and inside else b""

    look = _LOOKS.get(format)
    try:
        return look(read, size) if look is not None else Anatomy()
    except (struct.error, UnicodeDecodeError):
        return Anatomy(problem="ends within its header")


def _qcow2(read: Callable[[int, int], bytes], _size: int) -> Anatomy:
    head = read(0, 104).ljust(104, b"\0")
    _magic, version, name_at, name_length, _bits, _virtual, encryption, *_rest = _QCOW2.unpack_from(head)
    if version not in (2, 3):
        return Anatomy(problem=f"has the unknown qcow2 version {version}")
    if encryption:
        return _encrypted({1: "AES", 2: "LUKS"}.get(encryption, f"method {encryption}"))
    incompatible, header_length = (0, 72) if version == 2 else struct.unpack_from(">Q20xI", head, 72)
    for bit, (problem, remedy) in _QCOW2_UNREADABLE.items():
        if incompatible & bit:
            return Anatomy(problem=problem, remedy=remedy)
    if not name_at:
        return Anatomy()
    if not 0 < name_length < 1024:
        return Anatomy(problem=f"names a backing file with {name_length} characters")
    stated = next((data for kind, data in _extensions(read, header_length) if kind == _QCOW2_BACKING_FORMAT), None)
    return Anatomy(parent=read(name_at, name_length).decode(), parent_format=_by_driver(stated))


def _extensions(read: Callable[[int, int], bytes], at: int) -> Iterator[tuple[int, bytes]]:
    for _ignored in range(100):
        kind, length = struct.unpack(">II", read(at, 8))
        if kind == 0 or length > _VMDK_TEXT:
            return
        yield kind, read(at + 8, length)
        at += 8 + -(-length // 8) * 8


def _by_driver(name: bytes | None) -> str | None:
    text = name.decode("ascii", "replace") if name else None
    return {"vpc": formats.DYNAMIC_VHD}.get(text, text) if text else None


def _vmdk(read: Callable[[int, int], bytes], size: int) -> Anatomy:
    head = read(0, _VMDK_SPARSE.size)
    if head.startswith(b"# Disk"):
        return _descriptor(read(0, _VMDK_TEXT), alone=True)
    if not head.startswith(b"KDMV"):  # COWD: an older one, without a descriptor in it
        return Anatomy()
    _magic, _version, _flags, _capacity, _grain, text_at, text_size, *_rest = _VMDK_SPARSE.unpack(head)
    if not text_at:
        return Anatomy(problem="is one part of a VMDK", remedy="Give the descriptor, the small .vmdk file beside it.")
    if text_at * _SECTOR >= size:
        return Anatomy(problem="ends before its descriptor")
    return _descriptor(read(text_at * _SECTOR, min(text_size * _SECTOR, _VMDK_TEXT)), alone=False)


def _descriptor(data: bytes, *, alone: bool) -> Anatomy:
    text = data.split(b"\0")[0].decode("utf-8", "replace").replace("\r\n", "\n")
    keys = {
        key.strip().lower(): value.strip().strip('"')
        for key, separator, value in (line.partition("=") for line in text.split("\n"))
        if separator
    }
    if any(key.startswith("encryption.") for key in keys):
        return _encrypted("VMware")
    pieces = tuple(
        Piece(found[2], int(found[1]) * _SECTOR, found[3] or "", int(found[4] or 0) * _SECTOR)
        for found in _EXTENT.finditer(text)
    )
    if alone and not pieces:
        return Anatomy(problem="is a VMDK descriptor without any extent")
    parent_id = keys.get("parentcid", _NO_PARENT).lower()
    parent = keys.get("parentfilenamehint", "") if parent_id != _NO_PARENT else None
    return Anatomy(
        parent=parent,
        parent_format=formats.VMDK if parent is not None else None,
        pieces=pieces if alone else (),
        content_id=keys.get("cid", "").lower(),
        parent_content_id=parent_id if parent is not None else None,
    )


def _vdi(read: Callable[[int, int], bytes], size: int) -> Anatomy:
    fields = _VDI.unpack(read(64, _VDI.size))
    kind, data_at, block, allocated = fields[3], fields[7], fields[14], fields[17]
    if kind not in (1, 2):
        remedy = "Merge it with its parent in VirtualBox (clonemedium)."
        return Anatomy(problem=f"is a VDI that builds on another one (type {kind})", remedy=remedy)
    needed = data_at + allocated * block
    if needed > size:
        return Anatomy(problem=f"is cut off: it has {size} of at least {needed} bytes")
    return Anatomy()


def _vhdx(read: Callable[[int, int], bytes], _size: int) -> Anatomy:
    """Only whether it builds on another file; qemu refuses that with less clear words, and checks everything else."""
    table = read(_VHDX_REGIONS, 64 << 10)
    regions = (table[at : at + 32] for at in range(16, len(table) - 31, 32)) if table.startswith(b"regi") else iter(())
    at = next((int.from_bytes(entry[16:24], "little") for entry in regions if entry[:16] == _VHDX_METADATA), None)
    items = read(at, 64 << 10) if at is not None else b""
    for entry in (items[at : at + 32] for at in range(32, len(items) - 31, 32)):
        if entry[:16] == _VHDX_FILE_PARAMETERS and at is not None:
            place = at + int.from_bytes(entry[16:20], "little")
            if int.from_bytes(read(place + 4, 4), "little") & 2:
                remedy = "Merge it with its parent (Merge-VHD), or convert it (Convert-VHD)."
                return Anatomy(problem="is a differencing VHDX, which builds on another file", remedy=remedy)
    return Anatomy()


def _encrypted(how: str) -> Anatomy:
    return Anatomy(problem=f"is encrypted ({how})", remedy="Decrypt it first, for example with qemu-img convert.")


_LOOKS = {formats.QCOW2: _qcow2, formats.VMDK: _vmdk, formats.VDI: _vdi, formats.VHDX: _vhdx}
