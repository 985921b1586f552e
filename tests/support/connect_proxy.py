# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy on the loopback interface: one that leads elsewhere than it was asked to, or one that lets little through."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

CHUNK = 64 * 1024
_HEAD_LIMIT = 64 * 1024


class ConnectProxy:
    """Answers ``CONNECT HOST:PORT`` with a tunnel.

    :param port: where on this machine every tunnel leads, whatever host was asked for; ``None``: to that host. For
        clients that insist on Azure's public host names: the server at the other end proves with its certificate that
        it may use these names, so that nothing in the client has to be told about it.
    :param rate: how many bytes a second go towards the servers, from all clients together, as on a slow line to Azure;
        ``None``: as many as come.
    :ivar hosts: what was asked for.
    :ivar sent: the bytes that went towards the servers so far.
    """

    def __init__(self, port: int | None = None, *, rate: int | None = None) -> None:
        self.hosts: set[str] = set()
        self.sent = 0
        self._port = port
        self._rate = rate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make clients use the proxy, for every host."""
        url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        return {"HTTPS_PROXY": url, "https_proxy": url, "NO_PROXY": "", "no_proxy": ""}

    def __enter__(self) -> ConnectProxy:
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
        with client, contextlib.suppress(OSError):  # either side may go at any time
            words = self._head(client).split()
            if len(words) < 2 or words[0] != b"CONNECT":
                client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                return
            host, _colon, port = words[1].decode("latin-1").rpartition(":")
            self.hosts.add(host)
            address = (host, int(port)) if self._port is None else ("127.0.0.1", self._port)
            with socket.create_connection(address) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
                self._copy(client, server, counted=True)

    @staticmethod
    def _head(client: socket.socket) -> bytes:
        """The request up to its empty line; empty when the client went away or says too much."""
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(CHUNK)
            if not more or len(head) > _HEAD_LIMIT:
                return b""
            head += more
        return head

    def _copy(self, source: socket.socket, target: socket.socket, *, counted: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if counted:
                    time.sleep(self._wait_for(len(data)))
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _wait_for(self, size: int) -> float:
        """Count bytes that go towards a server; the seconds they have to wait for their turn."""
        with self._lock:
            self.sent += size
            if self._rate is None:
                return 0.0
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + size / self._rate
            return self._free_at - now
