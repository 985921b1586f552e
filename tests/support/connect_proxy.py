# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy on the loopback interface that leads every tunnel to one server, whatever host was asked for."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

CHUNK = 64 * 1024
_HEAD_LIMIT = 64 * 1024


class ConnectProxy:
    """Answers ``CONNECT HOST:PORT`` with a tunnel to ``port`` on this machine; hosts are only noted in ``hosts``.

    For clients that insist on Azure's public host names: the server at the other end proves with its certificate that
    it may use these names, so that nothing in the client has to be told about it.
    """

    def __init__(self, port: int) -> None:
        self.hosts: set[str] = set()
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))

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
            self.hosts.add(words[1].decode("latin-1").rpartition(":")[0])
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=_copy, args=(server, client), daemon=True).start()
                _copy(client, server)

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


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
