# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long operations take, and what clients are told about when to ask again.

Profiles: ``instant`` (over at the first poll), ``fast`` (milliseconds; clients of the Azure SDK do not sleep), and
``realistic`` (the seconds that the services name, times a factor, with the recorded ``Retry-After``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from azure_emulator.core.checks import SettingError, check_fields, checked_number, choice, number, whole

if TYPE_CHECKING:
    from azure_emulator.core.store import Store

_NAMESPACE = "latency"
_FAST_SECONDS = 0.02
NAMES = ("instant", "fast", "realistic")


@dataclass(frozen=True, slots=True)
class Profile:
    """``factor`` multiplies realistic times; ``polls`` is the least number of polls that still see the operation
    running; ``seconds`` maps patterns of effect names (``compute.image.*``) to fixed durations of operations,
    ``requests`` patterns of action names (``Microsoft.Compute/disks/*``, without regard to case) to seconds that each
    such HTTP call waits before it is handled."""

    name: str = "fast"
    factor: float = 1.0
    polls: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    requests: dict[str, float] = field(default_factory=dict)

    def delay(self, route: str) -> float:
        """Seconds that an HTTP call with this action name waits."""
        for pattern, value in self.requests.items():
            if fnmatchcase(route.lower(), pattern.lower()):
                return value
        return 0.0

    def duration(self, effect: str, realistic: float) -> float:
        """Seconds until an operation may end."""
        for pattern, value in self.seconds.items():
            if fnmatchcase(effect, pattern):
                return value
        if self.name == "realistic":
            return realistic * self.factor
        return 0.0 if self.name == "instant" else min(_FAST_SECONDS, realistic)

    def retry_headers(self, seconds: int | None) -> dict[str, str]:
        """The recorded ``Retry-After``, or milliseconds: azure-core sleeps 30 s on ``Retry-After: 0``."""
        if self.name == "realistic":
            if not seconds:
                return {}
            return {"Retry-After": str(max(1, round(seconds * min(self.factor, 1.0))))}
        return {"x-ms-retry-after-ms": "20" if self.name == "instant" else "40"}


def load(store: Store) -> Profile:
    """The profile in force."""
    return Profile(**(store.kv_get(_NAMESPACE, "profile") or {}))


def save(store: Store, profile: Profile) -> None:
    store.kv_put(_NAMESPACE, "profile", asdict(profile))


def from_json(value: dict[str, Any]) -> Profile:
    """A profile from a control request.

    :raises SettingError: naming the field that is wrong.
    """
    check_fields(value, ("name", "factor", "polls", "seconds", "requests"), "latency")
    return Profile(
        choice(value, "name", "latency", NAMES, "fast"),
        number(value, "factor", "latency", 1),
        whole(value, "polls", "latency"),
        _seconds(value, "seconds"),
        _seconds(value, "requests"),
    )


def _seconds(value: dict[str, Any], name: str) -> dict[str, float]:
    found = value.get(name, {})
    if not isinstance(found, dict):
        raise SettingError(f"latency.{name} must be an object of patterns and seconds, not {found!r}")
    return {key: checked_number(given, f"latency.{name}.{key}") for key, given in found.items()}
