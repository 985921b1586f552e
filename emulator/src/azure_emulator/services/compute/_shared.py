# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all compute resources have in common: ids, names, locations, lists, and "not found"."""

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

if TYPE_CHECKING:
    from azure_emulator.core.operations import Operation

PROVIDER = "Microsoft.Compute"
SUBSCRIPTION = "/subscriptions/{subscription}/providers/Microsoft.Compute"
GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute"
LOCATION = SUBSCRIPTION + "/locations/{location}"
GIB = 1 << 30

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
        message = f"The entity name '{target}' is invalid according to its validation rule: {_NAME_RULE}."
        raise ArmError(400, "InvalidParameter", message, target)


def new_resource(ctx: Context, kind: str, target: str) -> Doc:
    """The head of a new resource from a PUT: name, id, type, location, tags. Checks name and location.

    Compute shows ``tags`` only when the request had some, even if empty [recorded].
    """
    check_name(ctx.ids["name"], target)
    location = locations.check(ctx.body.get("location"), f"{PROVIDER}/{kind}")
    doc: Doc = {
        "name": ctx.ids["name"],
        "id": resource_id(ctx, kind),
        "type": f"{PROVIDER}/{kind}",
        "location": location,
    }
    return doc


def check_location(ctx: Context, found: Doc) -> None:
    """Refuse a PUT that names another region than the resource is in."""
    wanted = ctx.body.get("location")
    if isinstance(wanted, str) and wanted.strip():
        locations.check_unmoved(found["location"], wanted, found["name"], ctx.ids["group"])


def check_idle(ctx: Context, doc: Doc, operation: str, noun: str) -> None:
    """Refuse to begin something while another operation runs on the resource."""
    if ctx.operations.running(doc["id"]):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Operation '{operation}' is not allowed on {noun} '{doc['name']}' since another operation is in progress.",
        )


# With 2020-06-01 no POST offered notifications, with 2022-11-01 each does [recorded]; the bound is guessed.
_POST_NOTIFIES = "2021-07-01"


def accepted(operation: Operation) -> Reply:
    """202 with an empty body, as for POST and DELETE; older API versions offer notifications for DELETE only."""
    headers = operation.headers()
    if operation.method == "POST" and operation.api_version < _POST_NOTIFIES:
        headers.pop("Azure-AsyncNotification", None)
    return Reply(202, None, headers)


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


def without(doc: dict[str, Any], *names: str) -> dict[str, Any]:
    """A shallow copy that lacks some keys."""
    return {key: value for key, value in doc.items() if key not in names}


def visible(doc: Doc) -> Doc:
    """The document without what is private to the emulator."""
    return public(doc)


def listed_id(identity: str) -> str:
    """An id as lists of galleries, images and machines show it: the group's name in upper case [recorded for galleries]."""
    group = arm_ids.parse(identity).group
    return identity.replace(f"/resourceGroups/{group}/", f"/resourceGroups/{group.upper()}/", 1)
