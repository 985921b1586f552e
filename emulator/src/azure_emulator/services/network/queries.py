# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about names, addresses and quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core import ids, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.network import _shared, networks

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

#: How many free addresses are offered instead of one that is taken.
_OFFERED = 5
#: name -> (text, resource type that counts, limit)
_QUOTAS = {
    "VirtualNetworks": ("Virtual Networks", "virtualNetworks", 1000),
    "StaticPublicIPAddresses": ("Static Public IP Addresses", "", 1000),
    "NetworkSecurityGroups": ("Network Security Groups", "networkSecurityGroups", 5000),
    "PublicIPAddresses": ("Public IP Addresses", "publicIPAddresses", 1000),
    "NetworkInterfaces": ("Network Interfaces", "networkInterfaces", 65536),
    "LoadBalancers": ("Load Balancers", "loadBalancers", 1000),
    "ApplicationGateways": ("Application Gateways", "applicationGateways", 1000),
    "RouteTables": ("Route Tables", "routeTables", 200),
}


def usages(ctx: Context) -> Reply:
    """What of each quota is in use."""
    location, found = locations.normalize(ctx.ids["location"]), []
    for name, (text, kind, limit) in _QUOTAS.items():
        used = [doc for doc in _all(ctx, kind or "publicIPAddresses") if doc["location"] == location]
        if not kind:
            used = [doc for doc in used if doc["properties"]["publicIPAllocationMethod"] == "Static"]
        found.append(
            {
                "currentValue": len(used),
                "id": f"/subscriptions/{ctx.subscription}/providers/Microsoft.Network/locations/{location}/usages/{name}",
                "limit": limit,
                "name": {"localizedValue": text, "value": name},
                "unit": "Count",
            }
        )
    return Reply(200, {"value": found})


def check_dns_name(ctx: Context) -> Reply:
    label = ctx.query.get("domainnamelabel", "").lower()
    taken = any(
        doc["properties"].get("dnsSettings", {}).get("domainNameLabel", "").lower() == label
        and doc["location"] == locations.normalize(ctx.ids["location"])
        for doc in _all(ctx, "publicIPAddresses")
    )
    return Reply(200, {"available": bool(label) and not taken})


def check_address(ctx: Context) -> Reply:
    """Whether an address of a network is free; some that are, when it is not."""
    network = ctx.store.get(ids.resource_id(ctx.subscription, ctx.ids["group"], networks.KIND.type, ctx.ids["name"]))
    if network is None:
        raise resource_not_found(networks.KIND.type, [ctx.ids["name"]], ctx.ids["group"])
    address = ctx.query.get("ipaddress", "")
    for subnet in network["properties"]["subnets"]:
        try:
            networks.check_address(ctx, subnet, address, "")
        except ArmError as refused:
            if refused.code != "PrivateIPAddressInUse":
                continue
            offered = networks.free_addresses(ctx, subnet, _OFFERED)
            return Reply(200, {"available": False, "availableIPAddresses": offered})
        return Reply(200, {"available": True})
    raise ArmError(
        400,
        "PrivateIPAddressNotInAnySubnet",
        f"Private static IP address {address[:60]} does not belong to the range of any subnet in the virtual network {network['id']}.",
    )


def _all(ctx: Context, kind: str) -> list[Doc]:
    return ctx.store.list(type=f"{_shared.PROVIDER}/{kind}", subscription=ctx.subscription)


_LOCATION = "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}"
_NETWORK = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{name}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", f"{_LOCATION}/usages", usages, evidence=_KNOWN, waits=True),
    Route("GET", f"{_LOCATION}/CheckDnsNameAvailability", check_dns_name, evidence=_KNOWN, waits=True),
    Route("GET", f"{_NETWORK}/CheckIPAddressAvailability", check_address, evidence=_KNOWN),
]
