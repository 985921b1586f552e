# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper's main loop: it serves requests until its ansible ends, it is told to, or it has been idle for long."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import commands, wire

if TYPE_CHECKING:
    from .system import System

REQUEST_TIMEOUT = 30.0  # seconds for a client to finish sending its request
GRACE = 3.0  # seconds from SIGTERM to SIGKILL
_CREDENTIALS = struct.Struct("=3i")


class Server:
    """:param owner: a pidfd of the ansible process that this keeper serves."""

    def __init__(self, system: System, listener: socket.socket, owner: int) -> None:
        self._system = system
        self._listener = listener
        self._running: dict[int, socket.socket] = {}
        self._overdue: dict[int, float] = {}
        self._last_used = time.monotonic()
        self._ending = False
        self._closer: socket.socket | None = None
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_ignored: None)
        signal.signal(signal.SIGTERM, lambda *_ignored: self._end())
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(owner, selectors.EVENT_READ, self._end)
        self._selector.register(wake_read, selectors.EVENT_READ, lambda: os.read(wake_read, 4096))

    def run(self) -> None:
        """Serve until the end, then leave the disk file clean."""
        while not self._ending:
            for key, _events in self._selector.select(timeout=1.0):
                key.data()
            self._reap()
            self._kill_overdue()
            self._end_when_idle()
        self._listener.close()
        self._kill_all()
        self._system.close()
        if self._closer:
            with contextlib.suppress(OSError):
                wire.send(self._closer, {"rc": 0})

    def _end(self) -> None:
        self._ending = True

    def _accept(self) -> None:
        channel, _address = self._listener.accept()
        credentials = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(credentials)[1] != 0:
            channel.close()
            return
        channel.settimeout(REQUEST_TIMEOUT)
        fds: list[int] = []
        # A client that is killed while it asks is its own affair.
        try:
            request, fds = wire.receive(channel)
            if request:
                self._handle(channel, request, fds)
        except (OSError, ValueError, KeyError):
            channel.close()
        finally:
            for fd in fds:
                os.close(fd)

    def _handle(self, channel: socket.socket, request: dict[str, Any], fds: list[int]) -> None:
        self._last_used = time.monotonic()
        ours = self._system.settings
        other = [name for name, value in request["settings"].items() if ours.get(name) != value]
        if other:
            wire.send(channel, {"different": other})
            channel.close()
        elif request["do"] == "close":
            self._closer = channel
            self._end()
        elif request["do"] == "hello":
            wire.send(channel, {"rc": 0})
            channel.close()
        else:
            pid = commands.spawn(self._system.root, request, fds)
            self._running[pid] = channel
            self._selector.register(channel, selectors.EVENT_READ, lambda: self._hung_up(pid, channel))

    def _hung_up(self, pid: int, channel: socket.socket) -> None:
        """The task was cancelled or timed out: end what it started."""
        self._selector.unregister(channel)
        channel.close()
        self._signal(pid, signal.SIGTERM)
        self._overdue[pid] = time.monotonic() + GRACE

    def _reap(self) -> None:
        for pid, status in _ended_children():
            self._overdue.pop(pid, None)
            channel = self._running.pop(pid, None)
            if channel is None or channel.fileno() < 0:
                continue
            self._selector.unregister(channel)
            with contextlib.suppress(OSError):
                wire.send(channel, {"rc": os.waitstatus_to_exitcode(status)})
            channel.close()
            self._last_used = time.monotonic()

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid in [pid for pid, deadline in self._overdue.items() if deadline < now]:
            del self._overdue[pid]
            self._signal(pid, signal.SIGKILL)

    def _end_when_idle(self) -> None:
        limit = self._system.settings["idle_timeout"]
        if self._running or self._others():
            self._last_used = time.monotonic()
        elif limit and time.monotonic() - self._last_used > limit:
            self._end()

    def _others(self) -> list[int]:
        """The processes in the disk's system, by their pid in the keeper's own pid namespace."""
        known = {1, self._exporter_pid()}
        return [
            int(entry.name)
            for entry in Path(self._system.root / "proc").iterdir()
            if entry.name.isdigit() and int(entry.name) not in known
        ]

    def _exporter_pid(self) -> int:
        return self._system.exporter_pid

    @staticmethod
    def _signal(pid: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)

    def _kill_all(self) -> None:
        deadline = time.monotonic() + GRACE
        number = signal.SIGTERM
        while others := self._others():
            for pid in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            self._reap()
            time.sleep(0.01)
            if time.monotonic() > deadline:
                number = signal.SIGKILL


def _ended_children() -> list[tuple[int, int]]:
    ended = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            ended.append((pid, status))
    return ended
