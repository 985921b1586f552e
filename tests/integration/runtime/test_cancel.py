# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever cancels a playbook, the task takes back what it has begun, once, and nothing further is begun."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Playground


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.05)


def start(playground: Playground, **variables: Any) -> subprocess.Popen[bytes]:
    """A playbook that would go on with a second item, in a process group of its own, as a shell starts it."""
    folder = playground.folder
    arguments = {
        "seconds": 60,
        "attempts": str(folder / "attempts"),
        "undo": str(folder / "undo"),
        "undo_seconds": 1,
        "token": "abc",
    }
    task = {"goldenimage.probe.probe": arguments, "loop": [1, 2], "ignore_errors": True}
    process = subprocess.Popen(
        playground.command(playground.play([task]), **variables),
        env=playground.environment(),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: text(folder / "attempts") == ".", "The task's begin")
    time.sleep(0.3)
    return process


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def check_undone(playground: Playground, process: subprocess.Popen[bytes]) -> None:
    folder = playground.folder
    wait_for(lambda: text(folder / "undo").endswith("done\n"), "The undo", seconds=10)
    process.wait(timeout=20)
    time.sleep(0.5)
    assert text(folder / "undo") == "begun\ndone\n"
    assert text(folder / "attempts") == "."
    assert process.returncode != 0


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "ordinary"])
def test_interrupt_from_a_terminal(playground: Playground, inside: bool) -> None:
    process = start(playground, goldenimage_run_in_controller=inside)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)  # an impatient person: must not stop the cleaning up
    check_undone(playground, process)


def test_terminate_the_playbook(playground: Playground) -> None:
    process = start(playground)
    process.terminate()
    check_undone(playground, process)
    assert [path.name for path in (playground.folder / "home").rglob("*tokens*")] == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a worker of its parent's death")
@pytest.mark.parametrize("inside", [True, False], ids=["inside", "ordinary"])
def test_kill_the_playbook(playground: Playground, inside: bool) -> None:
    if not inside and playground.version < (2, 19):
        pytest.skip("before ansible-core 2.19 a worker does not pass a signal on to its module, which runs to its end")
    process = start(playground, goldenimage_run_in_controller=inside)
    process.kill()
    check_undone(playground, process)
