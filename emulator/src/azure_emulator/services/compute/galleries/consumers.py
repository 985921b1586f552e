# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the consumers of galleries read: `locations/communityGalleries` and `locations/sharedGalleries`.

Recorded in published traffic: the shapes of 2021/22, and for public galleries those of 2023 and later, where a
disclaimer stands and the publisher of an image is hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.compute._shared import LOCATION, invalid, without
from azure_emulator.services.compute.galleries._published import Published, community, shared, shared_gallery

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_DISCLAIMER = "https://aka.ms/community-gallery-disclaimer"
_DISCLAIMER_SINCE = "2022-08-03"
_DISKS_SINCE = "2022-01-03"


def _community(ctx: Context) -> Published:
    return _found(ctx, community(ctx, ctx.ids["name"]))


def _shared(ctx: Context) -> Published:
    return _found(ctx, shared_gallery(ctx, ctx.ids["name"], ctx.subscription))


def _found(ctx: Context, found: Published | None) -> Published:
    locations.check(ctx.ids["location"], "Microsoft.Compute/locations")
    if found is None:
        raise _missing()
    return found


def _missing() -> ArmError:
    return ArmError(404, "NotFound", "The entity was not found in this Azure location.")


def _prefix(gallery: Published, *, public: bool) -> str:
    return f"/{'CommunityGalleries' if public else 'SharedGalleries'}/{gallery.name}"


def _modern(ctx: Context, *, public: bool) -> bool:
    return public and ctx.api_version >= _DISCLAIMER_SINCE


def _entity(ctx: Context, name: str, unique_id: str, **more: Any) -> dict[str, Any]:
    """The region comes back as it was written [recorded]."""
    return {"identifier": {"uniqueId": unique_id}, **more, "location": ctx.ids["location"], "name": name}


def _show_gallery(ctx: Context, gallery: Published, *, public: bool) -> dict[str, Any]:
    if not public:
        return _entity(ctx, gallery.name, _prefix(gallery, public=False))
    info = gallery.gallery["properties"]["sharingProfile"]["communityGalleryInfo"]
    metadata = without(info, "communityGalleryEnabled", "publicNamePrefix")
    more: dict[str, Any] = {"communityMetadata": metadata}
    if _modern(ctx, public=True):
        more["properties"] = {"disclaimer": _DISCLAIMER, "communityMetadata": metadata}
    return _entity(ctx, gallery.name, _prefix(gallery, public=True), **more)


def _show_definition(ctx: Context, gallery: Published, definition: Doc, *, public: bool) -> dict[str, Any]:
    has = definition["properties"]
    modern = _modern(ctx, public=public)
    names = ("features", "purchasePlan", "disallowed", "endOfLifeDate", "eula", "privacyStatementUri")
    properties = {
        **({"disclaimer": _DISCLAIMER} if modern else {}),
        "osType": has["osType"],
        "osState": has["osState"],
        "identifier": dict.fromkeys(has["identifier"], "") if modern else has["identifier"],
        "recommended": has.get("recommended", {}),
        "hyperVGeneration": has["hyperVGeneration"],
        "architecture": has["architecture"],
        **{name: has[name] for name in names if name in has},
    }
    unique_id = f"{_prefix(gallery, public=public)}/Images/{definition['name']}"
    return _entity(ctx, definition["name"], unique_id, properties=properties)


def _show_version(ctx: Context, gallery: Published, definition: Doc, version: Doc, *, public: bool) -> dict[str, Any]:
    profile = version["properties"]["publishingProfile"]
    properties: dict[str, Any] = {"disclaimer": _DISCLAIMER} if _modern(ctx, public=public) else {}
    properties["publishedDate"] = profile["publishedDate"]
    if "endOfLifeDate" in profile:
        properties["endOfLifeDate"] = profile["endOfLifeDate"]
    if public or ctx.api_version >= _DISKS_SINCE:
        storage = version["properties"]["storageProfile"]
        properties["excludeFromLatest"] = profile["excludeFromLatest"]
        properties["storageProfile"] = {"osDiskImage": _show_disk(storage["osDiskImage"])}
        if data := storage.get("dataDiskImages"):
            properties["storageProfile"]["dataDiskImages"] = [_show_disk(disk) for disk in data]
    unique_id = f"{_prefix(gallery, public=public)}/Images/{definition['name']}/Versions/{version['name']}"
    return _entity(ctx, version["name"], unique_id, properties=properties)


def _show_disk(disk: dict[str, Any]) -> dict[str, Any]:
    lun = {"lun": disk["lun"]} if "lun" in disk else {}
    return {**lun, "diskSizeGB": disk["sizeInGB"], "hostCaching": disk["hostCaching"]}


def _definition(ctx: Context, gallery: Published) -> Doc:
    found = gallery.definition(ctx, ctx.ids["image"])
    if found is None:
        raise _missing()
    return found


class _Side:
    """The handlers of one of the two kinds."""

    def __init__(self, *, public: bool) -> None:
        self._public = public
        self._find = _community if public else _shared

    def gallery(self, ctx: Context) -> Reply:
        return Reply(200, _show_gallery(ctx, self._find(ctx), public=self._public))

    def definitions(self, ctx: Context) -> Reply:
        gallery = self._find(ctx)
        found = gallery.definitions(ctx)
        return Reply(200, {"value": [_show_definition(ctx, gallery, doc, public=self._public) for doc in found]})

    def definition(self, ctx: Context) -> Reply:
        gallery = self._find(ctx)
        return Reply(200, _show_definition(ctx, gallery, _definition(ctx, gallery), public=self._public))

    def versions(self, ctx: Context) -> Reply:
        gallery = self._find(ctx)
        definition = _definition(ctx, gallery)
        found = gallery.versions(ctx, definition, ctx.ids["location"])
        shown = [_show_version(ctx, gallery, definition, doc, public=self._public) for doc in found]
        return Reply(200, {"value": shown})

    def version(self, ctx: Context) -> Reply:
        gallery = self._find(ctx)
        definition = _definition(ctx, gallery)
        found = gallery.version(ctx, definition, ctx.ids["version"], ctx.ids["location"])
        if found is None:
            raise _missing()
        return Reply(200, _show_version(ctx, gallery, definition, found, public=self._public))


def _list_shared(ctx: Context) -> Reply:
    """The galleries shared with this subscription, or with ``sharedTo=tenant`` also those shared with its tenant."""
    locations.check(ctx.ids["location"], "Microsoft.Compute/locations")
    to = ctx.query.get("sharedto", "")
    if to.lower() not in ("", "tenant"):
        raise invalid(
            f"The value '{to[:40]}' of parameter 'sharedTo' is invalid. Allowed values are: tenant.", "sharedTo"
        )
    found = shared(ctx, ctx.subscription, tenant=bool(to))
    return Reply(200, {"value": [_show_gallery(ctx, gallery, public=False) for gallery in found]})


def _routes(collection: str, side: _Side) -> list[Route]:
    one = f"{LOCATION}/{collection}/{{name}}"
    read = documented("2026-11-25")
    return [
        Route("GET", one, side.gallery, evidence=read),
        Route("GET", f"{one}/images", side.definitions, evidence=read),
        Route("GET", f"{one}/images/{{image}}", side.definition, evidence=read),
        Route("GET", f"{one}/images/{{image}}/versions", side.versions, evidence=read),
        Route("GET", f"{one}/images/{{image}}/versions/{{version}}", side.version, evidence=read),
    ]


ROUTES = [
    *_routes("communityGalleries", _Side(public=True)),
    Route("GET", f"{LOCATION}/sharedGalleries", _list_shared, evidence=documented("2026-11-25")),
    *_routes("sharedGalleries", _Side(public=False)),
]
