# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The footer of a fixed VHD, by its published format and independent of the code under test."""

from __future__ import annotations

import struct
import uuid

FOOTER = 512  # bytes
_LAYOUT = ">8sIIQI4sI4sQQHBBII16s"


def footer(size: int) -> bytes:
    """For a disk of ``size`` bytes; its creation time and geometry mean nothing to Azure."""
    cylinders, heads, sectors = min(size // 512 // (16 * 63), 65535), 16, 63
    values = [
        *(b"conectix", 2, 0x10000, 0xFFFFFFFFFFFFFFFF, 0, b"peer", 0x10000, b"Wi2k", size, size),
        *(cylinders, heads, sectors, 2),
    ]
    unique = uuid.uuid4().bytes
    head = struct.pack(_LAYOUT, *values, 0, unique)
    checksum = ~sum(head) & 0xFFFFFFFF
    return struct.pack(_LAYOUT, *values, checksum, unique).ljust(FOOTER, b"\0")
