# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications in galleries: `galleries/applications` and their versions.

Seen in published traffic: an application is there at once, without an operation or a ``provisioningState``; a version
takes minutes. Documented: what is required, the length of commands. The package behind ``mediaLink`` is not read, since
nothing here installs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.routing import documented
from azure_emulator.core.store import public
from azure_emulator.core.values import choice_of, flag_of, member, missing, object_of, objects_of, text_of
from azure_emulator.services.compute._shared import (
    as_it_is,
    check_location,
    check_name,
    invalid,
    not_changeable,
    set_tags,
)
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.galleries import _replication
from azure_emulator.services.compute.galleries._dates import end_of_life
from azure_emulator.services.compute.galleries._levels import (
    APPLICATION,
    APPLICATION_VERSION,
    begin,
    deleter,
    find,
    head,
    headers,
    parent_of,
    register_effects,
    remove,
    routes,
)
from azure_emulator.services.compute.galleries._publishing import changed_profile, new_profile
from azure_emulator.services.compute.galleries.versions import check_version_name

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_PATH = "galleryApplicationVersion"
_TEXTS = ("description", "eula", "privacyStatementUri", "releaseNoteUri")
_ACTIONS = ("install", "remove", "update")
_LONGEST_ACTION = 4096
_SAFETY_SINCE = "2022-08-03"
# Before this API version, packages had a file name and no commands.
_ACTIONS_SINCE = "2020-09-30"


# Applications ------------------------------------------------------------------------------------------------------


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    parent_of(ctx, APPLICATION)
    found = ctx.store.get(APPLICATION.id(ctx))
    if found is not None:
        check_location(ctx, found)
        return _update(ctx, found)
    check_name(ctx.ids["application"], APPLICATION.target)
    location = locations.check(text_of(ctx.body, "location"), APPLICATION.type)
    os_type = choice_of(ctx.body, ("Windows", "Linux"), "properties", "supportedOSType")
    if os_type is None:
        name = "galleryApplication.properties.supportedOSType"
        raise missing(name, name)
    doc = head(ctx, APPLICATION, location)
    doc["properties"] = {"supportedOSType": os_type, **_parts(ctx, None)}
    ctx.store.put(doc["id"], doc)
    return Reply(201, as_it_is(ctx, doc))


def _patch(ctx: Context) -> Reply:
    check_types(ctx.body)
    return _update(ctx, find(ctx, APPLICATION))


def _update(ctx: Context, found: Doc) -> Reply:
    os_type = choice_of(ctx.body, ("Windows", "Linux"), "properties", "supportedOSType")
    if os_type is not None and os_type != found["properties"]["supportedOSType"]:
        raise not_changeable("galleryApplication.properties.supportedOSType")
    found["properties"] |= _parts(ctx, found["properties"].get("endOfLifeDate"))
    set_tags(ctx, found)
    ctx.store.put(found["id"], found)
    return Reply(200, as_it_is(ctx, found))


def _parts(ctx: Context, end: str | None) -> dict[str, Any]:
    wanted = object_of(ctx.body, "properties")
    parts: dict[str, Any] = {name: text for name in _TEXTS if (text := text_of(wanted, name)) is not None}
    if actions := objects_of(wanted, "customActions"):
        parts["customActions"] = actions
    if date := end_of_life(ctx, end, wanted):
        parts["endOfLifeDate"] = date
    return parts


# Versions ----------------------------------------------------------------------------------------------------------


def _put_version(ctx: Context) -> Reply:
    check_types(ctx.body)
    parent_of(ctx, APPLICATION_VERSION)
    found = ctx.store.get(APPLICATION_VERSION.id(ctx))
    if found is not None:
        check_location(ctx, found)
        return _update_version(ctx, found)
    check_version_name(ctx.ids["version"], APPLICATION_VERSION.target)
    location = locations.check(text_of(ctx.body, "location"), APPLICATION_VERSION.type)
    doc = head(ctx, APPLICATION_VERSION, location)
    wanted = object_of(ctx.body, "properties", "publishingProfile")
    profile = {
        "source": _source(wanted),
        **({"manageActions": _actions(wanted)} if ctx.api_version >= _ACTIONS_SINCE else {}),
        "enableHealthCheck": bool(flag_of(wanted, "enableHealthCheck")),
        **_settings(wanted),
        **new_profile(ctx, location, _PATH),
    }
    safety = {"allowDeletionOfReplicatedLocations": False, **_safety(ctx)}
    doc["properties"] = {"publishingProfile": profile, "safetyProfile": safety, "provisioningState": "Creating"}
    return _start(ctx, doc, "compute.gallery.application.create", 201)


def _start(ctx: Context, doc: Doc, effect_name: str, status: int) -> Reply:
    seconds = _replication.plan(ctx, doc, effect_name)
    ctx.store.put(doc["id"], doc)
    operation = begin(ctx, doc, effect_name, seconds)
    return Reply(status, _present_version(ctx, doc), headers(ctx, operation))


def _source(wanted: dict[str, Any]) -> dict[str, Any]:
    link = text_of(wanted, "source", "mediaLink")
    target = f"{_PATH}.properties.publishingProfile.source.mediaLink"
    if not link:
        raise missing(target, target)
    source = {"mediaLink": _uri(link, target)}
    if configuration := text_of(wanted, "source", "defaultConfigurationLink"):
        source["defaultConfigurationLink"] = _uri(configuration, target)
    if name := text_of(wanted, "source", "fileName"):
        source["fileName"] = name
    return source


def _uri(link: str, target: str) -> str:
    if not link.lower().startswith(("https://", "http://")):
        raise invalid(f"The value of parameter {target} is invalid.", target)
    return link


def _actions(wanted: dict[str, Any]) -> dict[str, str]:
    actions = {name: text for name in _ACTIONS if (text := text_of(wanted, "manageActions", name)) is not None}
    for name in ("install", "remove"):
        if not actions.get(name):
            target = f"{_PATH}.properties.publishingProfile.manageActions.{name}"
            raise missing(target, target)
    for name, text in actions.items():
        if len(text) > _LONGEST_ACTION:
            target = f"{_PATH}.properties.publishingProfile.manageActions.{name}"
            raise invalid(f"The value of parameter {target} exceeds the limit of {_LONGEST_ACTION} characters.", target)
    return actions


def _settings(wanted: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        name: value for name in ("settings", "advancedSettings") if (value := object_of(wanted, name))
    }
    if actions := objects_of(wanted, "customActions"):
        settings["customActions"] = actions
    return settings


def _safety(ctx: Context) -> dict[str, bool]:
    """What the request says of it."""
    name = "allowDeletionOfReplicatedLocations"
    wanted = flag_of(ctx.body, "properties", "safetyProfile", name)
    return {} if wanted is None else {name: wanted}


def _patch_version(ctx: Context) -> Reply:
    check_types(ctx.body)
    return _update_version(ctx, find(ctx, APPLICATION_VERSION))


def _update_version(ctx: Context, found: Doc) -> Reply:
    properties = found["properties"]
    wanted, has = object_of(ctx.body, "properties", "publishingProfile"), properties["publishingProfile"]
    link = text_of(wanted, "source", "mediaLink")
    if link is not None and link != has["source"]["mediaLink"]:
        raise not_changeable(f"{_PATH}.properties.publishingProfile.source.mediaLink")
    profile = {**changed_profile(ctx, has, found["location"], _PATH), **_settings(wanted)}
    if member(wanted, "manageActions"):
        profile["manageActions"] = _actions(wanted)
    properties["publishingProfile"] = profile
    properties["safetyProfile"] |= _safety(ctx)
    properties["provisioningState"] = "Updating"
    set_tags(ctx, found)
    return _start(ctx, found, "compute.gallery.application.update", 200)


def _present_version(ctx: Context, doc: Doc) -> Doc:
    shown = public(doc)
    properties = dict(doc["properties"])
    if ctx.api_version < _SAFETY_SINCE:
        properties.pop("safetyProfile")
    if "replicationstatus" in ctx.query.get("$expand", "").lower():
        properties["replicationStatus"] = _replication.status(ctx, doc)
    shown["properties"] = properties
    return shown


hooks.cascade[APPLICATION.type.lower()] = remove
hooks.cascade[APPLICATION_VERSION.type.lower()] = remove
register_effects("compute.gallery.application")

_DELETE = "compute.gallery.application.delete"
_READ = documented("2026-11-25")
ROUTES = [
    *routes(APPLICATION, _put, _patch, deleter(APPLICATION, _DELETE, 30), as_it_is, _READ),
    *routes(
        APPLICATION_VERSION,
        _put_version,
        _patch_version,
        deleter(APPLICATION_VERSION, _DELETE, 30),
        _present_version,
        _READ,
    ),
]
