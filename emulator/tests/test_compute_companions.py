# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk encryption sets and disk accesses, and the disks that use them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import LOCATION, copy_of, empty

if TYPE_CHECKING:
    from azure_process import LocalAzure

VAULT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"


def encryption_set(key: str = "one", **properties: Any) -> dict[str, Any]:
    active = {"sourceVault": {"id": VAULT}, "keyUrl": f"https://v.vault.azure.net/keys/k/{key}"}
    return {
        "location": LOCATION,
        "identity": {"type": "SystemAssigned"},
        "properties": {"activeKey": active, **properties},
    }


def encrypted(azure: LocalAzure, name: str, **more: str) -> dict[str, Any]:
    return {"diskEncryptionSetId": azure.path(f"diskEncryptionSets/{name}"), **more}


def test_an_encryption_set_answers_as_recorded(azure: LocalAzure) -> None:
    body = encryption_set()
    answer = azure.call("PUT", "diskEncryptionSets/s", body, "2020-05-01")
    assert answer.status_code == 202
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert answer.json() == body | {"properties": {**body["properties"], "provisioningState": "Updating"}}
    output = azure.done(answer)["properties"]["output"]
    found = azure.get("diskEncryptionSets/s")
    assert output == found
    assert found["properties"] == {
        **body["properties"],
        "encryptionType": "EncryptionAtRestWithCustomerKey",
        "provisioningState": "Succeeded",
    }
    assert found["identity"]["tenantId"] == azure.tenant
    assert uuid.UUID(found["identity"]["principalId"])
    assert [item["name"] for item in azure.get("diskEncryptionSets")["value"]] == ["s"]
    newer = azure.call("PUT", "diskEncryptionSets/s", body, "2023-04-02").json()
    assert {"name", "id", "type"} <= newer.keys()


def test_a_new_key_keeps_the_identity(azure: LocalAzure) -> None:
    before = azure.put("diskEncryptionSets/s", encryption_set())
    azure.done(azure.call("PATCH", "diskEncryptionSets/s", encryption_set("two")))
    after = azure.get("diskEncryptionSets/s")
    assert after["identity"] == before["identity"]
    assert "lastKeyRotationTimestamp" not in before["properties"]
    assert after["properties"]["lastKeyRotationTimestamp"]
    assert after["properties"]["activeKey"]["keyUrl"].endswith("/two")


def test_an_encryption_set_needs_a_key(azure: LocalAzure) -> None:
    body = {"location": LOCATION, "identity": {"type": "SystemAssigned"}}
    assert azure.refused("PUT", "diskEncryptionSets/s", body)[:2] == (400, "InvalidParameter")
    wrong = encryption_set(encryptionType="Rot13")
    assert azure.refused("PUT", "diskEncryptionSets/s", wrong)[:2] == (400, "InvalidParameter")
    assert azure.call("GET", "diskEncryptionSets/s").status_code == 404


def test_disks_and_their_copies_are_encrypted(azure: LocalAzure) -> None:
    azure.put("diskEncryptionSets/s", encryption_set())
    azure.put("disks/d", empty(encryption=encrypted(azure, "s")))
    azure.put("snapshots/c", copy_of(azure, "disks/d"))
    wanted = azure.path("diskEncryptionSets/s").replace("/rg/", "/RG/")
    for short in ("disks/d", "snapshots/c"):
        assert azure.get(short)["properties"]["encryption"] == {
            "type": "EncryptionAtRestWithCustomerKey",
            "diskEncryptionSetId": wanted,
        }
    users = azure.get("diskEncryptionSets/s/associatedResources")["value"]
    assert users == [azure.path("disks/d"), azure.path("snapshots/c")]
    assert azure.refused("DELETE", "diskEncryptionSets/s")[:2] == (409, "OperationNotAllowed")
    platform = {"properties": {"encryption": {"type": "EncryptionAtRestWithPlatformKey"}}}
    for short in ("disks/d", "snapshots/c"):
        azure.done(azure.call("PATCH", short, platform))
        assert azure.get(short)["properties"]["encryption"] == platform["properties"]["encryption"]
    azure.done(azure.call("DELETE", "diskEncryptionSets/s"))
    assert azure.call("DELETE", "diskEncryptionSets/s").status_code == 204


@pytest.mark.parametrize(
    ("encryption", "status", "code"),
    [
        ({"type": "EncryptionAtRestWithCustomerKey"}, 400, "InvalidParameter"),
        ({"type": "None"}, 400, "InvalidParameter"),
        ({"diskEncryptionSetId": "/x"}, 400, "LinkedInvalidPropertyId"),
        ({"diskEncryptionSetId": f"{VAULT}"}, 404, "NotFound"),
    ],
)
def test_wrong_encryption_is_refused(azure: LocalAzure, encryption: dict[str, Any], status: int, code: str) -> None:
    assert azure.refused("PUT", "disks/d", empty(encryption=encryption))[:2] == (status, code)


def test_encryption_sets_serve_their_region(azure: LocalAzure) -> None:
    azure.put("diskEncryptionSets/s", encryption_set() | {"location": "eastus"})
    assert azure.refused("PUT", "disks/d", empty(encryption=encrypted(azure, "s")))[:2] == (400, "InvalidParameter")


def test_a_disk_access_answers_as_recorded(azure: LocalAzure) -> None:
    answer = azure.call("PUT", "diskAccesses/a", {"location": LOCATION}, "2020-05-01")
    assert answer.status_code == 202
    assert answer.json() == {
        "name": "a",
        "id": azure.path("diskAccesses/a"),
        "type": "Microsoft.Compute/diskAccesses",
        "location": LOCATION,
    }
    azure.done(answer)
    found = azure.get("diskAccesses/a")["properties"]
    assert found.keys() == {"provisioningState", "timeCreated"}
    assert found["provisioningState"] == "Succeeded"
    again = azure.call("PUT", "diskAccesses/a", {"location": LOCATION, "properties": {}, "tags": {"a": "b"}})
    assert again.json() == answer.json() | {"properties": {}, "tags": {"a": "b"}}
    azure.done(again)
    assert azure.get("diskAccesses")["value"][0]["tags"] == {"a": "b"}
    link = azure.get("diskAccesses/a/privateLinkResources")["value"][0]
    assert link["properties"]["groupId"] == "disks"
    assert azure.get("diskAccesses/a/privateEndpointConnections")["value"] == []


def test_private_disks_name_their_access(azure: LocalAzure) -> None:
    private = {"networkAccessPolicy": "AllowPrivate"}
    assert azure.refused("PUT", "disks/d", empty(**private))[:2] == (400, "InvalidParameter")
    access = {"diskAccessId": azure.path("diskAccesses/a")}
    assert azure.refused("PUT", "disks/d", empty(**private, **access))[:2] == (404, "NotFound")
    azure.put("diskAccesses/a", {"location": LOCATION})
    found = azure.put("disks/d", empty(**private, **access))["properties"]
    assert (found["networkAccessPolicy"], found["diskAccessId"]) == ("AllowPrivate", access["diskAccessId"])
    assert azure.refused("DELETE", "diskAccesses/a")[:2] == (409, "OperationNotAllowed")
    assert azure.refused("PUT", "disks/e", empty(**access))[:2] == (400, "InvalidParameter")
    azure.done(azure.call("PATCH", "disks/d", {"properties": {"networkAccessPolicy": "DenyAll"}}))
    assert "diskAccessId" not in azure.get("disks/d")["properties"]
    azure.done(azure.call("DELETE", "diskAccesses/a"))
