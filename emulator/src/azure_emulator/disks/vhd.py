# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The footer that makes raw disk bytes a fixed VHD: 512 bytes, big-endian, at the very end.

Layout and checksum follow the Virtual Hard Disk Image Format Specification. An upload to a managed disk carries
the footer, an export ends with one, and the disk in between has none.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

FOOTER_SIZE = 512
FIXED = 2

_LAYOUT = struct.Struct(">8s2IQI4sI4s2QI2I16sB427x")
_CHECKSUM_OFFSET = 64
_EPOCH_2000 = 946684800


def _checksum(footer: bytes) -> int:
    return ~(sum(footer) - sum(footer[_CHECKSUM_OFFSET : _CHECKSUM_OFFSET + 4])) & 0xFFFFFFFF


def _geometry(size: int) -> int:
    """Cylinders, heads and sectors packed as the footer wants them; nobody but old BIOS code reads them."""
    sectors = min(size // 512, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        per_track, heads = 255, 16
    else:
        per_track = 17
        heads = max(4, -(-(sectors // per_track) // 1024))
        if sectors // per_track >= heads * 1024 or heads > 16:
            per_track, heads = 31, 16
        if sectors // per_track >= heads * 1024:
            per_track, heads = 63, 16
    return (sectors // per_track // heads) << 16 | heads << 8 | per_track


def make_footer(size: int, identity: uuid.UUID, created: int = _EPOCH_2000) -> bytes:
    """The footer of a fixed VHD with `size` bytes of data; `created` is seconds since 1970."""
    fields = (
        b"conectix",
        2,  # the reserved bit, always set
        0x00010000,
        0xFFFFFFFFFFFFFFFF,  # no next structure
        max(0, created - _EPOCH_2000),
        b"win ",
        0x000A0000,
        b"Wi2k",
        size,
        size,
        _geometry(size),
        FIXED,
    )
    blank = _LAYOUT.pack(*fields, 0, identity.bytes, 0)
    return _LAYOUT.pack(*fields, _checksum(blank), identity.bytes, 0)


def footer_problem(footer: bytes, size: int) -> str | None:
    """What is wrong with the footer of a fixed VHD whose data are `size` bytes long, or None."""
    if len(footer) != FOOTER_SIZE or not footer.startswith(b"conectix"):
        return "the last 512 bytes are not a VHD footer"
    values = _LAYOUT.unpack(footer)
    current_size, kind, checksum = values[9], values[11], values[12]
    if checksum != _checksum(footer):
        return "the checksum of the VHD footer is wrong"
    if kind != FIXED:
        return f"the VHD is of type {kind}, only fixed VHDs (type {FIXED}) can be used"
    if current_size != size:
        return f"the VHD footer states a size of {current_size} bytes, the disk has {size}"
    return None
