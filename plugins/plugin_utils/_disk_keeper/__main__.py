# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m _disk_keeper --owner PID:START DISK``: settings as JSON on standard input, one JSON answer on output.

The pid namespace dies with the keeper, its first process, and takes along every process in the disk's system and
the mount namespace; the loop devices then detach themselves. So nothing stays behind, not even after SIGKILL.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import syslog
from typing import Any

from . import linux, usage
from .errors import DiskImageError
from .paths import inside
from .server import Server
from .system import System


def main() -> None:
    """Take up the settings, move into new namespaces, and become the keeper."""
    settings: dict[str, Any] = json.load(sys.stdin)
    pid, _colon, started = settings["owner"].partition(":")
    try:
        owner = os.pidfd_open(int(pid))
    except OSError:
        return
    if usage.start_time(pid) != started:
        return
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS)
    if os.fork() == 0:
        _keep(settings, owner)


def _keep(settings: dict[str, Any], owner: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The disk's system sees this process as its pid 1; Ansible tells the service manager from that one's name.
    linux.set_name("init")
    os.chdir("/")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(settings["socket"])
    except OSError:
        _answer({"exists": True})
        return
    listener.listen(128)
    system = System(settings)
    try:
        system.open()
    except DiskImageError as error:
        _answer({"message": error.message, "remedy": error.remedy})
        return
    except OSError as error:
        _answer({"message": f"The disk file {settings['path']} cannot be opened: {error}.", "remedy": ""})
        return
    _take_hostname(system)
    _answer({"pid": int(os.readlink("/proc/self")), "warnings": system.warnings})
    try:
        Server(system, listener, owner).run()
    except Exception as error:
        syslog.syslog(syslog.LOG_ERR, f"disk_image: serving {settings['path']} failed: {error!r}")
        raise


def _answer(message: dict[str, Any]) -> None:
    """Tell whoever started the keeper, and let go of their pipes."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(message).encode())
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)


def _take_hostname(system: System) -> None:
    with contextlib.suppress(OSError):
        name = inside(system.root, "/etc/hostname").read_text(encoding="utf-8", errors="replace").split()
        socket.sethostname(name[0] if name else "localhost")


if __name__ == "__main__":
    main()
