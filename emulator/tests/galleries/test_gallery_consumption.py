# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication, ``latest``, machines from versions, sharing, and what consumers of other people's galleries see."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import LOCATION, bytes_of, disk, empty, machine, make_machine, os_profile, upload_disk
from gallery_bodies import MID, OLD, definition, make_definition, make_gallery, make_version, of_disk

if TYPE_CHECKING:
    from azure_process import LocalAzure

DEFINITION = "galleries/g/images/d"
PUBLIC = "contosoimages-5d1c7f0a-3b62-4e98-8a4d-6f2b9c0e7d13"
SHARED = "3f8a4d52-7c1e-4b7a-9d35-2e6c1f0b9a84-PARTNERIMAGES"


def from_gallery(identity: str, name: str = "id", **more: Any) -> dict[str, Any]:
    return {"imageReference": {name: identity}, "osDisk": {"createOption": "FromImage"}, **more}


def status_of(azure: LocalAzure, short: str) -> dict[str, Any]:
    expanded = azure.get(short, MID, **{"$expand": "ReplicationStatus"})
    status: dict[str, Any] = expanded["properties"]["replicationStatus"]
    return status


def consumed(azure: LocalAzure, short: str) -> str:
    return f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/{short}"


def test_regions_fill_one_after_the_other(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    azure.control("clock", freeze=1_788_000_000)
    azure.control("latency", "PUT", name="realistic", factor=1.0)
    try:
        answer = azure.call("PUT", f"{DEFINITION}/versions/1.0.0", of_disk(azure, "x", "westus", LOCATION), MID)
        azure.control("clock", advance=180)
        status = status_of(azure, f"{DEFINITION}/versions/1.0.0")
        assert status == {
            "aggregatedState": "InProgress",
            "summary": [
                {"region": "West US", "state": "Replicating", "details": "", "progress": 0},
                {"region": "West Europe", "state": "Replicating", "details": "", "progress": 50},
            ],
        }
        azure.control("clock", advance=300)
        states = [
            (found["state"], found["progress"]) for found in status_of(azure, f"{DEFINITION}/versions/1.0.0")["summary"]
        ]
        assert states == [("Replicating", 25), ("Completed", 100)]
        assert "replicationStatus" not in azure.get(f"{DEFINITION}/versions/1.0.0")["properties"]
        azure.control("clock", advance=360)
        assert azure.done(answer)["status"] == "Succeeded"
        assert status_of(azure, f"{DEFINITION}/versions/1.0.0")["aggregatedState"] == "Completed"
    finally:
        azure.control("latency", "PUT", name="fast")
        azure.control("clock", run=True)


def test_a_region_that_is_added_can_be_used_when_it_is_full(azure: LocalAzure) -> None:
    make_definition(azure)
    make_version(azure, "1.0.0")
    version = f"{DEFINITION}/versions/1.0.0"
    azure.control("clock", freeze=1_900_000_000)
    azure.control("latency", "PUT", name="realistic")
    try:
        regions = [{"name": LOCATION}, {"name": "westus"}]
        body = {"properties": {"publishingProfile": {"targetRegions": regions}}}
        answer = azure.call("PATCH", version, body, MID)
        azure.control("clock", advance=120)
        status = status_of(azure, version)
        assert [(found["state"], found["progress"]) for found in status["summary"]] == [
            ("Completed", 100),
            ("Replicating", 25),
        ]
        near, far = disk_of(azure, LOCATION), disk_of(azure, "westus")
        assert azure.call("PUT", "disks/near", near).status_code == 202
        assert azure.refused("PUT", "disks/far", far)[1] == "GalleryImageNotFound"
        azure.control("clock", advance=360)
        assert azure.done(answer)["status"] == "Succeeded"
        assert azure.call("PUT", "disks/far", far).status_code == 202
    finally:
        azure.control("latency", "PUT", name="fast")
        azure.control("clock", run=True)


def disk_of(azure: LocalAzure, location: str) -> dict[str, Any]:
    """The body of a disk of the version 1.0.0."""
    reference = {"id": azure.path(f"{DEFINITION}/versions/1.0.0")}
    return {**disk({"createOption": "FromImage", "galleryImageReference": reference}), "location": location}


def test_latest_is_the_highest_that_is_there(azure: LocalAzure) -> None:
    make_definition(azure)
    identity = azure.path(DEFINITION)
    body = machine(azure, "vm", from_gallery(identity), osProfile=os_profile("vm"))
    nowhere = azure.refused("PUT", "virtualMachines/vm", body)
    assert nowhere[1:] == ("GalleryImageNotFound", f'There is no latest image version exists for "{identity}"')
    for name, exclude in (("1.9.0", False), ("1.10.0", False), ("2.0.0", True)):
        make_version(azure, name, excludeFromLatest=exclude)
    found = make_machine(azure, "vm", from_gallery(identity))["properties"]["storageProfile"]
    assert found["imageReference"] == {"id": identity, "exactVersion": "1.10.0"}
    assert found["osDisk"]["name"].startswith("vm_OsDisk_1_")
    disk = azure.get(f"disks/{found['osDisk']['name']}")["properties"]["creationData"]
    assert disk["galleryImageReference"] == {"id": f"{identity}/versions/1.10.0"}
    far = machine(azure, "far", from_gallery(identity), osProfile=os_profile("far"))
    assert azure.refused("PUT", "virtualMachines/far", {**far, "location": "westus"})[2] == (
        f"The gallery image {identity} is not available in westus region. Please contact image owner to replicate to this "
        "region, or change your requested region."
    )


def test_a_machine_stays_with_the_version_it_began_with(azure: LocalAzure) -> None:
    data = os.urandom(4096)
    make_definition(azure)
    make_version(azure, "1.0.0", data=data)
    body = machine(azure, "vm", from_gallery(azure.path(DEFINITION)), osProfile=os_profile("vm"))
    azure.control("latency", "PUT", seconds={"compute.vm.create": 60})
    try:
        answer = azure.call("PUT", "virtualMachines/vm", body)
        make_version(azure, "2.0.0")
        azure.control("clock", advance=61)
        assert azure.done(answer)["status"] == "Succeeded"
    finally:
        azure.control("latency", "PUT", name="fast")
    storage = azure.get("virtualMachines/vm")["properties"]["storageProfile"]
    assert storage["imageReference"]["exactVersion"] == "1.0.0"
    azure.post("virtualMachines/vm/deallocate")
    assert bytes_of(azure, f"disks/{storage['osDisk']['name']}", 4096) == data


def test_a_specialized_version_with_data_disks(azure: LocalAzure) -> None:
    data = os.urandom(4096)
    make_definition(azure, osState="Specialized")
    upload_disk(azure, "os", b"x" * 4096)
    upload_disk(azure, "data", data)
    body = of_disk(azure, "os")
    images = [{"lun": 7, "source": {"id": azure.path("disks/data")}}]
    body["properties"]["storageProfile"]["dataDiskImages"] = images
    azure.put(f"{DEFINITION}/versions/1.0.0", body, MID)
    storage = from_gallery(azure.path(f"{DEFINITION}/versions/1.0.0"))
    refused = azure.refused("PUT", "virtualMachines/vm", machine(azure, "vm", storage, osProfile=os_profile("vm")))
    assert refused[2] == "Parameter 'osProfile' is not allowed."
    made = azure.put("virtualMachines/vm", machine(azure, "vm", storage))["properties"]
    assert "osProfile" not in made
    assert [disk["lun"] for disk in made["storageProfile"]["dataDisks"]] == [7]
    azure.post("virtualMachines/vm/deallocate")
    assert bytes_of(azure, f"disks/{made['storageProfile']['dataDisks'][0]['name']}", 4096) == data


def test_a_purchase_plan_goes_with_the_image(azure: LocalAzure) -> None:
    plan = {"name": "9-base", "publisher": "resf", "product": "rockylinux-x86_64"}
    make_definition(azure, purchasePlan=plan)
    make_version(azure, "1.0.0")
    body = machine(azure, "vm", from_gallery(azure.path(DEFINITION)), osProfile=os_profile("vm"))
    status, code, text = azure.refused("PUT", "virtualMachines/vm", body)
    assert (status, code) == (400, "VMMarketplaceInvalidInput")
    assert "Plan information in the request" in text
    root = f"/subscriptions/{azure.subscription}/providers/Microsoft.MarketplaceOrdering/agreements/resf"
    sign = f"{root}/offers/rockylinux-x86_64/plans/9-base/sign"
    assert azure.call("POST", sign, version="2021-01-01").status_code == 200
    assert azure.put("virtualMachines/vm", {**body, "plan": plan})["plan"] == plan
    source = {"virtualMachineId": azure.path("virtualMachines/vm")}
    version = {"location": LOCATION, "properties": {"storageProfile": {"source": source}}}
    azure.put("galleries/g/images/plain", definition("plain", osState="Specialized"), MID)
    refused = azure.refused("PUT", "galleries/g/images/plain/versions/1.0.0", version, MID)
    assert refused[1] == "Conflict"
    assert "than the parent gallery image plan ['null']." in refused[2]


def test_unknown_images(azure: LocalAzure) -> None:
    make_definition(azure)
    for storage in (
        from_gallery(azure.path(f"{DEFINITION}/versions/9.9.9")),
        from_gallery(azure.path("galleries/none/images/d")),
        from_gallery(f"/CommunityGalleries/{PUBLIC}/Images/none", "communityGalleryImageId"),
        from_gallery("/CommunityGalleries/none/Images/debian-12/Versions/latest", "communityGalleryImageId"),
        from_gallery(f"/SharedGalleries/{SHARED}/Images/none/Versions/1.0.0", "sharedGalleryImageId"),
    ):
        refused = azure.refused("PUT", "virtualMachines/vm", machine(azure, "vm", storage, osProfile=os_profile("vm")))
        assert refused[:2] == (404, "GalleryImageNotFound")
        assert f"is not available in {LOCATION} region" in refused[2]
    wrong = from_gallery("/Gallery/x", "sharedGalleryImageId")
    refused = azure.refused("PUT", "virtualMachines/vm", machine(azure, "vm", wrong, osProfile=os_profile("vm")))
    assert refused[:2] == (400, "InvalidParameter")


def test_sharing_with_subscriptions_and_tenants(azure: LocalAzure) -> None:
    make_gallery(azure)
    groups = [
        {"type": "Subscriptions", "ids": [azure.subscription, str(uuid.UUID(int=1))]},
        {"type": "AADTenants", "ids": [str(uuid.UUID(int=2))]},
    ]
    add = {"operationType": "Add", "groups": groups}
    assert azure.refused("POST", "galleries/g/share", add)[:2] == (409, "OperationNotAllowed")
    azure.put("galleries/g", {"location": LOCATION, "properties": {"sharingProfile": {"permissions": "Groups"}}}, MID)
    answer = azure.call("POST", "galleries/g/share", add, "2021-07-01")
    assert (answer.status_code, answer.content) == (202, b"")
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert "azure-asyncnotification" not in answer.headers
    azure.done(answer)
    assert azure.get("galleries/g")["properties"]["sharingProfile"] == {"permissions": "Groups"}
    selected = azure.get("galleries/g", **{"$select": "Permissions"})["properties"]
    assert selected["sharingProfile"] == {"permissions": "Groups", "groups": groups}
    expanded = azure.get("galleries/g", **{"$expand": "SharingProfile/Groups"})["properties"]
    assert expanded["sharingStatus"]["aggregatedState"] == "Succeeded"
    azure.post(
        "galleries/g/share",
        {"operationType": "Remove", "groups": [groups[1], {**groups[0], "ids": groups[0]["ids"][1:]}]},
    )
    selected = azure.get("galleries/g", **{"$select": "Permissions"})["properties"]
    assert selected["sharingProfile"]["groups"] == [{"type": "Subscriptions", "ids": [azure.subscription]}]
    change = {"location": LOCATION, "properties": {"sharingProfile": {"permissions": "Private"}}}
    assert azure.refused("PUT", "galleries/g", change)[1] == "PropertyChangeNotAllowed"
    reset = azure.call("POST", "galleries/g/share", {"operationType": "Reset"}, "2023-07-03")
    assert reset.headers["azure-asyncnotification"] == "Enabled"
    azure.done(reset)
    assert azure.get("galleries/g")["properties"]["sharingProfile"] == {"permissions": "Private"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidParameter"),
        ({"operationType": "Give"}, "InvalidParameter"),
        ({"operationType": "Add"}, "InvalidParameter"),
        ({"operationType": "EnableCommunity"}, "OperationNotAllowed"),
        ({"operationType": "Add", "groups": [{"type": "Subscriptions", "ids": ["x"]}]}, "InvalidParameter"),
        (
            {
                "operationType": "Add",
                "groups": [{"type": "AADTenants", "ids": [str(uuid.UUID(int=i)) for i in range(6)]}],
            },
            "OperationNotAllowed",
        ),
    ],
)
def test_wrong_sharing(azure: LocalAzure, body: dict[str, Any], code: str) -> None:
    make_gallery(azure, sharingProfile={"permissions": "Groups"})
    assert azure.refused("POST", "galleries/g/share", body)[1] == code


def test_what_is_shared_can_be_read_and_used(azure: LocalAzure) -> None:
    data = os.urandom(4096)
    make_gallery(azure, sharingProfile={"permissions": "Groups"})
    make_definition(azure)
    make_version(azure, "1.0.0", data=data)
    unique = f"{azure.subscription}-G"
    base = consumed(azure, f"{LOCATION}/sharedGalleries")
    assert azure.call("GET", f"{base}/{unique}", version="2021-07-01").status_code == 404
    group = {"type": "Subscriptions", "ids": [azure.subscription]}
    azure.post("galleries/g/share", {"operationType": "Add", "groups": [group]})
    assert azure.get(f"{base}/{unique}", "2021-07-01") == {
        "identifier": {"uniqueId": f"/SharedGalleries/{unique}"},
        "location": LOCATION,
        "name": unique,
    }
    names = [found["name"] for found in azure.get(base, "2021-07-01", sharedTo="tenant")["value"]]
    assert names == [SHARED, unique]
    image = azure.get(f"{base}/{unique}/images", "2021-07-01")["value"][0]
    assert image["properties"] == {
        "osType": "Linux",
        "osState": "Generalized",
        "identifier": {"publisher": "pub", "offer": "offer", "sku": "d"},
        "recommended": {},
        "hyperVGeneration": "V1",
        "architecture": "x64",
    }
    version = azure.get(f"{base}/{unique}/images/d/versions/1.0.0", "2021-07-01")
    assert version["identifier"] == {"uniqueId": f"/SharedGalleries/{unique}/Images/d/Versions/1.0.0"}
    assert list(version["properties"]) == ["publishedDate"]
    storage = from_gallery(f"/SharedGalleries/{unique}/Images/d/Versions/latest", "sharedGalleryImageId")
    made = make_machine(azure, "vm", storage)["properties"]["storageProfile"]
    assert made["imageReference"]["exactVersion"] == "1.0.0"
    azure.post("virtualMachines/vm/deallocate")
    assert bytes_of(azure, f"disks/{made['osDisk']['name']}", 4096) == data
    assert (
        azure.get(f"{base}/{SHARED}/images/ubuntu-2404-hardened/versions", "2023-07-03")["value"][1]["name"] == "2.0.0"
    )


def test_a_public_gallery_of_ones_own(azure: LocalAzure) -> None:
    info = {"publisherUri": "https://x", "publisherContact": "a@b.c", "eula": "e", "publicNamePrefix": "pubname"}
    profile = {"permissions": "Community", "communityGalleryInfo": info}
    shown = make_gallery(azure, sharingProfile=profile)["properties"]["sharingProfile"]["communityGalleryInfo"]
    name = shown.pop("publicNames")[0]
    assert shown == {"communityGalleryEnabled": False, **info}
    assert name.startswith("pubname-")
    make_definition(azure)
    make_version(azure, "1.0.0")
    base = consumed(azure, f"CentralUSEUAP/communityGalleries/{name}")
    assert azure.call("GET", base, version="2021-07-01").status_code == 404
    azure.post("galleries/g/share", {"operationType": "EnableCommunity"})
    enabled = azure.get("galleries/g", **{"$select": "Permissions"})["properties"]["sharingProfile"][
        "communityGalleryInfo"
    ]
    assert (enabled["communityGalleryEnabled"], "publicNamePrefix" in enabled) == (True, False)
    del info["publicNamePrefix"]
    metadata = {**info, "publicNames": [name]}
    found = azure.get(base, "2021-07-01")
    assert (found["communityMetadata"], found["location"]) == (metadata, "CentralUSEUAP")
    assert azure.get(base, "2023-07-03")["properties"]["disclaimer"].startswith("https://aka.ms/")
    assert azure.get(f"{base}/images/d/versions", "2022-01-03")["value"] == []
    here = base.replace("CentralUSEUAP", LOCATION)
    version = azure.get(f"{here}/images/d/versions/1.0.0", "2022-01-03")["properties"]
    assert version["storageProfile"] == {"osDiskImage": {"diskSizeGB": 1, "hostCaching": "ReadWrite"}}
    azure.post("galleries/g/share", {"operationType": "Reset"})
    assert azure.call("GET", base, version="2021-07-01").status_code == 404


def test_what_is_reset_meanwhile_is_not_shared(azure: LocalAzure) -> None:
    info = {"publisherUri": "https://x", "publisherContact": "a@b.c", "eula": "e", "publicNamePrefix": "pubname"}
    make_gallery(azure, sharingProfile={"permissions": "Community", "communityGalleryInfo": info})
    azure.control("latency", "PUT", seconds={"compute.gallery.share": 20})
    try:
        begun = [
            azure.call("POST", "galleries/g/share", {"operationType": operation})
            for operation in ("Reset", "EnableCommunity")
        ]
        azure.control("clock", advance=21)
        reset, enabled = (azure.done(answer) for answer in begun)
    finally:
        azure.control("latency", "PUT", name="fast")
    assert reset["status"] == "Succeeded"
    assert (enabled["status"], enabled["error"]["code"]) == ("Failed", "OperationNotAllowed")
    found = azure.get("galleries/g")["properties"]
    assert (found["provisioningState"], found["sharingProfile"]) == ("Succeeded", {"permissions": "Private"})


def test_the_public_gallery_of_others(azure: LocalAzure) -> None:
    base = consumed(azure, f"westus/communityGalleries/{PUBLIC}")
    assert [image["name"] for image in azure.get(f"{base}/images", "2021-07-01")["value"]] == [
        "debian-12",
        "windows-2022",
    ]
    storage = from_gallery(f"/CommunityGalleries/{PUBLIC}/Images/debian-12", "communityGalleryImageId")
    body = machine(azure, "vm", storage, size="Standard_D2s_v5", osProfile=os_profile("vm"))
    made = azure.put("virtualMachines/vm", body)["properties"]["storageProfile"]
    assert made["imageReference"]["exactVersion"] == "1.10.0"
    creation = azure.get(f"disks/{made['osDisk']['name']}")["properties"]["creationData"]
    exact = f"/CommunityGalleries/{PUBLIC}/Images/debian-12/Versions/1.10.0"
    assert creation["galleryImageReference"] == {"communityGalleryImageId": exact}


def test_community_galleries_say_who_publishes(azure: LocalAzure) -> None:
    body = {"location": LOCATION, "properties": {"sharingProfile": {"permissions": "Community"}}}
    assert "publisherUri" in azure.refused("PUT", "galleries/g", body)[2]
    assert azure.refused("PUT", "galleries/none/images/d", definition(), OLD)[1] == "ParentResourceNotFound"
