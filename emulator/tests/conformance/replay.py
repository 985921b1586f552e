# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repeat a recorded scenario against the emulator.

Every exchange is sent in its order. All polls of one operation are one step: ours is followed to its end where the
recording stopped polling, and both its first and its last answer are compared. The emulator's clock stands still
meanwhile and moves only while an operation is followed, so that an operation runs as long as the recorded client saw
it running.

What recordings do not say: how long their clients slept between two requests (so a write that is refused here and was
not there is repeated once, later), and, where the recorder put equal requests together, when a repeated read was really
asked (so one that differs is asked again after each later step). Resources that a scenario reads or uses before it, or
anybody in it, made them are made beforehand. What a recording itself makes impossible is left out, with the reason.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance import compare, rebuild
from conformance.recording import OPERATION_HEADERS, Exchange, Scenario, Step, is_running, operation_id
from conformance.translate import RECORDED_SUBSCRIPTION, Translation

if TYPE_CHECKING:
    import httpx
    from azure_process import LocalAzure

_MINUTES = 120  # of the emulator's time, until an operation must be over
_SLEEP = 300  # seconds of it, when a client must have waited
_MANAGEMENT = ("/subscriptions", "/providers", "/tenants")
#: States of resources that become ready without an operation that could be followed.
_WITHOUT_OPERATION = ("RegisteringDns",)


@dataclass
class Outcome:
    """One step: agreed when there are no reasons, left out when ``left_out`` says why."""

    step: Step
    reasons: list[str] = field(default_factory=list)
    left_out: str = ""

    @property
    def agreed(self) -> bool:
        return not self.reasons and not self.left_out


@dataclass
class Result:
    """What came of one scenario."""

    name: str
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def agreed(self) -> int:
        return sum(outcome.agreed for outcome in self.outcomes)

    @property
    def left_out(self) -> int:
        return sum(bool(outcome.left_out) for outcome in self.outcomes)

    @property
    def compared(self) -> int:
        return len(self.outcomes) - self.left_out

    @property
    def share(self) -> float:
        return self.agreed / self.compared if self.compared else 0.0


class Replay:
    """One run of one scenario on an emulator that has just been reset."""

    def __init__(self, azure: LocalAzure, scenario: Scenario) -> None:
        self._azure = azure
        self._client = azure.client
        self._scenario = scenario
        self._names = Translation(azure.subscription)
        #: Recorded operation -> header name -> our URL.
        self._operations: dict[str, dict[str, str]] = {}
        #: The last write's answer, and repeated reads that did not agree yet.
        self._started: httpx.Response | None = None
        self._open: list[Outcome] = []

    def run(self) -> Result:
        """Send every request in order."""
        # Recorded clients wait before they delete what held something; recordings keep no times.
        self._azure.control("latency", "PUT", name="realistic", seconds={"compute.gallery.linger": 0})
        self._azure.control("clock", freeze=None)
        result = Result(self._scenario.name)
        try:
            self._make_groups()
            self._make_prepared()
            before: Step | None = None
            for step in self._scenario.steps:
                again = self._scenario.grouped and before is not None and before.request == step.request
                if again and self._started is not None:
                    self._finish(self._started)
                result.outcomes.append(self._outcome(step))
                self._ask_again()
                if again and step.exchange.method == "GET" and result.outcomes[-1].reasons:
                    self._open.append(result.outcomes[-1])
                before = step
        finally:
            self._azure.control("clock", run=True)
        return result

    def _ask_again(self) -> None:
        for outcome in list(self._open):
            if not self._compare(outcome.step.exchange, self._send(outcome.step.exchange)):
                outcome.reasons.clear()
                self._open.remove(outcome)

    def _outcome(self, step: Step) -> Outcome:
        if step.orphan:
            return Outcome(step, left_out="its operation begins in no recorded exchange")
        if step.polls:
            return Outcome(step, self._follow(step))
        if not step.exchange.path.lower().startswith(_MANAGEMENT):
            return Outcome(step, left_out="it was sent to another API than Azure Resource Manager")
        answer = self._send(step.exchange)
        if answer.status_code == 409 and step.exchange.status < 300:
            self._azure.control("clock", advance=_SLEEP)
            answer = self._send(step.exchange)
        reasons = self._compare(step.exchange, answer)
        self._learn(step.exchange, answer)
        self._started = answer
        if step.unwatched and answer.status_code < 300:
            self._finish(answer)
        elif answer.status_code < 300 and compare.state(compare.body_of(answer)) in _WITHOUT_OPERATION:
            # Its client has read it again and again until it was ready.
            self._azure.control("clock", advance=_SLEEP)
        return Outcome(step, reasons)

    def _compare(self, exchange: Exchange, answer: httpx.Response) -> list[str]:
        recorded = compare.own(exchange, self._scenario.groups)
        return list(compare.differences(recorded, answer, retry_after=self._scenario.retry_after))

    # --- what a scenario finds when it begins ----------------------------------------------------------------------
    def _make_groups(self) -> None:
        """Resource groups that are used and not made by the recording."""
        made = set()
        for exchange in self._scenario.exchanges:
            group = exchange.group
            if not group or group.lower() in made:
                continue
            made.add(group.lower())
            whole = exchange.path.lower().endswith(f"/{group.lower()}")
            absent = exchange.status == 404 and (whole or compare.code(exchange.response) == "ResourceGroupNotFound")
            if absent or (whole and exchange.method in ("PUT", "HEAD")):
                continue
            self._client.put(
                self._names.path(f"/subscriptions/{RECORDED_SUBSCRIPTION}/resourcegroups/{group}"),
                params={"api-version": "2021-04-01"},
                json=self._group(group),
            ).raise_for_status()

    def _make_prepared(self) -> None:
        """Accounts, vaults and the like that a test's preparation made and did not record."""
        for path, found in rebuild.prepared(self._scenario):
            answer = self._client.put(
                self._names.path(path),
                params=self._names.query(found.query),
                content=self._names.body(found.request),
                headers={"content-type": "application/json"},
            )
            if answer.status_code < 300:
                self._finish(answer)
                self._azure.control("clock", advance=_SLEEP)

    def _group(self, name: str) -> dict[str, Any]:
        """Location and tags of a group: as it is read later, or of the first resource in it."""
        answers = [e for e in self._scenario.exchanges if isinstance(e.response, dict) and "location" in e.response]
        inside = [e for e in answers if f"/resourcegroups/{name}/".lower() in f"{e.path}/".lower()]
        own = [e for e in inside if e.path.lower().endswith(f"/{name}".lower()) and e.method == "GET"]
        body = {"location": (own or inside)[0].response["location"] if inside else "westus"}
        return body | ({"tags": own[0].response["tags"]} if own and own[0].response.get("tags") else {})

    # --- requests --------------------------------------------------------------------------------------------------
    def _send(self, exchange: Exchange) -> httpx.Response:
        request = exchange.request
        if request in (None, "") and exchange.method in ("PUT", "PATCH"):
            # This recording has lost its bodies: the answer shows what was asked for.
            request = rebuild.request(exchange, self._scenario)
        body = None if request in (None, "") else self._names.body(request)
        return self._client.request(
            exchange.method,
            self._names.path(exchange.path),
            params=self._names.query(exchange.query),
            content=body,
            headers={"content-type": "application/json"} if body else {},
        )

    def _learn(self, exchange: Exchange, answer: httpx.Response) -> None:
        for name in OPERATION_HEADERS:
            if name in exchange.headers and name in answer.headers:
                self._operations.setdefault(operation_id(exchange.headers[name]), {})[name] = answer.headers[name]
        self._names.learn(exchange, compare.body_of(answer))

    # --- operations ------------------------------------------------------------------------------------------------
    def _follow(self, step: Step) -> list[str]:
        """Poll to the end; the differences of the first poll that sees it running and of the last ones."""
        monitors = [poll for poll in step.polls if _monitors(poll)]
        statuses = [poll for poll in step.polls if not _monitors(poll)]
        reasons: list[str] = []
        for polls, name in ((statuses, "azure-asyncoperation"), (monitors, "location")):
            if polls:
                reasons += self._follow_one(polls, name)
        return reasons

    def _follow_one(self, polls: list[Exchange], name: str) -> list[str]:
        ours = self._operations.get(operation_id(polls[-1].path), {})
        url = ours.get(name) or next(iter(ours.values()), None)
        if url is None:
            return ["the request before it started no operation"]
        reasons: list[str] = []
        first = self._client.get(url)
        if polls[0].running and _is_running(first):
            reasons += [f"while running: {reason}" for reason in self._compare(polls[0], first)]
        last = self._settle(first) if not polls[-1].running else first
        reasons += self._compare(polls[-1], last)
        self._names.learn(polls[-1], compare.body_of(last))
        return reasons

    def _finish(self, answer: httpx.Response) -> None:
        url = next((answer.headers[name] for name in OPERATION_HEADERS if name in answer.headers), None)
        if url:
            self._settle(self._client.get(url))

    def _settle(self, answer: httpx.Response) -> httpx.Response:
        """Poll until it is over, while the emulator's time goes on; file work may need real time too."""
        end = time.monotonic() + 30
        for minute in range(1_000_000):
            if not _is_running(answer):
                return answer
            if minute < _MINUTES:
                self._azure.control("clock", advance=60)
            elif time.monotonic() > end:
                return answer
            else:
                time.sleep(0.02)
            answer = self._client.get(answer.headers.get("location", str(answer.request.url)))
        return answer


def _monitors(exchange: Exchange) -> bool:
    return "monitor" in exchange.query


def _is_running(answer: httpx.Response) -> bool:
    return is_running(answer.status_code, compare.body_of(answer) if answer.status_code == 200 else None)


def run(azure: LocalAzure, scenario: Scenario) -> Result:
    """Reset the emulator and repeat a scenario."""
    azure.control("reset")
    return Replay(azure, scenario).run()
