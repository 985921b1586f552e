# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points in time as galleries read and write them."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import text_of

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope

_DAY = 86400.0
# "Now" is a way to end a version's life, and clocks differ a little.
_TOLERANCE = 60.0


def end_of_life(scope: Scope, known: str | None, wanted: dict[str, Any]) -> str | None:
    """The ``endOfLifeDate`` of a request, as it is shown (``2050-07-01T00:00:00+00:00``); None when absent.

    A new one must lie in the future, the `known` one may have passed.

    :raises ArmError: 400 when it is not ISO 8601 [documented], or has passed.
    """
    name = "endOfLifeDate"
    text = text_of(wanted, name)
    if text is None:
        return None
    moment = _parse(text)
    if moment is None:
        message = f"Could not convert string to DateTimeOffset: {text[:80]}. Path 'properties.{name}'."
        raise ArmError(400, "InvalidParameter", message, name)
    shown = moment.isoformat()
    if shown != known and moment.timestamp() < scope.clock.now() - _TOLERANCE:
        raise ArmError(400, "InvalidParameter", "EndOfLifeDate must be set to a future date.", name)
    return shown


def seconds_of(shown: str) -> float:
    """Seconds since the epoch of a date that was written by this service."""
    moment = _parse(shown)
    return moment.timestamp() if moment else 0.0


def days_later(scope: Scope, start: float, days: float) -> str:
    return scope.clock.iso(start + days * _DAY)


def months_later(scope: Scope, start: float, months: int) -> str:
    """The same day some months later, or the last one of a shorter month."""
    moment = datetime.fromtimestamp(start, UTC)
    index = moment.month - 1 + months
    year, month = moment.year + index // 12, index % 12 + 1
    day = min(moment.day, monthrange(year, month)[1])
    return scope.clock.iso(moment.replace(year=year, month=month, day=day).timestamp())


def _parse(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # Years at the very ends cannot be moved to another time zone.
        moment.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return moment
