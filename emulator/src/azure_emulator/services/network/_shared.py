# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all network resources have in common: names, ETags, the life of a PUT and a DELETE, references between them."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, ids, locations
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError, parent_not_found, resource_not_found
from azure_emulator.core.operations import effect
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Evidence, Route, documented
from azure_emulator.core.values import tags_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.operations import Operation
    from azure_emulator.core.store import Doc

PROVIDER = "Microsoft.Network"
_KNOWN = documented("2026-11-25")
_NAME = re.compile(r"\w([\w.-]{0,78}\w)?", re.ASCII)
_REFERENCES = "network.references"
#: Requests of these API versions are told that the end of an operation can be notified [recorded].
_NOTIFIED_SINCE = "2019-11-01"
#: Properties that newer API versions do not show any more.
_UNTIL = {"enableVmProtection": "2021-01-01"}
#: Properties that older API versions do not show.
_SINCE = {
    "delegations": "2018-08-01",
    "privateEndpointNetworkPolicies": "2019-04-01",
    "privateLinkServiceNetworkPolicies": "2019-04-01",
    "hostedWorkloads": "2018-10-01",
    "tapConfigurations": "2018-10-01",
    "nicType": "2020-11-01",
    "vnetEncryptionSupported": "2022-05-01",
    "auxiliaryMode": "2022-07-01",
    "auxiliarySku": "2022-11-01",
    "kind": "2022-05-01",
    "allowPort25Out": "2022-05-01",
    "defaultOutboundConnectivityEnabled": "2024-01-01",
    "disableTcpStateTracking": "2022-07-01",
    "tier": "2020-07-01",
    "ddosSettings": "2022-05-01",
    "privateEndpointVNetPolicies": "2024-01-01",
    "sourcePortRanges": "2017-09-01",
    "destinationPortRanges": "2017-09-01",
    "sourceAddressPrefixes": "2017-09-01",
    "destinationAddressPrefixes": "2017-09-01",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource type: ``build(ctx, doc, found)`` fills the properties of a PUT, ``removed`` checks and forgets
    references before a deletion."""

    name: str
    build: Callable[[Context, Doc, Doc | None], None]
    check_unused: Callable[[Scope, Doc], None]
    removed: Callable[[Scope, Doc], None]
    retry_after: int | None
    #: Properties that hold parts with a name, an ETag and a state of their own.
    parts: tuple[str, ...] = ()
    #: New interfaces are ready in the first answer; all else is ``Updating`` until the operation ends.
    ready_at_once: bool = False
    seconds: float = 4
    #: What the end of a PUT's operation adds (a number); the document is saved afterwards.
    done: Callable[[Scope, Doc], None] | None = None
    #: What answers show beside the document: who uses it.
    shown: Callable[[Scope, Doc], Doc] | None = None

    @property
    def type(self) -> str:
        return f"{PROVIDER}/{self.name}"


def put(ctx: Context, kind: Kind) -> Reply:
    """Create or replace."""
    name, group = ctx.ids["name"], ctx.ids["group"]
    check_name(name)
    resource_id = ids.resource_id(ctx.subscription, group, kind.type, name)
    found = ctx.store.get(resource_id)
    check_conditions(ctx, found)
    location = locations.check(text_of(ctx.body, "location"), kind.type)
    if found:
        check_not_deleting(ctx, found)
        locations.check_unmoved(found["location"], location, name, group)
        ctx.operations.cancel(resource_id)
    doc: Doc = {
        "name": found["name"] if found else name,
        "id": found["id"] if found else resource_id,
        "etag": "",
        "type": kind.type,
        "location": location,
        "properties": {
            "provisioningState": "Succeeded" if kind.ready_at_once and not found else "Updating",
            "resourceGuid": found["properties"]["resourceGuid"] if found else str(uuid.uuid4()),
        },
    }
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    if isinstance(ctx.body.get("zones"), list):
        doc["zones"] = ctx.body["zones"]
    kind.build(ctx, doc, found)
    save(ctx, doc)
    operation = ctx.operations.start(
        "network",
        location,
        "network.put",
        {"id": doc["id"]},
        doc["id"],
        seconds=kind.seconds,
        retry_after=kind.retry_after,
    )
    headers = started(ctx, operation)
    if kind.retry_after is None:
        headers.pop("Retry-After", None)
    return Reply(200 if found else 201, shown(ctx, kind, doc), headers)


def started(ctx: Context, operation: Operation) -> dict[str, str]:
    """Headers of the answer that starts an operation."""
    notified = {"Azure-AsyncNotification": "Enabled"} if ctx.api_version >= _NOTIFIED_SINCE else {}
    return operation.headers() | notified


def get(ctx: Context, kind: Kind) -> Reply:
    doc = find(ctx, kind)
    return Reply(200, shown(ctx, kind, doc), {"ETag": doc["etag"]})


def shown(ctx: Context, kind: Kind, doc: Doc) -> Doc:
    """The document with its users, as the request's API version shows it."""
    return present(kind.shown(ctx, doc) if kind.shown else doc, ctx.api_version)


def patch_tags(ctx: Context, kind: Kind) -> Reply:
    doc = find(ctx, kind)
    check_not_deleting(ctx, doc)
    doc["tags"] = tags_of(ctx.body) or {}
    check_conditions(ctx, doc)
    save(ctx, doc)
    return Reply(200, shown(ctx, kind, doc), {"ETag": doc["etag"]})


def delete(ctx: Context, kind: Kind) -> Reply:
    """202 with both headers; 204 when there is nothing."""
    resource_id = ids.resource_id(ctx.subscription, ctx.ids["group"], kind.type, ctx.ids["name"])
    doc = ctx.store.get(resource_id)
    if doc is None:
        return Reply(204)
    check_conditions(ctx, doc)
    busy = ctx.operations.running(resource_id)
    if busy is None or busy.effect != "network.delete":
        kind.check_unused(ctx, doc)
        ctx.operations.cancel(resource_id)
        doc["properties"]["provisioningState"] = "Deleting"
        ctx.store.put(doc["id"], doc)
        busy = ctx.operations.start("network", doc["location"], "network.delete", {"id": doc["id"]}, doc["id"])
    return Reply(202, None, started(ctx, busy))


def list_all(ctx: Context, kind: Kind) -> Reply:
    """Of a group or a subscription."""
    return paged(ctx, type=kind.type, show=lambda doc: shown(ctx, kind, doc))


def routes(kind: Kind, evidence: Evidence = _KNOWN) -> list[Route]:
    """The calls that every network resource has."""
    register(kind)
    one = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{kind.type}"
    return [
        Route(
            "GET",
            f"/subscriptions/{{subscription}}/providers/{kind.type}",
            lambda ctx: list_all(ctx, kind),
            evidence=evidence,
        ),
        Route("GET", one, lambda ctx: list_all(ctx, kind), evidence=evidence),
        Route("PUT", f"{one}/{{name}}", lambda ctx: put(ctx, kind), evidence=evidence),
        Route("GET", f"{one}/{{name}}", lambda ctx: get(ctx, kind), evidence=evidence),
        Route("PATCH", f"{one}/{{name}}", lambda ctx: patch_tags(ctx, kind), evidence=evidence),
        Route("DELETE", f"{one}/{{name}}", lambda ctx: delete(ctx, kind), evidence=evidence),
    ]


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known to deletions, also to those by the cascade of a group."""

    def remove(scope: Scope, doc: Doc) -> None:
        kind.check_unused(scope, doc)
        kind.removed(scope, doc)

    _KINDS[kind.type.lower()] = kind
    hooks.cascade[kind.type.lower()] = remove


@effect("network.put")
def _put_done(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc and doc["properties"]["provisioningState"] in ("Updating", "Succeeded"):
        _mark(doc, "Succeeded")
        done = _KINDS[doc["type"].lower()].done
        if done:
            done(scope, doc)
        save(scope, doc)


@effect("network.delete")
def _delete_done(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        _KINDS[doc["type"].lower()].removed(scope, doc)
        scope.store.delete(args["id"])


def find(ctx: Context, kind: Kind) -> Doc:
    """The resource of the path.

    :raises ArmError: 404 ``ResourceNotFound``.
    """
    group, name = ctx.ids["group"], ctx.ids["name"]
    doc = ctx.store.get(ids.resource_id(ctx.subscription, group, kind.type, name))
    if doc is None:
        raise resource_not_found(kind.type, [name], group)
    return doc


def parent_of(ctx: Context, kind: str, child: str) -> Doc:
    """The resource of the path, for a request about a part of it; ``child`` is the part's placeholder.

    :raises ArmError: 404 ``ParentResourceNotFound``.
    """
    name = ctx.ids["name"]
    doc = ctx.store.get(ids.resource_id(ctx.subscription, ctx.ids["group"], f"{PROVIDER}/{kind}", name))
    if doc is None:
        raise parent_not_found([name, ctx.ids.get(child, "")])
    return doc


def part_of(doc: Doc, collection: str, name: str) -> Doc | None:
    """The part of a resource that has a name; resources of other kinds have no such parts."""
    parts: list[Doc] = doc["properties"][collection] if collection in _parts_of(doc) else []
    return next((part for part in parts if part["name"].lower() == name.lower()), None)


def whole_and_part(scope: Scope, part_id: str, collection: str) -> tuple[Doc, Doc] | None:
    """A resource and the part of it that an id names, as far as they are there."""
    whole_id, _ignored, name = part_id.rpartition(f"/{collection}/")
    whole = scope.store.get(whole_id) if whole_id else None
    part = part_of(whole, collection, name) if whole else None
    return (whole, part) if whole and part else None


def part_not_found(doc: Doc, collection: str, name: str) -> ArmError:
    """404 for an absent part."""
    return ArmError(
        404,
        "NotFound",
        f"Resource {doc['id']}/{collection}/{name} not found.",
        headers={"x-ms-failure-cause": "gateway"},
    )


def save(scope: Scope, doc: Doc) -> None:
    """Write with a new ETag."""
    doc["etag"] = f'W/"{uuid.uuid4()}"'
    for child in children(doc):
        child["etag"] = doc["etag"]
    scope.store.put(doc["id"], doc)


def children(doc: Doc) -> list[Doc]:
    """The parts of a resource that have an ETag and a state of their own."""
    return [child for name in _parts_of(doc) for child in doc["properties"][name]]


def _parts_of(doc: Doc) -> tuple[str, ...]:
    kind = _KINDS.get(doc["type"].lower())
    return kind.parts if kind else ()


def present(doc: Doc, api_version: str) -> Doc:
    """The document as an API version shows it."""
    hidden = {name for name, since in _SINCE.items() if api_version < since}
    hidden |= {name for name, until in _UNTIL.items() if api_version >= until}
    return _without(doc, hidden) if hidden else doc


def _without(value: Any, hidden: set[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _without(item, hidden) if key != "tags" else item for key, item in value.items() if key not in hidden
        }
    return [_without(item, hidden) for item in value] if isinstance(value, list) else value


def _mark(doc: Doc, state: str) -> None:
    properties = doc["properties"]
    properties["provisioningState"] = state
    for child in children(doc):
        child["properties"]["provisioningState"] = state


def check_name(name: str) -> None:
    """Refuse a name outside Microsoft.Network's rules."""
    if not _NAME.fullmatch(name):
        raise ArmError(
            400,
            "InvalidResourceName",
            f"Resource name {name[:100]} is invalid. The name can be up to 80 characters long. It must begin with a word "
            "character, and it must end with a word character or with '_'. The name may contain word characters or "
            "'.', '-', '_'.",
        )


def check_conditions(ctx: Context, found: Doc | None) -> None:
    """``If-Match`` and ``If-None-Match``."""
    wanted, unwanted = ctx.headers.get("if-match"), ctx.headers.get("if-none-match")
    failed = (wanted is not None and (found is None or wanted not in ("*", found["etag"]))) or (
        unwanted is not None and found is not None and unwanted in ("*", found["etag"])
    )
    if failed:
        raise ArmError(
            412,
            "PreconditionFailed",
            f"Precondition failed. Etag provided in the request header does not match "
            f"etag {found['etag'] if found else ''} of the resource.",
        )


def check_not_deleting(ctx: Context, doc: Doc) -> None:
    busy = ctx.operations.running(doc["id"])
    if busy and busy.effect == "network.delete":
        raise ArmError(
            409,
            "AnotherOperationInProgress",
            "Another operation on this or dependent resource is in progress. To retrieve status of the operation use "
            f"uri: {busy.style.url(busy)}.",
        )


# --- references: who uses a subnet, a public address or a security group ----------------------------------------------
def refer(scope: Scope, target: str, user: str, value: Any = None) -> None:
    """Note that ``user`` (an id) uses ``target``; ``value`` is kept with it (an address)."""
    scope.store.kv_put(_REFERENCES, _key(target, user), {"user": user, "value": value})


def forget(scope: Scope, target: str, user: str) -> None:
    scope.store.kv_delete(_REFERENCES, _key(target, user))


def users(scope: Scope, target: str) -> list[dict[str, Any]]:
    """``[{"user": id, "value": …}]`` of a target."""
    return [value for _ignored, value in scope.store.kv_items(_REFERENCES, f"{target.lower()}|")]


def required(scope: Scope, reference: Any, what: str) -> Doc:
    """The resource that a body's reference ``{"id": …}`` names.

    :raises ArmError: 400 ``InvalidResourceReference`` when it does not exist.
    """
    resource_id = text_of(reference, "id")
    doc = scope.store.get(resource_id) if resource_id else None
    if doc is None or not ids.same(doc["type"], what):
        raise missing_reference(resource_id)
    return doc


def missing_reference(resource_id: str | None) -> ArmError:
    return ArmError(
        400,
        "InvalidResourceReference",
        f"Resource {resource_id} referenced by the request was not found. Please make sure that the referenced resource "
        "exists, and that both resources are in the same region.",
    )


def _key(target: str, user: str) -> str:
    return f"{target.lower()}|{user.lower()}"
