# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of a subscription, a group or a resource as a resource of their own, and the names that are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from azure_emulator.core import scopes
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, object_of, tags_of

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_SUBSCRIPTIONS = "resources.tags"


def get_tags(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, _read(ctx, scopes.scope_of(ctx))))


def put_tags(ctx: Context) -> Reply:
    return _write(ctx, scopes.scope_of(ctx), tags_of(object_of(ctx.body, "properties")) or {})


def patch_tags(ctx: Context) -> Reply:
    """``Merge``, ``Replace`` or ``Delete`` (those with the same name and value)."""
    scope = scopes.scope_of(ctx)
    found = _read(ctx, scope)
    given = tags_of(object_of(ctx.body, "properties")) or {}
    kind = choice_of(ctx.body, ("Merge", "Replace", "Delete"), "operation")
    if kind is None:
        raise ArmError(400, "InvalidRequestContent", "The operation of the tags must be Merge, Replace or Delete.")
    if kind == "Merge":
        return _write(ctx, scope, found | given)
    if kind == "Replace":
        return _write(ctx, scope, given)
    return _write(ctx, scope, {name: value for name, value in found.items() if given.get(name) != value})


def delete_tags(ctx: Context) -> Reply:
    _write(ctx, scopes.scope_of(ctx), {})
    return Reply(200)


def list_names(ctx: Context) -> Reply:
    """Every tag name of the subscription with its values and how often they are used."""
    used: dict[str, dict[str, int]] = {}
    for doc in ctx.store.list(subscription=ctx.subscription):
        for name, value in doc.get("tags", {}).items():
            values = used.setdefault(name, {})
            values[value] = values.get(value, 0) + 1
    root = f"/subscriptions/{ctx.subscription}/tagNames"
    shown = [
        {
            "id": f"{root}/{name}",
            "tagName": name,
            "count": _count(sum(values.values())),
            "values": [
                {"id": f"{root}/{name}/tagValues/{value}", "tagValue": value, "count": _count(number)}
                for value, number in values.items()
            ],
        }
        for name, values in sorted(used.items())
    ]
    return Reply(200, {"value": shown})


def _count(number: int) -> dict[str, Any]:
    return {"type": "Total", "value": number}


def _read(ctx: Context, scope: str) -> dict[str, str]:
    if "group" not in ctx.ids:
        found: dict[str, str] = ctx.store.kv_get(_SUBSCRIPTIONS, ctx.subscription.lower()) or {}
        return found
    doc: Doc = ctx.store.get(scope) or {}
    return dict(doc.get("tags", {}))


def _write(ctx: Context, scope: str, tags: dict[str, str]) -> Reply:
    if "group" not in ctx.ids:
        ctx.store.kv_put(_SUBSCRIPTIONS, ctx.subscription.lower(), tags)
    else:
        doc = ctx.store.get(scope) or {}
        ctx.store.put(doc["id"], doc | {"tags": tags})
    return Reply(200, _present(ctx, tags))


def _present(ctx: Context, tags: dict[str, str]) -> dict[str, Any]:
    return {
        "id": unquote(ctx.path),
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tags},
    }


_PATH = "/providers/Microsoft.Resources/tags/default"
_KNOWN = documented("2026-11-25")
ROUTES = [
    *scopes.routes("GET", _PATH, get_tags, _KNOWN),
    *scopes.routes("PUT", _PATH, put_tags, _KNOWN),
    *scopes.routes("PATCH", _PATH, patch_tags, _KNOWN),
    *scopes.routes("DELETE", _PATH, delete_tags, _KNOWN),
    Route("GET", "/subscriptions/{subscription}/tagNames", list_names, evidence=_KNOWN),
]
