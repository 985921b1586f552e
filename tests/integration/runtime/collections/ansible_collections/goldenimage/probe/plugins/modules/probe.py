# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resource that is one file: enough to see everything the runtime does."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import CONTEXT, Task, run_module

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path"},
    "content": {"type": "str"},
    "secret": {"type": "str", "no_log": True},
    "variable": {"type": "str"},
    "fail": {"type": "str", "choices": ["known", "unexpected"]},
    "warning": {"type": "str"},
    "seconds": {"type": "float", "default": 0},
    "undo": {"type": "path"},
    "undo_seconds": {"type": "float", "default": 0},
    "undo_fails": {"type": "bool", "default": False},
    "attempts": {"type": "path"},
    "anything": {"type": "raw"},
    "former": {"type": "str", "removed_in_version": "9.0.0", "removed_from_collection": "goldenimage.probe"},
    "token": {"type": "str"},
}


def read(task: Task) -> dict[str, Any] | None:
    path = task.params["path"] and Path(task.params["path"])
    return {"content": path.read_text()} if path and path.exists() else None


def take_back(task: Task) -> None:
    with Path(task.params["undo"]).open("a") as log:
        log.write("begun\n")
    time.sleep(task.params["undo_seconds"])
    if task.params["undo_fails"]:
        raise OSError("the disk is on fire")
    with Path(task.params["undo"]).open("a") as log:
        log.write("done\n")


def token(task: Task) -> str | None:
    """The token that an earlier task of this run has left."""
    context = CONTEXT.get()
    if context is None or context.token_cache is None:
        return None
    found = context.token_cache.read_text() if context.token_cache.exists() else None
    if task.params["token"]:
        context.token_cache.write_text(task.params["token"])
    return found


def attempt(task: Task) -> int:
    path = Path(task.params["attempts"])
    with path.open("a") as log:
        log.write(".")
    return len(path.read_text())


def work(task: Task) -> None:
    if task.params["undo"]:
        task.undo("the probe's trace", lambda: take_back(task))
    if task.params["warning"]:
        task.warn(task.params["warning"])
    if task.params["fail"] == "known":
        raise GoldenImageError(
            "The probe was told to fail.", remedy="Do not tell it to.", code="ToldTo", request_id="7"
        )
    if task.params["fail"] == "unexpected":
        raise KeyError(task.params["secret"])
    with task.progress(None, task.params["seconds"], "s") as progress:
        began = time.monotonic()
        while time.monotonic() - began < task.params["seconds"]:
            progress.update(time.monotonic() - began)
            time.sleep(0.05)


def execute(task: Task) -> dict[str, Any]:
    found = read(task)
    plan = Plan.between(found, task.params["content"] and {"content": task.params["content"]})
    attempts = attempt(task) if task.params["attempts"] else None
    work(task)
    if plan.changed and not task.check_mode:
        if plan.action == "delete":
            Path(task.params["path"]).unlink()
        else:
            Path(task.params["path"]).write_text(task.params["content"])
    return task.result(
        plan,
        inside=CONTEXT.get() is not None,
        value=os.environ.get(task.params["variable"] or ""),
        secret_length=len(task.params["secret"] or ""),
        echo=f"<{task.params['secret']}>",
        attempts=attempts,
        anything=task.params["anything"],
        token=token(task),
        tags=task.tags({"old": "1"}),
    )


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS, tags=True)


if __name__ == "__main__":
    main()
