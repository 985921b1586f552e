# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of incremental snapshots to other regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import bytes_of, copy_of, disk, empty, image_of_disk, upload_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_process import LocalAzure

SECONDS = 100


@pytest.fixture
def slow(azure: LocalAzure) -> Iterator[LocalAzure]:
    """Copies take a hundred seconds, and the clock stands still."""
    azure.control("latency", "PUT", name="fast", seconds={"compute.snapshot.copy": SECONDS, "*": 0})
    azure.control("clock", freeze=None)
    yield azure
    azure.control("clock", run=True)
    azure.control("latency", "PUT", name="fast")


def copy_start(azure: LocalAzure, short: str, location: str = "eastus", **properties: Any) -> dict[str, Any]:
    creation = {"createOption": "CopyStart", "sourceResourceId": azure.path(short)}
    return disk(creation, incremental=True, **properties) | {"location": location}


def increment(azure: LocalAzure, name: str, source: str) -> dict[str, Any]:
    return azure.put(f"snapshots/{name}", copy_of(azure, source, incremental=True))


def percent(azure: LocalAzure, name: str) -> float:
    return float(azure.get(f"snapshots/{name}")["properties"]["completionPercent"])


def test_a_copy_answers_as_recorded(azure: LocalAzure) -> None:
    azure.put("disks/d", empty(4))
    source = increment(azure, "s", "disks/d")["properties"]
    assert "completionPercent" not in source
    answer = azure.call("PUT", "snapshots/c", copy_start(azure, "snapshots/s"), "2023-04-02")
    told = answer.json()["properties"]
    assert told.keys() == {"creationData", "incremental", "provisioningState"}
    assert told["creationData"].keys() == {"createOption", "sourceResourceId"}
    output = azure.done(answer)["properties"]["output"]["properties"]
    assert "completionPercent" not in output
    found = azure.get("snapshots/c", "2022-03-02")["properties"]
    assert found.keys() - output.keys() == {"completionPercent"}
    assert found["creationData"]["sourceUniqueId"] == source["uniqueId"]
    assert found["incrementalSnapshotFamilyId"] != source["incrementalSnapshotFamilyId"]


def test_a_copy_takes_its_time(slow: LocalAzure) -> None:
    data = b"x" * 4096
    upload_disk(slow, "d", data)
    increment(slow, "s", "disks/d")
    slow.put("snapshots/c", copy_start(slow, "snapshots/s"))
    assert percent(slow, "c") == 0.0
    slow.control("clock", advance=SECONDS / 4)
    assert percent(slow, "c") == 25.0
    there = {"location": "eastus"}
    grant = {"access": "Read", "durationInSeconds": 60}
    for method, short, body in (
        ("PUT", "disks/e", copy_of(slow, "snapshots/c") | there),
        ("POST", "snapshots/c/beginGetAccess", grant),
        ("PUT", "images/i", _image_of_snapshot(slow, "c") | there),
    ):
        assert slow.refused(method, short, body)[:2] == (409, "OperationNotAllowed")
    slow.control("clock", advance=SECONDS)
    assert percent(slow, "c") == 100.0
    slow.put("disks/e", copy_of(slow, "snapshots/c") | there)
    assert bytes_of(slow, "disks/e", 4096) == data


def _image_of_snapshot(azure: LocalAzure, name: str) -> dict[str, Any]:
    body = image_of_disk(azure, "none", snapshot={"id": azure.path(f"snapshots/{name}")})
    del body["properties"]["storageProfile"]["osDisk"]["managedDisk"]
    return body


def test_a_copy_whose_source_goes_fails(slow: LocalAzure) -> None:
    slow.put("disks/d", empty(4))
    increment(slow, "s", "disks/d")
    slow.put("snapshots/c", copy_start(slow, "snapshots/s"))
    slow.control("clock", advance=SECONDS / 2)
    slow.done(slow.call("DELETE", "snapshots/s"))
    slow.control("clock", advance=SECONDS * 2)
    found = slow.get("snapshots/c")["properties"]
    assert found["completionPercent"] == 50.0
    assert found["copyCompletionError"]["errorCode"] == "CopySourceNotFound"
    assert slow.refused("PUT", "disks/e", copy_of(slow, "snapshots/c") | {"location": "eastus"})[0] == 409
    slow.done(slow.call("DELETE", "snapshots/c"))


def test_a_complete_copy_does_not_need_its_source(slow: LocalAzure) -> None:
    slow.put("disks/d", empty(4))
    increment(slow, "s", "disks/d")
    slow.put("snapshots/c", copy_start(slow, "snapshots/s"))
    slow.control("clock", advance=SECONDS + 1)
    slow.done(slow.call("DELETE", "snapshots/s"))
    found = slow.get("snapshots/c")["properties"]
    assert found["completionPercent"] == 100.0
    assert "copyCompletionError" not in found


def test_one_copy_of_a_disk_at_a_time_and_in_order(slow: LocalAzure) -> None:
    slow.put("disks/d", empty(4))
    increment(slow, "s1", "disks/d")
    slow.control("clock", advance=1)
    increment(slow, "s2", "disks/d")
    slow.put("disks/other", empty(4))
    increment(slow, "o", "disks/other")
    slow.put("snapshots/c2", copy_start(slow, "snapshots/s2"))
    slow.put("snapshots/co", copy_start(slow, "snapshots/o"))
    slow.put("snapshots/elsewhere", copy_start(slow, "snapshots/s1", "westus"))
    busy = slow.refused("PUT", "snapshots/c1", copy_start(slow, "snapshots/s1"))
    assert busy[:2] == (409, "OperationNotAllowed")
    assert "one at a time" in busy[2]
    slow.control("clock", advance=SECONDS + 1)
    late = slow.refused("PUT", "snapshots/c1", copy_start(slow, "snapshots/s1"))
    assert late[:2] == (409, "OperationNotAllowed")
    assert "order" in late[2]
    slow.put("snapshots/again", copy_start(slow, "snapshots/s2"))


def test_at_most_a_hundred_at_a_time(slow: LocalAzure) -> None:
    for number in range(101):
        slow.put(f"disks/d{number}", empty(1))
        increment(slow, f"s{number}", f"disks/d{number}")
        body = copy_start(slow, f"snapshots/s{number}")
        if number < 100:
            slow.put(f"snapshots/c{number}", body)
    assert slow.refused("PUT", "snapshots/c100", body)[:2] == (409, "OperationNotAllowed")
    slow.control("clock", advance=SECONDS + 1)
    slow.put("snapshots/c100", body)


def test_what_cannot_be_copied_away(azure: LocalAzure) -> None:
    azure.put("disks/d", empty(4))
    azure.put("snapshots/full", copy_of(azure, "disks/d"))
    increment(azure, "s", "disks/d")
    full = azure.refused("PUT", "snapshots/c", copy_start(azure, "snapshots/full"))
    assert full[:2] == (400, "InvalidParameter")
    assert "only allowed for incremental snapshots" in full[2]
    body = copy_start(azure, "snapshots/s")
    assert azure.refused("PUT", "snapshots/c", body | {"location": "westeurope"})[:2] == (400, "InvalidParameter")
    del body["properties"]["incremental"]
    assert azure.refused("PUT", "snapshots/c", body)[:2] == (400, "InvalidParameter")
    assert azure.call("PUT", "snapshots/c", copy_start(azure, "snapshots/s"), "2020-09-30").status_code == 400
    assert azure.call("GET", "snapshots/c").status_code == 404
