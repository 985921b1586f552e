# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot the root file system ``DIRECTORY/root`` with systemd-nspawn and answer SSH on a free port of the loopback.

machine.py start DIRECTORY   # returns when SSH answers; writes DIRECTORY/pid and DIRECTORY/port
machine.py wait DIRECTORY    # returns when the machine has powered itself off, fails after a minute
machine.py stop DIRECTORY    # ends the machine, whatever its state
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        return connection.recv(4) == b"SSH-"
    return False


def runs(pid: int) -> bool:
    """Whether the process exists and is systemd-nspawn still: the kernel gives numbers out again."""
    with contextlib.suppress(OSError):
        return b"systemd-nspawn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def start(directory: Path) -> str:
    root, port = directory / "root", free_port()
    settings = root / "etc/ssh/sshd_config.d/00-loopback.conf"
    settings.write_text(f"Port {port}\nListenAddress 127.0.0.1\n")
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", f"--directory={root}"]
    nspawn += ["--console=pipe", "--resolv-conf=replace-host", "--timezone=off", "--link-journal=no"]
    with (directory / "console.log").open("wb") as console:
        machine = subprocess.Popen(
            nspawn, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True, close_fds=True
        )
    (directory / "pid").write_text(f"{machine.pid}\n")
    (directory / "port").write_text(f"{port}\n")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if answers(port):
            return ""
        if machine.poll() is not None:
            break
        time.sleep(0.2)
    return f"the machine does not answer on port {port}; it said:\n{(directory / 'console.log').read_text()[-3000:]}"


def wait(directory: Path) -> str:
    pid = int((directory / "pid").read_text())
    end = time.monotonic() + PATIENCE
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.2)
    if runs(pid):
        return f"the machine is still running; it said:\n{(directory / 'console.log').read_text()[-3000:]}"
    return ""


def stop(directory: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        pid = int((directory / "pid").read_text())
        if runs(pid):
            os.kill(pid, signal.SIGTERM)  # nspawn then kills the machine and takes its mounts away
        return wait(directory)
    return ""


if __name__ == "__main__":
    sys.exit({"start": start, "wait": wait, "stop": stop}[sys.argv[1]](Path(sys.argv[2])) or 0)
