# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time: how long to wait before asking Azure again, and who is told meanwhile. The one place that waits for it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_TIMEOUT = 3600.0
_FIRST, _LONGEST = 0.3, 30.0
_SLICE = 1.0


@dataclass(frozen=True)
class Pace:
    """The time one thing may take, and where time comes from; tests bring their own.

    :ivar timeout: seconds for one thing and all its repetitions: the parameter ``wait_timeout``.
    :ivar report: told now and then what is waited for; may be called as often as one likes.
    """

    timeout: float = DEFAULT_TIMEOUT
    report: Callable[[str], None] | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def pause(self, seconds: float, tell: Callable[[float], str]) -> None:
        """Sleep in slices, so that the report goes on; ``tell`` makes its text of the seconds that are left."""
        end = self.clock() + seconds
        while (rest := end - self.clock()) > 0:
            if self.report is not None:
                self.report(tell(rest))
            self.sleep(min(_SLICE, rest))


def backoff(failures: int, *, first: float = _FIRST, longest: float = _LONGEST) -> float:
    """Seconds after so many failures in a row: ``first``, twice as long each time up to ``longest``, less a random part."""
    pause: float = min(longest, first * 2 ** min(failures - 1, 16))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - so that many clients do not come back at the same moment


class Headers(Protocol):
    """The headers of any client's answer."""

    def get(self, name: str, /) -> str | None: ...


def retry_after(headers: Headers) -> float | None:
    """The seconds Azure asks to wait; ``None`` if it does not say, or says what cannot be read."""
    for name in ("x-ms-retry-after-ms", "retry-after-ms"):
        milliseconds = _number(headers.get(name))
        if milliseconds is not None:
            return milliseconds / 1000
    text = headers.get("Retry-After")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
