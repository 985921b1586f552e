# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image definitions: `Microsoft.Compute/galleries/images`.

Recorded: shapes, what is not echoed (empty objects and lists, ``allowUpdateImage``), the error for a changed property.
Documented: defaults by API version, names, limits, the other texts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Route, documented, recorded
from azure_emulator.core.values import choice_of, flag_of, missing, object_of, text_of
from azure_emulator.services.compute._shared import GROUP, check_name, visible
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.galleries import soft_deletion
from azure_emulator.services.compute.galleries._definition_parts import (
    IDENTIFIER,
    check_security,
    features_of,
    identifier_of,
    optional_parts,
)
from azure_emulator.services.compute.galleries._levels import (
    DEFINITION,
    begin,
    check_unmoved,
    deleter,
    find,
    head,
    headers,
    not_changeable,
    parent_of,
    remove,
    set_state,
    set_tags,
)
from azure_emulator.services.compute.galleries._limits import check_limit

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_TRUSTED_SINCE = "2025-03-03"
# Properties and the first API version that shows them.
_SINCE = {"hyperVGeneration": "2019-07-01", "architecture": "2021-07-01"}
_CHOICES = {
    "osType": ("Windows", "Linux"),
    "osState": ("Generalized", "Specialized"),
    "hyperVGeneration": ("V1", "V2"),
    "architecture": ("x64", "Arm64"),
}
_TRAILING = re.compile(r".*[._]")


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    parent_of(ctx, DEFINITION)
    found = ctx.store.get(DEFINITION.id(ctx))
    if found is None:
        return _create(ctx)
    check_unmoved(ctx, found)
    return _update(ctx, found)


def _create(ctx: Context) -> Reply:
    check_name(ctx.ids["definition"], DEFINITION.target)
    _check_end(ctx)
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
    if modern and generation == "V2" and architecture == "x64" and not _has_security(features):
        features.append({"name": "SecurityType", "value": "TrustedLaunchSupported"})
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


def _check_end(ctx: Context) -> None:
    name = ctx.ids["definition"]
    if _TRAILING.fullmatch(name):
        raise ArmError(
            400,
            "InvalidResourceName",
            f"The provided resource name {ctx.ids['gallery']}/{name} has these invalid trailing characters: '{name[-1]}'. "
            f"The name can not end with characters: '{name[-1]}'",
        )


def _has_security(features: list[dict[str, Any]]) -> bool:
    return any(feature["name"].lower() == "securitytype" for feature in features)


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
    if wanted.get("features") is not None:
        features = features_of(wanted)
        if features != has.get("features", []):
            if not flag_of(wanted, "allowUpdateImage"):
                raise not_changeable("galleryImage.properties.features")
            check_security(has["hyperVGeneration"], features)
        has |= {"features": features}
        if not features:
            del has["features"]
    state = has.pop("provisioningState")
    has |= optional_parts(ctx, wanted, has)
    has["provisioningState"] = "Updating" if state != "Deleting" else state
    set_tags(ctx, found)
    ctx.store.put(found["id"], found)
    operation = begin(ctx, found, "compute.gallery.definition.update", 1)
    return Reply(200, _present(ctx, found), headers(ctx, operation))


def _present(ctx: Context, doc: Doc) -> Doc:
    shown = visible(doc)
    shown["properties"] = {
        name: value for name, value in doc["properties"].items() if _SINCE.get(name, "") <= ctx.api_version
    }
    return shown


def _get(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, find(ctx, DEFINITION)))


def _list(ctx: Context) -> Reply:
    gallery = parent_of(ctx, DEFINITION)
    return paged(ctx, type=DEFINITION.type, parent=gallery["id"], show=lambda doc: _present(ctx, doc))


def _bin_in_use(ctx: Context, doc: Doc) -> bool:
    return soft_deletion.purge(ctx, doc["id"].rsplit("/", 2)[0], doc["name"]) > 0


@effect("compute.gallery.definition.create")
def _created(scope: Scope, args: dict[str, Any]) -> None:
    set_state(scope, args["id"], "Succeeded")


@effect("compute.gallery.definition.update")
def _updated(scope: Scope, args: dict[str, Any]) -> None:
    set_state(scope, args["id"], "Succeeded")


@effect("compute.gallery.definition.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        remove(scope, doc)


hooks.cascade[DEFINITION.type.lower()] = remove

_ALL = f"{GROUP}/galleries/{{gallery}}/images"
_ONE = f"{_ALL}/{{definition}}"
_SEEN, _READ = recorded("2026-11-25"), documented("2026-11-25")
ROUTES = [
    Route("PUT", _ONE, _put, evidence=_SEEN),
    Route("PATCH", _ONE, _patch, evidence=_READ),
    Route("GET", _ONE, _get, evidence=_SEEN),
    Route("DELETE", _ONE, deleter(DEFINITION, "compute.gallery.definition.delete", 5, _bin_in_use), evidence=_SEEN),
    Route("GET", _ALL, _list, evidence=_SEEN),
]
