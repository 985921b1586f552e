# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources that extend others: what they are attached to, and their routes at every kind of scope."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from azure_emulator.core import hooks, ids
from azure_emulator.core.errors import group_not_found, resource_not_found
from azure_emulator.core.routing import Evidence, Handler, Route

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_RESOURCE = f"{_GROUP}/providers/{{namespace}}/{{type1}}/{{name1}}"
#: Templates of a subscription, a group, and resources of one, two and three names.
TEMPLATES = (
    _SUBSCRIPTION,
    _GROUP,
    _RESOURCE,
    f"{_RESOURCE}/{{type2}}/{{name2}}",
    f"{_RESOURCE}/{{type2}}/{{name2}}/{{type3}}/{{name3}}",
)


def routes(method: str, tail: str, handler: Handler, evidence: Evidence) -> list[Route]:
    """One call at every kind of scope; ``tail`` begins with ``/providers/…``."""
    return [Route(method, f"{template}{tail}", handler, evidence=evidence) for template in TEMPLATES]


def scope_of(ctx: Context) -> str:
    """What the path's resource is attached to, as the client wrote it.

    :raises ArmError: 404 when it does not exist.
    """
    path = unquote(ctx.path)
    scope = path[: path.lower().rindex("/providers/")]
    if "namespace" in ctx.ids:
        resource = ids.parse(scope)
        if not ctx.store.exists(scope):
            raise resource_not_found(resource.type, resource.names, resource.group)
    elif "group" in ctx.ids and not ctx.store.exists(scope):
        raise group_not_found(ctx.ids["group"])
    return scope


def forget_below(namespace: str) -> None:
    """Let what is kept in a table (by id) go with the resource group that it belongs to."""

    def forget(scope: Scope, group_id: str) -> None:
        for key, _value in scope.store.kv_items(namespace, f"{group_id.lower()}/"):
            scope.store.kv_delete(namespace, key)

    hooks.group_gone.append(forget)


def is_within(inner: str, outer: str) -> bool:
    """Whether a scope is another one or below it."""
    return f"{inner.lower()}/".startswith(f"{outer.lower().rstrip('/')}/")
