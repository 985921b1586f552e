# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role windows_generalize before it starts Sysprep: variables, what the preflight refuses, repairs, check mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import REPAIRS
from support.windows_host import sysprep
from support.windows_host.state import Model
from support.windows_house import APP, SESSION_MANAGER, SKIP_REARM, USER, House, differs, plan

if TYPE_CHECKING:
    from pathlib import Path

PANTHER = r"C:\Windows\Panther\setupact.log"
UNATTEND = r"C:\Windows\System32\Sysprep\unattend.xml"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "not confirmed": ({"confirm": False}, "windows_generalize_confirm is not true"),
    "half a VM": ({"vm": "web"}, "give both for a VM of Azure, none for another machine"),
    "shutdown without Azure": ({"end": "shutdown"}, "windows_generalize_end is shutdown and no VM is named"),
    "no word about a backup": ({"without_backup": ""}, "nothing here can back up m"),
    "another machine's backup": ({"without_backup": "web"}, "which is not 'm0"),
    "a set without a name": ({"backup": "take"}, "windows_generalize_backup_set is empty"),
    "as Local System": ({"user": r"NT AUTHORITY\SYSTEM"}, "must not run as Local System"),
    "as a service": ({"user": "LocalService"}, "must not run as Local System or a service"),
    "a process of another user": ({"method": "process", "user": "builder"}, "which runs as the user of the connection"),
    "a password of nobody": ({"password": "hidden-1"}, "windows_generalize_password is given without"),
    "no time": ({"timeout": 0}, "windows_generalize_timeout must be whole seconds"),
    "looks that are too rare": ({"poll": 100}, "longer than windows_generalize_timeout"),
    "endless reconnects": ({"reconnects": 1000}, "give a number from 0 to 50"),
    "repairs against each other": ({"repairs": ["skip_rearm", "clear_skip_rearm"]}, "which undo each other"),
    "no new password": ({"repairs": ["clear_password_change"]}, "windows_generalize_administrator_password"),
    "an unknown repair": ({"repairs": ["magic"]}, "magic"),
    "accepting what is half done": ({"accept": ["state.undeployable"]}, "cannot be accepted"),
    "nothing to mark": ({"already_generalized": True}, "there is nothing to mark"),
}


def app(*users: str) -> dict[str, Any]:
    return {
        "full_name": APP, "family": "Contoso.Notes_abc", "framework": False, "resource": False, "signature": "Store",
        "location": "absent", "users": list(users),
    }  # fmt: skip


def needs_everything(house: House, name: str, own: dict[str, Any] | None = None) -> None:
    """A machine that needs every repair but skip_rearm, which is clear_skip_rearm's opposite."""
    facts = {
        "bitlocker.volumes": [{"mount": "C:", "conversion": 1}, {"mount": "E:", "conversion": 0}],
        "appx.packages": [app(USER, USER[:-1] + "2")],
        "hyper_v.switches": ["Default Switch"],
        "roles.installed": [{"name": "Hyper-V", "kind": "Role"}, {"name": "WDS", "kind": "Role"}],
        "wds.share": True,
        "wds.root_folder": r"C:\RemoteInstall",
        "accounts.administrator_must_change": True,
    }
    house.machine(name, own, sysprep=plan(), restart_pending=True, facts=facts, decrypt_step=50)
    model = Model(house.state(name))
    model.set_value(r"HKLM\SYSTEM\CurrentControlSet\Services\cdrom", "Start", "REG_DWORD", 4)
    model.set_value(r"HKLM\SYSTEM\CurrentControlSet\Services\partmgr\Parameters", "SanPolicy", "REG_DWORD", 4)
    model.set_value(SKIP_REARM, "SkipRearm", "REG_DWORD", 1)
    for path in (UNATTEND, PANTHER, sysprep.TAG):
        model.write_file(path)
    for agent, state, mode in (("RdAgent", "stopped", "auto"), ("WindowsAzureGuestAgent", "stopped", "disabled")):
        service = model.service(agent)
        assert service
        service |= {"state": state, "start_mode": mode}
    house.change(name, **model)


ALL = [name for name in REPAIRS if name not in ("skip_rearm", "clear_pending_renames")]
"""A restart takes the pending renames along; they have a machine of their own."""
UNSAFE: dict[str, dict[str, Any]] = {
    "membership.domain": {"membership.domain_role": 3, "membership.domain": "corp.example"},
    "membership.controller": {"membership.domain_role": 5},
    "cluster.member": {"cluster.database": True},
    "roles.unsupported": {"roles.installed": [{"name": "DHCP", "kind": "Role"}]},
    "bitlocker.decrypted": {"bitlocker.volumes": [{"mount": "C:", "conversion": 1}]},
    "appx.not_provisioned": {"appx.packages": [app(USER)]},
    "licensing.rearm": {"licensing.rearm_count": 0},
    "session.system": {"os.build": 26100, "session.is_system": True},
    "disks.space": {"disks.system_free": 1 << 20},
    "sql.instances": {"sql.instances": [{"name": "MSSQLSERVER", "kind": "SQL"}]},
    "efs.files (not known)": {"efs.files": "x"},
    "reboot.servicing": {"pending_reboot.component_servicing": ["RebootPending"]},
}
"""Rules, and the facts that break them."""
WARNINGS = ("clear_skip_rearm", "remove_panther", "remove_succeeded_tag", "set_san_policy")
"""Repairs of what does not keep Sysprep from starting."""


def test_unsafe_machines_are_left_as_they_were(house: House) -> None:
    """All that is wrong is in one message, with the rule, the remedy and the repair that can be asked for; nothing is done."""
    facts = {path: value for broken in UNSAFE.values() for path, value in broken.items()}
    house.machine("unsafe", restart_pending=True, facts=facts)
    # Repairs that were asked for do not help where something else stands in the way, so none is done.
    house.machine("in-vain", {"repairs": ["restart", "decrypt_volumes"]}, restart_pending=True, facts=facts)
    needs_everything(house, "unasked")
    before = {name: house.state(name) for name in house.names}
    run = house.generalize()
    assert run.code == 2
    for name in ("unsafe", "in-vain"):
        said = run.failure(name)
        assert f"Nothing was changed. Sysprep is not safe on {name} now" in said
        assert [
            rule
            for rule in [*UNSAFE, "reboot.windows_update"]
            if f" {rule}: " not in said and rule != "membership.domain"
        ] == []
    offered = [name for name in ALL if name not in WARNINGS]
    assert [name for name in offered if f"(windows_generalize_repairs): {name}." not in run.failure("unasked")] == []
    for name in house.names:
        assert differs(before[name], house.state(name)) == []
        assert house.runs(name) == 0


@pytest.mark.soak
def test_each_unsafe_machine(house: House) -> None:
    for at, broken in enumerate(UNSAFE.values()):
        house.machine(f"m{at:02d}", facts=broken)
    before = {name: house.state(name) for name in house.names}
    run = house.generalize()
    assert run.code == 2
    for at, rule in enumerate(UNSAFE):
        name = f"m{at:02d}"
        assert f" {rule}: " in run.failure(name), run.failure(name)
        assert "Nothing was changed" in run.failure(name), rule
        assert differs(before[name], house.state(name)) == [], rule


@pytest.mark.soak
def test_wrong_variables(house: House) -> None:
    """They are refused before the machine is asked for anything, and no secret is shown."""
    for at, (variables, _words) in enumerate(WRONG.values()):
        house.machine(f"m{at:02d}", variables)
    run = house.generalize()
    assert run.code == 2
    for at, (case, (_variables, words)) in enumerate(WRONG.items()):
        name = f"m{at:02d}"
        assert words in run.failure(name), (case, run.failure(name))
        assert house.requests(name) == [], case
    assert "hidden-1" not in run.text


@pytest.mark.soak
def test_repairs(house: House) -> None:
    """Each one that was asked for is done, and then Sysprep runs."""
    needs_everything(
        house, "all", {"repairs": ALL, "administrator_password": "hidden-2", "timeout": 60, "logs_timeout": 60}
    )
    house.machine(
        "others",
        {"repairs": ["skip_rearm", "clear_pending_renames"]},
        sysprep=plan(),
        facts={"licensing.rearm_count": 0},
    )
    model = Model(house.state("others"))
    model.set_value(SESSION_MANAGER, "PendingFileRenameOperations", "REG_MULTI_SZ", [r"\??\C:\a", ""])
    house.change("others", **model)
    house.machine("one-of-two", {"repairs": ["enable_cdrom", "remove_panther"]}, sysprep=plan())
    model = Model(house.state("one-of-two"))
    model.write_file(PANTHER, "YWJj")
    house.change("one-of-two", **model)
    run = house.generalize()
    assert run.code == 0, run.text[-5000:]
    assert set(house.report("all")["repaired"]) == set(ALL)
    assert "hidden-2" not in run.text
    state = Model(house.state("all"))
    assert [one["conversion"] for one in state["facts"]["bitlocker"]["volumes"]] == [0, 0]
    assert state["facts"]["appx"]["packages"][0]["users"] == []
    assert state["boot"]["number"] == 2
    assert state.file(UNATTEND) is None
    assert set(house.report("others")["repaired"]) == {"skip_rearm", "clear_pending_renames"}
    assert Model(house.state("others")).value(SKIP_REARM, "SkipRearm") == ["REG_DWORD", 1]
    # Panther is copied before it goes; what needs no repair gets none.
    assert house.report("one-of-two")["repaired"] == ["remove_panther"]
    copies = [
        path for path in (house.folder / "logs" / "one-of-two").rglob("setupact.log") if path.read_text() == "abc"
    ]
    assert len(copies) == 1
    assert Model(house.state("one-of-two")).file(r"C:\Windows\Panther") is None
    assert [house.runs(name) for name in house.names] == [1, 1, 1]


@pytest.mark.soak
def test_repairs_that_fail(house: House) -> None:
    """Sysprep is not started, and nothing more is lost: not what could not be copied, not the time that was stated."""
    house.machine(
        "panther",
        {"repairs": ["remove_panther"]},
        sysprep=plan(),
        faults=[{"module": "win_stat", "nth": nth, "do": "fail"} for nth in range(1, 9)],
    )
    model = Model(house.state("panther"))
    model.write_file(PANTHER, "YWJj")
    house.change("panther", **model)
    encrypted = {"bitlocker.volumes": [{"mount": "C:", "conversion": 1}]}
    slow = {"repairs": ["decrypt_volumes"], "decrypt_timeout": 3}
    house.machine("slow", slow, sysprep=plan(), facts=encrypted, decrypt_step=1)
    house.machine(
        "off",
        {"repairs": ["restart"], "restart_timeout": 6},
        sysprep=plan(),
        restart_pending=True,
        boot={"number": 1, "time": 1, "seconds": 900},
    )
    house.machine(
        "stays", {"repairs": ["enable_cdrom"]}, sysprep=plan(), faults=[{"module": "win_regedit", "do": "ignore"}]
    )
    model = Model(house.state("stays"))
    model.set_value(r"HKLM\SYSTEM\CurrentControlSet\Services\cdrom", "Start", "REG_DWORD", 4)
    house.change("stays", **model)
    refused = {"module": "win_powershell", "match": "generalize/decrypt", "do": "fail", "message": "unlock it first"}
    house.machine("locked", {"repairs": ["decrypt_volumes"]}, sysprep=plan(), facts=encrypted, faults=[refused])
    run = house.generalize()
    assert run.code in (2, 4, 6)
    assert "the volumes could not be decrypted (unlock it first)" in run.failure("locked")
    assert "Nothing of the folder was removed" in run.failure("panther")
    assert Model(house.state("panther")).file(PANTHER) is not None
    assert "C: is not decrypted within windows_generalize_decrypt_timeout (3 s)" in run.failure("slow")
    assert run.failure("off")
    assert "Sysprep was not started; repaired was: enable_cdrom" in run.failure("stays")
    assert "cdrom" in run.failure("stays")
    assert [house.runs(name) for name in house.names] == [0, 0, 0, 0, 0]
    assert run.seconds < 90


@pytest.mark.soak
def test_a_finding_can_be_accepted(house: House) -> None:
    facts = {"roles.installed": [{"name": "DHCP", "kind": "Role"}]}
    house.machine("accepted", {"accept": ["roles.unsupported"]}, sysprep=plan(), facts=facts)
    house.machine("not", {"accept": ["roles.undecided"]}, sysprep=plan(), facts=facts)
    run = house.generalize()
    assert run.failure("accepted") == ""
    assert "roles.unsupported" in run.failure("not")
    assert [house.runs(name) for name in house.names] == [1, 0]


@pytest.mark.soak
def test_check_mode(house: House) -> None:
    """It says what is wrong, and starts and changes nothing."""
    house.machine("good", {"confirm": False}, sysprep=plan())
    house.machine("half-done", sysprep=plan())
    model = Model(house.state("half-done"))
    model.set_value(sysprep.STATE, "ImageState", "REG_SZ", "IMAGE_STATE_UNDEPLOYABLE")
    house.change("half-done", **model)
    before = {name: house.state(name) for name in house.names}
    run = house.generalize("--check")
    assert run.failure("good") == ""
    assert house.report("good")["result"] == "rehearsed"
    assert "Nothing was changed. An earlier Sysprep stopped half way" in run.failure("half-done")
    for name in house.names:
        assert run.counted("changed", name) == 0
        assert differs(before[name], house.state(name)) == []
        assert house.runs(name) == 0


@pytest.mark.soak
def test_a_running_sysprep_is_waited_for(house: House) -> None:
    """No second one is started, and its result counts."""
    house.machine(sysprep=plan(seconds=3))
    model = Model(house.state())
    sysprep.start(model, 0, "/generalize /oobe /quiet /quit", "builder")
    model["sysprep"]["started_at"] = 4e9
    house.change(**model)
    run = house.generalize(timeout=3)
    assert "A Sysprep runs on machine already" in run.words
    assert "Sysprep has not ended and may still be running" in run.failure()
    house.change(sysprep={**house.state()["sysprep"], "started_at": 0})
    assert house.generalize().code == 0
    assert house.runs() == 1
