# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies and short stories that the compute tests share."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
from azure_emulator.disks.vhd import make_footer

if TYPE_CHECKING:
    from azure_process import LocalAzure

LOCATION = "westeurope"
MIB = 1 << 20
BLOB_SIZE = 20 * MIB  # of a disk in a blob, without its footer
PASSWORD = "Secret-12345"


def disk(creation: dict[str, Any], sku: str | None = None, **properties: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"location": LOCATION, "properties": {"creationData": creation, **properties}}
    return body | ({"sku": {"name": sku}} if sku else {})


def empty(size_gb: int = 4, **properties: Any) -> dict[str, Any]:
    return disk({"createOption": "Empty"}, diskSizeGB=size_gb, **properties)


def copy_of(azure: LocalAzure, short: str, **properties: Any) -> dict[str, Any]:
    return disk({"createOption": "Copy", "sourceResourceId": azure.path(short)}, **properties)


def upload_disk(azure: LocalAzure, name: str, data: bytes, size: int = 32 * MIB, **properties: Any) -> dict[str, Any]:
    """A disk with `data` at its start, by direct upload."""
    body = disk({"createOption": "Upload", "uploadSizeBytes": size + 512}, osType="Linux", **properties)
    azure.put(f"disks/{name}", body)
    url = azure.post(f"disks/{name}/beginGetAccess", {"access": "Write", "durationInSeconds": 600})["accessSAS"]
    write_pages(azure, url, 0, data)
    write_pages(azure, url, size, make_footer(size, uuid.uuid4()))
    azure.post(f"disks/{name}/endGetAccess")
    return azure.get(f"disks/{name}")


def write_pages(azure: LocalAzure, url: str, start: int, data: bytes) -> None:
    headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={start}-{start + len(data) - 1}"}
    with httpx.Client(verify=azure.trust) as client:
        client.put(f"{url}&comp=page", content=data, headers=headers).raise_for_status()


def bytes_of(azure: LocalAzure, short: str, length: int) -> bytes:
    """The first bytes of a disk or snapshot, read through a SAS that is revoked afterwards."""
    url = azure.post(f"{short}/beginGetAccess", {"access": "Read", "durationInSeconds": 600})["accessSAS"]
    with httpx.Client(verify=azure.trust) as client:
        content = client.get(url, headers={"x-ms-range": f"bytes=0-{length - 1}"}).raise_for_status().content
    azure.post(f"{short}/endGetAccess")
    return content


def image_of_disk(azure: LocalAzure, name: str, state: str = "Generalized", **os_disk: Any) -> dict[str, Any]:
    return {
        "location": LOCATION,
        "properties": {
            "storageProfile": {
                "osDisk": {
                    "osType": "Linux",
                    "osState": state,
                    "managedDisk": {"id": azure.path(f"disks/{name}")},
                    **os_disk,
                }
            }
        },
    }


def image_of_machine(azure: LocalAzure, name: str) -> dict[str, Any]:
    source = {"id": azure.path(f"virtualMachines/{name}")}
    return {"location": LOCATION, "properties": {"sourceVirtualMachine": source}}


def make_interface(azure: LocalAzure, name: str) -> str:
    """A network interface in the group's network; its id."""
    subnet = {"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}
    network = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
    if azure.call("GET", "network:virtualNetworks/net", version="2023-09-01").status_code == 404:
        azure.put("network:virtualNetworks/net", {"location": LOCATION, "properties": network}, "2023-09-01")
    subnet_id = azure.path("network:virtualNetworks/net/subnets/default")
    addresses = [{"name": "ip", "properties": {"subnet": {"id": subnet_id}}}]
    body = {"location": LOCATION, "properties": {"ipConfigurations": addresses}}
    azure.put(f"network:networkInterfaces/{name}", body, "2023-09-01")
    return azure.path(f"network:networkInterfaces/{name}")


def os_profile(name: str, **more: Any) -> dict[str, Any]:
    return {"computerName": name, "adminUsername": "azureuser", "adminPassword": PASSWORD, **more}


def machine(
    azure: LocalAzure, name: str, storage: dict[str, Any], *, size: str = "Standard_DS1_v2", **properties: Any
) -> dict[str, Any]:
    """The body of a virtual machine with an interface of its own."""
    interface = make_interface(azure, f"{name}-nic")
    return {
        "location": LOCATION,
        "properties": {
            "hardwareProfile": {"vmSize": size},
            "storageProfile": storage,
            "networkProfile": {"networkInterfaces": [{"id": interface}]},
            **properties,
        },
    }


def from_image(azure: LocalAzure, image: str, **more: Any) -> dict[str, Any]:
    reference = {"id": azure.path(f"images/{image}")}
    return {"imageReference": reference, "osDisk": {"createOption": "FromImage"}, **more}


def from_marketplace(sku: str = "12", **more: Any) -> dict[str, Any]:
    reference = {"publisher": "Debian", "offer": "debian-12", "sku": sku, "version": "latest"}
    return {"imageReference": reference, "osDisk": {"createOption": "FromImage"}, **more}


def make_machine(azure: LocalAzure, name: str, storage: dict[str, Any], **properties: Any) -> dict[str, Any]:
    body = machine(azure, name, storage, **{"osProfile": os_profile(name), **properties})
    return azure.put(f"virtualMachines/{name}", body)


def make_specialized(azure: LocalAzure, name: str, disk_name: str, **more: Any) -> dict[str, Any]:
    """A machine from an existing OS disk."""
    managed = {"id": azure.path(f"disks/{disk_name}")}
    os_disk = {"createOption": "Attach", "osType": "Linux", "managedDisk": managed}
    return azure.put(f"virtualMachines/{name}", machine(azure, name, {"osDisk": os_disk, **more}))


def generalize(azure: LocalAzure, name: str) -> None:
    azure.post(f"virtualMachines/{name}/powerOff")
    assert azure.call("POST", f"virtualMachines/{name}/generalize").status_code == 200


def codes(azure: LocalAzure, name: str) -> list[str]:
    """The status codes of a machine's instance view."""
    return [status["code"] for status in azure.get(f"virtualMachines/{name}/instanceView")["statuses"]]
