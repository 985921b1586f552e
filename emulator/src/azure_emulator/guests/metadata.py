# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the metadata service and the wire server of one guest, on a Unix socket each."""

from __future__ import annotations

import socketserver
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from azure_emulator.guests import imds, wireserver
from azure_emulator.guests.model import Answer, Guest, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from azure_emulator.guests.wireserver import HealthReport

BODY_LIMIT = 1 << 20


@dataclass(frozen=True)
class Seen:
    """One request of the guest: seconds since the service began, who was asked, what, and the answer's status."""

    after: float
    service: str
    method: str
    target: str
    status: int


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, answer: Callable[[Request, str], Answer]) -> None:
        self.answer = answer
        super().__init__(str(path), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 30

    def address_string(self) -> str:
        return "guest"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Say nothing: requests are kept in GuestMetadata.seen."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            answer = Answer(413, "text/plain", b"")
        else:
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(length))
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), headers, body)
            answer = self.server.answer(request, self.path)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


class GuestMetadata:
    """Both services of one guest. ``folder`` gets the sockets ``imds`` and ``wireserver``; its path must be short."""

    def __init__(self, guest: Guest, folder: Path) -> None:
        self.guest = guest
        self.sockets = {"imds": folder / "imds", "wireserver": folder / "wireserver"}
        self.seen: list[Seen] = []
        self.report: HealthReport | None = None
        self._reported = threading.Event()
        self._began = time.monotonic()
        self._servers: list[_Server] = []

    def __enter__(self) -> GuestMetadata:
        answers = {"imds": self._ask_imds, "wireserver": self._ask_wireserver}
        for service, path in self.sockets.items():
            server = _Server(path, answers[service])
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, name=service, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for path in self.sockets.values():
            path.unlink(missing_ok=True)

    def wait_for_report(self, timeout: float) -> HealthReport | None:
        """Wait until the guest has said how it is; None when ``timeout`` seconds pass without a word."""
        self._reported.wait(timeout)
        return self.report

    def _ask_imds(self, request: Request, target: str) -> Answer:
        answer = imds.respond(self.guest, request)
        self._note("imds", request, target, answer)
        return answer

    def _ask_wireserver(self, request: Request, target: str) -> Answer:
        answer, report = wireserver.respond(self.guest, request)
        self._note("wireserver", request, target, answer)
        if report:
            self.report = report
            self._reported.set()
        return answer

    def _note(self, service: str, request: Request, target: str, answer: Answer) -> None:
        after = round(time.monotonic() - self._began, 1)
        self.seen.append(Seen(after, service, request.method, target, answer.status))
