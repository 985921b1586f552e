# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute expressions, and whole JSON values with expressions in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from azure_emulator.services.deployments.language.errors import (
    MAX_DEPTH,
    ExpressionError,
    check_size,
    kind,
)
from azure_emulator.services.deployments.language.syntax import (
    Access,
    Call,
    Literal,
    Node,
    is_expression,
    parse,
    unescape,
)
from azure_emulator.services.deployments.language.table import FUNCTIONS, check_count, truth, whole
from azure_emulator.services.deployments.language.texts import shown

# Functions enter the table when their modules are imported.
for _module in ("collections", "numbers", "texts"):
    import_module(f"{__package__}.{_module}")

#: A function that needs the world: gets its name as it was written, and the arguments' values.
Special = Callable[[str, list[Any]], Any]
_LOOPS = 800


@dataclass(slots=True)
class Evaluator:
    """Computes with the functions of the table and those given here.

    ``special`` maps lower-case names to functions that need more than their arguments; ``missing`` answers names that
    are in neither (``listKeys`` and its like), or returns `NotImplemented`. ``loops`` are the copy loops around the
    value: name in lower case (``""`` for the innermost) to index.
    """

    special: Mapping[str, Special]
    missing: Special
    loops: Mapping[str, int] = field(default_factory=dict)

    def within(self, loops: Mapping[str, int]) -> Evaluator:
        """The same evaluator inside further copy loops."""
        return Evaluator(self.special, self.missing, {**self.loops, **loops})

    def value(self, value: Any, depth: int = 0) -> Any:
        """A JSON value with all expressions computed and property copies unrolled.

        :raises ExpressionError: for what is wrong.
        :raises RuntimeNeededError: when it needs resources and none are at hand.
        """
        if depth > MAX_DEPTH:
            raise ExpressionError(f"The template is nested more than {MAX_DEPTH} levels deep.")
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        result: dict[str, Any] = {}
        for key, item in value.items():
            if key == "copy" and isinstance(item, list):
                result |= self.copies(item, depth + 1)
            else:
                result[self._key(key)] = self.value(item, depth + 1)
        return result

    def _key(self, key: str) -> str:
        name = self.text(key)
        if not isinstance(name, str):
            raise ExpressionError(f"The property name '{key}' must be a string, not a value of type '{kind(name)}'.")
        return name

    def text(self, text: str) -> Any:
        """A string, which may be an expression."""
        return self.node(parse(text)) if is_expression(text) else unescape(text)

    def copies(self, loops: list[Any], depth: int = 0) -> dict[str, Any]:
        """``[{"name", "count", "input"}]`` as the arrays that they stand for."""
        result = {}
        for loop in loops:
            if not isinstance(loop, dict) or not isinstance(loop.get("name"), str) or "input" not in loop:
                raise ExpressionError(
                    "The template copy definition must have the properties 'name', 'count' and 'input'. "
                    "Please see https://aka.ms/arm-copy for usage details."
                )
            name, count = loop["name"], self.count(loop)
            made = [self.within({"": at, name.lower(): at}).value(loop["input"], depth + 1) for at in range(count)]
            result[name] = check_size(made)
        return result

    def count(self, loop: dict[str, Any]) -> int:
        """How often a copy loop runs: 0 to 800 times."""
        count = self.value(loop.get("count"))
        if isinstance(count, str) and count.isascii() and count.isdigit() and len(count) < 9:
            count = int(count)
        if isinstance(count, bool) or not isinstance(count, int):
            raise ExpressionError(
                f"The value of the template copy property 'count' must be an integer, not '{kind(count)}'. "
                "Please see https://aka.ms/arm-copy for usage details."
            )
        if not 0 <= count <= _LOOPS:
            raise ExpressionError(
                f"The template copy property 'count' must be from 0 to {_LOOPS}; the value is '{count}'. "
                "Please see https://aka.ms/arm-copy for usage details."
            )
        return count

    def node(self, node: Node) -> Any:
        """The value of a tree."""
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Access):
            return self._access(node)
        return self._call(node)

    def _access(self, node: Access) -> Any:
        of = self.node(node.of)
        if of is None and node.safe:
            return None
        index = self.node(node.index)
        if isinstance(of, dict):
            return _property(of, index, node.safe)
        if isinstance(of, list):
            return _item(of, index, node.safe)
        raise ExpressionError(
            f"The language expression property '{shown(index)[:80]}' can't be evaluated: a value of type '{kind(of)}' has "
            "no properties."
        )

    def _call(self, call: Call) -> Any:
        name = call.name.lower()
        lazy = _LAZY.get(name)
        if lazy is not None:
            return lazy(self, call)
        entry = FUNCTIONS.get(name)
        if entry is not None:
            check_count(entry.name, len(call.arguments), entry.least, entry.most)
        arguments = [self.node(argument) for argument in call.arguments]
        if entry is not None:
            return entry.run(arguments)
        if name == "copyindex":
            return self._copy_index(arguments)
        result = (
            self.special[name](call.name, arguments) if name in self.special else self.missing(call.name, arguments)
        )
        if result is NotImplemented:
            raise ExpressionError(
                f"The template function '{call.name}' is not valid. "
                "Please see https://aka.ms/arm-template-expressions for usage details."
            )
        return result

    def _copy_index(self, arguments: list[Any]) -> int:
        loop, offset = "", 0
        for argument in arguments[:2]:
            if isinstance(argument, str):
                loop = argument
            else:
                offset = whole("copyIndex", argument)
        if loop.lower() not in self.loops:
            raise ExpressionError(
                "The template function 'copyIndex' is not expected at this location. The function can only be used in a "
                "resource with copy specified. Please see https://aka.ms/arm-copy for usage details."
            )
        return self.loops[loop.lower()] + offset


def _property(of: dict[str, Any], index: Any, safe: bool) -> Any:
    if not isinstance(index, str):
        raise ExpressionError(
            f"The language expression property '{shown(index)[:80]}' can't be evaluated, property name must be a string."
        )
    if index in of:
        return of[index]
    for key, value in of.items():
        if key.lower() == index.lower():
            return value
    if safe:
        return None
    raise ExpressionError(
        f"The language expression property '{index}' doesn't exist, available properties are '{', '.join(of)}'."
    )


def _item(of: list[Any], index: Any, safe: bool) -> Any:
    if isinstance(index, bool) or not isinstance(index, int):
        raise ExpressionError(
            f"The language expression property '{shown(index)[:80]}' can't be evaluated, array index must be an integer."
        )
    if not 0 <= index < len(of):
        if safe:
            return None
        raise ExpressionError(f"The language expression property array index '{index}' is out of bounds.")
    return of[index]


def _if(evaluator: Evaluator, call: Call) -> Any:
    check_count("if", len(call.arguments), 3, 3)
    chosen = 1 if truth("if", evaluator.node(call.arguments[0])) else 2
    return evaluator.node(call.arguments[chosen])


def _and(evaluator: Evaluator, call: Call) -> bool:
    return all(truth("and", evaluator.node(argument)) for argument in _some(call))


def _or(evaluator: Evaluator, call: Call) -> bool:
    return any(truth("or", evaluator.node(argument)) for argument in _some(call))


def _some(call: Call) -> tuple[Node, ...]:
    check_count(call.name, len(call.arguments), 2, None)
    return call.arguments


# Only the branch that is taken is computed: the other may refer to a resource that is not deployed.
_LAZY: dict[str, Callable[[Evaluator, Call], Any]] = {"if": _if, "and": _and, "or": _or}
