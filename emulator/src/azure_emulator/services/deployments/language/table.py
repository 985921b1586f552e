# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of functions that need nothing but their arguments, and the checks of those arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from azure_emulator.services.deployments.language.errors import cannot, expects

Arguments = Sequence[Any]
Function = Callable[[Arguments], Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A function, its name as documented, and how many arguments it takes (``most`` ``None``: any number)."""

    name: str
    least: int
    most: int | None
    run: Function


FUNCTIONS: dict[str, Entry] = {}


def function(name: str, least: int, most: int | None = -1) -> Callable[[Function], Function]:
    """Register a function; without ``most`` it takes exactly ``least`` arguments."""

    def register(run: Function) -> Function:
        FUNCTIONS[name.lower()] = Entry(name, least, least if most == -1 else most, run)
        return run

    return register


def check_count(name: str, count: int, least: int, most: int | None) -> None:
    """Refuse a wrong number of arguments; ``most`` ``None``: any number.

    :raises ExpressionError: naming the numbers.
    """
    if count >= least and (most is None or count <= most):
        return
    if most is None:
        wanted = f"{least} or more arguments"
    elif most == least:
        wanted = f"{least} argument(s)"
    else:
        wanted = f"from {least} to {most} arguments"
    raise cannot(name, f"function requires {wanted} while {count} were provided.")


def text(name: str, value: Any) -> str:
    """A string argument."""
    if not isinstance(value, str):
        raise expects(name, "a string", value)
    return value


def whole(name: str, value: Any) -> int:
    """An integer argument."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise expects(name, "an integer", value)
    return value


def items(name: str, value: Any) -> list[Any]:
    """An array argument."""
    if not isinstance(value, list):
        raise expects(name, "an array", value)
    return value


def mapping(name: str, value: Any) -> dict[str, Any]:
    """An object argument."""
    if not isinstance(value, dict):
        raise expects(name, "an object", value)
    return value


def truth(name: str, value: Any) -> bool:
    """A boolean argument."""
    if not isinstance(value, bool):
        raise expects(name, "a boolean", value)
    return value


def bounded(name: str, value: int) -> int:
    """A result that fits 64 bits."""
    if not -(2**63) <= value < 2**63:
        raise cannot(name, "the result is out of the range of a 64-bit integer.")
    return value
