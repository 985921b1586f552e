# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the child asks its parent for bytes of the disk and sends what it found.

Child to parent: a head (``R`` read, ``J`` JSON; offset; length), JSON follows its head. Parent to child: for every
read the length and the bytes. The parent's first message is the job, as JSON with its length before it.
"""

from __future__ import annotations

import json
import struct
from typing import IO, Any

HEAD = struct.Struct(">cQI")
LENGTH = struct.Struct(">I")
READ, FOUND = b"R", b"J"
MAX_READ = 4 << 20
MAX_JSON = 8 << 20


def exactly(stream: IO[bytes], length: int) -> bytes:
    """Read ``length`` bytes.

    :raises EOFError: the other side ended before.
    """
    parts = []
    while length:
        part = stream.read(length)
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def send_block(stream: IO[bytes], content: bytes) -> None:
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


def receive_block(stream: IO[bytes]) -> bytes:
    return exactly(stream, LENGTH.unpack(exactly(stream, LENGTH.size))[0])


def send_found(stream: IO[bytes], found: dict[str, Any]) -> None:
    content = json.dumps(found).encode()
    stream.write(HEAD.pack(FOUND, 0, len(content)) + content)
    stream.flush()


def ask(stream: IO[bytes], offset: int, length: int) -> None:
    stream.write(HEAD.pack(READ, offset, length))
    stream.flush()
