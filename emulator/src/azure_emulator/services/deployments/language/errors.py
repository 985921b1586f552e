# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an expression, in ARM's words [documented, where a text is cited often; else guessed]."""

from __future__ import annotations

from typing import Any, TypeVar

_T = TypeVar("_T")

MAX_LENGTH = 24_576
MAX_SIZE = 4 * 1024 * 1024
MAX_DEPTH = 60


class ExpressionError(Exception):
    """An expression that cannot be read or computed; the text is a whole sentence for the inside of ARM's message."""


class RuntimeNeededError(Exception):
    """The value needs resources (``reference``, ``list…``): it is known only when they have been deployed."""

    def __init__(self, function: str) -> None:
        super().__init__(
            f"The template function '{function}' is not expected at this location. "
            "Please see https://aka.ms/arm-template-expressions for usage details."
        )


def see(function: str) -> str:
    """Where Azure tells people to look."""
    return f"Please see https://aka.ms/arm-template-expressions/#{function.lower()} for usage details."


def cannot(function: str, why: str) -> ExpressionError:
    """An error of one function."""
    return ExpressionError(f"Unable to evaluate template language function '{function}': {why} {see(function)}")


def expects(function: str, wanted: str, value: Any) -> ExpressionError:
    """A value of a wrong type."""
    return ExpressionError(
        f"The template language function '{function}' expects its parameter to be {wanted}. The provided value is of type "
        f"'{kind(value)}'. {see(function)}"
    )


def kind(value: Any) -> str:
    """A value's type as Azure names it."""
    if isinstance(value, bool):
        return "Boolean"
    names = {str: "String", int: "Integer", float: "Float", list: "Array", dict: "Object", type(None): "Null"}
    return names[type(value)]


def check_size(value: _T) -> _T:
    """The value, when its JSON form is not beyond what a template may be.

    :raises ExpressionError: when it is too large or too deep.
    """
    left = MAX_SIZE
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        left -= len(item) + 2 if isinstance(item, str) else 4
        if left < 0 or depth > MAX_DEPTH:
            raise ExpressionError(
                "The template language expression evaluation exceeded the limit of "
                f"{MAX_SIZE} characters or {MAX_DEPTH} levels."
            )
        if isinstance(item, dict):
            left -= sum(len(key) + 4 for key in item)
            stack += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, list):
            stack += [(inner, depth + 1) for inner in item]
    return value
