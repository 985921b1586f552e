# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying again: what may be repeated, when, and how often.

Reads, logins and calls of the storage service are repeated below the SDK, by :class:`Patient`. Writes to the management
API are repeated by :func:`persist`, because one whose answer was lost may have been carried out all the same: whatever
it began is waited for first, so that nothing is begun twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import (
    TRANSIENT,
    AzureError,
    Unreachable,
    sdk_import,
    was_sent,
    will_stay,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.operations import (
    FAILURES,
    Reply,
    Request,
    Waiter,
    provisioning_state,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace, backoff, retry_after

READS = frozenset({"GET", "HEAD"})
ONCE = "goldenimage_once"
"""The option of a request that :class:`Patient` must not repeat: the waiter repeats its polls itself."""

ATTEMPTS, BUSY_ATTEMPTS, CONNECT_ATTEMPTS = 8, 30, 4
"""How often one request is made at most: in general (half a minute), after a 429 that says when to come back, where nobody
is there."""

UNCLEAR = "Azure may have carried it out all the same, or still be busy with it: run the task again, it takes that up."

Done = Callable[[Any], bool]
"""Whether nothing is left to do, by the resource as it is: wire JSON, ``None`` if it does not exist."""

_WITH_A_DATE = frozenset({409, 423})
_UNDER_WAY = frozenset(
    {"anotheroperationinprogress", "conflict", "operationpreempted", "resourcegroupbeingdeleted", "retryableerror"}
)


@dataclass(frozen=True)
class Trouble:
    """Why an attempt failed in passing.

    :ivar text: for the report: ``Azure is busy (HTTP 503)``, ``Azure does not answer``.
    :ivar asked: seconds that Azure asks to wait.
    :ivar attempts: after how many it is given up.
    """

    text: str
    asked: float | None = None
    attempts: int = ATTEMPTS

    @classmethod
    def of_answer(cls, status: int, headers: Mapping[str, str]) -> Trouble | None:
        """``None``: the answer will be the same next time. A conflict passes if Azure says when."""
        asked = retry_after(headers)
        if status not in TRANSIENT and not (status in _WITH_A_DATE and asked is not None):
            return None
        return cls(
            f"Azure is busy (HTTP {status})", asked, BUSY_ATTEMPTS if status == 429 and asked is not None else ATTEMPTS
        )

    @classmethod
    def of_silence(cls, text: str) -> Trouble | None:
        """No answer, and the reason in the SDK's words; ``None``: there will be none the next time either."""
        if will_stay(text):
            return None
        return cls("Azure does not answer", None, ATTEMPTS if was_sent(text) else CONNECT_ATTEMPTS)

    @classmethod
    def of_error(cls, error: AzureError | Unreachable) -> Trouble | None:
        if isinstance(error, Unreachable):
            return cls.of_silence(error.message)
        return cls.of_answer(error.status, error.headers)


class Retries:
    """The attempts at one request, within the time limit of the pace."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._end = pace.clock() + pace.timeout
        self._failures = 0

    def again(self, trouble: Trouble | None) -> bool:
        """Wait until it is time for another attempt; ``False``: there shall be none."""
        self._failures += 1
        if trouble is None or self._failures >= trouble.attempts:
            return False
        wait = (trouble.asked or 0.0) + backoff(self._failures)
        if self._pace.clock() + wait > self._end:
            return False
        self._pace.pause(wait, lambda rest: f"{trouble.text}, trying again in {rest:.0f} s")
        return True


class Patient:
    """An azure-core transport that repeats what fails in passing, with the jitter and the reports of this collection.

    :param transport: the connections.
    :param methods: the HTTP methods that may be repeated; ``None``: all.
    """

    def __init__(self, transport: Any, pace: Pace, *, methods: frozenset[str] | None = None) -> None:
        self._transport = transport
        self._pace = pace
        self._methods = methods

    def send(self, request: Any, **options: Any) -> Any:
        """One request, or several until one is answered for good."""
        once = options.pop(ONCE, False)
        if once or (self._methods is not None and request.method not in self._methods):
            return self._transport.send(request, **options)
        with sdk_import():
            from azure.core import exceptions
        broken = (exceptions.ServiceRequestError, exceptions.ServiceResponseError, exceptions.IncompleteReadError)
        retries = Retries(self._pace)
        while True:
            try:
                response = self._transport.send(request, **options)
            except broken as error:
                if not retries.again(Trouble.of_silence(str(error))):
                    raise
            else:
                if not retries.again(Trouble.of_answer(response.status_code, response.headers)):
                    return response

    def open(self) -> None:
        self._transport.open()

    def close(self) -> None:
        self._transport.close()

    def sleep(self, seconds: float) -> None:
        """For policies of the SDK that wait."""
        self._transport.sleep(seconds)

    def __enter__(self) -> Patient:
        self.open()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def persist(
    attempt: Callable[[], Reply],
    sent: Callable[[], Request | None],
    waiter: Waiter,
    pace: Pace,
    *,
    done: Done | None = None,
) -> Reply:
    """Make one write to the management API, again if it fails in passing.

    :param attempt: makes the request once.
    :param sent: the request, as soon as it was made.
    :param done: for a PUT or POST that is not the same when done twice: whether a lost one was carried out, by the
        resource as it is then.
    :returns: Azure's answer; the resource or an empty 204 where a lost request turns out to have been carried out.
    :raises AzureError, Unreachable: refused, or given up; ``error.unclear`` says that it may have been carried out.
    """
    retries = Retries(pace)
    unclear = False
    while True:
        try:
            return attempt()
        except (AzureError, Unreachable) as error:
            status = getattr(error, "status", 0)
            request = sent()
            if unclear and status == 404 and request and request.method == "DELETE":
                return Reply(204)
            trouble = Trouble.of_error(error)
            if trouble is None and unclear and _is_under_way(error):
                trouble = Trouble("the first request is still under way")
            again = retries.again(trouble)
            error.unclear = unclear = unclear or error.unclear
            if not again:
                if unclear and trouble is not None:
                    error.remedy = UNCLEAR
                raise
        carried_out = _carried_out(request, waiter, done) if unclear and request else None
        if carried_out is not None:
            return carried_out


def _is_under_way(error: AzureError | Unreachable) -> bool:
    """A conflict with our own earlier request, whose answer was lost."""
    if not isinstance(error, AzureError) or error.status != 409:
        return False
    return error.code.lower() in _UNDER_WAY or "in progress" in error.message.lower()


def _carried_out(request: Request, waiter: Waiter, done: Done | None) -> Reply | None:
    """Wait for whatever a lost request began; what stands for its answer if it needs no repetition."""
    try:
        found = waiter.settle(_resource(request))
    except AzureError:  # not readable: repeating is what is left
        return None
    if request.method == "DELETE":
        return Reply(204) if found is None else None
    if done is None or not done(found):
        return None
    return Reply(204) if request.method == "POST" else Reply(200, {}, found)


def made(found: Mapping[str, Any] | None) -> bool:
    """For the PUT of what did not exist: whether it exists now, and has not failed."""
    return found is not None and provisioning_state(found) not in FAILURES


def _resource(request: Request) -> str:
    """The address of what a write is about: for a POST, of what the action is done to."""
    parts = urlsplit(request.url)
    path = parts.path.rpartition("/")[0] if request.method == "POST" else parts.path
    version = parse_qs(parts.query).get("api-version", [""])[0]
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode({"api-version": version}), ""))
