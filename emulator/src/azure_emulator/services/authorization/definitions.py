# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role definitions: those that Azure brings along and people use around images, and custom ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core import scopes
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import documented
from azure_emulator.core.values import list_of, objects_of, required_text, text_of

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_CUSTOM = "authorization.definitions"
_TYPE = "Microsoft.Authorization/roleDefinitions"
_CREATED = "2015-02-02T21:55:09.8806423Z"
#: id, name, description, actions, actions that are not included, data actions
_BUILT_IN: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        ("*",),
        (),
        (),
    ),
    (
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC.",
        ("*",),
        ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"),
        (),
    ),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "View all resources.", ("*/read",), (), ()),
    (
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        "Lets you manage user access to Azure resources.",
        ("*/read", "Microsoft.Authorization/*"),
        (),
        (),
    ),
    (
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        "Virtual Machine Contributor",
        "Lets you manage virtual machines, but not access to them, and not the virtual network they're connected to.",
        ("Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/disks/*"),
        (),
        (),
    ),
    (
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        "Lets you manage networks, but not access to them.",
        ("Microsoft.Network/*",),
        (),
        (),
    ),
    (
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        "Lets you manage storage accounts.",
        ("Microsoft.Storage/storageAccounts/*",),
        (),
        (),
    ),
    (
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        "Allows for read, write and delete access to Azure Storage blob containers and data.",
        ("Microsoft.Storage/storageAccounts/blobServices/containers/*",),
        (),
        ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*",),
    ),
    (
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "Storage Blob Data Reader",
        "Allows for read access to Azure Storage blob containers and data.",
        ("Microsoft.Storage/storageAccounts/blobServices/containers/read",),
        (),
        ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",),
    ),
    (
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
        "Read and Assign User Assigned Identity.",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read",),
        (),
        (),
    ),
    (
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
        "Managed Identity Contributor",
        "Create, Read, Update, and Delete User Assigned Identity.",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/*",),
        (),
        (),
    ),
    (
        "f25e0fa2-a7c8-4377-a976-54943a77a395",
        "Key Vault Contributor",
        "Lets you manage key vaults, but not access to them.",
        ("Microsoft.KeyVault/*",),
        (),
        (),
    ),
    (
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        "Perform all data plane operations on a key vault and all objects in it.",
        ("Microsoft.KeyVault/*/read",),
        (),
        ("Microsoft.KeyVault/vaults/*",),
    ),
    (
        "e147488a-f6f5-4113-8e2d-b22465e65bf6",
        "Key Vault Crypto Service Encryption User",
        "Read metadata of keys and perform wrap/unwrap operations.",
        (),
        (),
        ("Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/keys/wrap/action"),
    ),
    (
        "7efff54f-a5b4-42b5-a1c5-5411624893ce",
        "Disk Snapshot Contributor",
        "Provides permission to backup vault to manage disk snapshots.",
        ("Microsoft.Compute/snapshots/*", "Microsoft.Compute/disks/read"),
        (),
        (),
    ),
    (
        "1ef6a3be-d0ac-425d-8c01-acb62866290b",
        "Compute Gallery Sharing Admin",
        "This role allows user to share gallery to another subscription/tenant or share it to the public.",
        ("Microsoft.Compute/galleries/share/action",),
        (),
        (),
    ),
)


def list_definitions(ctx: Context) -> Reply:
    """All that can be assigned at the scope, filtered by ``roleName`` and ``type``."""
    scope = scopes.scope_of(ctx)
    wanted = ctx.query.get("$filter", "")
    name = re.search(r"roleName eq '([^']*)'", wanted, re.IGNORECASE)
    kind = re.search(r"type eq '([^']*)'", wanted, re.IGNORECASE)
    found = [definition for definition in _all(ctx) if _assignable(definition, scope)]
    if name:
        found = [d for d in found if d["properties"]["roleName"].lower() == name[1].lower()]
    if kind:
        found = [d for d in found if d["properties"]["type"].lower() == kind[1].lower()]
    return Reply(200, {"value": found})


def get_definition(ctx: Context) -> Reply:
    found = find(ctx, ctx.ids["role"])
    if found is None:
        raise does_not_exist(ctx.ids["role"])
    return Reply(200, found)


def put_definition(ctx: Context) -> Reply:
    """Make or change a custom role."""
    role = ctx.ids["role"].lower()
    if any(role == built_in[0] for built_in in _BUILT_IN):
        raise ArmError(403, "RoleDefinitionCannotBeUpdated", "Built-in role definitions cannot be updated.")
    found = find(ctx, role)
    now = ctx.clock.iso_z()
    creator = ctx.principal.object_id if ctx.principal else None
    properties = {
        "roleName": required_text(ctx.body, "properties", "roleName"),
        "type": "CustomRole",
        "description": text_of(ctx.body, "properties", "description") or "",
        "assignableScopes": list_of(ctx.body, "properties", "assignableScopes"),
        "permissions": [
            {key: list_of(entry, key) for key in ("actions", "notActions", "dataActions", "notDataActions")}
            for entry in objects_of(ctx.body, "properties", "permissions")
        ],
        "createdOn": found["properties"]["createdOn"] if found else now,
        "updatedOn": now,
        "createdBy": found["properties"]["createdBy"] if found else creator,
        "updatedBy": creator,
    }
    ctx.store.kv_put(_CUSTOM, f"{ctx.subscription.lower()}/{role}", properties)
    return Reply(201, _show(ctx, role, properties))


def delete_definition(ctx: Context) -> Reply:
    found = find(ctx, ctx.ids["role"])
    if found is None or found["properties"]["type"] != "CustomRole":
        return Reply(204)
    ctx.store.kv_delete(_CUSTOM, f"{ctx.subscription.lower()}/{ctx.ids['role'].lower()}")
    return Reply(200, found)


def find(ctx: Context, role: str) -> Doc | None:
    """A role by its id (the last part of it)."""
    return next((d for d in _all(ctx) if d["name"] == role.lower()), None)


def does_not_exist(role: str) -> ArmError:
    return ArmError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{role.replace('-', '')[:40]}' does not exist.",
    )


def _all(ctx: Context) -> list[Doc]:
    custom = ctx.store.kv_items(_CUSTOM, f"{ctx.subscription.lower()}/")
    own = [_show(ctx, key.rpartition("/")[2], properties) for key, properties in custom]
    return [_show(ctx, entry[0], _built_in(*entry[1:])) for entry in _BUILT_IN] + own


def _built_in(
    name: str, description: str, actions: tuple[str, ...], excluded: tuple[str, ...], data: tuple[str, ...]
) -> dict[str, Any]:
    permission = {"actions": actions, "notActions": excluded, "dataActions": data, "notDataActions": ()}
    return {
        "roleName": name,
        "type": "BuiltInRole",
        "description": description,
        "assignableScopes": ["/"],
        "permissions": [{key: list(value) for key, value in permission.items()}],
        "createdOn": _CREATED,
        "updatedOn": _CREATED,
        "createdBy": None,
        "updatedBy": None,
    }


def _show(ctx: Context, role: str, properties: dict[str, Any]) -> Doc:
    identity = f"/subscriptions/{ctx.subscription}/providers/{_TYPE}/{role}"
    return {"properties": properties, "id": identity, "type": _TYPE, "name": role}


def _assignable(definition: Doc, scope: str) -> bool:
    return any(
        outer == "/" or scopes.is_within(scope, str(outer)) for outer in definition["properties"]["assignableScopes"]
    )


_PATH = "/providers/Microsoft.Authorization/roleDefinitions"
_KNOWN = documented("2026-11-25")
ROUTES = [
    *scopes.routes("GET", _PATH, list_definitions, _KNOWN),
    *scopes.routes("GET", f"{_PATH}/{{role}}", get_definition, _KNOWN),
    *scopes.routes("PUT", f"{_PATH}/{{role}}", put_definition, _KNOWN),
    *scopes.routes("DELETE", f"{_PATH}/{{role}}", delete_definition, _KNOWN),
]
