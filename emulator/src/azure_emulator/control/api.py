# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API below ``/_control``: not Azure, but the test's remote control.

Every call needs ``Authorization: Bearer <control_token of DIR/credentials.json>``. Bodies and answers are JSON.

==============================  ======================================================================================
``GET  /_control/status``       process id, URL, data folder, clock, latency profile, number of resources
``POST /_control/reset``        forget everything but the credentials
``GET  /_control/requests``     ``?writes=true&after=N``: the request log
``POST /_control/guest``        ``{"vm": id, "event": "shutdown"}``: something happened inside a machine
``GET|PUT /_control/latency``   ``{"name", "factor", "polls", "seconds", "requests"}``, see `latency.Profile`
``GET|PUT /_control/faults``    the plan of faults, see `faults`; ``{}`` ends it; answers have its seed and counts
``GET|PUT /_control/throttling``  ``{"mode": "off" | "documented", "factor": 1}``, see `throttling`
``PUT  /_control/restrictions``   ``{"location", "size", "zones": […], "available": false}``: sizes that cannot be had
``GET|POST /_control/clock``    ``{"advance": seconds}`` | ``{"freeze": time or null}`` | ``{"run": true}`` |
                                ``{"script": […]}``, see `timetable`
``POST /_control/seed``         many resources at once, see `seeds`
``GET  /_control/dump``         all state without secrets
==============================  ======================================================================================
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from azure_emulator.control import dump, seeds
from azure_emulator.control.settings import Settings
from azure_emulator.core import hooks, latency, requestlog
from azure_emulator.core.checks import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from azure_emulator.core.app import Emulator

PREFIX = "/_control"
_log = logging.getLogger(__name__)


class ControlError(Exception):
    """A control request that cannot be done; ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The ASGI application of the control API."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        settings = Settings(emulator)
        self._calls: dict[tuple[str, str], Callable[[Request, dict[str, Any]], Any]] = {
            ("GET", "/status"): self._status,
            ("POST", "/reset"): self._reset,
            ("GET", "/requests"): self._requests,
            ("POST", "/guest"): self._guest,
            ("POST", "/seed"): self._seed,
            ("GET", "/dump"): self._dump,
            **settings.calls,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = JSONResponse(await self._answer(request))
        except ControlError as error:
            response = JSONResponse({"error": str(error)}, error.status)
        except ClientDisconnect:
            return
        except Exception as error:
            # A test that steers gets an answer even from a call that is broken; the trace is in the log.
            _log.exception("control call %s %s", scope["method"], scope["path"])
            response = JSONResponse({"error": f"{type(error).__name__}; see the server's log"}, 500)
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
        except (ValueError, RecursionError) as error:
            raise ControlError(400, f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise ControlError(400, "the body must be a JSON object")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._emulator.writers, call, request, body)
        except SettingError as error:
            raise ControlError(400, str(error)) from None

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

    def _seed(self, _request: Request, body: dict[str, Any]) -> Any:
        return seeds.sow(self._emulator, body)

    def _dump(self, _request: Request, _body: dict[str, Any]) -> Any:
        with self._emulator.reading() as scope:
            return dump.dump(scope.store)
