# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all compute resources have in common: ids, names, locations, tags, states, operations, lists, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core import locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.paging import paged
from azure_emulator.core.store import Doc, public
from azure_emulator.core.values import tags_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azure_emulator.core.context import Scope
    from azure_emulator.core.operations import Operation

PROVIDER = "Microsoft.Compute"
SUBSCRIPTION = "/subscriptions/{subscription}/providers/Microsoft.Compute"
GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute"
LOCATION = SUBSCRIPTION + "/locations/{location}"
GIB = 1 << 30
OS_TYPES = ("Windows", "Linux")
CACHING = ("None", "ReadOnly", "ReadWrite")
#: Why nothing can be begun on a resource that is busy, and what it says when it is being deleted.
BUSY = "another operation is in progress"
DOOMED = "is marked for deletion. You can only retry the Delete operation (or wait for an ongoing one to complete)"

_NAME_RULE = r"^[^_\W][\w-._]{0,79}(?<![-.])$"
_NAME = re.compile(r"[^_\W][\w\-.]{0,79}(?<![-.])")

Present = Callable[[Context, Doc], Doc]
"""Turns a stored document into what the client of a request sees."""


def resource_id(ctx: Context, kind: str) -> str:
    """The id that the request's path means."""
    return arm_ids.resource_id(ctx.subscription, ctx.ids["group"], f"{PROVIDER}/{kind}", ctx.ids["name"])


def find(ctx: Context, kind: str) -> Doc:
    """The resource of the request's path.

    :raises ArmError: 404 ``ResourceNotFound``.
    """
    doc = ctx.store.get(resource_id(ctx, kind))
    if doc is None:
        raise resource_not_found(f"{PROVIDER}/{kind}", [ctx.ids["name"]], ctx.ids["group"])
    return doc


def check_name(name: str, target: str) -> None:
    """Refuse a name that Compute refuses."""
    if not _NAME.fullmatch(name):
        raise invalid(f"The entity name '{target}' is invalid according to its validation rule: {_NAME_RULE}.", target)


def new_resource(ctx: Context, kind: str, target: str) -> Doc:
    """The head of a new resource from a PUT: name, id, type, location, tags. Checks name and location."""
    check_name(ctx.ids["name"], target)
    doc: Doc = {
        "name": ctx.ids["name"],
        "id": resource_id(ctx, kind),
        "type": f"{PROVIDER}/{kind}",
        "location": locations.check(ctx.body.get("location"), f"{PROVIDER}/{kind}"),
    }
    set_tags(ctx, doc)
    return doc


def set_tags(ctx: Context, doc: Doc) -> None:
    """Take the request's tags; Compute shows ``tags`` only when there ever were some, even if empty [recorded]."""
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags


def check_location(ctx: Context, found: Doc) -> None:
    """Refuse a PUT that names another region than the resource is in."""
    wanted = ctx.body.get("location")
    if isinstance(wanted, str) and wanted.strip():
        locations.check_unmoved(found["location"], wanted, found["name"], ctx.ids["group"])


def location_of(ctx: Context) -> str:
    """The region of the request's path.

    :raises ArmError: 400 ``LocationNotAvailableForResourceType``.
    """
    return locations.check(ctx.ids["location"], f"{PROVIDER}/locations")


def check_idle(ctx: Context, doc: Doc, operation: str, noun: str) -> None:
    """Refuse to begin something while another operation runs on the resource."""
    if ctx.operations.running(doc["id"]):
        raise not_allowed(operation, doc, BUSY, noun)


# Operations --------------------------------------------------------------------------------------------------------


def begin(
    ctx: Context,
    doc: Doc,
    effect: str,
    *,
    style: str = "compute",
    seconds: float | None = None,
    retry_after: int | None = None,
    part: str = "",
    **args: Any,
) -> Operation:
    """Start an operation whose effect gets the resource's ``id`` besides `args`.

    :param part: only this part of the resource is busy (``/patches``), not all of it.
    """
    return ctx.operations.start(
        style,
        doc["location"],
        effect,
        {"id": doc["id"], **args},
        doc["id"] + part,
        seconds=seconds,
        retry_after=retry_after,
    )


def begin_deletion(
    ctx: Context, doc: Doc, effect: str, *, style: str = "compute", seconds: float | None = None
) -> Reply:
    """202; the resource says ``Deleting`` until it is gone."""
    doc["properties"]["provisioningState"] = "Deleting"
    ctx.store.put(doc["id"], doc)
    return accepted(begin(ctx, doc, effect, style=style, seconds=seconds))


def set_state(scope: Scope, identity: str, state: str) -> Doc | None:
    """Write ``provisioningState``; the document, or None when it is gone."""
    doc = scope.store.get(identity)
    if doc is not None:
        doc["properties"]["provisioningState"] = state
        scope.store.put(doc["id"], doc)
    return doc


def doc_of(scope: Scope, args: dict[str, Any]) -> Doc:
    """The resource of an operation.

    :raises ArmError: 404 ``NotFound`` when it has gone meanwhile.
    """
    doc = scope.store.get(args["id"])
    if doc is None:
        raise entity_not_found()
    return doc


# With 2020-06-01 no POST offered notifications, with 2022-11-01 each does [recorded]; the bound is guessed.
_POST_NOTIFIES = "2021-07-01"


def accepted(operation: Operation) -> Reply:
    """202 with an empty body, as for POST and DELETE; older API versions offer notifications for DELETE only."""
    headers = operation.headers()
    if operation.method == "POST" and operation.api_version < _POST_NOTIFIES:
        headers.pop("Azure-AsyncNotification", None)
    return Reply(202, None, headers)


# Lists and views ---------------------------------------------------------------------------------------------------


def lister(kind: str, present: Present) -> Callable[[Context], Reply]:
    """A handler for the lists of a type, of a group or of the subscription."""

    def list_resources(ctx: Context) -> Reply:
        return paged(ctx, type=f"{PROVIDER}/{kind}", show=lambda doc: present(ctx, doc))

    return list_resources


def getter(kind: str, present: Present) -> Callable[[Context], Reply]:
    """A handler for the GET of one resource."""

    def get_resource(ctx: Context) -> Reply:
        return Reply(200, present(ctx, find(ctx, kind)))

    return get_resource


def as_it_is(_ctx: Context, doc: Doc) -> Doc:
    """Presents the document without what is private to the emulator."""
    return public(doc)


def arranged(ctx: Context, versions: Sequence[str]) -> list[str]:
    """Versions in ascending order as ``$orderby`` and ``$top`` of the catalogues' lists want them.

    :raises ArmError: 400 for a ``$top`` that is no number.
    """
    found = list(versions)
    if ctx.query.get("$orderby", "").lower().endswith("desc"):
        found.reverse()
    top = ctx.query.get("$top", "")
    if top and not (top.isdecimal() and len(top) < 10):
        raise invalid(f"The value '{top[:40]}' of parameter '$top' is invalid.", "$top")
    return found[: int(top)] if top else found


def without(doc: dict[str, Any], *names: str) -> dict[str, Any]:
    """A shallow copy that lacks some keys."""
    return {key: value for key, value in doc.items() if key not in names}


def upper_group(identity: str) -> str:
    """An id with its group's name in upper case, as lists and references to disks show it [recorded]."""
    group = arm_ids.parse(identity).group
    return identity.replace(f"/resourceGroups/{group}/", f"/resourceGroups/{group.upper()}/", 1)


# Refusals ----------------------------------------------------------------------------------------------------------


def invalid(message: str, target: str) -> ArmError:
    """400 ``InvalidParameter``."""
    return ArmError(400, "InvalidParameter", message, target)


def not_allowed(operation: str, doc: Doc, reason: str, noun: str = "VM") -> ArmError:
    """409 ``OperationNotAllowed``: an operation that the state of a machine (or another `noun`) does not allow."""
    text = f"Operation '{operation}' is not allowed on {noun} '{doc['name']}' since {reason}."
    return ArmError(409, "OperationNotAllowed", text)


def not_changeable(name: str) -> ArmError:
    """409 ``PropertyChangeNotAllowed``: a change of what never changes [recorded]."""
    return ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", name)


def entity_not_found() -> ArmError:
    """404 of what has no id in a group: an operation's resource that has gone, an unknown command."""
    return ArmError(404, "NotFound", "The entity was not found in this Azure location.")
