# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extensions that this Azure knows: `extensions.json`, and the calls that list them.

Publishers, types and the first numbers of the versions are real. Lists are bare arrays, as those of VM images are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from azure_emulator.core import locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.compute._shared import LOCATION, arranged
from azure_emulator.services.compute.catalogue import version_key


@dataclass(frozen=True, slots=True)
class ExtensionImage:
    """One type of a publisher; versions are in ascending order."""

    publisher: str
    type: str
    os_type: str
    versions: tuple[str, ...]

    def installed(self, wanted: str, *, upgrade: bool) -> str | None:
        """The version that a machine gets when ``2.1`` is asked for; ``None``: there is none of that major number."""
        parts = version_key(wanted)
        same_major = [v for v in self.versions if version_key(v)[0] == parts[0] and version_key(v)[:2] >= parts[:2]]
        same_minor = [v for v in same_major if version_key(v)[1:2] == parts[1:2]]
        fitting = same_major if upgrade else same_minor
        return fitting[-1] if fitting else None


@cache
def images() -> tuple[ExtensionImage, ...]:
    """The whole catalogue."""
    lines = json.loads((files(__package__) / "extensions.json").read_text(encoding="utf-8"))
    return tuple(
        ExtensionImage(line["publisher"], line["type"], line["os"], tuple(sorted(line["versions"], key=version_key)))
        for line in lines
    )


def publishers() -> set[str]:
    """Names of all publishers of extensions."""
    return {image.publisher for image in images()}


def find(publisher: str, kind: str) -> ExtensionImage | None:
    """An extension by its names, without regard to case."""
    wanted = (publisher.lower(), kind.lower())
    return next((image for image in images() if (image.publisher.lower(), image.type.lower()) == wanted), None)


def _matching(ctx: Context) -> list[ExtensionImage]:
    publisher, kind = (ctx.ids.get(name, "").lower() for name in ("publisher", "type"))
    found = [i for i in images() if i.publisher.lower() == publisher and kind in ("", i.type.lower())]
    if not found or not locations.is_known(ctx.ids["location"]):
        raise _not_found()
    return found


def _not_found() -> ArmError:
    return ArmError(404, "NotFound", "Artifact: VMExtension was not found.")


def _types(ctx: Context) -> Reply:
    found = _matching(ctx)
    return Reply(200, [_item(ctx, found[0].publisher, name) for name in sorted({image.type for image in found})])


def _versions(ctx: Context) -> Reply:
    image = _matching(ctx)[0]
    prefix = _prefix(ctx.query.get("$filter", ""))
    chosen = arranged(ctx, [version for version in image.versions if version.startswith(prefix)])
    return Reply(200, [_item(ctx, image.publisher, image.type, version) for version in chosen])


def _prefix(text: str) -> str:
    """The version in ``startswith(name,'1.1')``; empty for any other filter."""
    _before, found, rest = text.lower().partition("startswith(name,")
    return rest.strip(" ')\"") if found else ""


def _version(ctx: Context) -> Reply:
    image = _matching(ctx)[0]
    if ctx.ids["version"] not in image.versions:
        raise _not_found()
    properties = {
        "operatingSystem": image.os_type,
        "computeRole": "IaaS",
        "vmScaleSetEnabled": True,
        "supportsMultipleExtensions": False,
    }
    return Reply(200, {"properties": properties, **_item(ctx, image.publisher, image.type, ctx.ids["version"])})


def _item(ctx: Context, publisher: str, *below: str) -> dict[str, Any]:
    location = ctx.ids["location"]
    path = f"/Subscriptions/{ctx.subscription}/Providers/Microsoft.Compute/Locations/{location}/Publishers/{publisher}"
    labels = ("ArtifactTypes/VMExtension/Types", "Versions")
    tail = "".join(f"/{label}/{name}" for label, name in zip(labels, below, strict=False))
    return {"location": location, "name": (publisher, *below)[-1], "id": path + tail}


_TYPES = f"{LOCATION}/publishers/{{publisher}}/artifacttypes/vmextension/types"
_VERSIONS = f"{_TYPES}/{{type}}/versions"
ROUTES = [
    Route("GET", _TYPES, _types, evidence=documented("2026-11-25")),
    Route("GET", _VERSIONS, _versions, evidence=documented("2026-11-25")),
    Route("GET", f"{_VERSIONS}/{{version}}", _version, evidence=documented("2026-11-25")),
]
