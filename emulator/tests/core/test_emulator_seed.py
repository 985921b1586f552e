# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds, what they may contain, and the dump of all state."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local_azure import LocalAzure

DISKS = "/resourceGroups/rg/providers/Microsoft.Compute/disks"
DISK = {
    "id": f"{DISKS}/d",
    "location": "eastus",
    "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1},
}
SECURE = {"securityProfile": {"securityType": "TrustedLaunch"}, "hyperVGeneration": "V2"}
GROUP = {"id": "/resourceGroups/rg", "location": "eastus"}
API = "2024-07-01"


def seed(azure: LocalAzure, **body: Any) -> dict[str, int]:
    answer = azure.control("POST", "/seed", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_resources_are_made_by_their_own_handlers(clean: LocalAzure) -> None:
    clean.control("PUT", "/latency", {"name": "realistic"})
    assert seed(clean, resources=[GROUP, DISK]) == {"resources": 2}
    found = clean.arm("GET", f"{DISKS}/d", api=API).json()
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert found["properties"]["diskSizeBytes"] == 1 << 30


def test_copies_have_bytes_and_ids_of_their_own(clean: LocalAzure) -> None:
    seed(clean, resources=[GROUP, DISK], copies=[{"of": f"{DISKS}/d", "count": 3, "name": "copy{n}"}])
    listed = clean.arm("GET", DISKS, api=API).json()["value"]
    assert [disk["name"] for disk in listed] == ["copy1", "copy2", "copy3", "d"]
    assert len({disk["properties"]["uniqueId"] for disk in listed}) == 4
    assert len(list((clean.data / "disks").glob("*.pages"))) == 4
    clean.done(clean.arm("DELETE", f"{DISKS}/copy1", api=API))
    access = {"access": "Read", "durationInSeconds": 60}
    granted = clean.done(clean.arm("POST", f"{DISKS}/copy2/beginGetAccess", access, api=API)).json()
    url = granted["properties"]["output"]["accessSAS"]
    assert clean.http.get(url, headers={"x-ms-range": "bytes=0-511"}).content == bytes(512)


def test_copies_have_no_signatures_of_their_source(clean: LocalAzure) -> None:
    seed(clean, resources=[GROUP, {**DISK, "properties": {**DISK["properties"], **SECURE}}])
    access = {"access": "Read", "durationInSeconds": 600, "getSecureVMGuestStateSAS": True}
    urls = clean.done(clean.arm("POST", f"{DISKS}/d/beginGetAccess", access, api=API)).json()["properties"]["output"]
    seed(clean, copies=[{"of": f"{DISKS}/d", "count": 1, "name": "copy{n}"}])
    assert len(list((clean.data / "disks").glob("*.pages"))) == 4
    assert clean.arm("GET", f"{DISKS}/copy1", api=API).json()["properties"]["diskState"] == "Unattached"
    clean.done(clean.arm("DELETE", f"{DISKS}/copy1", api=API))
    for url in (urls["accessSAS"], urls["securityDataAccessSAS"]):
        assert clean.http.get(url, headers={"x-ms-range": "bytes=0-511"}).content == bytes(512)
    assert clean.arm("DELETE", f"{DISKS}/d", api=API).status_code == 409


def test_copies_are_uploaded_one_by_one(clean: LocalAzure) -> None:
    upload = {"creationData": {"createOption": "Upload", "uploadSizeBytes": (32 << 20) + 512}}
    access = {"access": "Write", "durationInSeconds": 600}

    def grant(name: str) -> str:
        granted = clean.done(clean.arm("POST", f"{DISKS}/{name}/beginGetAccess", access, api=API)).json()
        return str(granted["properties"]["output"]["accessSAS"])

    seed(clean, resources=[GROUP, {**DISK, "properties": upload}])
    seed(clean, copies=[{"of": f"{DISKS}/d", "count": 1, "name": "before{n}"}])
    url = grant("d")
    page = {"x-ms-page-write": "update", "x-ms-range": "bytes=0-511"}
    assert clean.http.put(f"{url}&comp=page", content=b"1" * 512, headers=page).status_code == 201
    seed(clean, copies=[{"of": f"{DISKS}/d", "count": 1, "name": "after{n}"}])
    assert clean.http.put(f"{url}&comp=page", content=b"2" * 512, headers=page).status_code == 201
    for name, byte in (("before1", b"\0"), ("after1", b"1")):
        assert clean.http.get(grant(name), headers={"x-ms-range": "bytes=0-511"}).content == byte * 512


def test_a_thousand_machines(clean: LocalAzure) -> None:
    begun = time.monotonic()
    seed(clean, generate={"machines": 1000, "group": "many", "location": "westeurope"})
    assert time.monotonic() - begun < 20
    path = "/resourceGroups/many/providers/Microsoft.Compute/virtualMachines"
    machine = clean.arm("GET", f"{path}/vm00999", api=API).json()
    assert machine["location"] == "westeurope"
    assert machine["properties"]["storageProfile"]["osDisk"]["name"] == "vm00999"
    names, url = [], f"{path}?api-version={API}"
    while url:
        page = clean.arm("GET", url).json()
        names += [one["name"] for one in page["value"]]
        url = page.get("nextLink", "")
    assert len(names) == len(set(names)) == 1000
    assert clean.done(clean.arm("POST", f"{path}/vm00007/deallocate", api=API)).json()["status"] == "Succeeded"
    disk = "/resourceGroups/many/providers/Microsoft.Compute/disks/vm00007"
    assert clean.arm("GET", disk, api=API).json()["properties"]["diskState"] == "Reserved"
    assert clean.follow(clean.arm("DELETE", "/resourceGroups/many")).status_code == 200
    assert clean.control("GET", "/status").json()["resources"] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"resource": []}, "unknown fields"),
        ({"resources": [{"id": "x"}]}, "resources[0].id must be a resource id"),
        ({"resources": [DISK]}, "ResourceGroupNotFound"),
        ({"resources": [GROUP, {**DISK, "location": "mars"}]}, "LocationNotAvailableForResourceType"),
        ({"resources": [GROUP, DISK], "copies": [{"of": DISK["id"], "count": 2, "name": "same"}]}, "must contain {n}"),
        ({"copies": [{"of": DISK["id"], "count": 2, "name": "{n.real.x}"}]}, "is not a name with {n}"),
        ({"copies": [{"of": DISK["id"], "count": 2, "name": "{n[0]}"}]}, "is not a name with {n}"),
        ({"copies": [{"of": DISK["id"], "count": 2, "name": "c{n}"}]}, "there is no"),
        ({"generate": {"machines": -1}}, "machines must be a whole number"),
    ],
)
def test_wrong_seeds_say_what_is_wrong(clean: LocalAzure, body: dict[str, Any], words: str) -> None:
    answer = clean.control("POST", "/seed", body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_the_dump_has_everything_but_secrets(clean: LocalAzure) -> None:
    seed(clean, resources=[GROUP, DISK])
    access = {"access": "Read", "durationInSeconds": 60}
    granted = clean.done(clean.arm("POST", f"{DISKS}/d/beginGetAccess", access, api=API)).json()
    signature = granted["properties"]["output"]["accessSAS"].partition("sig=")[2]
    dump = clean.control("GET", "/dump").json()
    assert [doc["id"].rpartition("/")[2] for doc in dump["resources"]] == ["rg", "d"]
    assert {row["status"] for row in dump["operations"]} == {"Succeeded"}
    assert signature not in json.dumps(dump)
    assert clean.secrets["contributor"]["secret"] not in json.dumps(dump)
    assert "(secret)" in json.dumps(dump["tables"])
