# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replay itself: what counts once, what is compared, what is translated, what is put back into order."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from conformance import compare, rebuild, recording
from conformance.recording import Exchange, Scenario
from conformance.translate import RECORDED_SUBSCRIPTION, Translation

if TYPE_CHECKING:
    from pathlib import Path

ROOT = f"/subscriptions/{RECORDED_SUBSCRIPTION}"
GROUP = f"{ROOT}/resourceGroups/rg"
DISK = f"{GROUP}/providers/Microsoft.Compute/disks/d"
OPERATION = f"{ROOT}/providers/Microsoft.Compute/locations/westus/DiskOperations/"


def line(method: str, path: str, status: int = 200, response: Any = None, request: Any = None, **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    body = "" if response is None else json.dumps(response)
    sent = "" if request is None else json.dumps(request)
    fields = {"method": method, "path": path, "query": {"api-version": "1"}, "request": sent}
    return fields | {"status": status, "headers": names, "response": body}


def scenario(folder: Path, *lines: Any) -> Scenario:
    path = folder / "one.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps({"i": number} | entry) + "\n" for number, entry in enumerate(lines))
    return recording.load(path)


def exchange(status: int = 200, response: Any = None, path: str = DISK, **headers: str) -> Exchange:
    return Exchange(0, "GET", path, {}, None, status, headers, response)


def test_polls_count_once_where_they_end(tmp_path: Path) -> None:
    loaded = scenario(
        tmp_path,
        line("PUT", DISK, 202, {}, {}, azure_asyncoperation=f"https://x{OPERATION}one?a=1"),
        line("GET", f"{OPERATION}one", 200, {"status": "InProgress"}),
        line("GET", GROUP),
        line("GET", f"{OPERATION}one", 200, {"status": "Succeeded"}),
        line("GET", f"{OPERATION}stranger", 200, {"status": "Succeeded"}),
    )
    assert [step.name.partition(" ")[0] for step in loaded.steps] == ["0", "2", "1-3", "4"]
    assert [step.orphan for step in loaded.steps] == [False, False, False, True]
    assert not loaded.steps[0].unwatched


def test_equal_writes_are_taken_apart(tmp_path: Path) -> None:
    loaded = scenario(
        tmp_path,
        line("PUT", DISK, 202, {}, {}, azure_asyncoperation=f"https://x{OPERATION}one", retry_after="2"),
        line("PUT", DISK, 202, {}, {"tags": {}}, azure_asyncoperation=f"https://x{OPERATION}two"),
        line("GET", f"{OPERATION}one", 200, {"status": "Succeeded"}),
        line("GET", DISK),
        line("GET", f"{OPERATION}two", 200, {"status": "Succeeded"}),
    )
    assert [step.exchange.number for step in loaded.steps] == [0, 2, 3, 1, 4]


@pytest.mark.parametrize(
    ("recorded", "answer", "reason"),
    [
        (exchange(200, {"a": 1}), httpx.Response(200, json={"b": 1}), "additional b"),
        (exchange(200, {"a": [{"c": 1}]}), httpx.Response(200, json={"a": [{}]}), "missing a.[].c"),
        (exchange(404, {"error": {"code": "A"}}), httpx.Response(404, json={"error": {"code": "B"}}), "error B"),
        (exchange(202, location="x"), httpx.Response(202), "header location missing"),
        (exchange(202), httpx.Response(202, headers={"Azure-AsyncOperation": "x"}), "not recorded"),
        (exchange(200), httpx.Response(204), "status 204"),
        (exchange(200, {"properties": {"provisioningState": "A"}}), None, "state B"),
        (exchange(200, [{}]), httpx.Response(200, json={}), "body is an object"),
        (exchange(202, **{"retry-after": "2"}), httpx.Response(202), "header retry-after missing"),
    ],
)
def test_differences_are_named(recorded: Exchange, answer: httpx.Response | None, reason: str) -> None:
    if answer is None:
        answer = httpx.Response(200, json={"properties": {"provisioningState": "B"}})
    assert any(reason in text for text in compare.differences(recorded, answer, retry_after=True))


def test_equal_answers_have_no_differences() -> None:
    recorded = exchange(200, {"value": [{"a": 1}, {"b": 2}]})
    answer = httpx.Response(200, json={"value": [{"b": 3, "a": 4}]}, headers={"Location": "x"})
    assert list(compare.differences(recorded, answer, retry_after=False)) == ["header location not recorded"]


def test_strangers_in_lists_do_not_count() -> None:
    members = [{"id": DISK, "a": 1}, {"id": DISK.replace("/rg/", "/other/"), "b": 2}]
    kept = compare.own(exchange(200, {"value": members}, path=f"{ROOT}/resources"), {"rg"})
    assert kept.response == {"value": members[:1]}


def test_what_azure_made_up_is_translated() -> None:
    names = Translation("our-subscription")
    assert names.path(DISK) == DISK.replace(RECORDED_SUBSCRIPTION, "our-subscription")
    recorded = {"properties": {"osDisk": {"name": "vm_disk1_abcdef"}, "state": "Succeeded"}, "id": DISK}
    names.learn(
        exchange(200, recorded),
        {"properties": {"osDisk": {"name": "vm_disk1_ours"}, "state": "Updating"}, "id": "/other/id"},
    )
    assert names.path("/x/VM_DISK1_abcdef") == "/x/vm_disk1_ours"
    assert json.loads(names.body({"state": "Succeeded"})) == {"state": "Succeeded"}


def test_secrets_are_replaced() -> None:
    sent = Translation("s").body({"adminPassword": "REDACTED", "keyData": "REDACTED"})
    assert "REDACTED" not in sent
    assert json.loads(sent)["keyData"].startswith("ssh-rsa ")


def test_lost_bodies_are_rebuilt(tmp_path: Path) -> None:
    shown = {"id": DISK, "name": "d", "location": "westus", "properties": {"provisioningState": "x", "diskSizeGB": 4}}
    loaded = scenario(tmp_path, line("PUT", DISK, 202, shown))
    wanted = {"location": "westus", "properties": {"diskSizeGB": 4}}
    assert rebuild.request(loaded.exchanges[0], loaded) == wanted


def test_what_was_prepared_is_found(tmp_path: Path) -> None:
    vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
    shown = {"id": vault, "location": "eastus", "properties": {"sku": {"name": "premium"}}}
    loaded = scenario(tmp_path, line("GET", vault, 200, shown), line("PUT", f"{vault}2", 200, shown, shown))
    found = list(rebuild.prepared(loaded))
    assert [path for path, _put in found] == [vault]
    assert found[0][1].request["properties"] == {"sku": {"name": "premium"}}
