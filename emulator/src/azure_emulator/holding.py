# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process serves a data folder: the one that holds the lock on a file in it."""

from __future__ import annotations

import fcntl
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVER_FILE = "server.json"
LOCK_FILE = "server.lock"


class AlreadyRunningError(Exception):
    """Another process serves this folder."""


def take(data_dir: Path) -> int:
    """Hold the folder for this process: a descriptor that must stay open.

    :raises AlreadyRunningError: when another process holds it.
    """
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise AlreadyRunningError(str(data_dir)) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def lock_holder(data_dir: Path) -> int | None:
    """The process that serves the folder now: only the holder of the lock writes its number there."""
    path = data_dir / LOCK_FILE
    if not path.exists():
        return None
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        text = os.read(descriptor, 32).decode().strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None


def terminate(pid: int) -> None:
    """Ask a server to end."""
    os.kill(pid, signal.SIGTERM)
