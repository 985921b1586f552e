# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the blob of a disk that is being uploaded: *Put Page* and *Put Page From URL*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.disks.answers import MAX_PUT_PAGE, RANGE, VERSION, Answers, md5_of
from azure_emulator.disks.blob_errors import BlobError, bad_header, invalid_range, not_permitted
from azure_emulator.disks.pages import PAGE
from azure_emulator.disks.remote import read_source

if TYPE_CHECKING:
    from azure_emulator.disks.grants import Grant

_FORBIDDEN = ("if-", "x-ms-if-", "x-ms-blob-", "x-ms-meta-", "x-ms-tags", "x-ms-access-tier", "x-ms-lease-id")


class Writing(Answers):
    """PUT."""

    _buffer: bytearray | None = None

    def _put(self, grant: Grant, query: dict[str, str]) -> int:
        if query.get("comp") != "page" or not grant.writable:
            raise not_permitted()
        for name in self.headers:
            if name.lower().startswith(_FORBIDDEN):
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
        elif kind == "update" and "x-ms-copy-source" in self.headers:
            extra = self._copy_in(grant, start, end)
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
        found = RANGE.fullmatch(text.strip())
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
            if md5_of(body) != expected:
                raise BlobError(
                    400,
                    "Md5Mismatch",
                    "The MD5 value specified in the request did not match the MD5 value calculated by the server.",
                )
            extra["Content-MD5"] = expected
        self.server.store.write(grant.pages, start, body)
        return extra

    def _copy_in(self, grant: Grant, start: int, end: int) -> dict[str, str]:
        """Put Page From URL: the bytes come from another disk's SAS or from a blob."""
        if self._unread:
            raise bad_header("Content-Length", str(self._unread))
        if end - start > MAX_PUT_PAGE:
            raise invalid_range("InvalidPageRange")
        source, text = self.headers["x-ms-copy-source"], self.headers.get("x-ms-source-range", "")
        found = RANGE.fullmatch(text.strip())
        if not found or not found[2] or int(found[2]) + 1 - int(found[1]) != end - start:
            raise bad_header("x-ms-source-range", text)
        first, last = int(found[1]), int(found[2]) + 1
        other = self._other(source)
        if other is None:
            version = self.headers.get("x-ms-version", VERSION)
            headers = {name.lower(): value for name, value in self.headers.items()}
            data = read_source(source, first, last, headers, self.server.authority, version)
        elif last > other.length:
            raise invalid_range()
        else:
            data = b"".join(self._content(other, first, last))
        digest = md5_of(data)
        if (expected := self.headers.get("x-ms-source-content-md5")) and expected != digest:
            raise BlobError(400, "Md5Mismatch", "The MD5 value of the source differs from the one that was specified.")
        self.server.store.write(grant.pages, start, data)
        return {"x-ms-request-server-encrypted": "true", "Content-MD5": digest}
