# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a known failure is, and by which signs a line of a log betrays it: by number first, by English words second."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.logs import ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.logs import Line

START, VALIDATE, EXECUTE, HALF_DONE, DEPLOY = "start", "validate", "execute", "half done", "deploy"
# A line without a level must say by itself that something went wrong.
_FAILING = ("fail", "error", "could not", "unable", "cannot", "can't", "hit ", "not ", "invalid", "malformed", "returned false",
            "denied", "already running", "another instance", "require a reboot", "is on for", "in progress")  # fmt: skip


def says_failure(line: Line, codes: list[int]) -> bool:
    """Tell whether a line reports something wrong: it is marked as an error, or, unmarked, has a reason or such words."""
    return line.level == ERROR or (line.level is None and (bool(codes) or any(word in line.lower for word in _FAILING)))


@dataclass(frozen=True)
class Sign:
    """One way to recognise a failure in one line. Everything that is stated must be true of the line.

    :param codes: one of these reasons is named (``plain``: 0x80073cf2 is 0x3cf2).
    :param text: all of these words are in it, in lower case.
    :param messages: its identity is one of these. Sysprep's identities are the same in every language.
    :param dll: the name of a DLL, in lower case.
    :param any_level: also in a line that is not marked as an error.
    """

    codes: frozenset[int] = frozenset()
    text: tuple[str, ...] = ()
    messages: frozenset[int] = frozenset()
    dll: str = ""
    any_level: bool = False

    def matches(self, line: Line, codes: list[int]) -> bool:
        """Tell whether the line has all of it. Whether the line may count at all, its reader knows."""
        if self.messages and line.message not in self.messages:
            return False
        if not all(word in line.lower for word in self.text):
            return False
        if self.codes and self.codes.isdisjoint(codes):
            return False
        return self.dll in line.lower


@dataclass(frozen=True)
class Failure:
    """A failure that is understood.

    :param id: stays the same for ever; ``family.name``.
    :param cause: what is the matter.
    :param remedy: what to do about it; ``{packages}``, ``{dll}``, ``{entry_point}``, ``{component}`` and ``{setting}`` are
        filled in from the log.
    :param next: what to try when the remedy did not help.
    :param source: where the knowledge comes from. *Wording assumed*: no published log was found that shows it.
    :param repair: the name of the preflight's repair, where there is one.
    :param stage: how far Sysprep always is when it fails in this way; the log says it otherwise.
    :param general: true of many failures; only said where nothing more exact is found.
    """

    id: str
    title: str
    cause: str
    remedy: str
    next: str
    source: str
    signs: tuple[Sign, ...] = field(repr=False)
    repair: str = ""
    stage: str = ""
    general: bool = False


def code(*numbers: int, text: Iterable[str] = (), dll: str = "") -> Sign:
    """Make a sign of numbers, where the same line also has these words."""
    return Sign(codes=frozenset(numbers), text=tuple(text), dll=dll)


def words(*text: str, any_level: bool = False) -> Sign:
    """Make a sign of words that are all in one line."""
    return Sign(text=text, any_level=any_level)


def message(*numbers: int) -> Sign:
    """Make a sign of identities of messages."""
    return Sign(messages=frozenset(numbers))
