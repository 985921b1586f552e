# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource groups, and the resources in them."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, ids, locations
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError, group_being_deleted, group_not_found
from azure_emulator.core.operations import Failed, effect
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import tags_of, text_of
from azure_emulator.services.resources import filters

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_TYPE = "Microsoft.Resources/resourceGroups"
_NAME = re.compile(r"[-\w._()]{1,90}")


def put_group(ctx: Context) -> Reply:
    name = ctx.ids["group"]
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise ArmError(
            400,
            "InvalidResourceGroup" if len(name) <= 90 else "ResourceGroupNameTooLong",
            f"The provided resource group name '{name[:100]}' has these invalid characters or is too long. The name can only be a "
            "letter, digit, '-', '.', '(', ')' or '_', up to 90 characters, and must not end with '.'.",
        )
    found = ctx.store.get(ids.group_id(ctx.subscription, name))
    location = locations.check(text_of(ctx.body, "location"), _TYPE)
    if found:
        _check_alive(found)
        if found["location"] != location:
            raise ArmError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location '{found['location']}'.",
            )
    doc: Doc = {
        "id": found["id"] if found else ids.group_id(ctx.subscription, name),
        "name": found["name"] if found else name,
        "type": _TYPE,
        "location": location,
    }
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    managed_by = text_of(ctx.body, "managedBy")
    if managed_by:
        doc["managedBy"] = managed_by
    doc["properties"] = {"provisioningState": "Succeeded"}
    ctx.store.put(doc["id"], doc)
    return Reply(200 if found else 201, doc)


def get_group(ctx: Context) -> Reply:
    return Reply(200, find(ctx))


def head_group(ctx: Context) -> Reply:
    found = ctx.store.exists(ids.group_id(ctx.subscription, ctx.ids["group"]))
    return Reply(204 if found else 404)


def patch_group(ctx: Context) -> Reply:
    doc = find(ctx)
    _check_alive(doc)
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    ctx.store.put(doc["id"], doc)
    return Reply(200, doc)


def delete_group(ctx: Context) -> Reply:
    doc = find(ctx)
    busy = ctx.operations.running(doc["id"])
    if busy is None:
        doc["properties"]["provisioningState"] = "Deleting"
        ctx.store.put(doc["id"], doc)
        busy = ctx.operations.start("group", doc["location"], "resources.group.delete", {"id": doc["id"]}, doc["id"])
    return Reply(202, None, busy.headers())


def list_groups(ctx: Context) -> Reply:
    return paged(ctx, type=_TYPE, size=1000, keep=lambda doc: filters.tagged(doc, ctx.query.get("$filter", "")))


@effect("resources.group.delete")
def _delete(scope: Scope, args: dict[str, Any]) -> Failed | None:
    group = ids.parse(args["id"])
    docs = [d for d in scope.store.list(subscription=group.subscription, group=group.group) if d["type"] != _TYPE]
    refused = _remove_all(scope, sorted(docs, key=lambda doc: -str(doc["id"]).count("/")))
    if not refused:
        scope.store.delete(args["id"])
        for function in hooks.group_gone:
            function(scope, args["id"])
        return None
    doc = scope.store.get(args["id"])
    if doc:
        doc["properties"]["provisioningState"] = "Succeeded"
        scope.store.put(doc["id"], doc)
    return Failed(_blocked(group.group, refused))


def _remove_all(scope: Scope, docs: list[Doc]) -> list[tuple[Doc, ArmError]]:
    """Remove what can be removed, again and again while that frees others; what is left, and why."""
    while True:
        refused = []
        for doc in docs:
            try:
                with scope.store.savepoint():
                    scope.operations.cancel(doc["id"])
                    hooks.cascade.get(doc["type"].lower(), _forget)(scope, doc)
                    scope.store.delete(doc["id"])
            except ArmError as error:
                refused.append((doc, error))
        if not refused or len(refused) == len(docs):
            return refused
        # Removing one resource may have changed another: read the rest again.
        docs = [found for doc, _ignored in refused if (found := scope.store.get(doc["id"]))]


def _forget(_scope: Scope, _doc: Doc) -> None:
    """Types without a part in the cascade need nothing more."""


def _blocked(group: str, refused: list[tuple[Doc, ArmError]]) -> ArmError:
    """409 as recorded: the disks with an open SAS (or whatever held on) are named."""
    names = ",".join(f"{doc['type']}/{doc['name']}" for doc, _ignored in refused)
    details = [
        {"code": None, "target": doc["id"], "message": json.dumps(error.body(), separators=(",", ":"))}
        for doc, error in refused
    ]
    return ArmError(
        409,
        "ResourceGroupDeletionBlocked",
        f"Deletion of resource group '{group}' failed as resources with identifiers '{names}' could not be deleted. The "
        f"provisioning state of the resource group will be rolled back. The tracking Id is '{uuid.uuid4()}'. Please check "
        "audit logs for more details.",
        details=details,
    )


def find(ctx: Context) -> Doc:
    """The resource group of the path.

    :raises ArmError: 404 ``ResourceGroupNotFound``.
    """
    doc = ctx.store.get(ids.group_id(ctx.subscription, ctx.ids["group"]))
    if doc is None:
        raise group_not_found(ctx.ids["group"])
    return doc


def _check_alive(doc: Doc) -> None:
    if doc["properties"]["provisioningState"] == "Deleting":
        raise group_being_deleted(doc["name"])


_GROUPS = "/subscriptions/{subscription}/resourceGroups"
_GROUP = f"{_GROUPS}/{{group}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", _GROUPS, list_groups, evidence=_KNOWN),
    Route("PUT", _GROUP, put_group, evidence=_KNOWN),
    Route("GET", _GROUP, get_group, evidence=_KNOWN),
    Route("HEAD", _GROUP, head_group, evidence=_KNOWN),
    Route("PATCH", _GROUP, patch_group, evidence=_KNOWN),
    Route("DELETE", _GROUP, delete_group, evidence=_KNOWN),
]
