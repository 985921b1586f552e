# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy on the loopback interface that lets little through, as a slow line to Azure would."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

CHUNK = 64 * 1024


class SlowProxy:
    """Answers ``CONNECT`` and takes at most ``rate`` bytes a second from all clients together.

    ``environment`` makes clients use it. ``sent`` is what went towards the servers so far, in bytes.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.sent = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    @property
    def environment(self) -> dict[str, str]:
        port = self._listener.getsockname()[1]
        none = {"NO_PROXY": "", "no_proxy": ""}
        return {"HTTPS_PROXY": f"http://127.0.0.1:{port}", "https_proxy": f"http://127.0.0.1:{port}", **none}

    def __enter__(self) -> SlowProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(CHUNK)
                if not more:
                    return
                head += more
            host, _colon, port = head.split()[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
                self._copy(client, server, slowly=True)

    def _copy(self, source: socket.socket, target: socket.socket, *, slowly: bool = False) -> None:
        with contextlib.suppress(OSError):  # either side may go at any time
            while data := source.recv(CHUNK):
                if slowly:
                    time.sleep(self._wait_for(len(data)))
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _wait_for(self, size: int) -> float:
        """How long these bytes have to wait for their turn."""
        with self._lock:
            now = time.monotonic()
            self.sent += size
            self._free_at = max(now, self._free_at) + size / self.rate
            return self._free_at - now
