# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual networks and their subnets. Subnets live in the document of their network."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import flag_of, list_of, object_of, objects_of, text_of
from azure_emulator.services.network import _shared
from azure_emulator.services.network._shared import Kind

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SUBNET_TYPE = "Microsoft.Network/virtualNetworks/subnets"
_KEPT = ("serviceEndpoints", "delegations", "defaultOutboundAccess", "natGateway", "routeTable")


def _build(ctx: Context, doc: Doc, found: Doc | None) -> None:
    properties = doc["properties"]
    prefixes = [str(prefix) for prefix in list_of(ctx.body, "properties", "addressSpace", "addressPrefixes")]
    if not prefixes:
        raise ArmError(
            400,
            "InvalidRequestFormat",
            "Cannot parse the request.",
            details=[{"code": "MissingJsonReferenceId", "message": "addressSpace.addressPrefixes must not be empty."}],
        )
    properties["addressSpace"] = {"addressPrefixes": prefixes}
    dhcp = object_of(ctx.body, "properties", "dhcpOptions")
    if dhcp:
        properties["dhcpOptions"] = {"dnsServers": list_of(dhcp, "dnsServers")}
    properties["subnets"] = []
    old = {subnet["name"].lower(): subnet for subnet in found["properties"]["subnets"]} if found else {}
    for wanted in objects_of(ctx.body, "properties", "subnets"):
        name = text_of(wanted, "name") or ""
        _place(doc, _subnet(ctx, doc, name, wanted, "Updating"))
        old.pop(name.lower(), None)
    for gone in old.values():
        check_subnet_unused(ctx, gone)
    properties["virtualNetworkPeerings"] = []
    properties["enableDdosProtection"] = bool(flag_of(ctx.body, "properties", "enableDdosProtection"))
    properties["enableVmProtection"] = bool(flag_of(ctx.body, "properties", "enableVmProtection"))
    properties["privateEndpointVNetPolicies"] = (
        text_of(ctx.body, "properties", "privateEndpointVNetPolicies") or "Disabled"
    )
    _note_groups(ctx, properties["subnets"], found["properties"]["subnets"] if found else [])


def _subnet(ctx: Context, network: Doc, name: str, wanted: Any, state: str) -> Doc:
    _shared.check_name(name)
    prefixes = [str(prefix) for prefix in list_of(wanted, "properties", "addressPrefixes")]
    prefix = text_of(wanted, "properties", "addressPrefix")
    if not prefix and not prefixes:
        raise ArmError(400, "NetcfgInvalidSubnet", f"Subnet '{name}' has no address prefix.")
    properties: Doc = {"provisioningState": state}
    if prefix:
        properties["addressPrefix"] = prefix
    else:
        properties["addressPrefixes"] = prefixes
    group = object_of(wanted, "properties", "networkSecurityGroup")
    if group:
        properties["networkSecurityGroup"] = {
            "id": _shared.required(ctx, group, "Microsoft.Network/networkSecurityGroups")["id"]
        }
    properties["delegations"] = []
    properties["privateEndpointNetworkPolicies"] = (
        text_of(wanted, "properties", "privateEndpointNetworkPolicies") or "Disabled"
        if ctx.api_version >= "2022-07-01"
        else "Enabled"
    )
    properties["privateLinkServiceNetworkPolicies"] = "Enabled"
    given = object_of(wanted, "properties")
    properties |= {key: given[key] for key in _KEPT if given.get(key) is not None}
    return {
        "name": name,
        "id": f"{network['id']}/subnets/{name}",
        "etag": network["etag"],
        "properties": properties,
        "type": SUBNET_TYPE,
    }


def _place(network: Doc, subnet: Doc) -> None:
    """Put a subnet into its network: inside the address space, beside the others."""
    spaces = [_parse(prefix) for prefix in network["properties"]["addressSpace"]["addressPrefixes"]]
    others = [s for s in network["properties"]["subnets"] if s["name"].lower() != subnet["name"].lower()]
    for prefix in prefixes_of(subnet):
        own = _parse(prefix)
        if not any(own.version == space.version and own.subnet_of(space) for space in spaces):  # type: ignore[arg-type]
            raise ArmError(
                400,
                "NetcfgSubnetRangeOutsideVnet",
                f"Subnet '{subnet['name']}' is not valid because its IP address range is outside the IP address range of "
                f"virtual network '{network['name']}'.",
            )
        for other in others:
            if any(own.overlaps(_parse(taken)) for taken in prefixes_of(other) if _parse(taken).version == own.version):
                raise ArmError(
                    400,
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{subnet['name']}' is not valid because its IP address range overlaps with that of an existing "
                    f"subnet in virtual network '{network['name']}'.",
                )
    same = [s for s in network["properties"]["subnets"] if s["name"].lower() == subnet["name"].lower()]
    if same:
        network["properties"]["subnets"][network["properties"]["subnets"].index(same[0])] = subnet
    else:
        network["properties"]["subnets"].append(subnet)


def prefixes_of(subnet: Doc) -> list[str]:
    properties = subnet["properties"]
    return [properties["addressPrefix"]] if "addressPrefix" in properties else list(properties["addressPrefixes"])


def _parse(prefix: str) -> Network:
    try:
        return ipaddress.ip_network(prefix)
    except ValueError:
        raise ArmError(
            400, "InvalidCIDRNotation", f"The address prefix {prefix[:80]} has an invalid CIDR notation."
        ) from None


def subnet_of(scope: Scope, subnet_id: str | None) -> tuple[Doc, Doc]:
    """Network and subnet of a subnet's id.

    :raises ArmError: 400 ``InvalidResourceReference``.
    """
    found = _shared.whole_and_part(scope, subnet_id or "", "subnets")
    if found is None:
        raise _shared.missing_reference(subnet_id)
    return found


def free_address(scope: Scope, subnet: Doc) -> str:
    """The first address that nobody has.

    :raises ArmError: 400 ``SubnetIsFull``.
    """
    found = free_addresses(scope, subnet, 1)
    if found:
        return found[0]
    raise ArmError(
        400,
        "SubnetIsFull",
        f"Subnet {subnet['name']} with address prefix {prefixes_of(subnet)[0]} does not have enough capacity.",
    )


def free_addresses(scope: Scope, subnet: Doc, count: int) -> list[str]:
    """Up to so many free addresses; Azure keeps the first four and the last of a subnet."""
    taken = {entry["value"] for entry in _shared.users(scope, subnet["id"])}
    found: list[str] = []
    for prefix in prefixes_of(subnet):
        network = _parse(prefix)
        for offset in range(4, network.num_addresses - 1):
            if len(found) == count:
                return found
            if str(network[offset]) not in taken:
                found.append(str(network[offset]))
    return found


def check_address(scope: Scope, subnet: Doc, address: str, user: str) -> None:
    """A static address must lie in the subnet and be free."""
    try:
        parsed = ipaddress.ip_address(address)
        inside = any(parsed in _parse(prefix) for prefix in prefixes_of(subnet))
    except ValueError:
        inside = False
    if not inside:
        raise ArmError(
            400,
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {address[:60]} does not belong to the range of subnet prefix {prefixes_of(subnet)[0]}.",
        )
    for entry in _shared.users(scope, subnet["id"]):
        if entry["value"] == address and not ids.same(entry["user"], user):
            raise ArmError(
                400,
                "PrivateIPAddressInUse",
                f"IP configuration {user} is using the private IP address {address} which is "
                f"already allocated to resource {entry['user']}.",
            )


def _with_users(scope: Scope, subnet: Doc) -> Doc:
    using = [{"id": entry["user"]} for entry in _shared.users(scope, subnet["id"])]
    return subnet | {"properties": subnet["properties"] | ({"ipConfigurations": using} if using else {})}


def check_subnet_unused(scope: Scope, subnet: Doc) -> None:
    using = _shared.users(scope, subnet["id"])
    if using:
        raise ArmError(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet['name']} is in use by {using[0]['user']} and cannot be deleted. In order to delete the subnet, "
            "delete all the resources within the subnet. See aka.ms/deletesubnet.",
        )


def _check_unused(scope: Scope, doc: Doc) -> None:
    for subnet in doc["properties"]["subnets"]:
        check_subnet_unused(scope, subnet)


def _note_groups(scope: Scope, subnets: list[Doc], before: list[Doc]) -> None:
    """Note in security groups which subnets use them now, instead of those before."""
    for subnet in before:
        if "networkSecurityGroup" in subnet["properties"]:
            _shared.forget(scope, subnet["properties"]["networkSecurityGroup"]["id"], subnet["id"])
    for subnet in subnets:
        if "networkSecurityGroup" in subnet["properties"]:
            _shared.refer(scope, subnet["properties"]["networkSecurityGroup"]["id"], subnet["id"], "subnet")


def _removed(scope: Scope, doc: Doc) -> None:
    _note_groups(scope, [], doc["properties"]["subnets"])


def _shown(scope: Scope, doc: Doc) -> Doc:
    subnets = [_with_users(scope, subnet) for subnet in doc["properties"]["subnets"]]
    return doc | {"properties": doc["properties"] | {"subnets": subnets}}


KIND = Kind("virtualNetworks", _build, _check_unused, _removed, retry_after=3, parts=("subnets",), shown=_shown)


# --- subnets as resources of their own --------------------------------------------------------------------------------
def put_subnet(ctx: Context) -> Reply:
    network = _shared.parent_of(ctx, KIND.name, "subnet")
    _shared.check_not_deleting(ctx, network)
    found = _shared.part_of(network, "subnets", ctx.ids["subnet"])
    before = list(network["properties"]["subnets"])
    subnet = _subnet(ctx, network, found["name"] if found else ctx.ids["subnet"], ctx.body, "Updating")
    _place(network, subnet)
    _note_groups(ctx, network["properties"]["subnets"], before)
    _shared.save(ctx, network)
    operation = ctx.operations.start(
        "network", network["location"], "network.subnet.put", {"id": subnet["id"]}, subnet["id"], retry_after=3
    )
    shown = _shared.present(_with_users(ctx, subnet), ctx.api_version)
    return Reply(200 if found else 201, shown, _shared.started(ctx, operation))


def get_subnet(ctx: Context) -> Reply:
    network = _shared.parent_of(ctx, KIND.name, "subnet")
    subnet = _shared.part_of(network, "subnets", ctx.ids["subnet"])
    if subnet is None:
        raise _shared.part_not_found(network, "subnets", ctx.ids["subnet"])
    return Reply(200, _shared.present(_with_users(ctx, subnet), ctx.api_version), {"ETag": subnet["etag"]})


def list_subnets(ctx: Context) -> Reply:
    network = _shared.parent_of(ctx, KIND.name, "subnet")
    shown = [_with_users(ctx, subnet) for subnet in network["properties"]["subnets"]]
    return Reply(200, {"value": [_shared.present(subnet, ctx.api_version) for subnet in shown]})


def delete_subnet(ctx: Context) -> Reply:
    network = _shared.parent_of(ctx, KIND.name, "subnet")
    subnet = _shared.part_of(network, "subnets", ctx.ids["subnet"])
    if subnet is None:
        return Reply(204)
    check_subnet_unused(ctx, subnet)
    busy = ctx.operations.running(subnet["id"])
    if busy is None or busy.effect != "network.subnet.delete":
        ctx.operations.cancel(subnet["id"])
        busy = ctx.operations.start(
            "network", network["location"], "network.subnet.delete", {"id": subnet["id"]}, subnet["id"]
        )
    return Reply(202, None, _shared.started(ctx, busy))


@effect("network.subnet.put")
def _subnet_put_done(scope: Scope, args: dict[str, Any]) -> None:
    found = _shared.whole_and_part(scope, args["id"], "subnets")
    if found:
        network, subnet = found
        subnet["properties"]["provisioningState"] = "Succeeded"
        _shared.save(scope, network)


@effect("network.subnet.delete")
def _subnet_deleted(scope: Scope, args: dict[str, Any]) -> None:
    found = _shared.whole_and_part(scope, args["id"], "subnets")
    if found:
        network, subnet = found
        check_subnet_unused(scope, subnet)
        network["properties"]["subnets"].remove(subnet)
        _note_groups(scope, [], [subnet])
        _shared.save(scope, network)


_SUBNETS = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{KIND.type}/{{name}}/subnets"
_KNOWN = documented("2026-11-25")
ROUTES = [
    *_shared.routes(KIND),
    Route("GET", _SUBNETS, list_subnets, evidence=_KNOWN),
    Route("PUT", f"{_SUBNETS}/{{subnet}}", put_subnet, evidence=_KNOWN),
    Route("GET", f"{_SUBNETS}/{{subnet}}", get_subnet, evidence=_KNOWN),
    Route("DELETE", f"{_SUBNETS}/{{subnet}}", delete_subnet, evidence=_KNOWN),
]
