# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed requests to the providers around Compute get an error of Azure's form, never a fault of the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nonsense import MANY, NONSENSE, changed, paths

if TYPE_CHECKING:
    from azure_process import LocalAzure

GUID = "11111111-1111-1111-1111-111111111111"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
VERSIONS = st.sampled_from(["2015-06-15", "2018-11-01", "2019-11-01", "2021-04-01", "2022-11-01", "2025-06-01"])


def bodies(azure: LocalAzure) -> dict[str, dict[str, Any]]:
    """Path -> a body that is accepted there."""
    network = azure.path("network:virtualNetworks/vn")
    scope = f"/subscriptions/{azure.subscription}/resourceGroups/{azure.group}"
    role = f"/subscriptions/{azure.subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    west: dict[str, Any] = {"location": "westeurope", "tags": {"a": "b"}}
    rule = {"protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 100, "sourcePortRange": "*"}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "dhcpOptions": {"dnsServers": ["1.1.1.1"]}}
    subnet = {"name": "s", "properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": "/x"}}}
    inner = {"subnet": {"id": f"{network}/subnets/s"}, "privateIPAllocationMethod": "Static", "primary": True}
    address = {"publicIPAllocationMethod": "Static", "dnsSettings": {"domainNameLabel": "abc"}, "ipTags": []}
    vault = {"tenantId": GUID, "sku": {"family": "A", "name": "standard"}, "accessPolicies": [{"objectId": GUID}]}
    account = {"allowBlobPublicAccess": True, "accessTier": "Hot", "networkAcls": {"defaultAction": "Deny"}}
    return {
        network: west | {"properties": space | {"subnets": [subnet]}},
        f"{network}/subnets/t": {"properties": {"addressPrefixes": ["10.0.1.0/24"], "delegations": []}},
        azure.path("network:networkSecurityGroups/g"): west
        | {"properties": {"securityRules": [{"name": "r", "properties": rule}]}},
        azure.path("network:networkSecurityGroups/g/securityRules/x"): {"properties": rule},
        azure.path("network:networkInterfaces/n"): west
        | {"properties": {"ipConfigurations": [{"name": "c", "properties": inner}], "dnsSettings": {"dnsServers": []}}},
        azure.path("network:publicIPAddresses/p"): west
        | {"sku": {"name": "Standard"}, "zones": ["1"], "properties": address},
        azure.path("network:loadBalancers/l"): west
        | {"sku": {"name": "Standard"}, "properties": {"probes": [{"name": "p", "properties": {}}]}},
        azure.path("keyVault:vaults/fuzzed-vault"): west | {"properties": vault | {"networkAcls": {"ipRules": []}}},
        azure.path("keyVault:vaults/fuzzed-vault/accessPolicies/add"): {"properties": {"accessPolicies": [{}]}},
        azure.path("managedIdentity:userAssignedIdentities/fuzzed"): west,
        azure.path("storage:storageAccounts/fuzzed"): west
        | {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "identity": {"type": "None"}, "properties": account},
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{GUID}": {
            "properties": {"roleDefinitionId": role, "principalId": GUID, "description": "x"}
        },
        f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{GUID}": {
            "properties": {"roleName": "r", "assignableScopes": [scope], "permissions": [{"actions": ["*"]}]}
        },
        f"{scope}/providers/Microsoft.Authorization/locks/l": {"properties": {"level": "CanNotDelete", "notes": "x"}},
        f"{scope}/providers/Microsoft.Resources/tags/default": {
            "operation": "Merge",
            "properties": {"tags": {"a": "b"}},
        },
        f"{scope}/exportTemplate": {"resources": ["*"]},
        scope: west | {"managedBy": "x"},
    }


@given(data=st.data())
@settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_is_a_fault(azure: LocalAzure, data: st.DataObject) -> None:
    wanted = bodies(azure)
    path = data.draw(st.sampled_from(sorted(wanted)))
    body = wanted[path]
    if data.draw(st.booleans()):
        body = changed(body, data.draw(st.sampled_from(paths(body))), data.draw(NONSENSE))
    method = "POST" if path.endswith("exportTemplate") else data.draw(st.sampled_from(["PUT", "PUT", "PATCH"]))
    for verb in (method, "GET", "DELETE") if data.draw(st.booleans()) and "locks" in path else (method, "GET"):
        answer = azure.client.request(
            verb,
            path,
            params={"api-version": data.draw(VERSIONS)},
            json=None if verb in ("GET", "DELETE") else body,
        )
        assert answer.status_code < 500, f"{verb} {path} {body}: {answer.text}"
        if answer.status_code >= 400:
            assert {"code", "message"} <= answer.json()["error"].keys()


@given(
    name=st.text(max_size=30),
    kind=st.sampled_from(["keyVault:vaults", "storage:storageAccounts", "managedIdentity:userAssignedIdentities"]),
    query=st.text(max_size=30),
)
@settings(max_examples=MANY // 3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_or_filter_is_a_fault(azure: LocalAzure, name: str, kind: str, query: str) -> None:
    path = f"{azure.path(kind)}/{quote(name, safe='')}"
    answer = azure.client.put(path, params={"api-version": "2023-01-31"}, json={"location": "westeurope"})
    assert answer.status_code < 500, answer.text
    for path in (
        "resources",
        "providers/Microsoft.Authorization/roleAssignments",
        "providers/Microsoft.Authorization/locks",
    ):
        listed = azure.client.get(
            f"/subscriptions/{azure.subscription}/{path}", params={"api-version": "2022-04-01", "$filter": query}
        )
        assert listed.status_code < 500, listed.text
