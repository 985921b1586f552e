# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files behind an http or https address: read in ranges where the server has them, otherwise fetched once.

Certificates are verified against the usual authorities or those of ``REQUESTS_CA_BUNDLE``; proxies are those of the
environment. What an address carries of secrets (user, password, query) is in no message.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import threading
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.clouds import trusted_ca
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import CA_REMEDY, TRANSIENT
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import backoff
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.connections import BROKEN, Pool, fill
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Extent, Kind, Source
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")
_ADDRESS = re.compile(r"^https?://", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+)$")
_MOVED = (301, 302, 303, 307, 308)
_MOVES = 5
_RETRIES = 6
_FIRST_PAUSE, _LONGEST_PAUSE = 0.6, 20.0
_TIMEOUT = 60.0
_HEAD = 4096
_CHUNK = 1 << 20


def is_address(place: str) -> bool:
    """Return whether a disk is named by an http or https address instead of a path."""
    return bool(_ADDRESS.match(place))


class RemoteSource(Source):
    """A file on a web server, as it is. ``ranges`` is whether parts of it can be read; if not, only :meth:`fetch` works.

    :raises InvalidInput: it cannot be reached, is not there, or the server's certificate is not trusted.
    """

    def __init__(self, url: str) -> None:
        self.path = shown(url)
        self.format = formats.RAW
        self.start = 0
        self._url = url
        self._stopped = threading.Event()
        self._version: str | None = None
        self._pool, self._target = self._connect(url)
        self.ranges = self._look()

    def _connect(self, url: str) -> tuple[Pool, str]:
        parts = urlsplit(url)
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        self._headers = {"Host": parts.netloc.rpartition("@")[2], "Accept-Encoding": "identity"}
        if pair:
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return Pool(url, ca=trusted_ca(), timeout=_TIMEOUT), (parts.path or "/") + (
            f"?{parts.query}" if parts.query else ""
        )

    def _look(self) -> bool:
        """Follow redirects to the file; learn its size, its version, and whether parts of it can be read."""
        for _ignored in range(_MOVES):
            status, headers = self._try(lambda: self._ask(0, _HEAD, None))
            if status not in _MOVED:
                break
            self._follow(headers.get("Location") or "")
        if status == 206:
            found = _CONTENT_RANGE.match(headers.get("Content-Range") or "")
            if found is not None and found[1] == "0":
                self.size = int(found[3])
                self._version = headers.get("ETag") or headers.get("Last-Modified")
                return True
        if status not in (200, 416):
            raise InvalidInput(f"{self.path} cannot be read: the server answers HTTP {status}.", remedy=_REMEDY)
        self.size = int(headers.get("Content-Length") or 0)
        return False

    def _follow(self, location: str) -> None:
        url = urljoin(self._url, location)
        if not is_address(url) or (self._url.lower().startswith("https:") and not url.lower().startswith("https:")):
            raise InvalidInput(f"{self.path} leads to {shown(url)}, which is not safe to follow.", remedy=_REMEDY)
        self._pool.close()
        self._url = url
        self._pool, self._target = self._connect(url)

    def extents(self) -> Iterator[Extent]:
        if self.size:
            yield Extent(0, self.size, Kind.DATA)

    def readinto(self, offset: int, buffer: memoryview) -> None:
        if not buffer:
            return
        status, headers = self._try(lambda: self._ask(self.start + offset, len(buffer), buffer))
        found = _CONTENT_RANGE.match(headers.get("Content-Range") or "")
        if status == 206 and self._version != (headers.get("ETag") or headers.get("Last-Modified")):
            raise GoldenImageError(
                f"{self.path} changed while it was read.", remedy="Run again when it stays as it is."
            )
        if status != 206 or found is None or int(found[1]) != self.start + offset:
            raise GoldenImageError(f"{self.path} could not be read on: HTTP {status}.", remedy=_REMEDY)

    def fetch(self, folder: str | None, update: Callable[[int], object]) -> int:
        """Read the whole file in one go into a private temporary file and return its descriptor.

        :raises GoldenImageError: it broke off; nothing is left.
        """

        def once() -> int:
            with Spool(folder) as spool, self._pool.connection() as connection:
                connection.request("GET", self._pool.target(self._target), headers=self._headers)
                response = connection.getresponse()
                if response.status != 200:
                    response.read()
                    raise _Passing(f"HTTP {response.status}")
                while data := response.read(_CHUNK):
                    spool.append(data)
                    update(spool.length)
                if response.length:  # http.client does not complain when it reads in pieces
                    raise http.client.IncompleteRead(b"", response.length)
                return spool.take()

        return self._try(once)

    def _ask(self, offset: int, length: int, buffer: memoryview | None) -> tuple[int, http.client.HTTPMessage]:
        """Ask for a range; fill the buffer when that is what comes."""
        headers = {**self._headers, "Range": f"bytes={offset}-{offset + length - 1}"}
        with self._pool.connection() as connection:
            connection.request("GET", self._pool.target(self._target), headers=headers)
            response = connection.getresponse()
            if response.status in TRANSIENT:
                response.read(_CHUNK)
                raise _Passing(f"HTTP {response.status}")
            if response.status == 206 and buffer is not None:
                fill(buffer, response)
            if response.status == 206 and (response.length or 0) <= _HEAD:
                response.read()
            else:
                connection.close()  # a whole file may be coming
            return response.status, response.headers

    def _try(self, function: Callable[[], _T]) -> _T:
        attempt = 0
        while True:
            try:
                return function()
            except ssl.SSLCertVerificationError as error:
                raise InvalidInput(
                    f"{self.path} cannot be read: the server's certificate is not trusted ({error.verify_message}).",
                    remedy=CA_REMEDY,
                ) from None
            except BROKEN as error:
                attempt += 1
                if self._stopped.is_set() or attempt > _RETRIES or isinstance(error, _FINAL):
                    text = str(error) if isinstance(error, _Passing) else f"{type(error).__name__}: {error}"
                    raise InvalidInput(f"{self.path} cannot be read: {text}.", remedy=_REMEDY) from None
            self._stopped.wait(backoff(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE))

    def verify_unchanged(self) -> None:
        if not self.ranges:
            return
        status, headers = self._try(lambda: self._ask(0, 1, None))
        found = _CONTENT_RANGE.match(headers.get("Content-Range") or "")
        version = headers.get("ETag") or headers.get("Last-Modified")
        if status != 206 or found is None or version != self._version:
            raise GoldenImageError(
                f"{self.path} changed while it was read.", remedy="Run again when it stays as it is."
            )

    def close(self) -> None:
        self._stopped.set()
        self._pool.close()


class _Passing(http.client.HTTPException):
    """An answer that may be another one soon."""


_FINAL = (ConnectionRefusedError,)
_REMEDY = "Check the address, and the proxy (HTTPS_PROXY, NO_PROXY) if there is one."


def shown(url: str) -> str:
    """Return an address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
