# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's time: real, shifted, standing still until a test moves it, or moved by a script (`timetable`)."""

from __future__ import annotations

import time
from copy import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure_emulator.core.store import Store

_NAMESPACE = "clock"


class Clock:
    """Reads its setting (shift in seconds, or a frozen instant) from the store, so that a restart keeps it."""

    def __init__(self, store: Store) -> None:
        setting = store.kv_get(_NAMESPACE, "setting") or {}
        self._shift = float(setting.get("shift", 0.0))
        self._frozen: float | None = setting.get("frozen")
        #: How often it was asked: what did not ask does not depend on the time.
        self.asked = 0

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._frozen is not None

    def standing(self, at: float) -> Clock:
        """A clock that shows one moment."""
        clock = copy(self)
        clock._frozen = at
        return clock

    def now(self) -> float:
        """Seconds since the epoch."""
        self.asked += 1
        return self._frozen if self._frozen is not None else time.time() + self._shift

    def iso(self, seconds: float | None = None) -> str:
        """``2026-11-22T10:11:12.1234567+00:00``, as Compute and operations write times."""
        moment = datetime.fromtimestamp(self.now() if seconds is None else seconds, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0+00:00"

    def iso_z(self, seconds: float | None = None) -> str:
        """``2026-11-22T10:11:12.1234567Z``, as Storage writes times."""
        return self.iso(seconds).replace("+00:00", "Z")


def advance(store: Store, seconds: float) -> float:
    """Move the clock forward; returns the new time."""
    clock = Clock(store)
    if clock._frozen is not None:
        store.kv_put(_NAMESPACE, "setting", {"frozen": clock._frozen + seconds})
    else:
        store.kv_put(_NAMESPACE, "setting", {"shift": clock._shift + seconds})
    return Clock(store).now()


def freeze(store: Store, at: float | None) -> float:
    """Stop the clock at a time (``None``: now)."""
    store.kv_put(_NAMESPACE, "setting", {"frozen": Clock(store).now() if at is None else at})
    return Clock(store).now()


def run(store: Store) -> float:
    """Let a stopped clock run on from where it stands."""
    store.kv_put(_NAMESPACE, "setting", {"shift": Clock(store).now() - time.time()})
    return Clock(store).now()
