# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outputs of a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.services.deployments import errors
from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError, check_size, kind
from azure_emulator.services.deployments.parameters import fits, output_type, resolved, section
from azure_emulator.services.deployments.records import camel

if TYPE_CHECKING:
    from azure_emulator.services.deployments.program import Program


def compute(program: Program) -> dict[str, Any] | None:
    """``{name: {"type", "value"}}``; ``None`` when the template has no outputs at all [recorded].

    :raises ArmError: 400 ``DeploymentOutputEvaluationFailed``, naming each output that is wrong.
    """
    if program.template.get("outputs") is None:
        return None
    found, wrong = {}, {}
    for name, given in section(program.template, "outputs").items():
        try:
            shown = _output(program, resolved(program.template, given))
        except (ExpressionError, RuntimeNeededError) as error:
            wrong[name] = str(error).rstrip(".")
        except RecursionError:
            wrong[name] = "the expressions are nested too deeply"
        except ArmError as error:
            wrong[name] = error.message.rstrip(".")
        else:
            if shown is not None:
                found[camel(name)] = shown
    if wrong:
        raise errors.outputs_invalid(wrong)
    return found


def _output(program: Program, given: dict[str, Any] | None) -> dict[str, Any] | None:
    type_name = str((given or {}).get("type", ""))
    shown_type = output_type(type_name)
    if given is None or shown_type is None:
        raise ExpressionError(f"The type '{type_name}' of the output is not supported")
    evaluator = program.evaluator()
    if evaluator.value(given.get("condition", True)) is not True:
        return None
    if isinstance(given.get("copy"), dict):
        value = evaluator.copies([{**given["copy"], "name": "value"}])["value"]
    else:
        value = check_size(evaluator.value(given.get("value")))
    if shown_type.startswith("Secure"):
        return {"type": shown_type}
    if not fits(type_name, value) and not (value is None and given.get("nullable") is True):
        raise ExpressionError(
            f"Template output JToken type is not valid. Expected '{shown_type}'. Actual '{kind(value)}'. "
            "Please see https://aka.ms/arm-template/#outputs for usage details"
        )
    return {"type": shown_type, "value": value}
