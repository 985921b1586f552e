# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role windows_generalize read as text: its lists agree, and it has no wait without an end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import RULES
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import REPAIRS

ROLE = Path(__file__).resolve().parents[3] / "roles" / "windows_generalize"
TASKS = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROLE / "tasks").glob("*.yml"))}
VARS = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"][
    "options"
]
README = (ROLE / "README.md").read_text(encoding="utf-8")
AFTER_THE_START = ("start.yml", "wait_quit.yml", "wait_shutdown.yml", "logs.yml", "logs_copy.yml", "outcome.yml")
ON_THE_CONTROLLER = re.compile(
    r"^(ansible\.builtin\.(set_fact|include_tasks|fail|assert|debug)|goldenimage\.azure\..*)$"
)


def each_task() -> list[tuple[str, dict[str, Any]]]:
    """All tasks with their file, those of blocks included."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name, listed in TASKS.items():
        waiting = list(listed)
        while waiting:
            task = waiting.pop(0)
            waiting += task.get("block", []) + task.get("rescue", [])
            found.append((name, task))
    return found


def action(task: dict[str, Any]) -> str:
    return next((key for key in task if "." in key), "block")


def test_defaults_and_options_agree() -> None:
    assert {name: option["default"] for name, option in OPTIONS.items()} == DEFAULTS


def test_every_variable_is_in_the_readme() -> None:
    assert [name for name in DEFAULTS if f"`{name}`" not in README] == []


def test_repairs_are_those_of_the_preflight() -> None:
    text = "".join((ROLE / "tasks" / name).read_text(encoding="utf-8") for name in TASKS if name.startswith("repair"))
    assert set(OPTIONS["windows_generalize_repairs"]["choices"]) == set(REPAIRS)
    assert [name for name in REPAIRS if f"'{name}'" not in text] == []
    assert [name for name in REPAIRS if f"`{name}`" not in README] == []


def test_rules_that_the_role_names_exist() -> None:
    named = VARS["__windows_generalize_half_done_rules"] + re.findall(
        r"'(session\.\w+)'", VARS["__windows_generalize_session_rules"]
    )
    assert len(named) == 4
    assert set(named) <= {rule.id for rule in RULES}


def test_scripts_declare_their_name() -> None:
    """The simulated machine knows them by it; and every script is used."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROLE / "tasks").glob("*.yml"))
    scripts = sorted((ROLE / "files").glob("*.ps1"))
    assert len(scripts) == 8
    for path in scripts:
        assert path.read_text(encoding="utf-8").startswith(
            f"# goldenimage.azure script: windows_generalize/{path.stem}\n"
        )
        assert path.name in text


@pytest.mark.parametrize(
    ("name", "task"), each_task(), ids=lambda value: value if isinstance(value, str) else value.get("name", "")
)
def test_no_wait_without_an_end(name: str, task: dict[str, Any]) -> None:
    kind = action(task)
    if "until" in task:
        assert "retries" in task
        assert "delay" in task
        assert "now()" in str(task["until"])
    if kind == "ansible.builtin.wait_for_connection":
        assert "timeout" in task[kind]
        assert "timeout" in task
    if kind == "ansible.windows.win_reboot":
        assert "reboot_timeout" in task[kind]
    if kind.startswith("ansible.windows.") or (name in AFTER_THE_START and kind.startswith("goldenimage.azure.")):
        assert "timeout" in task, "what hangs would never be given up"
    if name in AFTER_THE_START and task.get("delegate_to") != "localhost" and not ON_THE_CONTROLLER.match(kind):
        assert "timeout" in task, "a connection that hangs would never be given up"
        assert task.get("ignore_unreachable"), "a lost connection would end the run"


def test_an_include_of_itself_is_counted() -> None:
    for name in ("wait_quit.yml", "wait_shutdown.yml", "logs_copy.yml"):
        again = [task for task in TASKS[name] if task.get("ansible.builtin.include_tasks") == name]
        assert len(again) == 1
        conditions = " ".join(again[0]["when"])
        assert "_attempt | int <" in conditions
        assert "_left | int > 1" in conditions


def test_files_are_short() -> None:
    assert [
        path.name for path in ROLE.rglob("*.yml") if path.parent.name == "tasks" and path.read_text().count("\n") > 150
    ] == []
