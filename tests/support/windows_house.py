# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Windows machine that is ready for Sysprep, and a way to run the role windows_generalize on it."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from support.local_azure import REPOSITORY
from support.windows_host import machines
from support.windows_host.state import Model, opened
from support.windows_plays import Run, run_playbook

if TYPE_CHECKING:
    from pathlib import Path

FACTS = REPOSITORY / "tests" / "unit" / "plugins" / "module_utils" / "_sysprep" / "machines.py"
SESSION_MANAGER = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
SKIP_REARM = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
APP = "Contoso.Notes_1.0.0.0_x64__abc"
USER = "S-1-5-21-1004336348-1177238915-682003330-1001"
QUICK = {"timeout": 60, "poll": 1, "logs_timeout": 30, "look_timeout": 30, "restart_timeout": 60}
"""The role's times in seconds, for tests."""
TRACES = ("counters", "faults", "files", "down_until", "jobs")
BOUND = 150
"""Seconds that a whole run may take whatever happens, on a computer that is busy with other tests as well."""


def _facts() -> dict[str, Any]:
    """The facts of a clean server, from the tests of the rules."""
    spec = importlib.util.spec_from_file_location("sysprep_machines", FACTS)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server: dict[str, Any] = module.server()
    return server


def clean(**changes: Any) -> dict[str, Any]:
    """A simulated server that nothing is wrong with.

    :param changes: members of its state to replace; of ``facts`` single ones as ``{"section.name": value}``.
    """
    model = Model(machines.server())
    model["facts"] = _facts()
    for path, value in changes.pop("facts", {}).items():
        section, name = path.split(".")
        model["facts"][section][name] = value
    model.set_value(r"HKLM\SYSTEM\CurrentControlSet\Services\cdrom", "Start", "REG_DWORD", 1)
    model.set_value(r"HKLM\SYSTEM\CurrentControlSet\Services\partmgr\Parameters", "SanPolicy", "REG_DWORD", 1)
    model.set_value(SKIP_REARM, "SkipRearm", "REG_DWORD", 0)
    model.remove_value(SESSION_MANAGER, "PendingFileRenameOperations")
    model.remove_file(r"C:\Windows\Panther")
    model.remove_file(r"C:\Windows\System32\Sysprep\unattend.xml")
    agent = {"state": "started", "start_mode": "auto"}
    model["services"] += [{"name": name, **agent} for name in ("RdAgent", "WindowsAzureGuestAgent")]
    return {**model, **changes}


def plan(**changes: Any) -> dict[str, Any]:
    return {"plan": {"outcome": "success", "seconds": 0, "lost_after": None, **changes}}


def differs(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Which parts of a machine a run has changed, but for those that say something about who asked, not about Windows."""
    files = [{name: entry for name, entry in one["files"].items() if "\\Temp\\" not in name} for one in (before, after)]
    changed = [key for key in before if key not in TRACES and before[key] != after[key]]
    return changed if files[0] == files[1] else [*changed, "files"]


@dataclass
class House:
    """A folder with simulated machines, and a way to run the role on all of them at once.

    :ivar variables: the role's variables of every run, without their prefix.
    :ivar own: variables of single machines, on top of that: of the role without its prefix, others with a leading ``/``.
    :ivar environment: of every run, on top of that of the tests.
    """

    folder: Path
    variables: dict[str, Any] = field(default_factory=lambda: {"without_backup": "{{ inventory_hostname }}"})
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def path(self, name: str = "machine") -> Path:
        return self.folder / "machines" / f"{name}.json"

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "machines").glob("*.json"))

    def machine(self, name: str = "machine", own: dict[str, Any] | None = None, **changes: Any) -> None:
        """Make a machine that is ready for Sysprep.

        :param own: its variables, see `own`.
        :param changes: as for `clean`.
        """
        self.path(name).parent.mkdir(exist_ok=True)
        machines.write(self.path(name), clean(**changes))
        self.own[name] = own or {}

    def state(self, name: str = "machine") -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.path(name).read_text())
        return loaded

    def change(self, name: str = "machine", /, **changes: Any) -> None:
        """Replace members of a machine's state, between two runs or while one is under way."""
        with opened(self.path(name)) as model:
            model.update(changes)

    def requests(self, name: str = "machine") -> list[dict[str, Any]]:
        log = self.path(name).with_suffix(".log")
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def generalize(self, *options: str, strategy: str = "free", **variables: Any) -> Run:
        """Run the role on all machines; its variables without their prefix."""
        given = {"confirm": True, "logs_folder": str(self.folder / "logs"), **QUICK, **self.variables, **variables}
        shared = {f"windows_generalize_{name}": value for name, value in given.items()}
        role = {"ansible.builtin.include_role": {"name": "goldenimage.azure.windows_generalize"}}
        report = {
            "content": "{{ windows_generalize_report | to_json }}",
            "dest": str(self.folder / "{{ inventory_hostname }}.report"),
        }
        keep = {"ansible.builtin.copy": report, "delegate_to": "localhost", "check_mode": False, "changed_when": False}
        play = self.folder / "play.yml"
        play.write_text(
            yaml.safe_dump([{"hosts": "windows", "gather_facts": False, "strategy": strategy, "tasks": [role, keep]}])
        )
        return self.playbook(str(play), *options, shared=shared)

    def playbook(self, playbook: str, *options: str, shared: dict[str, Any] | None = None, **variables: Any) -> Run:
        """Run any playbook.

        :param shared: variables of all machines.
        :param variables: extra variables.
        """
        hosts = {
            name: (
                self.path(name),
                {
                    key.lstrip("/") if key[0] == "/" else f"windows_generalize_{key}": value
                    for key, value in self.own[name].items()
                },
            )
            for name in self.names
        }
        return run_playbook(
            self.folder, playbook, hosts, *options, shared=shared, variables=variables, environment=self.environment
        )

    def report(self, name: str = "machine") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.report").read_text())
        return found

    def runs(self, name: str = "machine") -> int:
        """How often Sysprep was started."""
        return int(self.state(name)["sysprep"].get("runs", 0))

    def logs(self, name: str = "machine") -> list[str]:
        return sorted(path.name for path in (self.folder / "logs" / name).rglob("*.log"))
