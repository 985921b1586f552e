# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server with one file, as able and as unreliable as a test wants."""

from __future__ import annotations

import re
import ssl
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or does not trust us, is part of the tests; anything else is worth a traceback."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


@dataclass
class FakeWeb:
    """``faults`` is asked before each request with its number, counted from 1: a status, ``drop`` or ``cut``."""

    content: bytes = b""
    ranges: bool = True
    version: str = '"one"'
    moved: dict[str, str] = field(default_factory=dict)
    faults: Callable[[int], str | None] = lambda _number: None
    tls: tuple[str, str] | None = None
    targets: list[str] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[FakeWeb]:
        """Serve on a free port of the loopback interface."""
        server = _Server(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{server.server_port}/disk?sig=secret"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(web: FakeWeb) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            web.targets.append(self.path)
            fault = web.faults(len(web.targets))
            place = urlsplit(self.path).path
            if fault == "drop":
                self.close_connection = True
            elif fault not in (None, "cut"):
                self.answer(int(fault or 0), b"", {})
            elif place in web.moved:
                self.answer(302, b"", {"Location": web.moved[place]})
            else:
                self.file(cut=fault == "cut")

        def file(self, *, cut: bool) -> None:
            asked = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("Range", ""))
            if asked is None or not web.ranges:
                self.answer(200, web.content, {"ETag": web.version}, cut=cut)
                return
            start, end = int(asked[1]), min(int(asked[2]) + 1, len(web.content))
            place = f"bytes {start}-{end - 1}/{len(web.content)}"
            self.answer(206, web.content[start:end], {"ETag": web.version, "Content-Range": place}, cut=cut)

        def answer(self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            web.sent += len(body)
            self.close_connection = self.close_connection or cut

        def log_message(self, *_arguments: object) -> None:
            """Tests are quiet."""

    return Handler
