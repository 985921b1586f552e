# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside the disk's system: commands, and copies from and to files of the controller."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from . import linux

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 1024 * 1024
# An image's software must not change the host: CAP_NET_ADMIN, _SYS_MODULE, _SYS_RAWIO, _SYS_BOOT, _SYS_TIME.
DROPPED = (12, 16, 17, 22, 25)
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    # systemd's tools, and Ansible's systemd modules, then change files only.
    "SYSTEMD_OFFLINE": "1",
}


def spawn(root: Path, request: dict[str, Any], fds: list[int]) -> int:
    """Start a request (``exec``, ``put`` or ``fetch``) in a child process; gives back its pid.

    :param fds: the child's standard input, output and error output.
    """
    pid = os.fork()
    if pid:
        return pid
    status = 127
    try:
        _enter(root, fds)
        status = _perform(request)
    # A forked child must never return into the keeper's loop.
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(2, f"{error}\n".encode())
    finally:
        os._exit(status)


def _enter(root: Path, fds: list[int]) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    # Neither the disk's lock nor another task's connection may live on in what is started here.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.umask(0o022)
    os.chroot(root)
    os.chdir("/")


def _perform(request: dict[str, Any]) -> int:
    if request["do"] == "exec":
        for number in DROPPED:
            linux.drop_capability(number)
        with contextlib.suppress(OSError):
            os.chdir("/root")
        shell = request["executable"]
        os.execve(shell, [shell, "-c", request["command"]], ENVIRONMENT | request["environment"])  # noqa: S606 - it is the shell
    if request["do"] == "put":
        return _copy(sys.stdin.fileno(), os.open(request["path"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    return _copy(os.open(request["path"], os.O_RDONLY), sys.stdout.fileno())


def _copy(source: int, target: int) -> int:
    while block := os.read(source, BLOCK):
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]
    os.close(target)
    return 0
