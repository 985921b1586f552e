# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept-alive HTTP connections to one host, one for each thread, through a proxy when the environment names one.

Honours ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import importlib
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from collections.abc import Iterator


BROKEN = (OSError, http.client.HTTPException)
"""What a connection raises that may work the next time."""


class Pool:
    """Connections to the host of ``url``; a broken one is replaced at the next use."""

    def __init__(self, url: str, *, ca: str | None, timeout: float) -> None:
        self._url = urlsplit(url)
        self._timeout = timeout
        self._proxy = _proxy(self._url)
        self._context = trusted_context(ca) if self._url.scheme == "https" else None
        self._own = threading.local()
        self._all: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._down = False

    @contextlib.contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        """Lend this thread's connection; it is closed when the block fails."""
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None or connection.sock is None:  # the server may have closed it after the last answer
            connection = self._own.connection = self._open()
        try:
            yield connection
        except BaseException:
            self._own.connection = None
            with self._lock:
                self._all.discard(connection)
            connection.close()
            raise

    def target(self, path: str) -> str:
        """Return the request target: a plain HTTP proxy wants the whole address."""
        if self._proxy is not None and self._context is None:
            return f"{self._url.scheme}://{self._url.netloc}{path}"
        return path

    def _open(self) -> http.client.HTTPConnection:
        host, port = (self._proxy or self._url).hostname or "", (self._proxy or self._url).port
        connection: http.client.HTTPConnection
        if self._context is None:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._context)
            if self._proxy is not None:
                connection.set_tunnel(self._url.hostname or "", self._url.port or 443, _credentials(self._proxy))
        connection.auto_open = 0  # only here, so that shut_down() knows every socket
        connection.connect()
        with self._lock:
            if not self._down:
                self._all.add(connection)
                return connection
        connection.close()
        raise ConnectionAbortedError("the transfer was stopped")

    def shut_down(self) -> None:
        """Break every connection, so that threads waiting on one wake up with an error."""
        with self._lock:
            self._down = True
            for connection in self._all:
                if connection.sock is not None:
                    with contextlib.suppress(OSError):  # already closed by the other side
                        # past the TLS layer, which another thread is using
                        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()


def fill(buffer: memoryview, response: http.client.HTTPResponse) -> None:
    """Read as much of a body as the buffer has room for.

    :raises http.client.IncompleteRead: it is shorter.
    """
    done = 0
    while done < len(buffer):
        count = response.readinto(buffer[done:])
        if not count:
            raise http.client.IncompleteRead(b"", len(buffer) - done)
        done += count


def trusted_context(ca: str | None) -> ssl.SSLContext:
    """Return a TLS context that verifies servers.

    :param ca: a file or folder of certificate authorities; ``None``: those of certifi, or else of the system.
    """
    if ca is None:
        with contextlib.suppress(ImportError):  # comes with the Azure SDK
            ca = importlib.import_module("certifi").where()
    if ca is not None and os.path.isdir(ca):
        return ssl.create_default_context(capath=ca)
    return ssl.create_default_context(cafile=ca)


def _proxy(url: SplitResult) -> SplitResult | None:
    proxy = getproxies().get(url.scheme)
    if not proxy or proxy_bypass(url.hostname or ""):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
