# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page blob server that is as strict as Azure's and as unreliable as a test wants."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Union
from urllib.parse import parse_qs, urlsplit

from .fake_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = "sig=good"
Fault = Union[tuple[int, str], str, None]  # noqa: UP007 - pylint takes the other form for arithmetic
"""An HTTP status and error code; ``drop`` (break the connection), ``lose`` (do it, and break the connection), ``cut`` (break
it in the middle of the answer), ``corrupt`` (a wrong MD5); or nothing."""


@dataclass
class FakePageBlob:
    """One blob. ``faults`` is asked before each request with its number, counted from 1.

    :ivar copied_from: the blob that Put Page From URL reads, whatever the address; ``None``: that is refused.
    """

    size: int
    content: bytearray = field(init=False)
    written: list[tuple[int, int]] = field(default_factory=list)
    pages: set[int] = field(default_factory=set)
    reads: int = 0
    version: int = 0
    requests: int = 0
    connections: set[int] = field(default_factory=set)
    signatures: set[str] = field(default_factory=lambda: {GOOD})
    faults: Callable[[int], Fault] = lambda _number: None
    retry_after: str | None = None
    copied_from: FakePageBlob | None = None
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.content = bytearray(self.size)

    @contextmanager
    def serving(self) -> Iterator[FakePageBlob]:
        """Serve on a free port of the loopback interface."""
        with serving(type("Handler", (_Handler,), {"blob": self})) as address:
            self.url = f"{address}/container/disk?sv=2018-03-28&{GOOD}"
            yield self

    def count(self) -> int:
        with self.lock:
            self.requests += 1
            return self.requests

    def put(self, start: int, content: bytes) -> None:
        """Write, or with zeros clear, as a client or somebody else does."""
        with self.lock:
            self.content[start : start + len(content)] = content
            pages = range(start // 512, (start + len(content)) // 512)
            self.pages = self.pages | set(pages) if any(content) else self.pages - set(pages)
            self.version += 1

    def ranges(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        begin: int | None = None
        for page in range(start // 512, end // 512 + 1):
            held = page in self.pages and page * 512 < end
            if held and begin is None:
                begin = page
            elif not held and begin is not None:
                yield begin * 512, page * 512
                begin = None

    @property
    def sent(self) -> int:
        return sum(end - start for start, end in self.written)


class _Handler(BaseHTTPRequestHandler):
    blob: FakePageBlob
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments: object) -> None:
        """Tests read the blob, not a log."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>No {code}, sig=good\nRequestId:1</Message></Error>".encode()
        extra = {"Retry_After": self.blob.retry_after} if self.blob.retry_after else {}
        self.answer(status, body, x_ms_error_code=code, **extra)

    def begin(self) -> tuple[dict[str, list[str]], bytes, Fault] | None:
        self.blob.connections.add(id(self.connection))
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.blob.faults(self.blob.count())
        if fault == "drop":
            self.close_connection = True
            self.connection.close()
            return None
        if isinstance(fault, tuple):
            self.refuse(*fault)
            return None
        query = parse_qs(urlsplit(self.path).query)
        if f"sig={query.get('sig', [''])[0]}" not in self.blob.signatures:
            self.refuse(403, "AuthenticationFailed")
            return None
        return query, content, fault

    def do_PUT(self) -> None:
        begun = self.begin()
        if begun is None:
            return
        query, content, fault = begun
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("x-ms-range", ""))
        start, end = (int(found[1]), int(found[2]) + 1) if found else (1, 0)
        if self.blob.copied_from is not None and "x-ms-copy-source" in self.headers:
            content = bytes(self.blob.copied_from.content[start:end])
        clearing = self.headers.get("x-ms-page-write") == "clear"
        length = 0 if clearing else end - start
        if query.get("comp") != ["page"] or start % 512 or end % 512 or not start < end <= self.blob.size:
            self.refuse(416, "InvalidPageRange")
        elif len(content) != length or length > 4 << 20:
            self.refuse(413 if length > 4 << 20 else 400, "InvalidHeaderValue")
        else:
            self.blob.put(start, bytes(end - start) if clearing else content)
            if not clearing:
                self.blob.written.append((start, end))
            if fault == "lose":
                self.close_connection = True
                self.connection.close()
                return
            digest = hashlib.md5(b"other" if fault == "corrupt" else content, usedforsecurity=False).digest()
            self.answer(201, Content_MD5=base64.b64encode(digest).decode())

    def do_GET(self) -> None:
        begun = self.begin()
        if begun is None:
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("x-ms-range", ""))
        start, end = (int(found[1]), int(found[2]) + 1) if found else (0, self.blob.size)
        if begun[0].get("comp") == ["pagelist"]:
            listed = "".join(
                f"<PageRange><Start>{a}</Start><End>{b - 1}</End></PageRange>" for a, b in self.blob.ranges(start, end)
            )
            self.answer(200, f'<?xml version="1.0" encoding="utf-8"?><PageList>{listed}</PageList>'.encode())
            return
        self.blob.reads += end - start
        body = bytes(self.blob.content[start:end])
        if begun[2] == "cut":
            self.send_response(206)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        self.answer(206, body, Content_MD5=base64.b64encode(digest).decode())

    def do_HEAD(self) -> None:
        begun = self.begin()
        if begun is not None:
            self.send_response(200)
            self.send_header("Content-Length", str(self.blob.size))
            self.send_header("ETag", f'"{self.blob.version}"')
            self.end_headers()
