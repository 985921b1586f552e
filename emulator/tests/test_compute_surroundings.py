# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds virtual machines: availability sets, placement groups, SSH keys, scale sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compute_bodies import LOCATION, from_marketplace, machine, make_interface, make_machine, os_profile

if TYPE_CHECKING:
    from azure_process import LocalAzure


def make_set(azure: LocalAzure, name: str = "set", sku: str = "Aligned", **properties: Any) -> dict[str, Any]:
    body = {"location": LOCATION, "sku": {"name": sku}, "properties": properties}
    answer = azure.call("PUT", f"availabilitySets/{name}", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_availability_sets(azure: LocalAzure) -> None:
    made = make_set(azure, platformFaultDomainCount=2)
    assert made["properties"] == {"platformUpdateDomainCount": 5, "platformFaultDomainCount": 2, "virtualMachines": []}
    where = {"id": azure.path("availabilitySets/set")}
    make_machine(azure, "vm", from_marketplace(), availabilitySet=where)
    assert azure.get("availabilitySets/set")["properties"]["virtualMachines"] == [
        {"id": azure.path("virtualMachines/vm")}
    ]
    assert azure.refused("DELETE", "availabilitySets/set")[:2] == (409, "OperationNotAllowed")
    fixed = {"location": LOCATION, "properties": {"platformFaultDomainCount": 3}}
    assert azure.refused("PUT", "availabilitySets/set", fixed)[:2] == (409, "PropertyChangeNotAllowed")
    classic = {"location": LOCATION, "sku": {"name": "Classic"}, "properties": {}}
    assert "'Aligned' to 'Classic'" in azure.refused("PUT", "availabilitySets/set", classic)[2]
    azure.done(azure.call("DELETE", "virtualMachines/vm"))
    assert azure.call("DELETE", "availabilitySets/set").status_code == 200
    assert azure.call("DELETE", "availabilitySets/set").status_code == 204
    assert len(azure.get("availabilitySets")["value"]) == 0


def test_machines_that_do_not_fit_their_set(azure: LocalAzure) -> None:
    make_set(azure, "classic", "Classic")
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
    body["properties"]["availabilitySet"] = {"id": azure.path("availabilitySets/none")}
    assert azure.refused("PUT", "virtualMachines/vm", body)[:2] == (404, "NotFound")
    body["properties"]["availabilitySet"] = {"id": azure.path("availabilitySets/classic")}
    assert "non-managed Availability Set" in azure.refused("PUT", "virtualMachines/vm", body)[2]
    assert (
        "both Availability Zone and Availability Set"
        in azure.refused("PUT", "virtualMachines/vm", body | {"zones": ["1"]})[2]
    )


def test_placement_groups(azure: LocalAzure) -> None:
    body = {"location": LOCATION, "properties": {"proximityPlacementGroupType": "Standard"}}
    assert azure.call("PUT", "proximityPlacementGroups/near", body).status_code == 201
    assert azure.call("PUT", "proximityPlacementGroups/near", body).status_code == 200
    make_machine(
        azure, "vm", from_marketplace(), proximityPlacementGroup={"id": azure.path("proximityPlacementGroups/near")}
    )
    members = azure.get("proximityPlacementGroups/near")["properties"]["virtualMachines"]
    assert members == [{"id": azure.path("virtualMachines/vm")}]
    assert azure.refused("DELETE", "proximityPlacementGroups/near")[:2] == (409, "OperationNotAllowed")


def test_a_group_goes_with_all_of_them(azure: LocalAzure) -> None:
    azure.make_group("doomed")
    azure.group = "doomed"
    try:
        make_set(azure)
        make_machine(azure, "vm", from_marketplace(), availabilitySet={"id": azure.path("availabilitySets/set")})
        path = f"/subscriptions/{azure.subscription}/resourcegroups/doomed"
        answer = azure.client.delete(path, params={"api-version": "2021-04-01"})
        while answer.status_code == 202:
            answer = azure.client.get(answer.headers["location"])
        assert answer.status_code == 200, answer.text
        assert azure.call("GET", "availabilitySets/set").status_code == 404
    finally:
        azure.group = "rg"


def test_ssh_keys(azure: LocalAzure) -> None:
    assert azure.call("PUT", "sshPublicKeys/key", {"location": LOCATION}).status_code == 201
    pair = azure.call("POST", "sshPublicKeys/key/generateKeyPair", {"encryptionType": "Ed25519"}).json()
    assert pair["publicKey"].startswith("ssh-ed25519 ")
    assert pair["privateKey"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert azure.get("sshPublicKeys/key")["properties"] == {"publicKey": pair["publicKey"]}
    assert azure.refused("POST", "sshPublicKeys/key/generateKeyPair")[:2] == (409, "OperationNotAllowed")
    wrong = {"properties": {"publicKey": "nonsense"}}
    assert azure.refused("PATCH", "sshPublicKeys/key", wrong)[:2] == (400, "InvalidParameter")
    assert azure.call("DELETE", "sshPublicKeys/key").status_code == 200
    assert azure.call("DELETE", "sshPublicKeys/key").status_code == 204


def scale_set(azure: LocalAzure, capacity: int = 2, **profile: Any) -> dict[str, Any]:
    make_interface(azure, "any")
    subnet = {"id": azure.path("network:virtualNetworks/net/subnets/default")}
    address = {"name": "address", "properties": {"subnet": subnet}}
    interface = {"name": "nic", "properties": {"primary": "true", "ipConfigurations": [address]}}
    system = {"computerNamePrefix": "vmss", "adminUsername": "azureuser", "adminPassword": "Secret-12345"}
    return {
        "location": LOCATION,
        "sku": {"name": "Standard_DS1_v2", "capacity": capacity},
        "properties": {
            "upgradePolicy": {"mode": "manual"},
            "virtualMachineProfile": {
                "storageProfile": from_marketplace(),
                "osProfile": system,
                "networkProfile": {"networkInterfaceConfigurations": [interface]},
                **profile,
            },
        },
    }


def test_scale_sets(azure: LocalAzure) -> None:
    made = azure.put("virtualMachineScaleSets/set", scale_set(azure), "2019-12-01")
    assert made["sku"] == {"name": "Standard_DS1_v2", "tier": "Standard", "capacity": 2}
    properties = made["properties"]
    assert (properties["upgradePolicy"], properties["overprovision"]) == ({"mode": "Manual"}, True)
    profile = properties["virtualMachineProfile"]
    assert "adminPassword" not in profile["osProfile"]
    assert profile["osProfile"]["linuxConfiguration"] == {
        "disablePasswordAuthentication": False,
        "provisionVMAgent": True,
    }
    assert profile["storageProfile"]["osDisk"] == {
        "createOption": "FromImage",
        "caching": "ReadWrite",
        "managedDisk": {"storageAccountType": "Premium_LRS"},
        "diskSizeGB": 30,
    }
    assert profile["networkProfile"]["networkInterfaceConfigurations"][0]["properties"]["primary"] is True
    newer = azure.get("virtualMachineScaleSets/set", "2024-07-01")["properties"]["virtualMachineProfile"]
    assert newer["storageProfile"]["diskControllerType"] == "SCSI"
    assert newer["storageProfile"]["osDisk"]["osType"] == "Linux"
    instances = azure.get("virtualMachineScaleSets/set/virtualMachines")["value"]
    assert [one["instanceId"] for one in instances] == ["0", "1"]
    azure.done(azure.call("PATCH", "virtualMachineScaleSets/set", {"sku": {"capacity": 3}}))
    assert azure.get("virtualMachineScaleSets/set/virtualMachines/2")["name"] == "set_2"
    for number in ("3", "9" * 5000):
        assert azure.call("GET", f"virtualMachineScaleSets/set/virtualMachines/{number}").status_code == 404
    usages = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/{LOCATION}/usages"
    used = {usage["name"]["value"]: usage["currentValue"] for usage in azure.get(usages)["value"]}
    assert (used["virtualMachineScaleSets"], used["availabilitySets"]) == (1, 0)
    azure.done(azure.call("DELETE", "virtualMachineScaleSets/set"))
    assert azure.call("DELETE", "virtualMachineScaleSets/set").status_code == 204


def test_scale_sets_are_refused(azure: LocalAzure) -> None:
    body = scale_set(azure, storageProfile=from_marketplace("nope"))
    assert azure.refused("PUT", "virtualMachineScaleSets/set", body)[:2] == (404, "PlatformImageNotFound")
    assert azure.refused("PUT", "virtualMachineScaleSets/set", scale_set(azure, capacity=1001))[:2] == (
        400,
        "InvalidParameter",
    )
    nameless = scale_set(azure, osProfile={"adminUsername": "azureuser"})
    assert azure.refused("PUT", "virtualMachineScaleSets/set", nameless)[:2] == (400, "InvalidParameter")
