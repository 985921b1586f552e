# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reading and writing the blob of a disk have in common: who may do it, ranges, headers, errors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from azure_emulator.disks.blob_errors import (
    BlobError,
    bad_header,
    invalid_range,
    no_token,
    not_permitted,
    unauthenticated,
)
from azure_emulator.disks.grants import ACCOUNT, Grant
from azure_emulator.disks.vhd import make_footer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_emulator.core.faults import Fault
    from azure_emulator.disks.endpoint import DiskEndpoint

MAX_PUT_PAGE = 4 << 20
CHUNK = 1 << 20
VERSION = "2023-11-03"
RANGE = re.compile(r"bytes=(\d{1,19})-(\d{0,19})")

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Answers(BaseHTTPRequestHandler):
    """The parts of the request handler that know no method."""

    server: DiskEndpoint
    #: Bytes of the request's body that were not read yet.
    _unread = 0

    #: The planned fault this request meets, and whether the request was logged.
    _fault: Fault | None = None
    _told = False

    def _tell(self, status: int) -> None:
        """Log this request, once: before its answer goes out, so that whoever has an answer finds its line."""
        if not self._told:
            self._told = True
            self.server.request_log(self.command, urlsplit(self.path).path, status, self._fault)

    def _authenticate(self, path: str, query: dict[str, str]) -> Grant:
        grant = self._granted(path, query)
        version = self.headers.get("x-ms-version", query.get("sv", ""))
        if not _DATE.fullmatch(version):
            raise bad_header("x-ms-version", version)
        if grant.entra:
            self._check_token()
        return grant

    def _granted(self, path: str, query: dict[str, str]) -> Grant:
        """What a SAS gives access to."""
        segments = path.strip("/").split("/")
        if len(segments) != 3 or segments[0] != ACCOUNT:
            raise BlobError(404, "ResourceNotFound", "The specified resource does not exist.")
        grant = self.server.lookup(segments[1] if segments[2] == "abcd" else f"{segments[1]}/{segments[2]}")
        presented = query.get("sig", ""), query.get("si", "")
        if grant is None or query.get("sr") != "b":
            raise unauthenticated("The signature identifier is not known: it was revoked or has expired.")
        if not (hmac.compare_digest(presented[0].encode(), grant.signature.encode()) and presented[1] == grant.policy):
            raise unauthenticated("Signature did not match.")
        return grant

    def _other(self, url: str) -> Grant | None:
        """The grant of another SAS of this endpoint, None when the URL is not one."""
        try:
            parts, port = urlsplit(url), urlsplit(url).port
        except ValueError:  # no URL at all
            return None
        if not parts.path.startswith(f"/{ACCOUNT}/") or port != self.server.port:
            return None
        return self._granted(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})

    def _check_token(self) -> None:
        scheme, _blank, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise no_token()
        if not self.server.authorize(token.strip()):
            raise not_permitted()

    def _content(self, grant: Grant, start: int, end: int) -> Iterator[bytes]:
        data_end = end if grant.writable else min(end, grant.size)
        for position in range(start, data_end, CHUNK):
            yield self.server.store.read(grant.pages, position, min(CHUNK, data_end - position))
        if end > data_end:
            footer = make_footer(grant.size, grant.identity)
            yield footer[max(0, start - grant.size) : end - grant.size]

    def _range(self, length: int) -> tuple[int, int] | None:
        text = self.headers.get("x-ms-range") or self.headers.get("Range")
        if not text:
            return None
        found = RANGE.fullmatch(text.strip())
        if not found:
            return None  # as the service does with a range it cannot read
        start = int(found[1])
        end = min(int(found[2]) + 1 if found[2] else length, length)
        if start >= length or end <= start:
            raise invalid_range()
        return start, end

    def _validators(self, grant: Grant) -> dict[str, str]:
        return {"ETag": self.server.etag(grant), "Last-Modified": formatdate(self._modified(grant), usegmt=True)}

    def _modified(self, grant: Grant) -> float:
        return self.server.store.path(grant.pages).stat().st_mtime

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
        self._tell(status)
        self.send_response_only(status)
        common = {
            "Server": "Windows-Azure-Blob/1.0",
            "Date": formatdate(usegmt=True),
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-version": self.headers.get("x-ms-version", VERSION),
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
        if error.status == 304:  # has no body
            self._head(304, {"x-ms-error-code": error.code})
            return
        details = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in error.details.items())
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{error.code}</Code>'
            f"<Message>{escape(error.message)}</Message>{details}</Error>"
        )
        headers = {"x-ms-error-code": error.code, "Content-Type": "application/xml", **error.headers}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        self._answer(error.status, headers, body.encode())

    def _drain(self) -> None:
        """Read what the client still sends, so that it sees the answer; hang up where that is too much."""
        if self._unread > 2 * MAX_PUT_PAGE or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return
        while self._unread > 0:
            piece = self.rfile.read(min(self._unread, CHUNK))
            if not piece:
                self.close_connection = True
                return
            self._unread -= len(piece)


def md5_of(data: bytes | memoryview) -> str:
    """As ``Content-MD5`` writes it."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
