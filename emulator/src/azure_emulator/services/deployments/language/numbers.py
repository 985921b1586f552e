# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions on numbers and truth values."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from azure_emulator.services.deployments.language.errors import cannot, expects
from azure_emulator.services.deployments.language.table import Arguments, bounded, function, text, truth, whole

_WHOLE = re.compile(r"[-+]?[0-9]{1,19}")


@function("add", 2)
def _add(arguments: Arguments) -> int:
    return bounded("add", whole("add", arguments[0]) + whole("add", arguments[1]))


@function("sub", 2)
def _sub(arguments: Arguments) -> int:
    return bounded("sub", whole("sub", arguments[0]) - whole("sub", arguments[1]))


@function("mul", 2)
def _mul(arguments: Arguments) -> int:
    return bounded("mul", whole("mul", arguments[0]) * whole("mul", arguments[1]))


@function("div", 2)
def _div(arguments: Arguments) -> int:
    one, other = _division("div", arguments)
    return bounded("div", abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1))


@function("mod", 2)
def _mod(arguments: Arguments) -> int:
    one, other = _division("mod", arguments)
    return abs(one) % abs(other) * (-1 if one < 0 else 1)


def _division(name: str, arguments: Arguments) -> tuple[int, int]:
    one, other = whole(name, arguments[0]), whole(name, arguments[1])
    if other == 0:
        raise cannot(name, "the divisor must not be zero.")
    return one, other


@function("int", 1)
def _int(arguments: Arguments) -> int:
    value = arguments[0]
    if isinstance(value, float):
        return bounded("int", int(value))
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value.strip()):
            raise cannot("int", f"the value '{value[:80]}' cannot be converted to an integer.")
        return bounded("int", int(value))
    return whole("int", value)


@function("float", 1)
def _float(arguments: Arguments) -> float:
    try:
        value = float(arguments[0]) if not isinstance(arguments[0], bool) else None
    except (TypeError, ValueError, OverflowError):
        value = None
    if value is None or not math.isfinite(value):
        raise expects("float", "a number or a text that is one", arguments[0])
    return value


@function("min", 1, None)
def _min(arguments: Arguments) -> int:
    return min(_numbers("min", arguments))


@function("max", 1, None)
def _max(arguments: Arguments) -> int:
    return max(_numbers("max", arguments))


def _numbers(name: str, arguments: Arguments) -> list[int]:
    given = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
    if not given:
        raise cannot(name, "the array must not be empty.")
    return [whole(name, value) for value in given]


@function("bool", 1)
def _bool(arguments: Arguments) -> bool:
    value = arguments[0]
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    if isinstance(value, int):
        return bool(value)
    raise expects("bool", "a string or an integer that is a boolean", value)


@function("true", 0)
def _true(_arguments: Arguments) -> bool:
    return True


@function("false", 0)
def _false(_arguments: Arguments) -> bool:
    return False


@function("null", 0)
def _null(_arguments: Arguments) -> None:
    return None


@function("not", 1)
def _not(arguments: Arguments) -> bool:
    return not truth("not", arguments[0])


@function("xor", 2)
def _xor(arguments: Arguments) -> bool:
    return truth("xor", arguments[0]) != truth("xor", arguments[1])


@function("equals", 2)
def _equals(arguments: Arguments) -> bool:
    return same(arguments[0], arguments[1])


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; Python would take True for 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@function("less", 2)
def _less(arguments: Arguments) -> bool:
    return _order("less", arguments) < 0


@function("lessOrEquals", 2)
def _less_or_equals(arguments: Arguments) -> bool:
    return _order("lessOrEquals", arguments) <= 0


@function("greater", 2)
def _greater(arguments: Arguments) -> bool:
    return _order("greater", arguments) > 0


@function("greaterOrEquals", 2)
def _greater_or_equals(arguments: Arguments) -> bool:
    return _order("greaterOrEquals", arguments) >= 0


def _order(name: str, arguments: Arguments) -> int:
    one, other = arguments
    if isinstance(one, str):
        return _compared(one, text(name, other))
    return _compared(whole(name, one), whole(name, other))


def _compared(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)
