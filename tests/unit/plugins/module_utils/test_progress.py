# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines and how often they are printed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._progress import (
    Progress,
    Reporter,
    format_bytes,
    format_seconds,
)

GIB = 1024**3
MIB = 1024**2


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Fixture:
    def __init__(self, *, terminal: bool = True) -> None:
        self.clock = Clock()
        self.lines: list[str] = []
        self.reporter = Reporter(self.lines.append, terminal=terminal, clock=self.clock)

    def at(self, seconds: float) -> None:
        self.clock.now = 100.0 + seconds


@pytest.mark.parametrize(
    ("total", "unit", "begun", "done", "line"),
    [
        (4 * GIB, "bytes", 0, 1.2 * GIB, "l: 1.2/4.0 GiB 30 % 123 MiB/s, 23 s left"),
        (4 * GIB, "bytes", 1 * GIB, 2 * GIB, "l: 2.0/4.0 GiB 50 % 102 MiB/s, 20 s left"),
        (500, "bytes", 0, 500, "l: 500/500 B 100 % 50 B/s"),
        (None, "bytes", 0, 30 * MIB, "l: 30 MiB 3.0 MiB/s"),
        (0, "bytes", 0, 0, "l: 0/0 B 100 %"),
        (100, "%", 0, 25, "l: 25 %, 30 s left"),
        (60, "s", 0, 10, "l: 10/60 s 17 %, 50 s left"),
        (None, "s", 0, 90, "l: 1 min 30 s"),
    ],
)
def test_lines(total: Any, unit: Any, begun: float, done: float, line: str) -> None:
    fixture = Fixture()
    with Progress(fixture.reporter, "l", total, unit) as progress:
        progress.update(begun)
        fixture.at(10)
        progress.update(done)
    assert fixture.lines == [line]


def test_the_speed_does_not_count_what_was_there_before() -> None:
    fixture = Fixture()
    progress = Progress(fixture.reporter, "l", 10 * MIB)
    progress.update(8 * MIB)
    fixture.at(1)
    progress.update(9 * MIB)
    assert fixture.lines == ["l: 9.0/10.0 MiB 90 % 1.0 MiB/s, 1 s left"]


@pytest.mark.parametrize(("terminal", "times"), [(True, [1, 2, 3]), (False, [5, 35, 65])])
def test_one_line_an_interval_for_all_of_a_task(terminal: bool, times: list[int]) -> None:
    fixture = Fixture(terminal=terminal)
    progress = [Progress(fixture.reporter, name, 100, "%") for name in "ab"]
    last = 3.5 if terminal else 75
    step = 0.0
    told = []
    while step <= last:
        fixture.at(step)
        for one in progress:
            before = len(fixture.lines)
            one.update(step)
            told += [step] if len(fixture.lines) > before else []
        fixture.reporter.say("c: waiting")
        step += 0.25
    assert told == times
    assert len(fixture.lines) == len(times)


def test_nobody_listens() -> None:
    clock = Clock()
    reporter = Reporter(None, terminal=True, clock=clock)
    clock.now += 100
    reporter.say(lambda: pytest.fail("a line was made for nobody"))


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (180.4 * MIB, "180 MiB"), (3.1 * GIB, "3.1 GiB")],
)
def test_format_bytes(amount: float, text: str) -> None:
    assert format_bytes(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")]
)
def test_format_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
