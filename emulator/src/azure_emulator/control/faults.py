# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble on demand: a plan of rules, kept in the store, applied to requests before anything else sees them.

A rule is a JSON object::

    {"method": "PUT", "path": "regular expression", "probability": 0.1, "nth": 3, "times": 2,
     "fault": {"status": 429, "retry_after": 1}}     # or {"reset": true} or {"delay": seconds}

Without ``probability`` and ``nth`` a rule meets every request that fits; ``nth`` counts them from 1; ``times`` ends the
rule after so many faults. ``{"seed": N, "rules": […]}`` makes the probabilities repeatable. Counts live in memory.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_RULE_FIELDS = {"method", "path", "probability", "nth", "times", "fault"}
_FAULT_FIELDS = {"status", "retry_after", "reset", "delay"}
_CODES = {
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "Encountered internal server error."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable. Please try again later."),
    504: (
        "GatewayTimeout",
        "The gateway did not receive a response from 'Microsoft.Compute' within the specified time period.",
    ),
}


@dataclass(slots=True)
class Rule:
    """One rule of a plan, with its counts."""

    method: str
    path: re.Pattern[str]
    probability: float
    nth: int
    times: int
    status: int
    retry_after: int | None
    reset: bool
    delay: float
    seen: int = 0
    done: int = 0

    def meets(self, method: str, path: str, chance: random.Random) -> bool:
        """Whether this request gets the fault; counts it."""
        if (self.times and self.done >= self.times) or self.method not in ("", method) or not self.path.search(path):
            return False
        self.seen += 1
        if (self.nth and self.seen != self.nth) or (self.probability < 1 and chance.random() >= self.probability):
            return False
        self.done += 1
        return True


@dataclass(slots=True)
class Plan:
    """The rules in force."""

    rules: list[Rule] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)

    async def strike(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Apply the first rule that meets this request; whether it has been answered.

        :raises ConnectionResetError: when the connection is to be dropped.
        """
        for rule in self.rules:
            if rule.meets(scope["method"], scope["path"], self.chance):
                if rule.delay:
                    await asyncio.sleep(rule.delay)
                if rule.reset:
                    raise ConnectionResetError
                if rule.status:
                    await _response(rule)(scope, receive, send)
                return bool(rule.status)
        return False


def parse(value: dict[str, Any]) -> Plan:
    """A plan from a control request.

    :raises ValueError: naming what is wrong.
    """
    rules = value.get("rules", [])
    if set(value) - {"rules", "seed"} or not isinstance(rules, list):
        raise ValueError("give rules (a list) and, if you like, seed (a whole number)")
    return Plan([_rule(rule) for rule in rules], random.Random(value.get("seed")))  # noqa: S311 - repeatable on purpose


def _rule(value: Any) -> Rule:
    fault = value.get("fault") if isinstance(value, dict) else None
    if not isinstance(fault, dict) or set(value) - _RULE_FIELDS or set(fault) - _FAULT_FIELDS or not fault:
        raise ValueError(
            f"a rule has {sorted(_RULE_FIELDS)} and its fault one or more of {sorted(_FAULT_FIELDS)}, not {value!r}"
        )
    try:
        rule = Rule(
            method=str(value.get("method", "")).upper(),
            path=re.compile(str(value.get("path", "")), re.IGNORECASE),
            probability=float(value.get("probability", 1)),
            nth=int(value.get("nth", 0)),
            times=int(value.get("times", 0)),
            status=int(fault.get("status", 0)),
            retry_after=None if fault.get("retry_after") is None else int(fault["retry_after"]),
            reset=bool(fault.get("reset", False)),
            delay=float(fault.get("delay", 0)),
        )
    except (TypeError, ValueError, re.error) as error:
        raise ValueError(f"wrong value in rule {value!r}: {error}") from None
    if rule.status and not 400 <= rule.status <= 599:
        raise ValueError(f"status must be 400 to 599, not {rule.status}")
    return rule


def _response(rule: Rule) -> Response:
    code, message = _CODES.get(rule.status, ("Fault", "A planned fault."))
    headers = {"Retry-After": str(rule.retry_after)} if rule.retry_after is not None else {}
    body = json.dumps({"error": {"code": code, "message": message}})
    return Response(body, rule.status, headers, "application/json")
