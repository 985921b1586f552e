# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the bodies of control requests: each function takes an object and a member's name, and says what is wrong.

All raise `SettingError` with a text that names the member; ``where`` is the object's own name in that text.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class SettingError(ValueError):
    """A control request that is wrong; the text says where and how."""


def check_fields(value: Any, known: Iterable[str], where: str) -> None:
    """Refuse what is not an object, or has members that nobody knows."""
    if not isinstance(value, dict):
        raise SettingError(f"{where} must be an object, not {value!r}")
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise SettingError(f"{where} has unknown fields {unknown}; known are {', '.join(known)}")


def text(value: dict[str, Any], name: str, where: str) -> str:
    """A text; empty when absent."""
    found = value.get(name, "")
    if not isinstance(found, str):
        raise SettingError(f"{where}.{name} must be a text, not {found!r}")
    return found


def flag(value: dict[str, Any], name: str, where: str) -> bool:
    """true or false; false when absent."""
    found = value.get(name, False)
    if not isinstance(found, bool):
        raise SettingError(f"{where}.{name} must be true or false, not {found!r}")
    return found


def number(value: dict[str, Any], name: str, where: str, default: float, *, most: float = 1e9) -> float:
    """A number from 0 to ``most``."""
    return checked_number(value.get(name, default), f"{where}.{name}", most)


def whole(value: dict[str, Any], name: str, where: str, default: int = 0) -> int:
    """A whole number that is not negative."""
    found = value.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 10**9:
        raise SettingError(f"{where}.{name} must be a whole number, not negative, not {found!r}")
    return found


def choice(value: dict[str, Any], name: str, where: str, choices: tuple[str, ...], default: str) -> str:
    """One of some words."""
    found = value.get(name, default)
    if found not in choices:
        raise SettingError(f"{where}.{name} must be {' or '.join(choices)}, not {found!r}")
    return str(found)


def numbers(value: dict[str, Any], name: str, where: str) -> frozenset[int]:
    """``3`` or ``[1, 3]``, counted from 1; nothing when absent."""
    given = value.get(name)
    found = given if isinstance(given, list) else [] if given is None else [given]
    if any(not isinstance(one, int) or isinstance(one, bool) or one < 1 for one in found):
        raise SettingError(f"{where}.{name} must be a number from 1, or a list of such, not {given!r}")
    return frozenset(found)


def checked_number(found: Any, name: str, most: float = 1e9) -> float:
    """The number itself, if it is one from 0 to ``most``."""
    if not isinstance(found, (int, float)) or isinstance(found, bool) or not math.isfinite(found):
        raise SettingError(f"{name} must be a number, not {found!r}")
    if not 0 <= found <= most:
        raise SettingError(f"{name} must be a number from 0 to {most:g}, not {found!r}")
    return float(found)


def pattern(value: dict[str, Any], name: str, where: str) -> re.Pattern[str]:
    """A regular expression, compiled without regard to case; one that fits everything when absent."""
    try:
        return re.compile(text(value, name, where), re.IGNORECASE)
    except re.error as error:
        raise SettingError(f"{where}.{name} is not a regular expression: {error}") from None
