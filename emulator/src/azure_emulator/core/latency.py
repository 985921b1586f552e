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

if TYPE_CHECKING:
    from azure_emulator.core.store import Store

_NAMESPACE = "latency"
_FAST_SECONDS = 0.02
NAMES = ("instant", "fast", "realistic")


@dataclass(frozen=True, slots=True)
class Profile:
    """``factor`` multiplies realistic times; ``polls`` is the least number of polls that still see the operation
    running; ``seconds`` maps patterns of effect names (``compute.image.*``) to fixed durations."""

    name: str = "fast"
    factor: float = 1.0
    polls: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

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
            if seconds is None:
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

    :raises ValueError: naming the field that is wrong.
    """
    unknown = set(value) - {"name", "factor", "polls", "seconds"}
    if unknown:
        raise ValueError(f"unknown fields {sorted(unknown)}; known are name, factor, polls, seconds")
    if value.get("name", "fast") not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}, not {value.get('name')!r}")
    try:
        seconds = {str(k): float(v) for k, v in dict(value.get("seconds", {})).items()}
        profile = Profile(value.get("name", "fast"), float(value.get("factor", 1)), int(value.get("polls", 0)), seconds)
    except (TypeError, ValueError) as error:
        raise ValueError(f"factor, polls and seconds must be numbers: {error}") from error
    if profile.factor < 0 or profile.polls < 0 or any(v < 0 for v in seconds.values()):
        raise ValueError("factor, polls and seconds must not be negative")
    return profile
