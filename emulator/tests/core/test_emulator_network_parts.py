# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security rules, load balancers and the like, questions about addresses and quotas; what API versions show."""

from __future__ import annotations

from typing import Any

import pytest
from local_azure import LocalAzure, code

API = "2022-01-01"
NET = "/resourceGroups/net/providers/Microsoft.Network"
ALLOW = {"protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 100}
ANY = {
    "sourcePortRange": "*",
    "destinationPortRange": "22",
    "sourceAddressPrefix": "*",
    "destinationAddressPrefix": "*",
}


@pytest.fixture
def net(azure: LocalAzure) -> LocalAzure:
    """A group with a security group ``g`` and a network ``vn`` with a subnet."""
    azure.control("POST", "/reset")
    azure.group("net")
    azure.done(azure.arm("PUT", f"{NET}/networkSecurityGroups/g", {"location": "eastus"}, api=API))
    subnets = [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets}
    azure.done(azure.arm("PUT", f"{NET}/virtualNetworks/vn", {"location": "eastus", "properties": space}, api=API))
    return azure


def get(net: LocalAzure, path: str, api: str = API) -> Any:
    answer = net.arm("GET", f"{NET}/{path}", api=api)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_default_rules_are_whole(net: LocalAzure) -> None:
    rules = get(net, "networkSecurityGroups/g")["properties"]["defaultSecurityRules"]
    assert [rule["name"] for rule in rules][:2] == ["AllowVnetInBound", "AllowAzureLoadBalancerInBound"]
    assert set(rules[0]) == {"name", "id", "etag", "type", "properties"}
    assert rules[0]["properties"]["description"] == "Allow inbound traffic from all VMs in VNET"
    assert rules[0]["properties"]["destinationPortRanges"] == []
    old = get(net, "networkSecurityGroups/g", "2015-06-15")["properties"]["defaultSecurityRules"]
    assert "destinationPortRanges" not in old[0]["properties"]


def test_rules_are_resources_of_their_own(net: LocalAzure) -> None:
    path = f"{NET}/networkSecurityGroups/g/securityRules/ssh"
    made = net.arm("PUT", path, {"properties": ALLOW | ANY}, api=API)
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Updating")
    assert made.headers["azure-asyncnotification"] == "Enabled"
    net.done(made)
    rule = get(net, "networkSecurityGroups/g/securityRules/SSH")
    assert rule["properties"]["provisioningState"] == "Succeeded"
    assert get(net, "networkSecurityGroups/g")["properties"]["securityRules"] == [rule]
    clash = net.arm("PUT", f"{path}2", {"properties": ALLOW | ANY}, api=API)
    assert (clash.status_code, code(clash)) == (400, "SecurityRuleConflict")
    wrong = net.arm("PUT", f"{path}2", {"properties": ALLOW | ANY | {"priority": 5}}, api=API)
    assert code(wrong) == "SecurityRuleInvalidPriority"
    net.done(net.arm("DELETE", path, api=API))
    assert get(net, "networkSecurityGroups/g/securityRules")["value"] == []
    assert net.arm("GET", path, api=API).status_code == 404
    assert net.arm("DELETE", path, api=API).status_code == 204


def test_security_groups_name_their_users(net: LocalAzure) -> None:
    group = {"id": f"{net.subscription}{NET}/networkSecurityGroups/g"}
    body = {"properties": {"addressPrefix": "10.0.1.0/24", "networkSecurityGroup": group}}
    net.done(net.arm("PUT", f"{NET}/virtualNetworks/vn/subnets/guarded", body, api=API))
    subnets = get(net, "networkSecurityGroups/g")["properties"]["subnets"]
    assert [entry["id"].rpartition("/")[2] for entry in subnets] == ["guarded"]


def test_what_versions_show(net: LocalAzure) -> None:
    assert "enableVmProtection" in get(net, "virtualNetworks/vn", "2019-09-01")["properties"]
    new = get(net, "virtualNetworks/vn", "2024-05-01")
    assert "enableVmProtection" not in new["properties"]
    assert new["properties"]["privateEndpointVNetPolicies"] == "Disabled"
    assert "tags" not in new
    again = net.arm("PUT", f"{NET}/networkSecurityGroups/old", {"location": "eastus"}, api="2019-09-01")
    assert "azure-asyncnotification" not in again.headers


def test_interfaces_by_version(net: LocalAzure) -> None:
    subnet = {"subnet": {"id": f"{net.subscription}{NET}/virtualNetworks/vn/subnets/s"}}
    inner = {"ipConfigurations": [{"name": "c", "properties": subnet}], "dnsSettings": {"internalDnsNameLabel": "me"}}
    body = {"location": "eastus", "properties": inner}
    made = net.arm("PUT", f"{NET}/networkInterfaces/n", body, api="2022-11-01")
    assert made.json()["properties"]["provisioningState"] == "Succeeded"
    assert made.json()["kind"] == "Regular"
    assert made.json()["properties"]["dnsSettings"]["internalFqdn"].startswith("me.")
    net.done(made)
    again = net.arm("PUT", f"{NET}/networkInterfaces/n", body, api="2022-11-01")
    states = [again.json()["properties"]["ipConfigurations"][0]["properties"], again.json()["properties"]]
    assert [entry["provisioningState"] for entry in states] == ["Updating", "Updating"]
    net.done(again)
    found = get(net, "networkInterfaces/n", "2022-11-01")["properties"]
    assert found["ipConfigurations"][0]["properties"]["provisioningState"] == "Succeeded"
    assert {"allowPort25Out", "auxiliarySku"} < set(found)
    assert "kind" not in get(net, "networkInterfaces/n", "2019-09-01")


def test_balancers_keep_what_they_are_given(net: LocalAzure) -> None:
    body = {"location": "eastus", "properties": {"backendAddressPools": [{"name": "pool"}]}}
    net.done(net.arm("PUT", f"{NET}/loadBalancers/lb", body, api=API))
    found = get(net, "loadBalancers/lb")
    assert found["properties"]["backendAddressPools"][0]["id"].endswith("/loadBalancers/lb/backendAddressPools/pool")
    assert (found["properties"]["probes"], found["sku"]["name"]) == ([], "Basic")
    nameless = {"location": "eastus", "properties": {"backendAddressPools": [{}]}}
    assert code(net.arm("PUT", f"{NET}/loadBalancers/no", nameless, api=API)) == "InvalidResourceName"


def test_parts_of_a_balancer_have_its_etag(net: LocalAzure) -> None:
    part = "loadBalancers/parts/backendAddressPools"
    body = {"location": "eastus", "properties": {"backendAddressPools": [{"name": "first"}]}}
    net.done(net.arm("PUT", f"{NET}/loadBalancers/parts", body, api=API))
    net.control("POST", "/clock", {"freeze": True})
    made = net.arm("PUT", f"{NET}/{part}/second", {}, api=API)
    assert (made.status_code, made.headers["azure-asyncnotification"]) == (201, "Enabled")
    assert made.json()["etag"] == get(net, "loadBalancers/parts")["etag"]
    net.control("POST", "/clock", {"run": True})
    net.done(made)
    whole = get(net, "loadBalancers/parts")["etag"]
    assert whole
    for name in ("first", "second"):
        found = net.arm("GET", f"{NET}/{part}/{name}", api=API)
        assert (found.json()["etag"], found.headers["etag"]) == (whole, whole)


def test_a_balancer_that_is_deleted_gets_no_parts(net: LocalAzure) -> None:
    net.done(net.arm("PUT", f"{NET}/loadBalancers/going", {"location": "eastus"}, api=API))
    net.control("POST", "/clock", {"freeze": True})
    gone = net.arm("DELETE", f"{NET}/loadBalancers/going", api=API)
    late = net.arm("PUT", f"{NET}/loadBalancers/going/inboundNatRules/r", {}, api=API)
    assert (late.status_code, code(late)) == (409, "AnotherOperationInProgress")
    net.control("POST", "/clock", {"run": True})
    net.follow(gone)
    assert net.arm("GET", f"{NET}/loadBalancers/going", api=API).status_code == 404


def test_a_subnet_is_one_of_a_network(net: LocalAzure) -> None:
    """Other resources may hold something by that name."""
    gateway = {"location": "eastus", "properties": {"subnets": [{"id": "/x"}]}}
    net.done(net.arm("PUT", f"{NET}/natGateways/g", gateway, api=API))
    subnet = {"id": f"{net.subscription}{NET}/natGateways/g/subnets/x"}
    entry = {"name": "i", "properties": {"subnet": subnet}}
    body = {"location": "eastus", "properties": {"ipConfigurations": [entry]}}
    refused = net.arm("PUT", f"{NET}/networkInterfaces/astray", body, api=API)
    assert (refused.status_code, code(refused)) == (400, "InvalidResourceReference")


def test_questions(net: LocalAzure) -> None:
    answer = net.arm("GET", "/providers/Microsoft.Network/locations/eastus/usages", api=API).json()["value"]
    used = {entry["name"]["value"]: entry["currentValue"] for entry in answer}
    assert (used["VirtualNetworks"], used["PublicIPAddresses"]) == (1, 0)
    assert net.arm("GET", "/providers/Microsoft.Network/locations/East US/usages", api=API).json()["value"] == answer
    check = f"{NET}/virtualNetworks/vn/CheckIPAddressAvailability?api-version={API}&ipAddress="
    assert net.arm("GET", f"{net.url}{net.subscription}{check}10.0.0.9").json() == {"available": True}
    outside = net.arm("GET", f"{net.url}{net.subscription}{check}10.9.0.9")
    assert (outside.status_code, code(outside)) == (400, "PrivateIPAddressNotInAnySubnet")
    dns = f"{net.url}{net.subscription}/providers/Microsoft.Network/locations/eastus/CheckDnsNameAvailability"
    assert net.arm("GET", f"{dns}?api-version={API}&domainNameLabel=free").json() == {"available": True}
