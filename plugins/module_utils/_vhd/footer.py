# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The footer of a VHD file: 512 bytes, big-endian, the last sector of the file.

Layout: Microsoft's "Virtual Hard Disk Image Format Specification" 1.0. A fixed VHD is the raw disk followed by
this footer; dynamic and differencing files also begin with a copy of it. Azure takes the size from
``current_size``; the cylinder/head/sector geometry is filled in for old readers and never believed.
"""

from __future__ import annotations

import struct
import time
import uuid
from dataclasses import dataclass
from enum import IntEnum

FOOTER_SIZE = 512
COOKIE = b"conectix"
NO_NEXT_STRUCTURE = 0xFFFF_FFFF_FFFF_FFFF
EPOCH = 946_684_800  # 2000-01-01T00:00:00Z as Unix time
SECTOR = 512

_FIELDS = struct.Struct(">8sIIQI4sI4sQQHBBII16sB427s")
_CHECKSUM_AT = 64
_VERSION = 0x0001_0000
_NO_ID = uuid.UUID(int=0)
_FEATURES = 2  # bit 1 is reserved and always set


class DiskType(IntEnum):
    """The kinds of VHD in use; the numbers are the file's."""

    FIXED = 2
    DYNAMIC = 3
    DIFFERENCING = 4


@dataclass(frozen=True)
class Geometry:
    """Cylinders, heads and sectors per track."""

    cylinders: int
    heads: int
    sectors: int

    @classmethod
    def of(cls, size: int) -> Geometry:
        """Return the geometry that the VHD specification prescribes for a disk of ``size`` bytes."""
        total = min(size // SECTOR, 65535 * 16 * 255)
        if total >= 65535 * 16 * 63:
            return cls(total // 255 // 16, 16, 255)
        tracks = total // 17
        heads = max(4, (tracks + 1023) // 1024)
        sectors = 17
        if tracks >= heads * 1024 or heads > 16:
            sectors, heads = 31, 16
            tracks = total // sectors
        if tracks >= heads * 1024:
            sectors, heads = 63, 16
            tracks = total // sectors
        return cls(tracks // heads, heads, sectors)

    @property
    def size(self) -> int:
        return self.cylinders * self.heads * self.sectors * SECTOR


LARGEST = Geometry(65535, 16, 255)


@dataclass(frozen=True)
class Footer:
    """One footer. Sizes are bytes, ``timestamp`` counts seconds since 2000-01-01 UTC."""

    current_size: int
    original_size: int
    geometry: Geometry
    disk_type: int = DiskType.FIXED
    timestamp: int = 0
    creator_application: bytes = b"gdim"
    creator_version: int = _VERSION
    creator_host: bytes = b"Wi2k"
    unique_id: uuid.UUID = _NO_ID
    next_structure: int = NO_NEXT_STRUCTURE
    features: int = _FEATURES
    version: int = _VERSION
    saved_state: int = 0
    cookie: bytes = COOKIE
    stored_checksum: int | None = None
    computed_checksum: int | None = None

    @classmethod
    def fixed(cls, size: int, *, timestamp: int | None = None, unique_id: uuid.UUID | None = None) -> Footer:
        """Return the footer of a new fixed VHD whose disk has ``size`` bytes.

        Some readers (qemu) believe the geometry. Where it does not give the exact size, the largest one stands there,
        which tells them to take ``current_size``.
        """
        geometry = Geometry.of(size)
        return cls(
            current_size=size,
            original_size=size,
            geometry=geometry if geometry.size == size else LARGEST,
            timestamp=int(time.time()) - EPOCH if timestamp is None else timestamp,
            unique_id=unique_id or uuid.uuid4(),
        )

    @classmethod
    def parse(cls, data: bytes) -> Footer | None:
        """Return what 512 bytes say, or ``None`` when they do not begin with the cookie. Nothing is judged here."""
        if len(data) != FOOTER_SIZE or not data.startswith(COOKIE):
            return None
        (
            cookie, features, version, next_structure, timestamp, application, creator_version, host, original,
            current, cylinders, heads, sectors, disk_type, stored, unique_id, saved_state, _reserved,
        ) = _FIELDS.unpack(data)  # fmt: skip
        return cls(
            current_size=current,
            original_size=original,
            geometry=Geometry(cylinders, heads, sectors),
            disk_type=disk_type,
            timestamp=timestamp,
            creator_application=application,
            creator_version=creator_version,
            creator_host=host,
            unique_id=uuid.UUID(bytes=unique_id),
            next_structure=next_structure,
            features=features,
            version=version,
            saved_state=saved_state,
            cookie=cookie,
            stored_checksum=stored,
            computed_checksum=checksum(data),
        )

    def pack(self) -> bytes:
        """Return the 512 bytes with a correct checksum."""
        blank = _FIELDS.pack(
            self.cookie, self.features, self.version, self.next_structure, self.timestamp, self.creator_application,
            self.creator_version, self.creator_host, self.original_size, self.current_size, self.geometry.cylinders,
            self.geometry.heads, self.geometry.sectors, self.disk_type, 0, self.unique_id.bytes, self.saved_state,
            bytes(427),
        )  # fmt: skip
        return blank[:_CHECKSUM_AT] + struct.pack(">I", checksum(blank)) + blank[_CHECKSUM_AT + 4 :]

    @property
    def checksum_ok(self) -> bool:
        """Whether a parsed footer carries the checksum of its own bytes."""
        return self.stored_checksum == self.computed_checksum

    @property
    def kind(self) -> str:
        """``fixed``, ``dynamic``, ``differencing`` or ``unknown (N)``."""
        try:
            return DiskType(self.disk_type).name.lower()
        except ValueError:
            return f"unknown ({self.disk_type})"


def checksum(data: bytes, at: int = _CHECKSUM_AT) -> int:
    """Return the one's complement of the sum of all bytes, the four at ``at`` taken as zero."""
    return ~(sum(data) - sum(data[at : at + 4])) & 0xFFFF_FFFF
