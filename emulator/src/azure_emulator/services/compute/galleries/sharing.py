# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see a gallery: its ``sharingProfile`` and ``POST …/share``.

Recorded: shapes, the answer to share (202, empty), what Reset does, what a community gallery shows before and after it
is enabled. Documented: the limits. Guessed: the texts of refusals.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import Failed, effect
from azure_emulator.core.values import choice_of, list_of, missing, object_of, objects_of, text_of
from azure_emulator.services.compute._shared import invalid, not_changeable
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.galleries._levels import GALLERY, accepted, begin, find

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Reply, Scope
    from azure_emulator.core.store import Doc

_PERMISSIONS = ("Private", "Groups", "Community")
_OPERATIONS = ("Add", "Remove", "Reset", "EnableCommunity")
_LIMITS = {"Subscriptions": 30, "AADTenants": 5}
_GROUPS = tuple(_LIMITS)
_COMMUNITY = ("publisherUri", "publisherContact", "eula", "publicNamePrefix")
_PREFIX = re.compile(r"[A-Za-z0-9]{5,16}")


def new_profile(body: dict[str, Any]) -> dict[str, Any] | None:
    """The ``sharingProfile`` of a new gallery; None when the request has none."""
    wanted = object_of(body, "properties", "sharingProfile")
    permissions = choice_of(wanted, _PERMISSIONS, "permissions")
    if permissions is None:
        return None
    profile: dict[str, Any] = {"permissions": permissions}
    if permissions == "Community":
        profile["communityGalleryInfo"] = _community_info(wanted)
    return profile


def _community_info(wanted: dict[str, Any]) -> dict[str, Any]:
    info = object_of(wanted, "communityGalleryInfo")
    given = {}
    for name in _COMMUNITY:
        given[name] = text_of(info, name)
        if not given[name]:
            raise missing(name, f"gallery.properties.sharingProfile.communityGalleryInfo.{name}")
    prefix = str(given["publicNamePrefix"])
    if not _PREFIX.fullmatch(prefix):
        raise invalid(
            f"The public name prefix '{prefix[:40]}' is invalid. It must have 5 to 16 alphanumeric characters.",
            "gallery.properties.sharingProfile.communityGalleryInfo.publicNamePrefix",
        )
    return {"communityGalleryEnabled": False, **given, "publicNames": [f"{prefix}-{uuid.uuid4()}"]}


def changed_profile(found: Doc, body: dict[str, Any]) -> dict[str, Any] | None:
    """The profile after an update. A private gallery may become another one [recorded], others stay what they are.

    :raises ArmError: 409 ``PropertyChangeNotAllowed``.
    """
    has: dict[str, Any] | None = found["properties"].get("sharingProfile")
    wanted = choice_of(body, _PERMISSIONS, "properties", "sharingProfile", "permissions")
    if wanted is None or wanted == (has or {}).get("permissions"):
        return has
    if has and has["permissions"] != "Private":
        raise not_changeable("gallery.properties.sharingProfile.permissions")
    return new_profile(body)


def share(ctx: Context) -> Reply:
    """Add or remove those who may see the gallery, stop sharing, or make it public."""
    check_types(ctx.body)
    found = find(ctx, GALLERY)
    operation = choice_of(ctx.body, _OPERATIONS, "operationType")
    if operation is None:
        raise missing("operationType", "sharingUpdate.operationType")
    groups = _groups(ctx.body)
    _check(found, operation, groups)
    return accepted(ctx, begin(ctx, found, "compute.gallery.share", 1, operation=operation, groups=groups))


def _groups(body: dict[str, Any]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for group in objects_of(body, "groups"):
        kind = choice_of(group, _GROUPS, "type")
        if kind is None:
            raise missing("type", "sharingUpdate.groups.type")
        for identity in list_of(group, "ids"):
            if not isinstance(identity, str) or not _is_guid(identity):
                raise invalid(
                    f"The id '{str(identity)[:80]}' of sharing group type '{kind}' is not a valid GUID.",
                    "sharingUpdate.groups.ids",
                )
            groups.setdefault(kind, []).append(identity.lower())
    return groups


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _check(found: Doc, operation: str, groups: dict[str, list[str]]) -> None:
    permissions = (found["properties"].get("sharingProfile") or {}).get("permissions", "Private")
    needs = {"Add": "Groups", "Remove": "Groups", "EnableCommunity": "Community"}.get(operation)
    if needs and permissions != needs:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The sharing operation '{operation}' is not allowed on gallery '{found['name']}' since its sharing permissions "
            f"are '{permissions}', not '{needs}'.",
        )
    if operation in ("Add", "Remove") and not groups:
        raise missing("groups", "sharingUpdate.groups")
    if operation != "Add":
        return
    for kind, ids in _merged(found, operation, groups).items():
        if len(ids) > _LIMITS[kind]:
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"A gallery cannot be shared with more than {_LIMITS[kind]} groups of type '{kind}'; {len(ids)} were requested.",
            )


def _merged(found: Doc, operation: str, groups: dict[str, list[str]]) -> dict[str, list[str]]:
    """The groups after an Add or Remove, in the order in which they came."""
    has = {group["type"]: list(group["ids"]) for group in found.get("_groups", [])}
    for kind, ids in groups.items():
        old = has.get(kind, [])
        has[kind] = (
            old + [one for one in dict.fromkeys(ids) if one not in old]
            if operation == "Add"
            else [one for one in old if one not in ids]
        )
    return has


@effect("compute.gallery.share")
def _shared(scope: Scope, args: dict[str, Any]) -> Failed | None:
    found = scope.store.get(args["id"])
    if found is None:
        return None
    operation = args["operation"]
    try:
        # Another call may have stopped the sharing, or filled it up, since this one was accepted.
        _check(found, operation, args["groups"])
    except ArmError as error:
        return Failed(error)
    if operation == "Reset":
        found["properties"]["sharingProfile"] = {"permissions": "Private"}
        found["_groups"] = []
    elif operation == "EnableCommunity":
        info = found["properties"]["sharingProfile"]["communityGalleryInfo"]
        info["communityGalleryEnabled"] = True
        info.pop("publicNamePrefix", None)
    else:
        merged = _merged(found, operation, args["groups"])
        found["_groups"] = [{"type": kind, "ids": merged[kind]} for kind in _GROUPS if merged.get(kind)]
    scope.store.put(found["id"], found)
    return None
