# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay recorded Azure traffic against the emulator and compare the answers.

Names that Azure made up while it was recorded (disk names, ids) differ here. Both answers to one request are walked side
by side, and what stands in the same place is exchanged in the requests that follow. All polls of one operation count as
one exchange: ours is followed to its end and compared with the recorded end.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

_RECORDED_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_OPERATION = re.compile(
    r"/(?:operations|DiskOperations|capsOperations|asyncoperations|operationresults)/([^/?]+)", re.IGNORECASE
)
_HEADERS = ("azure-asyncoperation", "location", "azure-asyncnotification")
_PASSWORD = "Replayed-12345"


@dataclass
class Exchange:
    """One recorded request and its answer; `polls` are later answers of the same operation."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    request: Any
    status: int
    headers: dict[str, str]
    response: Any

    @property
    def operation(self) -> str | None:
        found = _OPERATION.search(self.path)
        return found[1] if found else None


@dataclass
class Difference:
    """Where an exchange does not agree, and why."""

    exchange: Exchange
    reasons: list[str]

    def __str__(self) -> str:
        return f"{self.exchange.number} {self.exchange.method} {self.exchange.path[-80:]}: {'; '.join(self.reasons)}"


@dataclass
class Result:
    """What came of one scenario."""

    agreed: int = 0
    left_out: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def compared(self) -> int:
        return self.agreed + len(self.differences)


def load(path: Path) -> list[Exchange]:
    """The exchanges of one file; the polls of an operation are joined into its last one."""
    exchanges: list[Exchange] = []
    at: dict[tuple[str, bool], int] = {}
    with gzip.open(path, "rt") as file:
        for line in file:
            raw = json.loads(line)
            exchange = Exchange(
                raw["i"],
                raw["method"],
                raw["path"],
                raw["query"],
                _json(raw["request"]),
                raw["status"],
                raw["headers"],
                _json(raw["response"]),
            )
            key = (exchange.operation or "", "monitor" in exchange.query)
            if exchange.operation and key in at:
                exchanges[at[key]] = exchange
                continue
            if exchange.operation:
                at[key] = len(exchanges)
            exchanges.append(exchange)
    return exchanges


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if text.startswith("b'"):
        text = ast.literal_eval(text).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


class Replay:
    """One run of one scenario."""

    def __init__(self, client: httpx.Client, subscription: str, leave_out: re.Pattern[str]) -> None:
        self._client = client
        self._leave_out = leave_out
        self._known: dict[str, str] = {_RECORDED_SUBSCRIPTION: subscription}
        self._operations: dict[str, dict[str, str]] = {}

    def run(self, exchanges: list[Exchange]) -> Result:
        """Send every request in order."""
        result = Result()
        self._make_groups(exchanges)
        for exchange in exchanges:
            if self._leave_out.search(exchange.path) or "Microsoft.Resources/deployments" in exchange.path:
                result.left_out += 1
                continue
            answer = self._poll(exchange) if exchange.operation else self._send(exchange)
            if answer is None:
                result.left_out += 1
                continue
            reasons = list(_compare(exchange, answer))
            self._learn(exchange, answer)
            if reasons:
                result.differences.append(Difference(exchange, reasons))
            else:
                result.agreed += 1
        return result

    def _make_groups(self, exchanges: list[Exchange]) -> None:
        """Resource groups that exist before the recording begins."""
        made = set()
        for exchange in exchanges:
            found = re.search(r"/resourcegroups/([^/]+)", exchange.path, re.IGNORECASE)
            if not found or found[1].lower() in made:
                continue
            made.add(found[1].lower())
            whole = exchange.path.lower().endswith(f"/{found[1].lower()}")
            if whole and exchange.method == "PUT":
                continue
            location = next((e.response["location"] for e in exchanges if _has_location(e, found[1])), "westus")
            tags = (
                exchange.response.get("tags") if whole and exchange.method == "GET" and exchange.status == 200 else None
            )
            self._client.put(
                self._translate(f"/subscriptions/{_RECORDED_SUBSCRIPTION}/resourcegroups/{found[1]}"),
                params={"api-version": "2021-04-01"},
                json={"location": location, **({"tags": tags} if tags else {})},
            ).raise_for_status()

    def _send(self, exchange: Exchange) -> httpx.Response:
        body = None
        if exchange.request not in (None, ""):
            body = self._translate(json.dumps(exchange.request).replace('"REDACTED"', f'"{_PASSWORD}"'))
        return self._client.request(
            exchange.method,
            self._translate(exchange.path),
            params=exchange.query,
            content=body,
            headers={"content-type": "application/json"} if body else {},
        )

    def _poll(self, exchange: Exchange) -> httpx.Response | None:
        ours = self._operations.get(exchange.operation or "")
        if ours is None:
            return None
        url = ours[
            "location" if "monitor" in exchange.query or "azure-asyncoperation" not in ours else "azure-asyncoperation"
        ]
        end = time.monotonic() + 30
        while True:
            answer = self._client.get(url)
            running = answer.status_code == 202 or (answer.content and answer.json().get("status") == "InProgress")
            if not running or time.monotonic() > end:
                return answer
            url = answer.headers.get("location", url)
            time.sleep(0.02)

    def _translate(self, text: str) -> str:
        for recorded, ours in self._known.items():
            text = re.sub(re.escape(recorded), lambda _, ours=ours: ours, text, flags=re.IGNORECASE)
        return text

    def _learn(self, exchange: Exchange, answer: httpx.Response) -> None:
        for name in ("azure-asyncoperation", "location"):
            found = _OPERATION.search(exchange.headers.get(name, ""))
            if found and name in answer.headers:
                self._operations.setdefault(found[1], {})[name] = answer.headers[name]
        if answer.content and "json" in answer.headers.get("content-type", ""):
            for recorded, ours in _pairs(exchange.response, answer.json()):
                self._learn_text(recorded, ours)

    def _learn_text(self, recorded: str, ours: str) -> None:
        for one, other in zip(recorded.split("/"), ours.split("/"), strict=False):
            if len(one) > 20 and one.lower() != other.lower() and len(recorded.split("/")) == len(ours.split("/")):
                self._known.setdefault(one, other)


def _has_location(exchange: Exchange, group: str) -> bool:
    return (
        isinstance(exchange.response, dict)
        and "location" in exchange.response
        and group.lower() in exchange.path.lower()
    )


def _pairs(recorded: Any, ours: Any) -> Iterator[tuple[str, str]]:
    """Texts in the same place of two answers."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in recorded.keys() & ours.keys() - {"tags"}:
            yield from _pairs(recorded[key], ours[key])
    elif isinstance(recorded, list) and isinstance(ours, list):
        for one, other in zip(recorded, ours, strict=False):
            yield from _pairs(one, other)
    elif isinstance(recorded, str) and isinstance(ours, str):
        yield recorded, ours


def _compare(exchange: Exchange, answer: httpx.Response) -> Iterator[str]:
    if exchange.status != answer.status_code:
        yield f"status {answer.status_code}, recorded {exchange.status}: {answer.text[:300]}"
        return
    for name in _HEADERS:
        if (name in exchange.headers) != (name in answer.headers):
            yield f"header {name} {'missing' if name in exchange.headers else 'not recorded'}"
    ours = answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else ""
    recorded = exchange.response if exchange.response is not None else ""
    if _state(ours) != _state(recorded):
        yield f"state {_state(ours)}, recorded {_state(recorded)}"
    if _code(ours) != _code(recorded):
        yield f"error {_code(ours)}, recorded {_code(recorded)}"
    more, less = keys(ours) - keys(recorded), keys(recorded) - keys(ours)
    if more:
        yield f"additional {', '.join(sorted(more))}"
    if less:
        yield f"missing {', '.join(sorted(less))}"


def keys(value: Any, prefix: str = "") -> set[str]:
    """All paths of an answer; members of arrays share theirs."""
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in ({f"{prefix}{key}"} | keys(inner, f"{prefix}{key}."))}
    if isinstance(value, list):
        return {path for inner in value for path in keys(inner, f"{prefix}[].")}
    return set()


def _state(body: Any) -> Any:
    if not isinstance(body, dict):
        return None
    if "status" in body:
        return body["status"]
    properties = body.get("properties")
    return properties.get("provisioningState") if isinstance(properties, dict) else None


def _code(body: Any) -> Any:
    error = (body.get("error") or body.get("Error")) if isinstance(body, dict) else None
    return (error.get("code") or error.get("Code")) if isinstance(error, dict) else None
