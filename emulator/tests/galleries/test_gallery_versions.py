# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image versions: sources, what they show, what may change, when they may go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import (
    LOCATION,
    bytes_of,
    copy_of,
    disk,
    empty,
    from_marketplace,
    generalize,
    image_of_disk,
    image_of_machine,
    machine,
    make_machine,
    os_profile,
    upload_disk,
)
from gallery_bodies import (
    ENDING,
    MID,
    OLD,
    TRUSTED,
    definition,
    make_definition,
    make_gallery,
    make_version,
    of_disk,
    of_image,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure

V1 = "galleries/g/images/d/versions/1.0.0"


def disk_of(azure: LocalAzure, name: str, reference: dict[str, Any]) -> dict[str, Any]:
    """A disk made from a version."""
    return azure.put(f"disks/{name}", disk({"createOption": "FromImage", "galleryImageReference": reference}))


def test_from_a_managed_image_as_recorded(azure: LocalAzure) -> None:
    make_definition(azure)
    make_machine(azure, "vm", from_marketplace(dataDisks=[{"lun": 0, "createOption": "Empty", "diskSizeGB": 10}]))
    generalize(azure, "vm")
    azure.put("images/i", image_of_machine(azure, "vm"))
    body = of_image(azure, "i")
    body["properties"]["publishingProfile"] = {"targetRegions": [{"name": LOCATION}], "replicaCount": 1}
    answer = azure.call("PUT", V1, body, OLD)
    assert answer.status_code == 201
    first = answer.json()["properties"]
    published = first["publishingProfile"].pop("publishedDate")
    source = {"source": {"id": azure.path("images/i")}}
    assert first == {
        "publishingProfile": {
            "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}],
            "replicaCount": 1,
            "excludeFromLatest": False,
            "storageAccountType": "Standard_LRS",
        },
        "storageProfile": source,
        "provisioningState": "Creating",
    }
    assert azure.done(answer)["status"] == "Succeeded"
    found = azure.get(V1, OLD)["properties"]
    assert found["publishingProfile"]["publishedDate"] == published
    assert found["storageProfile"] == {
        **source,
        "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {}},
        "dataDiskImages": [{"lun": 0, "sizeInGB": 10, "hostCaching": "None"}],
    }
    assert azure.get(V1, MID)["properties"]["safetyProfile"] == {
        "reportedForPolicyViolation": False,
        "allowDeletionOfReplicatedLocations": False,
    }


def test_from_disks_and_snapshots_with_their_bytes(azure: LocalAzure) -> None:
    make_definition(azure)
    data = [os.urandom(4096) for _ignored in range(2)]
    upload_disk(azure, "os", data[0])
    upload_disk(azure, "data", data[1])
    azure.put("snapshots/s", copy_of(azure, "disks/os"))
    storage = {
        "osDiskImage": {"source": {"id": azure.path("snapshots/s")}},
        "dataDiskImages": [{"lun": 4, "hostCaching": "ReadOnly", "source": {"id": azure.path("disks/data")}}],
    }
    found = azure.put(V1, {"location": LOCATION, "properties": {"storageProfile": storage}}, MID)["properties"]
    assert found["storageProfile"]["osDiskImage"] == {
        "sizeInGB": 1,
        "hostCaching": "ReadWrite",
        **storage["osDiskImage"],
    }
    assert found["storageProfile"]["dataDiskImages"] == [{"sizeInGB": 1, **storage["dataDiskImages"][0]}]
    for short in ("snapshots/s", "disks/os", "disks/data"):
        azure.done(azure.call("DELETE", short))
    reference = {"id": azure.path(V1)}
    made = disk_of(azure, "one", reference)["properties"]
    assert (made["osType"], made["hyperVGeneration"]) == ("Linux", "V1")
    assert made["creationData"]["galleryImageReference"] == reference
    disk_of(azure, "two", {**reference, "lun": 4})
    assert bytes_of(azure, "disks/one", 4096) == data[0]
    assert bytes_of(azure, "disks/two", 4096) == data[1]
    body = disk({"createOption": "FromImage", "galleryImageReference": {**reference, "lun": 1}})
    assert azure.refused("PUT", "disks/three", body)[:2] == (400, "InvalidParameter")


def test_from_a_machine(azure: LocalAzure) -> None:
    make_definition(azure, osState="Specialized")
    make_machine(azure, "vm", from_marketplace(dataDisks=[{"lun": 2, "createOption": "Empty", "diskSizeGB": 1}]))
    machine = azure.path("virtualMachines/vm")
    source = {"virtualMachineId": machine}
    body = {"location": LOCATION, "properties": {"storageProfile": {"source": source}}}
    answer = azure.call("PUT", V1, body, MID)
    assert "validationsProfile" not in answer.json()["properties"]
    azure.done(answer)
    found = azure.get(V1, MID)["properties"]
    assert found["validationsProfile"]["validationOperationStatus"] == "NotExecuted"
    assert found["validationsProfile"]["platformAttributes"][0] == {"name": "source_image_publisher", "value": "Debian"}
    assert "validationsProfile" not in azure.get(V1, "2023-07-03")["properties"]
    storage = found["storageProfile"]
    assert storage["source"] == source
    assert [image["lun"] for image in storage["dataDiskImages"]] == [2]
    azure.put("galleries/g/images/general", definition("general"), MID)
    assert azure.refused("PUT", "galleries/g/images/general/versions/1.0.0", body) == (
        400,
        "BadRequest",
        (
            f"The resource with id '{machine}' has a different OS state ['Specialized'] than the parent gallery image OS state "
            "['Generalized']."
        ),
    )


def test_from_another_version_and_from_the_community(azure: LocalAzure) -> None:
    data = os.urandom(4096)
    make_definition(azure)
    make_version(azure, "1.0.0", data=data)
    azure.put("galleries/g/images/copy", definition("copy"), MID)
    source = {"id": azure.path(V1)}
    body: dict[str, Any] = {"location": LOCATION, "properties": {"storageProfile": {"source": source}}}
    azure.put("galleries/g/images/copy/versions/1.0.0", body, MID)
    azure.done(azure.call("DELETE", V1))
    disk_of(azure, "made", {"id": azure.path("galleries/g/images/copy/versions/1.0.0")})
    assert bytes_of(azure, "disks/made", 4096) == data
    public = "/CommunityGalleries/contosoimages-5d1c7f0a-3b62-4e98-8a4d-6f2b9c0e7d13/Images/windows-2022"
    azure.put("galleries/g/images/win", definition("win", osType="Windows"), MID)
    body["properties"]["storageProfile"]["source"] = {"communityGalleryImageId": f"{public}/Versions/latest"}
    found = azure.put("galleries/g/images/win/versions/1.0.0", body, MID)["properties"]["storageProfile"]
    assert found["osDiskImage"]["sizeInGB"] == 127


@pytest.mark.parametrize("name", ["1.0", "01.0.0", "1.0.0.0", "v1.0.0", "1.0.4294967296", "latest"])
def test_names_of_versions(azure: LocalAzure, name: str) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    _status, _code, text = azure.refused("PUT", f"galleries/g/images/d/versions/{name}", of_disk(azure, "x"))
    assert text.startswith(
        "The image version name is invalid. The image version name should follow Major(int).Minor(int)"
    )


@pytest.mark.parametrize(
    ("regions", "profile", "text"),
    [
        (["westus"], {}, "regions West US must contain the location of image version West Europe"),
        ([LOCATION, "West Europe"], {}, "Duplicate regions are not allowed in target publishing regions."),
        ([LOCATION, "atlantis"], {}, "The provided location 'atlantis' is not available for resource type"),
        ([], {"replicaCount": 101}, "The value must be between '1' and '100', inclusive."),
        ([], {"endOfLifeDate": "2001-01-01T00:00:00Z"}, "EndOfLifeDate must be set to a future date."),
        (
            ["westus", LOCATION],
            {"storageAccountType": "Standard_ZRS"},
            "ZRS storage account type is not supported in this region.",
        ),
        (
            [],
            {"storageAccountType": "Standard_LRS", "storageAccountStrategy": "PreferStandard_ZRS"},
            "cannot be specified together",
        ),
    ],
)
def test_profiles_are_checked(azure: LocalAzure, regions: list[str], profile: dict[str, Any], text: str) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    status, _code, found = azure.refused("PUT", V1, of_disk(azure, "x", *regions, **profile), TRUSTED)
    assert status == 400
    assert text in found


def test_sources_are_checked(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    azure.put("disks/far", {**empty(1), "location": "westus"})
    body = of_disk(azure, "far")
    assert azure.refused("PUT", V1, body)[2] == (
        f"Source {azure.path('disks/far')} is not found. Please check source exists, and is in the same region as gallery image "
        "version being created."
    )
    body["properties"]["storageProfile"] = {}
    assert "One and only one source type" in azure.refused("PUT", V1, body)[2]
    body["properties"]["storageProfile"] = {"source": {"id": azure.path("disks/x")}}
    assert (
        "must either be a managed image, virtual machine or another gallery image version"
        in azure.refused("PUT", V1, body)[2]
    )
    azure.put("images/i", image_of_disk(azure, "x", "Specialized"))
    assert azure.refused("PUT", V1, of_image(azure, "i"))[2] == (
        f"Cannot create Gallery Image Version from: {azure.path('images/i')} since the OS State in the parent gallery image "
        "('Generalized') is not 'Specialized'."
    )
    assert azure.refused("PUT", "galleries/g/images/none/versions/1.0.0", body)[1:] == (
        "ParentResourceNotFound",
        "Can not perform requested operation on nested resource. Parent resource 'g/none' not found.",
    )
    assert azure.get("galleries/g/images/d/versions")["value"] == []


def test_a_wrong_generation_fails_the_operation(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1, osType="Linux", hyperVGeneration="V2"))
    assert azure.refused("PUT", V1, of_disk(azure, "x"), MID) == (
        200,
        "Conflict",
        (
            f"The resource with id '{azure.path('disks/x')}' has a different Hypervisor generation ['V2'] than the parent "
            "gallery image Hypervisor generation ['V1']."
        ),
    )
    assert azure.get(V1)["properties"]["provisioningState"] == "Failed"
    status = azure.get(V1, MID, **{"$expand": "ReplicationStatus"})["properties"]["replicationStatus"]
    assert (status["aggregatedState"], status["summary"][0]["state"]) == ("Failed", "Failed")
    azure.done(azure.call("PATCH", V1, {"tags": {"a": "b"}}, MID))
    assert azure.get(V1)["properties"]["provisioningState"] == "Failed"
    azure.put("disks/good", empty(1, osType="Linux"))
    again = azure.call("PUT", V1, of_disk(azure, "good"), MID)
    assert (again.status_code, azure.done(again)["status"]) == (200, "Succeeded")
    assert azure.get(V1)["properties"]["provisioningState"] == "Succeeded"
    # Both disks and the version; what the first attempt had is gone.
    assert len(list((azure.data / "disks").glob("*.pages"))) == 3


def test_an_update_that_failed_can_be_repeated(azure: LocalAzure) -> None:
    """The version has all its bytes: that is not another attempt to make it."""
    data = os.urandom(4096)
    make_definition(azure)
    make_version(azure, "1.0.0", data=data)
    azure.control("faults", "PUT", operations=[{"effect": "compute.gallery.version.update", "times": 1}])
    change = {"location": LOCATION, "properties": {"publishingProfile": {"replicaCount": 2}}}
    try:
        refused = azure.refused("PUT", V1, change, MID)
    finally:
        azure.control("faults", "PUT", operations=[])
    assert refused[:2] == (200, "InternalExecutionError")
    status = azure.get(V1, MID, **{"$expand": "ReplicationStatus"})["properties"]["replicationStatus"]
    assert status["summary"][0]["details"] == refused[2]
    assert azure.put(V1, change, MID)["properties"]["provisioningState"] == "Succeeded"
    disk_of(azure, "made", {"id": azure.path(V1)})
    assert bytes_of(azure, "disks/made", 4096) == data


def test_what_could_not_be_made_is_left_alone_while_it_goes(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1, osType="Windows"))
    assert azure.refused("PUT", V1, of_disk(azure, "x"), MID)[1] == "Conflict"
    azure.control("latency", "PUT", seconds={"compute.gallery.version.delete": 60})
    try:
        assert azure.call("DELETE", V1).status_code == 202
        assert azure.refused("PUT", V1, of_disk(azure, "x"), MID)[:2] == (409, "Conflict")
    finally:
        azure.control("latency", "PUT", name="fast")


def test_large_disks_need_shallow_replication(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(3000))
    assert azure.refused("PUT", V1, of_disk(azure, "x"), MID)[1:] == (
        "GallerySourceResourceExceedsMaxSize",
        "The GalleryImageVersion source resource size 3000 exceeds the max size 2048 supported.",
    )
    body = of_disk(azure, "x", replicationMode="Shallow")
    found = azure.put("galleries/g/images/d/versions/1.0.1", body, MID)["properties"]
    assert found["publishingProfile"]["replicationMode"] == "Shallow"


def test_an_update_as_recorded(azure: LocalAzure) -> None:
    make_definition(azure)
    make_version(azure, "1.0.0")
    body = of_disk(azure, "disk-d-1.0.0", {"name": "westus2", "regionalReplicaCount": 1}, LOCATION, replicaCount=2)
    answer = azure.call("PUT", V1, body, OLD)
    assert answer.status_code == 200
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    assert azure.done(answer)["status"] == "Succeeded"
    found = azure.get(V1, OLD)["properties"]
    assert [
        (region["name"], region["regionalReplicaCount"]) for region in found["publishingProfile"]["targetRegions"]
    ] == [
        ("West US 2", 1),
        ("West Europe", 2),
    ]
    body["properties"]["storageProfile"]["osDiskImage"]["source"]["id"] = azure.path("disks/other")
    assert azure.refused("PUT", V1, body)[1:] == (
        "PropertyChangeNotAllowed",
        "Changing property 'galleryImageVersion.properties.storageProfile.osDiskImage.source.id' is not allowed.",
    )
    patch = {"tags": {"a": "b"}, "properties": {"publishingProfile": {"excludeFromLatest": True}}}
    azure.done(azure.call("PATCH", V1, patch, MID))
    changed = azure.get(V1, MID)
    assert (changed["tags"], changed["properties"]["publishingProfile"]["excludeFromLatest"]) == ({"a": "b"}, True)
    assert len(changed["properties"]["publishingProfile"]["targetRegions"]) == 2


def test_the_first_api_versions(azure: LocalAzure) -> None:
    make_definition(azure)
    assert "hyperVGeneration" not in azure.get("galleries/g/images/d", "2018-06-01")["properties"]
    azure.put("disks/x", empty(1))
    azure.put("images/i", image_of_disk(azure, "x"))
    source = {"managedImage": {"id": azure.path("images/i")}}
    body = {"location": LOCATION, "properties": {"publishingProfile": {"source": source}}}
    answer = azure.call("PUT", V1, body, "2018-06-01")
    assert answer.status_code == 201
    assert "storageProfile" not in answer.json()["properties"]
    azure.done(answer)
    found = azure.get(V1, "2018-06-01")["properties"]
    assert found["publishingProfile"]["source"] == source
    assert found["publishingProfile"]["targetRegions"] == [{"name": "West Europe", "regionalReplicaCount": 1}]
    assert found["storageProfile"] == {"osDiskImage": {"sizeInGB": 1, "hostCaching": "None"}}
    assert azure.get(V1, OLD)["properties"]["storageProfile"]["source"] == {"id": azure.path("images/i")}
    assert azure.done(azure.call("PUT", V1, body, "2018-06-01"))["status"] == "Succeeded"
    source["managedImage"]["id"] = azure.path("images/other")
    assert azure.refused("PUT", V1, body, "2018-06-01")[1] == "PropertyChangeNotAllowed"


def test_storage_strategy_of_newer_versions(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    found = azure.put(V1, of_disk(azure, "x", LOCATION, "westus"), TRUSTED)["properties"]["publishingProfile"]
    assert found["storageAccountStrategy"] == "PreferStandard_ZRS"
    assert [region["storageAccountType"] for region in found["targetRegions"]] == ["Standard_ZRS", "Standard_LRS"]
    assert "storageAccountStrategy" not in azure.get(V1, MID)["properties"]["publishingProfile"]


def test_versions_that_end(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    azure.control("clock", freeze=1_788_000_000)
    try:
        answer = azure.call("PUT", V1, of_disk(azure, "x"), ENDING)
        azure.control("clock", advance=1)
        assert azure.done(answer)["status"] == "Succeeded"
        found = azure.get(V1, ENDING)["properties"]
        assert found["publishingProfile"]["publishedDate"].startswith("2026-08-29")
        assert found["publishingProfile"]["endOfLifeDate"].startswith("2027-02-28")
        assert found["safetyProfile"]["blockDeletionBeforeEndOfLife"] is True
        assert "blockDeletionBeforeEndOfLife" not in azure.get(V1, "2023-07-03")["properties"]["safetyProfile"]
        assert azure.refused("DELETE", V1) == (
            409,
            "DeleteGalleryImageVersionBlockedBeforeEndOfLife",
            (
                "Deletion of Gallery image version is not allowed because the image is enabled for "
                "blockDeletionBeforeEndOfLife and its endOfLifeDate has not reached yet"
            ),
        )
        body = {"properties": {"safetyProfile": {"blockDeletionBeforeEndOfLife": False}}}
        assert azure.call("PATCH", V1, body, ENDING).status_code == 200
        assert azure.call("DELETE", V1).status_code == 202
    finally:
        azure.control("clock", run=True)


def test_the_end_of_life_frees_a_version(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    azure.put(V1, of_disk(azure, "x"), ENDING)
    azure.control("clock", advance=184 * 86400)
    assert azure.call("DELETE", V1).status_code == 202


def test_a_version_that_is_gone_is_still_counted_for_a_while(azure: LocalAzure) -> None:
    make_definition(azure)
    make_version(azure, "1.0.0")
    azure.control("latency", "PUT", seconds={"compute.gallery.linger": 20})
    try:
        azure.done(azure.call("DELETE", V1))
        assert azure.call("GET", V1).status_code == 404
        assert azure.refused("DELETE", "galleries/g/images/d")[1] == "CannotDeleteResource"
        azure.control("clock", advance=21)
        azure.done(azure.call("DELETE", "galleries/g/images/d"))
    finally:
        azure.control("latency", "PUT", name="fast")


def test_the_group_takes_its_galleries_along(azure: LocalAzure) -> None:
    make_definition(azure)
    make_version(azure, "1.0.0")
    path = f"/subscriptions/{azure.subscription}/resourcegroups/rg"
    url = azure.call("DELETE", path, version="2021-04-01").headers["location"]
    while (answer := azure.client.get(url)).status_code == 202:
        url = answer.headers["location"]
    assert answer.status_code == 200
    azure.make_group("rg")
    assert azure.get("galleries")["value"] == []
    assert list((azure.data / "disks").glob("*.pages")) == []


def test_a_protected_version_holds_its_group(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.put("disks/x", empty(1))
    azure.put(V1, of_disk(azure, "x"), ENDING)
    path = f"/subscriptions/{azure.subscription}/resourcegroups/rg"
    url = azure.call("DELETE", path, version="2021-04-01").headers["location"]
    while (answer := azure.client.get(url)).status_code == 202:
        url = answer.headers["location"]
    assert (answer.status_code, answer.json()["Error"]["Code"]) == (409, "ResourceGroupDeletionBlocked")
    assert azure.get(V1, ENDING)["properties"]["provisioningState"] == "Succeeded"
    assert azure.call("GET", "disks/x").status_code == 404


def test_security_types_of_machines(azure: LocalAzure) -> None:
    trusted = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
    body = machine(azure, "vm", from_marketplace("12-gen2"), size="Standard_D2s_v5", osProfile=os_profile("vm"))
    body["properties"]["securityProfile"] = trusted
    azure.put("virtualMachines/vm", body)
    make_gallery(azure)
    source = {"virtualMachineId": azure.path("virtualMachines/vm")}
    version = {"location": LOCATION, "properties": {"storageProfile": {"source": source}}}
    for name, security, outcome in (
        ("plain", None, "Conflict"),
        ("confidential", "ConfidentialVM", "Conflict"),
        ("supported", "TrustedLaunchSupported", None),
        ("trusted", "TrustedLaunch", None),
    ):
        features = [{"name": "SecurityType", "value": security}] if security else []
        wanted = definition(name, osState="Specialized", hyperVGeneration="V2", features=features)
        azure.put(f"galleries/g/images/{name}", wanted, MID)
        short = f"galleries/g/images/{name}/versions/1.0.0"
        if outcome:
            assert azure.refused("PUT", short, version, MID)[1] == outcome
        else:
            azure.put(short, version, MID)


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ({"lun": 1}, "Duplicated lun numbers have been detected in the input data disks."),
        ({"lun": 2}, "Duplicated source ids are found in the input disks."),
        ({}, "Duplicated lun numbers have been detected"),
    ],
)
def test_data_disks_differ(azure: LocalAzure, second: dict[str, Any], text: str) -> None:
    make_definition(azure)
    for name in ("x", "y"):
        azure.put(f"disks/{name}", empty(1))
    body = of_disk(azure, "x")
    source = {"id": azure.path("disks/y")}
    images = [{"lun": 1, "source": source}, {**second, "source": source}]
    body["properties"]["storageProfile"]["dataDiskImages"] = images
    status, _code, found = azure.refused("PUT", V1, body, MID)
    assert status == 400
    assert text in found


def test_deleted_versions_go_to_the_bin_and_come_back(azure: LocalAzure) -> None:
    data = os.urandom(4096)
    make_gallery(
        azure, softDeletePolicy={"isSoftDeleteEnabled": True, "retentionPeriodInDays": 31, "gracePeriodInDays": 8}
    )
    make_definition(azure)
    make_version(azure, "1.0.0", data=data)
    published = azure.get(V1)["properties"]["publishingProfile"]["publishedDate"]
    azure.done(azure.call("DELETE", V1, version=ENDING))
    assert azure.call("GET", V1).status_code == 404
    bin_path = "galleries/g/softDeletedArtifactTypes/Images/artifacts/d/versions"
    entry = azure.get(bin_path, ENDING)["value"][0]
    assert entry["type"] == "Microsoft.Compute/galleries/softDeletedArtifactTypes/artifacts/versions"
    assert entry["properties"]["resourceArmId"] == azure.path(V1)
    assert azure.refused("DELETE", "galleries/g/images/d")[1] == "CannotDeleteResource"
    answer = azure.call("PUT", V1, {"location": LOCATION, "tags": {}}, MID)
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Updating")
    azure.done(answer)
    assert azure.get(V1)["properties"]["publishingProfile"]["publishedDate"] == published
    assert azure.get(bin_path, ENDING)["value"] == []
    disk_of(azure, "made", {"id": azure.path(V1)})
    assert bytes_of(azure, "disks/made", 4096) == data
    azure.done(azure.call("DELETE", V1))
    azure.control("clock", advance=40 * 86400)
    assert azure.get(bin_path, ENDING)["value"] == []
    azure.done(azure.call("DELETE", "galleries/g/images/d"))
