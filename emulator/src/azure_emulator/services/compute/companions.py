# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What disks refer to and what holds no data itself: disk encryption sets and disk accesses.

Both answer as disks do: every write with 202 [recorded 2020-2025]. Guessed: the refusal to delete one that is in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, documented, recorded
from azure_emulator.core.values import member, tags_of
from azure_emulator.services.compute._shared import (
    GROUP,
    PROVIDER,
    SUBSCRIPTION,
    accepted,
    check_location,
    find,
    getter,
    lister,
    new_resource,
    resource_id,
    visible,
)
from azure_emulator.services.compute._types import check_types

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.store import Doc, Store

_CHECKED = "2026-11-25"
_USERS = ("disks", "snapshots")


@dataclass(frozen=True)
class Companion:
    """One kind: `apply` writes a request into the document, `accept` makes the body of the 202 of it.

    `users` are the places in a disk's or snapshot's properties that name one; `replayed`: creating and reading one is
    in the traffic that is replayed.
    """

    collection: str
    target: str
    apply: Callable[[Context, Doc], None]
    accept: Callable[[Context, Doc], Doc]
    users: tuple[tuple[str, ...], ...]
    replayed: bool = False


def _put(ctx: Context, kind: Companion) -> Reply:
    check_types(ctx.body)
    found = ctx.store.get(resource_id(ctx, kind.collection))
    if found is not None:
        check_location(ctx, found)
        return _write(ctx, kind, found)
    doc = new_resource(ctx, kind.collection, kind.target)
    doc["properties"] = {}
    return _write(ctx, kind, doc)


def _patch(ctx: Context, kind: Companion) -> Reply:
    check_types(ctx.body)
    return _write(ctx, kind, find(ctx, kind.collection))


def _write(ctx: Context, kind: Companion, doc: Doc) -> Reply:
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    kind.apply(ctx, doc)
    doc["properties"]["provisioningState"] = "Updating"
    ctx.store.put(doc["id"], doc)
    args = {"id": doc["id"]}
    operation = ctx.operations.start("disk", doc["location"], "compute.companion.write", args, doc["id"])
    return Reply(202, kind.accept(ctx, doc), operation.headers())


@effect("compute.companion.write")
def _written(scope: Scope, args: dict[str, Any]) -> Any:
    doc = scope.store.get(args["id"])
    if doc is None:
        raise ArmError(404, "NotFound", "The entity was not found in this Azure location.")
    doc["properties"]["provisioningState"] = "Succeeded"
    scope.store.put(doc["id"], doc)
    return visible(doc)


def associated(store: Store, kind: Companion, identity: str) -> list[str]:
    """The ids of the disks and snapshots that refer to one, in order."""
    owner = arm_ids.parse(identity).subscription
    docs = [doc for name in _USERS for doc in store.list(type=f"{PROVIDER}/{name}", subscription=owner)]
    return [
        doc["id"] for doc in docs if any(arm_ids.same(member(doc["properties"], *way), identity) for way in kind.users)
    ]


def list_associated(ctx: Context, kind: Companion) -> Reply:
    """The answer to ``associatedResources``: ids, not resources [documented]."""
    return Reply(200, {"value": associated(ctx.store, kind, find(ctx, kind.collection)["id"])})


def _delete(ctx: Context, kind: Companion) -> Reply:
    found = ctx.store.get(resource_id(ctx, kind.collection))
    if found is None:
        return Reply(204)
    if users := associated(ctx.store, kind, found["id"]):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Resource '{found['name']}' cannot be deleted because it is in use by '{', '.join(users[:3])}'.",
        )
    args = {"id": found["id"]}
    return accepted(ctx.operations.start("disk", found["location"], "compute.companion.delete", args, found["id"]))


@effect("compute.companion.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    scope.store.delete(args["id"])


def _present(_ctx: Context, doc: Doc) -> Doc:
    return visible(doc)


def routes(kind: Companion) -> list[Route]:
    """All routes of a kind."""
    collection = f"{GROUP}/{kind.collection}"
    one = f"{collection}/{{name}}"
    known = documented(_CHECKED)
    seen = recorded(_CHECKED) if kind.replayed else known
    hooks.cascade.setdefault(f"{PROVIDER}/{kind.collection}".lower(), _forget)
    show_all = lister(kind.collection, _present)
    return [
        Route("PUT", one, partial(_put, kind=kind), evidence=seen),
        Route("PATCH", one, partial(_patch, kind=kind), evidence=known),
        Route("GET", one, getter(kind.collection, _present), evidence=seen),
        Route("DELETE", one, partial(_delete, kind=kind), evidence=known),
        Route("GET", collection, show_all, evidence=known),
        Route("GET", f"{SUBSCRIPTION}/{kind.collection}", show_all, evidence=known),
    ]


def _forget(scope: Scope, doc: Doc) -> None:
    scope.operations.cancel(doc["id"])
    scope.store.delete(doc["id"])


def require(scope: Scope, identity: str, collection: str, location: str) -> Doc:
    """The companion that a disk names; it must exist in the disk's region.

    :raises ArmError: 404 or 400 [guessed].
    """
    parsed = arm_ids.parse(identity)
    found = scope.store.get(identity)
    if found is None or parsed.type.lower() != f"{PROVIDER}/{collection}".lower():
        raise ArmError(404, "NotFound", f"The resource '{identity}' of type '{PROVIDER}/{collection}' was not found.")
    if found["location"] != location:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The resource '{identity}' is in location '{found['location']}'; it must be in '{location}', "
            "as the resource that uses it.",
            collection,
        )
    return found
