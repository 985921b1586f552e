# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is, how checks are run, and what all of them together say.

A check is data with a function: it looks at one system and gives an outcome. Whatever it cannot read makes it
*unknown*; an unknown check of severity *error* keeps the verdict from being a yes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

System = TypeVar("System")
PASS, FAIL, UNKNOWN, NOT_APPLICABLE = "pass", "fail", "unknown", "not applicable"
GENERALIZE, AZURE = "generalize", "azure"
GENERIC, LISA = "Azure: Prepare Linux for imaging (create-upload-generic)", "LISA AzureImageStandard"
GENERALIZER = "goldenimage.azure.linux_generalize"
RUN_PREPARE, RUN_GENERALIZE = "Run the role goldenimage.azure.linux_prepare", f"Run the role {GENERALIZER}"
_MOST_EVIDENCE = 10


@dataclass(frozen=True)
class Outcome:
    """``evidence``: pairs of a file and what it says."""

    result: str
    evidence: tuple[tuple[str, str], ...] = ()

    def present(self) -> list[dict[str, str]]:
        shown = [{"file": printable(file), "value": printable(value)} for file, value in self.evidence[:_MOST_EVIDENCE]]
        more = len(self.evidence) - _MOST_EVIDENCE
        return [*shown, {"file": "", "value": f"and {more} more"}] if more > 0 else shown


def passed(*evidence: tuple[str, str]) -> Outcome:
    return Outcome(PASS, evidence)


def failed(*evidence: tuple[str, str]) -> Outcome:
    return Outcome(FAIL, evidence)


def unknown(reason: str, file: str = "") -> Outcome:
    return Outcome(UNKNOWN, ((file, reason),))


def not_applicable(reason: str) -> Outcome:
    return Outcome(NOT_APPLICABLE, (("", reason),))


def none_of(found: Iterable[tuple[str, str]], *otherwise: tuple[str, str]) -> Outcome:
    """Fail with what was found, pass when nothing was."""
    evidence = tuple(found)
    return Outcome(FAIL, evidence) if evidence else Outcome(PASS, otherwise)


@dataclass(frozen=True)
class Check(Generic[System]):
    """One question about a system.

    :param id: stays the same for ever.
    :param severity: ``error`` (provisioning, certification or privacy fails), ``warning`` or ``info``.
    :param about: ``generalize`` or ``azure``.
    :param source: where the demand comes from.
    """

    id: str
    title: str
    severity: str
    about: str
    remedy: str
    source: str
    look: Callable[[System], Outcome] = field(repr=False)

    def run(self, system: System, *, specialized: bool) -> dict[str, Any]:
        kept = specialized and self.about == GENERALIZE
        outcome = not_applicable("The disk keeps its identity.") if kept else self._outcome(system)
        return {
            "id": self.id,
            "title": self.title,
            "result": outcome.result,
            "severity": self.severity,
            "about": self.about,
            "evidence": outcome.present(),
            "remedy": self.remedy,
            "source": self.source,
        }

    def _outcome(self, system: System) -> Outcome:
        try:
            return self.look(system)
        except Unreadable as error:
            return unknown(str(error))
        except Exception as error:  # what a disk says is never a reason to stop looking
            return unknown(f"It could not be decided: {type(error).__name__}: {error}")


class Book(Generic[System]):
    """The checks of one kind of system; ``@book.check(…)`` adds the function below it."""

    def __init__(self) -> None:
        self.checks: list[Check[System]] = []

    def check(
        self, name: str, title: str, *, severity: str = "error", about: str = AZURE, remedy: str, source: str
    ) -> Callable[[Callable[[System], Outcome]], Callable[[System], Outcome]]:
        """:param name: the check's ``id``."""

        def add(function: Callable[[System], Outcome]) -> Callable[[System], Outcome]:
            self.checks.append(Check(name, title, severity, about, remedy, source, function))
            return function

        return add

    def run(self, system: System, *, specialized: bool) -> list[dict[str, Any]]:
        return [check.run(system, specialized=specialized) for check in self.checks]


def verdict(checks: list[dict[str, Any]], about: Iterable[str], *, trusted: bool) -> bool | None:
    """Say whether all errors of some kinds are absent; ``None`` when that is not known.

    :param trusted: what was read is what a machine would find there; without that there is no yes.
    """
    kinds = set(about)
    results = [check["result"] for check in checks if check["about"] in kinds and check["severity"] == "error"]
    if FAIL in results:
        return False
    if UNKNOWN in results or not trusted or PASS not in results:
        return None
    return True


def undecided(found: dict[str, Any]) -> dict[str, Any]:
    """Return what can be said when the reader ended early: only a no can be certain."""
    checks = found.get("checks", [])
    return {
        "complete": False,
        "generalized": None,
        "ready": False if verdict(checks, (AZURE,), trusted=False) is False else None,
        "checks": checks,
    }
