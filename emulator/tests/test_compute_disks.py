# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed disks and snapshots."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure_emulator.disks.vhd import make_footer
from compute_bodies import (
    MIB,
    bytes_of,
    copy_of,
    disk,
    empty,
    from_marketplace,
    make_machine,
    make_specialized,
    upload_disk,
    write_pages,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure

GIB = 1 << 30


def test_put_answers_as_recorded(azure: LocalAzure) -> None:
    answer = azure.call("PUT", "disks/d", empty(10) | {"tags": {"a": "b"}}, "2020-05-01")
    assert answer.status_code == 202
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert "azure-asyncnotification" not in answer.headers
    body = answer.json()
    assert {"id", "type", "sku"}.isdisjoint(body)
    assert body["tags"] == {"a": "b"}
    assert body["properties"] == {
        "creationData": {"createOption": "Empty"},
        "diskSizeGB": 10,
        "provisioningState": "Updating",
        "isArmResource": True,
    }
    status = azure.done(answer)
    found = azure.get("disks/d")
    assert status["properties"]["output"] == azure.get("disks/d", "2020-05-01")
    assert found["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    properties = found["properties"]
    assert properties["diskSizeBytes"] == 10 * GIB
    assert (properties["diskState"], properties["provisioningState"]) == ("Unattached", "Succeeded")
    assert (properties["diskIOPSReadWrite"], properties["diskMBpsReadWrite"]) == (500, 60)
    assert uuid.UUID(properties["uniqueId"])


def test_newer_versions_answer_with_the_whole_head(azure: LocalAzure) -> None:
    for version, head in (("2021-12-01", {"name", "id"}), ("2022-03-02", {"name", "id", "type"})):
        body = azure.call("PUT", f"disks/d{version}", empty(10), version).json()
        assert body.keys() - {"location", "properties"} == head
        assert ("isArmResource" in body["properties"]) == (version < "2022")


def test_properties_appear_with_their_api_version(azure: LocalAzure) -> None:
    azure.put("disks/d", disk({"createOption": "Empty"}, "Premium_LRS", diskSizeGB=100))
    old = azure.get("disks/d", "2019-07-01")["properties"]
    new = azure.get("disks/d", "2024-03-02")["properties"]
    assert {"networkAccessPolicy", "publicNetworkAccess", "tier"}.isdisjoint(old)
    assert (new["networkAccessPolicy"], new["publicNetworkAccess"], new["tier"]) == ("AllowAll", "Enabled", "P10")


def test_grow_but_never_shrink(azure: LocalAzure) -> None:
    azure.put("disks/d", empty(4))
    assert azure.done(azure.call("PATCH", "disks/d", {"properties": {"diskSizeGB": 8}}))["status"] == "Succeeded"
    assert azure.get("disks/d")["properties"]["diskSizeBytes"] == 8 * GIB
    shrink = azure.refused("PATCH", "disks/d", {"properties": {"diskSizeGB": 4}})
    assert shrink == (200, "InvalidParameter", "Disks or snapshot cannot be resized down.")
    properties = azure.get("disks/d")["properties"]
    assert (properties["diskSizeGB"], properties["provisioningState"]) == (8, "Succeeded")


def test_patch_changes_tags_and_type(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    azure.done(azure.call("PATCH", "disks/d", {"tags": {"x": "y"}, "sku": {"name": "Premium_LRS"}}))
    found = azure.get("disks/d")
    assert found["tags"] == {"x": "y"}
    assert found["sku"] == {"name": "Premium_LRS", "tier": "Premium"}
    assert found["properties"]["diskIOPSReadWrite"] == 120


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"location": "westeurope"}, 400, "InvalidParameter"),
        (disk({"createOption": "Empty"}), 400, "InvalidParameter"),
        (disk({"createOption": "Nothing"}), 400, "InvalidParameter"),
        (disk({"createOption": "Empty"}, diskSizeGB=0), 400, "InvalidParameter"),
        (disk({"createOption": "Empty"}, diskSizeGB=40000), 400, "InvalidParameter"),
        (disk({"createOption": "Empty"}, "Fast", diskSizeGB=1), 400, "InvalidParameter"),
        (empty() | {"location": "atlantis"}, 400, "LocationNotAvailableForResourceType"),
        (disk({"createOption": "Upload"}), 400, "InvalidParameter"),
        (disk({"createOption": "Upload", "uploadSizeBytes": 20971520}), 400, "InvalidParameter"),
        (disk({"createOption": "Upload", "uploadSizeBytes": 35183298347521}), 400, "InvalidParameter"),
        (disk({"createOption": "Upload", "uploadSizeBytes": 20972032}, diskSizeGB=1), 400, "InvalidParameter"),
        (disk({"createOption": "Copy"}), 400, "InvalidParameter"),
        (disk({"createOption": "Import", "sourceUri": "https://x.blob.core.windows.net/a/b"}), 400, "InvalidParameter"),
    ],
)
def test_bad_bodies_are_refused(azure: LocalAzure, body: dict[str, Any], status: int, code: str) -> None:
    assert azure.refused("PUT", "disks/d", body)[:2] == (status, code)
    assert azure.call("GET", "disks/d").status_code == 404


def test_names_follow_the_rule(azure: LocalAzure) -> None:
    assert azure.refused("PUT", "disks/bad name", empty())[:2] == (400, "InvalidParameter")
    assert azure.refused("PUT", f"disks/{'x' * 81}", empty())[:2] == (400, "InvalidParameter")


def test_source_must_exist_and_be_here(azure: LocalAzure) -> None:
    assert azure.refused("PUT", "disks/d", copy_of(azure, "disks/none"))[:2] == (404, "ResourceNotFound")
    azure.put("disks/far", empty() | {"location": "eastus"})
    assert azure.refused("PUT", "disks/d", copy_of(azure, "disks/far"))[:2] == (400, "InvalidParameter")


def test_same_name_elsewhere_is_refused(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    moved = azure.refused("PUT", "disks/d", empty() | {"location": "eastus"})
    assert moved[:2] == (409, "InvalidResourceLocation")
    changed = azure.refused("PUT", "disks/d", disk({"createOption": "Upload", "uploadSizeBytes": 20972032}))
    assert changed[:2] == (409, "PropertyChangeNotAllowed")


def test_upload_goes_through_its_states(azure: LocalAzure) -> None:
    azure.put("disks/d", disk({"createOption": "Upload", "uploadSizeBytes": 20 * MIB + 512}))

    def state() -> str:
        return str(azure.get("disks/d")["properties"]["diskState"])

    assert state() == "ReadyToUpload"
    assert "diskSizeGB" not in azure.get("disks/d")["properties"]
    assert azure.refused("PUT", "disks/copy", copy_of(azure, "disks/d"))[:2] == (409, "OperationNotAllowed")
    read = azure.refused("POST", "disks/d/beginGetAccess", {"access": "Read", "durationInSeconds": 60})
    assert read[:2] == (409, "OperationNotAllowed")
    url = azure.post("disks/d/beginGetAccess", {"access": "Write", "durationInSeconds": 60})["accessSAS"]
    assert state() == "ActiveUpload"
    again = azure.refused("POST", "disks/d/beginGetAccess", {"access": "Write", "durationInSeconds": 60})
    assert again[:2] == (409, "OperationNotAllowed")
    assert azure.refused("DELETE", "disks/d")[:2] == (409, "OperationNotAllowed")
    write_pages(azure, url, 20 * MIB, make_footer(20 * MIB, uuid.uuid4()))
    azure.post("disks/d/endGetAccess")
    assert state() == "Unattached"
    assert azure.get("disks/d")["properties"]["diskSizeBytes"] == 20 * MIB


def test_ended_without_a_byte_an_upload_is_an_empty_disk(azure: LocalAzure) -> None:
    """As recorded for the first version with uploads, which gave the disk's size."""
    old = "2018-09-30"
    body = disk({"createOption": "Upload"})
    assert azure.refused("PUT", "disks/d", body, old)[:2] == (400, "InvalidParameter")
    body["properties"]["diskSizeGB"] = 1
    made = azure.put("disks/d", body, old)["properties"]
    assert (made["diskState"], made["diskSizeGB"]) == ("ReadyToUpload", 1)
    assert made["creationData"] == {"createOption": "Upload"}
    azure.post("disks/d/beginGetAccess", {"access": "Write", "durationInSeconds": 60}, old)
    azure.post("disks/d/endGetAccess", None, old)
    ended = azure.get("disks/d")["properties"]
    assert (ended["diskState"], ended["diskSizeGB"], ended["diskSizeBytes"]) == ("Unattached", 1, 1024 * MIB)
    copy = azure.put("snapshots/s", copy_of(azure, "disks/d"), old)["properties"]
    assert copy.keys() == {"creationData", "diskSizeGB", "timeCreated", "provisioningState", "diskState"}
    assert copy["creationData"].keys() == {"createOption", "sourceResourceId"}


def test_broken_off_upload_can_be_begun_again(azure: LocalAzure) -> None:
    azure.put("disks/d", disk({"createOption": "Upload", "uploadSizeBytes": 20 * MIB + 512}))
    url = azure.post("disks/d/beginGetAccess", {"access": "Write", "durationInSeconds": 60})["accessSAS"]
    write_pages(azure, url, 0, b"a" * 4096)
    azure.post("disks/d/endGetAccess")
    assert azure.get("disks/d")["properties"]["diskState"] == "ReadyToUpload"
    url = azure.post("disks/d/beginGetAccess", {"access": "Write", "durationInSeconds": 60})["accessSAS"]
    write_pages(azure, url, 20 * MIB, make_footer(MIB, uuid.uuid4()))
    status = azure.done(azure.call("POST", "disks/d/endGetAccess"))
    assert (status["status"], status["error"]["code"]) == ("Failed", "InvalidVhd")
    assert azure.get("disks/d")["properties"]["diskState"] == "ReadyToUpload"


def test_access_result_from_both_urls(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    answer = azure.call("POST", "disks/d/beginGetAccess", {"access": "Read", "durationInSeconds": 60})
    assert answer.status_code == 202
    assert not answer.content
    output = azure.done(answer)["properties"]["output"]
    assert azure.client.get(answer.headers["location"]).json() == output
    query = parse_qs(urlsplit(output["accessSAS"]).query)
    assert query.keys() == {"sv", "sr", "si", "sig"}
    assert query["sr"] == ["b"]


def test_copies_hold_the_bytes_of_their_moment(azure: LocalAzure) -> None:
    data = os.urandom(8192)
    upload_disk(azure, "d", data)
    azure.put("snapshots/s", copy_of(azure, "disks/d"))
    azure.put("disks/big", copy_of(azure, "snapshots/s", diskSizeGB=5))
    assert azure.done(azure.call("DELETE", "disks/d"))["status"] == "Succeeded"
    assert bytes_of(azure, "snapshots/s", 8192) == data
    assert bytes_of(azure, "disks/big", 8192) == data
    big = azure.get("disks/big")["properties"]
    assert big["diskSizeBytes"] == 5 * GIB
    assert big["osType"] == "Linux"
    source = azure.get("snapshots/s")["properties"]
    assert big["creationData"]["sourceUniqueId"] == source["uniqueId"]


def test_snapshot_answers_as_recorded(azure: LocalAzure) -> None:
    azure.put("disks/d", empty(4, osType="Linux"))
    answer = azure.call("PUT", "snapshots/s", copy_of(azure, "disks/d", incremental=True), "2020-05-01")
    body = answer.json()
    assert "name" not in body
    assert body["properties"]["isArmResource"] is True
    assert body["properties"]["osType"] == "Linux"
    azure.done(answer)
    found = azure.get("snapshots/s", "2024-03-02")["properties"]
    assert found["incremental"] is True
    assert found["incrementalSnapshotFamilyId"]
    assert "diskIOPSReadWrite" not in found
    assert azure.get("snapshots/s", "2020-05-01")["properties"].get("incrementalSnapshotFamilyId") is None
    plain = azure.put("snapshots/p", copy_of(azure, "disks/d"))["properties"]
    assert plain["incremental"] is False
    other = azure.refused(
        "PUT", "snapshots/x", disk({"createOption": "CopyStart", "sourceResourceId": azure.path("disks/d")})
    )
    assert other[:2] == (400, "InvalidParameter")


def test_lists_by_group_and_subscription(azure: LocalAzure) -> None:
    azure.put("disks/a", empty())
    azure.put("disks/b", empty())
    assert [item["name"] for item in azure.get("disks")["value"]] == ["a", "b"]
    everywhere = azure.get(f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/disks")["value"]
    assert [item["name"] for item in everywhere] == ["a", "b"]
    assert all(not key.startswith("_") for item in everywhere for key in item)
    assert azure.get("snapshots")["value"] == []


def test_delete_and_its_refusals(azure: LocalAzure) -> None:
    assert azure.call("DELETE", "disks/none").status_code == 204
    make_machine(azure, "vm", from_marketplace())
    name = azure.get("disks")["value"][0]["name"]
    assert azure.refused("DELETE", f"disks/{name}") == (
        409,
        "OperationNotAllowed",
        f"Disk {name} is attached to VM {azure.path('virtualMachines/vm')}.",
    )
    azure.put("disks/d", empty())
    azure.post("disks/d/beginGetAccess", {"access": "Read", "durationInSeconds": 60})
    assert "aka.ms/revokeaccessapi" in azure.refused("DELETE", "disks/d")[2]
    azure.post("disks/d/endGetAccess")
    azure.done(azure.call("DELETE", "disks/d"))
    assert azure.refused("GET", "disks/d") == (
        404,
        "ResourceNotFound",
        (
            "The Resource 'Microsoft.Compute/disks/d' under resource group 'rg' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        ),
    )


def test_deleted_bytes_leave_the_folder(azure: LocalAzure) -> None:
    upload_disk(azure, "d", b"x" * 512)
    azure.put("snapshots/s", copy_of(azure, "disks/d"))
    assert len(list((azure.data / "disks").glob("*.pages"))) == 2
    for short in ("disks/d", "snapshots/s"):
        azure.done(azure.call("DELETE", short))
    assert list((azure.data / "disks").iterdir()) == []


def test_export_needs_a_stopped_machine(azure: LocalAzure) -> None:
    upload_disk(azure, "d", b"x" * 512)
    make_specialized(azure, "vm", "d")
    body = {"access": "Read", "durationInSeconds": 60}
    assert azure.refused("POST", "disks/d/beginGetAccess", body)[:2] == (409, "OperationNotAllowed")
    assert azure.refused("PATCH", "disks/d", {"properties": {"diskSizeGB": 8}})[:2] == (409, "Conflict")
    azure.post("virtualMachines/vm/deallocate")
    assert azure.get("disks/d")["properties"]["diskState"] == "Reserved"
    azure.post("disks/d/beginGetAccess", body)
    assert azure.get("disks/d")["properties"]["diskState"] == "ActiveSAS"
    azure.post("disks/d/endGetAccess")
    azure.done(azure.call("PATCH", "disks/d", {"properties": {"diskSizeGB": 8}}))
    assert azure.get("disks/d")["properties"]["diskSizeGB"] == 8


def test_a_group_with_an_open_sas_stays(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    azure.post("disks/d/beginGetAccess", {"access": "Read", "durationInSeconds": 60})
    group = f"/subscriptions/{azure.subscription}/resourcegroups/{azure.group}"
    url = azure.call("DELETE", group, version="2021-04-01").headers["location"]
    while (answer := azure.client.get(url)).status_code == 202:
        url = answer.headers["location"]
    assert answer.status_code == 409
    assert "ResourceGroupDeletionBlocked" in answer.text
    assert "revokeaccessapi" in answer.text
