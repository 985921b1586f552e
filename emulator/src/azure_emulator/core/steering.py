# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests have set, as the requests' way through the server needs it: read once, kept in memory.

The store has the truth; whoever changes it there calls `reload` with the same transaction's store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core import faults, latency, throttling, timetable
from azure_emulator.core.clock import Clock

if TYPE_CHECKING:
    from azure_emulator.core.store import Store


class Steering:
    """The plan of faults, delays of requests, the clock and its script, and the throttle."""

    def __init__(self, store: Store) -> None:
        self.throttle = throttling.Throttle(throttling.load(store))
        self.reload(store)

    def reload(self, store: Store) -> None:
        """Take over everything; counts of requests begin anew."""
        self.plan = faults.load(store)
        self.timetable = timetable.load(store)
        self.throttle.set(throttling.load(store))
        self.reload_time(store)

    def reload_time(self, store: Store) -> None:
        """Take over clock and latency."""
        self.clock = Clock(store)
        self.profile = latency.load(store)
