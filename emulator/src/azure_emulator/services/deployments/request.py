# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request's body to a program and its plan: the same for a deployment, its validation and what-if."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError, invalid_content
from azure_emulator.core.values import object_of, text_of
from azure_emulator.services.deployments import plan, preflight
from azure_emulator.services.deployments.errors import TemplateError
from azure_emulator.services.deployments.language.errors import ExpressionError, check_size
from azure_emulator.services.deployments.parameters import check_names
from azure_emulator.services.deployments.program import Program
from azure_emulator.services.deployments.targets import Target
from azure_emulator.services.deployments.world import World

if TYPE_CHECKING:
    from azure_emulator.core.context import Context

_NAME = re.compile(r"[-\w._()]{1,64}")
_MODES = {"incremental": "Incremental", "complete": "Complete"}


def target_of(ctx: Context) -> Target:
    """The group or subscription of the path."""
    return Target(ctx.subscription, ctx.ids.get("group", ""))


def program_of(ctx: Context) -> Program:
    """Read, bind and plan.

    :raises ArmError: for whatever is wrong with the body, the parameters or the template.
    """
    name = ctx.ids["name"]
    if not _NAME.fullmatch(name):
        raise ArmError(
            400,
            "InvalidDeploymentName",
            f"The deployment name '{name[:100]}' is invalid: it can have letters, digits, '-', '.', '_', '(' and ')', up to "
            "64 characters.",
        )
    properties = object_of(ctx.body, "properties")
    if not properties:
        raise invalid_content("Required property 'properties' not found in JSON. Path ''")
    mode = _mode(properties)
    target = target_of(ctx)
    _check_location(ctx, name, target)
    template = _content(properties, "template", "templateLink")
    given = _content(properties, "parameters", "parametersLink", optional=True)
    if ctx.principal is None:
        raise ArmError(401, "AuthenticationFailed", "Authentication failed.")
    program = Program(name, target, template, World(ctx, ctx.principal), mode)
    program.location = text_of(ctx.body, "location")
    try:
        _check_template(template)
        check_names(template, given)
        program.bind(given)
        plan.make(program)
        preflight.check(ctx, program)
    except ExpressionError as error:
        raise TemplateError(str(error)) from None
    except RecursionError:
        raise TemplateError("The expressions of the template are nested too deeply") from None
    return program


def _mode(properties: dict[str, Any]) -> str:
    mode = text_of(properties, "mode")
    if mode is None:
        raise invalid_content("Required property 'mode' not found in JSON. Path 'properties'")
    if mode.lower() not in _MODES:
        raise invalid_content(f"Error converting value \"{mode}\" to type 'DeploymentMode'. Path 'properties.mode'")
    return _MODES[mode.lower()]


def _check_location(ctx: Context, name: str, target: Target) -> None:
    location = text_of(ctx.body, "location")
    if target.group and location:
        raise ArmError(
            400,
            "InvalidDeployment",
            f"The 'location' property is not allowed for '{name}'. "
            "Please see https://aka.ms/deploy-to-subscription for usage details.",
        )
    if not target.group and not location:
        raise ArmError(
            400,
            "InvalidDeployment",
            f"The 'location' property must be specified for '{name}'. "
            "Please see https://aka.ms/deploy-to-subscription for usage details.",
        )


def _content(properties: dict[str, Any], name: str, link: str, *, optional: bool = False) -> dict[str, Any]:
    """A part that may be given or linked to. Nothing is fetched here: every link is one that cannot be read."""
    if properties.get(link) is not None:
        source = text_of(properties, link, "uri") or text_of(properties, link, "id")
        raise ArmError(
            400,
            "InvalidContentLink",
            f"Unable to download deployment content from '{source}'. The tracking Id is '{uuid.uuid4()}'. "
            "Please see https://aka.ms/arm-deploy for usage details.",
        )
    if properties.get(name) is None and not optional:
        raise invalid_content("Deployment template is null: one of 'template' and 'templateLink' must be given")
    value = object_of(properties, name)
    # A parameter file's content is taken as well as its parameters alone.
    inner = value.get("parameters")
    return inner if optional and isinstance(inner, dict) and "$schema" in value else value


def _check_template(template: dict[str, Any]) -> None:
    check_size(template)
    for name in ("$schema", "contentVersion"):
        if not isinstance(template.get(name), str) or not template[name].strip():
            raise TemplateError(
                f"The template property '{name}' cannot be null or empty. "
                "Please see https://aka.ms/arm-template for usage details.",
                f"properties.template.{name}",
            )
