# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Windows machine that is ready for Sysprep, and a way to run the role windows_generalize on it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from support.local_azure import BIN, REPOSITORY
from support.windows_host import machines
from support.windows_host.state import Model, opened

if TYPE_CHECKING:
    from pathlib import Path

PLUGINS = REPOSITORY / "tests" / "support" / "windows_host" / "connection"
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
class Run:
    """What a run of ansible-playbook printed, and how many seconds it took."""

    code: int
    text: str
    seconds: float

    def counted(self, word: str, host: str = "machine") -> int:
        """A figure of the recap, as ``failed``."""
        match = re.search(rf"^{re.escape(host)} .*\b{word}=(\d+)", self.text, re.MULTILINE)
        assert match, self.text[-3000:]
        return int(match[1])

    @property
    def changed(self) -> int:
        return self.counted("changed")

    @property
    def words(self) -> str:
        return plain(self.text)

    def failure(self, host: str = "machine") -> str:
        """What ended the play for a host: its last failure that was not ignored; empty when it went through."""
        found = [
            line
            for line, after in zip(self.text.splitlines(), [*self.text.splitlines()[1:], ""], strict=True)
            if line.startswith((f"fatal: [{host}]", f"fatal: [{host} ->")) and "...ignoring" not in after
        ]
        return plain(found[-1]) if found and self.counted("failed", host) + self.counted("unreachable", host) else ""

    def took(self, host: str = "machine") -> int:
        """Seconds from the start of Sysprep to the end of the wait, as a failure tells them."""
        match = re.search(r"the wait ended (\d+) s after", self.failure(host))
        assert match, self.failure(host) or self.text[-3000:]
        return int(match[1])


def plain(text: str) -> str:
    """Text with its line breaks and quoting out of the way."""
    return " ".join(text.replace("\\\\", "\\").replace("\\n", " ").split())


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
        hosts: dict[str, dict[str, Any]] = {}
        for name in self.names:
            own = {
                key.lstrip("/") if key[0] == "/" else f"windows_generalize_{key}": value
                for key, value in self.own[name].items()
            }
            hosts[name] = {"ansible_windows_host_state": str(self.path(name)), **own}
        common = {"ansible_connection": "windows_host", "ansible_user": "Administrator", **(shared or {})}
        inventory = self.folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"windows": {"hosts": hosts, "vars": common}}))
        own_environment = {"ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORKS": "8"}
        began = time.monotonic()
        done = subprocess.run(
            [str(BIN / "ansible-playbook"), "-i", str(inventory), playbook, "-e", json.dumps(variables), *options],
            env={**os.environ, **self.environment, **own_environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
            cwd=self.folder,
        )
        (self.folder / "output.txt").write_text(done.stdout + done.stderr)
        return Run(done.returncode, done.stdout + done.stderr, time.monotonic() - began)

    def report(self, name: str = "machine") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.report").read_text())
        return found

    def runs(self, name: str = "machine") -> int:
        """How often Sysprep was started."""
        return int(self.state(name)["sysprep"].get("runs", 0))

    def logs(self, name: str = "machine") -> list[str]:
        return sorted(path.name for path in (self.folder / "logs" / name).rglob("*.log"))
