# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control calls that change how the server behaves: latency, clock, faults, throttling.

Wrong bodies raise `SettingError` with the reason. The store is changed first, then what the server holds in memory.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from azure_emulator.core import clock, faults, hooks, latency, outcomes, throttling, timetable
from azure_emulator.core.checks import SettingError, checked_number
from azure_emulator.core.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from azure_emulator.core.app import Emulator
    from azure_emulator.core.store import Store

_CLOCK = ("advance", "freeze", "run", "script")


class Settings:
    """The calls, by method and path below ``/_control``."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.calls: dict[tuple[str, str], Callable[[Request, dict[str, Any]], Any]] = {
            ("GET", "/latency"): self._get_latency,
            ("PUT", "/latency"): self._put_latency,
            ("GET", "/clock"): self._get_clock,
            ("POST", "/clock"): self._clock,
            ("GET", "/faults"): self._get_faults,
            ("PUT", "/faults"): self._put_faults,
            ("GET", "/throttling"): self._get_throttling,
            ("PUT", "/throttling"): self._put_throttling,
            ("PUT", "/restrictions"): self._put_restrictions,
        }

    def _get_latency(self, _request: Request, _body: dict[str, Any]) -> Any:
        with self._emulator.reading() as scope:
            return asdict(latency.load(scope.store))

    def _put_latency(self, _request: Request, body: dict[str, Any]) -> Any:
        profile = latency.from_json(body)
        with self._emulator.writing() as scope:
            latency.save(scope.store, profile)
            self._emulator.steering.reload_time(scope.store)
        return asdict(profile)

    def _get_throttling(self, _request: Request, _body: dict[str, Any]) -> Any:
        return asdict(self._emulator.steering.throttle.setting)

    def _put_throttling(self, _request: Request, body: dict[str, Any]) -> Any:
        setting = throttling.from_json(body)
        with self._emulator.writing() as scope:
            throttling.save(scope.store, setting)
        self._emulator.steering.throttle.set(setting)
        return asdict(setting)

    def _put_restrictions(self, _request: Request, body: dict[str, Any]) -> Any:
        with self._emulator.writing() as scope:
            for restrict in hooks.restrict:
                restrict(scope, body)
        return body

    def _get_faults(self, _request: Request, _body: dict[str, Any]) -> Any:
        with self._emulator.reading() as scope:
            plan = outcomes.plan_of(scope.store) or {"rules": []}
            counts = {
                "rules": self._emulator.steering.plan.counts(),
                "operations": outcomes.counts(scope.store, len(plan.get("operations", []))),
            }
        return plan | {"counts": counts}

    def _put_faults(self, _request: Request, body: dict[str, Any]) -> Any:
        if body.get("seed") is None and (body.get("rules") or body.get("operations")):
            body = body | {"seed": secrets.randbelow(1_000_000)}
        plan = faults.parse(body)
        with self._emulator.writing() as scope:
            outcomes.keep_plan(scope.store, body)
        self._emulator.steering.plan = plan
        for function in hooks.planned:
            function(self._emulator, body)
        return body

    def _get_clock(self, _request: Request, _body: dict[str, Any]) -> Any:
        with self._emulator.reading() as scope:
            return self._time(scope.store)

    def _clock(self, _request: Request, body: dict[str, Any]) -> Any:
        if len(body) != 1 or not set(body) <= set(_CLOCK):
            raise SettingError(
                "give one of advance (seconds), freeze (seconds since 1970, ISO 8601, or null for now), run (true), "
                f"script (a list of steps), not {body!r}"
            )
        action, value = next(iter(body.items()))
        with self._emulator.writing() as scope:
            self._act(scope.store, action, value)
            self._emulator.steering.reload_time(scope.store)
            if action == "script":
                self._emulator.steering.timetable = timetable.load(scope.store)
            return self._time(scope.store)

    def _act(self, store: Store, action: str, value: Any) -> None:
        if action == "advance":
            clock.advance(store, checked_number(value, "advance"))
        elif action == "freeze":
            clock.freeze(store, None if value is None else timetable.moment(value, "freeze"))
        elif action == "script":
            timetable.save(store, timetable.parse(value, Clock(store).now()))
        elif value is not True:
            raise SettingError(f"run must be true, not {value!r}")
        else:
            clock.run(store)

    def _time(self, store: Store) -> dict[str, Any]:
        found, script = Clock(store), [step.given for step in timetable.load(store).steps]
        return {"now": found.now(), "time": found.iso(), "frozen": found.frozen, "script": script}
