# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that every resource type has: PUT, PATCH, GET, DELETE, and lists of a group and of the subscription."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure_emulator.core import hooks
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.routing import Handler, Route, documented, recorded
from azure_emulator.services.compute._shared import (
    GROUP,
    PROVIDER,
    SUBSCRIPTION,
    Present,
    as_it_is,
    check_location,
    find,
    getter,
    lister,
    new_resource,
    resource_id,
    set_tags,
)
from azure_emulator.services.compute._types import check_types

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc

_CHECKED = "2026-11-25"


@dataclass(frozen=True)
class Resource:
    """One resource type, by what differs from others.

    :param collection: the type's name in paths.
    :param target: what errors call the name of a resource.
    :param write: takes a request into a document, keeps it and answers. Name, region and tags have been looked at; a new
        document has no ``properties`` yet.
    :param delete: checks that a resource may go, and lets it go or begins to.
    :param update: what a PATCH does, where that is something else than `write` does to what is there.
    :param show: what a client sees of a resource.
    :param listed: the same in lists, where that is something else.
    :param typed: whether bodies go through `check_types` first.
    """

    collection: str
    target: str
    write: Callable[[Context, Doc], Reply]
    delete: Callable[[Context, Doc], Reply]
    update: Callable[[Context, Doc], Reply] | None = None
    show: Present = as_it_is
    listed: Present | None = None
    typed: bool = True

    def put(self, ctx: Context) -> Reply:
        """Create, or change what is there."""
        self._check(ctx)
        found = ctx.store.get(resource_id(ctx, self.collection))
        if found is None:
            return self.write(ctx, new_resource(ctx, self.collection, self.target))
        check_location(ctx, found)
        set_tags(ctx, found)
        return self.write(ctx, found)

    def patch(self, ctx: Context) -> Reply:
        """Change what is there.

        :raises ArmError: 404 when nothing is.
        """
        self._check(ctx)
        found = find(ctx, self.collection)
        set_tags(ctx, found)
        return (self.update or self.write)(ctx, found)

    def remove(self, ctx: Context) -> Reply:
        """Delete; 204 when there is nothing."""
        found = ctx.store.get(resource_id(ctx, self.collection))
        return Reply(204) if found is None else self.delete(ctx, found)

    def routes(self, *seen: str) -> list[Route]:
        """The routes of all calls; what was `seen` in recorded traffic: methods, ``LIST`` for that of a group."""
        return routes(
            self.collection,
            put=self.put,
            patch=self.patch,
            get=getter(self.collection, self.show),
            delete=self.remove,
            show_all=lister(self.collection, self.listed or self.show),
            seen=seen,
        )

    def _check(self, ctx: Context) -> None:
        if self.typed:
            check_types(ctx.body)


def immediate(
    collection: str,
    target: str,
    apply: Callable[[Context, Doc], None],
    *,
    check_unused: Callable[[Scope, Doc], None] | None = None,
    created: int = 201,
    tags_only: bool = False,
    show: Present = as_it_is,
) -> Resource:
    """A type without operations: what is asked for is there, or gone, with the answer.

    :param apply: takes a request into a document.
    :param check_unused: refuses that a resource goes that others use, by its own deletion or with its group.
    :param created: the status of a PUT that creates.
    :param tags_only: whether a PATCH changes nothing but tags.
    """

    def keep(ctx: Context, doc: Doc, status: int = 200) -> Reply:
        ctx.store.put(doc["id"], doc)
        return Reply(status, show(ctx, doc))

    def write(ctx: Context, doc: Doc) -> Reply:
        status = 200 if "properties" in doc else created
        apply(ctx, doc)
        return keep(ctx, doc, status)

    def delete(ctx: Context, doc: Doc) -> Reply:
        if check_unused is not None:
            check_unused(ctx, doc)
        ctx.store.delete(doc["id"])
        return Reply(200)

    if check_unused is not None:
        hooks.cascade[f"{PROVIDER}/{collection}".lower()] = check_unused
    return Resource(collection, target, write, delete, update=keep if tags_only else None, show=show)


def routes(
    collection: str,
    *,
    put: Handler,
    patch: Handler,
    get: Handler,
    delete: Handler,
    show_all: Handler,
    seen: tuple[str, ...] = (),
) -> list[Route]:
    """The routes of a type with handlers of its own; `seen` as for `Resource.routes`."""
    everything = f"{GROUP}/{collection}"
    one = f"{everything}/{{name}}"
    calls = (
        ("PUT", one, put),
        ("PATCH", one, patch),
        ("GET", one, get),
        ("DELETE", one, delete),
        ("LIST", everything, show_all),
        ("", f"{SUBSCRIPTION}/{collection}", show_all),
    )
    return [
        Route(
            call if template == one else "GET",
            template,
            handler,
            evidence=recorded(_CHECKED) if call in seen else documented(_CHECKED),
        )
        for call, template, handler in calls
    ]
