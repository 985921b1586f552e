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
from azure_emulator.core.values import tags_of
from azure_emulator.services.compute._shared import PROVIDER, check_location
from azure_emulator.services.compute.galleries._lingering import linger, nested

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.context import Context
    from azure_emulator.core.operations import Operation
    from azure_emulator.core.store import Doc

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


def set_tags(ctx: Context, doc: Doc) -> None:
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags


def check_unmoved(ctx: Context, found: Doc) -> None:
    """Refuse a PUT that names another region."""
    check_location(ctx, found)


def begin(ctx: Context, doc: Doc, effect: str, seconds: float, **args: Any) -> Operation:
    """Start an operation on a resource whose effect gets its id."""
    return ctx.operations.start(
        "gallery", doc["location"], effect, {"id": doc["id"], **args}, doc["id"], seconds=seconds
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


def deleter(
    level: Level, effect: str, seconds: float, holds: Callable[[Context, Doc], bool] | None = None
) -> Callable[[Context], Reply]:
    """A handler that deletes a resource without children; `holds` says whether something else is still in it."""

    def delete(ctx: Context) -> Reply:
        found = ctx.store.get(level.id(ctx))
        if found is None:
            return absent(ctx, level)
        if nested(ctx, found["id"]) or (holds and holds(ctx, found)):
            raise ArmError(409, "CannotDeleteResource", "Can not delete resource before nested resources are deleted.")
        return accepted(ctx, begin(ctx, found, effect, seconds))

    return delete


def remove(scope: Scope, doc: Doc) -> None:
    """Forget a resource; its parent goes on counting it for a while."""
    scope.operations.cancel(doc["id"])
    scope.store.delete(doc["id"])
    linger(scope, doc["id"])


def set_state(scope: Scope, identity: str, state: str) -> Doc | None:
    """Write ``provisioningState``; the document, or None when it is gone."""
    doc = scope.store.get(identity)
    if doc is not None:
        doc["properties"]["provisioningState"] = state
        scope.store.put(doc["id"], doc)
    return doc


def not_changeable(name: str) -> ArmError:
    """409: ``Changing property 'galleryImage.properties.osType' is not allowed.`` [recorded]."""
    return ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", name)


def invalid(message: str, target: str) -> ArmError:
    return ArmError(400, "InvalidParameter", message, target)
