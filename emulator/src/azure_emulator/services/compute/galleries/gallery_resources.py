# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galleries: `Microsoft.Compute/galleries`.

Recorded: shapes, that older versions answer an update with ``Succeeded`` at once, the quota's text. Documented: the rules for names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Route, documented, recorded
from azure_emulator.core.store import public
from azure_emulator.core.values import flag_of, number_of, object_of, text_of
from azure_emulator.services.compute._shared import GROUP, SUBSCRIPTION, check_location, invalid, set_tags, upper_group
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.galleries import sharing, soft_deletion
from azure_emulator.services.compute.galleries._levels import (
    GALLERY,
    begin,
    check_end,
    deleter,
    find,
    head,
    headers,
    register_effects,
    remove,
    routes,
)
from azure_emulator.services.compute.galleries._limits import check_limit

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

# Names that end with an underscore have always been taken [recorded]; only the period is refused by ARM.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.]{0,78}[A-Za-z0-9_])?")
_SOFT_DELETE_SINCE = "2021-07-01"
# Recorded: Succeeded for 2019-12-01, Updating for 2021-10-01.
_UPDATING_SINCE = "2021-07-01"


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    found = ctx.store.get(GALLERY.id(ctx))
    if found is None:
        return _create(ctx)
    check_location(ctx, found)
    return _update(ctx, found, whole=True)


def _create(ctx: Context) -> Reply:
    name = ctx.ids["gallery"]
    check_end(ctx, GALLERY, ".")
    _check_name(name)
    location = locations.check(text_of(ctx.body, "location"), GALLERY.type)
    _check_unique(ctx, name)
    check_limit(ctx, GALLERY, location)
    doc = head(ctx, GALLERY, location)
    description = text_of(ctx.body, "properties", "description")
    profile, policy = sharing.new_profile(ctx.body), _soft_delete_policy(ctx.body)
    if identity := object_of(ctx.body, "identity"):
        doc["identity"] = identity
    doc["properties"] = {
        **({"description": description} if description else {}),
        "identifier": {"uniqueName": f"{ctx.subscription}-{name.upper()}"},
        **({"sharingProfile": profile} if profile else {}),
        "provisioningState": "Creating",
        **({"softDeletePolicy": policy} if policy else {}),
    }
    ctx.store.put(doc["id"], doc)
    operation = begin(ctx, doc, "compute.gallery.create", 1)
    return Reply(201, _present(ctx, doc), headers(ctx, operation))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(
            "Gallery name is invalid. Allowed characters are English alphanumeric characters, with underscores, and periods "
            "allowed in the middle, up to 80 characters total. All other special characters, including dashes, are "
            "disallowed.",
            "galleryName",
        )


def _check_unique(ctx: Context, name: str) -> None:
    for other in ctx.store.list(type=GALLERY.type, subscription=ctx.subscription):
        if other["name"].lower() == name.lower():
            raise ArmError(
                409,
                "Conflict",
                f"The gallery name '{name}' is not unique within the subscription '{ctx.subscription}'. Please pick another "
                "gallery name.",
                "galleryName",
            )


def _soft_delete_policy(body: dict[str, Any]) -> dict[str, Any]:
    wanted = object_of(body, "properties", "softDeletePolicy")
    policy: dict[str, Any] = {}
    enabled = flag_of(wanted, "isSoftDeleteEnabled")
    if enabled is not None:
        policy["isSoftDeleteEnabled"] = enabled
    for name in ("retentionPeriodInDays", "gracePeriodInDays"):
        days = number_of(wanted, name)
        if days is None:
            continue
        if not 0 <= days <= 365:
            raise invalid(
                f"The value '{days}' of parameter 'gallery.properties.softDeletePolicy.{name}' is out of range. The value "
                "must be between '0' and '365', inclusive.",
                f"gallery.properties.softDeletePolicy.{name}",
            )
        policy[name] = days
    return policy


def _patch(ctx: Context) -> Reply:
    check_types(ctx.body)
    return _update(ctx, find(ctx, GALLERY), whole=False)


def _update(ctx: Context, found: Doc, *, whole: bool) -> Reply:
    """An operation is started although older versions' answer already says ``Succeeded`` [recorded]."""
    set_tags(ctx, found)
    properties = found["properties"]
    description = text_of(ctx.body, "properties", "description")
    if description is not None:
        properties["description"] = description
    elif whole:
        properties.pop("description", None)
    profile = sharing.changed_profile(found, ctx.body)
    policy = {**properties.get("softDeletePolicy", {}), **_soft_delete_policy(ctx.body)}
    if profile:
        properties["sharingProfile"] = profile
    if policy:
        properties["softDeletePolicy"] = policy
    properties["provisioningState"] = "Updating" if ctx.api_version >= _UPDATING_SINCE else "Succeeded"
    ctx.store.put(found["id"], found)
    operation = begin(ctx, found, "compute.gallery.update", 1)
    return Reply(200, _present(ctx, found), headers(ctx, operation))


def _present(ctx: Context, doc: Doc) -> Doc:
    shown = public(doc)
    properties = dict(doc["properties"])
    if ctx.api_version < _SOFT_DELETE_SINCE:
        properties.pop("softDeletePolicy", None)
    asked = f"{ctx.query.get('$select', '')} {ctx.query.get('$expand', '')}".lower()
    if "permissions" in asked or "sharingprofile/groups" in asked:
        profile, groups = properties.get("sharingProfile", {"permissions": "Private"}), doc.get("_groups")
        properties["sharingProfile"] = {**profile, **({"groups": groups} if groups else {})}
    if "sharingprofile/groups" in asked:
        properties["sharingStatus"] = {
            "aggregatedState": "Succeeded",
            "summary": [{"region": locations.display_name(doc["location"]), "state": "Succeeded", "details": ""}],
        }
    shown["properties"] = properties
    return shown


def _list(ctx: Context) -> Reply:
    """The group's name is in upper case in these ids [recorded]."""

    def show(doc: Doc) -> Doc:
        return {**_present(ctx, doc), "id": upper_group(doc["id"])}

    return paged(ctx, type=GALLERY.type, show=show)


def _bin_in_use(ctx: Context, doc: Doc) -> bool:
    """Deleted versions hold their gallery until they are gone for good [guessed]."""
    return soft_deletion.purge(ctx, doc["id"]) > 0


hooks.cascade[GALLERY.type.lower()] = remove
register_effects("compute.gallery")

_DELETE = deleter(GALLERY, "compute.gallery.delete", 5, _bin_in_use)
_SEEN = recorded("2026-11-25")
ROUTES = [
    *routes(GALLERY, _put, _patch, _DELETE, _present, _SEEN),
    Route("GET", f"{GROUP}/galleries", _list, evidence=_SEEN),
    Route("GET", f"{SUBSCRIPTION}/galleries", _list, evidence=_SEEN),
    Route("POST", f"{GALLERY.path}/share", sharing.share, evidence=documented("2026-11-25")),
]
