# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role windows_generalize with the local Azure: the backup before, /shutdown and its power state, the mark after.

The VMs of the local Azure and the simulated Windows machines know nothing of each other; `Guest` tells the one that the other
has shut down.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.modules import Modules
from support.windows_host.host import ConnectionLostError, Host
from support.windows_house import APP, BOUND, House, differs, plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import LocalAzure

pytestmark = pytest.mark.soak
GROUP = "windows-generalize"
MACHINE = {
    "image": "MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:latest",
    "admin_username": "azureuser",
    "admin_password": "Not-a-secret-1!",
    "data_disks": [{"lun": 0, "disk_size_gb": 4}],
}


class Guest(threading.Thread):
    """Lets a simulated machine's time pass, and tells the local Azure when it has shut down."""

    def __init__(self, azure: LocalAzure, path: Path, vm: str) -> None:
        super().__init__(daemon=True)
        self.azure, self.host, self.vm, self.done = azure, Host(path), vm, threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.5):
            with contextlib.suppress(ConnectionLostError):
                self.host.connect()
                continue
            if '"power_state": "off"' in self.host.path.read_text():
                self.azure.control("POST", "/guest", {"vm": self.vm, "event": "shutdown"})
                return


@dataclass
class Site:
    """Simulated machines with a VM of the local Azure each."""

    house: House
    modules: Modules
    azure: LocalAzure
    guests: list[Guest] = field(default_factory=list)

    def add(self, name: str, own: dict[str, Any] | None = None, *, backup: str = "", **changes: Any) -> None:
        """Make a machine and its VM.

        :param own: the role's variables for it.
        :param backup: the name of a set that is taken of it.
        :param changes: members of the simulated machine's state.
        """
        vm = f"{name}-{uuid.uuid4().hex[:6]}"
        made = self.modules.run("vm", name=vm, **MACHINE)["vm"]
        changes = {"sysprep": plan(), "hardware_id": made["vm_id"].upper(), **changes}
        self.house.machine(name, {"vm": vm, "resource_group": GROUP, **(own or {})}, **changes)
        if backup:
            self.modules.run("vm_backup", name=vm, set=backup)
        if (own or {}).get("end") == "shutdown":
            self.guests.append(Guest(self.azure, self.house.path(name), made["id"]))
            self.guests[-1].start()

    def vm(self, name: str) -> str:
        """The VM's name."""
        found: str = self.house.own[name]["vm"]
        return found

    def seen(self, name: str) -> tuple[bool, str]:
        """Whether the VM is marked as generalized, and its power state."""
        found = self.modules.run("vm_info", name=self.vm(name))["vms"][0]
        return found["generalized"], found["power_state"]


@pytest.fixture(scope="module")
def modules(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Modules:
    made = Modules(azure, tmp_path_factory.mktemp("windows-generalize"), GROUP)
    made.run("resource_group", name=GROUP, location="westeurope", resource_group=None)
    return made


@pytest.fixture
def site(azure: LocalAzure, modules: Modules, tmp_path: Path) -> Iterator[Site]:
    made = Site(House(tmp_path, variables={}, environment=azure.environment), modules, azure)
    yield made
    for guest in made.guests:
        guest.done.set()
        guest.join(10)


UNBACKED = {"without_backup": "{{ windows_generalize_vm }}"}
MARKED = (True, "deallocated")
ALONE = (False, "running")


def test_a_backup_is_demanded(site: Site) -> None:
    """A whole set of this very machine will do, and then the VM is marked; without one nothing is begun."""
    house = site.house
    site.add("found", backup="before")
    site.add("without")
    before = {name: house.state(name) for name in house.names}
    run = house.generalize()
    assert run.code == 2
    assert run.failure("found") == ""
    assert house.report("found")["backup"] == "before"
    assert site.seen("found") == MARKED
    said = run.failure("without")
    assert f"Nothing was changed: there is no complete backup of {site.vm('without')}" in said
    assert f"windows_generalize_without_backup '{site.vm('without')}'" in said
    assert house.runs("without") == 0
    assert differs(before["without"], house.state("without")) == []
    assert site.seen("without") == ALONE

    again = house.generalize("--limit", "found")
    assert (again.code, again.counted("changed", "found")) == (0, 0), again.text[-3000:]
    assert house.report("found")["result"] == "marked before"
    assert house.runs("found") == 1


def test_backups_that_are_taken_and_that_do_not_count(site: Site) -> None:
    house = site.house
    site.add("taken", {"backup": "take", "backup_set": "before"})
    site.add("lost", {"backup": "take", "backup_set": "before"}, sysprep=plan(outcome="appx"))
    site.add("old", {"backup_max_age_hours": 0.000001}, backup="before")
    site.add("misnamed", {"backup_set": "after"}, backup="before")
    site.add("broken", backup="half")
    taken = site.modules.run("vm_backup_info", name=site.vm("broken"))["backups"][0]
    site.modules.run("snapshot", name=taken["members"][0]["snapshot"]["name"], state="absent")
    site.add("another", UNBACKED, hardware_id="6ca0f8b2-9a0e-4a4b-8e5b-1f1c1a3b0c55")
    site.add("replaced", backup="before")
    site.modules.run(
        "vm",
        name=site.vm("replaced"),
        state="absent",
        remove_on_absent=["os_disk", "data_disks", "network_interfaces", "network"],
    )
    vm_id = site.modules.run("vm", name=site.vm("replaced"), **MACHINE)["vm"]["vm_id"]
    house.change("replaced", hardware_id=vm_id.upper())
    run = house.generalize()
    assert run.code == 2
    sets = site.modules.run("vm_backup_info", name=site.vm("taken"))["backups"]
    assert [(one["set"], one["complete"], one["same_machine"]) for one in sets] == [("before", True, True)]
    assert site.seen("taken") == MARKED
    assert "The backup set before" in run.failure("lost")
    assert "state restored" in run.failure("lost")
    assert APP in run.failure("lost")
    assert "too old: before" in run.failure("old")
    assert "and named after" in run.failure("misnamed")
    assert "incomplete: half" in run.failure("broken")
    assert "another is another machine than the VM" in run.failure("another")
    for name in ("broken", "replaced"):
        assert "there is no complete backup" in run.failure(name)
    for name in ("lost", "old", "misnamed", "broken", "another", "replaced"):
        assert site.seen(name) == ALONE
        assert house.runs(name) == int(name == "lost")


def test_shutdown(site: Site) -> None:
    """Azure's power state proves it. A machine that stays on is looked at, and not waited for until the time is over."""
    house = site.house
    down = {**UNBACKED, "end": "shutdown"}
    site.add("down", {**down, "mode_vm": True}, sysprep=plan(seconds=3))
    site.add("lost", down, sysprep=plan(seconds=4, lost_after=0))
    site.add("failed", {**down, "timeout": 400, "reconnects": 50}, sysprep=plan(outcome="rearm", seconds=1))
    site.add("endless", {**down, "timeout": 6}, sysprep=plan(outcome="hang"))
    site.add("gone", {**down, "timeout": 6, "logs_timeout": 5}, sysprep=plan(outcome="hang", lost_after=0))
    run = house.generalize()
    assert run.code == 2
    for name in ("down", "lost"):
        assert run.failure(name) == ""
        assert house.report(name)["proof"] == "power state"
        assert site.seen(name) == MARKED
    assert house.state("down")["sysprep"]["arguments"] == "/generalize /oobe /quiet /shutdown /mode:vm"
    assert "The logs say (known)" in run.failure("failed")
    assert "Sysprep has not ended and may still be running" in run.failure("endless")
    assert "gone does not answer any more" in run.failure("gone")
    for name in ("endless", "gone"):
        assert run.took(name) <= 6 + 30 + 10
        assert "Azure says that the VM is running" in run.failure(name)
    for name in ("failed", "endless", "gone"):
        assert site.seen(name) == ALONE
    assert run.seconds < BOUND


def test_a_sysprep_that_does_not_shut_down(site: Site) -> None:
    """Somebody else started it, with /quit: its state is the proof, and nobody waits for the whole time."""
    house = site.house
    site.add("stays", {**UNBACKED, "end": "shutdown", "timeout": 400, "reconnects": 50})
    house.change(
        "stays",
        sysprep={
            **plan(seconds=6),
            "running": True,
            "runs": 1,
            "arguments": "/generalize /oobe /quit",
            "user": "x",
            "started_at": 4e9,
        },
    )
    threading.Timer(
        12, lambda: house.change("stays", sysprep={**house.state("stays")["sysprep"], "started_at": 0})
    ).start()
    run = house.generalize()
    assert run.code == 0, run.text[-4000:]
    assert house.report("stays")["proof"] == "image state and tag"
    assert house.runs("stays") == 1
    assert site.seen("stays") == MARKED
    assert run.seconds < BOUND
