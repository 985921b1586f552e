# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Windows machine itself: what roles that come later build on, above all Sysprep."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.windows_host import machines, sysprep
from support.windows_host.state import Model

from .test_windows_prepare import Room

if TYPE_CHECKING:
    from pathlib import Path

    from support.windows_plays import Run

pytestmark = pytest.mark.soak

SCRIPT = """\
# goldenimage.azure script: windows_generalize/start
[CmdletBinding()]
param ([string]$Arguments, [string]$Method, [string]$User)
"""
STATE_KEY = sysprep.STATE.replace("HKLM", "HKLM:")


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def play(room: Room, *tasks: dict[str, Any]) -> Run:
    path = room.folder / "tasks.yml"
    path.write_text(yaml.safe_dump([{"hosts": "windows", "gather_facts": False, "tasks": list(tasks)}]))
    return room.playbook(str(path))


def begin(arguments: str = "/oobe /generalize /quiet /quit /mode:vm", **more: str) -> dict[str, Any]:
    given = {"Arguments": arguments, "Method": "task", "User": "builder", **more}
    return {"ansible.windows.win_powershell": {"script": SCRIPT, "parameters": given}}


def wait(state: str, retries: int = 8) -> dict[str, Any]:
    """Ask again and again over new connections, as a role does."""
    return {
        "ansible.windows.win_reg_stat": {"path": STATE_KEY, "name": "ImageState"},
        "register": "found",
        "until": f"found.value | default('') == '{state}'",
        "retries": retries,
        "delay": 0.2,
    }


LOGS = [
    {"ansible.builtin.slurp": {"src": sysprep.PANTHER + r"\setuperr.log"}, "register": "log"},
    {"ansible.builtin.debug": {"msg": "{{ log.content | b64decode }}"}},
]


def plan(**changes: Any) -> dict[str, Any]:
    return {"plan": {"outcome": "success", "seconds": 0.5, "lost_after": None, **changes}}


def test_sysprep_succeeds(room: Room) -> None:
    room.machine(sysprep=plan())
    tag = {"ansible.windows.win_stat": {"path": sysprep.TAG}, "register": "tag"}
    run = play(
        room,
        begin(),
        {"ansible.windows.win_reg_stat": {"path": STATE_KEY, "name": "ImageState"}, "register": "first"},
        {"ansible.builtin.assert": {"that": "first.value == 'IMAGE_STATE_UNDEPLOYABLE'"}},
        wait(sysprep.RESEALED),
        tag,
        {"ansible.builtin.assert": {"that": "tag.stat.exists"}},
    )
    assert run.code == 0, run.text
    assert room.state()["sysprep"]["broken_shell"] is False
    assert room.state()["tasks"]["goldenimage-sysprep"]["state"] == "Ready"


@pytest.mark.parametrize("outcome", sysprep.OUTCOMES)
def test_sysprep_fails(room: Room, outcome: str) -> None:
    """The state stays as in the middle, the log tells why, and a second start fails because of the first."""
    room.machine(sysprep=plan(outcome=outcome, seconds=0))
    run = play(room, begin(), wait("IMAGE_STATE_UNDEPLOYABLE"), *LOGS)
    assert run.code == 0, run.text
    model = Model(room.state())
    entry = model.file(sysprep.PANTHER + r"\setuperr.log")
    assert entry
    text = base64.b64decode(entry["content"]).decode()
    assert sysprep.OUTCOMES[outcome][-1] in text
    assert model.file(sysprep.TAG) is None
    run = play(room, begin(), wait("IMAGE_STATE_UNDEPLOYABLE"), *LOGS)
    assert "dwRet = 31" in run.text


def test_sysprep_never_ends(room: Room) -> None:
    room.machine(sysprep=plan(outcome="hang"))
    run = play(room, begin(), wait(sysprep.RESEALED, retries=2))
    assert run.code == 2
    assert "IMAGE_STATE_UNDEPLOYABLE" in run.text


def test_sysprep_takes_the_listener_away(room: Room) -> None:
    """Connections are refused while it works, and come back where /quit was asked for."""
    machine = room.machine(sysprep=plan(lost_after=0, seconds=600))
    run = play(room, begin(), wait(sysprep.RESEALED, retries=1))
    assert run.code == 4
    assert "Sysprep took the listener away" in run.text
    state = room.state()
    state["sysprep"]["started_at"] -= 600
    machine.write_text(json.dumps(state))
    assert play(room, wait(sysprep.RESEALED)).code == 0


def test_sysprep_shuts_down(room: Room) -> None:
    room.machine(sysprep=plan(seconds=0))
    run = play(room, begin("/generalize /oobe /shutdown"), wait(sysprep.RESEALED))
    assert "the machine is off" in run.text
    assert room.state()["power_state"] == "off"


def test_local_system_is_refused(room: Room) -> None:
    """As the script does it before it starts anything."""
    room.machine(base={**machines.server(), "build": 26100}, sysprep=plan(seconds=0))
    run = play(room, begin(User=r"NT AUTHORITY\SYSTEM"))
    assert run.code == 2
    assert "Sysprep must not run as Local System" in run.text
    assert "started_at" not in room.state()["sysprep"]


def test_asynchronous_tasks_and_facts(room: Room) -> None:
    room.machine(job_seconds=0.3)
    run = play(
        room,
        {"ansible.windows.win_command": "hostname.exe", "async": 30, "poll": 0, "register": "job"},
        {
            "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "done",
            "until": "done.finished",
            "retries": 10,
            "delay": 0.2,
        },
        {"ansible.builtin.assert": {"that": "done.stdout | trim == 'WIN-OLD'"}},
        {"ansible.builtin.setup": None},
        {"ansible.builtin.assert": {"that": "ansible_facts.os_family == 'Windows'"}},
        {"ansible.windows.win_ping": None},
        {"ansible.windows.win_whoami": None, "register": "who"},
        {"ansible.builtin.assert": {"that": "who.account.sid is match('S-1-5-21-')"}},
    )
    assert run.code == 0, run.text


def test_arguments_that_a_module_does_not_take_fail_as_there(room: Room) -> None:
    room.machine()
    for task, words in (
        ({"ansible.windows.win_service": {"name": "BFE", "start_mode": "sometimes"}}, "sometimes"),
        ({"ansible.windows.win_regedit": {"path": r"HKLM\SOFTWARE\X", "name": "a"}}, "is not a valid powershell path"),
        (
            {
                "ansible.windows.win_regedit": {
                    "path": r"HKLM:\SOFTWARE\X",
                    "name": "a",
                    "type": "dword",
                    "data": 1 << 32,
                }
            },
            "32 bit",
        ),
        ({"ansible.windows.win_user_right": {"name": "SeX", "users": []}}, "is not a valid right"),
        ({"ansible.windows.win_powershell": {"script": SCRIPT, "parameters": {"Argument": "/x"}}}, "Argument"),
    ):
        run = play(room, task)
        assert run.code == 2, task
        assert words in run.text, run.text
