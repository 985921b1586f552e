# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels of a gallery's tree: ids, lookups, lists, and the operations that galleries are slow with.

A level is a resource type and the placeholders of its path. Everything here is the same for galleries, image
definitions, image versions, applications and application versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Reply, Scope
from azure_emulator.core.errors import ArmError, parent_not_found, resource_not_found
from azure_emulator.core.operations import Failed, effect
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Evidence, Route, documented
from azure_emulator.services.compute._shared import GROUP, PROVIDER, set_state, set_tags
from azure_emulator.services.compute.galleries._lingering import linger, nested

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.context import Context
    from azure_emulator.core.operations import Operation
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute._shared import Present

# The header came to galleries long after the others had it: absent with 2021-10-01 in 2025, there with 2023-07-03 in
# 2026, for writes, deletions and sharing alike [seen in published traffic].
_NOTIFIES_SINCE = "2023-07-03"


@dataclass(frozen=True)
class Level:
    """One resource type: ``galleries/images``, placeholders ``("gallery", "definition")``, its name in errors."""

    kind: str
    keys: tuple[str, ...]
    target: str

    @property
    def type(self) -> str:
        return f"{PROVIDER}/{self.kind}"

    @property
    def path(self) -> str:
        """The template of the path of one resource."""
        pairs = zip(self.kind.split("/"), self.keys, strict=True)
        return GROUP + "".join(f"/{kind}/{{{key}}}" for kind, key in pairs)

    def names(self, ctx: Context) -> list[str]:
        return [ctx.ids[key] for key in self.keys]

    def id(self, ctx: Context) -> str:
        """The id that the request's path means."""
        return arm_ids.resource_id(ctx.subscription, ctx.ids["group"], self.type, *self.names(ctx))


GALLERY = Level("galleries", ("gallery",), "galleryName")
DEFINITION = Level("galleries/images", ("gallery", "definition"), "galleryImageName")
VERSION = Level("galleries/images/versions", ("gallery", "definition", "version"), "galleryImageVersionName")
APPLICATION = Level("galleries/applications", ("gallery", "application"), "galleryApplicationName")
APPLICATION_VERSION = Level(
    "galleries/applications/versions", ("gallery", "application", "version"), "galleryApplicationVersionName"
)


def parent_of(ctx: Context, level: Level) -> Doc:
    """The enclosing resource; the level's own name need not be in the path.

    :raises ArmError: 404 ``ParentResourceNotFound``.
    """
    names = [ctx.ids[key] for key in level.keys[:-1]]
    kind = level.type.rsplit("/", 1)[0]
    found = ctx.store.get(arm_ids.resource_id(ctx.subscription, ctx.ids["group"], kind, *names))
    if found is None:
        raise parent_not_found([*names, ""])
    return found


def find(ctx: Context, level: Level) -> Doc:
    """The resource of the request's path.

    :raises ArmError: 404 when it or its parent is absent.
    """
    found = ctx.store.get(level.id(ctx))
    if found is not None:
        return found
    if len(level.keys) > 1:
        parent_of(ctx, level)
    raise resource_not_found(level.type, level.names(ctx), ctx.ids["group"])


def head(ctx: Context, level: Level, location: str) -> Doc:
    """Name, id, type, location and tags of a new resource; ``tags`` only when the request had some [recorded]."""
    doc: Doc = {"name": ctx.ids[level.keys[-1]], "id": level.id(ctx), "type": level.type, "location": location}
    set_tags(ctx, doc)
    return doc


def check_end(ctx: Context, level: Level, marks: str) -> None:
    """Refuse the name of a new resource that ends with one of these marks."""
    names = level.names(ctx)
    if names[-1].endswith(tuple(marks)):
        last = names[-1][-1]
        raise ArmError(
            400,
            "InvalidResourceName",
            f"The provided resource name {'/'.join(names)} has these invalid trailing characters: '{last}'. The name can not "
            f"end with characters: '{last}'",
        )


def begin(ctx: Context, doc: Doc, effect_name: str, seconds: float, **args: Any) -> Operation:
    """Start an operation on a resource whose effect gets its id."""
    return ctx.operations.start(
        "gallery", doc["location"], effect_name, {"id": doc["id"], **args}, doc["id"], seconds=seconds
    )


def headers(ctx: Context, operation: Operation) -> dict[str, str]:
    """The headers of an answer that starts an operation."""
    found = operation.headers()
    if ctx.api_version >= _NOTIFIES_SINCE:
        found["Azure-AsyncNotification"] = "Enabled"
    return found


def accepted(ctx: Context, operation: Operation) -> Reply:
    """202 with an empty body."""
    return Reply(202, None, headers(ctx, operation))


def absent(ctx: Context, level: Level) -> Reply:
    """The answer to a deletion of what is not there.

    :raises ArmError: 404 when even the enclosing resource is absent [documented].
    """
    if len(level.keys) > 1:
        parent_of(ctx, level)
    return Reply(204)


def _getter(level: Level, present: Present) -> Callable[[Context], Reply]:
    """A handler for the GET of one resource."""

    def get_one(ctx: Context) -> Reply:
        return Reply(200, present(ctx, find(ctx, level)))

    return get_one


def _lister(level: Level, present: Present) -> Callable[[Context], Reply]:
    """A handler for the list in an enclosing resource."""

    def list_all(ctx: Context) -> Reply:
        parent = parent_of(ctx, level)
        return paged(ctx, type=level.type, parent=parent["id"], show=lambda doc: present(ctx, doc))

    return list_all


def deleter(
    level: Level, effect_name: str, seconds: float, holds: Callable[[Context, Doc], bool] | None = None
) -> Callable[[Context], Reply]:
    """A handler that deletes a resource without children; `holds` says whether something else is still in it."""

    def delete(ctx: Context) -> Reply:
        found = ctx.store.get(level.id(ctx))
        if found is None:
            return absent(ctx, level)
        if nested(ctx, found["id"]) or (holds and holds(ctx, found)):
            raise _not_empty()
        return accepted(ctx, begin(ctx, found, effect_name, seconds))

    return delete


def _not_empty() -> ArmError:
    return ArmError(409, "CannotDeleteResource", "Can not delete resource before nested resources are deleted.")


def routes(
    level: Level,
    put: Callable[[Context], Reply],
    patch: Callable[[Context], Reply],
    delete: Callable[[Context], Reply],
    present: Present,
    evidence: Evidence,
) -> list[Route]:
    """The calls of one resource, and the list of all in the enclosing one. No recording has a PATCH."""
    found = [
        Route("PUT", level.path, put, evidence=evidence),
        Route("PATCH", level.path, patch, evidence=documented("2026-11-25")),
        Route("GET", level.path, _getter(level, present), evidence=evidence),
        Route("DELETE", level.path, delete, evidence=evidence),
    ]
    if len(level.keys) > 1:
        found.append(Route("GET", level.path.rpartition("/")[0], _lister(level, present), evidence=evidence))
    return found


def register_effects(prefix: str) -> None:
    """Let ``{prefix}.create`` and ``.update`` end with ``Succeeded``, and ``.delete`` remove the resource."""

    def done(scope: Scope, args: dict[str, Any]) -> None:
        set_state(scope, args["id"], "Succeeded")

    def deleted(scope: Scope, args: dict[str, Any]) -> Failed | None:
        doc = scope.store.get(args["id"])
        if doc is None:
            return None
        if nested(scope, doc["id"]):
            # Something was made in it meanwhile, which would be left without a parent.
            return Failed(_not_empty())
        remove(scope, doc)
        return None

    effect(f"{prefix}.create")(done)
    effect(f"{prefix}.update")(done)
    effect(f"{prefix}.delete")(deleted)


def remove(scope: Scope, doc: Doc) -> None:
    """Forget a resource; its parent goes on counting it for a while."""
    scope.operations.cancel(doc["id"])
    scope.store.delete(doc["id"])
    linger(scope, doc["id"])
