# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a SAS of a disk, for what, and what else is needed to use it."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure_emulator.disks.vhd import make_footer
from compute_bodies import (
    MIB,
    copy_of,
    disk,
    empty,
    from_marketplace,
    machine,
    make_specialized,
    os_profile,
    upload_disk,
    write_pages,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure

SECURE = {"securityProfile": {"securityType": "TrustedLaunch"}, "hyperVGeneration": "V2", "osType": "Linux"}
READ = {"access": "Read", "durationInSeconds": 600}
STATE_SIZE = 4 * MIB


def read(azure: LocalAzure, url: str, **headers: str) -> httpx.Response:
    with httpx.Client(verify=azure.trust) as client:
        return client.get(url, headers={"x-ms-range": "bytes=0-511", **headers})


def test_a_prepared_secure_upload_has_two_parts(azure: LocalAzure) -> None:
    creation = {"createOption": "UploadPreparedSecure", "uploadSizeBytes": 20 * MIB + 512}
    assert azure.refused("PUT", "disks/d", disk(creation))[:2] == (400, "InvalidParameter")
    azure.put("disks/d", disk(creation, **SECURE))
    grant = {"access": "Write", "durationInSeconds": 600, "getSecureVMGuestStateSAS": True}
    urls = azure.post("disks/d/beginGetAccess", grant)
    assert urls["securityDataAccessSAS"].partition("?")[0].endswith("_vmgs")
    state = os.urandom(4096)
    write_pages(azure, urls["accessSAS"], 0, b"d" * 4096)
    write_pages(azure, urls["accessSAS"], 20 * MIB, make_footer(20 * MIB, uuid.uuid4()))
    write_pages(azure, urls["securityDataAccessSAS"], 0, state)
    write_pages(azure, urls["securityDataAccessSAS"], STATE_SIZE, make_footer(STATE_SIZE, uuid.uuid4()))
    azure.post("disks/d/endGetAccess")
    assert read(azure, urls["securityDataAccessSAS"]).status_code == 403
    azure.put("snapshots/s", copy_of(azure, "disks/d"))
    azure.done(azure.call("DELETE", "disks/d"))
    found = azure.post("snapshots/s/beginGetAccess", READ | {"getSecureVMGuestStateSAS": True})
    assert read(azure, found["securityDataAccessSAS"]).content == state[:512]
    assert read(azure, found["accessSAS"]).content == b"d" * 512
    azure.post("snapshots/s/endGetAccess")
    azure.done(azure.call("DELETE", "snapshots/s"))
    assert list((azure.data / "disks").iterdir()) == []


def test_only_secure_disks_have_a_guest_state(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    wanted = READ | {"getSecureVMGuestStateSAS": True}
    assert azure.refused("POST", "disks/d/beginGetAccess", wanted)[:2] == (400, "InvalidParameter")
    azure.put("disks/s", empty(**SECURE))
    urls = azure.post("disks/s/beginGetAccess", wanted)
    assert urls.keys() == {"accessSAS", "securityDataAccessSAS"}
    azure.control("clock", advance=601)
    assert {read(azure, url).status_code for url in urls.values()} == {403}
    assert azure.get("disks/s")["properties"]["diskState"] == "Unattached"


def token_for(azure: LocalAzure, audience: str) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": azure.contributor["client_id"],
        "client_secret": azure.contributor["secret"],
        "scope": f"{audience}/.default",
    }
    answer = azure.client.post(f"/{azure.tenant}/oauth2/v2.0/token", data=form)
    return str(answer.raise_for_status().json()["access_token"])


def test_entra_authentication_comes_on_top(azure: LocalAzure) -> None:
    azure.put("disks/d", empty(dataAccessAuthMode="AzureActiveDirectory"))
    url = azure.post("disks/d/beginGetAccess", READ)["accessSAS"]
    without = read(azure, url)
    assert (without.status_code, without.headers["x-ms-error-code"]) == (401, "NoAuthenticationInformation")
    assert "https://disk.azure.com" in without.headers["www-authenticate"]
    for wrong in ("x", token_for(azure, "https://management.azure.com")):
        answer = read(azure, url, Authorization=f"Bearer {wrong}")
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (401, "InvalidAuthenticationInfo")
    right = token_for(azure, "https://disk.azure.com")
    assert read(azure, url, Authorization=f"Bearer {right}").status_code == 206
    assert read(azure, url.replace("sig=", "sig=A"), Authorization=f"Bearer {right}").status_code == 403


def test_file_formats(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    grant = "disks/d/beginGetAccess"
    assert azure.refused("POST", grant, READ | {"fileFormat": "VHDX"})[:2] == (409, "OperationNotAllowed")
    assert azure.refused("POST", grant, READ | {"fileFormat": "ISO"})[:2] == (400, "InvalidParameter")
    assert azure.post(grant, READ | {"fileFormat": "VHD"})["accessSAS"]


def test_closed_disks_give_no_sas(azure: LocalAzure) -> None:
    azure.put("disks/d", empty(networkAccessPolicy="DenyAll"))
    assert azure.refused("POST", "disks/d/beginGetAccess", READ)[:2] == (409, "OperationNotAllowed")


@pytest.mark.parametrize(
    "body",
    [
        {"access": "None", "durationInSeconds": 60},
        {"access": "Delete", "durationInSeconds": 60},
        {"access": "Read"},
        {"access": "Read", "durationInSeconds": 0},
        {"access": "Read", "durationInSeconds": 2**32},
        {"durationInSeconds": 60},
    ],
)
def test_wrong_requests_are_refused(azure: LocalAzure, body: dict[str, Any]) -> None:
    azure.put("disks/d", empty())
    assert azure.refused("POST", "disks/d/beginGetAccess", body)[:2] == (400, "InvalidParameter")


def test_changes_of_a_disk_in_use(azure: LocalAzure) -> None:
    """What can change while the machine runs, while it is deallocated, and while the disk is detached."""
    upload_disk(azure, "os", b"x" * 512)
    azure.put("disks/data", empty(8))
    data = [{"lun": 0, "createOption": "Attach", "managedDisk": {"id": azure.path("disks/data")}}]
    make_specialized(azure, "vm", "os", dataDisks=data)

    def patch(name: str, body: dict[str, Any]) -> int:
        answer = azure.call("PATCH", f"disks/{name}", body)
        if answer.status_code < 400:
            assert azure.done(answer)["status"] == "Succeeded"
        return answer.status_code

    ssd: dict[str, Any] = {"sku": {"name": "StandardSSD_LRS"}}
    larger = {"properties": {"diskSizeGB": 16}}
    shared = ssd | {"properties": {"maxShares": 2}}
    assert patch("os", {"tags": {"a": "b"}}) == 202
    assert patch("os", larger) == 409
    assert patch("data", larger) == 202
    assert patch("data", {"properties": {"diskSizeGB": 5000}}) == 409
    assert patch("data", ssd) == 409
    azure.post("virtualMachines/vm/deallocate")
    assert patch("os", larger) == 202
    assert patch("data", ssd) == 202
    assert patch("data", shared) == 409
    azure.done(azure.call("DELETE", "virtualMachines/vm"))
    assert patch("data", shared) == 202
    assert azure.get("disks/data")["properties"]["maxShares"] == 2
    assert patch("data", {"sku": {"name": "UltraSSD_LRS"}}) == 409
    assert patch("data", {"properties": {"hyperVGeneration": "V2"}}) == 202
    assert patch("data", {"properties": {"hyperVGeneration": "V1"}}) == 409


@pytest.mark.parametrize(
    ("sku", "size", "properties", "expected"),
    [
        ("Standard_LRS", 8192, {}, {"diskIOPSReadWrite": 1300, "diskMBpsReadWrite": 300}),
        ("StandardSSD_LRS", 100, {}, {"diskIOPSReadWrite": 500, "diskMBpsReadWrite": 100}),
        ("Premium_LRS", 200, {}, {"diskIOPSReadWrite": 1100, "diskMBpsReadWrite": 125, "tier": "P15"}),
        ("Premium_LRS", 200, {"tier": "P30"}, {"diskIOPSReadWrite": 5000, "diskMBpsReadWrite": 200, "tier": "P30"}),
        ("Premium_LRS", 1024, {"burstingEnabled": True}, {"burstingEnabled": True, "tier": "P30"}),
        ("PremiumV2_LRS", 64, {}, {"diskIOPSReadWrite": 3000, "diskMBpsReadWrite": 125}),
        ("UltraSSD_LRS", 64, {"diskIOPSReadWrite": 2000}, {"diskIOPSReadWrite": 2000, "diskMBpsReadWrite": 13}),
        ("Premium_LRS", 16, {"maxShares": 3}, {"maxShares": 3}),
    ],
)
def test_performance(
    azure: LocalAzure, sku: str, size: int, properties: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = azure.put("disks/d", disk({"createOption": "Empty"}, sku, diskSizeGB=size, **properties))["properties"]
    assert {name: found.get(name) for name in expected} == expected
    assert ("burstingEnabledTime" in found) == bool(properties.get("burstingEnabled"))
    sector = found["creationData"].get("logicalSectorSize")
    assert sector == (4096 if sku in ("PremiumV2_LRS", "UltraSSD_LRS") else None)


def test_ultra_disks_as_recorded(azure: LocalAzure) -> None:
    body = disk({"createOption": "Empty"}, "UltraSSD_LRS", diskSizeGB=4) | {"zones": ["2"]}
    answer = azure.call("PUT", "disks/d", body, "2020-09-30")
    told = answer.json()["properties"]
    tuned = {"diskIOPSReadWrite": 100, "diskMBpsReadWrite": 13, "diskIOPSReadOnly": 100, "diskMBpsReadOnly": 13}
    assert tuned.items() <= told.items()
    assert told["readOnly"] is False
    azure.done(answer)
    found = azure.get("disks/d", "2020-09-30")
    assert (found["zones"], found["sku"]["tier"]) == (["2"], "Ultra")
    assert (tuned | {"readOnly": False, "maxShares": 1}).items() <= found["properties"].items()
    assert found["properties"]["creationData"]["logicalSectorSize"] == 4096
    assert "readOnly" not in azure.get("disks/d", "2023-04-02")["properties"]


def test_performance_plus_as_recorded(azure: LocalAzure) -> None:
    creation = {"createOption": "Empty", "performancePlus": True}
    found = azure.put("disks/d", disk(creation, "Premium_LRS", diskSizeGB=530))["properties"]
    assert (found["diskIOPSReadWrite"], found["diskMBpsReadWrite"], found["tier"]) == (8000, 300, "P30")
    assert "performancePlus" not in azure.get("disks/d", "2022-03-02")["properties"]["creationData"]


@pytest.mark.parametrize(
    ("sku", "properties"),
    [
        ("Standard_LRS", {"maxShares": 2}),
        ("Premium_LRS", {"maxShares": 11}),
        ("Premium_LRS", {"burstingEnabled": True}),
        ("Premium_LRS", {"tier": "P1"}),
        ("Premium_LRS", {"tier": "E10"}),
        ("UltraSSD_LRS", {"diskIOPSReadWrite": 10}),
        ("PremiumV2_LRS", {"diskMBpsReadWrite": 5000}),
        ("Premium_LRS", {"securityProfile": {"securityType": "TrustedLaunch"}, "hyperVGeneration": "V1"}),
        ("Premium_LRS", {"publicNetworkAccess": "Perhaps"}),
        ("Premium_LRS", {"dataAccessAuthMode": "Password"}),
    ],
)
def test_what_a_storage_type_does_not_give(azure: LocalAzure, sku: str, properties: dict[str, Any]) -> None:
    body = disk({"createOption": "Empty"}, sku, diskSizeGB=100, **properties)
    assert azure.refused("PUT", "disks/d", body)[:2] == (400, "InvalidParameter")


SAN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ElasticSan/elasticSans/e/volumegroups/v/snapshots/n"
POINT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/restorePointCollections/c/restorePoints/p"


@pytest.mark.parametrize(
    ("creation", "status", "code"),
    [
        ({"createOption": "Attach"}, 400, "InvalidParameter"),
        ({"createOption": "Restore", "sourceResourceId": f"{POINT}/diskRestorePoints/d"}, 404, "ResourceNotFound"),
        ({"createOption": "Restore", "sourceResourceId": POINT}, 400, "InvalidParameter"),
        ({"createOption": "CopyFromSanSnapshot", "elasticSanResourceId": SAN}, 404, "ResourceNotFound"),
        ({"createOption": "CopyFromSanSnapshot"}, 400, "InvalidParameter"),
        ({"createOption": "FromImage", "galleryImageReference": {"lun": 1}}, 400, "InvalidParameter"),
        ({"createOption": "ImportSecure", "sourceUri": "https://x/y"}, 400, "InvalidParameter"),
    ],
)
def test_what_nothing_can_be_made_of(azure: LocalAzure, creation: dict[str, Any], status: int, code: str) -> None:
    assert azure.refused("PUT", "disks/d", disk(creation))[:2] == (status, code)
    assert azure.call("GET", "disks/d").status_code == 404


def test_disks_of_a_hibernated_machine_are_frozen(azure: LocalAzure) -> None:
    body = machine(azure, "vm", from_marketplace("12-gen2"), size="Standard_D2s_v5", osProfile=os_profile("vm"))
    body["properties"]["additionalCapabilities"] = {"hibernationEnabled": True}
    made = azure.put("virtualMachines/vm", body)
    short = f"disks/{made['properties']['storageProfile']['osDisk']['name']}"

    def state() -> str:
        return str(azure.get(short)["properties"]["diskState"])

    assert state() == "Attached"
    azure.post("virtualMachines/vm/deallocate", hibernate="true")
    assert state() == "Frozen"
    azure.post(f"{short}/beginGetAccess", READ)
    assert state() == "ActiveSASFrozen"
    azure.post(f"{short}/endGetAccess")
    before = azure.get(short)["properties"]["LastOwnershipUpdateTime"]
    azure.post("virtualMachines/vm/start")
    assert state() == "Attached"
    assert azure.get(short)["properties"]["LastOwnershipUpdateTime"] > before
