# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to one blob: the permission, repetition, and how much is asked at once.

One kept-alive connection for each thread. Throttling, server errors and broken connections are retried with growing,
jittered pauses; a permission is renewed before it ends, and when the service says that it has ended. The permission
(a SAS or a token) is in no message.
"""

from __future__ import annotations

import http.client
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import CA_REMEDY, TRANSIENT
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import backoff, retry_after
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import connections
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.pacing import Bandwidth, Gate

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "2018-11-09"  # the last that answers every Put Page with the MD5 of what arrived
_GOOD = (200, 201, 206)
_BUSY = (429, 503)
_DENIED = (401, 403)
_SOURCE_DENIED = "CannotVerifyCopySource"  # with the status of the other blob, so it says nothing of our permission
_FIRST_PAUSE, _LONGEST_PAUSE = 0.75, 40.0  # less up to a half, at random
_LONGEST_ASKED = 600.0  # by a service that is busy; a date in the past asks for nothing
_SECRET = re.compile(r"(?i)\b(sig|authorization|skoid|se|sp)=[^&\s\"'<]+")


@dataclass(frozen=True)
class Access:
    """Permission to use one blob: its address, SAS included, and headers such as a bearer token.

    :ivar renew_at: when to ask for another one, on the clock ``time.monotonic``; ``None``: only when it is refused.
    """

    url: str = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    renew_at: float | None = None


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


@dataclass(frozen=True)
class _Call:
    """What is asked; see :meth:`BlobClient.request`."""

    method: str
    comp: str
    headers: dict[str, str]
    body: memoryview | None
    into: memoryview | None

    @property
    def size(self) -> int:
        """Bytes of its body, or of the answer's."""
        return len(self.into if self.into is not None else self.body or b"")


class Refused(GoldenImageError):  # noqa: N818 - reads as what happened
    """The service refuses; asking again is no use.

    :ivar status: of HTTP.
    """

    status = 0
    code = ""


class BlobClient:
    """Requests to one blob; see the module.

    :param grant: returns the permission; called again when the service refuses the one before.
    :param renewed: as ``grant``, called while the permission before is still good.
    :param ca: a file or folder of certificate authorities, ``None`` for the usual ones.
    :param retries: how often one call is tried again; the pauses double from about half a second.
    :param timeout: seconds without a byte until a connection counts as broken.
    :param most: how many requests may be under way at once.
    :param bandwidth: bytes of bodies per second, ``None`` for no limit.
    """

    def __init__(
        self,
        grant: Callable[[], Access],
        *,
        renewed: Callable[[], Access] | None = None,
        ca: str | None = None,
        retries: int = 8,
        timeout: float = 60.0,
        most: int = 64,
        bandwidth: int | None = None,
    ) -> None:
        self._grant = grant
        self._renewed = renewed or grant
        self._access = grant()
        self._grant_lock = threading.Lock()
        self._retries = retries
        self._pool = connections.Pool(self._access.url, ca=ca, timeout=timeout)
        self._stopped = threading.Event()
        self._bandwidth = Bandwidth(bandwidth)
        self.gate = Gate(most)

    def request(
        self,
        what: str,
        method: str,
        comp: str,
        headers: dict[str, str],
        body: memoryview | None = None,
        into: memoryview | None = None,
    ) -> Answer:
        """One call, repeated until it is answered for good.

        :param what: for messages: ``Writing 512 bytes at 0``.
        :param comp: the query parameter of that name; empty for none.
        :param into: takes the body of a good answer, which must have just this length.
        :raises Refused: the service says no.
        :raises GoldenImageError: still failing after the retries, or stopped.
        """
        call = _Call(method, comp, headers, body, into)
        denied, attempt = False, 0
        while True:
            access = self._current()
            try:
                answer = self._paced(access, call)
            except ssl.SSLCertVerificationError as error:
                raise GoldenImageError(
                    f"{what} of {self.place} failed: the server's certificate is not trusted ({error.verify_message}).",
                    remedy=CA_REMEDY,
                ) from None
            except connections.BROKEN as error:
                problem, asked = f"{type(error).__name__}: {scrub(str(error))}".rstrip(": "), None
            else:
                if answer.status in _GOOD:
                    self.gate.answered()
                    return answer
                problem = f"HTTP {answer.status} {answer.code}: {answer.message}".rstrip(": ")
                ours = answer.status in _DENIED and answer.code != _SOURCE_DENIED
                if ours and not denied and not self._stopped.is_set():
                    denied = True
                    self._replace(access, self._grant)
                    continue
                if answer.status not in TRANSIENT:
                    raise self._refusal(what, problem, answer)
                if answer.status in _BUSY:
                    self.gate.refused()
                asked = retry_after(answer.headers)
            attempt += 1
            if self._stopped.is_set() or attempt > self._retries:
                raise GoldenImageError(f"{what} of {self.place} failed: {problem}.", remedy=_AGAIN)
            pause = backoff(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)
            self._stopped.wait(pause + min(asked or 0.0, _LONGEST_ASKED))

    def abort(self) -> None:
        """Stop retries and break the connections."""
        self._stopped.set()
        self.gate.throw_open()
        self._pool.shut_down()

    def close(self) -> None:
        """Close the connections; no call may be under way."""
        self._pool.close()

    @property
    def place(self) -> str:
        """The blob's address without its permission."""
        parts = urlsplit(self._access.url)
        return f"{parts.hostname}{parts.path}"

    @property
    def access(self) -> Access:
        """The permission, good for some minutes at least: for a service that shall read the blob itself."""
        return self._current()

    def _paced(self, access: Access, call: _Call) -> Answer:
        delay = self._bandwidth.reserve(call.size) if call.size else 0.0
        if delay > 0:
            self._stopped.wait(delay)
        with self.gate.passing():
            return self._once(access, call)

    def _once(self, access: Access, call: _Call) -> Answer:
        parts = urlsplit(access.url)
        query = "&".join(part for part in (f"comp={call.comp}" if call.comp else "", parts.query) if part)
        target = self._pool.target(f"{parts.path}?{query}" if query else parts.path)
        length = {} if call.body is None else {"Content-Length": str(len(call.body))}
        sent = {"x-ms-version": VERSION, **length, **call.headers, **access.headers}
        with self._pool.connection() as connection:
            connection.request(call.method, target, call.body, sent)
            response = connection.getresponse()
            if call.into is None or response.status not in _GOOD:
                return Answer(response.status, response.headers, response.read())
            connections.fill(call.into, response)
            if response.read(1):  # longer than what was asked for
                raise http.client.IncompleteRead(b"")
            return Answer(response.status, response.headers, b"")

    def _current(self) -> Access:
        access = self._access
        if access.renew_at is not None and time.monotonic() >= access.renew_at:
            self._replace(access, self._renewed)
        return self._access

    def _replace(self, old: Access, grant: Callable[[], Access]) -> None:
        with self._grant_lock:
            if self._access is old:  # no other thread was faster
                self._access = grant()

    def _refusal(self, what: str, problem: str, answer: Answer) -> Refused:
        remedy = _AGAIN
        if answer.status in _DENIED:
            remedy = "Check that the permission is still valid, that the clock is right, and the network rules."
        error = Refused(f"{what} of {self.place} failed: {problem}.", remedy=remedy)
        error.status, error.code = answer.status, answer.code
        return error


_AGAIN = "Run again: it goes on where it stopped, and what is not complete is never taken for complete."


def scrub(text: str) -> str:
    """Return the text without signatures and other parts of a SAS."""
    return _SECRET.sub(r"\1=***", text)


def _xml_text(body: bytes, tag: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>".encode(), body, re.DOTALL)
    return found[1].decode(errors="replace").strip() if found else ""
