# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network interfaces."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids
from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import choice_of, flag_of, list_of, object_of, objects_of, text_of
from azure_emulator.services.network import _shared, networks, public_addresses
from azure_emulator.services.network._shared import Kind

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc


_KEPT = ("loadBalancerBackendAddressPools", "loadBalancerInboundNatRules", "applicationSecurityGroups")


def _build(ctx: Context, doc: Doc, found: Doc | None) -> None:
    if found:
        _release(ctx, found)
    configurations = objects_of(ctx.body, "properties", "ipConfigurations")
    if not configurations:
        raise ArmError(
            400,
            "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
            f"Network interface {doc['id']} must have one or more IP configurations.",
        )
    before = {c["name"].lower(): c for c in found["properties"]["ipConfigurations"]} if found else {}
    properties = doc["properties"]
    properties["ipConfigurations"] = []
    for at, wanted in enumerate(configurations):
        name = text_of(wanted, "name") or f"ipconfig{at + 1}"
        if any(c["name"].lower() == name.lower() for c in properties["ipConfigurations"]):
            raise ArmError(400, "InvalidRequestFormat", f"Two IP configurations are named {name}.")
        properties["ipConfigurations"].append(
            _configuration(ctx, doc, name, wanted, before.get(name.lower()), first=at == 0)
        )
    old = found["properties"] if found else {}
    suffix = old.get("dnsSettings", {}).get("internalDomainNameSuffix") or (
        f"{secrets.token_hex(13)[:25]}.bx.internal.cloudapp.net"
    )
    properties["dnsSettings"] = {
        "dnsServers": list_of(ctx.body, "properties", "dnsSettings", "dnsServers"),
        "appliedDnsServers": [],
        "internalDomainNameSuffix": suffix,
    }
    label = text_of(ctx.body, "properties", "dnsSettings", "internalDnsNameLabel")
    if label:
        properties["dnsSettings"] |= {"internalDnsNameLabel": label, "internalFqdn": f"{label}.{suffix}"}
    properties["enableAcceleratedNetworking"] = bool(flag_of(ctx.body, "properties", "enableAcceleratedNetworking"))
    properties["enableIPForwarding"] = bool(flag_of(ctx.body, "properties", "enableIPForwarding"))
    group = object_of(ctx.body, "properties", "networkSecurityGroup")
    if group:
        security = _shared.required(ctx, group, "Microsoft.Network/networkSecurityGroups")
        properties["networkSecurityGroup"] = {"id": security["id"]}
        _shared.refer(ctx, security["id"], doc["id"], "interface")
    properties |= {
        "hostedWorkloads": [],
        "tapConfigurations": [],
        "nicType": "Standard",
        "vnetEncryptionSupported": False,
        "auxiliaryMode": "None",
        "auxiliarySku": "None",
        "disableTcpStateTracking": False,
        "allowPort25Out": True,
        "defaultOutboundConnectivityEnabled": False,
    }
    doc["kind"] = "Regular"
    properties |= {key: old[key] for key in ("virtualMachine", "primary", "macAddress") if key in old}


def _configuration(ctx: Context, nic: Doc, name: str, wanted: Any, before: Doc | None, *, first: bool) -> Doc:
    network, subnet = networks.subnet_of(ctx, text_of(wanted, "properties", "subnet", "id"))
    if network["location"] != nic["location"]:
        raise _shared.missing_reference(subnet["id"])
    identity = f"{nic['id']}/ipConfigurations/{name}"
    method = choice_of(wanted, ("Dynamic", "Static"), "properties", "privateIPAllocationMethod") or "Dynamic"
    address = text_of(wanted, "properties", "privateIPAddress")
    if method == "Dynamic":
        kept = before and ids.same(before["properties"]["subnet"]["id"], subnet["id"])
        address = before["properties"]["privateIPAddress"] if before and kept else networks.free_address(ctx, subnet)
    elif not address:
        address = networks.free_address(ctx, subnet)
    networks.check_address(ctx, subnet, address, identity)
    _shared.refer(ctx, subnet["id"], identity, address)
    primary = flag_of(wanted, "properties", "primary")
    properties: Doc = {
        "provisioningState": nic["properties"]["provisioningState"],
        "privateIPAddress": address,
        "privateIPAllocationMethod": method,
        "subnet": {"id": subnet["id"]},
        "primary": first if primary is None else primary,
        "privateIPAddressVersion": choice_of(wanted, ("IPv4", "IPv6"), "properties", "privateIPAddressVersion")
        or "IPv4",
    }
    given = object_of(wanted, "properties")
    properties |= {key: given[key] for key in _KEPT if given.get(key) is not None}
    public = object_of(wanted, "properties", "publicIPAddress")
    if public:
        properties["publicIPAddress"] = {"id": public_addresses.bind(ctx, public, identity)}
    return {
        "name": name,
        "id": identity,
        "etag": "",
        "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
        "properties": properties,
    }


def _release(scope: Scope, doc: Doc) -> None:
    """Give back addresses and references."""
    for configuration in doc["properties"]["ipConfigurations"]:
        _shared.forget(scope, configuration["properties"]["subnet"]["id"], configuration["id"])
        if "publicIPAddress" in configuration["properties"]:
            public_addresses.release(scope, configuration["properties"]["publicIPAddress"]["id"])
    if "networkSecurityGroup" in doc["properties"]:
        _shared.forget(scope, doc["properties"]["networkSecurityGroup"]["id"], doc["id"])


def _check_unused(_scope: Scope, doc: Doc) -> None:
    machine = doc["properties"].get("virtualMachine")
    if machine:
        raise ArmError(
            400,
            "NicInUse",
            f"Network Interface {doc['id']} is used by existing resource {machine['id']}. In order to delete the network "
            "interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
        )


KIND = Kind(
    "networkInterfaces",
    _build,
    _check_unused,
    _release,
    retry_after=None,
    parts=("ipConfigurations",),
    ready_at_once=True,
    seconds=1,
)
ROUTES = _shared.routes(KIND)
