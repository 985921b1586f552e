# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations as rows: effects run once, failures stay visible, background work survives a restart."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from azure_emulator.core import latency, operations
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import Failed, Operation, effect
from azure_emulator.core.store import WriteNeeded

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.app import Emulator
    from azure_emulator.core.context import Scope

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
RUNS: list[str] = []
GATE = threading.Event()


@effect("test.note")
def _note(scope: Scope, args: dict[str, Any]) -> Any:
    RUNS.append(args["text"])
    scope.store.kv_put("test", args["text"], 1)
    if args.get("refuse"):
        raise ArmError(409, "Refused", "No.")
    if args.get("crash"):
        raise KeyError("a fault of ours")
    return {"did": args["text"]}


@effect("test.partly")
def _partly(scope: Scope, _args: dict[str, Any]) -> Failed:
    scope.store.kv_put("test", "kept", 1)
    return Failed(ArmError(409, "Partly", "Only a part."))


def _copy(data_dir: Path, args: dict[str, Any]) -> None:
    GATE.wait(10)
    with (data_dir / "worked").open("a") as file:
        file.write("x")
    if args.get("full"):
        raise ArmError(409, "DiskFull", "No space left.")
    if args.get("crash"):
        raise OSError("a fault of the work")


@effect("test.copy", work=_copy)
def _copied(scope: Scope, _args: dict[str, Any]) -> str:
    return (scope.data_dir / "worked").read_text()


def _fail_badly(_scope: Scope, _args: dict[str, Any], _error: ArmError) -> None:
    raise KeyError("a fault of what is done about failures")


@effect("test.fragile", failed=_fail_badly)
def _fragile(_scope: Scope, _args: dict[str, Any]) -> None:
    raise ArmError(409, "Refused", "No.")


@effect("test.odd")
def _odd(scope: Scope, _args: dict[str, Any]) -> Any:
    scope.store.kv_put("test", "odd", 1)
    return {"not JSON": object()}


@pytest.fixture(autouse=True)
def disk(emulator: Emulator) -> None:
    """A resource for operations, and nothing left of the test before."""
    RUNS.clear()
    GATE.set()
    properties = {"provisioningState": "Updating"}
    with emulator.writing() as scope:
        scope.store.put(ID, {"id": ID, "name": "d", "type": "Microsoft.Compute/disks", "properties": properties})


def state(emulator: Emulator) -> str:
    """The resource's own."""
    with emulator.reading() as scope:
        doc = scope.store.get(ID)
    assert doc is not None
    return str(doc["properties"]["provisioningState"])


def begin(emulator: Emulator, name: str = "test.note", style: str = "disk", **args: object) -> str:
    with emulator.writing() as scope:
        return scope.operations.start(style, "eastus", name, args, ID).id


def look(emulator: Emulator, operation_id: str) -> Operation:
    def read(scope: Scope) -> Operation:
        found = scope.operations.get(operation_id)
        assert found is not None
        return found

    return emulator.run(read, write=False)


def test_an_effect_runs_once(emulator: Emulator) -> None:
    operation_id = begin(emulator, text="a")
    assert RUNS == []
    for _ignored in range(3):
        found = look(emulator, operation_id)
        assert (found.status, found.output) == ("Succeeded", {"did": "a"})
    assert RUNS == ["a"]


def test_a_refused_effect_leaves_nothing_but_the_failure(emulator: Emulator) -> None:
    found = look(emulator, begin(emulator, text="a", refuse=True))
    assert (found.status, found.error) == ("Failed", {"code": "Refused", "message": "No.", "_status": 409})
    with emulator.reading() as scope:
        assert scope.store.kv_get("test", "a") is None
    assert state(emulator) == "Failed"


def test_a_broken_effect_fails_its_own_operation_only(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    broken, whole = begin(emulator, text="a", crash=True), begin(emulator, text="b")
    found = look(emulator, broken)
    assert (found.status, (found.error or {})["code"]) == ("Failed", "InternalExecutionError")
    assert look(emulator, whole).status == "Succeeded"
    assert RUNS == ["a", "b"]
    with emulator.reading() as scope:
        assert (scope.store.kv_get("test", "a"), scope.store.kv_get("test", "b")) == (None, 1)
    assert state(emulator) == "Failed"
    assert f"effect test.note of operation {broken}" in caplog.text
    assert "KeyError: 'a fault of ours'" in caplog.text


def test_what_is_done_about_a_failure_may_be_broken_too(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    found = look(emulator, begin(emulator, "test.fragile"))
    assert (found.status, (found.error or {})["code"]) == ("Failed", "Refused")
    assert state(emulator) == "Failed"
    assert "KeyError: 'a fault of what is done about failures'" in caplog.text


def test_an_output_that_cannot_be_told_is_a_broken_effect(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    found = look(emulator, begin(emulator, "test.odd"))
    assert (found.status, (found.error or {})["code"]) == ("Failed", "InternalExecutionError")
    with emulator.reading() as scope:
        assert scope.store.kv_get("test", "odd") is None
    assert "not JSON serializable" in caplog.text


@pytest.mark.parametrize("name", ["test.note", "test.copy"])
def test_an_effect_that_is_no_longer_known_fails(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Its name was stored by another release; nothing else must stand still for it."""
    with emulator.database.writing() as store:
        operation_id = emulator._scope(store, "").operations.start("disk", "eastus", name, {}, ID).id
    monkeypatch.delitem(operations._EFFECTS, name)
    emulator.begin()
    found = _ended(emulator, operation_id)
    assert (found.status, (found.error or {})["code"]) == ("Failed", "InternalExecutionError")
    assert state(emulator) == "Failed"
    assert f"KeyError: '{name}'" in caplog.text


def test_failing_in_part_keeps_what_was_done(emulator: Emulator) -> None:
    assert look(emulator, begin(emulator, "test.partly")).status == "Failed"
    with emulator.reading() as scope:
        assert scope.store.kv_get("test", "kept") == 1


def test_a_refused_request_does_not_undo_what_was_due(emulator: Emulator) -> None:
    operation_id = begin(emulator, text="a")

    def refuse(scope: Scope) -> None:
        scope.store.kv_put("test", "handler", 1)
        raise ArmError(400, "No", "No.")

    with pytest.raises(ArmError):
        emulator.run(refuse, write=True)
    assert RUNS == ["a"]
    assert look(emulator, operation_id).status == "Succeeded"
    with emulator.reading() as scope:
        assert scope.store.kv_get("test", "handler") is None


def test_reading_transactions_cannot_write(emulator: Emulator) -> None:
    with emulator.reading() as scope, pytest.raises(WriteNeeded):
        scope.store.kv_put("test", "x", 1)
    emulator.run(lambda scope: scope.store.kv_put("test", "x", 1), write=False)
    with emulator.reading() as scope:
        assert scope.store.kv_get("test", "x") == 1


def test_work_holds_its_operation_back_but_nobody_else(emulator: Emulator) -> None:
    GATE.clear()
    operation_id = begin(emulator, "test.copy")
    assert look(emulator, operation_id).status == "InProgress"
    with emulator.writing() as scope:
        scope.store.kv_put("test", "meanwhile", 1)
    GATE.set()
    assert _ended(emulator, operation_id).output == "x"


def test_failed_work_fails_the_operation(emulator: Emulator) -> None:
    found = _ended(emulator, begin(emulator, "test.copy", full=True))
    assert (found.status, (found.error or {})["code"]) == ("Failed", "DiskFull")


def test_broken_work_fails_the_operation(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    operation_id = begin(emulator, "test.copy", crash=True)
    found = _ended(emulator, operation_id)
    assert (found.status, (found.error or {})["code"]) == ("Failed", "InternalExecutionError")
    assert state(emulator) == "Failed"
    assert f"background work of operation {operation_id}" in caplog.text
    assert "OSError: a fault of the work" in caplog.text
    assert _ended(emulator, begin(emulator, "test.copy")).status == "Succeeded"


def test_work_is_taken_up_after_a_crash(emulator: Emulator) -> None:
    with emulator.database.writing() as store:
        # As a process would leave it that died between the commit and the work.
        operation_id = emulator._scope(store, "").operations.start("disk", "eastus", "test.copy", {}, ID).id
    assert look(emulator, operation_id).status == "InProgress"
    emulator.begin()
    assert _ended(emulator, operation_id).output == "x"


def test_cancelled_operations_never_run(emulator: Emulator) -> None:
    with emulator.writing() as scope:
        operation_id = scope.operations.start("disk", "eastus", "test.note", {"text": "a"}, ID).id
        scope.operations.cancel(ID.upper())
    assert look(emulator, operation_id).status == "Canceled"
    assert RUNS == []


def test_unknown_effects_are_a_programming_error(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match=r"no effect is named test\.none"):
        begin(emulator, "test.none")


@pytest.mark.parametrize(
    ("style", "method", "wanted"),
    [
        ("compute", "PUT", {"Azure-AsyncOperation", "Azure-AsyncNotification"}),
        ("compute", "POST", {"Azure-AsyncOperation", "Azure-AsyncNotification", "Location"}),
        ("disk", "PUT", {"Azure-AsyncOperation", "Location"}),
        ("disk", "DELETE", {"Azure-AsyncOperation", "Location"}),
        ("gallery", "PUT", {"Azure-AsyncOperation"}),
        ("gallery", "DELETE", {"Azure-AsyncOperation", "Location"}),
        ("network", "PUT", {"Azure-AsyncOperation"}),
        ("network", "DELETE", {"Azure-AsyncOperation", "Location"}),
        ("storage", "PUT", {"Location"}),
        ("group", "DELETE", {"Location"}),
    ],
)
def test_headers_by_provider(emulator: Emulator, style: str, method: str, wanted: set[str]) -> None:
    """As recorded; the waiting time is in milliseconds for the fast profiles."""
    with emulator.writing() as scope:
        scope.operations.api_version, scope.operations.method = "2021-03-01", method
        headers = scope.operations.start(style, "eastus", "test.note", {"text": ""}, ID).headers()
    assert set(headers) == wanted | {"x-ms-retry-after-ms"}


def test_profiles() -> None:
    realistic = latency.Profile("realistic", factor=0.5, seconds={"compute.image.*": 7})
    assert realistic.duration("compute.image.create", 30) == 7
    assert realistic.duration("compute.vm.create", 30) == 15
    assert realistic.retry_headers(10) == {"Retry-After": "5"}
    assert latency.Profile("instant").duration("any", 30) == 0
    assert latency.Profile("fast").duration("any", 30) <= 0.05


def _ended(emulator: Emulator, operation_id: str) -> Operation:
    limit = time.monotonic() + 10
    while (found := look(emulator, operation_id)).running:
        assert time.monotonic() < limit, "the work does not end"
        time.sleep(0.01)
    return found
