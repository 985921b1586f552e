# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed images."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import (
    LOCATION,
    bytes_of,
    copy_of,
    empty,
    from_image,
    from_marketplace,
    generalize,
    image_of_disk,
    image_of_machine,
    machine,
    make_machine,
    os_profile,
    upload_disk,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure


def test_create_from_a_disk_answers_as_recorded(azure: LocalAzure) -> None:
    azure.put("disks/os", empty(4))
    azure.put("disks/data", empty(2))
    body = image_of_disk(azure, "os")
    data = [{"lun": 3, "managedDisk": {"id": azure.path("disks/data")}, "caching": "ReadOnly", "diskSizeGB": 7}]
    body["properties"]["storageProfile"]["dataDisks"] = data
    answer = azure.call("PUT", "images/i", body)
    assert answer.status_code == 201
    assert "azure-asyncoperation" in answer.headers
    assert answer.headers["azure-asyncnotification"] == "Enabled"
    assert "location" not in answer.headers
    first = answer.json()["properties"]
    assert first["provisioningState"] == "Creating"
    assert first["hyperVGeneration"] == "V1"
    assert "diskSizeGB" not in first["storageProfile"]["osDisk"]
    azure.done(answer)
    profile = azure.get("images/i")["properties"]["storageProfile"]
    assert profile["osDisk"] == {
        "osType": "Linux",
        "osState": "Generalized",
        "diskSizeGB": 4,
        "managedDisk": {"id": azure.path("disks/os")},
        "caching": "None",
        "storageAccountType": "Standard_LRS",
    }
    assert profile["dataDisks"] == [
        {"lun": 3, "diskSizeGB": 7, **data[0], "storageAccountType": "Standard_LRS"},
    ]


def test_an_image_keeps_its_bytes(azure: LocalAzure) -> None:
    data = os.urandom(4096)
    upload_disk(azure, "d", data)
    azure.put("snapshots/s", copy_of(azure, "disks/d"))
    azure.put("images/of-disk", image_of_disk(azure, "d"))
    body = image_of_disk(azure, "d", snapshot={"id": azure.path("snapshots/s")})
    del body["properties"]["storageProfile"]["osDisk"]["managedDisk"]
    azure.put("images/of-snapshot", body)
    for short in ("disks/d", "snapshots/s"):
        azure.done(azure.call("DELETE", short))
    for image in ("of-disk", "of-snapshot"):
        made = make_machine(azure, f"vm-{image}", from_image(azure, image))
        azure.post(f"virtualMachines/vm-{image}/deallocate")
        name = made["properties"]["storageProfile"]["osDisk"]["name"]
        assert bytes_of(azure, f"disks/{name}", 4096) == data


def test_an_image_of_a_machine_has_all_its_disks(azure: LocalAzure) -> None:
    storage = from_marketplace(
        "12-gen2",
        dataDisks=[
            {"lun": 5, "createOption": "Empty", "diskSizeGB": 2, "caching": "ReadOnly"},
            {"lun": 1, "createOption": "Empty", "diskSizeGB": 1},
        ],
    )
    make_machine(azure, "vm", storage)
    generalize(azure, "vm")
    found = azure.put("images/i", image_of_machine(azure, "vm"))["properties"]
    assert found["hyperVGeneration"] == "V2"
    assert found["sourceVirtualMachine"]["id"] == azure.path("virtualMachines/vm")
    profile = found["storageProfile"]
    assert (profile["osDisk"]["osState"], profile["osDisk"]["caching"]) == ("Generalized", "ReadWrite")
    assert [(disk["lun"], disk["caching"], disk["diskSizeGB"]) for disk in profile["dataDisks"]] == [
        (5, "ReadOnly", 2),
        (1, "None", 1),
    ]
    assert "zoneResilient" not in profile
    assert azure.get("virtualMachines/vm")["properties"]["provisioningState"] == "Succeeded"


def test_zone_resilience_is_kept(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    generalize(azure, "vm")
    body = image_of_machine(azure, "vm")
    body["properties"]["storageProfile"] = {"zoneResilient": True}
    assert azure.put("images/i", body)["properties"]["storageProfile"]["zoneResilient"] is True


def test_only_generalized_machines(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.post("virtualMachines/vm/deallocate")
    assert azure.refused("PUT", "images/i", image_of_machine(azure, "vm")) == (
        409,
        "OperationNotAllowed",
        "The operation 'Create Image' requires the Virtual Machine 'vm' to be Generalized.",
    )
    assert azure.call("GET", "images/i").status_code == 404


def _profile(**os_disk: Any) -> dict[str, Any]:
    return {"location": LOCATION, "properties": {"storageProfile": {"osDisk": os_disk}}}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"location": LOCATION, "properties": {}}, 400, "InvalidParameter"),
        (_profile(), 400, "InvalidParameter"),
        (_profile(osType="Linux", osState="Generalized"), 400, "InvalidParameter"),
        (_profile(osType="Linux", managedDisk={"id": "/x"}), 400, "InvalidParameter"),
        (_profile(osType="Linux", osState="Generalized", managedDisk={}), 400, "InvalidParameter"),
        (_profile(osType="Linux", osState="Generalized", managedDisk={"id": "/x"}), 400, "LinkedInvalidPropertyId"),
        (_profile(osType="Plan9", osState="Generalized", managedDisk={"id": "/x"}), 400, "InvalidParameter"),
        (
            _profile(osType="Linux", osState="Generalized", blobUri="https://a.blob.core.windows.net/b/c"),
            400,
            "InvalidParameter",
        ),
    ],
)
def test_bad_bodies_are_refused(azure: LocalAzure, body: dict[str, Any], status: int, code: str) -> None:
    assert azure.refused("PUT", "images/i", body)[:2] == (status, code)


def test_sources_must_be_complete_and_here(azure: LocalAzure) -> None:
    assert azure.refused("PUT", "images/i", image_of_disk(azure, "none"))[:2] == (404, "ResourceNotFound")
    upload = {"createOption": "Upload", "uploadSizeBytes": 20972032}
    azure.put("disks/d", {"location": LOCATION, "properties": {"creationData": upload}})
    assert azure.refused("PUT", "images/i", image_of_disk(azure, "d"))[:2] == (409, "OperationNotAllowed")
    azure.put("disks/e", empty(8))
    assert azure.refused("PUT", "images/i", image_of_disk(azure, "e", diskSizeGB=4))[:2] == (400, "InvalidParameter")
    elsewhere = image_of_disk(azure, "e") | {"location": "eastus"}
    assert azure.refused("PUT", "images/i", elsewhere)[:2] == (400, "InvalidParameter")


def test_only_tags_change(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    azure.put("disks/e", empty())
    azure.put("images/i", image_of_disk(azure, "d"))
    answer = azure.call("PATCH", "images/i", {"tags": {"a": "b"}})
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Updating")
    azure.done(answer)
    assert azure.get("images/i")["tags"] == {"a": "b"}
    again = azure.call("PUT", "images/i", image_of_disk(azure, "d") | {"tags": {}})
    assert again.status_code == 200
    azure.done(again)
    assert azure.get("images/i")["tags"] == {}
    changed = azure.refused("PUT", "images/i", image_of_disk(azure, "e"))
    assert changed[:2] == (409, "PropertyChangeNotAllowed")


def test_delete(azure: LocalAzure) -> None:
    assert azure.call("DELETE", "images/i").status_code == 204
    azure.put("disks/d", empty())
    azure.put("images/i", image_of_disk(azure, "d"))
    answer = azure.call("DELETE", "images/i")
    assert answer.status_code == 202
    assert {"azure-asyncoperation", "location", "azure-asyncnotification"} <= answer.headers.keys()
    azure.done(answer)
    assert azure.call("GET", "images/i").status_code == 404
    assert azure.get("images")["value"] == []


def test_an_image_in_use_stays(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    azure.put("images/i", image_of_disk(azure, "d"))
    azure.control("latency", "PUT", seconds={"compute.vm.create": 60})
    try:
        body = machine(azure, "vm", from_image(azure, "i"), osProfile=os_profile("vm"))
        assert azure.call("PUT", "virtualMachines/vm", body).status_code == 201
        status, code, text = azure.refused("DELETE", "images/i")
        assert (status, code) == (409, "OperationNotAllowed")
        assert "'vm' are being provisioned using the Image" in text
        assert azure.get("virtualMachines/vm")["properties"]["provisioningState"] == "Creating"
    finally:
        azure.control("latency", "PUT", name="fast")


def test_the_generation_comes_from_the_disk(azure: LocalAzure) -> None:
    azure.put("disks/new", empty(hyperVGeneration="V2", osType="Linux"))
    azure.put("disks/none", empty())
    assert azure.put("images/i", image_of_disk(azure, "new"))["properties"]["hyperVGeneration"] == "V2"
    assert azure.put("images/j", image_of_disk(azure, "none"))["properties"]["hyperVGeneration"] == "V1"
    assert "hyperVGeneration" not in azure.get("images/i", "2018-06-01")["properties"]
    body = image_of_disk(azure, "new")
    body["properties"]["hyperVGeneration"] = "V1"
    assert azure.refused("PUT", "images/k", body)[:2] == (400, "InvalidParameter")
    body = image_of_disk(azure, "new") | {"properties": {"hyperVGeneration": "V1"}}
    assert azure.refused("PATCH", "images/i", body)[:2] == (409, "PropertyChangeNotAllowed")


def test_trusted_launch_is_for_galleries(azure: LocalAzure) -> None:
    secure = {"securityProfile": {"securityType": "TrustedLaunch"}, "hyperVGeneration": "V2"}
    azure.put("disks/d", empty(osType="Linux", **secure))
    azure.put("snapshots/s", copy_of(azure, "disks/d"))
    assert azure.get("snapshots/s")["properties"]["securityProfile"] == secure["securityProfile"]
    assert azure.refused("PUT", "images/i", image_of_disk(azure, "d"))[:2] == (409, "OperationNotAllowed")
    settings = {"secureBootEnabled": True, "vTpmEnabled": True}
    profile = {"securityType": "TrustedLaunch", "uefiSettings": settings}
    make_machine(azure, "vm", from_marketplace("12-gen2"), securityProfile=profile)
    generalize(azure, "vm")
    assert azure.refused("PUT", "images/i", image_of_machine(azure, "vm")) == (
        409,
        "OperationNotAllowed",
        "Creation of managed images are not supported for virtual machine with TrustedLaunch security type.",
    )


def test_what_an_image_hands_on(azure: LocalAzure) -> None:
    capabilities = {"architecture": "x64", "acceleratedNetwork": True}
    plan = {"name": "n", "publisher": "p", "product": "o"}
    azure.put("disks/d", empty(osType="Linux", supportedCapabilities=capabilities, purchasePlan=plan))
    azure.put("images/i", image_of_disk(azure, "d"))
    made = make_machine(azure, "vm", from_image(azure, "i"))
    name = made["properties"]["storageProfile"]["osDisk"]["name"]
    found = azure.get(f"disks/{name}", "2023-10-02")["properties"]
    assert (found["supportedCapabilities"], found["purchasePlan"]) == (capabilities, plan)
    assert found["LastOwnershipUpdateTime"]
    assert "supportedCapabilities" not in azure.get(f"disks/{name}", "2020-12-01")["properties"]


def test_disks_of_an_image_never_change(azure: LocalAzure) -> None:
    for name in ("os", "data", "other"):
        azure.put(f"disks/{name}", empty())
    body = image_of_disk(azure, "os")
    data = {"lun": 0, "managedDisk": {"id": azure.path("disks/data")}}
    body["properties"]["storageProfile"]["dataDisks"] = [data]
    azure.put("images/i", body)
    azure.done(azure.call("PUT", "images/i", body))
    changes: tuple[dict[str, Any], ...] = (
        {"osDisk": {"osState": "Specialized"}},
        {"osDisk": {"managedDisk": {"id": azure.path("disks/other")}}},
        {"dataDisks": [data | {"managedDisk": {"id": azure.path("disks/other")}}]},
        {"dataDisks": [data | {"lun": 1}]},
        {"dataDisks": [data, data | {"lun": 1}]},
    )
    for change in changes:
        wanted = {"properties": {"storageProfile": change}}
        assert azure.refused("PATCH", "images/i", wanted)[:2] == (409, "PropertyChangeNotAllowed")


def test_lists_of_images_come_in_pages(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    names = [f"i{number}" for number in range(5)]
    for name in names:
        azure.put(f"images/{name}", image_of_disk(azure, "d"))
    page = azure.get("images", **{"$top": "2"})
    assert page["value"][0]["id"] == azure.path("images/i0").replace("/resourceGroups/rg/", "/resourceGroups/RG/")
    found = [item["name"] for item in page["value"]]
    while "nextLink" in page:
        page = azure.client.get(page["nextLink"]).raise_for_status().json()
        found += [item["name"] for item in page["value"]]
    assert found == names
