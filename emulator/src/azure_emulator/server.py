# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server process: sockets on the loopback interface, TLS, the ASGI application, a clean end."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h11
import uvicorn

from azure_emulator import services
from azure_emulator.control import api
from azure_emulator.core import credentials as credentials_of
from azure_emulator.core.app import Emulator
from azure_emulator.core.certificates import Certificates
from azure_emulator.core.dispatch import Dispatcher
from azure_emulator.core.requestlog import redact
from azure_emulator.core.routing import Router
from azure_emulator.core.striking import TornError, strike
from azure_emulator.holding import SERVER_FILE, take
from azure_emulator.protocol import Protocol
from azure_emulator.services.identity import grants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from azure_emulator.core.faults import Fault, RouteName

_log = logging.getLogger(__name__)


class Application:
    """Logs each request, then hands it to the control API, a mount, or the dispatcher."""

    def __init__(self, emulator: Emulator) -> None:
        routes, mounts = services.collect()
        self._emulator = emulator
        self._control = api.Control(emulator)
        self._mounts: list[tuple[str, ASGIApp]] = [(api.PREFIX, self._control)]
        self._mounts += [(prefix, factory(emulator)) for prefix, factory in mounts]
        self._arm = Dispatcher(emulator, Router(routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        target: ASGIApp = next(
            (app for prefix, app in self._mounts if path == prefix or path.startswith(prefix + "/")), self._arm
        )
        try:
            if target is self._control:
                await target(scope, receive, send)
            else:
                await self._steered(target, scope, receive, send)
        except h11.LocalProtocolError:
            # The rest of the request was no HTTP; uvicorn has said so and closes the connection.
            _log.info("%s %s was broken off", scope["method"], path)

    async def _steered(self, target: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the delays, faults and steps of the clock that tests have set."""
        scope["azure_emulator.write"] = scope["method"] not in ("GET", "HEAD")
        begun = time.perf_counter()
        fault: Fault | None = None

        async def logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._emulator.log.add(_entry(scope, message["status"], time.perf_counter() - begun, fault))
            await send(message)

        steering, route = self._emulator.steering, self._namer(target, scope)
        if steering.timetable.steps:
            await self._move_clock(route)
        if steering.profile.requests:
            await asyncio.sleep(steering.profile.delay(route()))
        fault = steering.plan.strike(scope["method"], scope["path"], route)
        if fault is None:
            await target(scope, receive, logged)
            return
        try:
            await strike(fault, target, scope, receive, logged)
        except TornError:
            self._emulator.log.add(_entry(scope, 0, time.perf_counter() - begun, fault))
            scope["state"]["transport"].abort()
            # Let the protocol see that nobody waits for an answer any more.
            await asyncio.sleep(0.01)

    def _namer(self, target: ASGIApp, scope: Scope) -> RouteName:
        if target is self._arm:
            return lambda: self._arm.route_name(scope["method"], scope.get("raw_path", b"").decode("latin-1"))
        return lambda: f"Storage/blob/{'read' if scope['method'] in ('GET', 'HEAD') else 'write'}"

    async def _move_clock(self, route: RouteName) -> None:
        steering = self._emulator.steering
        steps = steering.timetable.due(route, steering.clock.now())
        if not steps:
            return

        def move() -> None:
            with self._emulator.database.writing() as store:
                steering.timetable.perform(store, steps)
                steering.reload_time(store)

        await asyncio.get_running_loop().run_in_executor(self._emulator.writers, move)


def _entry(scope: Scope, status: int, seconds: float, fault: Fault | None) -> dict[str, Any]:
    headers = dict(scope["headers"])
    entry = {
        "time": round(time.time(), 6),
        "method": scope["method"],
        "path": scope["path"],
        "query": redact(scope["query_string"].decode("latin-1")),
        "status": status,
        "seconds": round(seconds, 6),
        "write": bool(scope["azure_emulator.write"]),
        "client_request_id": headers.get(b"x-ms-client-request-id", b"").decode("latin-1"),
        "user_agent": headers.get(b"user-agent", b"")[:120].decode("latin-1"),
    }
    return entry if fault is None else entry | {"fault": str(fault)}


class _Server(uvicorn.Server):
    """Ends by itself on a signal, so that children are stopped afterwards; uvicorn would let the signal kill it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def serve(data_dir: Path, port: int, ready: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. ``ready`` is called with the URL once requests are answered.

    :raises AlreadyRunningError: when another process holds the folder's lock.
    :raises OSError: when the port cannot be had.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = take(data_dir)
    try:
        asyncio.run(_serve(data_dir, port, ready))
    finally:
        os.close(lock)


async def _serve(data_dir: Path, port: int, ready: Callable[[str], None]) -> None:
    secrets = credentials_of.load(data_dir)
    certificates = Certificates(data_dir)
    certificates.ensure()
    sockets = _sockets(port, _last_port(data_dir))
    url = f"https://localhost:{sockets[0].getsockname()[1]}"
    emulator = Emulator(data_dir, url, secrets)
    grants.bind(secrets, emulator.tokens)
    config = uvicorn.Config(
        Application(emulator),
        http=Protocol,
        ssl_certfile=str(certificates.certificate),
        ssl_keyfile=str(certificates.key),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    emulator.begin()
    state = {"pid": os.getpid(), "port": sockets[0].getsockname()[1], "url": url}
    credentials_of.write_private(data_dir / SERVER_FILE, json.dumps(state) + "\n")
    # What has been loaded stays: no collection of garbage has to look through it again while clients wait.
    gc.collect()
    gc.freeze()
    task = asyncio.create_task(server.serve(sockets))
    while not server.started and not task.done():
        await asyncio.sleep(0.005)
    if server.started:
        ready(url)
    try:
        await task
    finally:
        emulator.end()
        if emulator.unfinished:
            # A copy of many gigabytes would hold the process back; it is repeated at the next start.
            os._exit(0)


def _last_port(data_dir: Path) -> int:
    try:
        return int(json.loads((data_dir / SERVER_FILE).read_text())["port"])
    except (OSError, ValueError, KeyError):
        return 0


def _sockets(port: int, last: int) -> list[socket.socket]:
    """Loopback sockets, IPv4 and (where there is one) IPv6, on the same port: the given, the last, or a free one."""
    if port:
        return _bind(port)
    if last:
        try:
            return _bind(last)
        except OSError:
            _log.warning("port %s of the last run is taken; using another", last)
    return _bind(0)


def _bind(port: int) -> list[socket.socket]:
    four = _listening(socket.AF_INET, "127.0.0.1", port)
    try:
        return [four, _listening(socket.AF_INET6, "::1", four.getsockname()[1])]
    except OSError:
        # There need not be IPv6.
        return [four]


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off; otherwise each answer waits 40 ms.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen(512)
    except OSError:
        made.close()
        raise
    return made
