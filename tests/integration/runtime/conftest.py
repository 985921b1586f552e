# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks of a collection that needs no Azure, run by real ``ansible-playbook`` commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]


@dataclass(frozen=True)
class Playground:
    """A folder with a path of collections in it, and the environment of an Ansible that uses it."""

    folder: Path
    binaries: Path

    @property
    def version(self) -> tuple[int, ...]:
        """The major and minor version of ansible-core."""
        command = [str(self.binaries / "python"), "-c", "from ansible.release import __version__; print(__version__)"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return tuple(int(part) for part in text.split(".")[:2])

    def environment(self, **variables: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ANSIBLE_"))}
        return {
            **clean,
            "ANSIBLE_CONFIG": str(REPOSITORY / "tests" / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "RECORD": str(self.folder / "record"),
            **variables,
        }

    def command(self, playbook: str | Path, **variables: Any) -> list[str]:
        command = [str(self.binaries / "ansible-playbook"), str(playbook), "-e", json.dumps(variables)]
        return [*command, "-e", f"folder={self.folder}"]

    def play(self, tasks: list[dict[str, Any]]) -> Path:
        """A playbook of one play on the implicit localhost."""
        path = self.folder / "playbook.yml"
        path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        return path

    def run(self, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        run = subprocess.run(
            command,
            env=self.environment(**variables),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run

    def records(self) -> list[dict[str, Any]]:
        """What the callbacks saw, in order; read once."""
        path = self.folder / "record"
        lines = path.read_text().splitlines()
        path.unlink()
        return [json.loads(line) for line in lines]


def installations() -> list[Path]:
    """The Ansible of this interpreter, and the ``bin`` folders in GOLDENIMAGE_ANSIBLES, separated by colons."""
    others = os.environ.get("GOLDENIMAGE_ANSIBLES", "").split(":")
    return [Path(sys.executable).parent, *(Path(path) for path in others if path)]


@pytest.fixture(params=installations(), ids=str)
def playground(request: pytest.FixtureRequest, tmp_path: Path) -> Playground:
    namespace = tmp_path / "collections" / "ansible_collections" / "goldenimage"
    namespace.mkdir(parents=True)
    (namespace / "azure").symlink_to(REPOSITORY)
    (namespace / "probe").symlink_to(HERE / "collections" / "ansible_collections" / "goldenimage" / "probe")
    return Playground(tmp_path, request.param)
