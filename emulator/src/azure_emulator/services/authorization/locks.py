# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Management locks: ``CanNotDelete`` keeps what is below from being deleted, ``ReadOnly`` also from being changed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from azure_emulator.core import hooks, scopes
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, text_of

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_LOCKS = "authorization.locks"
_TYPE = "Microsoft.Authorization/locks"


def put_lock(ctx: Context) -> Reply:
    identity = _identity(ctx)
    level = choice_of(ctx.body, ("CanNotDelete", "ReadOnly"), "properties", "level")
    if level is None:
        raise ArmError(400, "LockLevelNotSpecified", "The lock level must be one of 'CanNotDelete' and 'ReadOnly'.")
    notes = text_of(ctx.body, "properties", "notes")
    found = ctx.store.kv_get(_LOCKS, identity.lower())
    doc = {
        "properties": {"level": level, **({"notes": notes} if notes else {})},
        "id": identity,
        "type": _TYPE,
        "name": ctx.ids["lock"],
    }
    ctx.store.kv_put(_LOCKS, identity.lower(), doc)
    return Reply(200 if found else 201, doc)


def get_lock(ctx: Context) -> Reply:
    doc = ctx.store.kv_get(_LOCKS, _identity(ctx).lower())
    if doc is None:
        raise ArmError(404, "LockNotFound", f"The lock '{ctx.ids['lock'][:80]}' could not be found.")
    return Reply(200, doc)


def list_locks(ctx: Context) -> Reply:
    """Of the scope and what is below it; ``atScope()``: and above it."""
    scope, above = scopes.scope_of(ctx), "atscope()" in ctx.query.get("$filter", "").lower()
    found = []
    for _key, doc in ctx.store.kv_items(_LOCKS):
        own = _of(doc)
        if scopes.is_within(scope, own) if above else scopes.is_within(own, scope):
            found.append(doc)
    return Reply(200, {"value": found})


def delete_lock(ctx: Context) -> Reply:
    removed = ctx.store.kv_delete(_LOCKS, _identity(ctx).lower())
    return Reply(200 if removed else 204)


def _identity(ctx: Context) -> str:
    return f"{scopes.scope_of(ctx)}/providers/{_TYPE}/{ctx.ids['lock']}"


def _of(doc: Doc) -> str:
    return str(doc["id"]).partition(f"/providers/{_TYPE}/")[0]


def _check(ctx: Context, route: Route) -> None:
    """Refuse what a lock forbids: 409 ``ScopeLocked``."""
    if not route.writes or "subscription" not in ctx.ids or f"/providers/{_TYPE}" in route.template:
        return
    target = unquote(ctx.path).rstrip("/")
    deleting = ctx.method == "DELETE"
    locked = [
        doc
        for _key, doc in ctx.store.kv_items(_LOCKS)
        if (deleting or doc["properties"]["level"] == "ReadOnly")
        and (scopes.is_within(target, _of(doc)) or (deleting and scopes.is_within(_of(doc), target)))
    ]
    if locked:
        holders = "; ".join(_of(doc) for doc in locked)
        verb = "delete" if deleting else "write"
        raise ArmError(
            409,
            "ScopeLocked",
            f"The scope '{target}' cannot perform {verb} operation because following scope(s) are locked: '{holders}'. "
            "Please remove the lock and try again.",
        )


hooks.before.append(_check)

scopes.forget_below(_LOCKS)

_PATH = "/providers/Microsoft.Authorization/locks"
_KNOWN = documented("2026-11-25")
ROUTES = [
    *scopes.routes("GET", _PATH, list_locks, _KNOWN),
    *scopes.routes("PUT", f"{_PATH}/{{lock}}", put_lock, _KNOWN),
    *scopes.routes("GET", f"{_PATH}/{{lock}}", get_lock, _KNOWN),
    *scopes.routes("DELETE", f"{_PATH}/{{lock}}", delete_lock, _KNOWN),
]
