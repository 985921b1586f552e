# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page blob over HTTP: the blob behind a managed disk's SAS, or one in a storage account.

Calls: Put Page, Put Page From URL, Get Blob, Get Page Ranges, Get Blob Properties ("Page Blobs", REST API of Azure
Storage).
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import BlobClient
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import Run

MAX_PAGES = 4 << 20
_COPY_VERSION = "2021-08-06"  # knows tokens for the source
_SLICE = 8 << 30  # of the blob, whose page ranges are asked for at once: a fragmented one fits into memory still


class PageBlob:
    """A sink for one page blob, which can be read, too.

    :param grant: as for :class:`BlobClient`, whose other options are taken as well.
    :param verify: compare the MD5 of what arrived with what was sent, where the service tells it.
    """

    def __init__(
        self,
        grant: Callable[[], Access],
        *,
        renewed: Callable[[], Access] | None = None,
        ca: str | None = None,
        verify: bool = True,
        retries: int = 8,
        timeout: float = 60.0,
        most: int = 64,
        bandwidth: int | None = None,
    ) -> None:
        self._verify = verify
        self.client = BlobClient(
            grant, renewed=renewed, ca=ca, retries=retries, timeout=timeout, most=most, bandwidth=bandwidth
        )

    def write(self, offset: int, content: memoryview) -> None:
        """Put Page.

        :raises GoldenImageError: refused, or still failing after the retries.
        """
        headers = {"x-ms-page-write": "update", "x-ms-range": _range(offset, len(content))}
        what = f"Writing {len(content)} bytes at {offset}"
        answer = self.client.request(what, "PUT", "page", headers, content)
        self._compare(
            answer.headers.get("content-md5"), content, offset, "Azure received other bytes than were sent to"
        )

    def readinto(self, offset: int, buffer: memoryview) -> None:
        """Get Blob: fill the buffer with the bytes at ``offset``; what was never written is zero."""
        headers = {"x-ms-range": _range(offset, len(buffer))}
        if self._verify and len(buffer) <= MAX_PAGES:
            headers["x-ms-range-get-content-md5"] = "true"
        what = f"Reading {len(buffer)} bytes at {offset}"
        answer = self.client.request(what, "GET", "", headers, into=buffer)
        if answer.status == 206:  # otherwise the MD5 is that of a whole blob, as somebody stated it
            self._compare(answer.headers.get("content-md5"), buffer, offset, "Other bytes arrived than were sent by")

    def copy_from(self, offset: int, length: int, source: Access) -> None:
        """Put Page From URL: the same range of another blob, moved inside of Azure.

        :raises Refused: the service does not do that, or may not read the source.
        """
        headers = {
            "x-ms-page-write": "update",
            "x-ms-range": _range(offset, length),
            "x-ms-copy-source": source.url,
            "x-ms-source-range": _range(offset, length),
            "x-ms-version": _COPY_VERSION,
        }
        if token := source.headers.get("Authorization"):
            headers |= {"x-ms-copy-source-authorization": token}
        self.client.request(f"Copying {length} bytes at {offset}", "PUT", "page", headers, memoryview(b""))

    def clear(self, offset: int, length: int) -> None:
        """Make a range read as zeros."""
        headers = {"x-ms-page-write": "clear", "x-ms-range": _range(offset, length)}
        self.client.request(f"Clearing {length} bytes at {offset}", "PUT", "page", headers, memoryview(b""))

    def page_ranges(self) -> list[Run]:
        """Return what the blob holds as (offset, end), merged and in order."""
        merged: list[Run] = []
        size = self.size()
        for begin in range(0, size, _SLICE):
            for start, end in self._listed(begin, min(_SLICE, size - begin)):
                add(merged, start, end)
        return merged

    def _listed(self, offset: int, length: int) -> Iterator[Run]:
        begin, stop = offset, offset + length
        while begin < stop:
            headers = {"x-ms-range": _range(begin, stop - begin)}
            answer = self.client.request("Reading the page ranges", "GET", "pagelist", headers)
            page = ElementTree.fromstring(answer.body)  # noqa: S314 - expat limits what entities can do
            last = begin
            for item in page.iter("PageRange"):
                start, last = int(item.findtext("Start", "0")), int(item.findtext("End", "-1")) + 1
                if max(start, begin) < min(last, stop):
                    yield max(start, begin), min(last, stop)
            if not page.findtext("NextMarker") or last <= begin:
                return
            begin = last  # what a marker would lead to, told in a way that every version of the service knows

    def size(self) -> int:
        """Length of the blob in bytes."""
        return int(self.properties()["content-length"])

    def state(self) -> str:
        """What changes whenever the blob is written: its ETag, or when it was changed."""
        headers = self.properties()
        return str(headers.get("etag") or headers.get("last-modified") or "")

    def properties(self) -> dict[str, str]:
        """The blob's headers, their names in lower case."""
        answer = self.client.request("Reading the properties", "HEAD", "", {})
        return {name.lower(): value for name, value in answer.headers.items()}

    def abort(self) -> None:
        """Stop retries and break the connections."""
        self.client.abort()

    def close(self) -> None:
        """Close the connections; no call may be under way."""
        self.client.close()

    def __enter__(self) -> PageBlob:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """The blob's address without its permission."""
        return self.client.place

    def _compare(self, told: str | None, content: memoryview, offset: int, problem: str) -> None:
        if self._verify and told and b64decode(told) != hashlib.md5(content, usedforsecurity=False).digest():
            raise GoldenImageError(
                f"{problem} {self.place} at {offset} (the MD5 sums differ).",
                remedy="Look for a proxy or network device that changes traffic, then run again.",
            )


def _range(offset: int, length: int) -> str:
    return f"bytes={offset}-{offset + length - 1}"
