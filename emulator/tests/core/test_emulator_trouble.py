# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble on demand: planned faults, operations that fail, delays, scripted clocks, throttling."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from local_azure import LocalAzure, code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISKS = "/resourceGroups/rg/providers/Microsoft.Compute/disks"
MACHINES = "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines"
COMPUTE = "2024-07-01"


@pytest.fixture
def rg(clean: LocalAzure) -> Iterator[LocalAzure]:
    """An empty Azure with a group, afterwards without planned trouble."""
    clean.group("rg")
    yield clean
    for path in ("/faults", "/latency"):
        clean.control("PUT", path, {})
    clean.control("PUT", "/throttling", {"mode": "off"})


def plan(azure: LocalAzure, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = azure.control("PUT", "/faults", {"rules": list(rules), **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def disk(azure: LocalAzure, name: str, **more: Any) -> httpx.Response:
    properties = {"creationData": {"createOption": "Empty", **more}, "diskSizeGB": 1}
    if more:
        del properties["diskSizeGB"]
    return azure.arm("PUT", f"{DISKS}/{name}", {"location": "eastus", "properties": properties}, api=COMPUTE)


def machine(azure: LocalAzure, name: str) -> httpx.Response:
    network = "/resourceGroups/rg/providers/Microsoft.Network"
    net = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    net["subnets"] = [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}]  # type: ignore[assignment]
    azure.done(azure.arm("PUT", f"{network}/virtualNetworks/n", {"location": "eastus", "properties": net}))
    subnet = {"id": f"{azure.subscription}{network}/virtualNetworks/n/subnets/s"}
    ip = {"ipConfigurations": [{"name": "i", "properties": {"subnet": subnet}}]}
    azure.arm("PUT", f"{network}/networkInterfaces/{name}", {"location": "eastus", "properties": ip})
    image = {
        "publisher": "Canonical",
        "offer": "0001-com-ubuntu-server-jammy",
        "sku": "22_04-lts-gen2",
        "version": "latest",
    }
    properties = {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {"imageReference": image, "osDisk": {"createOption": "FromImage"}},
        "osProfile": {"computerName": name, "adminUsername": "operator", "adminPassword": "Correct-Horse-7"},
        "networkProfile": {"networkInterfaces": [{"id": f"{azure.subscription}{network}/networkInterfaces/{name}"}]},
    }
    return azure.arm("PUT", f"{MACHINES}/{name}", {"location": "eastus", "properties": properties}, api=COMPUTE)


# Faults of requests ----------------------------------------------------------------------------------------------------


def test_faults_by_the_name_of_an_action(rg: LocalAzure) -> None:
    plan(rg, {"route": "microsoft.compute/DISKS/write", "times": 1, "fault": {"status": 503, "retry_after": 2}})
    assert rg.arm("GET", DISKS, api=COMPUTE).status_code == 200
    refused = disk(rg, "d")
    assert (refused.status_code, refused.headers["retry-after"], code(refused)) == (503, "2", "ServiceUnavailable")
    assert disk(rg, "d").status_code == 202
    assert [entry["fault"] for entry in rg.logged() if "fault" in entry] == ["status 503"]


@pytest.mark.parametrize("fault", [{"reset": True}, {"timeout": 0.1}])
def test_a_lost_answer_of_a_write_that_was_done(rg: LocalAzure, fault: dict[str, Any]) -> None:
    plan(rg, {"method": "PUT", "path": "/disks/", "when": "after", "times": 1, "fault": fault})
    with pytest.raises(httpx.TransportError):
        disk(rg, "d")
    assert rg.arm("GET", f"{DISKS}/d", api=COMPUTE).status_code == 200
    entry = next(entry for entry in rg.logged() if "fault" in entry)
    assert (entry["status"], entry["write"]) == (0, True)


def test_a_status_instead_of_the_answer(rg: LocalAzure) -> None:
    wanted = {"status": 504, "code": "ResourceReadFailed", "message": "Lost."}
    plan(rg, {"route": "*/disks/write", "when": "after", "times": 1, "fault": wanted})
    lost = disk(rg, "d")
    assert (lost.status_code, code(lost)) == (504, "ResourceReadFailed")
    assert rg.arm("GET", f"{DISKS}/d", api=COMPUTE).status_code == 200


def test_a_request_that_was_never_handled(rg: LocalAzure) -> None:
    plan(rg, {"method": "PUT", "path": "/disks/", "times": 1, "fault": {"timeout": 0.1}})
    begun = time.monotonic()
    with pytest.raises(httpx.TransportError):
        disk(rg, "d")
    assert time.monotonic() - begun >= 0.1
    assert rg.arm("GET", f"{DISKS}/d", api=COMPUTE).status_code == 404


def test_a_slow_body(rg: LocalAzure) -> None:
    plan(rg, {"path": "locations$", "times": 1, "fault": {"slow": 0.3}})
    begun = time.monotonic()
    slow = rg.arm("GET", "/locations")
    assert time.monotonic() - begun >= 0.3
    assert slow.json() == rg.arm("GET", "/locations").json()


def test_probability_is_repeatable(rg: LocalAzure) -> None:
    faults = [{"status": 429, "retry_after": 0}, {"status": 500}, {"status": 503}]
    rule = {"path": "resourcegroups$", "probability": 0.5, "faults": faults}

    def run(seed: int) -> list[int]:
        plan(rg, rule, seed=seed)
        return [rg.arm("GET", "/resourceGroups").status_code for _ignored in range(30)]

    first = run(7)
    assert run(7) == first
    assert run(8) != first
    assert {200, 429, 500, 503} == set(first)
    counts = rg.control("GET", "/faults").json()["counts"]["rules"]
    assert counts[0]["seen"] == 30


def test_a_seed_is_chosen_and_told(rg: LocalAzure) -> None:
    assert isinstance(plan(rg, {"path": "nothing", "fault": {"status": 500}})["seed"], int)


def test_faults_of_a_disk_upload(rg: LocalAzure) -> None:
    rg.done(disk(rg, "d", createOption="Upload", uploadSizeBytes=20972032))
    access = {"access": "Write", "durationInSeconds": 600}
    status = rg.done(rg.arm("POST", f"{DISKS}/d/beginGetAccess", access, api=COMPUTE)).json()
    url = status["properties"]["output"]["accessSAS"]
    headers = {"x-ms-page-write": "update", "x-ms-range": "bytes=0-511", "x-ms-version": "2023-11-03"}

    def put(byte: bytes) -> httpx.Response:
        return rg.http.put(f"{url}&comp=page", content=byte * 512, headers=headers)

    plan(
        rg,
        {"route": "Disk/blob/write", "nth": 1, "fault": {"status": 503, "retry_after": 3}},
        {"route": "disk/blob/*", "nth": 1, "when": "after", "fault": {"reset": True}},
    )
    busy = put(b"a")
    assert (busy.status_code, busy.headers["x-ms-error-code"], busy.headers["retry-after"]) == (503, "ServerBusy", "3")
    with pytest.raises(httpx.TransportError):
        put(b"b")
    assert rg.http.get(url, headers={"x-ms-range": "bytes=0-511"}).content == b"b" * 512
    assert [e["fault"] for e in rg.logged() if "fault" in e] == ["status 503", "reset after"]


# Operations ------------------------------------------------------------------------------------------------------------


def test_an_operation_that_fails_as_planned(rg: LocalAzure) -> None:
    rule = {
        "effect": "compute.disk.*",
        "resource": "/disks/d$",
        "code": "AllocationFailed",
        "message": "Full.",
        "times": 1,
    }
    plan(rg, operations=[rule])
    end = rg.follow(disk(rg, "d")).json()
    assert (end["status"], end["error"]) == ("Failed", {"code": "AllocationFailed", "message": "Full."})
    assert rg.done(disk(rg, "e")).json()["status"] == "Succeeded"
    assert rg.control("GET", "/faults").json()["counts"]["operations"] == [{"seen": 1, "done": 1}]


def test_an_operation_that_is_canceled(rg: LocalAzure) -> None:
    plan(rg, operations=[{"effect": "resources.group.delete", "status": "Canceled"}])
    rg.group("other")
    end = rg.follow(rg.arm("DELETE", "/resourceGroups/other"))
    assert (end.status_code, end.json()["Error"]["Code"]) == (409, "OperationPreempted")
    assert rg.arm("GET", "/resourceGroups/other").status_code == 200


def test_a_machine_that_does_not_provision_in_time(rg: LocalAzure) -> None:
    plan(rg, operations=[{"effect": "compute.vm.create*", "code": "OSProvisioningTimedOut"}])
    end = rg.follow(machine(rg, "vm")).json()
    assert (end["status"], end["error"]["code"]) == ("Failed", "OSProvisioningTimedOut")
    assert "'vm' did not finish in the allotted time" in end["error"]["message"]
    found = rg.arm("GET", f"{MACHINES}/vm?api-version={COMPUTE}&$expand=instanceView").json()["properties"]
    assert found["provisioningState"] == "Failed"
    codes = [status["code"] for status in found["instanceView"]["statuses"]]
    assert codes == ["ProvisioningState/failed/OSProvisioningTimedOut", "PowerState/running"]
    assert rg.arm("GET", f"{DISKS}/{found['storageProfile']['osDisk']['name']}", api=COMPUTE).status_code == 200
    plan(rg)
    assert rg.done(rg.arm("DELETE", f"{MACHINES}/vm", api=COMPUTE)).json()["status"] == "Succeeded"


def test_planned_ends_survive_a_restart(fresh: LocalAzure) -> None:
    fresh.start()
    fresh.group("rg")
    fresh.control("PUT", "/latency", {"name": "realistic"})
    plan(fresh, operations=[{"effect": "compute.disk.create", "code": "X", "times": 1}])
    begun = disk(fresh, "d")
    url = begun.headers["azure-asyncoperation"]
    fresh.kill()
    fresh.start()
    fresh.control("POST", "/clock", {"advance": 60})
    assert fresh.arm("GET", url).json()["error"]["code"] == "X"


# Time ------------------------------------------------------------------------------------------------------------------


def test_calls_that_take_time(rg: LocalAzure) -> None:
    rg.control("PUT", "/latency", {"requests": {"microsoft.compute/disks/*": 0.15}})
    begun = time.monotonic()
    rg.arm("GET", "/resourceGroups/rg")
    quick = time.monotonic() - begun
    rg.arm("GET", DISKS, api=COMPUTE)
    assert time.monotonic() - begun - quick >= 0.15


def test_a_clock_that_moves_with_the_polls(rg: LocalAzure) -> None:
    rg.control("PUT", "/latency", {"name": "realistic"})
    rg.control("POST", "/clock", {"freeze": "2026-12-01T00:00:00Z"})
    steps = [
        {"every": 1, "route": "*/operationresults/*", "advance": 1},
        {"every": 2, "route": "*subscriptions/read", "advance": 25},
    ]
    rg.control("POST", "/clock", {"script": steps})
    location = rg.arm("DELETE", "/resourceGroups/rg").headers["location"]
    states = [rg.arm("GET", location).status_code for _ignored in range(6)]
    assert states == [202, 202, 202, 202, 202, 200]
    rg.control("POST", "/clock", {"script": []})
    rg.control("POST", "/clock", {"run": True})


def test_steps_at_a_request_and_at_a_time(rg: LocalAzure) -> None:
    rg.control("POST", "/clock", {"freeze": 1_800_000_000})
    script = [{"request": 2, "advance": 10}, {"at": 1_800_000_010, "advance": 1000}, {"after": 5000, "advance": 1}]
    assert len(rg.control("POST", "/clock", {"script": script}).json()["script"]) == 3

    def now() -> float:
        rg.arm("GET", "/resourceGroups")
        return float(rg.control("GET", "/clock").json()["now"])

    assert [now() - 1_800_000_000 for _ignored in range(4)] == [0, 10, 1010, 1010]
    left = rg.control("GET", "/clock").json()["script"]
    assert [step["at"] for step in left] == [1_800_005_000]
    rg.control("POST", "/clock", {"script": []})
    rg.control("POST", "/clock", {"run": True})


# Throttling ------------------------------------------------------------------------------------------------------------


def test_nothing_is_refused_by_default(rg: LocalAzure) -> None:
    first = rg.arm("GET", f"{DISKS}/x", api=COMPUTE)
    assert first.status_code == 404
    left = [
        int(rg.arm("GET", "/resourceGroups").headers["x-ms-ratelimit-remaining-subscription-reads"])
        for _ignored in range(3)
    ]
    assert all(240 <= count < 250 for count in left)


def test_headers_of_compute_count_down_and_fill_up(rg: LocalAzure) -> None:
    rg.control("POST", "/clock", {"freeze": None})

    def left() -> str:
        return rg.arm("GET", "/resourceGroups/rg/providers/Microsoft.Compute/images", api=COMPUTE).headers[
            "x-ms-ratelimit-remaining-resource"
        ]

    rg.control("PUT", "/throttling", {"mode": "off"})
    assert left() == "Microsoft.Compute/GetImages3Min;359,Microsoft.Compute/GetImages30Min;1799"
    assert left() == "Microsoft.Compute/GetImages3Min;358,Microsoft.Compute/GetImages30Min;1798"
    rg.control("POST", "/clock", {"advance": 1800})
    assert left() == "Microsoft.Compute/GetImages3Min;359,Microsoft.Compute/GetImages30Min;1799"
    rg.control("POST", "/clock", {"run": True})


def test_polling_an_operation_too_often(rg: LocalAzure) -> None:
    rg.control("PUT", "/latency", {"seconds": {"compute.vm.create*": 3000}})
    url = machine(rg, "vm").headers["azure-asyncoperation"]
    rg.control("POST", "/clock", {"freeze": None})
    rg.control("PUT", "/throttling", {"mode": "documented"})
    states = [rg.arm("GET", url).status_code for _ignored in range(46)]
    assert states == [200] * 45 + [429]
    refused = rg.arm("GET", url)
    assert refused.headers["retry-after"] == "4"
    assert refused.headers["x-ms-ratelimit-remaining-resource"] == "Microsoft.Compute/GetOperation;0"
    body = refused.json()
    assert body["code"] == "OperationNotAllowed"
    assert body["details"][0]["code"] == "TooManyRequests"
    assert "allowedRequestCount" in body["details"][0]["message"]
    rg.control("POST", "/clock", {"advance": 4})
    assert rg.arm("GET", url).status_code == 200
    rg.control("POST", "/clock", {"run": True})


def test_the_subscription_is_throttled(rg: LocalAzure) -> None:
    rg.control("POST", "/clock", {"freeze": None})
    rg.control("PUT", "/throttling", {"factor": 0.02})
    states = [rg.arm("GET", "/resourceGroups").status_code for _ignored in range(6)]
    assert states == [200] * 5 + [429]
    refused = rg.arm("GET", "/resourceGroups")
    assert code(refused) == "SubscriptionRequestsThrottled"
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    assert rg.http.get("/metadata/endpoints?api-version=2022-09-01").status_code == 200
    rg.control("POST", "/clock", {"run": True})


# Control calls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PUT", "/faults", {"rules": [{"fault": {"status": 503, "reset": True}}]}, "needs one of status"),
        ("PUT", "/faults", {"rules": [{"fault": {"status": 503}, "when": "later"}]}, "before or after"),
        ("PUT", "/faults", {"rules": [{"fault": {"slow": 1}, "when": "after"}]}, "its answer is lost"),
        ("PUT", "/faults", {"rules": [{"fault": {"delay": 1}, "when": "after"}]}, "its answer is lost"),
        ("PUT", "/faults", {"rules": [{"fault": {"status": 503}, "probability": 2}]}, "from 0 to 1"),
        ("PUT", "/faults", {"rules": [{"fault": {"status": 503}, "colour": 1}]}, "colour"),
        ("PUT", "/faults", {"rules": [{"fault": {"status": 503}, "nth": 0}]}, "from 1"),
        ("PUT", "/faults", {"operations": [{"code": "X"}]}, "effect is missing"),
        ("PUT", "/faults", {"operations": [{"effect": "*", "status": "Lost"}]}, "Failed or Canceled"),
        ("PUT", "/latency", {"requests": {"*": "long"}}, "must be a number"),
        ("PUT", "/throttling", {"mode": "hard"}, "off or documented"),
        ("PUT", "/throttling", {"factor": 0}, "more than 0"),
        ("POST", "/clock", {"advance": -1}, "from 0"),
        ("POST", "/clock", {"freeze": "tomorrow"}, "ISO 8601"),
        ("POST", "/clock", {"run": True, "advance": 1}, "give one of"),
        ("POST", "/clock", {"script": [{"request": 0, "advance": 1}]}, "counted from 1"),
        ("POST", "/clock", {"script": [{"advance": 1}]}, "needs one of"),
    ],
)
def test_wrong_control_calls_say_what_is_wrong(
    azure: LocalAzure, method: str, path: str, body: dict[str, Any], words: str
) -> None:
    answer = azure.control(method, path, body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_the_command_steers_too(rg: LocalAzure, tmp_path: Path) -> None:
    plan_file = tmp_path / "plan.json"
    plan_file.write_text(json.dumps({"seed": 3, "rules": [{"path": "locations$", "fault": {"status": 503}}]}))
    assert json.loads(rg.command("faults", str(plan_file)).stdout)["seed"] == 3
    assert rg.arm("GET", "/locations").status_code == 503
    assert json.loads(rg.command("faults").stdout)["counts"]["rules"] == [{"seen": 1, "done": 1}]
    assert json.loads(rg.command("faults", "off").stdout) == {}
    assert json.loads(rg.command("latency", "realistic", "--factor", "0.1").stdout)["factor"] == 0.1
    assert json.loads(rg.command("throttling").stdout)["mode"] == "off"
    before = json.loads(rg.command("clock", "--freeze", "2027-01-01T00:00:00Z").stdout)
    after = json.loads(rg.command("clock", "--advance", "60").stdout)
    assert (before["frozen"], after["now"] - before["now"]) == (True, 60)
    rg.command("clock", "--run")
    seed = tmp_path / "seed.json"
    seed.write_text('{"resources": [{"id": "/resourceGroups/sown", "location": "eastus"}]}')
    assert json.loads(rg.command("seed", str(seed)).stdout) == {"resources": 2}
    assert [doc["name"] for doc in json.loads(rg.command("dump").stdout)["resources"]] == ["rg", "sown"]
    wrong = rg.command("faults", "-", check=False)
    assert wrong.returncode
    seed.write_text('{"resources": 5}')
    assert "must be a list" in rg.command("seed", str(seed), check=False).stderr
