# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded scenarios: one exchange a line, in order, as ``<name>.jsonl.gz``."""

from __future__ import annotations

import ast
import gzip
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GROUP = re.compile(r"/resourcegroups/([^/]+)", re.IGNORECASE)
OPERATION_HEADERS = ("azure-asyncoperation", "location")


@dataclass
class Exchange:
    """One recorded request and its answer."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    request: Any
    status: int
    headers: dict[str, str]
    response: Any

    @property
    def operations(self) -> list[str]:
        """Ids of the operation that this answer starts (or goes on with)."""
        return list(
            dict.fromkeys(operation_id(self.headers[name]) for name in OPERATION_HEADERS if name in self.headers)
        )

    @property
    def running(self) -> bool:
        """Whether a poll found its operation running."""
        return is_running(self.status, self.response)

    @property
    def group(self) -> str | None:
        """The resource group that its path names."""
        found = _GROUP.search(self.path)
        return found[1] if found else None


@dataclass
class Step:
    """What counts once: a request, or all polls of one operation (then ``exchange`` is the last of them)."""

    exchange: Exchange
    polls: list[Exchange] = field(default_factory=list)
    #: A poll whose operation begins in no recorded exchange cannot be repeated.
    orphan: bool = False
    #: Nobody in the recording waits for the operation that this request starts.
    unwatched: bool = False

    @property
    def request(self) -> tuple[str, str, str]:
        """What makes two requests equal but for their bodies."""
        return self.exchange.method, self.exchange.path.lower(), str(sorted(self.exchange.query.items()))

    @property
    def name(self) -> str:
        what = self.exchange
        numbers = f"{self.polls[0].number}-{what.number}" if len(self.polls) > 1 else str(what.number)
        return f"{numbers} {what.method} {short(what.path)}"


@dataclass
class Scenario:
    name: str
    steps: list[Step]
    exchanges: list[Exchange]
    #: Whether the recording kept ``Retry-After`` (some have it removed, or set to 0 everywhere).
    retry_after: bool
    #: Whether the recorder put equal requests together, so that their order is lost (that of the .NET libraries).
    grouped: bool

    @property
    def groups(self) -> set[str]:
        """Resource groups that the scenario's requests name, in lower case."""
        return {exchange.group.lower() for exchange in self.exchanges if exchange.group}


def is_running(status: int, body: Any) -> bool:
    """Whether a poll's answer says that its operation goes on."""
    state = body.get("status") if isinstance(body, dict) else None
    return status == 202 or (status == 200 and state in ("InProgress", "Running", "Accepted", "Updating"))


def operation_id(url: str) -> str:
    """The last part of an operation's URL; what is before it may have been renamed in the recording."""
    return urlsplit(url).path.rpartition("/")[2].lower()


def short(path: str) -> str:
    """A path without its subscription."""
    parts = path.split("/")
    return "/".join(["…", *parts[3:]]) if len(parts) > 3 and parts[1].lower() == "subscriptions" else path


def load(path: Path) -> Scenario:
    """The scenario of one file. Polls stand where the last of them stands: until then nobody waited for the result."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        exchanges = [_exchange(json.loads(line)) for line in file if line.strip()]
    _name_deployments(exchanges)
    steps: list[Step] = []
    polled: dict[str, Step] = {}
    known: set[str] = set()
    for exchange in exchanges:
        operation = operation_id(exchange.path)
        if exchange.method == "GET" and (operation in known or _looks_like_operation(exchange.path.lower())):
            step = polled.get(operation) or Step(exchange, orphan=operation not in known)
            if operation in polled:
                steps.remove(step)
            polled[operation] = step
            step.exchange = exchange
            step.polls.append(exchange)
            steps.append(step)
        else:
            steps.append(Step(exchange))
        known.update(exchange.operations)
    for step in steps:
        started = step.exchange.operations
        step.unwatched = not step.polls and bool(started) and not any(operation in polled for operation in started)
    kept = any(exchange.headers.get("retry-after", "0") != "0" for exchange in exchanges)
    if kept:
        _separate(steps)
    return Scenario(path.name.removesuffix(".jsonl.gz"), steps, exchanges, retry_after=kept, grouped=kept)


def _separate(steps: list[Step]) -> None:
    """Where equal writes were put together, each but the first goes to where its operation is followed, or (nobody did)
    behind the read with which clients end the write before."""
    for at in range(len(steps) - 1, 0, -1):
        step = steps[at]
        if step.polls or step.exchange.method == "GET" or steps[at - 1].request != step.request:
            continue
        started = step.exchange.operations
        follows = [n for n, other in enumerate(steps) if other.polls and _operation_of(other) in started]
        reads = [n + 1 for n, other in enumerate(steps) if n > at and _reads(other, step)]
        place = next(iter(follows or reads), 0)
        if place > at:
            steps.insert(place - 1, steps.pop(at))


def _reads(step: Step, written: Step) -> bool:
    return step.exchange.method == "GET" and step.exchange.path.lower() == written.exchange.path.lower()


def _operation_of(step: Step) -> str:
    return operation_id(step.exchange.path)


def _name_deployments(exchanges: list[Exchange]) -> None:
    """The recorder of azure-cli gives all deployments one name in the paths; their answers have kept their own."""
    name = _MOCKED
    for exchange in exchanges:
        if f"/{_MOCKED}" in exchange.path:
            if exchange.method != "GET" and isinstance(exchange.response, dict):
                name = exchange.response.get("name", name)
            exchange.path = exchange.path.replace(f"/{_MOCKED}", f"/{name}")


def scenarios(folder: Path) -> Iterator[Path]:
    """The files of a folder."""
    yield from sorted(folder.glob("*.jsonl.gz"), key=lambda path: path.name.lower())


_MOCKED = "mock-deployment"
_OPERATIONS = ("/operations/", "/diskoperations/", "/capsoperations/", "/asyncoperations/", "/operationresults/")


def _looks_like_operation(place: str) -> bool:
    return any(name in place for name in _OPERATIONS) or "/operationstatuses/" in place


def _exchange(raw: dict[str, Any]) -> Exchange:
    headers = {name.lower(): value for name, value in raw["headers"].items()}
    request, response = _json(raw["request"]), _json(raw["response"])
    return Exchange(
        raw["i"], raw["method"].upper(), raw["path"], raw["query"], request, raw["status"], headers, response
    )


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if text.startswith("b'"):
        text = ast.literal_eval(text).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text
