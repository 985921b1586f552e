# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the blob of a disk: its bytes, which parts are written, what changed since another snapshot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from azure_emulator.disks.answers import MAX_PUT_PAGE, Answers, md5_of
from azure_emulator.disks.blob_errors import bad_header, not_permitted, number
from azure_emulator.disks.conditions import check_conditions
from azure_emulator.disks.diff import changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_emulator.disks.grants import Grant

_MAX_RANGES = 10_000


class Reading(Answers):
    """GET and HEAD."""

    #: Seconds over which the body of this answer is spread.
    _pause = 0.0

    def _get(self, grant: Grant, query: dict[str, str]) -> int:
        if query.get("comp") == "pagelist":
            return self._page_list(grant, query)
        if query.get("comp") or query.get("restype"):
            raise not_permitted()
        check_conditions(self.headers.get, self.server.etag(grant), self._modified(grant))
        asked = self._range(grant.length)
        start, end = asked or (0, grant.length)
        headers = self._blob_headers(grant) | {"Content-Length": str(end - start), "Accept-Ranges": "bytes"}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{grant.length}"
            if self.headers.get("x-ms-range-get-content-md5", "").lower() == "true" and end - start <= MAX_PUT_PAGE:
                data = b"".join(self._content(grant, start, end))
                headers["Content-MD5"] = md5_of(data)
        status = 206 if asked else 200
        self._head(status, headers)
        if self.command != "HEAD":
            for piece in self._content(grant, start, end):
                time.sleep(self._pause * len(piece) / (end - start))
                self.wfile.write(piece)
        return status

    def _page_list(self, grant: Grant, query: dict[str, str]) -> int:
        start, end = self._range(grant.length) or (0, grant.length)
        start = max(start, number(query.get("marker"), 0))
        limit = min(number(query.get("maxresults"), _MAX_RANGES), _MAX_RANGES)
        rows: list[str] = []
        following = ""
        for kind, first, last in self._listed(grant, start, end):
            if len(rows) == limit:
                following = f"<NextMarker>{first}</NextMarker>"
                break
            rows.append(f"<{kind}><Start>{first}</Start><End>{last - 1}</End></{kind}>")
        inner = "".join(rows) + following
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><PageList>{inner}</PageList>'
            if inner
            else ('<?xml version="1.0" encoding="utf-8"?><PageList />')
        )
        headers = self._blob_headers(grant) | {"x-ms-blob-content-length": str(grant.length)}
        self._answer(200, headers | {"Content-Type": "application/xml"}, body.encode())
        return 200

    def _listed(self, grant: Grant, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """What is written, or what has changed since the disk or snapshot of another SAS."""
        previous = self.headers.get("x-ms-previous-snapshot-url")
        if not previous:
            yield from (("PageRange", first, last) for first, last in self._ranges(grant, start, end))
            return
        before = self._other(previous)
        if before is None or before.writable or grant.writable:
            raise bad_header("x-ms-previous-snapshot-url", previous.partition("?")[0])
        yield from changes(self.server.store, before.pages, grant.pages, start, min(end, grant.size))

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
