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

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.store import public
from azure_emulator.core.values import member
from azure_emulator.services.compute._calls import Resource
from azure_emulator.services.compute._shared import (
    PROVIDER,
    accepted,
    begin,
    entity_not_found,
    find,
    invalid,
    set_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.routing import Route
    from azure_emulator.core.store import Doc, Store

_USERS = ("disks", "snapshots")


@dataclass(frozen=True)
class Companion:
    """One kind: `apply` writes a request into the document, `accept` makes the body of the 202 of it.

    `users` are the places in a disk's or snapshot's properties that name one.
    """

    collection: str
    target: str
    apply: Callable[[Context, Doc], None]
    accept: Callable[[Context, Doc], Doc]
    users: tuple[tuple[str, ...], ...]

    def routes(self, *seen: str) -> list[Route]:
        """As `Resource.routes`."""
        resource = Resource(self.collection, self.target, partial(_write, self), partial(_delete, self))
        return resource.routes(*seen)


def _write(kind: Companion, ctx: Context, doc: Doc) -> Reply:
    doc.setdefault("properties", {})
    kind.apply(ctx, doc)
    doc["properties"]["provisioningState"] = "Updating"
    ctx.store.put(doc["id"], doc)
    operation = begin(ctx, doc, "compute.companion.write", style="disk")
    return Reply(202, kind.accept(ctx, doc), operation.headers())


@effect("compute.companion.write")
def _written(scope: Scope, args: dict[str, Any]) -> Any:
    doc = set_state(scope, args["id"], "Succeeded")
    if doc is None:
        raise entity_not_found()
    return public(doc)


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


def _delete(kind: Companion, ctx: Context, found: Doc) -> Reply:
    if users := associated(ctx.store, kind, found["id"]):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Resource '{found['name']}' cannot be deleted because it is in use by '{', '.join(users[:3])}'.",
        )
    return accepted(begin(ctx, found, "compute.companion.delete", style="disk"))


@effect("compute.companion.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    scope.store.delete(args["id"])


def require(scope: Scope, identity: str, collection: str, location: str) -> Doc:
    """The companion that a disk names; it must exist in the disk's region.

    :raises ArmError: 404 or 400 [guessed].
    """
    parsed = arm_ids.parse(identity)
    found = scope.store.get(identity)
    if found is None or parsed.type.lower() != f"{PROVIDER}/{collection}".lower():
        raise ArmError(404, "NotFound", f"The resource '{identity}' of type '{PROVIDER}/{collection}' was not found.")
    if found["location"] != location:
        raise invalid(
            f"The resource '{identity}' is in location '{found['location']}'; it must be in '{location}', "
            "as the resource that uses it.",
            collection,
        )
    return found
