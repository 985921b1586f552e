# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection's side: start the keeper of a disk file, or find the one that runs, and have it do things."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

from . import usage, wire
from .errors import DiskImageError

START_ATTEMPTS = 5
_CREDENTIALS_SIZE = 12
_BLOCK = 65536
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a disk file is opened; the options of the connection plugin, which documents them."""

    path: str
    format: str
    root_partition: str
    esp: str
    dns: str
    read_only: bool
    idle_timeout: float
    trim: bool


class Client:
    """:param ansible_pid: the process with whose end the keeper ends."""

    def __init__(self, settings: Settings, ansible_pid: int) -> None:
        self._settings = settings
        self._owner = f"{ansible_pid}:{usage.start_time(ansible_pid)}"
        found = os.stat(settings.path)
        # An abstract socket: it vanishes with its process, and is no file that could be left over.
        self._address = f"\0goldenimage.azure.disk_image/{found.st_dev}/{found.st_ino}/{self._owner}"

    def open(self) -> list[str]:
        """Make sure that a keeper serves the disk; gives back warnings of a newly started one."""
        for _attempt in range(START_ATTEMPTS):
            if self._ask("hello") is not None:
                return []
            warnings = self._start()
            if warnings is not None:
                return warnings
            # Another worker was faster, or a keeper is just ending.
            time.sleep(0.1)
        raise DiskImageError(f"The keeper of {self._settings.path} does not answer.", "Try again.")

    def execute(self, command: str, executable: str, data: bytes | None) -> tuple[int, bytes, bytes]:
        """Run a shell command inside; gives back its exit code, output and error output."""
        environment = {name: os.environ[name] for name in (*_PROXIES, *map(str.upper, _PROXIES)) if name in os.environ}
        request = {"do": "exec", "command": command, "executable": executable, "environment": environment}
        return self._run(request, data=data)

    def put(self, source: str, path: str) -> str:
        """Copy a file of the controller into the disk; gives back an error message or ''."""
        with open(source, "rb") as content:
            rc, _output, error = self._run({"do": "put", "path": path}, stdin=content.fileno())
        return error.decode(errors="replace").strip() if rc else ""

    def fetch(self, path: str, target: str) -> str:
        """Copy a file out of the disk; gives back an error message or ''."""
        with open(target, "wb") as content:
            rc, _output, error = self._run({"do": "fetch", "path": path}, stdout=content.fileno())
        return error.decode(errors="replace").strip() if rc else ""

    def close(self) -> None:
        """End the keeper, if there is one, and wait until the disk file is clean and free."""
        self._ask("close", settings={})

    # -- talking to the keeper ---------------------------------------------------------------------------------

    def _connect(self) -> socket.socket | None:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            channel.connect(self._address)
        except OSError as error:
            channel.close()
            if error.errno == errno.ECONNREFUSED:
                return None
            raise
        credentials = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS_SIZE)
        if int.from_bytes(credentials[4:8], sys.byteorder) != os.geteuid():
            channel.close()
            raise DiskImageError("Another user's process answers in the place of the keeper.", "Find and end it.")
        return channel

    def _ask(self, what: str, settings: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """A short question; None when no keeper runs."""
        channel = self._connect()
        if channel is None:
            return None
        with channel:
            try:
                self._send(channel, {"do": what}, (), settings)
                answer, _fds = wire.receive(channel)
            except (BrokenPipeError, ConnectionResetError):
                return None
        return self._checked(answer)

    def _send(
        self,
        channel: socket.socket,
        request: dict[str, Any],
        fds: tuple[int, ...],
        settings: dict[str, Any] | None = None,
    ) -> None:
        ours = dataclasses.asdict(self._settings) if settings is None else settings
        wire.send(channel, {**request, "settings": ours}, fds)

    def _checked(self, answer: dict[str, Any] | None) -> dict[str, Any] | None:
        if answer and "different" in answer:
            raise DiskImageError(
                f"The disk file {self._settings.path} is already open with other options "
                f"({', '.join(answer['different'])}).",
                "Use the same options for all hosts of a disk, or 'meta: reset_connection' in between.",
            )
        return answer

    def _start(self) -> list[str] | None:
        """Start a keeper; None when there is one already."""
        settings = dataclasses.asdict(self._settings) | {"owner": self._owner, "socket": self._address}
        command = [sys.executable, "-E", "-s", "-m", "_disk_keeper", "--owner", self._owner, self._settings.path]
        process = subprocess.run(
            command,
            input=json.dumps(settings).encode(),
            capture_output=True,
            cwd=Path(__file__).parent.parent,
            start_new_session=True,
            check=False,
        )
        try:
            answer: dict[str, Any] = json.loads(process.stdout)
        except ValueError:
            reason = process.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise DiskImageError(
                f"The keeper of {self._settings.path} ended at once: {reason[0] if reason else 'no message'}."
            ) from None
        if "message" in answer:
            raise DiskImageError(answer["message"], answer["remedy"])
        return None if "exists" in answer else answer["warnings"]

    def _run(
        self, request: dict[str, Any], data: bytes | None = None, stdin: int | None = None, stdout: int | None = None
    ) -> tuple[int, bytes, bytes]:
        channel = self._connect()
        if channel is None:
            self.open()
            channel = self._connect()
        if channel is None:
            raise DiskImageError(f"The keeper of {self._settings.path} ended unexpectedly.", "Try again.")
        with channel:
            pump = _Pump(channel, data)
            try:
                self._send(channel, request, pump.child_fds(stdin, stdout))
                pump.close_child_ends()
                answer = self._checked(pump.run())
            finally:
                pump.close()
        if answer is None:
            raise DiskImageError(
                f"The connection to {self._settings.path} was lost while a command ran: its keeper has ended."
            )
        return answer["rc"], pump.output, pump.errors


class _Pump:
    """The pipes of one command. It ends with the command, though a daemon may keep the pipes open."""

    def __init__(self, channel: socket.socket, data: bytes | None) -> None:
        self._channel = channel
        self._data = memoryview(data or b"")
        self._pipes = [os.pipe() for _stream in range(3)]
        self._child_ends = {self._pipes[0][0], self._pipes[1][1], self._pipes[2][1]}
        self._open = {self._pipes[0][1], self._pipes[1][0], self._pipes[2][0]}
        self._received: dict[int, bytearray] = {self._pipes[1][0]: bytearray(), self._pipes[2][0]: bytearray()}

    @property
    def output(self) -> bytes:
        return bytes(self._received[self._pipes[1][0]])

    @property
    def errors(self) -> bytes:
        return bytes(self._received[self._pipes[2][0]])

    def child_fds(self, stdin: int | None, stdout: int | None) -> tuple[int, int, int]:
        own = self._pipes[0][0], self._pipes[1][1], self._pipes[2][1]
        return (own[0] if stdin is None else stdin), (own[1] if stdout is None else stdout), own[2]

    def close_child_ends(self) -> None:
        while self._child_ends:
            os.close(self._child_ends.pop())

    def close(self) -> None:
        self.close_child_ends()
        while self._open:
            os.close(self._open.pop())

    def run(self) -> dict[str, Any] | None:
        """Move data until the keeper tells the exit code; None when it hangs up instead."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            writer = self._pipes[0][1]
            if self._data:
                os.set_blocking(writer, False)
                selector.register(writer, selectors.EVENT_WRITE)
            else:
                self._finish(writer)
            for reader in self._received:
                selector.register(reader, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _events in selector.select()]
                for fd in ready:
                    if isinstance(fd, int) and not (self._write(fd) if fd == writer else self._read(fd)):
                        selector.unregister(fd)
                        self._finish(fd)
                if self._channel in ready:
                    return self._last()

    def _last(self) -> dict[str, Any] | None:
        try:
            answer, _fds = wire.receive(self._channel)
        except ConnectionResetError:
            answer = None
        # What the command wrote is in the pipes by now. A daemon may go on writing, so count, and do not wait for the end.
        for reader in self._received.keys() & self._open:
            waiting = struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, bytes(4)))[0]
            while waiting > 0:
                before = len(self._received[reader])
                self._read(reader)
                waiting -= len(self._received[reader]) - before
        return answer

    def _finish(self, fd: int) -> None:
        self._open.discard(fd)
        os.close(fd)

    def _write(self, fd: int) -> bool:
        try:
            self._data = self._data[os.write(fd, self._data[:_BLOCK]) :]
        except BrokenPipeError:
            return False
        return bool(self._data)

    def _read(self, fd: int) -> bool:
        block = os.read(fd, _BLOCK)
        self._received[fd] += block
        return bool(block)
