# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one waiter: follows Azure's long-running operations to their end.

Azure has two protocols, and its services mix them:

* ``Azure-AsyncOperation``: poll that address for ``{"status": …}``, always HTTP 200, a failure included. Afterwards the
  result of a PUT or PATCH is the resource itself, that of a POST is ``properties.output`` or what ``Location`` gives.
* ``Location`` alone: poll that address until it no longer answers 202; the last answer is the result.

Whichever it is, the address is opaque, and one given by a poll replaces the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import (
    TRANSIENT,
    ErrorBody,
    OperationFailed,
    OperationTimeout,
    Unreachable,
    from_response,
    will_stay,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace, backoff, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES = frozenset({"failed", "canceled", "cancelled"})
TERMINAL = frozenset({"succeeded", *FAILURES})

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.2, 10.0, 1.6
_IMMEDIATE_LONGEST = 1.0


@dataclass(frozen=True)
class Reply:
    """One HTTP answer.

    :ivar headers: looked up without regard to case.
    :ivar body: the JSON value; ``None`` when empty or not JSON.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def failed(self) -> bool:
        return self.status >= 400

    def text(self, name: str) -> str:
        """The text at the top of the body, or an empty one."""
        value = self.body.get(name) if isinstance(self.body, Mapping) else None
        return value if isinstance(value, str) else ""

    @property
    def resource(self) -> dict[str, Any] | None:
        return dict(self.body) if isinstance(self.body, Mapping) else None


@dataclass(frozen=True)
class Request:
    """The write that began the operation: the method, and the full address of what it was sent to."""

    method: str
    url: str


def provisioning_state(resource: Any) -> str:
    """``properties.provisioningState`` in lower case; empty if it has none."""
    properties = resource.get("properties") if isinstance(resource, Mapping) else None
    state = properties.get("provisioningState") if isinstance(properties, Mapping) else None
    return state.lower() if isinstance(state, str) else ""


class Waiter:
    """Waits for one thing, within one time limit.

    :param get: one GET, without any retry; raises Unreachable when there is no answer.
    :param what: what is being done, after the words "Could not": ``create disk d``.
    :param pace: the time limit, the clock, and who is told what is waited for.
    """

    def __init__(self, get: Callable[[str], Reply], what: str, pace: Pace | None = None) -> None:
        self._get = get
        self._what = what
        self._pace = pace or Pace()
        self._began = self._pace.clock()
        self._pauses = 0
        self._state = ""

    def finish(self, request: Request, reply: Reply) -> dict[str, Any] | None:
        """Follow the operation that the reply begins, if it begins one.

        :param reply: the answer to the write.
        :returns: the resource after a PUT or PATCH, the output after a POST, otherwise ``None``.
        :raises OperationFailed: Azure says that it failed or was cancelled.
        :raises OperationTimeout: the time limit has passed; the operation goes on.
        """
        if reply.headers.get("Azure-AsyncOperation"):
            return self._operation(request, reply)
        if reply.status == 202 and reply.headers.get("Location"):
            reply = self._location(request, reply)
        if request.method not in {"PUT", "PATCH"}:
            return reply.resource
        return self._succeeded(self.settle(request.url, first=reply if reply.resource else None))

    def settle(self, url: str, *, first: Reply | None = None) -> dict[str, Any] | None:
        """Wait until a resource is in no transition any more, whoever began it.

        :returns: the resource, ``None`` if it does not exist (any more). Its state may be ``Failed``.
        """
        reply = first or self._ask(url)
        while not reply.failed and _unsettled(reply.resource):
            self._pause(reply, provisioning_state(reply.resource))
            reply = self._ask(url)
        if reply.status == 404:
            return None
        self._raise_for(reply)
        return reply.resource

    def _operation(self, request: Request, reply: Reply) -> dict[str, Any] | None:
        url, location = reply.headers["Azure-AsyncOperation"], reply.headers.get("Location")
        self._pause(reply, "accepted")
        while True:
            reply = self._ask(url)
            if reply.status == 404 and request.method in {"PUT", "PATCH"}:
                break  # Azure keeps finished operations for a while only: the resource knows how it ended
            self._raise_for(reply)
            state = reply.text("status").lower() or provisioning_state(reply.resource)
            if state in FAILURES:
                raise OperationFailed(
                    self._what,
                    _operation_error(reply),
                    request_id=reply.headers.get("x-ms-request-id", ""),
                    operation=reply.text("name"),
                )
            if state == "succeeded" or (not state and reply.status != 202):
                break
            url = reply.headers.get("Azure-AsyncOperation") or url
            location = reply.headers.get("Location") or location
            self._pause(reply, reply.text("status"))
        return self._result(request, reply, location)

    def _result(self, request: Request, reply: Reply, location: str | None) -> dict[str, Any] | None:
        if request.method in {"PUT", "PATCH"}:
            return self._succeeded(self.settle(request.url))
        if request.method != "POST":
            return None
        properties = reply.resource.get("properties") if reply.resource else None
        if isinstance(properties, Mapping) and "output" in properties:
            output = properties["output"]
            return dict(output) if isinstance(output, Mapping) else {"output": output}
        return self._location(request, Reply(202, {"Location": location}), at_once=True).resource if location else None

    def _succeeded(self, resource: dict[str, Any] | None) -> dict[str, Any] | None:
        """A resource may have failed although nothing said so but its own state."""
        if provisioning_state(resource) in FAILURES:
            raise OperationFailed(self._what, _operation_error(Reply(200, {}, resource)), resource=resource)
        return resource

    def _location(self, request: Request, reply: Reply, *, at_once: bool = False) -> Reply:
        url = reply.headers["Location"]
        if not at_once:
            self._pause(reply, "accepted")
        while True:
            reply = self._ask(url)
            if reply.status == 404 and request.method == "DELETE":
                return Reply(204)
            self._raise_for(reply)
            if reply.status != 202:
                return reply
            url = reply.headers.get("Location") or url
            self._pause(reply, reply.text("status"))

    def _ask(self, url: str) -> Reply:
        """Poll once; no answer and answers that mean nothing are asked again until the time limit."""
        failures = 0
        while True:
            failures += 1
            try:
                reply = self._get(url)
            except Unreachable as error:
                if will_stay(error.message):
                    raise
                self._pause(Reply(0), f"no answer, trying again ({error.message})", failures)
                continue
            if reply.status not in TRANSIENT:
                return reply
            self._pause(reply, f"HTTP {reply.status}, trying again", failures)

    def _raise_for(self, reply: Reply) -> None:
        if reply.failed:
            raise from_response(self._what, reply.status, reply.headers, reply.body)

    def _elapsed(self) -> float:
        return self._pace.clock() - self._began

    def _pause(self, reply: Reply, state: str, failures: int = 0) -> None:
        """Wait as long as Azure asks for, otherwise longer each time; never beyond the time limit.

        :param failures: how many polls in a row failed.
        :raises OperationTimeout: it has passed.
        """
        self._state = state or self._state
        left = self._pace.timeout - self._elapsed()
        if left <= 0:
            raise OperationTimeout(
                f"Could not {self._what} within {self._pace.timeout:g} s (last state: {self._state or 'unknown'}).",
                remedy="The operation goes on in Azure. Run the task again to wait for it, or raise wait_timeout.",
            )
        asked = retry_after(reply.headers)
        if failures:
            seconds = (asked or 0.0) + backoff(failures)
        else:
            longest = _LONGEST_PAUSE if asked is None else _IMMEDIATE_LONGEST
            seconds = asked or min(longest, _FIRST_PAUSE * _GROWTH**self._pauses)
            self._pauses = min(self._pauses + 1, 50)
        self._pace.pause(min(seconds, left), lambda _rest: f"{self._what}: {self._state}, {self._elapsed():.0f} s")


def _unsettled(resource: Any) -> bool:
    state = provisioning_state(resource)
    return bool(state) and state not in TERMINAL


def _operation_error(reply: Reply) -> ErrorBody:
    """The error of an operation or a failed resource; without one, at least how it ended."""
    body = reply.body if isinstance(reply.body, Mapping) else {}
    properties = body.get("properties")
    for candidate in (body.get("error"), properties.get("error") if isinstance(properties, Mapping) else None):
        parsed = ErrorBody.parse(candidate)
        if parsed.code or parsed.message:
            return parsed
    state = reply.text("status") or provisioning_state(body).capitalize()
    return ErrorBody(f"Operation{state}", f"Azure ended the operation as {state} without an explanation")
