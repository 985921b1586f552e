# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy that stands between tests and the local Azure: where it leads, what it counts, how little it lets through."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from support.connect_proxy import ConnectProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 1 << 20


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets from one client."""

    def serve() -> None:
        client = listener.accept()[0]
        with client:
            while data := client.recv(1 << 16):
                client.sendall(data)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@contextmanager
def through(proxy: ConnectProxy, request: str) -> Iterator[tuple[socket.socket, str]]:
    """Say one line to a proxy: the connection, and its answer."""
    port = urlsplit(proxy.environment["HTTPS_PROXY"]).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(f"{request} HTTP/1.1\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += client.recv(1)
        yield client, answer.decode().split(maxsplit=1)[1].splitlines()[0]


def comes_back(client: socket.socket, content: bytes) -> bool:
    threading.Thread(target=client.sendall, args=(content,), daemon=True).start()
    back = b""
    while len(back) < len(content):
        back += client.recv(1 << 16)
    return back == content


def test_leads_to_the_host_that_was_asked_for(echo: int) -> None:
    with ConnectProxy() as proxy, through(proxy, f"CONNECT 127.0.0.1:{echo}") as (client, answer):
        assert answer == "200 Connection established"
        assert comes_back(client, b"hello")
        assert (proxy.hosts, proxy.sent) == ({"127.0.0.1"}, 5)


def test_leads_elsewhere(echo: int) -> None:
    with ConnectProxy(echo) as proxy, through(proxy, "CONNECT management.azure.com:443") as (client, answer):
        assert answer == "200 Connection established"
        assert comes_back(client, b"hello")
        assert proxy.hosts == {"management.azure.com"}


def test_lets_little_through(echo: int) -> None:
    began = time.monotonic()
    with ConnectProxy(echo, rate=RATE) as proxy, through(proxy, "CONNECT any:443") as (client, _answer):
        assert comes_back(client, bytes(RATE))
        assert proxy.sent == RATE
    assert time.monotonic() - began >= 0.9


def test_is_for_tunnels_only() -> None:
    with ConnectProxy() as proxy, through(proxy, "GET http://127.0.0.1/") as (_client, answer):
        assert answer == "405 Method Not Allowed"
        assert proxy.hosts == set()
