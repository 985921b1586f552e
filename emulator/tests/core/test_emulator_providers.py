# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The providers around Compute: vaults, identities, roles, locks, tags, and resources whatever their type."""

from __future__ import annotations

from typing import Any

import pytest
from azure_emulator import services
from azure_emulator.services.resources import provider_types
from local_azure import LocalAzure, code

VAULTS = "/resourceGroups/around/providers/Microsoft.KeyVault/vaults"
IDENTITIES = "/resourceGroups/around/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
KEYS = "2023-07-01"
ROLES = "2022-04-01"
TENANT = "11111111-1111-1111-1111-111111111111"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ASSIGNMENT = "22222222-2222-2222-2222-222222222222"


@pytest.fixture
def around(azure: LocalAzure) -> LocalAzure:
    """An empty group ``around``."""
    azure.control("POST", "/reset")
    azure.group("around")
    return azure


def vault(azure: LocalAzure, name: str, **properties: Any) -> Any:
    given = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []} | properties
    return azure.arm("PUT", f"{VAULTS}/{name}", {"location": "eastus", "properties": given}, api=KEYS)


def test_vaults_register_their_name(around: LocalAzure) -> None:
    around.control("POST", "/clock", {"freeze": None})
    around.control("PUT", "/latency", {"name": "realistic"})
    made = vault(around, "golden-1")
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (200, "RegisteringDns")
    again = around.arm("GET", f"{VAULTS}/golden-1", api=KEYS).json()
    assert again["properties"]["provisioningState"] == "RegisteringDns"
    around.control("POST", "/clock", {"advance": 60})
    found = around.arm("GET", f"{VAULTS}/GOLDEN-1", api=KEYS).json()
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert found["properties"]["vaultUri"] == "https://golden-1.vault.azure.net/"
    assert "systemData" in found
    assert "systemData" not in around.arm("GET", f"{VAULTS}/golden-1", api="2019-09-01").json()
    changed = around.arm("PATCH", f"{VAULTS}/golden-1", {"properties": {"enablePurgeProtection": True}}, api=KEYS)
    assert changed.json()["properties"]["enablePurgeProtection"] is True
    back = around.arm("PATCH", f"{VAULTS}/golden-1", {"properties": {"enablePurgeProtection": False}}, api=KEYS)
    assert back.status_code == 400
    assert len(around.arm("GET", VAULTS, api=KEYS).json()["value"]) == 1


def test_flags_may_be_words(around: LocalAzure) -> None:
    """Packer's template has ``"enableSoftDelete": "true"``."""
    found = vault(
        around, "words", enableSoftDelete="true", enabledForDeployment="False", enabledForDiskEncryption="TRUE"
    )
    shown = found.json()["properties"]
    flags = shown["enableSoftDelete"], shown["enabledForDeployment"], shown["enabledForDiskEncryption"]
    assert flags == (True, False, True)
    wrong = vault(around, "wrong", enabledForDeployment="yes")
    assert (wrong.status_code, code(wrong)) == (400, "InvalidRequestContent")


@pytest.mark.parametrize("name", ["ab", "1abc", "a--b-c", "ends-", "under_score", "x" * 25])
def test_vault_names(around: LocalAzure, name: str) -> None:
    answer = vault(around, name)
    assert (answer.status_code, code(answer)) == (400, "VaultNameNotValid")


def test_policies(around: LocalAzure) -> None:
    vault(around, "golden-2")
    policy = {"tenantId": TENANT, "objectId": "one", "permissions": {"keys": ["get"]}}
    body = {"properties": {"accessPolicies": [policy]}}
    added = around.arm("PUT", f"{VAULTS}/golden-2/accessPolicies/add", body, api=KEYS)
    assert added.json()["properties"]["accessPolicies"] == [policy]
    around.arm("PUT", f"{VAULTS}/golden-2/accessPolicies/remove", body, api=KEYS)
    assert around.arm("GET", f"{VAULTS}/golden-2", api=KEYS).json()["properties"]["accessPolicies"] == []


def test_deleted_vaults_keep_their_name_until_purged(around: LocalAzure) -> None:
    around.control("POST", "/clock", {"freeze": None})
    vault(around, "golden-3", softDeleteRetentionInDays=7)
    assert around.arm("DELETE", f"{VAULTS}/golden-3", api=KEYS).status_code == 200
    assert around.arm("DELETE", f"{VAULTS}/golden-3", api=KEYS).status_code == 204
    again = vault(around, "golden-3")
    assert (again.status_code, code(again)) == (409, "ConflictError")
    name = {"name": "golden-3", "type": "Microsoft.KeyVault/vaults"}
    check = around.arm("POST", "/providers/Microsoft.KeyVault/checkNameAvailability", name, api=KEYS)
    assert check.json()["reason"] == "AlreadyExists"
    listed = around.arm("GET", "/providers/Microsoft.KeyVault/deletedVaults", api=KEYS).json()["value"]
    assert [entry["name"] for entry in listed] == ["golden-3"]
    place = "/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/golden-3"
    purged = around.arm("POST", f"{place}/purge", api=KEYS)
    assert (purged.status_code, "location" in purged.headers) == (202, True)
    around.control("POST", "/clock", {"advance": 60})
    around.done(purged)
    assert around.arm("GET", place, api=KEYS).status_code == 404
    assert vault(around, "golden-3").status_code == 200


def test_recover_and_forget_in_time(around: LocalAzure) -> None:
    vault(around, "golden-4", softDeleteRetentionInDays=7)
    around.arm("DELETE", f"{VAULTS}/golden-4", api=KEYS)
    assert vault(around, "golden-4", createMode="recover").status_code == 200
    around.arm("DELETE", f"{VAULTS}/golden-4", api=KEYS)
    around.control("POST", "/clock", {"advance": 8 * 24 * 3600})
    assert around.arm("GET", "/providers/Microsoft.KeyVault/deletedVaults", api=KEYS).json()["value"] == []
    assert vault(around, "golden-4").status_code == 200


def test_identities(around: LocalAzure) -> None:
    made = around.arm("PUT", f"{IDENTITIES}/builder", {"location": "eastus"}, api="2023-01-31")
    assert made.status_code == 201
    assert made.headers["location"] == made.json()["id"]
    assert set(made.json()["properties"]) == {"tenantId", "principalId", "clientId"}
    again = around.arm("PUT", f"{IDENTITIES}/builder", {"location": "eastus", "tags": {"a": "b"}}, api="2023-01-31")
    assert (again.status_code, again.json()["properties"]) == (200, made.json()["properties"])
    associated = around.arm("POST", f"{IDENTITIES}/builder/listAssociatedResources", api="2023-01-31")
    assert associated.json() == {"totalCount": 0, "value": []}
    assert around.arm("DELETE", f"{IDENTITIES}/builder", api="2023-01-31").status_code == 200
    assert around.arm("GET", f"{IDENTITIES}/builder", api="2023-01-31").status_code == 404


def test_roles_are_found_and_assigned(around: LocalAzure) -> None:
    path = "/providers/Microsoft.Authorization"
    url = f"{around.url}{around.subscription}{path}/roleDefinitions?api-version={ROLES}&$filter=roleName eq 'Reader'"
    role = around.arm("GET", url).json()["value"][0]
    assert role["name"] == READER
    group = f"/resourceGroups/around{path}/roleAssignments"
    body = {"properties": {"roleDefinitionId": role["id"], "principalId": TENANT, "principalType": "ServicePrincipal"}}
    made = around.arm("PUT", f"{group}/{ASSIGNMENT}", body, api=ROLES)
    assert (made.status_code, made.json()["properties"]["createdBy"]) == (201, None)
    twice = around.arm("PUT", f"{group}/{TENANT}", body, api=ROLES)
    assert (twice.status_code, code(twice)) == (409, "RoleAssignmentExists")
    unknown = {"properties": body["properties"] | {"roleDefinitionId": f"/x/{TENANT}"}}
    assert code(around.arm("PUT", f"{group}/{TENANT}", unknown, api=ROLES)) == "RoleDefinitionDoesNotExist"
    assert len(around.arm("GET", f"{path}/roleAssignments", api=ROLES).json()["value"]) == 1
    other = f"{around.url}{around.subscription}{path}/roleAssignments?api-version={ROLES}&$filter=principalId eq 'x'"
    assert around.arm("GET", other).json()["value"] == []
    assert around.arm("DELETE", f"{group}/{ASSIGNMENT}", api=ROLES).json()["name"] == ASSIGNMENT
    assert around.arm("DELETE", f"{group}/{ASSIGNMENT}", api=ROLES).status_code == 204


def test_assignments_go_with_their_group(around: LocalAzure) -> None:
    around.arm("PUT", f"{IDENTITIES}/builder", {"location": "eastus"}, api="2023-01-31")
    role = f"{around.subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    body = {"properties": {"roleDefinitionId": role, "principalId": TENANT}}
    path = f"{IDENTITIES}/builder/providers/Microsoft.Authorization/roleAssignments/{ASSIGNMENT}"
    assert around.arm("PUT", path, body, api=ROLES).status_code == 201
    assert around.arm("PUT", path.replace("builder", "nobody"), body, api=ROLES).status_code == 404
    around.done(around.arm("DELETE", "/resourceGroups/around"))
    everything = around.arm("GET", "/providers/Microsoft.Authorization/roleAssignments", api=ROLES)
    assert everything.json()["value"] == []


def test_locks_hold(around: LocalAzure) -> None:
    path = "/resourceGroups/around/providers/Microsoft.Authorization/locks/keep"
    lock = {"properties": {"level": "CanNotDelete"}}
    assert around.arm("PUT", path, lock, api="2020-05-01").status_code == 201
    vault(around, "golden-5")
    refused = around.arm("DELETE", f"{VAULTS}/golden-5", api=KEYS)
    assert (refused.status_code, code(refused)) == (409, "ScopeLocked")
    assert code(around.arm("DELETE", "/resourceGroups/around")) == "ScopeLocked"
    around.arm("PUT", path, {"properties": {"level": "ReadOnly"}}, api="2020-05-01")
    assert code(vault(around, "golden-6")) == "ScopeLocked"
    assert around.arm("DELETE", path, api="2020-05-01").status_code == 200
    assert around.arm("DELETE", f"{VAULTS}/golden-5", api=KEYS).status_code == 200


def test_tags_of_a_scope(around: LocalAzure) -> None:
    path = "/resourceGroups/around/providers/Microsoft.Resources/tags/default"
    merged = around.arm("PATCH", path, {"operation": "Merge", "properties": {"tags": {"a": "1"}}})
    assert merged.json()["properties"] == {"tags": {"a": "1"}}
    assert around.arm("GET", "/resourceGroups/around").json()["tags"] == {"a": "1"}
    around.arm("PATCH", path, {"operation": "Delete", "properties": {"tags": {"a": "1"}}})
    assert around.arm("GET", path).json()["properties"] == {"tags": {}}
    assert around.arm("GET", "/tagNames").json() == {"value": []}


def test_lists_of_resources(around: LocalAzure) -> None:
    around.arm("PUT", f"{IDENTITIES}/tagged", {"location": "eastus", "tags": {"t": "v"}}, api="2023-01-31")
    vault(around, "golden-7")

    def listed(query: str) -> list[dict[str, Any]]:
        url = f"{around.url}{around.subscription}/resources?api-version=2021-04-01&{query}"
        found: list[dict[str, Any]] = around.arm("GET", url).json()["value"]
        return found

    assert [r["name"] for r in listed("$filter=resourceType eq 'Microsoft.KeyVault/vaults'")] == ["golden-7"]
    assert [r["name"] for r in listed("$filter=substringof('TAG',name)")] == ["tagged"]
    by_tag = listed("$filter=tagname eq 't'&$expand=createdTime")
    assert [set(r) for r in by_tag] == [{"id", "name", "type", "location"}]
    assert "createdTime" in listed("$expand=createdTime,changedTime,provisioningState")[0]


def test_groups_as_templates_and_moves(around: LocalAzure) -> None:
    vault(around, "golden-8")
    exported = around.arm("POST", "/resourceGroups/around/exportTemplate", {"resources": ["*"]}).json()["template"]
    assert [resource["name"] for resource in exported["resources"]] == ["golden-8"]
    body = {"resources": [f"{around.subscription}{VAULTS}/golden-8"], "targetResourceGroup": "/x"}
    moved = around.arm("POST", "/resourceGroups/around/moveResources", body)
    assert (moved.status_code, code(moved)) == (409, "ResourceMoveProviderValidationFailed")


def test_provider_lists_say_what_types_can(around: LocalAzure) -> None:
    found = around.arm("GET", "/providers/Microsoft.Compute").json()
    machines = next(kind for kind in found["resourceTypes"] if kind["resourceType"] == "virtualMachines")
    assert {"locations", "apiVersions", "defaultApiVersion", "zoneMappings", "capabilities"} < set(machines)
    assert {"authorizations", "registrationPolicy"} < set(found)
    names = [entry["namespace"] for entry in around.arm("GET", "/providers").json()["value"]]
    assert "Microsoft.KeyVault" in names


def test_features_are_registered_over_time(around: LocalAzure) -> None:
    around.control("POST", "/clock", {"freeze": None})
    around.control("PUT", "/latency", {"name": "realistic"})
    path = "/providers/Microsoft.Features/providers/Microsoft.Compute/features/encryptionathost"
    assert around.arm("GET", path).json()["properties"] == {"state": "NotRegistered"}
    assert around.arm("POST", f"{path}/register").json()["properties"] == {"state": "Registering"}
    around.control("POST", "/clock", {"advance": 1000})
    assert around.arm("GET", path).json()["properties"] == {"state": "Registered"}
    assert code(around.arm("GET", f"{path}No")) == "FeatureNotFound"
    every = around.arm("GET", "/providers/Microsoft.Features/features").json()["value"]
    assert "Microsoft.Storage/AllowHNS" in [entry["name"] for entry in every]


def test_existence_is_asked_without_a_body(around: LocalAzure) -> None:
    vault(around, "golden-9")
    assert around.arm("HEAD", f"{VAULTS}/golden-9", api=KEYS).status_code == 204
    assert around.arm("HEAD", f"{VAULTS}/golden-0", api=KEYS).status_code == 404


def test_every_provider_that_answers_is_listed() -> None:
    routes = services.collect()[0]
    answering = {part.split("/")[0] for route in routes for part in route.template.split("/providers/")[1:]}
    # Quotas extend the regions of other providers.
    assert {name for name in answering if "{" not in name} - {"Microsoft.Quota"} <= set(provider_types.TYPES)
    assert set(provider_types.TYPES) == set(provider_types.VERSIONS)
