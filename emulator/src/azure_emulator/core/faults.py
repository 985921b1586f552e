# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble on demand: the plan of faults, kept in the store, that requests and operations meet.

A plan is a JSON object. ``seed`` makes it repeatable: the n-th request that fits a rule always has the same fate.
Without one, a seed is chosen and returned::

    {"seed": 7,
     "rules": [{"method": "PUT", "path": "regular expression", "route": "Microsoft.Compute/disks/write",
                "probability": 0.1, "nth": 3, "times": 2, "when": "before",
                "fault": {"status": 429, "retry_after": 1}}],
     "operations": [{"effect": "compute.vm.create*", "code": "OSProvisioningTimedOut", "times": 1}]}

``route`` is a pattern of action names (``*/write``, without regard to case); disks' SAS and blobs are called
``Disk/blob/read``, ``Disk/blob/write``, ``Storage/blob/read``, ``Storage/blob/write``. Without ``probability`` and
``nth`` (a number or several, from 1) a rule meets every request that fits; ``times`` ends it after so many faults.
``when: after``: the request is carried out, its answer lost (to a status, a reset or a timeout). ``faults`` (a list)
instead of ``fault``: one of them by chance.

A fault is one of ``status`` (400-599, with ``retry_after``, ``code``, ``message``), ``reset`` (the connection is torn),
``timeout`` (held for so many seconds, then torn), ``slow`` (the answer's body takes so many seconds); ``delay`` waits first
and may stand alone. ``operations``: see `outcomes`. Counts of requests live in memory, those of operations in the store.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from azure_emulator.core import outcomes
from azure_emulator.core.checks import SettingError, check_fields, choice, flag, number, numbers, pattern, text, whole

if TYPE_CHECKING:
    import re

    from azure_emulator.core.store import Store

#: Sent by the emulator's own calls to its disks and blobs; they are spared.
INTERNAL = {"User-Agent": "azure-emulator-internal"}
_RULE_FIELDS = ("method", "path", "route", "probability", "nth", "times", "when", "fault", "faults")
_FAULT_FIELDS = ("status", "retry_after", "code", "message", "reset", "timeout", "slow", "delay")
_ENDINGS = ("status", "reset", "timeout", "slow")
_CODES = {
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "Encountered internal server error."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable. Please try again later."),
    504: (
        "GatewayTimeout",
        "The gateway did not receive a response from 'Microsoft.Compute' within the specified time period.",
    ),
}

RouteName = Callable[[], str]
"""Gives the action name of a request; asked only when a rule wants it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request. ``after``: once it has been carried out."""

    status: int = 0
    retry_after: int | None = None
    code: str = ""
    message: str = ""
    reset: bool = False
    timeout: float = 0.0
    slow: float = 0.0
    delay: float = 0.0
    after: bool = False

    def __str__(self) -> str:
        kind = (
            f"status {self.status}"
            if self.status
            else next((name for name in ("reset", "timeout", "slow") if getattr(self, name)), "delay")
        )
        return f"{kind} after" if self.after else kind

    @property
    def tears(self) -> bool:
        """The client gets no answer."""
        return self.reset or self.timeout > 0


@dataclass(slots=True)
class Rule:
    """One rule of a plan, with its counts."""

    method: str
    path: re.Pattern[str]
    route: str
    probability: float
    nth: frozenset[int]
    times: int
    faults: tuple[Fault, ...]
    chance: random.Random
    seen: int = 0
    done: int = 0

    def meets(self, method: str, path: str, route: RouteName) -> Fault | None:
        """The fault of this request, if it gets one; counts it."""
        if (self.times and self.done >= self.times) or self.method not in ("", method) or not self.path.search(path):
            return None
        if self.route and not fnmatchcase(route().lower(), self.route):
            return None
        self.seen += 1
        # Drawn for each request that fits, so that the fate of the n-th does not hang on what became of others.
        luck, choice = self.chance.random(), self.chance.choice(self.faults)
        if (self.nth and self.seen not in self.nth) or luck >= self.probability:
            return None
        self.done += 1
        return choice


@dataclass(slots=True)
class Plan:
    """The rules in force. May be asked from several threads."""

    rules: list[Rule] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, method: str, path: str, route: RouteName) -> Fault | None:
        """The fault of the first rule that meets a request."""
        if not self.rules:
            return None
        with self.lock:
            return next((fault for rule in self.rules if (fault := rule.meets(method, path, route))), None)

    def counts(self) -> list[dict[str, int]]:
        """For each rule, how many requests fitted and how many of them had the fault."""
        return [{"seen": rule.seen, "done": rule.done} for rule in self.rules]


def error_of(fault: Fault) -> tuple[str, str]:
    """Code and text of a planned status."""
    code, message = _CODES.get(fault.status, ("Fault", "A planned fault."))
    return fault.code or code, fault.message or message


def load(store: Store) -> Plan:
    """The plan in the store."""
    return parse(outcomes.plan_of(store))


def parse(value: dict[str, Any]) -> Plan:
    """The rules of a plan from a control request.

    :raises SettingError: naming what is wrong.
    """
    check_fields(value, ("seed", "rules", "operations"), "a plan")
    rules = value.get("rules", [])
    if not isinstance(rules, list) or not isinstance(value.get("seed", 0), int):
        raise SettingError("rules must be a list, seed a whole number")
    outcomes.parse(value.get("operations", []))
    return Plan([_rule(rule, f"rules[{at}]", f"{value.get('seed')}:{at}") for at, rule in enumerate(rules)])


def _rule(value: Any, name: str, seed: str) -> Rule:
    check_fields(value, _RULE_FIELDS, name)
    after = choice(value, "when", name, ("before", "after"), "before") == "after"
    given = value.get("faults", [value["fault"]] if "fault" in value else [])
    if not isinstance(given, list) or not given or ("fault" in value and "faults" in value):
        raise SettingError(f"{name} needs fault (an object) or faults (a list of them)")
    return Rule(
        method=text(value, "method", name).upper(),
        path=pattern(value, "path", name),
        route=text(value, "route", name).lower(),
        probability=number(value, "probability", name, 1, most=1),
        nth=numbers(value, "nth", name),
        times=whole(value, "times", name),
        faults=tuple(_fault(one, f"{name}.fault", after=after) for one in given),
        chance=random.Random(seed),  # noqa: S311 - repeatable on purpose
    )


def _fault(value: Any, name: str, *, after: bool) -> Fault:
    check_fields(value, _FAULT_FIELDS, name)
    fault = Fault(
        status=whole(value, "status", name),
        retry_after=whole(value, "retry_after", name) if value.get("retry_after") is not None else None,
        code=text(value, "code", name),
        message=text(value, "message", name),
        reset=flag(value, "reset", name),
        timeout=number(value, "timeout", name, 0),
        slow=number(value, "slow", name, 0),
        delay=number(value, "delay", name, 0),
        after=after,
    )
    endings = [ending for ending in _ENDINGS if getattr(fault, ending)]
    if len(endings) > 1 or not (endings or fault.delay):
        raise SettingError(f"{name} needs one of {', '.join(_ENDINGS)}, or a delay; it has {endings or 'none'}")
    if after and not (fault.status or fault.tears):
        raise SettingError(f"{name} needs status, reset or timeout: after a request, its answer is lost")
    if fault.status and not 400 <= fault.status <= 599:
        raise SettingError(f"{name}.status must be 400 to 599, not {fault.status}")
    return fault
