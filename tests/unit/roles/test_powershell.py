# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every PowerShell script of the collection is PowerShell: by a grammar here, by PowerShell itself and Pester where they are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tree_sitter
import tree_sitter_powershell
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PESTER = ROOT / "tests" / "pester"
FILES = sorted([*ROOT.glob("roles/*/files/*.ps1"), *PESTER.glob("*.ps1")])
POWERSHELL = ("ansible.windows.win_powershell", "ansible.windows.win_shell")
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def mistakes(text: str) -> list[str]:
    """Where the grammar could not go on."""
    found: list[str] = []
    waiting = [PARSER.parse(text.encode()).root_node]
    while waiting:
        node = waiting.pop()
        if node.type == "ERROR" or node.is_missing:
            found.append(f"line {node.start_point[0] + 1}: {(node.text or b'').decode()[:60] or node.type}")
        waiting += node.children
    return found


def inline(tasks: Any) -> Iterator[str]:
    """Scripts that are written in tasks and hold no expression of Ansible."""
    if isinstance(tasks, list):
        for task in tasks:
            yield from inline(task)
    elif isinstance(tasks, dict):
        for name, value in tasks.items():
            if name in POWERSHELL:
                script = value if isinstance(value, str) else value.get("script", value.get("cmd", ""))
                if "{{" not in script and "{%" not in script:
                    yield script
            else:
                yield from inline(value)


def test_the_scripts_are_found() -> None:
    assert len(FILES) >= 8
    assert [path for path in ROOT.glob("roles/**/*.ps1") if path not in FILES] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_script_is_powershell(path: Path) -> None:
    assert mistakes(path.read_text(encoding="ascii")) == []


def test_scripts_in_tasks_are_powershell() -> None:
    for path in [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/**/*.yml")]:
        for script in inline(yaml.safe_load(path.read_text(encoding="utf-8"))):
            assert mistakes(script) == [], path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("lost", "{})")
def test_a_lost_bracket_is_noticed(path: Path, lost: str) -> None:
    """Without its last one a script is none; if this passed, the grammar would take anything."""
    head, bracket, tail = path.read_text(encoding="ascii").rpartition(lost)
    if bracket:
        assert mistakes(head + tail)


@pytest.mark.skipif(
    shutil.which("pwsh") is None, reason="pwsh is not installed, so neither PowerShell nor Pester look at the scripts"
)
def test_pester() -> None:
    """tests/pester: PowerShell's own parser, PSScriptAnalyzer where it is, and on Windows the collector for real."""
    command = "exit (Invoke-Pester -Path $args[0] -PassThru).FailedCount"
    done = subprocess.run(
        ["pwsh", "-NoProfile", "-Command", f"& {{ {command} }} '{PESTER}'"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
