# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role assignments at subscriptions, groups and resources. Shapes are those of published traffic (2022-04-01)."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import scopes
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import documented
from azure_emulator.core.values import required_text, text_of
from azure_emulator.services.authorization import definitions

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_ASSIGNMENTS = "authorization.assignments"
_TYPE = "Microsoft.Authorization/roleAssignments"
#: Properties that API versions before this one do not show.
_CONDITIONS_SINCE = "2020-03-01"
_CONDITIONS = ("condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description")


def put_assignment(ctx: Context) -> Reply:
    """201; the answer that creates it does not name its creator yet [published traffic]."""
    scope, name = scopes.scope_of(ctx), ctx.ids["assignment"]
    _check_guid(name, "InvalidRoleAssignmentId", f"The role assignment ID '{name[:60]}' is not valid.")
    role_id = required_text(ctx.body, "properties", "roleDefinitionId")
    role = definitions.find(ctx, role_id.rpartition("/")[2])
    if role is None:
        raise definitions.does_not_exist(role_id.rpartition("/")[2])
    principal = required_text(ctx.body, "properties", "principalId")
    _check_guid(
        principal,
        "InvalidPrincipalId",
        f"A valid principal ID must be provided for role assignment, not '{principal[:60]}'.",
    )
    _check_unique(ctx, scope, name, role["id"], principal)
    now = ctx.clock.iso_z()
    creator = ctx.principal.object_id if ctx.principal else None
    properties = {
        "roleDefinitionId": role["id"],
        "principalId": principal,
        "principalType": text_of(ctx.body, "properties", "principalType") or "ServicePrincipal",
        "scope": scope,
        **{key: text_of(ctx.body, "properties", key) for key in _CONDITIONS[:2]},
        "createdOn": now,
        "updatedOn": now,
        "createdBy": creator,
        "updatedBy": creator,
        **{key: text_of(ctx.body, "properties", key) for key in _CONDITIONS[2:]},
    }
    identity = f"{scope}/providers/{_TYPE}/{name}"
    doc: Doc = {"properties": properties, "id": identity, "type": _TYPE, "name": name}
    ctx.store.kv_put(_ASSIGNMENTS, identity.lower(), doc)
    return Reply(201, _present(doc | {"properties": properties | {"createdBy": None}}, ctx.api_version))


def get_assignment(ctx: Context) -> Reply:
    return Reply(200, _present(_find(ctx), ctx.api_version))


def delete_assignment(ctx: Context) -> Reply:
    """200 with what it was; 204 when there is none."""
    key = _key(ctx)
    doc = ctx.store.kv_get(_ASSIGNMENTS, key)
    if doc is None:
        return Reply(204)
    ctx.store.kv_delete(_ASSIGNMENTS, key)
    return Reply(200, _present(doc, ctx.api_version))


def list_assignments(ctx: Context) -> Reply:
    """Of the scope, those above it, and (without ``atScope()``) those below it."""
    scope, wanted = scopes.scope_of(ctx), ctx.query.get("$filter", "")
    principal = re.search(r"(?:principalId eq|assignedTo\()\s*'([^']*)'", wanted, re.IGNORECASE)
    found = []
    for _key, doc in ctx.store.kv_items(_ASSIGNMENTS):
        properties = doc["properties"]
        above = scopes.is_within(scope, properties["scope"])
        below = "atscope()" not in wanted.lower() and scopes.is_within(properties["scope"], scope)
        if (above or below) and (not principal or properties["principalId"].lower() == principal[1].lower()):
            found.append(_present(doc, ctx.api_version))
    return Reply(200, {"value": found})


def _find(ctx: Context) -> Doc:
    doc: Doc | None = ctx.store.kv_get(_ASSIGNMENTS, _key(ctx))
    if doc is None:
        name = ctx.ids["assignment"]
        raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{name[:60]}' is not found.")
    return doc


def _key(ctx: Context) -> str:
    return f"{scopes.scope_of(ctx)}/providers/{_TYPE}/{ctx.ids['assignment']}".lower()


def _check_unique(ctx: Context, scope: str, name: str, role_id: str, principal: str) -> None:
    for _key, doc in ctx.store.kv_items(_ASSIGNMENTS, f"{scope}/providers/{_TYPE}/".lower()):
        properties, same_name = doc["properties"], doc["name"].lower() == name.lower()
        same = [properties["principalId"].lower() == principal.lower(), properties["roleDefinitionId"] == role_id]
        if all(same) and not same_name:
            raise ArmError(
                409,
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the existing role assignment is {doc['name'].replace('-', '')}.",
            )
        if same_name and not all(same):
            raise ArmError(
                409,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )


def _check_guid(text: str, code: str, message: str) -> None:
    try:
        uuid.UUID(text)
    except ValueError:
        raise ArmError(400, code, message) from None


def _present(doc: dict[str, Any], api_version: str) -> dict[str, Any]:
    if api_version >= _CONDITIONS_SINCE:
        return doc
    return doc | {"properties": {key: value for key, value in doc["properties"].items() if key not in _CONDITIONS}}


scopes.forget_below(_ASSIGNMENTS)

_PATH = "/providers/Microsoft.Authorization/roleAssignments"
_KNOWN = documented("2026-11-25")
ROUTES = [
    *scopes.routes("GET", _PATH, list_assignments, _KNOWN),
    *scopes.routes("PUT", f"{_PATH}/{{assignment}}", put_assignment, _KNOWN),
    *scopes.routes("GET", f"{_PATH}/{{assignment}}", get_assignment, _KNOWN),
    *scopes.routes("DELETE", f"{_PATH}/{{assignment}}", delete_assignment, _KNOWN),
]
