# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to clients that ask how their operations are doing. All shapes are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.styles import job_operation_id

if TYPE_CHECKING:
    from azure_emulator.core.operations import Operation

_COMPUTE = "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}"
_NETWORK = "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}"
_STORAGE = "/subscriptions/{subscription}/providers/Microsoft.Storage/locations/{location}"


def compute_operation(ctx: Context) -> Reply:
    """Compute, disks and galleries: the status, or with ``monitor=true`` 202 until the bare result."""
    operation = _find(ctx, ctx.ids["operation"])
    if ctx.query.get("monitor", "").lower() == "true":
        return _monitor(ctx, operation)
    return Reply(200, _status(ctx, operation), _waiting(ctx, operation))


def network_operation(ctx: Context) -> Reply:
    operation = _find(ctx, ctx.ids["operation"])
    body: dict[str, Any] = {"status": operation.status}
    if operation.error and not operation.running:
        body["error"] = _error(operation)
    return Reply(200, body, _waiting(ctx, operation))


def location_result(ctx: Context) -> Reply:
    """Network deletions and storage accounts: 202 with the place to ask again, then the result."""
    return _monitor(ctx, _find(ctx, ctx.ids["operation"]))


def group_deletion(ctx: Context) -> Reply:
    """202 with a Location that is new at each poll, then 200 empty, or 409 with a capitalised ``Error``; 204 at the end
    for a deployment."""
    operation = _find(ctx, job_operation_id(ctx.ids["operation"]))
    if operation.error and not operation.running:
        return Reply(operation.error.get("_status", 409), {"Error": _capitalized(_error(operation))})
    if operation.style.name == "deployment" and not operation.running:
        return Reply(204)
    return _monitor(ctx, operation)


def _find(ctx: Context, operation_id: str) -> Operation:
    operation = ctx.operations.get(operation_id)
    if operation is None or operation.subscription.lower() != ctx.subscription.lower():
        raise ArmError(404, "NotFound", "The entity was not found in this Azure location.")
    return operation


def _waiting(ctx: Context, operation: Operation) -> dict[str, str]:
    if not operation.running:
        return {}
    ctx.operations.polled(operation)
    return operation.poll_headers()


def _monitor(ctx: Context, operation: Operation) -> Reply:
    if operation.running:
        headers = _waiting(ctx, operation)
        return Reply(202, None, {"Location": operation.style.monitor_url(operation), **headers})
    if operation.error:
        raise ArmError(operation.error.get("_status", 409), operation.error["code"], operation.error["message"])
    return Reply(200, operation.output)


def _status(ctx: Context, operation: Operation) -> dict[str, Any]:
    body: dict[str, Any] = {"startTime": ctx.clock.iso(operation.started)}
    if operation.ended is not None:
        body["endTime"] = ctx.clock.iso(operation.ended)
    body["status"] = operation.status
    if operation.output is not None:
        body["properties"] = {"output": operation.output}
    if operation.error and not operation.running:
        body["error"] = _error(operation)
    body["name"] = operation.id
    return body


def _capitalized(error: dict[str, Any]) -> dict[str, Any]:
    shown = {"Code": error.get("code"), "Target": error.get("target"), "Message": error["message"]}
    details = [_capitalized(inner) for inner in error.get("details", [])]
    return shown | {"Details": details or None, "AdditionalInfo": None}


def _error(operation: Operation) -> dict[str, Any]:
    return {key: value for key, value in (operation.error or {}).items() if not key.startswith("_")}


_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", f"{_COMPUTE}/operations/{{operation}}", compute_operation, evidence=_KNOWN),
    Route("GET", f"{_COMPUTE}/DiskOperations/{{operation}}", compute_operation, evidence=_KNOWN),
    Route("GET", f"{_COMPUTE}/capsOperations/{{operation}}", compute_operation, evidence=_KNOWN),
    Route("GET", f"{_NETWORK}/operations/{{operation}}", network_operation, evidence=_KNOWN),
    Route("GET", f"{_NETWORK}/operationResults/{{operation}}", location_result, evidence=_KNOWN),
    Route("GET", f"{_STORAGE}/asyncoperations/{{operation}}", location_result, evidence=_KNOWN),
    Route("GET", "/subscriptions/{subscription}/operationresults/{operation}", group_deletion, evidence=_KNOWN),
]
