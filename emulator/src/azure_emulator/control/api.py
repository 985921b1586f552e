# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API below ``/_control``: not Azure, but the test's remote control.

Every call needs ``Authorization: Bearer <control_token of DIR/credentials.json>``. Bodies and answers are JSON.

==========================  ==========================================================================================
``GET  /_control/status``   process id, URL, data folder, clock, latency profile, number of resources
``POST /_control/reset``    forget everything but the credentials
``GET  /_control/requests`` ``?writes=true&after=N``: the request log
``POST /_control/guest``    ``{"vm": id, "event": "shutdown"}``: something happened inside a machine
``GET|PUT /_control/latency``  ``{"name", "factor", "polls", "seconds": {effect pattern: seconds}}``
``GET|PUT /_control/faults``   the plan of faults, see `faults`; ``{"rules": []}`` ends it
``POST /_control/clock``    ``{"advance": seconds}`` | ``{"freeze": epoch or null}`` | ``{"run": true}``
==========================  ==========================================================================================
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from azure_emulator.control import faults
from azure_emulator.core import clock, hooks, latency, requestlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from azure_emulator.core.app import Emulator

PREFIX = "/_control"
_FAULTS = "faults"


class ControlError(Exception):
    """A control request that cannot be done."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The ASGI application of the control API."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        with emulator.reading() as scope:
            self.plan = faults.parse(scope.store.kv_get(_FAULTS, "plan") or {})
        self._calls: dict[tuple[str, str], Callable[[Request, dict[str, Any]], Any]] = {
            ("GET", "/status"): self._status,
            ("POST", "/reset"): self._reset,
            ("GET", "/requests"): self._requests,
            ("POST", "/guest"): self._guest,
            ("GET", "/latency"): self._get_latency,
            ("PUT", "/latency"): self._put_latency,
            ("POST", "/clock"): self._clock,
            ("GET", "/faults"): self._get_faults,
            ("PUT", "/faults"): self._put_faults,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            value = await self._answer(request)
            response = JSONResponse(value)
        except ControlError as error:
            response = JSONResponse({"error": str(error)}, error.status)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Any:
        wanted = f"Bearer {self._emulator.credentials.control_token}"
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
            raise ControlError(
                401, "the control API needs 'Authorization: Bearer' with control_token of credentials.json"
            )
        call = self._calls.get((request.method, request.url.path.removeprefix(PREFIX)))
        if call is None:
            known = ", ".join(f"{method} {PREFIX}{path}" for method, path in self._calls)
            raise ControlError(404, f"unknown call; known are {known}")
        raw = await request.body()
        try:
            body = json.loads(raw) if raw.strip() else {}
        except ValueError as error:
            raise ControlError(400, f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise ControlError(400, "the body must be a JSON object")
        return await asyncio.get_running_loop().run_in_executor(self._emulator.writers, call, request, body)

    def _status(self, _request: Request, _body: dict[str, Any]) -> Any:
        with self._emulator.reading() as scope:
            return {
                "pid": os.getpid(),
                "url": self._emulator.url,
                "data": str(self._emulator.data_dir),
                "clock": scope.clock.iso(),
                "latency": asdict(latency.load(scope.store)),
                "resources": scope.store.count(),
            }

    def _reset(self, _request: Request, _body: dict[str, Any]) -> Any:
        self._emulator.reset()
        self.plan = faults.Plan()
        return {}

    def _requests(self, request: Request, _body: dict[str, Any]) -> Any:
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise ControlError(400, f"after must be a line number, not {after!r}")
        writes = request.query_params.get("writes", "").lower() == "true"
        return {"value": list(requestlog.read(self._emulator.data_dir, writes=writes, after=int(after)))}

    def _guest(self, _request: Request, body: dict[str, Any]) -> Any:
        if not isinstance(body.get("vm"), str) or not isinstance(body.get("event"), str):
            raise ControlError(400, "give the machine's resource id as vm and what happened as event")
        with self._emulator.writing() as scope:
            if not any(function(scope, body) for function in hooks.guest_event):
                raise ControlError(404, f"no machine {body['vm']} that knows the event {body['event']}")
        return {}

    def _get_latency(self, _request: Request, _body: dict[str, Any]) -> Any:
        with self._emulator.reading() as scope:
            return asdict(latency.load(scope.store))

    def _put_latency(self, _request: Request, body: dict[str, Any]) -> Any:
        try:
            profile = latency.from_json(body)
        except ValueError as error:
            raise ControlError(400, str(error)) from None
        with self._emulator.writing() as scope:
            latency.save(scope.store, profile)
        return asdict(profile)

    def _get_faults(self, _request: Request, _body: dict[str, Any]) -> Any:
        with self._emulator.reading() as scope:
            return scope.store.kv_get(_FAULTS, "plan") or {"rules": []}

    def _put_faults(self, _request: Request, body: dict[str, Any]) -> Any:
        try:
            plan = faults.parse(body)
        except (TypeError, ValueError) as error:
            raise ControlError(400, str(error)) from None
        with self._emulator.writing() as scope:
            scope.store.kv_put(_FAULTS, "plan", body)
        self.plan = plan
        return body

    def _clock(self, _request: Request, body: dict[str, Any]) -> Any:
        actions: dict[str, Callable[[Any, Any], float]] = {
            "advance": lambda store, value: clock.advance(store, float(value)),
            "freeze": lambda store, value: clock.freeze(store, None if value is None else float(value)),
            "run": lambda store, _value: clock.run(store),
        }
        wanted = set(body) & set(actions)
        if len(wanted) != 1:
            raise ControlError(400, "give one of advance (seconds), freeze (epoch seconds or null), run (true)")
        action = wanted.pop()
        try:
            with self._emulator.writing() as scope:
                return {"now": actions[action](scope.store, body[action])}
        except (TypeError, ValueError):
            raise ControlError(400, f"{action} needs a number, not {body[action]!r}") from None
