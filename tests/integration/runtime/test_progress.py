# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work speaks, through Ansible's display, to those who may hear it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Playground

LINE = re.compile(r"probe: [12]/3 s \d\d %, [12] s left")


def on_terminal(playground: Playground, tasks: list[dict[str, Any]]) -> str:
    """What a person would see."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        playground.command(playground.play(tasks)),
        env=playground.environment(),
        cwd=playground.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other side of a terminal was closed
            break
        seen += chunk
    os.close(ours)
    assert process.wait(timeout=60) == 0, seen.decode()
    return seen.decode()


def test_a_line_a_second_on_a_terminal(playground: Playground) -> None:
    seen = on_terminal(playground, [{"goldenimage.probe.probe": {"seconds": 3}}])
    assert 1 <= len(LINE.findall(seen)) <= 2, seen


def test_silent_under_no_log(playground: Playground) -> None:
    seen = on_terminal(playground, [{"goldenimage.probe.probe": {"seconds": 1.5}, "no_log": True}])
    assert "probe: " not in seen


def test_seldom_without_a_terminal(playground: Playground) -> None:
    run = playground.run(playground.command(playground.play([{"goldenimage.probe.probe": {"seconds": 1.5}}])))
    assert "probe: " not in run.stdout + run.stderr
