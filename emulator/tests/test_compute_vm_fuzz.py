# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed requests about machines and their surroundings get an error of Azure's form, never a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compute_bodies import LOCATION, from_marketplace, machine, make_interface, make_machine, os_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from nonsense import NONSENSE, SETTINGS, changed, check_members, paths

if TYPE_CHECKING:
    from azure_process import LocalAzure


def puts(azure: LocalAzure) -> dict[str, dict[str, Any]]:
    make_interface(azure, "any")
    subnet = {"id": azure.path("network:virtualNetworks/net/subnets/default")}
    interface = {
        "name": "nic",
        "properties": {"primary": True, "ipConfigurations": [{"name": "a", "properties": {"subnet": subnet}}]},
    }
    system = {"computerNamePrefix": "vmss", "adminUsername": "azureuser", "adminPassword": "Secret-12345"}
    profile = {
        "storageProfile": from_marketplace(),
        "osProfile": system,
        "networkProfile": {"networkInterfaceConfigurations": [interface]},
    }
    upgrade = {"mode": "Manual"}
    full = machine(
        azure,
        "new",
        from_marketplace("12-gen2"),
        size="Standard_D2s_v3",
        osProfile=os_profile("new"),
        securityProfile={"securityType": "TrustedLaunch", "uefiSettings": {"vTpmEnabled": True}},
        diagnosticsProfile={"bootDiagnostics": {"enabled": True, "storageUri": "https://a.blob.core.windows.net/"}},
        additionalCapabilities={"hibernationEnabled": True},
        priority="Spot",
        evictionPolicy="Deallocate",
        licenseType="None",
    )
    plan = {"publisher": "resf", "product": "rockylinux-x86_64", "name": "9-base"}
    user = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"
    identity = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {user: {}}}
    extension = {"publisher": "Microsoft.Azure.Extensions", "type": "CustomScript", "typeHandlerVersion": "2.1"}
    return {
        "virtualMachines/new": full | {"zones": ["1"], "identity": identity},
        "virtualMachines/bought": full | {"plan": plan},
        "virtualMachines/vm/extensions/e": {
            "location": LOCATION,
            "tags": {},
            "properties": {**extension, "autoUpgradeMinorVersion": True, "settings": {"commandToExecute": "x"}},
        },
        "virtualMachines/vm/runCommands/c": {
            "location": LOCATION,
            "properties": {
                "source": {"script": "x"},
                "parameters": [{"name": "a", "value": "b"}],
                "timeoutInSeconds": 5,
            },
        },
        "availabilitySets/s": {
            "location": LOCATION,
            "sku": {"name": "Aligned"},
            "properties": {"platformFaultDomainCount": 2, "proximityPlacementGroup": {"id": "x"}},
        },
        "proximityPlacementGroups/g": {
            "location": LOCATION,
            "zones": ["1"],
            "properties": {"proximityPlacementGroupType": "Standard", "intent": {"vmSizes": ["x"]}},
        },
        "sshPublicKeys/k": {"location": LOCATION, "properties": {"publicKey": "ssh-rsa AAAA"}},
        "virtualMachineScaleSets/v": {
            "location": LOCATION,
            "sku": {"name": "Standard_DS1_v2", "capacity": 1},
            "properties": {"upgradePolicy": upgrade, "virtualMachineProfile": profile, "overprovision": True},
        },
    }


def test_one_wrong_member_anywhere(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    check_members(azure, puts(azure), at_once=True, **{"$expand": "instanceView"})
    for collection in (
        "virtualMachines",
        "virtualMachineScaleSets",
        "availabilitySets",
        "virtualMachines/vm/extensions",
    ):
        assert azure.call("GET", collection).status_code == 200


POSTS: dict[str, dict[str, Any]] = {
    "runCommand": {"commandId": "RunShellScript", "script": ["x"], "parameters": [{"name": "a", "value": "b"}]},
    "capture": {"vhdPrefix": "p", "destinationContainerName": "images", "overwriteVhds": True},
    "reimage": {"tempDisk": False, "exactVersion": "1", "osProfile": {"adminPassword": "x", "customData": "eA=="}},
    "installPatches": {"rebootSetting": "Never", "maximumDuration": "PT1H", "linuxParameters": {"x": ["y"]}},
    "attachDetachDataDisks": {
        "dataDisksToAttach": [{"diskId": "/subscriptions/x", "lun": 1, "caching": "None"}],
        "dataDisksToDetach": [{"diskId": "/subscriptions/x", "detachOption": "ForceDetach"}],
    },
}


def test_odd_posts(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    places = [(name, path) for name, body in POSTS.items() for path in paths(body)]

    @SETTINGS
    @given(st.sampled_from(places), NONSENSE)
    def check(place: tuple[str, tuple[Any, ...]], value: Any) -> None:
        name, path = place
        answer = azure.call("POST", f"virtualMachines/vm/{name}", changed(POSTS[name], path, value))
        assert answer.status_code < 500, (name, path, value, answer.text)
        if "azure-asyncoperation" in answer.headers:
            assert "Internal" not in str(azure.done(answer)), (name, path, value)

    check()


def test_odd_terms_and_quotas(azure: LocalAzure) -> None:
    root = f"/subscriptions/{azure.subscription}/providers"
    plan = "publishers/resf/offers/rockylinux-x86_64/plans/9-base"
    places = (
        f"{root}/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/{plan}/agreements/current",
        f"{root}/Microsoft.Compute/locations/{LOCATION}/providers/Microsoft.Quota/quotas/cores",
    )
    body = {"properties": {"signature": "x", "accepted": True, "limit": {"value": 10_000}, "name": {"value": "cores"}}}

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.sampled_from(places), st.sampled_from(paths(body)), NONSENSE)
    def check(place: str, path: tuple[Any, ...], value: Any) -> None:
        assert azure.call("PUT", place, changed(body, path, value)).status_code < 500

    check()
