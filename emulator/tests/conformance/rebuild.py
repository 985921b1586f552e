# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of a request that a recording has lost: what the answer to it, or the next one about the resource, shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.recording import Exchange, Scenario

# What services add by themselves, wherever it stands.
_READ_ONLY = frozenset(("etag", "provisioningState", "vmId", "resourceGuid", "uniqueId", "timeCreated", "exactVersion"))
_TOP_ONLY = frozenset(("id", "name", "type"))
#: What test preparations make, and the least that must be asked for.
_PREPARED: dict[str, dict[str, Any]] = {
    "microsoft.storage/storageaccounts": {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
    "microsoft.keyvault/vaults": {"properties": {"sku": {"family": "A", "name": "standard"}}},
    "microsoft.managedidentity/userassignedidentities": {},
}
_LOGIN = {"adminPassword": "REDACTED"}


def request(exchange: Exchange, scenario: Scenario) -> Any:
    """A body that asks for what was answered; ``{}`` when nothing of it is recorded."""
    shown = exchange.response if isinstance(exchange.response, dict) else None
    if shown is None:
        later = [e for e in scenario.exchanges if e.number > exchange.number and e.path == exchange.path]
        shown = next((e.response for e in later if isinstance(e.response, dict)), {})
    body = _without({key: value for key, value in shown.items() if key not in _TOP_ONLY})
    properties = body.get("properties")
    if isinstance(properties, dict) and isinstance(properties.get("osProfile"), dict):
        properties["osProfile"] |= _LOGIN
    return body


def prepared(scenario: Scenario) -> Iterator[tuple[str, Exchange]]:
    """Path and PUT of resources that are used before anything in the scenario can have made them."""
    made: set[str] = set()
    for exchange in scenario.exchanges:
        place = exchange.path.lower()
        kind = next((kind for kind in _PREPARED if f"/{kind}/" in place), None)
        if "/deployments/" in place and exchange.method == "PUT":
            made |= {kind for kind in _PREPARED if kind.split("/")[-1] in str(exchange.request).lower()}
        if kind is None or kind in made:
            continue
        name = place.partition(f"/{kind}/")[2].split("/")[0]
        resource = place[: place.index(f"/{kind}/") + len(kind) + 2 + len(name)]
        used = exchange.method in ("GET", "POST", "PATCH", "DELETE") and exchange.status < 300
        if used and resource not in made:
            yield exchange.path[: len(resource)], _put(exchange, scenario, resource, kind)
        made.add(resource)


def _put(exchange: Exchange, scenario: Scenario, resource: str, kind: str) -> Exchange:
    shown = next(
        (
            e.response
            for e in scenario.exchanges
            if e.method == "GET" and e.path.lower() == resource and isinstance(e.response, dict) and e.status == 200
        ),
        {},
    )
    body = _without({key: value for key, value in shown.items() if key not in _TOP_ONLY})
    located = next((e.response["location"] for e in scenario.exchanges if _has_location(e)), "westus")
    return replace(exchange, request={"location": located} | _PREPARED[kind] | body)


def _has_location(exchange: Exchange) -> bool:
    return isinstance(exchange.response, dict) and "location" in exchange.response


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in _READ_ONLY}
    return [_without(item) for item in value] if isinstance(value, list) else value
