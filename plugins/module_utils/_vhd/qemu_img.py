# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of QEMU; a raw disk as qcow2 or VHDX, written by ``qemu-img``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("qcow2", "vhdx")
_PERCENT = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")


def program(name: str = "qemu-img", *, instead: str = "") -> str:
    """Return the path of a program of QEMU.

    :param instead: another way out, for the message: ``, or choose vhd``.
    :raises MissingDependency: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingDependency(
            f"The program {name} is needed for this format and is not installed.",
            remedy=f"Install qemu-utils (Debian, Ubuntu), qemu-img (RHEL) or qemu-tools (SUSE){instead}.",
        )
    return found


def pack(raw: str, path: str, format: str, update: Callable[[float], object], *, title: str = "") -> None:  # noqa: A002
    """Write the raw disk as another format.

    :param title: what the file is going to be called.
    :param update: called with the percentage that is done.
    :raises GoldenImageError: qemu-img failed; its words are in the message.
    """
    command = [program(), "convert", "-p", "-f", "raw", "-O", format, os.path.abspath(raw), os.path.abspath(path)]
    environment = {**os.environ, "LC_ALL": "C"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        try:
            while process.stdout and (text := os.read(process.stdout.fileno(), 4096)):
                for percent in _PERCENT.findall(text):
                    update(float(percent))
            error = process.stderr.read() if process.stderr else b""
            code = process.wait()
        except BaseException:
            process.kill()
            raise
    if code:
        words = error.decode(errors="replace").strip().removeprefix("qemu-img: ")
        raise GoldenImageError(
            f"{title or path} could not be written as {format}: {words.rstrip('.') or 'no message'}.",
            remedy="Free some space in its folder if that is it, then run again; what was received is kept for that.",
        )
