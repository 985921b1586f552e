# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galleries as those see them who do not own them: public ones, and ones that are shared with them.

There is one subscription here, so what its own galleries share with it (or with its tenant) is shown to it again, as
Azure does; a public and a shared gallery of others are there from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure_emulator.core import locations
from azure_emulator.services.compute.galleries import _seed
from azure_emulator.services.compute.galleries._levels import DEFINITION, GALLERY, VERSION
from azure_emulator.services.compute.galleries._replication import in_region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc

_USABLE = ("Succeeded", "Updating")


@dataclass(frozen=True)
class Published:
    """One gallery under the name that its consumers use."""

    name: str
    gallery: Doc
    #: The definitions and versions of a gallery that is not in the store.
    seeded: tuple[Doc, ...] = ()

    @property
    def id(self) -> str:
        return str(self.gallery["id"])

    def definitions(self, scope: Scope) -> list[Doc]:
        found = self.seeded or scope.store.list(type=DEFINITION.type, parent=self.id)
        return [doc for doc in found if doc["type"] == DEFINITION.type]

    def definition(self, scope: Scope, name: str) -> Doc | None:
        return self._get(scope, f"{self.id}/images/{name}")

    def versions(self, scope: Scope, definition: Doc, region: str) -> list[Doc]:
        """The versions that are complete and in a region."""
        prefix = f"{definition['id']}/versions/".lower()
        found = self.seeded or scope.store.list(type=VERSION.type, parent=definition["id"])
        return [doc for doc in found if doc["id"].lower().startswith(prefix) and usable(scope, doc, region)]

    def version(self, scope: Scope, definition: Doc, name: str, region: str) -> Doc | None:
        found = self._get(scope, f"{definition['id']}/versions/{name}")
        return found if found and usable(scope, found, region) else None

    def _get(self, scope: Scope, identity: str) -> Doc | None:
        if not self.seeded:
            return scope.store.get(identity)
        return next((doc for doc in self.seeded if doc["id"].lower() == identity.lower()), None)


def usable(scope: Scope, version: Doc, region: str) -> bool:
    """Whether machines can be made from a version in a region."""
    return version["properties"]["provisioningState"] in _USABLE and in_region(scope, version, region)


def newest(scope: Scope, versions: Iterable[Doc], region: str) -> Doc | None:
    """What ``latest`` means: the first of these that is not left out, altogether or in this region.

    `versions` come from the highest down, as `descending` and `highest_first` give them.
    """
    return next((doc for doc in versions if usable(scope, doc, region) and not _left_out(doc, region)), None)


def descending(scope: Scope, definition_id: str) -> Iterator[Doc]:
    """The versions of a definition, the highest first; a thousand of them need not be read to find one."""
    rows = scope.store.read(
        "SELECT id FROM resources WHERE parent = ? AND type = ?", definition_id.lower(), VERSION.type.lower()
    )
    for identity in sorted((row[0] for row in rows), key=_number, reverse=True):
        if found := scope.store.get(identity):
            yield found


def highest_first(versions: list[Doc]) -> list[Doc]:
    return sorted(versions, key=lambda doc: _number(doc["id"]), reverse=True)


def _number(identity: str) -> list[int]:
    return [int(part) if part.isdecimal() else -1 for part in identity.rsplit("/", 1)[1].split(".")]


def _left_out(version: Doc, region: str) -> bool:
    profile, name = version["properties"]["publishingProfile"], locations.display_name(region)
    regions = [entry for entry in profile["targetRegions"] if entry["name"] == name]
    return bool(profile["excludeFromLatest"] or any(entry.get("excludeFromLatest") for entry in regions))


def community(scope: Scope, public_name: str) -> Published | None:
    """The public gallery of a name."""
    wanted = public_name.lower()
    if wanted == _seed.PUBLIC_NAME.lower():
        return Published(_seed.PUBLIC_NAME, _seed.community_gallery(), _seed.community_contents())
    for gallery in scope.store.list(type=GALLERY.type):
        info = (gallery["properties"].get("sharingProfile") or {}).get("communityGalleryInfo", {})
        for name in info.get("publicNames", []):
            if name.lower() == wanted and info["communityGalleryEnabled"]:
                return Published(name, gallery)
    return None


def shared(scope: Scope, subscription: str, *, tenant: bool = True) -> list[Published]:
    """The galleries that are shared with a subscription, and, if asked for, those shared with its tenant."""
    known = scope.store.kv_get("subscriptions", subscription.lower()) or {}
    reach = {subscription.lower(), *([str(known.get("tenantId", "")).lower()] if tenant else [])}
    found = [Published(_seed.UNIQUE_NAME, _seed.shared_gallery(), _seed.shared_contents())]
    for gallery in scope.store.list(type=GALLERY.type):
        ids = {identity for group in gallery.get("_groups", []) for identity in group["ids"]}
        if ids & reach:
            found.append(Published(gallery["properties"]["identifier"]["uniqueName"], gallery))
    return found


def shared_gallery(scope: Scope, unique_name: str, subscription: str) -> Published | None:
    """The shared gallery of a unique name."""
    wanted = unique_name.lower()
    return next((found for found in shared(scope, subscription) if found.name.lower() == wanted), None)
