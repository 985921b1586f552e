# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes reads cheap must not be seen: pages that are kept, operations that end once for all, answers in one piece."""

from __future__ import annotations

import asyncio
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from azure_emulator.core import json_text
from azure_emulator.core import store as store_module
from azure_emulator.core.clock import Clock
from azure_emulator.core.context import Context
from azure_emulator.core.latency import Profile
from azure_emulator.core.operations import Operations
from azure_emulator.core.paging import paged
from azure_emulator.core.store import Database, Memory
from azure_emulator.protocol import Gathering

if TYPE_CHECKING:
    from pathlib import Path

    from local_azure import LocalAzure

COMPUTE = "2024-07-01"
EMPTY = {"location": "eastus", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}


def names(azure: LocalAzure, path: str) -> list[str]:
    answer = azure.arm("GET", path, api=COMPUTE)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    return [item["name"] for item in answer.json()["value"]]


def test_a_kept_page_ends_with_the_next_write(azure: LocalAzure) -> None:
    disks = f"{azure.group('kept')}/providers/Microsoft.Compute/disks"
    assert names(azure, disks) == names(azure, disks) == []
    for name in ("a", "b"):
        azure.done(azure.arm("PUT", f"{disks}/{name}", EMPTY, api=COMPUTE))
        assert names(azure, disks)[-1] == name
    azure.done(azure.arm("PATCH", f"{disks}/a", {"tags": {"t": "1"}}, api=COMPUTE))
    assert azure.arm("GET", disks, api=COMPUTE).json()["value"][0]["tags"] == {"t": "1"}
    azure.done(azure.arm("DELETE", f"{disks}/a", api=COMPUTE))
    assert names(azure, disks) == ["b"]


def test_pages_differ_by_query_and_version(azure: LocalAzure) -> None:
    disks = f"{azure.group('queried')}/providers/Microsoft.Compute/disks"
    for name in ("a", "b"):
        azure.done(azure.arm("PUT", f"{disks}/{name}", EMPTY, api=COMPUTE))
    assert names(azure, f"{disks}?api-version={COMPUTE}&$top=1") == ["a"]
    assert names(azure, disks) == ["a", "b"]
    first = azure.arm("GET", f"{disks}?api-version={COMPUTE}&$top=1").json()
    assert [item["name"] for item in azure.arm("GET", first["nextLink"]).json()["value"]] == ["b"]


def test_a_page_that_tells_the_time_is_not_kept(tmp_path: Path) -> None:
    database, count = Database(tmp_path / "state.sqlite"), itertools.count(1)
    disk = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
    with database.writing() as store:
        store.put(disk, {"id": disk})

    def page(path: str, *, timed: bool) -> Any:
        with database.reading() as store:
            clock = store.remember("clock", lambda: Clock(store))
            operations = Operations(store, clock, Profile(), "")
            scope = (store, operations, clock, tmp_path, "https://localhost:1")
            request = {"method": "GET", "path": path, "ids": {}, "query": {}, "headers": {}, "body": {}}
            ctx = Context(*scope, **request, api_version="", subscription="", principal=None)
            return paged(ctx, show=lambda _doc: next(count) + (0 * clock.now() if timed else 0)).body

    assert page("/kept", timed=False) == page("/kept", timed=False) == b'{"value":[1]}'
    assert page("/timed", timed=True) == b'{"value":[2.0]}'
    assert page("/timed", timed=True) == b'{"value":[3.0]}'
    database.close()


def test_all_who_find_a_due_operation_see_its_end(azure: LocalAzure) -> None:
    disk = f"{azure.group('due')}/providers/Microsoft.Compute/disks/one"
    azure.control("POST", "/clock", {"freeze": "2027-01-01T00:00:00Z"})
    answer = azure.arm("PUT", disk, EMPTY, api=COMPUTE)
    operation = answer.headers["azure-asyncoperation"]
    assert azure.arm("GET", operation).json()["status"] == "InProgress"
    azure.control("POST", "/clock", {"advance": 60})
    with ThreadPoolExecutor(8) as pool:
        polls = list(pool.map(lambda _: azure.arm("GET", operation).json(), range(24)))
    azure.control("POST", "/clock", {"run": True})
    assert {poll["status"] for poll in polls} == {"Succeeded"}
    assert len({poll["endTime"] for poll in polls}) == 1


def test_memory_is_of_one_state_and_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    database = Database(tmp_path / "state.sqlite")
    with database.reading() as store:
        assert store.remember("k", lambda: 1) == store.remember("k", lambda: 2) == 1
    with database.reading() as store:
        assert store.remember("k", lambda: 3) == 1
    with database.writing() as store:
        assert store.remember("k", lambda: 4) == 4
        store.kv_put("n", "k", 1)
    with database.reading() as store:
        assert store.remember("k", lambda: 5) == 5
    database.close()
    monkeypatch.setattr(store_module, "_REMEMBERED", 5000)
    memory = Memory().at(1)
    memory.keep("a", b"x" * 2000)
    memory.keep("b", b"x" * 2000)
    assert (memory.get("a"), memory.get("b")) == (None, b"x" * 2000)


@pytest.mark.parametrize(
    "value",
    [{}, [], None, True, 1, 1.5, 'a"\u00e9\n', {"a": [], "b": {}, "c": [1, {"d": None, "e": ["x", 2.0]}]}, [[0]]],
)
def test_indented_text_is_what_json_writes(value: Any) -> None:
    assert json_text.indented(value) == json.dumps(value, indent=2).replace("\n", "\r\n").encode()
    assert json_text.compact(value) == json.dumps(value, separators=(",", ":")).encode()


class Wire(asyncio.Transport):
    """Notes what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.seen.append(bytes(data))

    def close(self) -> None:
        self.seen.append("close")

    def abort(self) -> None:
        self.seen.append("abort")


def test_long_answers_are_not_held_back() -> None:
    wire = Wire()
    gathering = Gathering(wire, lambda _flush: None)
    for _number in range(3):
        gathering.write(bytes(40 << 10))
    assert [len(piece) for piece in wire.seen] == [80 << 10]


def test_answers_go_out_in_one_piece() -> None:
    later: list[Any] = []
    wire = Wire()
    gathering = Gathering(wire, later.append)
    gathering.write(b"head")
    gathering.write(b"body")
    assert (wire.seen, len(later)) == ([], 1)
    later.pop()()
    gathering.write(b"next")
    gathering.close()
    assert wire.seen == [b"headbody", b"next", "close"]
    later.pop()()
    gathering.write(b"lost")
    gathering.abort()
    later.pop()()
    assert wire.seen == [b"headbody", b"next", "close", "abort"]
