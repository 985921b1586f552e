# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role windows_generalize under ansible-core, against simulated Windows machines (tests/support/windows_host).

Here: Sysprep itself, its failures, lost connections and bounds. No Azure: nothing is backed up and nothing is marked. Cases
that have nothing to do with each other are machines of one play, which is much quicker than a play for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.windows_host import sysprep
from support.windows_host.state import Model
from support.windows_house import APP, BOUND, QUICK, House, differs, plan

if TYPE_CHECKING:
    from pathlib import Path

SLACK = 10
"""Seconds for what does not wait, on a computer that is busy with other tests."""
LONGEST_WAIT = QUICK["timeout"] + QUICK["look_timeout"]
"""Seconds that the wait for Sysprep may take, with the times that the tests give."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_success_and_a_second_run(house: House) -> None:
    """The second run starts no Sysprep and changes nothing."""
    house.machine(sysprep=plan(seconds=3))
    run = house.generalize()
    assert run.code == 0, run.text[-4000:]
    assert house.state()["sysprep"]["arguments"] == "/generalize /oobe /quiet /quit"
    assert house.state()["tasks"] == {}
    assert house.runs() == 1
    report = house.report()
    assert (report["result"], report["proof"], report["preflight"]) == ("generalized", "image state and tag", "safe")
    assert report["seconds"] <= LONGEST_WAIT
    assert house.logs() == ["setupact.log", "setuperr.log"]

    before = house.state()
    run = house.generalize()
    assert (run.code, run.changed) == (0, 0), run.text[-3000:]
    assert house.runs() == 1
    assert differs(before, house.state()) == []


FAILURES = {
    "appx": APP,
    "rearm": "rearmed",
    "bitlocker": "BitLocker",
    "reserved_storage": "reserved storage",
    "provider": "denied",
    "provider_missing": "ContosoSysprep.dll",
    "invalid_state": "earlier Sysprep stopped half way",
}
"""Failures of the simulated Sysprep, and a word that the role must say of each."""


def test_each_failure_ends_in_its_diagnosis(house: House) -> None:
    """The logs are brought here first; the cause, its remedy and the line that shows it are in one message."""
    for outcome in FAILURES:
        house.machine(outcome.replace("_", "-"), sysprep=plan(outcome=outcome, seconds=1))
    # What fails while it only looks whether it can leaves the state as it was.
    house.machine("validation", sysprep=plan(outcome="appx", state_after="IMAGE_STATE_COMPLETE"))
    house.machine("unheard-of", sysprep=plan(outcome="unknown"))
    run = house.generalize()
    assert run.code == 2
    for outcome, word in FAILURES.items():
        name = outcome.replace("_", "-")
        said = run.failure(name)
        assert "Sysprep has failed; Windows' state is IMAGE_STATE_UNDEPLOYABLE" in said
        assert "The logs say (known)" in said
        assert word.lower() in said.lower()
        assert "Remedy:" in said
        assert "There is no backup that this role knows of" in said
        assert "no image may be made of it" in said
        assert house.logs(name) == ["setupact.log", "setuperr.log"]
        saved = next((house.folder / "logs" / name).rglob("setuperr.log")).read_bytes()
        assert sysprep.OUTCOMES[outcome][-1].encode() in saved
        assert house.runs(name) == 1
    said = run.failure("validation")
    assert "Windows' state is IMAGE_STATE_COMPLETE as before" in said
    assert APP in said
    said = run.failure("unheard-of")
    assert "The logs say (unknown)" in said
    assert "StrangeProvider.dll" in said
    assert run.seconds < BOUND


def test_every_wait_has_an_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Sysprep that never ends, a connection that never returns, one that hangs; on a controller that is not in UTC."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    endless, quick = plan(outcome="hang"), {"timeout": 6, "look_timeout": 8}
    gone = {**quick, "logs_timeout": 5}
    house.machine("endless", quick, sysprep=endless)
    house.machine("gone", gone, sysprep=plan(outcome="hang", lost_after=0))
    house.machine(
        "hanging",
        quick,
        sysprep=endless,
        faults=lose("win_powershell", "generalize/look", nth=2, do="hang", seconds=300),
    )
    house.machine(
        "impatient",
        {"timeout": 100, "reconnects": 0},
        sysprep=endless,
        faults=lose("win_powershell", "generalize/look", nth=2),
    )
    run = house.generalize()
    assert run.code == 2
    for name in house.names:
        assert "(windows_generalize_timeout" in run.failure(name)
        assert "no image may be made of it" in run.failure(name)
        assert run.took(name) <= 6 + 8 + SLACK, run.failure(name)
    for name in ("endless", "hanging", "impatient"):
        assert "Sysprep has not ended and may still be running" in run.failure(name)
        assert house.logs(name) == ["setupact.log", "setuperr.log"]
    said = run.failure("gone")
    assert "gone does not answer any more, so what became of it is not known" in said
    assert "the last try said" in said
    assert "Sysprep took the listener away" in said
    assert "No log could be read within 5 s" in said
    assert house.logs("gone") == []
    assert run.seconds < BOUND


def lose(module: str, match: str = "", nth: int = 1, do: str = "drop_before", **more: Any) -> list[dict[str, Any]]:
    return [{"module": module, "match": match, "nth": nth, "do": do, **more}]


@pytest.mark.soak
def test_half_done_is_not_run_again_unasked(house: House) -> None:
    """The second run says what failed before and what a further Sysprep would mean; told so, it starts one."""
    house.machine(sysprep=plan(outcome="appx"))
    assert house.generalize().code == 2
    again = house.generalize()
    assert again.code == 2
    assert house.runs() == 1
    assert "Nothing was changed. An earlier Sysprep stopped half way" in again.failure()
    assert APP in again.failure()
    assert "windows_generalize_half_done set to rerun" in again.failure()
    assert "can be broken although Sysprep says that it succeeded" in again.failure()
    assert len(house.logs()) == 4  # of both runs
    told = house.generalize(half_done="rerun")
    assert told.code == 2
    assert house.runs() == 2
    assert "half way" in told.failure()


@pytest.mark.soak
def test_wrong_passwords(house: House) -> None:
    """Of the connection: nothing is asked of the machine. Of Sysprep's user: nothing was begun. With the right one it goes on."""
    house.machine("connection", {"/ansible_password": "hidden-1"}, sysprep=plan(), password="right")
    house.machine("task", {"user": "builder", "password": "hidden-2"}, sysprep=plan(), accounts={"builder": "right"})
    house.machine(
        "no-administrator", {"user": "guest", "password": "hidden-3"}, sysprep=plan(), accounts={"builder": "right"}
    )
    before = {name: house.state(name) for name in house.names}
    run = house.generalize()
    assert run.code == 2
    said = run.failure("connection")
    assert "Nothing was changed, because connection does not say where Sysprep stands" in said
    assert "the specified credentials were rejected" in said
    assert "user and password of a local administrator" in said
    assert house.requests("connection") == []
    for name, words in (
        ("task", "user name or password is incorrect"),
        ("no-administrator", "is not a member of the local group"),
    ):
        assert "Sysprep was not started" in run.failure(name)
        assert words in run.failure(name)
        assert "The machine is as it was" in run.failure(name)
    assert "hidden-" not in run.text
    for name in house.names:
        assert house.runs(name) == 0
        assert differs(before[name], house.state(name)) == []
    house.own["connection"]["/ansible_password"] = "right"
    house.own["task"]["password"] = "right"
    house.own["no-administrator"]["user"] = "builder"
    house.own["no-administrator"]["password"] = "right"
    run = house.generalize()
    assert run.code == 0, run.text[-3000:]
    assert [house.state(name)["sysprep"]["user"] for name in house.names] == ["Administrator", "builder", "builder"]


def spoil(house: House, name: str) -> None:
    """Give the machine something to repair."""
    model = Model(house.state(name))
    model.set_value(r"HKLM\SYSTEM\CurrentControlSet\Services\cdrom", "Start", "REG_DWORD", 4)
    model.write_file(r"C:\Windows\System32\Sysprep\unattend.xml")
    house.change(name, **model)


REPAIRS = ["enable_cdrom", "remove_unattend"]
WRITES = ("win_regedit", "win_file", "windows_generalize/start", "windows_generalize/remove_task")


def asked(house: House, name: str) -> list[str]:
    """What a run asked of a machine: the module, and of a script its name."""
    marked = [
        str(one.get("arguments", {}).get("script", "")).partition("script: ")[2].partition("\n")[0]
        for one in house.requests(name)
    ]
    return [script or one["request"] for script, one in zip(marked, house.requests(name), strict=True)]


@pytest.mark.soak
def test_connection_lost_at_every_step(house: House) -> None:
    """Whichever request is lost, or only its answer: the run ends within its bound, and at most one more generalizes the machine.

    There is never a second Sysprep. How many requests there are is learned from a run in which none is lost.
    """
    house.machine("whole", sysprep=plan(seconds=1))
    spoil(house, "whole")
    assert house.generalize(repairs=REPAIRS).code == 0
    requests = asked(house, "whole")
    assert [one for one in WRITES if one not in requests] == []
    start = requests.index("windows_generalize/start") + 1
    house.path("whole").unlink()

    for nth in range(1, len(requests) + 1):
        house.machine(f"n{nth:02d}", sysprep=plan(seconds=1), faults=lose("*", nth=nth, do="drop_after"))
    # What only reads is the same whether the request is lost or its answer.
    for request in WRITES:
        faults = lose(request) if request.startswith("win_") else lose("win_powershell", request)
        house.machine(f"w{requests.index(request) + 1:02d}", sysprep=plan(seconds=1), faults=faults)
    for name in house.names:
        spoil(house, name)
    run = house.generalize(repairs=REPAIRS, look_timeout=10)
    first = {name: (house.runs(name), run.failure(name)) for name in house.names}
    for name, (runs, said) in first.items():
        nth = int(name[1:3])
        if nth < start:
            assert runs == 0, name
            assert said, name
        elif nth > start:
            assert runs == 1, name
            # What is lost after the end costs nothing, but for the one who had to see that the task is gone.
            assert said == "" or ("goldenimage-sysprep was removed is not known" in said and "Run again" in said), (
                name,
                said,
            )
        elif name[0] == "w":
            assert (runs, "the answer to its start was lost, so perhaps it never began" in said) == (0, True)
        else:
            assert (runs, said) == (1, ""), name
    assert any("goldenimage-sysprep" in said for _runs, said in first.values())
    assert run.seconds < 300

    # Those that failed, and one that did not.
    last = [name for name, (_runs, said) in first.items() if said]
    last.append(next(name for name, (_runs, said) in first.items() if not said))
    for name in last:
        house.change(name, faults=[])  # of those that had no so many requests
    again = house.generalize("--limit", ",".join(last), repairs=REPAIRS)
    assert again.code == 0, again.text[-4000:]
    for name in house.names:
        assert house.runs(name) == 1, name
        assert house.state(name)["tasks"] == {}, name
    assert again.counted("changed", last[-1]) == 0


@pytest.mark.soak
def test_connections_that_come_and_go(house: House) -> None:
    """While Sysprep runs: for a while, again and again, until it has ended; and while the logs of a failure are copied."""
    look = "windows_generalize/look"
    house.machine("until-it-has-ended", sysprep=plan(seconds=4, lost_after=0))
    house.machine(
        "for-a-while", sysprep=plan(seconds=1), faults=lose("win_powershell", look, nth=2, do="unreachable", seconds=3)
    )
    again = [fault for nth in range(2, 7) for fault in lose("win_powershell", look, nth=nth, do="time_out")]
    house.machine("again-and-again", sysprep=plan(seconds=1), faults=again)
    logs = [*lose("win_find"), *lose("win_stat", "setupact"), *lose("slurp", "setuperr", do="drop_after")]
    house.machine("logs", sysprep=plan(outcome="appx"), faults=logs)
    house.machine(
        "hanging-start",
        {"look_timeout": 4},
        sysprep=plan(seconds=1),
        faults=lose("*", "generalize/start", do="hang", seconds=300),
    )
    # Machines that wait for each other must not lose their time.
    run = house.generalize(strategy="linear")
    assert run.code == 2
    assert {name for name in house.names if run.failure(name)} == {"logs"}, run.text[-4000:]
    assert APP in run.failure("logs")
    assert set(house.logs("logs")) == {"setupact.log", "setuperr.log"}
    assert run.seconds < BOUND


@pytest.mark.soak
def test_a_machine_on_which_everything_hangs(house: House) -> None:
    """From a moment on no request is answered, nor refused: the stated times and six requests, no more."""
    times = {"timeout": 6, "logs_timeout": 5, "look_timeout": 4}
    for moment in (4, 6, 8):
        faults = [fault for nth in range(moment, 60) for fault in lose("*", nth=nth, do="hang", seconds=600)]
        house.machine(f"after-{moment}", times, sysprep=plan(outcome="appx", seconds=5), faults=faults)
    run = house.generalize()
    assert run.code == 2
    for name in house.names:
        assert "no image may be made of it" in run.failure(name)
        assert run.took(name) <= 6 + 2 * 4 + SLACK
        assert house.runs(name) == 1
    assert run.seconds < 6 + 5 + 6 * 4 + 30  # half a minute for all that does not hang


@pytest.mark.soak
def test_ways_to_start(house: House) -> None:
    """As a process, for the same hypervisor only; never as Local System; and starts that claim what is not so."""
    house.machine("process", {"mode_vm": True, "method": "process"}, sysprep=plan())
    house.machine("system", {"/ansible_user": "SYSTEM"}, sysprep=plan())
    house.machine("nothing", sysprep=plan(), faults=lose("win_powershell", "generalize/start", do="ignore"))
    house.machine(
        "refused",
        sysprep=plan(),
        faults=lose("win_powershell", "generalize/start", do="fail", message="sysprep.exe is not there"),
    )
    house.machine(
        "begun",
        sysprep=plan(seconds=2),
        faults=lose("win_powershell", "generalize/start", do="fail_after", message="Access is denied"),
    )
    run = house.generalize()
    assert run.code == 2
    assert "it is gone, and Windows' state is IMAGE_STATE_COMPLETE as before" in run.failure("nothing")
    assert "There is no log of Sysprep or Setup on nothing." in run.failure("nothing")
    assert "Sysprep was not started: sysprep.exe is not there" in run.failure("refused")
    assert "Sysprep was not started: Sysprep must not run as Local System" in run.failure("system")
    for name in ("refused", "system"):
        assert "The machine is as it was" in run.failure(name)
    for name in ("begun", "process"):
        assert run.failure(name) == ""
    assert [house.runs(name) for name in ("nothing", "refused", "system", "begun", "process")] == [0, 0, 0, 1, 1]
    assert house.state("process")["sysprep"]["arguments"] == "/generalize /oobe /quiet /quit /mode:vm"
    assert house.state("process")["tasks"] == {}
