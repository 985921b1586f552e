# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls from one service to another, as a client would make them: the same routes and handlers, in this transaction.

What the call refuses is undone and raised as `ArmError`; what it began (long-running operations) is named in the answer,
so that the caller can wait for it with `azure_emulator.core.operations.Again`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from azure_emulator.core.admission import admit
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.routing import Route, Router, check_api_version

if TYPE_CHECKING:
    from azure_emulator.core.tokens import Principal


@dataclass(frozen=True, slots=True)
class Answer:
    """The handler's reply, and the ids of the operations that it began."""

    reply: Reply
    operations: tuple[str, ...]


_bound: list[Router] = []


def bind(router: Router) -> None:
    """Say which routes there are (once, by the dispatcher)."""
    _bound[:] = [router]


def find(method: str, path: str) -> Route:
    """The route of a call.

    :raises ArmError: when there is none.
    """
    return _bound[0].match(method, quote(path))[0]


def request(
    scope: Scope,
    principal: Principal | None,
    method: str,
    path: str,
    api_version: str,
    body: dict[str, Any] | None = None,
) -> Answer:
    """Call a route in the current (writing) transaction.

    :param path: absolute, not encoded, without a query.
    :raises ArmError: what the caller would have been told; nothing of the call remains.
    """
    route, values = _bound[0].match(method, quote(path))
    version = check_api_version(route, {"api-version": api_version}, values)
    outer = scope.operations
    # Nobody polls these operations: what the profile says about the number of polls is for clients.
    operations = replace(
        outer, api_version=version, method=method, profile=replace(outer.profile, polls=0), queued=[], begun=[]
    )
    context = Context(
        scope.store,
        operations,
        scope.clock,
        scope.data_dir,
        scope.base_url,
        method=method,
        path=quote(path),
        ids=values,
        query={"api-version": version},
        headers={},
        body=body or {},
        api_version=version,
        subscription=values.get("subscription", ""),
        principal=principal,
    )
    if method in ("GET", "HEAD"):
        return Answer(_call(route, context), ())
    with scope.store.savepoint():
        reply = _call(route, context)
    outer.queued += operations.queued
    outer.begun += operations.begun
    return Answer(reply, tuple(operations.begun))


def _call(route: Route, context: Context) -> Reply:
    admit(context, route)
    return route.handler(context)
