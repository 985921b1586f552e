# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server with one file, as able and as unreliable as a test wants."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .fake_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
        with serving(type("Handler", (_Handler,), {"web": self}), self.tls) as address:
            self.url = f"{address}/disk?sig=secret"
            yield self


class _Handler(BaseHTTPRequestHandler):
    web: FakeWeb
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.web.targets.append(self.path)
        fault = self.web.faults(len(self.web.targets))
        place = urlsplit(self.path).path
        if fault == "drop":
            self.close_connection = True
        elif fault not in (None, "cut"):
            self.answer(int(fault or 0), b"", {})
        elif place in self.web.moved:
            self.answer(302, b"", {"Location": self.web.moved[place]})
        else:
            self.file(cut=fault == "cut")

    def file(self, *, cut: bool) -> None:
        asked = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("Range", ""))
        if asked is None or not self.web.ranges:
            self.answer(200, self.web.content, {"ETag": self.web.version}, cut=cut)
            return
        start, end = int(asked[1]), min(int(asked[2]) + 1, len(self.web.content))
        place = f"bytes {start}-{end - 1}/{len(self.web.content)}"
        self.answer(206, self.web.content[start:end], {"ETag": self.web.version, "Content-Range": place}, cut=cut)

    def answer(self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.web.sent += len(body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_arguments: object) -> None:
        """Tests are quiet."""
