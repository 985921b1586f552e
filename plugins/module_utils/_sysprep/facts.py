# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw facts of a Windows machine, as the rules get them: each is known, or unknown for a reason.

They come as one JSON object, from ``roles/windows_generalize/files/collect_facts.ps1`` or from the hives of a disk:
``{"schema": 1, "errors": {section: message}, section: {name: value}}``. What is missing, ``null`` or of another type than
``shape`` says is unknown. A registry value that was looked for and is not there is the text ``absent``, which is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = 1
ABSENT = "absent"
T = TypeVar("T")


class Unknown(Exception):  # noqa: N818  # it is no error, it is what there is to say
    """Something cannot be decided.

    :param what: the path of a fact, or of the fact that leaves the question open.
    :param reason: why, for people.
    """

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason


class Misshapen(Exception):  # noqa: N818  # never leaves this file: it makes a fact unknown
    """A value is not of the kind that it should be."""


@dataclass(frozen=True)
class Fact(Generic[T]):
    """One fact: where it is, how it is read, and what it says."""

    path: str
    read: Callable[[Any], T]
    about: str


class Facts:
    """What is known of a machine: ``facts[FACT]`` is its value, or raises :class:`Unknown`."""

    def __init__(self, values: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
        self._values = values
        self._reasons = reasons

    def __getitem__(self, fact: Fact[T]) -> T:
        if fact.path not in self._values:
            raise Unknown(fact.path, self._reasons.get(fact.path, "it was not collected"))
        value: T = self._values[fact.path]
        return value


def read_facts(document: object, shape: tuple[Fact[Any], ...]) -> Facts:
    """Read the object of the module's description.

    :raises InvalidInput: it is no object, or of another schema. Everything below that makes single facts unknown.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput(
            f"The facts of a Windows machine are a {type(document).__name__}, not a dictionary.",
            remedy="Give the result of collect_facts.ps1 (with win_powershell: the registered variable's result).",
        )
    if document.get("schema") != SCHEMA or isinstance(document.get("schema"), bool):
        raise InvalidInput(
            f"The facts of a Windows machine have schema {printable(repr(document.get('schema')))}; {SCHEMA!r} is known.",
            remedy="Give the registered variable's result."
            if isinstance(document.get("result"), Mapping)
            else "Collect them with the collect_facts.ps1 of this version of the collection.",
        )
    errors = document.get("errors")
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for fact in shape:
        section, _dot, name = fact.path.partition(".")
        found = document.get(section)
        value = found.get(name) if isinstance(found, Mapping) else None
        try:
            if value is not None:
                values[fact.path] = fact.read(value)
            elif isinstance(errors, Mapping) and errors.get(section):
                reasons[fact.path] = f"collecting it failed: {printable(errors[section])}"
        except Misshapen as error:
            reasons[fact.path] = f"it has an unexpected form: {printable(error)}"
    return Facts(values, reasons)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Misshapen(f"{value!r} is not true or false")
    return value


def number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Misshapen(f"{value!r} is not a whole number")
    return value


def text(value: Any) -> str:
    """What Ansible has tagged comes out plain. An empty text, or that there is none, would be no answer."""
    if not isinstance(value, str) or not value.strip() or value == ABSENT:
        raise Misshapen(f"{value!r} is not a text")
    return str(value)


def setting(value: Any) -> int | None:
    """A number of the registry; ``None`` when it is not there."""
    return None if value == ABSENT else number(value)


def word(value: Any) -> str | None:
    """A text of the registry; ``None`` when it is not there."""
    return None if value == ABSENT else text(value)


def texts(value: Any) -> tuple[str, ...]:
    return tuple(text(each) for each in _items(value))


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise Misshapen(f"{value!r} is not a list")
    return list(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "bool": flag,
    "int": number,
    "str": text,
    "int | None": setting,
    "str | None": word,
    "tuple[str, ...]": texts,
}


def records(kind: type[T]) -> Callable[[Any], tuple[T, ...]]:
    """Read a list of objects with the attributes of a data class; nothing may be missing in any of them."""
    readers = {each.name: _READERS[str(each.type)] for each in fields(kind)}  # type: ignore[arg-type]

    def read(value: Any) -> tuple[T, ...]:
        return tuple(_record(kind, readers, each) for each in _items(value))

    return read


def _record(kind: type[T], readers: dict[str, Callable[[Any], Any]], value: Any) -> T:
    if not isinstance(value, Mapping):
        raise Misshapen(f"{value!r} is not an object")
    try:
        return kind(**{name: read(value.get(name)) for name, read in readers.items()})
    except Misshapen as error:
        raise Misshapen(f"{kind.__name__}: {error} (in {dict(value)!r})") from error
