# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that reads a disk file; the fragment ``disk_file`` documents them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import Update

ARGUMENTS: dict[str, Any] = {
    "format": {"type": "str", "choices": ["auto", "raw", "vhd", "vhdx", "qcow2", "vmdk", "vdi"], "default": "auto"},
    "backing_files": {"type": "bool", "default": False},
    "temporary_folder": {"type": "path"},
}


class Options(TypedDict):
    """What ``validate.opened`` takes of them."""

    format: str
    backing_files: bool
    folder: str | None
    update: Update


def options(task: Task) -> Options:
    """What a task says about how its disk file is read; what takes a while before that is reported."""
    params = task.params
    return {
        "format": params["format"],
        "backing_files": params["backing_files"],
        "folder": params["temporary_folder"],
        "update": lambda what, done: task.report(f"{what}, {done >> 20} MiB"),
    }
