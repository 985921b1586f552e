# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page-blob protocol behind a disk's shared access signature (SAS).

Azure serves it from hosts like `md-impexp-….blob.core.windows.net`; here it is a second TLS port of the emulator with
one thread for each connection, because blocking sockets decrypt outside Python's global lock and move several times
the bytes an event loop does. What the blob refuses follows what AzCopy documents about these special blobs: it
exists already, cannot be created, deleted, resized or described. Answers to conditional writes are a guess.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import re
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from azure_emulator.core.faults import error_of
from azure_emulator.disks.blob_errors import (
    BlobError,
    bad_header,
    invalid_range,
    not_permitted,
    number,
    unauthenticated,
)
from azure_emulator.disks.pages import PAGE, PageStore
from azure_emulator.disks.vhd import FOOTER_SIZE, make_footer

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.faults import Fault

ACCOUNT = "_disks"
MAX_PUT_PAGE = 4 << 20

_CHUNK = 1 << 20
_MAX_RANGES = 10_000
_VERSION = "2023-11-03"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
# What Storage calls the faults that a plan may send.
_FAULT_CODES = {429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy", 504: "GatewayTimeout"}
_FORBIDDEN_ON_WRITE = ("if-", "x-ms-if-", "x-ms-blob-", "x-ms-meta-", "x-ms-tags", "x-ms-access-tier", "x-ms-lease-id")


@dataclass(frozen=True)
class Grant:
    """What one SAS gives access to.

    `size` is the disk's size in bytes without the VHD footer. For an upload (`writable`) the stored pages include the
    footer; for an export the endpoint appends one.
    """

    pages: str
    size: int
    writable: bool
    policy: str
    signature: str
    identity: uuid.UUID

    @property
    def length(self) -> int:
        """Length of the blob."""
        return self.size + FOOTER_SIZE


Lookup = Callable[[str], Grant | None]
"""Finds the grant that is valid now for a container name."""

RequestLog = Callable[[str, str, int, "Fault | None"], None]
"""Receives method, path without the query, status and planned fault of every request; status 0: no answer."""

Striker = Callable[[str, str], "Fault | None"]
"""Says which planned fault a request meets, by method and path."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 1 << 18
    timeout = 300
    server: DiskEndpoint
    _buffer: bytearray | None = None
    #: Seconds over which the body of this answer is spread.
    _pause = 0.0

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """The endpoint keeps its own log; a URL with a signature must not reach standard error."""

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_HEAD(self) -> None:
        self._serve(self._get)

    def do_PUT(self) -> None:
        self._serve(self._put)

    def do_DELETE(self) -> None:
        self._serve(self._refuse)

    do_POST = do_OPTIONS = do_DELETE  # noqa: N815

    def _serve(self, action: Callable[[Grant, dict[str, str]], int]) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        fault = self.server.striker(self.command, parts.path)
        status = (
            self._do(action, parts.path, query) if fault is None else self._struck(fault, action, parts.path, query)
        )
        self.server.request_log(self.command, parts.path, status, fault)

    def _do(self, action: Callable[[Grant, dict[str, str]], int], path: str, query: dict[str, str]) -> int:
        """Carry out and answer a request; the status."""
        self._unread = 0
        try:
            self._unread = number(self.headers.get("Content-Length"), 0)
            return action(self._authenticate(path, query), query)
        except BlobError as error:
            self._answer_error(error)
            return error.status

    def _struck(
        self, fault: Fault, action: Callable[[Grant, dict[str, str]], int], path: str, query: dict[str, str]
    ) -> int:
        """Handle a request with a planned fault; the status, 0 when the connection was torn."""
        time.sleep(fault.delay)
        wire, self._unread = self.wfile, number(self.headers.get("Content-Length"), 0)
        if fault.after:
            self.wfile = io.BytesIO()  # the answer is lost
            self._do(action, path, query)
            self.wfile = wire
        if fault.tears:
            time.sleep(fault.timeout)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return 0
        if fault.status:
            code, message = error_of(fault)
            known = _FAULT_CODES.get(fault.status, code)
            self._answer_error(BlobError(fault.status, fault.code or known, message), fault.retry_after)
            return fault.status
        self._pause = fault.slow
        try:
            return self._do(action, path, query)
        finally:
            self._pause = 0.0

    def _authenticate(self, path: str, query: dict[str, str]) -> Grant:
        segments = path.strip("/").split("/")
        if len(segments) != 3 or segments[0] != ACCOUNT or segments[2] != "abcd":
            raise BlobError(404, "ResourceNotFound", "The specified resource does not exist.")
        grant = self.server.lookup(segments[1])
        presented = query.get("sig", ""), query.get("si", "")
        if grant is None or query.get("sr") != "b":
            raise unauthenticated("The signature identifier is not known: it was revoked or has expired.")
        if not (hmac.compare_digest(presented[0].encode(), grant.signature.encode()) and presented[1] == grant.policy):
            raise unauthenticated("Signature did not match.")
        version = self.headers.get("x-ms-version", query.get("sv", ""))
        if not _DATE.fullmatch(version):
            raise bad_header("x-ms-version", version)
        return grant

    # Reading -----------------------------------------------------------------------------------------------------

    def _get(self, grant: Grant, query: dict[str, str]) -> int:
        if query.get("comp") == "pagelist":
            return self._page_list(grant, query)
        if query.get("comp") or query.get("restype"):
            raise not_permitted()
        self._check_conditions(grant)
        asked = self._range(grant.length)
        start, end = asked or (0, grant.length)
        headers = self._blob_headers(grant) | {"Content-Length": str(end - start), "Accept-Ranges": "bytes"}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{grant.length}"
            if self.headers.get("x-ms-range-get-content-md5", "").lower() == "true" and end - start <= MAX_PUT_PAGE:
                data = b"".join(self._content(grant, start, end))
                headers["Content-MD5"] = _md5(data)
        status = 206 if asked else 200
        self._head(status, headers)
        if self.command != "HEAD":
            for piece in self._content(grant, start, end):
                time.sleep(self._pause * len(piece) / (end - start))
                self.wfile.write(piece)
        return status

    def _content(self, grant: Grant, start: int, end: int) -> Iterator[bytes]:
        data_end = end if grant.writable else min(end, grant.size)
        for position in range(start, data_end, _CHUNK):
            yield self.server.store.read(grant.pages, position, min(_CHUNK, data_end - position))
        if end > data_end:
            footer = make_footer(grant.size, grant.identity)
            yield footer[max(0, start - grant.size) : end - grant.size]

    def _range(self, length: int) -> tuple[int, int] | None:
        text = self.headers.get("x-ms-range") or self.headers.get("Range")
        if not text:
            return None
        found = _RANGE.fullmatch(text.strip())
        if not found:
            return None  # as the service does with a range it cannot read
        start = int(found[1])
        end = min(int(found[2]) + 1 if found[2] else length, length)
        if start >= length or end <= start:
            raise invalid_range()
        return start, end

    def _page_list(self, grant: Grant, query: dict[str, str]) -> int:
        start, end = self._range(grant.length) or (0, grant.length)
        start = max(start, number(query.get("marker"), 0))
        limit = min(number(query.get("maxresults"), _MAX_RANGES), _MAX_RANGES)
        rows: list[str] = []
        following = ""
        for first, last in self._ranges(grant, start, end):
            if len(rows) == limit:
                following = f"<NextMarker>{first}</NextMarker>"
                break
            rows.append(f"<PageRange><Start>{first}</Start><End>{last - 1}</End></PageRange>")
        inner = "".join(rows) + following
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><PageList>{inner}</PageList>'
            if inner
            else ('<?xml version="1.0" encoding="utf-8"?><PageList />')
        )
        headers = self._blob_headers(grant) | {"x-ms-blob-content-length": str(grant.length)}
        self._answer(200, headers | {"Content-Type": "application/xml"}, body.encode())
        return 200

    def _ranges(self, grant: Grant, start: int, end: int) -> Iterator[tuple[int, int]]:
        if grant.writable:
            yield from self.server.store.ranges(grant.pages, start, end)
            return
        footer = max(start, grant.size), end
        for first, last in self.server.store.ranges(grant.pages, start, min(end, grant.size)):
            if last == grant.size and end > grant.size:
                footer = first, end
            else:
                yield first, last
        if footer[0] < footer[1]:
            yield footer

    def _check_conditions(self, grant: Grant) -> None:
        wanted = self.headers.get("If-Match")
        if wanted and wanted != "*" and wanted != self.server.etag(grant):
            raise BlobError(
                412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
            )

    # Writing -----------------------------------------------------------------------------------------------------

    def _put(self, grant: Grant, query: dict[str, str]) -> int:
        if query.get("comp") != "page" or not grant.writable:
            raise not_permitted()
        for name in self.headers:
            if name.lower().startswith(_FORBIDDEN_ON_WRITE):
                raise BlobError(
                    400,
                    "UnsupportedHeader",
                    "One of the HTTP headers specified in the request is not supported.",
                    HeaderName=name,
                    HeaderValue=self.headers[name],
                )
        start, end = self._page_range(grant)
        kind = self.headers.get("x-ms-page-write", "").lower()
        if kind == "clear":
            if self._unread:
                raise bad_header("Content-Length", str(self._unread))
            self.server.store.clear(grant.pages, start, end - start)
            extra: dict[str, str] = {}
        elif kind == "update":
            extra = self._update(grant, start, end)
        else:
            raise bad_header("x-ms-page-write", kind)
        self._answer(201, self._validators(grant) | extra | {"x-ms-blob-sequence-number": "0"})
        return 201

    def _page_range(self, grant: Grant) -> tuple[int, int]:
        text = self.headers.get("x-ms-range") or self.headers.get("Range")
        if not text:
            raise BlobError(
                400,
                "MissingRequiredHeader",
                "An HTTP header that's mandatory for this request is not specified.",
                HeaderName="x-ms-range",
            )
        found = _RANGE.fullmatch(text.strip())
        if not found or not found[2]:
            raise bad_header("x-ms-range", text)
        start, end = int(found[1]), int(found[2]) + 1
        if start % PAGE or end % PAGE or end <= start or end > grant.length:
            raise invalid_range("InvalidPageRange")
        return start, end

    def _update(self, grant: Grant, start: int, end: int) -> dict[str, str]:
        if "Content-Length" not in self.headers:
            raise BlobError(411, "MissingContentLengthHeader", "The Content-Length header was not specified.")
        if self._unread > MAX_PUT_PAGE:
            raise BlobError(
                413,
                "RequestBodyTooLarge",
                "The request body is too large and exceeds the maximum permissible limit.",
                MaxLimit=str(MAX_PUT_PAGE),
            )
        if self._unread != end - start:
            raise bad_header("Content-Length", str(self._unread))
        if self._buffer is None:
            self._buffer = bytearray(MAX_PUT_PAGE)
        body = memoryview(self._buffer)[: end - start]
        received = 0
        while received < len(body):
            count = self.rfile.readinto(body[received:])
            if not count:
                raise ConnectionAbortedError  # nothing is written of a page set that came in part
            received += count
        self._unread = 0
        extra = {"x-ms-request-server-encrypted": "true"}
        if expected := self.headers.get("Content-MD5"):
            if _md5(body) != expected:
                raise BlobError(
                    400,
                    "Md5Mismatch",
                    "The MD5 value specified in the request did not match the MD5 value calculated by the server.",
                )
            extra["Content-MD5"] = expected
        self.server.store.write(grant.pages, start, body)
        return extra

    def _refuse(self, grant: Grant, query: dict[str, str]) -> int:  # noqa: ARG002 - one signature for all
        raise not_permitted()

    # Answers -----------------------------------------------------------------------------------------------------

    def _validators(self, grant: Grant) -> dict[str, str]:
        stamp = self.server.store.path(grant.pages).stat().st_mtime
        return {"ETag": self.server.etag(grant), "Last-Modified": formatdate(stamp, usegmt=True)}

    def _blob_headers(self, grant: Grant) -> dict[str, str]:
        return self._validators(grant) | {
            "Content-Type": "application/octet-stream",
            "x-ms-blob-type": "PageBlob",
            "x-ms-blob-sequence-number": "0",
            "x-ms-lease-status": "unlocked",
            "x-ms-lease-state": "available",
            "x-ms-server-encrypted": "true",
        }

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        common = {
            "Server": "Windows-Azure-Blob/1.0",
            "Date": formatdate(usegmt=True),
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-version": self.headers.get("x-ms-version", _VERSION),
        }
        if client_id := self.headers.get("x-ms-client-request-id"):
            common["x-ms-client-request-id"] = client_id
        for name, value in (common | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self._head(status, headers | {"Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _answer_error(self, error: BlobError, retry_after: int | None = None) -> None:
        self._drain()
        details = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in error.details.items())
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{error.code}</Code>'
            f"<Message>{escape(error.message)}</Message>{details}</Error>"
        )
        headers = {"x-ms-error-code": error.code, "Content-Type": "application/xml"}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        self._answer(error.status, headers, body.encode())

    def _drain(self) -> None:
        """Read what the client still sends, so that it sees the answer; hang up where that is too much."""
        if self._unread > 2 * MAX_PUT_PAGE or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return
        while self._unread > 0:
            piece = self.rfile.read(min(self._unread, _CHUNK))
            if not piece:
                self.close_connection = True
                return
            self._unread -= len(piece)


def _md5(data: bytes | memoryview) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


class DiskEndpoint(ThreadingHTTPServer):
    """Serves the blobs of all disks that have an active SAS; `start` returns once it listens."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        store: PageStore,
        lookup: Lookup,
        *,
        certificate: Path,
        key: Path,
        port: int = 0,
        log: RequestLog,
        striker: Striker = lambda _method, _path: None,
    ) -> None:
        self.store = store
        self.striker = striker
        self.lookup = lookup
        self.request_log = log
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept without the handshake: a slow client must not keep others waiting."""
        connection, address = self.socket.accept()
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up or offers no TLS is its own problem; nothing to report."""

    def etag(self, grant: Grant) -> str:
        """Changes with every write, and survives a restart because it comes from the file."""
        return f'"0x{os.stat(self.store.path(grant.pages)).st_mtime_ns:X}"'

    def start(self) -> None:
        """Serve from a thread of its own until `shutdown`."""
        threading.Thread(target=self.serve_forever, name="disk-endpoint", daemon=True).start()
