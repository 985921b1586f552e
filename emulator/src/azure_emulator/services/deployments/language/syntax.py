# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read expressions into trees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from azure_emulator.services.deployments.language.errors import MAX_DEPTH, MAX_LENGTH, ExpressionError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Literal:
    """A text or a whole number."""

    value: str | int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; a dotted name is a user's own function."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """``of.name``, ``of[index]``; ``safe``: null instead of an error when there is none (``.?name``)."""

    of: Node
    index: Node
    safe: bool = False


Node = Literal | Call | Access

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^']|'')*')
      | (?P<number>[-+]?\d+(?![\w.]))
      | (?P<name>[A-Za-z_$][\w$]*)
      | (?P<mark>\.\?|\[\?|[()\[\],.])
    )\s*""",
    re.VERBOSE,
)
_NAMES = {
    "(": "LeftParenthesis",
    ")": "RightParenthesis",
    "[": "LeftSquareBracket",
    "]": "RightSquareBracket",
    ",": "Comma",
    ".": "Dot",
}


def is_expression(text: str) -> bool:
    """``[…]``, but not ``[[…``, which is a text that begins with a bracket."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def unescape(text: str) -> str:
    """The text that a string without an expression stands for."""
    return text[1:] if text.startswith("[[") else text


@lru_cache(maxsize=2048)
def parse(text: str) -> Node:
    """The tree of ``[…]``.

    :raises ExpressionError: saying which token was expected.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"The language expression length limit exceeded. Limit: '{MAX_LENGTH}' and actual: '{len(text)}'."
        )
    parser = _Parser(text)
    node = parser.node(0)
    parser.expect("")
    return node


def calls(node: Node) -> Iterator[Call]:
    """All calls in a tree, inner ones too."""
    if isinstance(node, Call):
        yield node
        for argument in node.arguments:
            yield from calls(argument)
    elif isinstance(node, Access):
        yield from calls(node.of)
        yield from calls(node.index)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*self._split(text[1:-1])]
        self._at = 0

    def _split(self, inner: str) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(inner):
            found = _TOKEN.match(inner, at)
            if not found:
                if inner[at:].strip():
                    raise ExpressionError(
                        f"The language expression '{self._text[1:-1]}' is not valid: the string character "
                        f"'{inner[at:].strip()[0]}' at position '{at}' is not expected."
                    )
                return
            group = found.lastgroup or ""
            yield group, found[group]
            at = found.end()

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def expect(self, mark: str) -> None:
        group, token = self._peek()
        if token != mark or (group not in ("mark", "")):
            raise self._wrong(_NAMES.get(mark, "EndOfData"))
        self._at += 1

    def node(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"Unable to parse language expression '{self._text[1:-1]}': it is nested too deeply.")
        group, token = self._peek()
        if group not in ("string", "number", "name"):
            raise self._wrong("Identifier")
        self._at += 1
        node: Node
        if group == "string":
            node = Literal(token[1:-1].replace("''", "'"))
        elif group == "number":
            node = Literal(_number(token))
        else:
            node = self._call(token, depth)
        return self._accesses(node, depth)

    def _call(self, name: str, depth: int) -> Call:
        while self._peek() == ("mark", "."):
            self._at += 1
            name += f".{self._name()}"
        self.expect("(")
        arguments: list[Node] = []
        if self._peek() != ("mark", ")"):
            arguments.append(self.node(depth + 1))
            while self._peek() == ("mark", ","):
                self._at += 1
                arguments.append(self.node(depth + 1))
        self.expect(")")
        return Call(name, tuple(arguments))

    def _accesses(self, node: Node, depth: int) -> Node:
        steps = 0
        while self._peek()[0] == "mark" and self._peek()[1] in (".", "[", ".?", "[?"):
            mark = self._peek()[1]
            self._at += 1
            steps += 1
            if depth + steps > MAX_DEPTH:
                raise ExpressionError(
                    f"Unable to parse language expression '{self._text[1:-1]}': it is nested too deeply."
                )
            if mark[0] == ".":
                node = Access(node, Literal(self._name()), safe=mark == ".?")
            else:
                index = self.node(depth + 1)
                self.expect("]")
                node = Access(node, index, safe=mark == "[?")
        return node

    def _name(self) -> str:
        group, token = self._peek()
        if group != "name":
            raise self._wrong("Identifier")
        self._at += 1
        return token

    def _wrong(self, expected: str) -> ExpressionError:
        group, token = self._peek()
        kinds = {"string": "StringLiteral", "number": "Integer", "name": "Identifier", "": "EndOfData"}
        actual = kinds.get(group) or _NAMES.get(token, token)
        return ExpressionError(
            f"Unable to parse language expression '{self._text[1:-1]}': expected token '{expected}' and actual '{actual}'."
        )


def _number(token: str) -> int:
    if len(token) > 20 or not -(2**63) <= int(token) < 2**63:
        raise ExpressionError(f"The language expression number '{token[:40]}' is out of range.")
    return int(token)
