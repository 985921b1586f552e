# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a server in the background, find it, stop it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from azure_emulator.holding import SERVER_FILE, lock_holder, terminate

if TYPE_CHECKING:
    from pathlib import Path

_START_SECONDS = 60
_STOP_SECONDS = 15
LOG_FILE = "server.log"


class StartError(Exception):
    """The server process ended before it answered; the text is the end of its log."""


def start(data_dir: Path, port: int) -> str:
    """Start a server and wait until it answers; its URL.

    :raises StartError: with what the server said.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = os.open(data_dir / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    reading, writing = os.pipe()
    try:
        begin = os.lseek(log, 0, os.SEEK_END)
        command = [sys.executable, "-m", "azure_emulator", "run", "--data", str(data_dir), "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--ready-fd", str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(writing)
        os.close(log)
    with os.fdopen(reading, "rb") as pipe:
        url = _wait(pipe.fileno())
    if not url:
        process.kill()
        process.wait()
        raise StartError(_tail(data_dir / LOG_FILE, begin))
    return url


def running(data_dir: Path) -> tuple[int, str] | None:
    """Process id and URL of the folder's server."""
    pid = lock_holder(data_dir)
    if pid is None:
        return None
    try:
        state = json.loads((data_dir / SERVER_FILE).read_text())
    except (OSError, ValueError):
        return None
    return (pid, str(state["url"])) if state.get("pid") == pid else None


def stop(data_dir: Path) -> bool:
    """Stop the folder's server, and wait until it has ended; whether one was running.

    :raises TimeoutError: when it does not end.
    """
    pid = lock_holder(data_dir)
    if pid is None:
        return False
    terminate(pid)
    limit = time.monotonic() + _STOP_SECONDS
    while lock_holder(data_dir) == pid:
        if time.monotonic() > limit:
            raise TimeoutError(f"process {pid} does not end")
        time.sleep(0.02)
    return True


def _wait(descriptor: int) -> str:
    limit = time.monotonic() + _START_SECONDS
    text = b""
    while not text.endswith(b"\n"):
        left = limit - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return ""
        chunk = os.read(descriptor, 4096)
        if not chunk:
            return ""
        text += chunk
    return text.decode().strip()


def _tail(path: Path, begin: int) -> str:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read()[-4000:].decode(errors="replace").strip()
