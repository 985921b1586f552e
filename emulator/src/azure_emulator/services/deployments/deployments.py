# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers about deployments: create, read, cancel, delete, validate, what-if, export, operations."""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.store import public
from azure_emulator.core.styles import opaque_query
from azure_emulator.core.values import tags_of
from azure_emulator.services.deployments import errors, records
from azure_emulator.services.deployments.request import program_of, target_of
from azure_emulator.services.deployments.targets import TYPE

if TYPE_CHECKING:
    from azure_emulator.core.operations import Operation
    from azure_emulator.core.store import Doc
    from azure_emulator.services.deployments.program import Program

_STATUSES = "deployments.statuses"
_WEEK = 7 * 24 * 3600
_FILTER = re.compile(r"provisioningState\s+eq\s+'([^']*)'", re.IGNORECASE)


def put(ctx: Context) -> Reply:
    """201, or 200 when there is one of that name, which must not be running."""
    found = _existing(ctx)
    if found is not None:
        _check_ended(ctx, found)
    program = program_of(ctx)
    doc = _document(ctx, program, found["id"] if found else _identity(ctx))
    location = doc.get("location") or "global"
    operation = ctx.operations.start(
        "deployment",
        location,
        "deployments.run",
        {"id": doc["id"], "sequence": doc["_sequence"]},
        doc["id"],
        seconds=0,
    )
    ctx.store.kv_put(_STATUSES, f"{doc['id'].lower()}|{doc['_sequence']}", operation.id)
    records.save(ctx, doc)
    return Reply(200 if found else 201, public(doc), _headers(doc, operation))


def validate(ctx: Context) -> Reply:
    """200 with what the deployment would be."""
    program = program_of(ctx)
    doc = _document(ctx, program, _identity(ctx))
    wanted = [{"id": one.id} for one in program.planned if one.state != "Skipped"]
    doc["properties"] |= {"provisioningState": "Succeeded", "validatedResources": wanted}
    return Reply(200, public(doc))


def what_if(ctx: Context) -> Reply:
    """200 with what would be created, deployed again or deleted [guessed].

    Properties are not compared, and nested deployments are not looked into.
    """
    program = program_of(ctx)
    changes: list[dict[str, Any]] = []
    for one in program.planned:
        if one.state != "Skipped" and not one.is_deployment:
            after = {"apiVersion": one.api_version, "id": one.id, "name": one.name, "type": one.type}
            if one.location:
                after["location"] = one.location
            there = ctx.store.exists(one.id)
            change = {"resourceId": one.id, "changeType": "Deploy" if there else "Create"}
            changes.append(change | ({} if there else {"after": after}))
    for doc in records.others(ctx, program.target, program.planned):
        kind = "Delete" if program.mode == "Complete" and records.is_surplus(doc) else "Ignore"
        before = {name: doc[name] for name in ("id", "name", "type", "location")}
        changes.append({"resourceId": doc["id"], "changeType": kind, "before": before})
    return Reply(200, {"status": "Succeeded", "properties": {"correlationId": str(uuid.uuid4()), "changes": changes}})


def get(ctx: Context) -> Reply:
    return Reply(200, public(_find(ctx)))


def head(ctx: Context) -> Reply:
    """204 when there is one, 404 when not."""
    return Reply(204 if _existing(ctx) else 404)


def list_all(ctx: Context) -> Reply:
    """The latest first; ``$filter`` on the state, ``$top``."""
    found = records.all_of(ctx, target_of(ctx))
    wanted = _FILTER.search(ctx.query.get("$filter", ""))
    if wanted:
        found = [doc for doc in found if doc["properties"]["provisioningState"].lower() == wanted[1].lower()]
    top = ctx.query.get("$top", "")
    if top:
        if not (top.isascii() and top.isdigit() and len(top) < 10):
            raise ArmError(400, "InvalidTopQueryParameter", f"The value '{top[:40]}' of parameter '$top' is invalid.")
        found = found[: int(top)]
    return Reply(200, {"value": [public(doc) for doc in found]})


def delete(ctx: Context) -> Reply:
    """202 with a Location; 204 when there is none. What was deployed stays."""
    doc = _existing(ctx)
    if doc is None:
        return Reply(204)
    _check_ended(ctx, doc)
    busy = ctx.operations.running(doc["id"])
    if busy is None:
        where = doc.get("location") or "global"
        busy = ctx.operations.start("deployment", where, "deployments.delete", {"id": doc["id"]}, doc["id"])
    return Reply(202, None, busy.headers())


@effect("deployments.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    records.delete(scope, args["id"])
    for key, _ignored in scope.store.kv_items(_STATUSES, f"{args['id'].lower()}|"):
        scope.store.kv_delete(_STATUSES, key)


def cancel(ctx: Context) -> Reply:
    """204; what has begun goes on by itself, nothing new is begun."""
    doc = _find(ctx)
    state = doc["properties"]["provisioningState"]
    if state in records.ENDED:
        raise ArmError(
            409,
            "DeploymentCannotBeCancelled",
            f"The deployment '{doc['name']}' cannot be cancelled: its provisioning state is '{state}'.",
        )
    for one in (*doc["_plan"], *doc["_removals"]):
        if one["state"] == "Running":
            one |= {"state": "Canceled", "ended": ctx.clock.now()}
    properties = doc["properties"]
    properties |= {"provisioningState": "Canceled", "timestamp": ctx.clock.iso_z()}
    properties["duration"] = records.duration(ctx.clock.now() - doc["_started"])
    records.save(ctx, doc)
    ctx.operations.cancel(doc["id"])
    return Reply(204)


def export(ctx: Context) -> Reply:
    """The template as it was given."""
    return Reply(200, {"template": _find(ctx)["_template"]})


def operation_status(ctx: Context) -> Reply:
    """How a run is doing: ``{"status"}``, and ``error`` when it failed [recorded]."""
    key = f"{_identity(ctx)}|{ctx.ids['sequence']}".lower()
    identity = ctx.store.kv_get(_STATUSES, key)
    operation = ctx.operations.get(identity) if identity else None
    if operation is None:
        raise errors.not_found(ctx.ids["name"])
    if operation.running:
        ctx.operations.polled(operation)
        doc = _existing(ctx)
        state = doc["properties"]["provisioningState"] if doc else "Running"
        return Reply(200, {"status": state}, operation.poll_headers())
    body: dict[str, Any] = {"status": operation.status}
    if operation.status == "Canceled":
        body["error"] = errors.canceled().inner()
    elif operation.error:
        body["error"] = {name: value for name, value in operation.error.items() if not name.startswith("_")}
    return Reply(200, body)


def list_operations(ctx: Context) -> Reply:
    return Reply(200, {"value": records.operations(_find(ctx))})


def get_operation(ctx: Context) -> Reply:
    wanted = ctx.ids["operation"]
    for operation in records.operations(_find(ctx)):
        if operation["operationId"].lower() == wanted.lower():
            return Reply(200, operation)
    raise ArmError(
        404,
        "DeploymentOperationNotFound",
        f"Deployment operation '{wanted}' of '{ctx.ids['name']}' could not be found.",
    )


def _identity(ctx: Context) -> str:
    """The id that the request's path means."""
    return target_of(ctx).deployment(ctx.ids["name"])


def _existing(ctx: Context) -> Doc | None:
    return records.load(ctx, _identity(ctx))


def _check_ended(ctx: Context, doc: Doc) -> None:
    if doc["properties"]["provisioningState"] not in records.ENDED:
        since, until = doc["_started"], doc["_started"] + _WEEK
        raise errors.active(doc["name"], ctx.clock.iso_z(since), ctx.clock.iso_z(until))


def _find(ctx: Context) -> Doc:
    doc = _existing(ctx)
    if doc is None:
        raise errors.not_found(ctx.ids["name"])
    return doc


def _document(ctx: Context, program: Program, deployment_id: str) -> Doc:
    now = ctx.clock.now()
    doc: Doc = {"id": deployment_id, "name": deployment_id.rpartition("/")[2], "type": TYPE}
    if program.location:
        doc["location"] = locations.normalize(program.location)
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    doc["properties"] = records.properties(program, now, _correlation(ctx))
    return doc | {
        "_template": program.template,
        "_parameters": program.parameters,
        "_plan": [one.json() for one in program.planned],
        "_removals": [],
        "_counted": False,
        "_evaluated": None,
        "_started": now,
        "_sequence": records.sequence(now),
        "_version": ctx.api_version,
        "_principal": asdict(program.world.principal),
    }


def _correlation(ctx: Context) -> str:
    given = ctx.headers.get("x-ms-correlation-request-id", "")
    return given if re.fullmatch(r"[0-9a-fA-F-]{36}", given) else str(uuid.uuid4())


def _headers(doc: Doc, operation: Operation) -> dict[str, str]:
    path = doc["id"].replace("/resourceGroups/", "/resourcegroups/")
    url = f"{operation.base_url}{path}/operationStatuses/{doc['_sequence']}{opaque_query(operation)}"
    same = {"x-ms-correlation-request-id": doc["properties"]["correlationId"]}
    return {"Azure-AsyncOperation": url, **same, **operation.headers()}
