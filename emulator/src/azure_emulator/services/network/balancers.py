# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers, application gateways, application security groups, route tables, NAT gateways, private endpoints.

Kept as they were asked for, with ids, ETags and states for their parts; they carry no traffic. [guessed by the others]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core.routing import GUESSED
from azure_emulator.core.values import object_of, objects_of, text_of
from azure_emulator.services.network import _shared
from azure_emulator.services.network._shared import Kind

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc

#: Of each kind: the collections of named parts that are always shown.
_PARTS = {
    "loadBalancers": (
        "frontendIPConfigurations",
        "backendAddressPools",
        "loadBalancingRules",
        "probes",
        "inboundNatRules",
        "outboundRules",
        "inboundNatPools",
    ),
    "applicationGateways": (
        "gatewayIPConfigurations",
        "sslCertificates",
        "frontendIPConfigurations",
        "frontendPorts",
        "backendAddressPools",
        "backendHttpSettingsCollection",
        "httpListeners",
        "urlPathMaps",
        "requestRoutingRules",
        "probes",
    ),
    "applicationSecurityGroups": (),
    "routeTables": ("routes",),
    "natGateways": (),
    "privateEndpoints": ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections"),
}


def _build(ctx: Context, doc: Doc, _found: Doc | None) -> None:
    kind = doc["type"].rpartition("/")[2]
    given = object_of(ctx.body, "properties")
    parts = _PARTS[kind]
    doc["properties"] |= {
        key: value for key, value in given.items() if key not in parts and key not in doc["properties"]
    }
    for name in parts:
        doc["properties"][name] = [part(doc, name, wanted) for wanted in objects_of(given, name)]
    sku = object_of(ctx.body, "sku")
    if kind in ("loadBalancers", "natGateways"):
        doc["sku"] = {"name": "Basic" if kind == "loadBalancers" else "Standard", "tier": "Regional"} | sku
    if kind == "privateEndpoints":
        doc["properties"] |= {"customDnsConfigs": [], "networkInterfaces": []}


def part(doc: Doc, collection: str, wanted: Doc) -> Doc:
    """A named part, as a balancer shows it."""
    name = text_of(wanted, "name") or ""
    _shared.check_name(name)
    return {
        "name": name,
        "id": f"{doc['id']}/{collection}/{name}",
        "etag": doc["etag"],
        "properties": {"provisioningState": "Succeeded", **object_of(wanted, "properties")},
        "type": f"{doc['type']}/{collection}",
    }


def _nothing(_scope: Scope, _doc: Doc) -> None:
    """Nothing is checked or given back."""


_KINDS = [
    Kind(name, _build, _nothing, _nothing, retry_after=10, parts=parts, ready_at_once=name == "loadBalancers")
    for name, parts in _PARTS.items()
]
ROUTES = [route for kind in _KINDS for route in _shared.routes(kind, GUESSED)]
