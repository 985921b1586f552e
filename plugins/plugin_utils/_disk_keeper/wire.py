# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Length-prefixed JSON over a Unix socket, with file descriptors."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("=I")
MAX_FDS = 3


def send(channel: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send one message; the descriptors travel with its first bytes."""
    body = json.dumps(message).encode()
    head = _LENGTH.pack(len(body))
    if fds:
        socket.send_fds(channel, [head], list(fds))
    else:
        channel.sendall(head)
    channel.sendall(body)


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Receive one message and its descriptors; None when the other side has hung up."""
    head, fds, _flags, _address = socket.recv_fds(channel, _LENGTH.size, MAX_FDS)
    if not head:
        return None, fds
    head += _exactly(channel, _LENGTH.size - len(head))
    body = _exactly(channel, _LENGTH.unpack(head)[0])
    message: dict[str, Any] = json.loads(body)
    return message, fds


def _exactly(channel: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = channel.recv(count - len(parts))
        if not part:
            raise ConnectionResetError("the other side hung up in the middle of a message")
        parts += part
    return bytes(parts)
