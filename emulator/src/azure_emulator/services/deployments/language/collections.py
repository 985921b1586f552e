# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions on arrays and objects, and those that take texts as well."""

from __future__ import annotations

from typing import Any

from azure_emulator.services.deployments.language.errors import cannot, check_size, expects
from azure_emulator.services.deployments.language.numbers import same
from azure_emulator.services.deployments.language.table import Arguments, function, items, mapping, text, whole
from azure_emulator.services.deployments.language.texts import shown

_RANGE = 10_000


@function("concat", 1, None)
def _concat(arguments: Arguments) -> Any:
    if any(isinstance(argument, list) for argument in arguments):
        return check_size([item for argument in arguments for item in items("concat", argument)])
    for argument in arguments:
        if argument is None or isinstance(argument, dict):
            raise expects("concat", "a string, a number, a boolean or an array", argument)
    return check_size("".join(shown(argument) for argument in arguments))


@function("length", 1)
def _length(arguments: Arguments) -> int:
    if not isinstance(arguments[0], (str, list, dict)):
        raise expects("length", "an array, an object, or a string", arguments[0])
    return len(arguments[0])


@function("empty", 1)
def _empty(arguments: Arguments) -> bool:
    if arguments[0] is not None and not isinstance(arguments[0], (str, list, dict)):
        raise expects("empty", "an object, an array, or a string", arguments[0])
    return not arguments[0]


@function("first", 1)
def _first(arguments: Arguments) -> Any:
    return _end("first", arguments[0], 0)


@function("last", 1)
def _last(arguments: Arguments) -> Any:
    return _end("last", arguments[0], -1)


def _end(name: str, value: Any, at: int) -> Any:
    if not isinstance(value, (str, list)):
        raise expects(name, "an array or a string", value)
    if not value:
        return "" if isinstance(value, str) else None
    return value[at]


@function("take", 2)
def _take(arguments: Arguments) -> Any:
    return _sequence("take", arguments[0])[: max(0, whole("take", arguments[1]))]


@function("skip", 2)
def _skip(arguments: Arguments) -> Any:
    return _sequence("skip", arguments[0])[max(0, whole("skip", arguments[1])) :]


def _sequence(name: str, value: Any) -> Any:
    if not isinstance(value, (str, list)):
        raise expects(name, "an array or a string", value)
    return value


@function("contains", 2)
def _contains(arguments: Arguments) -> bool:
    container, wanted = arguments
    if isinstance(container, str):
        return shown(wanted) in container
    if isinstance(container, list):
        return any(same(item, wanted) for item in container)
    keys = mapping("contains", container)
    return shown(wanted).lower() in {key.lower() for key in keys}


@function("indexOf", 2)
def _index_of(arguments: Arguments) -> int:
    container, wanted = arguments
    if isinstance(container, list):
        return next((at for at, item in enumerate(container) if same(item, wanted)), -1)
    return text("indexOf", container).lower().find(text("indexOf", wanted).lower())


@function("lastIndexOf", 2)
def _last_index_of(arguments: Arguments) -> int:
    container, wanted = arguments
    if isinstance(container, list):
        return next((at for at in reversed(range(len(container))) if same(container[at], wanted)), -1)
    return text("lastIndexOf", container).lower().rfind(text("lastIndexOf", wanted).lower())


@function("array", 1)
def _array(arguments: Arguments) -> list[Any]:
    return arguments[0] if isinstance(arguments[0], list) else [arguments[0]]


@function("createArray", 0, None)
def _create_array(arguments: Arguments) -> list[Any]:
    return check_size([*arguments])


@function("createObject", 0, None)
def _create_object(arguments: Arguments) -> dict[str, Any]:
    if len(arguments) % 2:
        raise cannot("createObject", "the arguments must be pairs of keys and values.")
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    return check_size({text("createObject", key): value for key, value in pairs})


@function("range", 2)
def _range(arguments: Arguments) -> list[int]:
    start, count = whole("range", arguments[0]), whole("range", arguments[1])
    if not 0 <= count <= _RANGE or not -(2**31) <= start <= 2**31 - 1 - count:
        raise cannot("range", f"the count must be from 0 to {_RANGE}, and the sum of both not larger than {2**31 - 1}.")
    return [*range(start, start + count)]


@function("union", 1, None)
def _union(arguments: Arguments) -> Any:
    if isinstance(arguments[0], list):
        merged: list[Any] = []
        for argument in arguments:
            merged += [item for item in items("union", argument) if not any(same(item, has) for has in merged)]
        return check_size(merged)
    result: dict[str, Any] = {}
    for argument in arguments:
        result = _merged(result, mapping("union", argument))
    return check_size(result)


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    names = {key.lower(): key for key in one}
    result = dict(one)
    for key, value in other.items():
        name = names.get(key.lower(), key)
        before = result.get(name)
        result[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result


@function("intersection", 1, None)
def _intersection(arguments: Arguments) -> Any:
    first, *others = arguments
    if isinstance(first, list):
        rest = [items("intersection", other) for other in others]
        kept: list[Any] = []
        for item in first:
            everywhere = all(any(same(item, has) for has in other) for other in rest)
            if everywhere and not any(same(item, has) for has in kept):
                kept.append(item)
        return kept
    maps = [mapping("intersection", other) for other in others]
    found = mapping("intersection", first)
    return {k: v for k, v in found.items() if all(k in other and same(other[k], v) for other in maps)}


@function("coalesce", 1, None)
def _coalesce(arguments: Arguments) -> Any:
    return next((argument for argument in arguments if argument is not None), None)


@function("tryGet", 2, None)
def _try_get(arguments: Arguments) -> Any:
    value = arguments[0]
    for step in arguments[1:]:
        if isinstance(value, dict) and isinstance(step, str):
            value = next((item for key, item in value.items() if key.lower() == step.lower()), None)
        elif isinstance(value, list) and isinstance(step, int) and not isinstance(step, bool):
            value = value[step] if 0 <= step < len(value) else None
        else:
            return None
    return value


@function("flatten", 1)
def _flatten(arguments: Arguments) -> list[Any]:
    return [inner for outer in items("flatten", arguments[0]) for inner in items("flatten", outer)]


@function("items", 1)
def _items(arguments: Arguments) -> list[Any]:
    found = mapping("items", arguments[0])
    return [{"key": key, "value": found[key]} for key in sorted(found)]


@function("objectKeys", 1)
def _object_keys(arguments: Arguments) -> list[str]:
    return sorted(mapping("objectKeys", arguments[0]))


@function("shallowMerge", 1)
def _shallow_merge(arguments: Arguments) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for item in items("shallowMerge", arguments[0]):
        result |= mapping("shallowMerge", item)
    return result
