# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a virtual machine must be for Azure to make or change it, and what can be done to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from compute_bodies import (
    LOCATION,
    bytes_of,
    codes,
    copy_of,
    from_image,
    from_marketplace,
    generalize,
    image_of_disk,
    machine,
    make_machine,
    os_profile,
    upload_disk,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure

VM = "virtualMachines/vm"
TRUSTED = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}


def market(publisher: str, offer: str, sku: str) -> dict[str, Any]:
    reference = {"publisher": publisher, "offer": offer, "sku": sku, "version": "latest"}
    return {"imageReference": reference, "osDisk": {"createOption": "FromImage"}}


def refusal(
    azure: LocalAzure, storage: dict[str, Any], size: str = "Standard_D2s_v3", **properties: Any
) -> tuple[int, str, str]:
    body = machine(azure, "vm", storage, size=size, osProfile=os_profile("vm"), **properties)
    return azure.refused("PUT", VM, body)


# Plans -----------------------------------------------------------------------------------------------------------

ROCKY = ("resf", "rockylinux-x86_64", "9-base")
PLAN = {"publisher": "resf", "product": "rockylinux-x86_64", "name": "9-base"}


def terms(azure: LocalAzure) -> str:
    root = f"/subscriptions/{azure.subscription}/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine"
    return f"{root}/publishers/resf/offers/rockylinux-x86_64/plans/9-base/agreements/current"


def with_plan(azure: LocalAzure, plan: dict[str, str] | None) -> dict[str, Any]:
    body = machine(azure, "vm", market(*ROCKY), size="Standard_D2s_v3", osProfile=os_profile("vm"))
    return body | ({"plan": plan} if plan else {})


def test_plans_and_their_terms(azure: LocalAzure) -> None:
    status, code, text = azure.refused("PUT", VM, with_plan(azure, None))
    assert (status, code) == (400, "VMMarketplaceInvalidInput")
    assert "requires Plan information in the request" in text
    answer = azure.call("PUT", VM, with_plan(azure, PLAN)).json()["error"]
    assert answer["code"] == "MarketplacePurchaseEligibilityFailed"
    assert "you need to accept the legal terms of the image" in answer["details"][0]["message"]
    shown = azure.get(terms(azure), "2021-01-01")
    assert (shown["name"], shown["properties"]["accepted"]) == ("9-base", False)
    assert azure.get(terms(azure), "2021-01-01")["properties"]["signature"] != shown["properties"]["signature"]
    shown["properties"]["accepted"] = True
    accepted = azure.call("PUT", terms(azure), shown, "2021-01-01")
    assert (accepted.status_code, accepted.json()["properties"]["accepted"]) == (200, True)
    assert azure.get(terms(azure), "2021-01-01")["properties"]["accepted"] is True
    made = azure.put(VM, with_plan(azure, PLAN))
    assert made["plan"] == PLAN
    fixed = azure.refused("PATCH", VM, {"plan": {**PLAN, "name": "other"}})
    assert fixed[:2] == (409, "PropertyChangeNotAllowed")
    shown["properties"]["signature"] = "FORGED"
    assert azure.refused("PUT", terms(azure), shown, "2021-01-01")[:2] == (400, "BadRequest")


def test_wrong_plans(azure: LocalAzure) -> None:
    other = {"publisher": "resf", "product": "rockylinux-x86_64", "name": "8-base"}
    assert "does not match" in azure.refused("PUT", VM, with_plan(azure, other))[2]
    unknown = {"publisher": "resf", "product": "none", "name": "none"}
    assert azure.refused("PUT", VM, with_plan(azure, unknown))[:2] == (400, "ResourcePurchaseValidationFailed")
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm")) | {"plan": PLAN}
    assert "does not need Plan information" in azure.refused("PUT", VM, body)[2]


# Size, security, processor ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("storage", "size", "profile", "text"),
    [
        (from_marketplace("12"), "Standard_D2s_v3", TRUSTED, "Use of TrustedLaunch setting is not supported"),
        (from_marketplace("12-gen2"), "Standard_B2ps_v2", TRUSTED, "only supports a CPU Architecture of 'Arm64'"),
        (from_marketplace("12-arm64"), "Standard_B2ps_v2", TRUSTED, "is not supported for creation of VMs and Virtual"),
        (
            from_marketplace("12-gen2"),
            "Standard_D2s_v3",
            {"securityType": "ConfidentialVM"},
            "'ConfidentialVM' security type",
        ),
        (
            from_marketplace("12-gen2"),
            "Standard_DC2as_v5",
            {"securityType": "ConfidentialVM"},
            "Use of ConfidentialVM setting",
        ),
        (from_marketplace("12-gen2"), "Standard_D2s_v3", {"uefiSettings": {"vTpmEnabled": True}}, "uefiSettings"),
    ],
)
def test_security_must_fit(
    azure: LocalAzure, storage: dict[str, Any], size: str, profile: dict[str, Any], text: str
) -> None:
    status, code, message = refusal(azure, storage, size, securityProfile=profile)
    assert (status, code) == (400, "BadRequest")
    assert text in message


def test_trusted_launch(azure: LocalAzure) -> None:
    storage = from_marketplace("12-gen2")
    body = machine(azure, "vm", storage, size="Standard_D2s_v3", osProfile=os_profile("vm"), securityProfile=TRUSTED)
    made = azure.put(VM, body)["properties"]
    assert made["securityProfile"] == TRUSTED
    disk = azure.get(made["storageProfile"]["osDisk"]["managedDisk"]["id"])
    assert disk["properties"]["securityProfile"] == {"securityType": "TrustedLaunch"}


def test_confidential_machine(azure: LocalAzure) -> None:
    storage = market("Canonical", "0001-com-ubuntu-confidential-vm-jammy", "22_04-lts-cvm")
    profile = {**TRUSTED, "securityType": "ConfidentialVM"}
    assert "securityEncryptionType" in refusal(azure, storage, "Standard_DC2as_v5", securityProfile=profile)[2]
    storage["osDisk"]["managedDisk"] = {"securityProfile": {"securityEncryptionType": "VMGuestStateOnly"}}
    body = machine(azure, "vm", storage, size="Standard_DC2as_v5", osProfile=os_profile("vm"), securityProfile=profile)
    managed = azure.put(VM, body)["properties"]["storageProfile"]["osDisk"]["managedDisk"]
    assert managed["securityProfile"] == {"securityEncryptionType": "VMGuestStateOnly"}


def test_deprecated_images(azure: LocalAzure) -> None:
    assert refusal(azure, market("OpenLogic", "CentOS", "6.9"))[:2] == (400, "ImageVersionDeprecated")


def test_images_with_data_disks_and_plan(azure: LocalAzure) -> None:
    plan = {"publisher": "fortinet", "product": "fortinet_fortigate-vm_v5", "name": "fortinet_fg-vm_payg"}
    root = f"/subscriptions/{azure.subscription}/providers/Microsoft.MarketplaceOrdering/agreements/fortinet"
    sign = f"{root}/offers/fortinet_fortigate-vm_v5/plans/fortinet_fg-vm_payg/sign"
    assert azure.call("POST", sign, version="2021-01-01").status_code == 200
    storage = market("fortinet", "fortinet_fortigate-vm_v5", "fortinet_fg-vm_payg")
    body = machine(azure, "vm", storage, osProfile=os_profile("vm")) | {"plan": plan}
    disks = azure.put(VM, body)["properties"]["storageProfile"]["dataDisks"]
    assert [(disk["lun"], disk["createOption"], disk["diskSizeGB"]) for disk in disks] == [(0, "FromImage", 30)]
    creation = azure.get(disks[0]["managedDisk"]["id"])["properties"]["creationData"]
    assert creation["imageReference"]["lun"] == 0


@pytest.mark.parametrize(
    ("licence", "text"),
    [
        ("RHEL_BYOS", None),
        ("None", None),
        ("Windows_Server", "Parameter 'licenseType' is not allowed."),
        ("windows_server", "The license type windows_server is invalid. Valid license types are:"),
    ],
)
def test_licences(azure: LocalAzure, licence: str, text: str | None) -> None:
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"), licenseType=licence)
    if text is None:
        assert azure.put(VM, body)["properties"]["licenseType"] == licence
    else:
        assert azure.refused("PUT", VM, body)[2].startswith(text)


def test_zones(azure: LocalAzure) -> None:
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
    assert azure.refused("PUT", VM, body | {"zones": ["7"]})[:2] == (400, "InvalidAvailabilityZone")
    made = azure.put(VM, body | {"zones": ["2"]})
    assert made["zones"] == ["2"]
    assert azure.refused("PUT", VM, made | {"zones": ["1"]})[:2] == (409, "PropertyChangeNotAllowed")


# Quota -----------------------------------------------------------------------------------------------------------


def limit(azure: LocalAzure, name: str, value: int) -> None:
    scope = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/{LOCATION}"
    body = {"properties": {"limit": {"limitObjectType": "LimitValue", "value": value}, "name": {"value": name}}}
    answer = azure.call("PUT", f"{scope}/providers/Microsoft.Quota/quotas/{name}", body, "2023-02-01")
    assert (answer.status_code, answer.json()["properties"]["limit"]["value"]) == (200, value)


def test_quotas_of_families_and_regions(azure: LocalAzure) -> None:
    make_machine(azure, "first", from_marketplace())
    azure.post("virtualMachines/first/deallocate")
    limit(azure, "standardDSv2Family", 2)
    status, code, text = refusal(azure, from_marketplace(), "Standard_DS2_v2")
    assert (status, code) == (409, "OperationNotAllowed")
    assert text.startswith(
        "Operation could not be completed as it results in exceeding approved standardDSv2Family Cores quota. Additional "
        "details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 2, Current Usage: 1, Additional "
        "Required: 2, (Minimum) New Limit Required: 3."
    )
    limit(azure, "cores", 2)
    assert "approved Total Regional Cores quota" in refusal(azure, from_marketplace(), "Standard_D2s_v3")[2]
    body = machine(azure, "vm", from_marketplace(), size="Standard_D2s_v3", osProfile=os_profile("vm"))
    assert azure.refused("PUT", VM, body, "2017-12-01")[2] == (
        "Operation results in exceeding quota limits of Core. Maximum allowed: 2, Current in use: 1, Additional requested: 2."
    )
    azure.put(VM, body | {"properties": {**body["properties"], "priority": "Spot", "evictionPolicy": "Deallocate"}})
    assert azure.refused("PATCH", VM, {"properties": {"priority": "Regular"}}) == (
        409,
        "PropertyChangeNotAllowed",
        "Changing property 'priority' is not allowed.",
    )


def test_skus(azure: LocalAzure) -> None:
    where = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/skus"
    found = azure.get(where, "2021-07-01", **{"$filter": "location eq 'West Europe'"})["value"]
    assert {item["resourceType"] for item in found} >= {"virtualMachines", "disks", "snapshots", "availabilitySets"}
    sizes = {item["name"]: item for item in found if item["resourceType"] == "virtualMachines"}
    size = sizes["Standard_DC2as_v5"]
    assert size["family"] == "standardDCASv5Family"
    capabilities = {item["name"]: item["value"] for item in size["capabilities"]}
    assert capabilities["ConfidentialComputingType"] == "SNP"
    shares = {
        item["name"]: capability["value"]
        for item in found
        for capability in item["capabilities"]
        if capability["name"] == "MaxValueOfMaxShares"
    }
    assert (shares["Standard_LRS"], shares["Premium_LRS"]) == ("1", "10")
    assert azure.get(where, "2021-07-01", **{"$filter": "location eq 'atlantis'"})["value"] == []
    assert azure.call("GET", where, version="2021-07-01", **{"$filter": "name eq 'x'"}).status_code == 400


def test_sizes_that_cannot_be_had(azure: LocalAzure) -> None:
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
    azure.control("restrictions", "PUT", location=LOCATION, size="Standard_DS1_v2", zones=["1"])
    status, code, text = azure.refused("PUT", VM, body | {"zones": ["1"]})
    assert (status, code) == (409, "SkuNotAvailable")
    assert (
        f"is currently not available in location '{LOCATION}' zones '1' for subscription '{azure.subscription}'" in text
    )
    azure.control("restrictions", "PUT", location=LOCATION, size="Standard_DS1_v2")
    assert azure.refused("PUT", VM, body)[1] == "SkuNotAvailable"
    where = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/skus"
    found = azure.get(where, "2021-07-01", **{"$filter": f"location eq '{LOCATION}'"})["value"]
    restricted = [item["name"] for item in found if item["restrictions"]]
    assert restricted == ["Standard_DS1_v2"]
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        azure.control("restrictions", "PUT", location=LOCATION, size="Standard_DS1_v2", available="false")
    assert azure.refused("PUT", VM, body)[1] == "SkuNotAvailable"
    azure.control("restrictions", "PUT", location=LOCATION, size="Standard_DS1_v2", available=True)
    azure.put(VM, body)


@pytest.mark.parametrize(
    ("names", "system"),
    [
        (("Canonical", "UbuntuServer", "18.04-LTS"), ("ubuntu", "18.04")),
        (("Debian", "debian-12", "12"), ("debian", "12")),
        (("RedHat", "RHEL", "8_10"), ("redhat", "8.10")),
        (
            ("MicrosoftWindowsServer", "WindowsServer", "2019-Datacenter"),
            ("Windows Server 2019 Datacenter", "10.0.17763.6293"),
        ),
    ],
)
def test_the_agent_knows_the_system(azure: LocalAzure, names: tuple[str, str, str], system: tuple[str, str]) -> None:
    azure.put(VM, machine(azure, "vm", market(*names), osProfile=os_profile("vm")))
    view = azure.get(f"{VM}/instanceView")
    assert (view["osName"], view["osVersion"]) == system


# What can be done ------------------------------------------------------------------------------------------------


def test_reimage_brings_the_bytes_back(azure: LocalAzure) -> None:
    data = os.urandom(4096)
    upload_disk(azure, "source", data)
    azure.put("images/i", image_of_disk(azure, "source"))
    storage = from_image(azure, "i", dataDisks=[{"lun": 0, "createOption": "Empty", "diskSizeGB": 1}])
    before = make_machine(azure, "vm", storage)["properties"]["storageProfile"]
    answer = azure.call("POST", f"{VM}/reimage", {"tempDisk": False})
    assert answer.status_code == 202
    assert azure.done(answer)["status"] == "Succeeded"
    after = azure.get(VM)["properties"]["storageProfile"]
    assert after["osDisk"]["name"] != before["osDisk"]["name"]
    assert after["dataDisks"] == before["dataDisks"]
    assert azure.get(f"disks/{before['osDisk']['name']}")["properties"]["diskState"] == "Unattached"
    azure.post(f"{VM}/deallocate")
    assert bytes_of(azure, f"disks/{after['osDisk']['name']}", 4096) == data
    assert "deallocated" in azure.refused("POST", f"{VM}/reimage")[2]
    azure.post(f"{VM}/start")
    azure.done(azure.call("PATCH", VM, {"properties": {"storageProfile": {"osDisk": {"deleteOption": "Delete"}}}}))
    azure.post(f"{VM}/reimage")
    assert azure.call("GET", f"disks/{after['osDisk']['name']}").status_code == 404
    azure.post(f"{VM}/powerOff", skipShutdown="true")
    assert azure.call("POST", f"{VM}/generalize").status_code == 200
    assert "since the VM is generalized" in azure.refused("POST", f"{VM}/reimage")[2]


def test_hibernate(azure: LocalAzure) -> None:
    make_machine(azure, "plain", from_marketplace())
    answer = azure.call("POST", "virtualMachines/plain/deallocate", hibernate="true")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "OperationNotAllowed")
    make_machine(azure, "vm", from_marketplace(), additionalCapabilities={"hibernationEnabled": True})
    azure.post(f"{VM}/deallocate", hibernate="true")
    assert codes(azure, "vm")[-2:] == ["PowerState/deallocated", "HibernationState/Hibernated"]
    resize = {"properties": {"hardwareProfile": {"vmSize": "Standard_DS2_v2"}}}
    assert "hibernated" in azure.refused("PATCH", VM, resize)[2]
    azure.post(f"{VM}/start")
    assert codes(azure, "vm")[-1] == "PowerState/running"
    assert azure.call("POST", f"{VM}/deallocate", hibernate="maybe").status_code == 400
    azure.post(f"{VM}/deallocate", version="2025-11-01", forceDeallocate="true")


def test_eviction(azure: LocalAzure) -> None:
    make_machine(azure, "regular", from_marketplace())
    assert azure.refused("POST", "virtualMachines/regular/simulateEviction")[:2] == (409, "OperationNotAllowed")
    make_machine(azure, "vm", from_marketplace(), priority="Spot", evictionPolicy="Deallocate")
    assert azure.call("POST", f"{VM}/simulateEviction").status_code == 204
    azure.control("clock", advance=60)
    assert codes(azure, "vm")[-1] == "PowerState/deallocated"


def test_patches(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    found = azure.post(f"{VM}/assessPatches")
    assert (found["status"], found["availablePatches"]) == ("Succeeded", [])
    body = {
        "maximumDuration": "PT4H",
        "rebootSetting": "IfRequired",
        "linuxParameters": {"classificationsToInclude": ["Critical"]},
    }
    done = azure.post(f"{VM}/installPatches", body)
    assert (done["installedPatchCount"], done["rebootStatus"]) == (0, "NotNeeded")
    assert azure.refused("POST", f"{VM}/installPatches", {"rebootSetting": "Sometimes"})[:2] == (
        400,
        "InvalidParameter",
    )
    azure.post(f"{VM}/powerOff")
    assert azure.refused("POST", f"{VM}/assessPatches")[:2] == (409, "OperationNotAllowed")


def test_boot_diagnostics(azure: LocalAzure) -> None:
    make_machine(azure, "plain", from_marketplace())
    assert azure.refused("POST", "virtualMachines/plain/retrieveBootDiagnosticsData")[:2] == (
        409,
        "OperationNotAllowed",
    )
    make_machine(azure, "vm", from_marketplace(), diagnosticsProfile={"bootDiagnostics": {"enabled": True}})
    urls = azure.call("POST", f"{VM}/retrieveBootDiagnosticsData").json()
    assert azure.client.get(urls["serialConsoleLogBlobUri"]).status_code == 200
    assert azure.get(f"{VM}/instanceView")["bootDiagnostics"] == {}
    for nothing in (None, {"bootDiagnostics": None}):
        azure.done(azure.call("PATCH", VM, {"properties": {"diagnosticsProfile": nothing}}))
        view = azure.get(f"{VM}/instanceView")
    assert "bootDiagnostics" not in view


def test_maintenance_and_lists(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    assert azure.refused("POST", f"{VM}/performMaintenance")[:2] == (409, "OperationNotAllowed")
    azure.post(f"{VM}/redeploy")
    azure.post(f"{VM}/reapply")
    where = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations"
    assert [vm["name"] for vm in azure.get(f"{where}/westeurope/virtualMachines")["value"]] == ["vm"]
    assert azure.get(f"{where}/eastus/virtualMachines")["value"] == []
    assert azure.get("virtualMachines")["value"][0]["id"] == azure.path(VM).replace(
        "/resourceGroups/rg/", "/resourceGroups/RG/"
    )
    status = azure.get("virtualMachines", statusOnly="true")["value"][0]
    assert status["properties"]["instanceView"]["statuses"][-1]["code"] == "PowerState/running"


def test_the_system_of_a_new_machine_is_set_up(azure: LocalAzure) -> None:
    """First the platform works, then the guest; the clock of the test decides."""
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
    azure.control("latency", "PUT", name="realistic")
    try:
        azure.call("PUT", VM, body).raise_for_status()
        seen = [codes(azure, "vm")]
        for seconds in (15, 3600):
            azure.control("clock", advance=seconds)
            seen.append(codes(azure, "vm"))
    finally:
        azure.control("latency", "PUT", name="fast")
    assert seen == [
        ["ProvisioningState/creating", "PowerState/starting"],
        ["ProvisioningState/creating", "ProvisioningState/creating/osProvisioningInProgress", "PowerState/running"],
        ["ProvisioningState/succeeded", "PowerState/running"],
    ]


def test_user_data_is_shown_on_demand(azure: LocalAzure) -> None:
    made = make_machine(azure, "vm", from_marketplace(), userData="aGVsbG8=")
    assert "userData" not in made["properties"]
    assert azure.get(VM, **{"$expand": "userData"})["properties"]["userData"] == "aGVsbG8="


def test_attach_and_detach_by_id(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace(dataDisks=[{"lun": 0, "createOption": "Empty", "diskSizeGB": 1}]))
    first = azure.get(VM)["properties"]["storageProfile"]["dataDisks"][0]["managedDisk"]["id"]
    azure.put(
        "disks/extra",
        {"location": LOCATION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 2}},
    )
    body = {"dataDisksToAttach": [{"diskId": azure.path("disks/extra")}], "dataDisksToDetach": [{"diskId": first}]}
    answer = azure.call("POST", f"{VM}/attachDetachDataDisks", body)
    assert answer.status_code == 202
    azure.done(answer)
    disks = azure.get(VM)["properties"]["storageProfile"]["dataDisks"]
    assert [disk["managedDisk"]["id"].lower() for disk in disks] == [azure.path("disks/extra").lower()]
    assert azure.refused("POST", f"{VM}/attachDetachDataDisks", body)[:2] == (400, "InvalidParameter")
    assert azure.refused("POST", f"{VM}/attachDetachDataDisks", {})[:2] == (400, "InvalidParameter")


def test_swap_the_os_disk(azure: LocalAzure) -> None:
    first = make_machine(azure, "vm", from_marketplace())["properties"]["storageProfile"]["osDisk"]
    azure.put("snapshots/s", copy_of(azure, f"disks/{first['name']}"))
    azure.put("disks/other", copy_of(azure, "snapshots/s"))
    swap = {
        "properties": {
            "storageProfile": {"osDisk": {"name": "other", "managedDisk": {"id": azure.path("disks/other")}}}
        }
    }
    assert azure.refused("PATCH", VM, swap)[:2] == (409, "PropertyChangeNotAllowed")
    azure.post(f"{VM}/deallocate")
    azure.done(azure.call("PATCH", VM, swap))
    assert azure.get(VM)["properties"]["storageProfile"]["osDisk"]["name"] == "other"
    assert "managedBy" not in azure.get(f"disks/{first['name']}")
    assert azure.get("disks/other")["managedBy"].lower() == azure.path(VM).lower()


def test_identity(azure: LocalAzure) -> None:
    user = azure.path("x").partition("/providers/")[0]
    user += "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/user"
    elsewhere = user + "2"
    own = azure.call("PUT", user, {"location": LOCATION}, "2023-01-31").json()["properties"]
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
    users = {user: {}, elsewhere: {}}
    made = azure.put(VM, body | {"identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": users}})
    assert made["identity"]["principalId"]
    known = made["identity"]["userAssignedIdentities"]
    assert known[user] == {name: own[name] for name in ("principalId", "clientId")}
    assert known[elsewhere].keys() == {"principalId", "clientId"}
    take = {"identity": {"type": "SystemAssigned", "userAssignedIdentities": {user: None, elsewhere: None}}}
    azure.done(azure.call("PATCH", VM, take))
    assert azure.get(VM)["identity"].keys() == {"type", "principalId", "tenantId"}
    azure.done(azure.call("PATCH", VM, {"identity": {"type": "None"}}))
    assert "identity" not in azure.get(VM)
    assert azure.refused("PATCH", VM, {"identity": {"type": "Magic"}})[:2] == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"osProfile": {"computerName": "other"}}, "osProfile.computerName"),
        ({"osProfile": {"customData": "eA=="}}, "osProfile.customData"),
        ({"storageProfile": {"imageReference": {"sku": "11"}}}, "imageReference"),
        ({"storageProfile": {"osDisk": {"name": "other"}}}, "osDisk.name"),
        ({"availabilitySet": {"id": "/subscriptions/s/resourceGroups/r/providers/P/t/n"}}, "availabilitySet"),
    ],
)
def test_what_never_changes(azure: LocalAzure, change: dict[str, Any], name: str) -> None:
    make_machine(azure, "vm", from_marketplace())
    expected = (409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.")
    assert azure.refused("PATCH", VM, {"properties": change}) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"additionalCapabilities": {"ultraSSDEnabled": True}},
        {"additionalCapabilities": {"hibernationEnabled": True}},
        {"securityProfile": {"encryptionAtHost": True}},
    ],
)
def test_what_needs_a_deallocated_machine(azure: LocalAzure, change: dict[str, Any]) -> None:
    make_machine(azure, "vm", from_marketplace())
    status, code, text = azure.refused("PATCH", VM, {"properties": change})
    assert (status, code) == (409, "OperationNotAllowed")
    assert text.endswith("since the VM is not deallocated.")
    azure.post(f"{VM}/deallocate")
    azure.done(azure.call("PATCH", VM, {"properties": change}))


def test_disks_of_one_kind_and_never_smaller(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    smaller = {"properties": {"storageProfile": {"osDisk": {"diskSizeGB": 10}}}}
    assert azure.refused("PATCH", VM, smaller)[2] == "Disks or snapshot cannot be resized down."
    larger = {"properties": {"storageProfile": {"osDisk": {"diskSizeGB": 64}}}}
    assert azure.refused("PATCH", VM, larger)[:2] == (409, "Conflict")
    azure.post(f"{VM}/deallocate")
    azure.done(azure.call("PATCH", VM, larger))
    azure.post(f"{VM}/start")
    assert azure.get(VM)["properties"]["storageProfile"]["osDisk"]["diskSizeGB"] == 64


# Trouble ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "power"),
    [
        ("OSProvisioningTimedOut", ["PowerState/running"]),
        ("OSProvisioningClientError", ["PowerState/running"]),
        ("AllocationFailed", []),
    ],
)
def test_creation_that_fails_on_demand(azure: LocalAzure, code: str, power: list[str]) -> None:
    azure.control("faults", "PUT", operations=[{"effect": "compute.vm.create", "code": code, "times": 1, "seconds": 0}])
    try:
        body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
        assert azure.refused("PUT", VM, body)[:2] == (200, code)
    finally:
        azure.control("faults", "PUT")
    assert azure.get(VM)["properties"]["provisioningState"] == "Failed"
    assert codes(azure, "vm") == [f"ProvisioningState/failed/{code}", *power]
    assert len(azure.get("disks")["value"]) == len(power)
    if power:
        assert azure.get(f"{VM}/instanceView")["vmAgent"]["statuses"][0]["displayStatus"] == "Not Ready"
    azure.done(azure.call("DELETE", VM))
    make_machine(azure, "vm", from_marketplace())


def test_marked_for_deletion(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.control("latency", "PUT", seconds={"compute.vm.*": 60})
    try:
        azure.call("POST", f"{VM}/restart")
        assert azure.refused("POST", f"{VM}/start")[2].endswith("since another operation is in progress.")
        azure.call("DELETE", VM)
        text = azure.refused("POST", f"{VM}/start")[2]
        assert text == (
            "Operation 'Start VM' is not allowed on VM 'vm' since the VM is marked for deletion. You can only retry the "
            "Delete operation (or wait for an ongoing one to complete)."
        )
    finally:
        azure.control("latency", "PUT", name="fast")
        azure.control("clock", advance=61)


def test_generalized_machines_do_not_start(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    generalize(azure, "vm")
    assert azure.refused("POST", f"{VM}/start") == (
        409,
        "OperationNotAllowed",
        "Operation 'Start VM' is not allowed on VM 'vm' since the VM is generalized.",
    )
    azure.post(f"{VM}/deallocate")
