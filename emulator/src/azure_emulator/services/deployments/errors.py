# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of deployments, in ARM's words. How they nest is recorded; texts that no recording has are documented."""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus
from typing import Any

from azure_emulator.core.errors import ArmError

_SEE = "Please see https://aka.ms/arm-template-expressions for usage details."
#: API versions from this one on show the errors of resources as objects, not as JSON in a text [recorded on both sides].
_OBJECTS_SINCE = "2022-09-01"


class TemplateError(ArmError):
    """400 ``InvalidTemplate`` with the place in the template."""

    def __init__(self, message: str, path: str = "", position: int = 0) -> None:
        super().__init__(400, "InvalidTemplate", f"Deployment template validation failed: '{message}'.")
        self._info = {"lineNumber": 1 if position else 0, "linePosition": position, "path": path}

    def inner(self) -> dict[str, Any]:
        return super().inner() | {"additionalInfo": [{"type": "TemplateViolation", "info": self._info}]}


def resource_invalid(name: str, why: str, path: str, position: int) -> TemplateError:
    """A resource of the template with a wrong expression or property."""
    return TemplateError(
        f"The template resource '{name}' at line '1' and column '{position}' is not valid: {why}. {_SEE}",
        path,
        position,
    )


def not_found(name: str) -> ArmError:
    return ArmError(404, "DeploymentNotFound", f"Deployment '{name}' could not be found.")


def active(name: str, since: str, until: str) -> ArmError:
    """409: the previous deployment of that name still runs."""
    return ArmError(
        409,
        "DeploymentActive",
        f"Unable to edit or replace deployment '{name}': previous deployment from '{since}' is still active "
        f"(expiration time is '{until}'). Please see https://aka.ms/arm-deploy for usage details.",
    )


def refused(error: ArmError) -> dict[str, Any]:
    """What a resource provider answered at once: ``{"status_code", "message"}`` of the deployment's operation."""
    return {"status_code": status_name(error.status), "message": error.body()}


def ended_failed(error: dict[str, Any], state: str = "Failed") -> dict[str, Any]:
    """What came of a resource whose own operation failed, or was canceled [the latter guessed]."""
    failure = {
        "code": "ResourceDeploymentFailure",
        "message": "The resource write operation failed to complete successfully, because it reached terminal provisioning "
        f"state '{state}'.",
        "details": [{key: value for key, value in error.items() if not key.startswith("_")}],
    }
    return {"status_code": "Conflict", "message": {"status": state, "error": failure}}


def deployment_failed(deployment: str, failures: list[tuple[str, dict[str, Any]]], api_version: str) -> ArmError:
    """The deployment's error; ``failures`` are ids of resources with what `refused` or `ended_failed` made."""
    modern = api_version >= _OBJECTS_SINCE
    details = []
    for target, failure in failures:
        error = failure["message"].get("error", failure["message"])
        if modern:
            details.append({"code": error["code"], "target": error.get("target", target), **_rest(error)})
        else:
            text = json.dumps(failure["message"], indent=2, ensure_ascii=False).replace("\n", "\r\n")
            details.append({"code": failure["status_code"], "message": text})
    return ArmError(
        409,
        "DeploymentFailed",
        "At least one resource deployment operation failed. Please list deployment operations for details. "
        "Please see https://aka.ms/arm-deployment-operations for usage details.",
        target=deployment if modern else None,
        details=details,
    )


def not_valid(deployment: str, inner: list[dict[str, Any]]) -> ArmError:
    """What the providers said before anything was deployed [recorded elsewhere]."""
    return ArmError(
        400,
        "InvalidTemplateDeployment",
        f"The template deployment '{deployment}' is not valid according to the validation procedure. The tracking id is "
        f"'{uuid.uuid4()}'. See inner errors for details.",
        details=inner,
    )


def canceled() -> ArmError:
    return ArmError(409, "DeploymentCanceled", "The deployment was canceled.")


def outputs_invalid(wrong: dict[str, str]) -> ArmError:
    """Outputs that could not be computed: name to reason."""
    names = ", ".join(wrong)
    return ArmError(
        400,
        "DeploymentOutputEvaluationFailed",
        f"Unable to evaluate template outputs: '{names}'. Please see error details and deployment operations. "
        "Please see https://aka.ms/arm-common-errors for usage details.",
        details=[
            {
                "code": "DeploymentOutputEvaluationFailed",
                "target": name,
                "message": f"The template output '{name}' is not valid: {why}.",
            }
            for name, why in wrong.items()
        ],
    )


def type_not_found(resource_type: str, api_version: str) -> ArmError:
    """A type that no provider has, as the deployment's operation tells it."""
    namespace, _ignored, rest = resource_type.partition("/")
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{rest}' could not be found in the namespace '{namespace}' for api version '{api_version}'.",
    )


def status_name(status: int) -> str:
    """``BadRequest``, ``NotFound``: HTTP statuses as deployments write them."""
    try:
        return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "") if status != 200 else "OK"
    except ValueError:
        return str(status)


def _rest(error: dict[str, Any]) -> dict[str, Any]:
    return {key: error[key] for key in ("message", "details") if error.get(key)}
