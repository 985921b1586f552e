# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task from its parameters to its result; every exception; everything begun taken back."""

from __future__ import annotations

import json
import os
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils import _runtime
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, Interrupted
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Context, Task, run_module
from ansible_collections.goldenimage.azure.plugins.plugin_utils import _in_controller

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC: dict[str, Any] = {"name": {"type": "str"}, "secret": {"type": "str", "no_log": True}}


def run(
    execute: Callable[[Task], dict[str, Any]], parameters: dict[str, Any] | None = None, **how: Any
) -> dict[str, Any]:
    """Run a module as a program and read what it prints."""
    arguments = {"_ansible_module_name": "goldenimage.azure.sample", **(parameters or {})}

    def main() -> None:
        run_module(execute, **{"argument_spec": SPEC, **how})

    with _in_controller._module_state(_in_controller._encoded(arguments)):
        response = _in_controller._call(SimpleNamespace(main=main))
    result: dict[str, Any] = json.loads(response["stdout"])
    assert (response["rc"] == 0) != result.get("failed", False)
    return result


def done(_task: Task) -> dict[str, Any]:
    return {"changed": False}


def signal_self(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


def test_result_comes_from_the_plan() -> None:
    def execute(task: Task) -> dict[str, Any]:
        assert task.name == "sample"
        assert task.check_mode
        return task.result(Plan.between({"a": 1}, {"a": 2}), thing=task.params["name"])

    result = run(execute, {"name": "x", "_ansible_check_mode": True})
    assert (result["changed"], result["thing"]) == (True, "x")
    assert result["diff"] == {"before": {"a": 1}, "after": {"a": 2}}
    unchanged = run(lambda task: task.result(Plan.nothing()))
    assert unchanged["changed"] is False
    assert "diff" not in unchanged


def test_shared_arguments() -> None:
    def execute(task: Task) -> dict[str, Any]:
        return {"params": task.params, "merged": task.tags({"a": "1"})}

    result = run(execute, {"tags": {"b": 2}, "subscription_id": "s"}, azure=True, tags=True, wait=True)
    assert result["params"].items() >= {"wait_timeout": 3600, "append_tags": True}.items()
    assert result["merged"] == {"a": "1", "b": "2"}
    assert set(run(lambda task: {"params": task.params})["params"]) == set(SPEC)


def test_own_arguments_win_and_further_rules_reach_ansible() -> None:
    result = run(
        done, {}, argument_spec={**SPEC, "wait": {"type": "str"}}, wait=True, required_one_of=[("name", "wait")]
    )
    assert result["msg"] == "one of the following is required: name, wait"


def test_understood_failure() -> None:
    def execute(_task: Task) -> dict[str, Any]:
        raise GoldenImageError("It is so.", remedy="Do this.", code="Conflict", request_id="7")

    result = run(execute)
    assert result["msg"] == "It is so. Do this."
    assert result["error"] == {"message": "It is so.", "remedy": "Do this.", "code": "Conflict", "request_id": "7"}


def test_unexpected_failure_is_short_and_keeps_secrets() -> None:
    def execute(task: Task) -> dict[str, Any]:
        raise KeyError(task.params["secret"])

    result = run(execute, {"secret": "hush"})
    assert result["msg"].startswith("Unexpected KeyError: '********'. Run with -vvv")
    assert "hush" not in json.dumps(result)
    assert "Traceback" not in result["msg"]


@pytest.mark.parametrize("end", [done, lambda _task: 1 / 0, lambda _task: signal_self()])
def test_undo_in_reverse_order_whatever_happened(end: Any) -> None:
    log: list[str] = []

    def execute(task: Task) -> dict[str, Any]:
        task.undo("first", lambda: log.append("first"))
        task.undo("stays", lambda: log.append("stays")).dismiss()
        task.undo("now", lambda: log.append("now")).run()
        with task.undo("block", lambda: log.append("block")):
            log.append("work")
        task.undo("second", lambda: log.append("second"))
        result: dict[str, Any] = end(task)
        return result

    run(execute)
    assert log == ["now", "work", "block", "second", "first"]


def test_failing_undo_is_named_and_keeps_no_other() -> None:
    log: list[str] = []

    def broken() -> None:
        raise GoldenImageError("Azure said no.")

    def execute(task: Task) -> dict[str, Any]:
        task.undo("the first", lambda: log.append("first"))
        task.undo("the SAS of disk d", broken)
        return {"changed": True, "disk": "d"}

    result = run(execute)
    assert result["failed"]
    assert result["disk"] == "d"
    assert result["not_undone"] == ["the SAS of disk d (Azure said no.)"]
    assert "Could not be undone: the SAS of disk d (Azure said no.)" in result["msg"]
    assert log == ["first"]


def test_undo_keeps_the_first_failure_in_front() -> None:
    def execute(task: Task) -> dict[str, Any]:
        task.undo("the trace", lambda: 1 / 0)
        raise GoldenImageError("It is so.", code="X")

    result = run(execute)
    assert result["msg"].startswith("It is so. Could not be undone: the trace (ZeroDivisionError")
    assert result["error"]["code"] == "X"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancel_of_an_ordinary_module(number: int) -> None:
    log: list[str] = []
    before = signal.getsignal(number)

    def clean() -> None:
        signal_self(number)  # an impatient second one
        signal_self(signal.SIGALRM)  # and the task's timeout
        log.append("cleaned")

    def execute(task: Task) -> dict[str, Any]:
        task.undo("it", clean)
        try:
            signal_self(number)
        except Exception:  # as code that handles failures would
            log.append("swallowed")
        return {}

    result = run(execute)
    assert result["failed"]
    assert result["msg"] == f"Cancelled by {signal.Signals(number).name}."
    assert log == ["cleaned"]
    assert signal.getsignal(number) is before
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_cancel_inside_is_left_to_the_controller() -> None:
    def execute(task: Task) -> dict[str, Any]:
        task.undo("it", lambda: 1 / 0)
        signal_self()
        return {}

    with _in_controller._lent(Context()), pytest.raises(Interrupted) as caught:
        run(execute)
    assert caught.value.signum == signal.SIGTERM
    assert caught.value.left == ["it (ZeroDivisionError: division by zero)"]
    assert _runtime.CONTEXT.get() is None


def test_timeout_of_the_task_cleans_up_and_goes_on() -> None:
    class Timeout(BaseException):
        """Ansible's is one, too."""

    log: list[str] = []

    def execute(task: Task) -> dict[str, Any]:
        task.undo("it", lambda: log.append("cleaned"))
        raise Timeout

    with pytest.raises(Timeout):
        run(execute)
    assert log == ["cleaned"]


def test_session_is_opened_once_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, Any]] = []
    closed: list[bool] = []
    session = SimpleNamespace(close=lambda: closed.append(True))

    def fake_open(params: dict[str, Any], **how: Any) -> Any:
        opened.append({**how, "params": params})
        return session

    monkeypatch.setattr(Session, "open", fake_open)

    def execute(task: Task) -> dict[str, Any]:
        task.undo("with the session", lambda: closed.append(task.azure is not session))
        return {"same": task.azure is task.azure}

    assert run(execute, {"name": "n"})["same"] is True
    assert [(entry["params"]["name"], entry["token_cache"]) for entry in opened] == [("n", None)]
    assert closed == [False, True]
    run(done)
    assert len(opened) == 1


def test_progress_and_reports_begin_with_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(_runtime, "Reporter", lambda emit, **_how: SimpleNamespace(say=emit, now=lambda: 0.0))

    def execute(task: Task) -> dict[str, Any]:
        task.report("Creating")
        lines.extend([task.progress(None, 100, "%").line(), task.progress("disk d", 100, "%").line()])
        return {}

    with _in_controller._lent(Context(display=lines.append)):
        run(execute)
    assert lines == ["sample: Creating", "sample: 0 %", "sample: disk d: 0 %"]
