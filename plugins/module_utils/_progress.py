# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines: ``vhd_upload: 1.2/4.0 GiB 30 % 180 MiB/s, 16 s left``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    Unit = Literal["bytes", "%", "s"]

INTERVAL_TERMINAL = 1.0
INTERVAL_OTHERWISE = 30.0
FIRST = 5.0  # long work shows early that it moves, and how long it will take; short work stays quiet
_STEPS = ("B", "KiB", "MiB", "GiB", "TiB")


class Reporter:
    """Prints the lines of one task, at most one per interval; the first after the first interval, or five seconds.

    :param emit: prints one line; ``None`` where nobody listens (an ordinary module, a task with ``no_log``).
    :param terminal: a person watches: one line a second, otherwise one in 30 seconds.
    :param clock: seconds that only grow.
    """

    def __init__(
        self, emit: Callable[[str], None] | None, *, terminal: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._emit = emit
        self._interval = INTERVAL_TERMINAL if terminal else INTERVAL_OTHERWISE
        self._clock = clock
        self._due = clock() + min(self._interval, FIRST)

    def say(self, line: str | Callable[[], str]) -> None:
        """Print the line if the interval has passed; a function is only called if it is."""
        now = self.now()
        if self._emit is None or now < self._due:
            return
        self._due = now + self._interval
        self._emit(line if isinstance(line, str) else line())

    def now(self) -> float:
        return self._clock()

    def silence(self) -> None:
        self._emit = None


class Progress:
    """One measured piece of work.

    :param total: the whole in ``unit``; ``None`` if unknown.
    """

    def __init__(self, reporter: Reporter, label: str, total: float | None, unit: Unit = "bytes") -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self.done = 0.0
        self._reporter = reporter
        self._began = reporter.now()
        self._base: float | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exception: object) -> None:
        """Nothing to close: a line is never held back, and an end is told by the task's result."""

    def update(self, done: float) -> None:
        """Say how much is done of the whole, in the unit given at the start."""
        if self._base is None:
            self._base = done  # what was there before (a resumed transfer) says nothing about the speed
        self.done = done
        self._reporter.say(self.line)

    def line(self) -> str:
        """The line as it would be printed now."""
        text = f"{self.label}: {self._amount()}"
        speed = (self.done - (self._base or 0.0)) / max(self._reporter.now() - self._began, 1e-9)
        if speed <= 0:
            return text
        if self.unit == "bytes":
            text += f" {format_bytes(speed)}/s"
        if self.total is not None and self.total > self.done:
            text += f", {format_seconds((self.total - self.done) / speed)} left"
        return text

    def _amount(self) -> str:
        if self.unit == "%":
            return f"{self.done:.0f} %"
        if self.total is None:
            return format_bytes(self.done) if self.unit == "bytes" else format_seconds(self.done)
        share = f"{100 * self.done / self.total:.0f} %" if self.total else "100 %"
        if self.unit == "s":
            return f"{self.done:.0f}/{self.total:.0f} s {share}"
        step = _step(self.total)
        size = 1024**step
        digits = 1 if step else 0
        return f"{self.done / size:.{digits}f}/{self.total / size:.{digits}f} {_STEPS[step]} {share}"


def _step(amount: float) -> int:
    step = 0
    while amount >= 1024 and step < len(_STEPS) - 1:
        amount /= 1024
        step += 1
    return step


def format_bytes(amount: float) -> str:
    """``1.2 GiB``, ``180 MiB``: two significant digits or more."""
    step = _step(amount)
    value = amount / 1024**step
    return f"{value:.1f} {_STEPS[step]}" if step and value < 10 else f"{value:.0f} {_STEPS[step]}"


def format_seconds(seconds: float) -> str:
    """``16 s``, ``3 min 20 s``, ``1 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
