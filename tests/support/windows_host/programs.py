# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that win_command may start; one that nobody registered is an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .answers import Asked


@dataclass(frozen=True)
class Output:
    """What a program leaves: exit code, standard output and standard error."""

    code: int
    stdout: str = ""
    stderr: str = ""


Program = Callable[["Asked", list[str]], Output]
PROGRAMS: dict[str, Program] = {}


def program(name: str) -> Callable[[Program], Program]:
    """Register a program by the name of its file."""

    def register(run: Program) -> Program:
        PROGRAMS[name.lower()] = run
        return run

    return register
