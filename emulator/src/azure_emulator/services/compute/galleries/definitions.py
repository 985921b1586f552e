# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image definitions: `Microsoft.Compute/galleries/images`.

Recorded: shapes, what is not echoed (empty objects and lists, ``allowUpdateImage``), the error for a changed property.
Documented: defaults by API version, names, limits, the other texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import recorded
from azure_emulator.core.store import public
from azure_emulator.core.values import choice_of, flag_of, member, missing, object_of, text_of
from azure_emulator.services.compute._shared import check_location, check_name, not_changeable, set_tags
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.galleries import soft_deletion
from azure_emulator.services.compute.galleries._definition_parts import (
    IDENTIFIER,
    check_security,
    features_of,
    identifier_of,
    names_security,
    optional_parts,
)
from azure_emulator.services.compute.galleries._levels import (
    DEFINITION,
    begin,
    check_end,
    deleter,
    find,
    head,
    headers,
    parent_of,
    register_effects,
    remove,
    routes,
)
from azure_emulator.services.compute.galleries._limits import check_limit

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_TRUSTED_SINCE = "2025-03-03"
_TRUSTED = {"name": "SecurityType", "value": "TrustedLaunchSupported"}
# Properties and the first API version that shows them.
_SINCE = {"hyperVGeneration": "2019-07-01", "architecture": "2021-07-01"}
_CHOICES = {
    "osType": ("Windows", "Linux"),
    "osState": ("Generalized", "Specialized"),
    "hyperVGeneration": ("V1", "V2"),
    "architecture": ("x64", "Arm64"),
}


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    parent_of(ctx, DEFINITION)
    found = ctx.store.get(DEFINITION.id(ctx))
    if found is None:
        return _create(ctx)
    check_location(ctx, found)
    return _update(ctx, found)


def _create(ctx: Context) -> Reply:
    check_end(ctx, DEFINITION, "._")
    check_name(ctx.ids["definition"], DEFINITION.target)
    location = locations.check(text_of(ctx.body, "location"), DEFINITION.type)
    wanted = object_of(ctx.body, "properties")
    given = {name: choice_of(wanted, allowed, name) for name, allowed in _CHOICES.items()}
    for name in ("osType", "osState"):
        if given[name] is None:
            raise missing(f"galleryImage.properties.{name}", f"galleryImage.properties.{name}")
    identifier = identifier_of(wanted)
    _check_unique(ctx, identifier)
    check_limit(ctx, DEFINITION, location)
    modern = ctx.api_version >= _TRUSTED_SINCE
    generation = given["hyperVGeneration"] or ("V2" if modern else "V1")
    architecture = given["architecture"] or "x64"
    features = features_of(wanted)
    if modern and generation == "V2" and architecture == "x64":
        features = _trusted(features)
    check_security(generation, features)
    doc = head(ctx, DEFINITION, location)
    doc["properties"] = {
        "hyperVGeneration": generation,
        "architecture": architecture,
        **({"features": features} if features else {}),
        "osType": given["osType"],
        "osState": given["osState"],
        "identifier": identifier,
        **optional_parts(ctx, wanted, {}),
        "provisioningState": "Creating",
    }
    ctx.store.put(doc["id"], doc)
    operation = begin(ctx, doc, "compute.gallery.definition.create", 1)
    return Reply(201, _present(ctx, doc), headers(ctx, operation))


def _trusted(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The features, with the security type that newer versions fill in when there is none."""
    return features if names_security(features) else [*features, _TRUSTED]


def _check_unique(ctx: Context, identifier: dict[str, str]) -> None:
    """No two definitions of a gallery have the same publisher, offer and SKU."""
    gallery = DEFINITION.id(ctx).rsplit("/", 2)[0]
    wanted = [identifier[name].lower() for name in IDENTIFIER]
    for other in ctx.store.list(type=DEFINITION.type, parent=gallery):
        has = other["properties"]["identifier"]
        if [has[name].lower() for name in IDENTIFIER] == wanted:
            raise ArmError(
                409,
                "Conflict",
                f"Gallery image: {other['name']} identified by (publisher:{has['publisher']}, offer:{has['offer']}, "
                f"sku:{has['sku']}) already exists. Choose a different publisher, offer, sku combination.",
                "galleryImage.properties.identifier",
            )


def _patch(ctx: Context) -> Reply:
    """A PATCH without ``osType`` counts as one that changes it [reported by the makers of an SDK]."""
    check_types(ctx.body)
    found = find(ctx, DEFINITION)
    if text_of(ctx.body, "properties", "osType") is None:
        raise not_changeable("galleryImage.properties.osType")
    return _update(ctx, found)


def _update(ctx: Context, found: Doc) -> Reply:
    wanted, has = object_of(ctx.body, "properties"), found["properties"]
    for name, allowed in _CHOICES.items():
        value = choice_of(wanted, allowed, name)
        if value is not None and value != has[name]:
            raise not_changeable(f"galleryImage.properties.{name}")
    for name in IDENTIFIER:
        value = text_of(wanted, "identifier", name)
        if value is not None and value.lower() != has["identifier"][name].lower():
            raise not_changeable(f"galleryImage.properties.identifier.{name}")
    _update_features(ctx, wanted, has)
    has |= {**optional_parts(ctx, wanted, has), "provisioningState": "Updating"}
    set_tags(ctx, found)
    ctx.store.put(found["id"], found)
    operation = begin(ctx, found, "compute.gallery.definition.update", 1)
    return Reply(200, _present(ctx, found), headers(ctx, operation))


def _update_features(ctx: Context, wanted: dict[str, Any], has: dict[str, Any]) -> None:
    if member(wanted, "features") is None:
        return
    features, before = features_of(wanted), has.get("features", [])
    # The request that made the definition did not name the security type that was filled in, and does not when repeated.
    if features == before or (ctx.api_version >= _TRUSTED_SINCE and _trusted(features) == before):
        return
    if not flag_of(wanted, "allowUpdateImage"):
        raise not_changeable("galleryImage.properties.features")
    check_security(has["hyperVGeneration"], features)
    if features:
        has["features"] = features
    else:
        del has["features"]


def _present(ctx: Context, doc: Doc) -> Doc:
    shown = public(doc)
    shown["properties"] = {
        name: value for name, value in doc["properties"].items() if _SINCE.get(name, "") <= ctx.api_version
    }
    return shown


def _bin_in_use(ctx: Context, doc: Doc) -> bool:
    return soft_deletion.purge(ctx, doc["id"].rsplit("/", 2)[0], doc["name"]) > 0


hooks.cascade[DEFINITION.type.lower()] = remove
register_effects("compute.gallery.definition")

_DELETE = deleter(DEFINITION, "compute.gallery.definition.delete", 5, _bin_in_use)
ROUTES = routes(DEFINITION, _put, _patch, _DELETE, _present, recorded("2026-11-25"))
