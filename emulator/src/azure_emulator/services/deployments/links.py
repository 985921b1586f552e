# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which resource of a template waits for which: ``dependsOn``, and what expressions refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.services.deployments import plan
from azure_emulator.services.deployments.errors import TemplateError
from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError, kind
from azure_emulator.services.deployments.language.syntax import Call, calls, is_expression, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_emulator.services.deployments.language.evaluate import Evaluator
    from azure_emulator.services.deployments.plan import Planned
    from azure_emulator.services.deployments.program import Program

#: What is computed when the plan is made; all else is computed when the resource's turn has come.
EARLY = frozenset(
    ("type", "name", "apiVersion", "dependsOn", "condition", "copy", "comments", "resources", "scope", "metadata")
) | {"existing", "import", "subscriptionId", "resourceGroup", "asserts", "$options"}


def find(program: Program, one: Planned) -> None:
    """Fill ``depends`` and ``links`` of a resource."""
    at = {id(other): index for index, other in enumerate(program.planned)}
    resource = plan.raw(program.template, one.pointer)
    for other in _named(program, one, resource.get("dependsOn")):
        _add(one, other, at[id(other)], {})
    evaluator = program.evaluator(one.loops)
    for name, value in resource.items():
        if name in EARLY:
            continue
        if one.is_deployment and name == "properties" and isinstance(value, dict) and inner_scope(value):
            value = {key: item for key, item in value.items() if key != "template"}  # noqa: PLW2901 - not this scope's
        for call in _calls(value):
            for other, shown in _referred(program, evaluator, call):
                if other is not one:
                    _add(one, other, at[id(other)], shown)


def inner_scope(properties: dict[str, Any]) -> bool:
    """Whether a nested template's expressions are its own business (``expressionEvaluationOptions``)."""
    options = properties.get("expressionEvaluationOptions")
    return isinstance(options, dict) and str(options.get("scope", "")).lower() == "inner"


def check_values(program: Program) -> None:
    """Compute what can be computed before anything is deployed, to tell mistakes at once.

    :raises TemplateError: naming the resource.
    """
    for one in program.planned:
        resource = plan.raw(program.template, one.pointer)
        if one.state == "Skipped" or one.is_deployment:
            continue
        evaluator = program.evaluator(one.loops)
        for name, value in resource.items():
            if name not in EARLY:
                try:
                    _check(evaluator, value)
                except ExpressionError as error:
                    raise plan.wrong(program, one.pointer, error) from None


def _check(evaluator: Evaluator, value: Any) -> None:
    """Compute each part for itself: one that must wait leaves the others to be checked."""
    if isinstance(value, dict) and not isinstance(value.get("copy"), list):
        for item in value.values():
            _check(evaluator, item)
    elif isinstance(value, list):
        for item in value:
            _check(evaluator, item)
    else:
        try:
            evaluator.value(value)
        except RuntimeNeededError:
            return


def _add(one: Planned, other: Planned, at: int, shown: dict[str, Any]) -> None:
    if other.state == "Skipped":
        return
    if at not in one.depends:
        one.depends.append(at)
    link = {"id": other.id, "resourceType": other.type, "resourceName": other.name, **shown}
    if link not in one.links:
        one.links.append(link)


def _named(program: Program, one: Planned, given: Any) -> Iterator[Planned]:
    evaluator = program.evaluator(one.loops)
    try:
        names = evaluator.value(given) or []
    except (ExpressionError, RuntimeNeededError) as error:
        raise plan.wrong(program, one.pointer, error) from None
    if not isinstance(names, list) or any(not isinstance(name, str) for name in names):
        why = f"The dependsOn property must be an array of strings, not '{kind(names)}'"
        raise plan.wrong(program, one.pointer, why)
    for name in names:
        found = program.find(name)
        if not found:
            raise TemplateError(
                f"The resource '{name}' is not defined in the template. "
                "Please see https://aka.ms/arm-template for usage details."
            )
        yield from (other for other in found if other is not one)


def _calls(value: Any) -> Iterator[Call]:
    """All calls in the expressions of a JSON value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str) and is_expression(item):
            try:
                yield from calls(parse(item))
            except ExpressionError:
                continue
        elif isinstance(item, dict):
            stack += [*item, *item.values()]
        elif isinstance(item, list):
            stack += item


def _referred(program: Program, evaluator: Evaluator, call: Call) -> Iterator[tuple[Planned, dict[str, Any]]]:
    name = call.name.lower()
    listing = name.startswith("list")
    if (name != "reference" and not listing) or not call.arguments:
        return
    try:
        values = [evaluator.node(argument) for argument in call.arguments[:2]]
    except (ExpressionError, RuntimeNeededError, ArmError):
        # What cannot be computed yet cannot name a dependency either, as in ARM.
        return
    if not isinstance(values[0], str):
        return
    shown: dict[str, Any] = {"actionName": call.name} if listing else {}
    if len(values) > 1:
        shown["apiVersion"] = values[1]
    for other in program.find(values[0]):
        yield other, shown
