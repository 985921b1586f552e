# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import (
    PASSWORD,
    codes,
    copy_of,
    empty,
    from_image,
    from_marketplace,
    generalize,
    image_of_disk,
    image_of_machine,
    machine,
    make_machine,
    make_specialized,
    os_profile,
    upload_disk,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure


def test_create_from_the_marketplace(azure: LocalAzure) -> None:
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm", customData="aGVsbG8="))
    body["tags"] = {"a": "b"}
    answer = azure.call("PUT", "virtualMachines/vm", body)
    assert answer.status_code == 201
    assert answer.headers["azure-asyncnotification"] == "Enabled"
    assert "location" not in answer.headers
    first = answer.json()["properties"]
    assert first["provisioningState"] == "Creating"
    assert "id" not in first["storageProfile"]["osDisk"]["managedDisk"]
    assert "diskSizeGB" not in first["storageProfile"]["osDisk"]
    assert first["storageProfile"]["imageReference"]["exactVersion"].startswith("0.")
    azure.done(answer)
    found = azure.get("virtualMachines/vm", "2020-06-01")
    profile = found["properties"]["osProfile"]
    assert profile == {
        "computerName": "vm",
        "adminUsername": "azureuser",
        "linuxConfiguration": {"disablePasswordAuthentication": False, "provisionVMAgent": True},
        "secrets": [],
        "allowExtensionOperations": True,
        "requireGuestProvisionSignal": True,
    }
    assert {"timeCreated", "etag"}.isdisjoint({*found, *found["properties"]})
    disk = found["properties"]["storageProfile"]["osDisk"]
    assert disk["name"].startswith("vm_OsDisk_1_")
    assert disk["diskSizeGB"] == 30
    assert disk["managedDisk"]["id"].endswith(f"/resourceGroups/RG/providers/Microsoft.Compute/disks/{disk['name']}")
    assert PASSWORD not in azure.call("GET", "virtualMachines/vm", **{"$expand": "instanceView"}).text
    made = azure.get(f"disks/{disk['name']}")
    assert made["managedBy"] == azure.path("virtualMachines/vm")
    assert made["tags"] == {"a": "b"}
    assert made["properties"]["diskState"] == "Attached"
    assert made["properties"]["creationData"]["createOption"] == "FromImage"
    interface = azure.get("network:networkInterfaces/vm-nic", "2023-09-01")["properties"]
    assert interface["virtualMachine"]["id"] == azure.path("virtualMachines/vm")


def test_newer_versions_show_more(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    new = azure.get("virtualMachines/vm", "2024-07-01")
    assert new["etag"]
    assert new["properties"]["timeCreated"]
    assert new["properties"]["storageProfile"]["osDisk"]["deleteOption"] == "Detach"
    patching = new["properties"]["osProfile"]["linuxConfiguration"]["patchSettings"]
    assert patching == {"patchMode": "ImageDefault", "assessmentMode": "ImageDefault"}


def test_instance_view_of_a_running_machine(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    view = azure.get("virtualMachines/vm", **{"$expand": "instanceView"})["properties"]["instanceView"]
    assert view.keys() == {"computerName", "osName", "osVersion", "vmAgent", "disks", "hyperVGeneration", "statuses"}
    assert view["vmAgent"]["statuses"][0]["displayStatus"] == "Ready"
    assert codes(azure, "vm") == ["ProvisioningState/succeeded", "PowerState/running"]
    status = azure.get(
        f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/virtualMachines", statusOnly="true"
    )
    assert "instanceView" in status["value"][0]["properties"]


def test_power_states(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    for action, wanted in (
        ("restart", "running"),
        ("powerOff", "stopped"),
        ("start", "running"),
        ("deallocate", "deallocated"),
        ("start", "running"),
        ("redeploy", "running"),
    ):
        answer = azure.call("POST", f"virtualMachines/vm/{action}")
        assert answer.status_code == 202
        assert not answer.content
        assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
        azure.done(answer)
        assert codes(azure, "vm")[-1] == f"PowerState/{wanted}"


def test_a_deallocated_machine_shows_less(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.post("virtualMachines/vm/deallocate")
    found = azure.get("virtualMachines/vm")
    disk = found["properties"]["storageProfile"]["osDisk"]
    assert "diskSizeGB" not in disk
    assert disk["managedDisk"].keys() == {"id"}
    view = azure.get("virtualMachines/vm/instanceView")
    assert {"vmAgent", "computerName"}.isdisjoint(view)
    assert azure.get(f"disks/{disk['name']}")["properties"]["diskState"] == "Reserved"
    refused = azure.refused("POST", "virtualMachines/vm/restart")
    assert refused[:2] == (409, "OperationNotAllowed")


def test_states_show_while_the_operation_runs(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.control("latency", "PUT", seconds={"compute.vm.*": 60})
    try:
        answer = azure.call("POST", "virtualMachines/vm/deallocate")
        assert azure.client.get(answer.headers["azure-asyncoperation"]).json()["status"] == "InProgress"
        assert azure.client.get(answer.headers["location"]).status_code == 202
        assert codes(azure, "vm") == ["ProvisioningState/updating", "PowerState/deallocating"]
        busy = azure.refused("POST", "virtualMachines/vm/start")
        assert busy[:2] == (409, "OperationNotAllowed")
        assert "another operation is in progress" in busy[2]
        azure.control("clock", advance=61)
        assert codes(azure, "vm") == ["ProvisioningState/succeeded", "PowerState/deallocated"]
    finally:
        azure.control("latency", "PUT", name="fast")


def test_generalize(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    running = azure.refused("POST", "virtualMachines/vm/generalize")
    assert running == (
        409,
        "OperationNotAllowed",
        (
            "Operation 'generalize' is not allowed on VM 'vm' since the VM is running. Please power off explicitly in case "
            "you shut down the VM from inside the guest operating system."
        ),
    )
    azure.post("virtualMachines/vm/powerOff")
    answer = azure.call("POST", "virtualMachines/vm/generalize")
    assert (answer.status_code, answer.content) == (200, b"")
    assert {"azure-asyncoperation", "location"}.isdisjoint(answer.headers)
    assert codes(azure, "vm") == ["ProvisioningState/succeeded", "OSState/generalized", "PowerState/stopped"]
    assert "eneralized" not in azure.call("GET", "virtualMachines/vm").text
    for action in ("start", "restart", "redeploy"):
        status, code, text = azure.refused("POST", f"virtualMachines/vm/{action}")
        assert (status, code) == (409, "OperationNotAllowed")
        assert text.endswith("is not allowed on VM 'vm' since the VM is generalized.")
    assert "'Start VM'" in azure.refused("POST", "virtualMachines/vm/start")[2]
    azure.post("virtualMachines/vm/deallocate")
    assert azure.call("POST", "virtualMachines/vm/generalize").status_code == 200


def test_a_guest_that_shut_itself_down(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.control("guest", vm=azure.path("virtualMachines/vm"), event="shutdown")
    assert codes(azure, "vm")[-1] == "PowerState/stopped"
    assert azure.refused("POST", "virtualMachines/vm/generalize")[:2] == (409, "OperationNotAllowed")
    generalize(azure, "vm")
    assert "OSState/generalized" in codes(azure, "vm")


def test_many_machines_from_an_image_with_data_disks(azure: LocalAzure) -> None:
    upload_disk(azure, "os", b"x" * 512)
    azure.put("disks/data", empty(2))
    body = image_of_disk(azure, "os", caching="ReadWrite")
    data = {"lun": 4, "managedDisk": {"id": azure.path("disks/data")}, "caching": "ReadOnly"}
    body["properties"]["storageProfile"]["dataDisks"] = [data]
    azure.put("images/i", body)
    names = set()
    for number in range(3):
        storage = make_machine(azure, f"vm{number}", from_image(azure, "i"))["properties"]["storageProfile"]
        assert storage["osDisk"]["name"].startswith(f"vm{number}_disk1_")
        (disk,) = storage["dataDisks"]
        assert disk["name"].startswith(f"vm{number}_disk2_")
        assert (disk["lun"], disk["createOption"], disk["caching"], disk["diskSizeGB"]) == (
            4,
            "FromImage",
            "ReadOnly",
            2,
        )
        names |= {storage["osDisk"]["name"], disk["name"]}
        made = azure.get(f"disks/{storage['osDisk']['name']}")["properties"]
        assert made["diskSizeBytes"] == 32 << 20
    assert len(names) == 6


def test_data_disks_of_the_request_and_of_the_image(azure: LocalAzure) -> None:
    azure.put("disks/os", empty(4))
    azure.put("disks/data", empty(2))
    azure.put("disks/mine", empty(8))
    body = image_of_disk(azure, "os")
    body["properties"]["storageProfile"]["dataDisks"] = [{"lun": 1, "managedDisk": {"id": azure.path("disks/data")}}]
    azure.put("images/i", body)
    wanted = [
        {"lun": 0, "createOption": "Attach", "managedDisk": {"id": azure.path("disks/mine")}},
        {"lun": 1, "createOption": "FromImage", "diskSizeGB": 16, "caching": "ReadWrite"},
        {"lun": 2, "createOption": "Empty", "diskSizeGB": 1, "name": "named"},
    ]
    found = make_machine(azure, "vm", from_image(azure, "i", dataDisks=wanted))["properties"]["storageProfile"][
        "dataDisks"
    ]
    assert [(disk["lun"], disk["createOption"], disk["diskSizeGB"]) for disk in found] == [
        (0, "Attach", 8),
        (1, "FromImage", 16),
        (2, "Empty", 1),
    ]
    assert found[0]["managedDisk"]["id"] == azure.path("disks/mine")
    assert found[1]["name"].startswith("vm_disk3_")
    assert found[2]["name"] == "named"
    assert azure.get("disks/mine")["managedBy"] == azure.path("virtualMachines/vm")
    small = [{"lun": 1, "createOption": "FromImage", "diskSizeGB": 1}]
    body = machine(azure, "vm2", from_image(azure, "i", dataDisks=small), osProfile=os_profile("vm2"))
    assert azure.refused("PUT", "virtualMachines/vm2", body)[:2] == (409, "OperationNotAllowed")


def test_specialized_machine_from_a_disk(azure: LocalAzure) -> None:
    upload_disk(azure, "d", b"x" * 512, hyperVGeneration="V2")
    found = make_specialized(azure, "vm", "d")
    assert "osProfile" not in found["properties"]
    assert "imageReference" not in found["properties"]["storageProfile"]
    disk = found["properties"]["storageProfile"]["osDisk"]
    assert (disk["createOption"], disk["name"], disk["diskSizeGB"]) == ("Attach", "d", 1)
    assert codes(azure, "vm") == ["OSState/specialized", "ProvisioningState/succeeded", "PowerState/running"]
    view = azure.get("virtualMachines/vm/instanceView")
    assert view["hyperVGeneration"] == "V2"
    assert view["vmAgent"]["statuses"][0]["displayStatus"] == "Not Ready"


def test_a_disk_belongs_to_one_machine(azure: LocalAzure) -> None:
    upload_disk(azure, "d", b"x" * 512)
    make_specialized(azure, "vm", "d")
    os_disk = {"createOption": "Attach", "osType": "Linux", "managedDisk": {"id": azure.path("disks/d")}}
    body = machine(azure, "vm2", {"osDisk": os_disk})
    assert azure.refused("PUT", "virtualMachines/vm2", body) == (
        409,
        "ConflictingUserInput",
        (
            f"Disk '{azure.path('disks/d')}' cannot be attached as the disk is already owned by VM "
            f"'{azure.path('virtualMachines/vm')}'."
        ),
    )
    other = machine(azure, "vm3", from_marketplace(), osProfile=os_profile("vm3"))
    other["properties"]["networkProfile"]["networkInterfaces"][0]["id"] = azure.path("network:networkInterfaces/vm-nic")
    assert azure.refused("PUT", "virtualMachines/vm3", other)[:2] == (400, "NicInUse")


def test_attached_disks_must_be_ready(azure: LocalAzure) -> None:
    azure.put("disks/d", empty(4))
    azure.post("disks/d/beginGetAccess", {"access": "Read", "durationInSeconds": 60})
    os_disk = {"createOption": "Attach", "osType": "Linux", "managedDisk": {"id": azure.path("disks/d")}}
    body = machine(azure, "vm", {"osDisk": os_disk})
    assert "active shared access signature" in azure.refused("PUT", "virtualMachines/vm", body)[2]
    azure.post("disks/d/endGetAccess")
    azure.put("virtualMachines/vm", body)


def _windows(name: str = "vm", **more: Any) -> dict[str, Any]:
    return os_profile(name, **more)


def _windows_storage() -> dict[str, Any]:
    reference = {
        "publisher": "MicrosoftWindowsServer",
        "offer": "WindowsServer",
        "sku": "2022-datacenter",
        "version": "latest",
    }
    return {"imageReference": reference, "osDisk": {"createOption": "FromImage"}}


def test_windows(azure: LocalAzure) -> None:
    configuration = {
        "timeZone": "W. Europe Standard Time",
        "winRM": {"listeners": [{"protocol": "Http"}]},
        "additionalUnattendContent": [
            {
                "passName": "OobeSystem",
                "componentName": "Microsoft-Windows-Shell-Setup",
                "settingName": "AutoLogon",
                "content": "<x/>",
            }
        ],
    }
    body = machine(
        azure,
        "vm",
        _windows_storage(),
        osProfile=_windows(windowsConfiguration=configuration),
        licenseType="Windows_Server",
    )
    found = azure.put("virtualMachines/vm", body)["properties"]
    shown = found["osProfile"]["windowsConfiguration"]
    assert shown["provisionVMAgent"] is shown["enableAutomaticUpdates"] is True
    assert shown["timeZone"] == "W. Europe Standard Time"
    assert shown["winRM"] == configuration["winRM"]
    assert shown["patchSettings"]["patchMode"] == "AutomaticByOS"
    assert "content" not in shown["additionalUnattendContent"][0]
    assert found["licenseType"] == "Windows_Server"
    assert found["storageProfile"]["osDisk"]["diskSizeGB"] == 127
    assert azure.get("virtualMachines/vm/instanceView")["osName"].startswith("Windows Server")


@pytest.mark.parametrize(
    ("change", "code", "target"),
    [
        ({"osProfile": None}, "InvalidParameter", "osProfile"),
        ({"osProfile": {"computerName": "vm"}}, "InvalidParameter", "osProfile"),
        ({"osProfile": os_profile("vm", adminUsername="admin")}, "InvalidParameter", "adminUsername"),
        ({"osProfile": os_profile("vm", adminPassword="weak")}, "InvalidParameter", "adminPassword"),
        ({"osProfile": os_profile("vm", adminPassword=None)}, "InvalidParameter", "adminPassword"),
        ({"osProfile": os_profile("x" * 65)}, "InvalidParameter", "computerName"),
        ({"osProfile": os_profile("vm", customData="no base64!")}, "InvalidParameter", "customData"),
        (
            {"osProfile": os_profile("vm", windowsConfiguration={"timeZone": "UTC"})},
            "InvalidParameter",
            "windowsConfiguration",
        ),
        ({"hardwareProfile": {"vmSize": "Standard_Huge"}}, "InvalidParameter", "vmSize"),
        ({"hardwareProfile": {}}, "InvalidParameter", "hardwareProfile"),
        ({"storageProfile": {}}, "InvalidParameter", "storageProfile"),
        ({"networkProfile": {}}, "InvalidParameter", "networkProfile"),
        ({"networkProfile": {"networkInterfaces": [{"id": "nonsense"}]}}, "InvalidResourceReference", None),
    ],
)
def test_bad_bodies_are_refused(azure: LocalAzure, change: dict[str, Any], code: str, target: str | None) -> None:
    body = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
    body["properties"] |= change
    answer = azure.call("PUT", "virtualMachines/vm", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("target")) == (400, code, target)
    assert azure.call("GET", "virtualMachines/vm").status_code == 404


def test_exact_texts(azure: LocalAzure) -> None:
    body = machine(azure, "vm", from_marketplace(), osProfile={"computerName": "vm"})
    assert (
        azure.refused("PUT", "virtualMachines/vm", body)[2] == "Required parameter 'adminUsername' is missing (null)."
    )
    upload_disk(azure, "d", b"x" * 512)
    azure.put("images/special", image_of_disk(azure, "d", "Specialized"))
    body = machine(azure, "vm", from_image(azure, "special"), osProfile=os_profile("vm"))
    assert azure.refused("PUT", "virtualMachines/vm", body)[2] == "Parameter 'osProfile' is not allowed."
    body = machine(azure, "vm", from_image(azure, "none"), osProfile=os_profile("vm"))
    assert azure.refused("PUT", "virtualMachines/vm", body)[:2] == (404, "NotFound")
    missing = from_marketplace("13")
    status, code, text = azure.refused(
        "PUT", "virtualMachines/vm", machine(azure, "vm", missing, osProfile=os_profile("vm"))
    )
    assert (status, code) == (404, "PlatformImageNotFound")
    assert text.startswith("The platform image 'Debian:debian-12:13:latest' is not available. Verify that all fields")


def test_generation_must_fit_the_size(azure: LocalAzure) -> None:
    body = machine(azure, "vm", from_marketplace("12-gen2"), size="Standard_D2_v2", osProfile=os_profile("vm"))
    status, code, text = azure.refused("PUT", "virtualMachines/vm", body)
    assert (status, code) == (400, "BadRequest")
    assert "cannot boot Hypervisor Generation '2'" in text
    old = machine(azure, "vm", from_marketplace("12"), size="Standard_D2s_v6", osProfile=os_profile("vm"))
    assert "cannot boot Hypervisor Generation '1'" in azure.refused("PUT", "virtualMachines/vm", old)[2]


def test_image_and_machine_share_a_region(azure: LocalAzure) -> None:
    azure.put("disks/d", empty() | {"location": "eastus"})
    azure.put("images/i", image_of_disk(azure, "d") | {"location": "eastus"})
    body = machine(azure, "vm", from_image(azure, "i"), osProfile=os_profile("vm"))
    assert azure.refused("PUT", "virtualMachines/vm", body)[:2] == (404, "NotFound")


def test_keys_instead_of_a_password(azure: LocalAzure) -> None:
    key = {"path": "/home/azureuser/.ssh/authorized_keys", "keyData": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI test"}
    linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [key]}}
    profile = {"computerName": "vm", "adminUsername": "azureuser", "linuxConfiguration": linux}
    shown = make_machine(azure, "vm", from_marketplace(), osProfile=profile)["properties"]["osProfile"]
    assert shown["linuxConfiguration"]["ssh"]["publicKeys"] == [key]
    bad = {**profile, "linuxConfiguration": {**linux, "ssh": {"publicKeys": [{**key, "path": "/root/x"}]}}}
    body = machine(azure, "vm2", from_marketplace(), osProfile=bad)
    assert azure.refused("PUT", "virtualMachines/vm2", body)[:2] == (400, "InvalidParameter")


def test_update_tags_and_size(azure: LocalAzure) -> None:
    made = make_machine(azure, "vm", from_marketplace())
    change = {"tags": {"a": "b"}, "properties": {"hardwareProfile": {"vmSize": "Standard_DS2_v2"}}}
    answer = azure.call("PATCH", "virtualMachines/vm", change)
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Updating")
    azure.done(answer)
    found = azure.get("virtualMachines/vm")
    assert found["tags"] == {"a": "b"}
    assert found["properties"]["hardwareProfile"]["vmSize"] == "Standard_DS2_v2"
    assert found["etag"] != made["etag"]
    again = azure.call("PUT", "virtualMachines/vm", found)
    assert again.status_code == 200
    azure.done(again)
    assert azure.get("virtualMachines/vm")["properties"] == found["properties"]
    fixed = {"properties": {"osProfile": {"adminUsername": "other"}}}
    assert azure.refused("PATCH", "virtualMachines/vm", fixed)[:2] == (409, "PropertyChangeNotAllowed")


def test_conditions(azure: LocalAzure) -> None:
    made = make_machine(azure, "vm", from_marketplace())
    url = azure.path("virtualMachines/vm")
    params = {"api-version": "2024-07-01"}
    body = {"tags": {"a": "b"}}
    stale = azure.client.patch(url, params=params, json=body, headers={"If-Match": '"999"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "PreconditionFailed")
    assert azure.client.put(url, params=params, json=made, headers={"If-None-Match": "*"}).status_code == 412
    azure.done(azure.client.patch(url, params=params, json=body, headers={"If-Match": made["etag"]}))


def test_attach_and_detach_data_disks(azure: LocalAzure) -> None:
    data = [{"lun": 0, "createOption": "Empty", "diskSizeGB": 1}, {"lun": 1, "createOption": "Empty", "diskSizeGB": 1}]
    found = make_machine(azure, "vm", from_marketplace(dataDisks=data))
    azure.put("disks/extra", empty(2))
    disks = found["properties"]["storageProfile"]["dataDisks"]
    attach = {"lun": 7, "createOption": "Attach", "managedDisk": {"id": azure.path("disks/extra")}}
    change = {"properties": {"storageProfile": {"dataDisks": [disks[1], attach]}}}
    answer = azure.call("PATCH", "virtualMachines/vm", change)
    shown = answer.json()["properties"]["storageProfile"]["dataDisks"]
    assert [(disk["lun"], disk["toBeDetached"]) for disk in shown] == [(0, True), (1, False), (7, False)]
    azure.done(answer)
    after = azure.get("virtualMachines/vm")["properties"]["storageProfile"]["dataDisks"]
    assert [disk["lun"] for disk in after] == [1, 7]
    assert azure.get(f"disks/{disks[0]['name']}")["properties"]["diskState"] == "Unattached"
    assert azure.get("disks/extra")["managedBy"] == azure.path("virtualMachines/vm")
    clash = {
        "properties": {
            "storageProfile": {"dataDisks": [*after, {"lun": 1, "createOption": "Empty", "diskSizeGB": 1, "name": "n"}]}
        }
    }
    assert azure.refused("PATCH", "virtualMachines/vm", clash)[0] in (400, 409)


def test_too_many_data_disks(azure: LocalAzure) -> None:
    data = [{"lun": lun, "createOption": "Empty", "diskSizeGB": 1} for lun in range(5)]
    body = machine(azure, "vm", from_marketplace(dataDisks=data), osProfile=os_profile("vm"))
    status, code, text = azure.refused("PUT", "virtualMachines/vm", body)
    assert (status, code) == (409, "OperationNotAllowed")
    assert text.endswith("is 4.")


def test_delete_leaves_or_takes_along(azure: LocalAzure) -> None:
    storage = from_marketplace(dataDisks=[{"lun": 0, "createOption": "Empty", "diskSizeGB": 1}])
    storage["osDisk"]["deleteOption"] = "Delete"
    body = machine(azure, "vm", storage, osProfile=os_profile("vm"))
    body["properties"]["networkProfile"]["networkInterfaces"][0]["properties"] = {"deleteOption": "Delete"}
    azure.put("virtualMachines/vm", body)
    answer = azure.call("DELETE", "virtualMachines/vm", forceDeletion="true")
    assert answer.status_code == 202
    azure.done(answer)
    assert azure.call("GET", "virtualMachines/vm").status_code == 404
    assert [disk["properties"]["diskState"] for disk in azure.get("disks")["value"]] == ["Unattached"]
    assert azure.call("GET", "network:networkInterfaces/vm-nic", version="2023-09-01").status_code == 404
    assert azure.call("DELETE", "virtualMachines/vm").status_code == 204
    make_machine(azure, "vm", from_marketplace())
    azure.done(azure.call("DELETE", "virtualMachines/vm"))
    interface = azure.get("network:networkInterfaces/vm-nic", "2023-09-01")["properties"]
    assert "virtualMachine" not in interface


def test_deleting_twice_and_while_something_runs(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.control("latency", "PUT", seconds={"compute.vm.*": 60})
    try:
        stop = azure.call("POST", "virtualMachines/vm/deallocate")
        first = azure.call("DELETE", "virtualMachines/vm")
        second = azure.call("DELETE", "virtualMachines/vm")
        assert first.status_code == second.status_code == 202
        assert codes(azure, "vm")[0] == "ProvisioningState/deleting"
        azure.control("clock", advance=61)
        assert azure.done(stop)["status"] == "Canceled"
        assert azure.done(first)["status"] == azure.done(second)["status"] == "Succeeded"
        assert azure.call("GET", "virtualMachines/vm").status_code == 404
    finally:
        azure.control("latency", "PUT", name="fast")


def test_capture_is_for_blob_disks(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    generalize(azure, "vm")
    body = {"vhdPrefix": "p", "destinationContainerName": "c", "overwriteVhds": "true"}
    status, code, text = azure.refused("POST", "virtualMachines/vm/capture", body)
    assert (status, code) == (409, "OperationNotAllowed")
    assert "blob based disks" in text


def test_backup_before_sysprep(azure: LocalAzure) -> None:
    """Snapshot, disk, machine: the way back from generalizing."""
    first = make_machine(azure, "vm", from_marketplace())
    name = first["properties"]["storageProfile"]["osDisk"]["name"]
    azure.put("snapshots/s", copy_of(azure, f"disks/{name}"))
    generalize(azure, "vm")
    azure.put("images/i", image_of_machine(azure, "vm"))
    azure.put("disks/back", copy_of(azure, "snapshots/s"))
    make_specialized(azure, "again", "back")
    assert "PowerState/running" in codes(azure, "again")


def test_quota(azure: LocalAzure) -> None:
    usages = azure.get(f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/westeurope/usages")
    cores = next(item for item in usages["value"] if item["name"]["value"] == "cores")
    assert (cores["currentValue"], cores["limit"]) == (0, 10000)
    make_machine(azure, "vm", from_marketplace())
    usages = azure.get(f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/westeurope/usages")
    used = {item["name"]["value"]: item["currentValue"] for item in usages["value"]}
    assert (used["cores"], used["virtualMachines"], used["standardDSv2Family"]) == (1, 1, 1)


def test_sizes(azure: LocalAzure) -> None:
    where = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations"
    sizes = {size["name"]: size for size in azure.get(f"{where}/westeurope/vmSizes")["value"]}
    assert sizes["Standard_D3_v2"]["numberOfCores"] == 4
    assert sizes["Standard_D4s_v5"]["memoryInMB"] == 16384
    skus = azure.get(
        f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/skus",
        **{"$filter": "location eq 'westeurope'"},
    )["value"]
    capabilities = {
        item["name"]: item["value"] for item in next(s for s in skus if s["name"] == "Standard_D2s_v3")["capabilities"]
    }
    assert capabilities["HyperVGenerations"] == "V1,V2"
    assert azure.refused("GET", f"{where}/atlantis/vmSizes")[0] == 400
