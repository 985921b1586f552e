# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page blob over HTTP: the blob behind a managed disk's SAS, or one in a storage account.

Calls: Put Page, Get Page Ranges ("Page Blobs", REST API of Azure Storage). One kept-alive connection for each thread;
throttling, server errors and broken connections are retried, an expired permission is renewed. The permission
(a SAS or a token) is in no message.
"""

from __future__ import annotations

import email.utils
import hashlib
import http.client
import random
import re
import ssl
import threading
import time
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import connections

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PAGES = 4 << 20
VERSION = "2018-11-09"  # the last that answers every Put Page with the MD5 of what arrived
_RETRIED = (408, 429, 500, 502, 503, 504)
_BROKEN = (OSError, http.client.HTTPException)
_LONGEST_PAUSE = 30.0
_LONGEST_ASKED = 600.0  # by a service that is busy; a date in the past asks for nothing
_SECRET = re.compile(r"(?i)\b(sig|authorization|skoid|se|sp)=[^&\s\"'<]+")


@dataclass(frozen=True)
class Access:
    """Permission to use one blob: its address, SAS included, and headers such as a bearer token."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, its body read."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """The storage service's error code, such as ``ServerBusy``."""
        return self.headers.get("x-ms-error-code") or _xml_text(self.body, "Code") or str(self.status)

    @property
    def message(self) -> str:
        return scrub(_xml_text(self.body, "Message").split("\n")[0])


class PageBlob:
    """A sink for one page blob; see the module.

    :param grant: returns the permission; called again when the service answers that it has expired.
    :param ca: a file or folder of certificate authorities, ``None`` for the usual ones.
    :param verify: compare the MD5 of what arrived with what was sent, where the service tells it.
    :param retries: how often one call is tried again; the pauses double from half a second, with jitter.
    :param timeout: seconds without a byte until a connection counts as broken.
    """

    def __init__(
        self,
        grant: Callable[[], Access],
        *,
        ca: str | None = None,
        verify: bool = True,
        retries: int = 8,
        timeout: float = 60.0,
    ) -> None:
        self._grant = grant
        self._access = grant()
        self._grant_lock = threading.Lock()
        self._verify = verify
        self._retries = retries
        self._pool = connections.Pool(self._access.url, ca=ca, timeout=timeout)
        self._stopped = threading.Event()

    def write(self, offset: int, content: memoryview) -> None:
        """Put Page.

        :raises GoldenImageError: refused, or still failing after the retries.
        """
        headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={offset}-{offset + len(content) - 1}"}
        answer = self._request(f"Writing {len(content)} bytes at {offset}", "PUT", "page", headers, content)
        arrived = answer.headers.get("content-md5")
        if self._verify and arrived and b64decode(arrived) != hashlib.md5(content, usedforsecurity=False).digest():
            raise GoldenImageError(
                f"Azure received other bytes than were sent to {self.place} at {offset} (the MD5 sums differ).",
                remedy="Look for a proxy or network device that changes traffic, then run again.",
            )

    def clear(self, offset: int, length: int) -> None:
        """Make a range read as zeros."""
        headers = {"x-ms-page-write": "clear", "x-ms-range": f"bytes={offset}-{offset + length - 1}"}
        self._request(f"Clearing {length} bytes at {offset}", "PUT", "page", headers, memoryview(b""))

    def page_ranges(self) -> list[tuple[int, int]]:
        """Return what the blob holds as (offset, end), merged and in order."""
        merged: list[tuple[int, int]] = []
        marker: str | None = ""
        while marker is not None:
            comp = f"pagelist&marker={quote(marker)}" if marker else "pagelist"
            answer = self._request("Reading the page ranges", "GET", comp, {})
            page = ElementTree.fromstring(answer.body)  # noqa: S314 - expat limits what entities can do
            for item in page.iter("PageRange"):
                start, end = int(item.findtext("Start", "0")), int(item.findtext("End", "-1")) + 1
                if merged and merged[-1][1] == start:
                    start = merged.pop()[0]
                merged.append((start, end))
            marker = page.findtext("NextMarker") or None
        return merged

    def clear_all(self) -> None:
        """Make everything that was written before read as zeros."""
        for start, end in self.page_ranges():
            self.clear(start, end - start)

    def abort(self) -> None:
        """Stop retries and break the connections."""
        self._stopped.set()
        self._pool.shut_down()

    def close(self) -> None:
        """Close the connections; no call may be under way."""
        self._pool.close()

    def __enter__(self) -> PageBlob:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """The blob's address without its permission."""
        parts = urlsplit(self._access.url)
        return f"{parts.hostname}{parts.path}"

    def _request(
        self, what: str, method: str, comp: str, headers: dict[str, str], body: memoryview | None = None
    ) -> Answer:
        renewed = False
        attempt = 0
        while True:
            access = self._access
            retry_after: float | None = None
            try:
                answer = self._once(access, method, comp, headers, body)
            except ssl.SSLCertVerificationError as error:
                raise GoldenImageError(
                    f"{what} of {self.place} failed: the server's certificate is not trusted ({error.verify_message}).",
                    remedy="Set REQUESTS_CA_BUNDLE to the file with your certificate authorities.",
                ) from None
            except _BROKEN as error:
                problem = f"{type(error).__name__}: {scrub(str(error))}".rstrip(": ")
            else:
                if answer.status in (200, 201):
                    return answer
                problem = f"HTTP {answer.status} {answer.code}: {answer.message}".rstrip(": ")
                if answer.status in (401, 403) and not renewed:
                    renewed = True
                    self._renew(access)
                    continue
                if answer.status not in _RETRIED:
                    raise self._failure(what, problem, answer)
                retry_after = _seconds(answer.headers.get("retry-after"))
            attempt += 1
            if self._stopped.is_set() or attempt > self._retries:
                raise self._failure(what, problem, None)
            self._stopped.wait(_pause(attempt, retry_after))

    def _once(self, access: Access, method: str, comp: str, headers: dict[str, str], body: memoryview | None) -> Answer:
        parts = urlsplit(access.url)
        target = f"{parts.path}?comp={comp}" + (f"&{parts.query}" if parts.query else "")
        length = {} if body is None else {"Content-Length": str(len(body))}
        sent = {"x-ms-version": VERSION, **length, **headers, **access.headers}
        with self._pool.connection() as connection:
            connection.request(method, self._pool.target(target), body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def _renew(self, refused: Access) -> None:
        with self._grant_lock:
            if self._access is refused:  # no other thread was faster
                self._access = self._grant()

    def _failure(self, what: str, problem: str, answer: Answer | None) -> GoldenImageError:
        remedy = "Run again: what is not complete is never taken for complete."
        if answer is not None and answer.status in (401, 403):
            remedy = "Check that the permission is still valid, that the clock is right, and the network rules."
        return GoldenImageError(f"{what} of {self.place} failed: {problem}.", remedy=remedy)


def scrub(text: str) -> str:
    """Return the text without signatures and other parts of a SAS."""
    return _SECRET.sub(r"\1=***", text)


def _pause(attempt: int, retry_after: float | None) -> float:
    pause: float = 0.5 * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
    return min(pause, _LONGEST_PAUSE) + min(retry_after or 0.0, _LONGEST_ASKED)


def _seconds(value: str | None) -> float | None:
    """Return a Retry-After header, seconds or a date, as seconds from now."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds)


def _xml_text(body: bytes, tag: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>".encode(), body, re.DOTALL)
    return found[1].decode(errors="replace").strip() if found else ""
