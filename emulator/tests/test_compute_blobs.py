# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and images from page blobs, and machines with blob disks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import (
    BLOB_SIZE,
    LOCATION,
    bytes_of,
    disk,
    from_image,
    from_marketplace,
    generalize,
    image_of_machine,
    machine,
    make_machine,
    os_profile,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure
    from blob_account import Account

blob = pytest.importorskip("azure.storage.blob")
GALLERIES = "2024-03-03"


def _import(url: str) -> dict[str, Any]:
    return disk({"createOption": "Import", "sourceUri": url}, osType="Linux")


def test_import(azure: LocalAzure, account: Account) -> None:
    data = os.urandom(8192)
    url = account.upload("os.vhd", data)
    answer = azure.call("PUT", "disks/d", _import(url), "2020-06-30")
    assert answer.json()["properties"]["diskSizeBytes"] == BLOB_SIZE
    assert azure.done(answer)["status"] == "Succeeded"
    found = azure.get("disks/d")["properties"]
    assert (found["diskSizeBytes"], found["diskState"]) == (BLOB_SIZE, "Unattached")
    assert bytes_of(azure, "disks/d", 16384) == data + bytes(8192)


def test_blobs_that_are_no_vhds(azure: LocalAzure, account: Account) -> None:
    url = account.upload("os.vhd", b"x" * 512)
    missing = url.replace("os.vhd", "none.vhd")
    assert azure.refused("PUT", "disks/d", _import(missing))[:2] == (404, "ImageBlobNotFound")
    account.service.get_blob_client("vhds", "text").upload_blob(b"hello")
    block = url.replace("os.vhd", "text")
    assert azure.refused("PUT", "disks/d", _import(block))[:2] == (409, "IncorrectImageBlobType")
    broken = account.upload("broken.vhd", b"x" * 512, footer=b"x" * 512)
    assert azure.refused("PUT", "disks/d", _import(broken))[:2] == (200, "InvalidVhd")
    assert azure.get("disks/d")["properties"]["provisioningState"] == "Failed"
    azure.done(azure.call("DELETE", "disks/d"))


def test_image_of_a_blob(azure: LocalAzure, account: Account) -> None:
    data = os.urandom(4096)
    url = account.upload("os.vhd", data)
    profile = {"osDisk": {"osType": "Linux", "osState": "Generalized", "blobUri": url}}
    found = azure.put("images/i", {"location": LOCATION, "properties": {"storageProfile": profile}})
    assert found["properties"]["storageProfile"]["osDisk"]["blobUri"] == url
    made = make_machine(azure, "vm", from_image(azure, "i"))
    azure.post("virtualMachines/vm/deallocate")
    name = made["properties"]["storageProfile"]["osDisk"]["name"]
    assert bytes_of(azure, f"disks/{name}", 4096) == data


def test_a_machine_with_blob_disks(azure: LocalAzure, account: Account) -> None:
    url = f"{account.endpoint}vhds/os.vhd"
    storage = from_marketplace()
    storage["osDisk"] |= {"name": "os", "vhd": {"uri": url}}
    found = azure.put("virtualMachines/vm", machine(azure, "vm", storage, osProfile=os_profile("vm")))
    os_disk = found["properties"]["storageProfile"]["osDisk"]
    assert (os_disk["vhd"]["uri"], os_disk["diskSizeGB"]) == (url, 30)
    assert "managedDisk" not in os_disk
    assert azure.get("disks")["value"] == []
    assert account.service.get_blob_client("vhds", "os.vhd").get_blob_properties().size == (30 << 30) + 512
    generalize(azure, "vm")
    image = azure.put("images/i", image_of_machine(azure, "vm"))["properties"]["storageProfile"]["osDisk"]
    assert (image["blobUri"], image["diskSizeGB"]) == (url, 30)


def _blob_machine(azure: LocalAzure, account: Account, name: str = "vm") -> None:
    """A machine with blob disks, one of each kind."""
    base = f"{account.endpoint}vhds/{name}"
    data = {"lun": 2, "createOption": "Empty", "diskSizeGB": 1, "name": "data", "vhd": {"uri": f"{base}-data.vhd"}}
    storage = from_marketplace(dataDisks=[data])
    storage["osDisk"] |= {"name": "os", "vhd": {"uri": f"{base}-os.vhd"}}
    azure.put(f"virtualMachines/{name}", machine(azure, name, storage, osProfile=os_profile(name)))


def test_capture_copies_the_blobs(azure: LocalAzure, account: Account) -> None:
    _blob_machine(azure, account)
    body = {"vhdPrefix": "img", "destinationContainerName": "captured", "overwriteVhds": "false"}
    assert "is not generalized" in azure.refused("POST", "virtualMachines/vm/capture", body)[2]
    disk = account.service.get_blob_client("vhds", "vm-os.vhd")
    data = os.urandom(4096)
    disk.upload_page(data, 0, 4096)
    generalize(azure, "vm")
    identity = azure.get("virtualMachines/vm")["properties"]["vmId"]
    template = azure.post("virtualMachines/vm/capture", body)
    assert template["parameters"]["vmSize"]["defaultValue"] == "Standard_DS1_v2"
    resource = template["resources"][0]
    storage = resource["properties"]["storageProfile"]
    name = f"img-osDisk.{identity}.vhd"
    assert storage["osDisk"]["name"] == name
    assert storage["osDisk"]["image"]["uri"].endswith(f"/system/Microsoft.Compute/Images/captured/{name}")
    assert storage["osDisk"].keys() == {"osType", "name", "createOption", "image", "vhd", "caching"}
    assert [disk["lun"] for disk in storage["dataDisks"]] == [2]
    captured = account.service.get_blob_client("system", f"Microsoft.Compute/Images/captured/{name}")
    assert captured.download_blob(0, 4096).readall() == data
    disk.upload_page(bytes(4096), 0, 4096)
    assert captured.download_blob(0, 4096).readall() == data
    status, code, text = azure.refused("POST", "virtualMachines/vm/capture", body)
    assert (status, code) == (409, "TargetDiskBlobAlreadyExists")
    assert text.startswith(
        f"Capture operation cannot continue because target image blob {storage['osDisk']['image']['uri']}"
    )
    again = azure.post("virtualMachines/vm/capture", body | {"overwriteVhds": "true"})
    assert again["resources"][0]["name"] == "[parameters('vmName')]"
    assert captured.download_blob(0, 4096).readall() == bytes(4096)


@pytest.mark.parametrize(
    ("change", "target"),
    [
        ({"vhdPrefix": None}, "vhdPrefix"),
        ({"vhdPrefix": "no/slash"}, "vhdPrefix"),
        ({"destinationContainerName": "UPPER"}, "destinationContainerName"),
        ({"overwriteVhds": "perhaps"}, "overwriteVhds"),
    ],
)
def test_capture_looks_at_its_body(azure: LocalAzure, account: Account, change: dict[str, Any], target: str) -> None:
    _blob_machine(azure, account)
    generalize(azure, "vm")
    body = {"vhdPrefix": "img", "destinationContainerName": "captured"} | change
    answer = azure.call("POST", "virtualMachines/vm/capture", body)
    assert (answer.status_code, answer.json()["error"]["target"]) == (400, target)


def test_a_machine_from_a_captured_blob(azure: LocalAzure, account: Account) -> None:
    """The template's disks start a machine with the captured bytes; a licence of one's own does not go with them."""
    _blob_machine(azure, account)
    data = os.urandom(4096)
    account.service.get_blob_client("vhds", "vm-os.vhd").upload_page(data, 0, 4096)
    generalize(azure, "vm")
    body = {"vhdPrefix": "img", "destinationContainerName": "captured"}
    storage = azure.post("virtualMachines/vm/capture", body)["resources"][0]["properties"]["storageProfile"]
    made = azure.put("virtualMachines/two", machine(azure, "two", storage, osProfile=os_profile("two")))
    shown = made["properties"]["storageProfile"]["osDisk"]
    assert shown["image"] == storage["osDisk"]["image"]
    copy = blob.BlobClient.from_blob_url(
        shown["vhd"]["uri"], credential=account.key, connection_verify=str(azure.data / "tls/ca.pem")
    )
    assert copy.download_blob(0, 4096).readall() == data
    storage["osDisk"] |= {"osType": "Windows", "vhd": {"uri": f"{account.endpoint}vhds/three.vhd"}}
    body = machine(
        azure, "three", {"osDisk": storage["osDisk"]}, osProfile=os_profile("three"), licenseType="Windows_Server"
    )
    status, code, text = azure.refused("PUT", "virtualMachines/three", body)
    assert (status, code) == (200, "NotSupported")
    assert text == (
        f"The license type is Windows_Server, but the image blob {storage['osDisk']['image']['uri']} is not from on-premises."
    )
    assert azure.get("virtualMachines/three")["properties"]["provisioningState"] == "Failed"


def test_blob_disks_become_managed(azure: LocalAzure, account: Account) -> None:
    _blob_machine(azure, account)
    data = os.urandom(4096)
    account.service.get_blob_client("vhds", "vm-data.vhd").upload_page(data, 0, 4096)
    assert "not deallocated" in azure.refused("POST", "virtualMachines/vm/convertToManagedDisks")[2]
    azure.post("virtualMachines/vm/deallocate")
    azure.post("virtualMachines/vm/convertToManagedDisks")
    storage = azure.get("virtualMachines/vm")["properties"]["storageProfile"]
    assert "vhd" not in storage["osDisk"]
    disk = azure.get(storage["dataDisks"][0]["managedDisk"]["id"])
    assert (disk["properties"]["creationData"]["createOption"], disk["name"]) == ("Import", "data")
    azure.post("virtualMachines/vm/deallocate")
    assert bytes_of(azure, "disks/data", 4096) == data
    again = azure.refused("POST", "virtualMachines/vm/convertToManagedDisks")
    assert again == (409, "OperationNotAllowed", "VM 'vm' is already using managed disks.")


def test_a_gallery_version_of_vhds(azure: LocalAzure, account: Account) -> None:
    data = [os.urandom(4096) for _ignored in range(2)]
    uris = [account.upload(f"{number}.vhd", content) for number, content in enumerate(data)]
    azure.put("galleries/g", {"location": LOCATION}, GALLERIES)
    identifier = {"publisher": "p", "offer": "o", "sku": "s"}
    definition = {"osType": "Linux", "osState": "Generalized", "identifier": identifier}
    azure.put("galleries/g/images/d", {"location": LOCATION, "properties": definition}, GALLERIES)
    owner = azure.path(f"storage:storageAccounts/{account.name}")
    sources = [{"uri": uri, "storageAccountId": owner} for uri in uris]
    storage: dict[str, Any] = {
        "osDiskImage": {"source": sources[0]},
        "dataDiskImages": [{"lun": 1, "source": sources[1]}],
    }
    body = {"location": LOCATION, "properties": {"storageProfile": storage}}
    version = "galleries/g/images/d/versions/1.0.0"
    shown = azure.put(version, body, GALLERIES)["properties"]["storageProfile"]
    assert shown["osDiskImage"] == {"sizeInGB": 1, "hostCaching": "ReadWrite", "source": sources[0]}
    for name, lun, content in (("os", {}, data[0]), ("data", {"lun": 1}, data[1])):
        reference = {"id": azure.path(version), **lun}
        azure.put(f"disks/{name}", disk({"createOption": "FromImage", "galleryImageReference": reference}))
        assert bytes_of(azure, f"disks/{name}", 4096) == content
    account.upload("bad.vhd", data[0], footer=bytes(512))
    storage = {"osDiskImage": {"source": {"uri": uris[0].replace("0.vhd", "bad.vhd"), "storageAccountId": owner}}}
    body["properties"] = {"storageProfile": storage}
    failed = azure.refused("PUT", "galleries/g/images/d/versions/1.0.1", body, GALLERIES)
    assert failed[:2] == (200, "InvalidVhd")
    assert azure.get("galleries/g/images/d/versions/1.0.1", GALLERIES)["properties"]["provisioningState"] == "Failed"
    wrong = {"osDiskImage": {"source": {"uri": uris[0], "id": owner}}}
    body["properties"] = {"storageProfile": wrong}
    assert azure.refused("PUT", "galleries/g/images/d/versions/1.0.2", body, GALLERIES)[1] == "InvalidParameter"
