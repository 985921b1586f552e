# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP on a connection: what uvicorn's protocol does, with whole answers in one piece."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

_ENOUGH = 64 << 10


class Gathering(asyncio.Transport):
    """A transport that hands on together what is written in one turn of the event loop.

    uvicorn writes the head and the body of an answer one after the other; each write is a TLS record and a system call.
    """

    def __init__(self, transport: asyncio.Transport, soon: Callable[[Callable[[], None]], object]) -> None:
        super().__init__()
        self._transport = transport
        self._soon = soon
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            self._soon(self._flush)
        self._pieces.append(bytes(data))
        self._size += len(data)
        if self._size >= _ENOUGH:
            # Whoever sends much must notice when the other side does not keep up.
            self._flush()

    def _flush(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces:
            self._transport.write(b"".join(pieces))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._pieces, self._size = [], 0
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type] # httptools, or h11 where that cannot be had
    """Lets the application reach the connection: planned faults reset it."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        gathering = Gathering(transport, self.loop.call_soon)
        self.app_state = {**self.app_state, "transport": gathering}
        super().connection_made(gathering)
