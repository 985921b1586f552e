# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine answers to each module, after what the module's own documentation promises.

An answer takes the checked arguments and the model, changes the model as the module would change Windows, and returns the
module's result. In check mode the caller throws the changes away, which is what check mode means; whether a module has
one is read from the module's source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..state import Model

Result = dict[str, Any]


class ModuleFailedError(Exception):
    """The module ends with ``failed``.

    :ivar more: further members of the result.
    """

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.more = more


@dataclass
class Asked:
    """One call: the module's arguments with their defaults, the model, and the time."""

    params: dict[str, Any]
    model: Model
    now: float
    check_mode: bool = False
    user: str = "Administrator"

    def __getitem__(self, name: str) -> Any:
        return self.params.get(name)


Answer = Callable[[Asked], Result]
ANSWERS: dict[str, Answer] = {}
SCRIPTS: dict[str, Answer] = {}
"""Scripts of roles that declare a name in their first line, by that name."""


def module(name: str) -> Callable[[Answer], Answer]:
    """Register the answer to a module of ansible.windows."""

    def register(answer: Answer) -> Answer:
        ANSWERS[name] = answer
        return answer

    return register


def script(name: str) -> Callable[[Answer], Answer]:
    """Register the effect of a role's script; its answer becomes ``$Ansible.Result``, but for ``changed``."""

    def register(answer: Answer) -> Answer:
        SCRIPTS[name] = answer
        return answer

    return register


def load() -> None:
    """Register everything there is."""
    from . import (  # noqa: F401
        features,
        files,
        generalizing,
        network,
        power,
        preparation,
        registry,
        scripts,
        services,
        system,
        updates,
    )
