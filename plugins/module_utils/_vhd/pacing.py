# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a service is asked: how many requests at once, and how many bytes a second."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROUND = 0.5  # seconds in which refusals of requests that were sent together count as one


class Gate:
    """How many requests may be under way at once.

    Half as many as soon as the service says that it is busy, and one more for each round that it answers well: the
    rule by which TCP finds its share. Which limit a disk or an account has is nowhere to be asked.

    :param most: the number to begin with, never exceeded.
    :param clock: seconds that only grow.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.allowed = float(most)
        self._most = most
        self._clock = clock
        self._under_way = 0
        self._cut = -_ROUND
        self._open = False
        self._free = threading.Condition()

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Wait for a place, and hold it for one request."""
        with self._free:
            self._free.wait_for(lambda: self._open or self._under_way < int(self.allowed))
            self._under_way += 1
        try:
            yield
        finally:
            with self._free:
                self._under_way -= 1
                self._free.notify()

    def answered(self) -> None:
        """A request was answered well."""
        with self._free:
            self.allowed = min(float(self._most), self.allowed + 1 / self.allowed)
            self._free.notify()

    def refused(self) -> None:
        """The service is busy."""
        with self._free:
            if self._clock() - self._cut >= _ROUND:
                self._cut = self._clock()
                self.allowed = max(1.0, self.allowed / 2)

    def throw_open(self) -> None:
        """Let everybody through: the transfer is being stopped."""
        with self._free:
            self._open = True
            self._free.notify_all()


class Bandwidth:
    """A limit of bytes per second for all threads together; ``None``: there is none."""

    def __init__(self, limit: int | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = 0.0

    def reserve(self, count: int) -> float:
        """Book ``count`` bytes and return the seconds to wait before they may go."""
        if self._limit is None:
            return 0.0
        with self._lock:
            now = self._clock()
            begin = max(now, self._free_at)
            self._free_at = begin + count / self._limit
            return begin - now
