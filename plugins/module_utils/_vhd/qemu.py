# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats without a reader of our own, turned into raw disks by ``qemu-img``.

The format is always stated to qemu-img: left to guess, it would follow a header that a guest wrote into a raw disk.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import (
    GoldenImageError,
    InvalidInput,
    MissingDependency,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats

if TYPE_CHECKING:
    from collections.abc import Callable

DRIVERS = {
    formats.DYNAMIC_VHD: "vpc",
    formats.VHDX: "vhdx",
    formats.QCOW2: "qcow2",
    formats.VMDK: "vmdk",
    formats.VDI: "vdi",
}
_PERCENT = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")


def describe(path: str, format: str) -> dict[str, Any]:  # noqa: A002
    """Return qemu-img's description of a file (``virtual-size`` in bytes, ``actual-size``, …).

    :raises InvalidInput: damaged, encrypted, or its content lies in other files.
    :raises MissingDependency: no qemu-img.
    """
    command = [_program(), "info", "--output=json", "--force-share", "--image-opts", _options(path, format)]
    answer = subprocess.run(command, capture_output=True, check=False, env=_environment())
    if answer.returncode:
        raise InvalidInput(
            f"{path} cannot be read as {format}: {_message(answer.stderr, path)}",
            remedy="The file is damaged or cut off; copy it again, or state its format.",
        )
    info: dict[str, Any] = json.loads(answer.stdout)
    if info.get("encrypted"):
        raise InvalidInput(f"{path} is encrypted.", remedy="Decrypt it with qemu-img convert first.")
    others = _other_files(info, path)
    if others:
        raise InvalidInput(
            f"{path} takes content from other files: {', '.join(others)}.",
            remedy="Flatten it first (qemu-img convert), if you trust where it comes from.",
        )
    return info


def to_raw(path: str, format: str, destination: str, update: Callable[[float], object]) -> None:  # noqa: A002
    """Write the disk as a sparse raw file.

    :param update: called with the percentage that is done.
    :raises GoldenImageError: qemu-img failed; its words are in the message.
    """
    command = [_program(), "convert", "-p", "--image-opts", "-O", "raw", _options(path, format), destination]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as process:
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
        raise GoldenImageError(
            f"{path} could not be converted: {_message(error, path)}",
            remedy="Check the file with qemu-img check, and the space in the destination's folder.",
        )


def _program() -> str:
    program = shutil.which("qemu-img")
    if program is None:
        raise MissingDependency(
            "The program qemu-img is needed for this format and is not installed.",
            remedy="Install qemu-utils (Debian, Ubuntu), qemu-img (RHEL) or qemu-tools (SUSE).",
        )
    return program


def _options(path: str, format: str) -> str:  # noqa: A002
    driver = DRIVERS[format]
    # The footer's size counts for Azure; left alone, qemu takes the geometry's for some creators.
    size = ",force_size_calc=current_size" if driver == "vpc" else ""
    return f"driver={driver}{size},file.driver=file,file.filename={os.path.abspath(path).replace(',', ',,')}"


def _other_files(info: dict[str, Any], path: str) -> list[str]:
    """Return the backing and data files outside the folder of ``path``; extents of a VMDK beside it are its own."""
    details = info.get("format-specific", {}).get("data", {})
    folder = os.path.dirname(os.path.realpath(path))
    extents = [extent.get("filename", path) for extent in details.get("extents", [])]
    foreign = [name for name in extents if os.path.dirname(os.path.realpath(name)) != folder]
    return [name for name in (info.get("backing-filename"), details.get("data-file"), *foreign) if name]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _message(error: bytes, path: str) -> str:
    lines = error.decode(errors="replace").strip().splitlines()
    text = lines[-1] if lines else "no message"
    return text.removeprefix("qemu-img: ").replace(os.path.abspath(path), os.path.basename(path))
