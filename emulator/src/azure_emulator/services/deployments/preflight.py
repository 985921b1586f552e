# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What providers say about a template's resources before anything is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core.errors import ArmError
from azure_emulator.services.deployments import errors, plan
from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.services.deployments.plan import Planned
    from azure_emulator.services.deployments.program import Program


def check(ctx: Context, program: Program) -> None:
    """Ask the providers that want to be asked (`hooks.preflight`).

    :raises ArmError: 400 ``InvalidTemplateDeployment`` with their answers.
    """
    wanted: dict[str, list[dict[str, Any]]] = {}
    for one in program.planned:
        if one.state != "Skipped" and one.type.lower() in hooks.preflight:
            wanted.setdefault(one.type.lower(), []).append(_known(program, one))
    inner = []
    for kind, bodies in wanted.items():
        try:
            hooks.preflight[kind](ctx, bodies)
        except ArmError as error:
            inner.append(error.inner())
    if inner:
        raise errors.not_valid(program.name, inner)


def _known(program: Program, one: Planned) -> dict[str, Any]:
    """The body without the properties that are known only when other resources are there."""
    evaluator = program.evaluator(one.loops)
    known: dict[str, Any] = {}
    properties = plan.raw(program.template, one.pointer).get("properties")
    for name, value in properties.items() if isinstance(properties, dict) else ():
        try:
            known[name] = evaluator.value(value)
        except (ExpressionError, RuntimeNeededError, ArmError):
            continue
    return {"id": one.id, "location": one.location, "properties": known}
