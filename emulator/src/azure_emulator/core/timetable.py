# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script for the clock: what it does at the n-th request, or when a time comes.

Steps are JSON objects, each with one condition and one action::

    {"request": 3, "route": "*/operations/read", "advance": 60}   the third request (of those that fit the route)
    {"every": 1, "route": "*/operations/read", "advance": 5}      each of them: polling takes time
    {"at": "2026-12-01T00:00:00Z", "advance": 86400}               when the emulator's clock reads that (or seconds since 1970)
    {"after": 10, "freeze": true}                                 ten of the clock's seconds from now

Actions are ``advance`` (seconds), ``freeze`` and ``run`` (true). Requests are counted from the moment the script was given
(and again after a restart); a step happens before its request is handled. What has happened leaves the script.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from azure_emulator.core import clock
from azure_emulator.core.checks import SettingError, check_fields, checked_number, text, whole

if TYPE_CHECKING:
    from azure_emulator.core.faults import RouteName
    from azure_emulator.core.store import Store

_NAMESPACE = "clock"
_KEY = "script"
_CONDITIONS = ("request", "every", "at", "after")
_ACTIONS = ("advance", "freeze", "run")


@dataclass(slots=True)
class Step:
    """One step; ``given`` is its JSON form, ``seen`` how many requests fitted."""

    given: dict[str, Any]
    route: str
    request: int
    every: int
    at: float | None
    seen: int = 0
    done: bool = False

    def due(self, route: RouteName, now: float) -> bool:
        """Whether it happens before this request; counts it."""
        if self.done:
            return False
        if self.at is not None:
            self.done = now >= self.at
            return self.done
        if self.route and not fnmatchcase(route().lower(), self.route):
            return False
        self.seen += 1
        if self.every:
            return self.seen % self.every == 0
        self.done = self.seen == self.request
        return self.done


class Timetable:
    """The script in force."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self._lock = threading.Lock()

    def due(self, route: RouteName, now: float) -> list[Step]:
        """The steps that happen before this request."""
        with self._lock:
            return [step for step in self.steps if step.due(route, now)]

    def perform(self, store: Store, steps: list[Step]) -> None:
        """Do what the steps say, and remember which are left."""
        for step in steps:
            if "advance" in step.given:
                clock.advance(store, step.given["advance"])
            elif "freeze" in step.given:
                clock.freeze(store, None)
            else:
                clock.run(store)
        with self._lock:
            left = [step.given for step in self.steps if not step.done]
        save(store, left)


def load(store: Store) -> Timetable:
    """The script in the store."""
    return Timetable([_step(step, "script") for step in store.kv_get(_NAMESPACE, _KEY) or []])


def save(store: Store, steps: list[dict[str, Any]]) -> None:
    store.kv_put(_NAMESPACE, _KEY, steps)


def parse(value: Any, now: float) -> list[dict[str, Any]]:
    """Check a script from a control request; ``after`` becomes ``at``.

    :raises SettingError: naming what is wrong.
    """
    if not isinstance(value, list):
        raise SettingError(f"script must be a list of steps, not {value!r}")
    steps = []
    for number, given in enumerate(value):
        step = _step(given, f"script[{number}]").given
        if "after" in step:
            step = {**step, "at": now + step["after"]}
            del step["after"]
        steps.append(step)
    return steps


def _step(value: Any, name: str) -> Step:
    check_fields(value, (*_CONDITIONS, "route", *_ACTIONS), name)
    conditions, actions = [set(value) & set(some) for some in (_CONDITIONS, _ACTIONS)]
    if len(conditions) != 1 or len(actions) != 1:
        raise SettingError(
            f"{name} needs one of {', '.join(_CONDITIONS)} and one of {', '.join(_ACTIONS)}, not {value!r}"
        )
    action = actions.pop()
    if action == "advance":
        checked_number(value["advance"], f"{name}.advance")
    elif value[action] is not True:
        raise SettingError(f"{name}.{action} must be true")
    if "after" in value:
        checked_number(value["after"], f"{name}.after")
    if conditions & {"request", "every"} and not whole(value, conditions.pop(), name):
        raise SettingError(f"{name}: requests are counted from 1")
    at = moment(value["at"], f"{name}.at") if "at" in value else None
    return Step(value, text(value, "route", name).lower(), value.get("request", 0), value.get("every", 0), at)


def moment(value: Any, name: str) -> float:
    """Seconds since 1970, from a number or an ISO 8601 text."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            raise SettingError(f"{name} must be seconds since 1970 or an ISO 8601 time, not {value!r}") from None
    return checked_number(value, name, most=253_402_300_799)
