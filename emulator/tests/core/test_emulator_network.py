# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual networks, interfaces, addresses and security groups: shapes, operations, who may go before whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure_emulator.services.network import attachment
from local_azure import LocalAzure, code

if TYPE_CHECKING:
    import httpx

API = "2023-09-01"
GROUP = "/resourceGroups/net"
NET = f"{GROUP}/providers/Microsoft.Network"
SPACE: dict[str, Any] = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}


@pytest.fixture
def net(azure: LocalAzure) -> LocalAzure:
    """An empty group ``net`` with a virtual network ``vn`` and its subnet ``s``."""
    azure.control("POST", "/reset")
    azure.group("net")
    subnets = [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/29"}}]
    body = SPACE | {"properties": SPACE["properties"] | {"subnets": subnets}}
    azure.done(put(azure, "virtualNetworks/vn", body))
    return azure


def put(azure: LocalAzure, name: str, body: Any, api: str = API, **headers: str) -> httpx.Response:
    return azure.arm("PUT", f"{NET}/{name}", body, api=api, **headers)


def get(azure: LocalAzure, name: str, api: str = API) -> Any:
    return azure.arm("GET", f"{NET}/{name}", api=api).json()


def reference(azure: LocalAzure, name: str) -> dict[str, str]:
    return {"id": f"{azure.subscription}{NET}/{name}"}


def nic(azure: LocalAzure, *, configuration: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    inner = {"subnet": reference(azure, "virtualNetworks/vn/subnets/s")} | (configuration or {})
    return {
        "location": "eastus",
        "properties": {"ipConfigurations": [{"name": "c", "properties": inner}], **properties},
    }


def test_network_is_updating_until_its_operation_ends(net: LocalAzure) -> None:
    net.control("PUT", "/latency", {"name": "instant", "polls": 1})
    answer = put(net, "virtualNetworks/two", SPACE)
    assert answer.status_code == 201
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    assert "location" not in answer.headers
    operation = answer.headers["azure-asyncoperation"]
    assert "/providers/Microsoft.Network/locations/eastus/operations/" in operation
    assert net.arm("GET", operation).json() == {"status": "InProgress"}
    assert net.arm("GET", operation).json() == {"status": "Succeeded"}
    found = net.arm("GET", f"{NET}/virtualNetworks/two", api=API)
    assert found.headers["etag"] == found.json()["etag"] != answer.json()["etag"]
    again = put(net, "virtualNetworks/two", SPACE)
    assert (again.status_code, again.json()["properties"]["provisioningState"]) == (200, "Updating")


def test_realistic_profile_sends_the_recorded_waits(net: LocalAzure) -> None:
    net.control("PUT", "/latency", {"name": "realistic"})
    assert put(net, "virtualNetworks/w", SPACE).headers["retry-after"] == "3"
    answer = put(net, "networkInterfaces/w", nic(net))
    assert "retry-after" not in answer.headers
    assert net.arm("GET", answer.headers["azure-asyncoperation"]).headers["retry-after"] == "10"


def test_interface_is_ready_at_once(net: LocalAzure) -> None:
    answer = put(net, "networkInterfaces/n", nic(net))
    assert answer.status_code == 201
    properties = answer.json()["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["ipConfigurations"][0]["properties"]["privateIPAddress"] == "10.0.0.4"
    assert "azure-asyncoperation" in answer.headers
    old = get(net, "networkInterfaces/n", api="2018-01-01")["properties"]
    assert not {"hostedWorkloads", "tapConfigurations", "nicType"} & set(old)
    subnet = get(net, "virtualNetworks/vn/subnets/s")
    assert subnet["properties"]["ipConfigurations"][0]["id"].endswith("/networkInterfaces/n/ipConfigurations/c")


def test_addresses_are_given_once_and_run_out(net: LocalAzure) -> None:
    assert put(net, "networkInterfaces/a", nic(net)).status_code == 201
    static = {"privateIPAllocationMethod": "Static", "privateIPAddress": "10.0.0.4"}
    assert code(put(net, "networkInterfaces/b", nic(net, configuration=static))) == "PrivateIPAddressInUse"
    outside = static | {"privateIPAddress": "10.9.0.4"}
    assert code(put(net, "networkInterfaces/b", nic(net, configuration=outside))) == "PrivateIPAddressNotInSubnet"
    addresses = []
    for name in "bc":
        answer = put(net, f"networkInterfaces/{name}", nic(net)).json()
        addresses.append(answer["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"])
    assert addresses == ["10.0.0.5", "10.0.0.6"]
    assert code(put(net, "networkInterfaces/d", nic(net))) == "SubnetIsFull"
    assert put(net, "networkInterfaces/b", nic(net)).json()["properties"]["ipConfigurations"][0]["properties"][
        "privateIPAddress"
    ] == ("10.0.0.5")


@pytest.mark.parametrize(
    ("prefix", "wanted"),
    [
        ("10.0.0.0/28", "NetcfgSubnetRangesOverlap"),
        ("192.168.0.0/24", "NetcfgSubnetRangeOutsideVnet"),
        ("10.0.1.5/24", "InvalidCIDRNotation"),
        ("nonsense", "InvalidCIDRNotation"),
        (None, "NetcfgInvalidSubnet"),
    ],
)
def test_wrong_subnets(net: LocalAzure, prefix: str | None, wanted: str) -> None:
    answer = put(net, "virtualNetworks/vn/subnets/new", {"properties": {"addressPrefix": prefix}})
    assert (answer.status_code, code(answer)) == (400, wanted)


def test_subnets_of_their_own(net: LocalAzure) -> None:
    path = "virtualNetworks/vn/subnets/new"
    answer = put(net, path, {"properties": {"addressPrefix": "10.0.1.0/24"}})
    assert answer.status_code == 201
    net.done(answer)
    assert get(net, path)["properties"]["provisioningState"] == "Succeeded"
    assert {subnet["name"] for subnet in get(net, "virtualNetworks/vn/subnets")["value"]} == {"s", "new"}
    net.done(net.arm("DELETE", f"{NET}/{path}", api=API))
    assert net.arm("GET", f"{NET}/{path}", api=API).status_code == 404
    assert net.arm("DELETE", f"{NET}/{path}", api=API).status_code == 204
    orphan = put(net, "virtualNetworks/none/subnets/x", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    assert code(orphan) == "ParentResourceNotFound"
    assert orphan.json()["error"]["message"].endswith("Parent resource 'none' not found.")


def test_nothing_in_use_is_deleted(net: LocalAzure) -> None:
    """Each refusal is a 400 that names the user; from the top down everything goes."""
    net.done(put(net, "networkSecurityGroups/nsg", {"location": "eastus"}))
    net.done(put(net, "publicIPAddresses/pip", {"location": "eastus"}))
    body = nic(
        net,
        configuration={"publicIPAddress": reference(net, "publicIPAddresses/pip")},
        networkSecurityGroup=reference(net, "networkSecurityGroups/nsg"),
    )
    net.done(put(net, "networkInterfaces/n", body))
    for name, wanted in (
        ("virtualNetworks/vn", "InUseSubnetCannotBeDeleted"),
        ("virtualNetworks/vn/subnets/s", "InUseSubnetCannotBeDeleted"),
        ("publicIPAddresses/pip", "PublicIPAddressCannotBeDeleted"),
        ("networkSecurityGroups/nsg", "InUseNetworkSecurityGroupCannotBeDeleted"),
    ):
        answer = net.arm("DELETE", f"{NET}/{name}", api=API)
        assert (answer.status_code, code(answer)) == (400, wanted), name
        assert "networkInterfaces/n" in answer.json()["error"]["message"]
    for name in ("networkInterfaces/n", "publicIPAddresses/pip", "networkSecurityGroups/nsg", "virtualNetworks/vn"):
        answer = net.arm("DELETE", f"{NET}/{name}", api=API)
        assert answer.status_code == 202
        assert "/operationResults/" in answer.headers["location"]
        net.done(answer)
        assert net.arm("DELETE", f"{NET}/{name}", api=API).status_code == 204


def test_address_serves_one_interface(net: LocalAzure) -> None:
    net.done(put(net, "publicIPAddresses/pip", {"location": "eastus"}))
    body = nic(net, configuration={"publicIPAddress": reference(net, "publicIPAddresses/pip")})
    net.done(put(net, "networkInterfaces/n", body))
    assert code(put(net, "networkInterfaces/other", body)) == "PublicIPAddressInUse"
    net.done(put(net, "networkInterfaces/n", nic(net)))
    assert "ipConfiguration" not in get(net, "publicIPAddresses/pip")["properties"]
    net.done(put(net, "networkInterfaces/other", body))


def test_public_addresses(net: LocalAzure) -> None:
    named = {"location": "eastus", "properties": {"dnsSettings": {"domainNameLabel": "demo-vm"}}}
    made = put(net, "publicIPAddresses/named", named).json()["properties"]
    assert made["dnsSettings"]["fqdn"] == "demo-vm.eastus.cloudapp.azure.com"
    assert "ipAddress" not in made
    static = {"location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
    net.done(put(net, "publicIPAddresses/static", static))
    assert get(net, "publicIPAddresses/static")["properties"]["ipAddress"].startswith("203.0.113.")
    dynamic = {"location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Dynamic"}}
    assert put(net, "publicIPAddresses/no", dynamic).status_code == 400


def test_missing_references(net: LocalAzure) -> None:
    elsewhere = nic(net, configuration={"subnet": reference(net, "virtualNetworks/none/subnets/s")})
    assert code(put(net, "networkInterfaces/n", elsewhere)) == "InvalidResourceReference"
    far = nic(net) | {"location": "westus"}
    assert code(put(net, "networkInterfaces/n", far)) == "InvalidResourceReference"


def test_etags(net: LocalAzure) -> None:
    etag = get(net, "virtualNetworks/vn")["etag"]
    assert put(net, "virtualNetworks/vn", SPACE, if_none_match="*").status_code == 412
    assert put(net, "virtualNetworks/vn", SPACE, if_match='W/"other"').status_code == 412
    assert put(net, "virtualNetworks/vn", SPACE, if_match=etag).status_code == 200


def test_other_region(net: LocalAzure) -> None:
    moved = put(net, "virtualNetworks/vn", SPACE | {"location": "westus"})
    assert (moved.status_code, code(moved)) == (409, "InvalidResourceLocation")


def test_machines_hold_their_interfaces(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`attachment`, as the compute service uses it, without a server."""
    from azure_emulator import services
    from azure_emulator.core import credentials
    from azure_emulator.core.app import Emulator
    from azure_emulator.core.errors import ArmError

    services.collect()
    folder = tmp_path_factory.mktemp("attached")
    (folder / "tls").mkdir()
    emulator = Emulator(folder, "https://localhost:1", credentials.load(folder))
    identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n"
    with emulator.writing() as scope:
        properties = {"ipConfigurations": [{"name": "c", "properties": {}}]}
        doc = {"id": identity, "name": "n", "type": "Microsoft.Network/networkInterfaces", "properties": properties}
        scope.store.put(identity, doc)
        attachment.attach(scope, identity, "/vm/one")
        attachment.attach(scope, identity.upper(), "/VM/one")
        with pytest.raises(ArmError, match="NicInUse"):
            attachment.attach(scope, identity, "/vm/two")
        attachment.detach(scope, identity, "/vm/two")
        held = scope.store.get(identity)
        assert held is not None
        assert held["properties"]["virtualMachine"] == {"id": "/VM/one"}
        assert held["properties"]["macAddress"].startswith("00-0D-3A-")
        attachment.detach(scope, identity, "/vm/one")
        attachment.attach(scope, identity, "/vm/two")
    emulator.end()
