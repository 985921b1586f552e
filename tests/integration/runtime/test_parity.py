# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module gives the same results inside the controller and as an ordinary module."""

from __future__ import annotations

import re
import shutil
import stat
from typing import TYPE_CHECKING, Any

from ansible.parsing.vault import VaultLib, VaultSecret

from .conftest import HERE, Playground

if TYPE_CHECKING:
    from pathlib import Path

SUDO = """#!/bin/sh
# Takes sudo's options and runs the command as the same user.
while true; do
  case "$1" in
    -u) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
exec "$@"
"""
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == "azure" or name.startswith("azure."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def prepare(playground: Playground) -> None:
    """What the playbook expects in its folder, the same for both ways."""
    folder = playground.folder
    (folder / "playbooks").mkdir()
    shutil.copy(HERE / "parity.yml", folder / "playbooks")
    program(folder / "sudo", SUDO)
    program(folder / "python", f'#!/bin/sh\nexec {playground.binaries / "python"} "$@"\n')
    secret = VaultSecret(b"vault password")
    (folder / "password").write_bytes(secret.bytes)
    text = VaultLib([("default", secret)]).encrypt("from the vault", secret).decode()
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    (folder / "vaulted.yml").write_text(f"vaulted: !vault |\n{indented}")
    (folder / "hosts").write_text("first ansible_connection=local\nsecond ansible_connection=local\n")


def parity(playground: Playground, **variables: Any) -> list[dict[str, Any]]:
    """Run the playbook and return what can be compared of its results."""
    folder = playground.folder
    for name in ("attempts", "undo", "undo-timeout", "first"):
        (folder / name).unlink(missing_ok=True)
    relative = folder / "playbooks" / "relative"
    relative.unlink(missing_ok=True)
    command = playground.command(folder / "playbooks" / "parity.yml", **variables)
    command += [
        "-i",
        str(folder / "hosts"),
        "-e",
        f"@{folder}/vaulted.yml",
        "--vault-password-file",
        f"{folder}/password",
    ]
    playground.run(command)
    assert relative.read_text() == "relative"
    return sorted(playground.records(), key=lambda record: (record["task"], record["host"]))


def plain(value: Any) -> Any:
    """Without what differs from run to run by nature; a traceback shows where the packed module was unpacked."""
    if isinstance(value, dict):
        volatile = {"inside", "ansible_job_id", "results_file", "ansible_facts", "token"}
        return {
            key: bool(item) if key == "exception" else plain(item) for key, item in value.items() if key not in volatile
        }
    return [plain(item) for item in value] if isinstance(value, list) else value


def insides(record: dict[str, Any]) -> set[bool]:
    """Where the runs of a task happened, as far as its result tells."""
    results = record["result"].get("results", [record["result"]])
    return {result["inside"] for result in results if "inside" in result}


def test_same_results(playground: Playground) -> None:
    prepare(playground)
    inside = parity(playground)
    assert (playground.folder / "undo-timeout").read_text() == "begun\ndone\n"
    ordinary = parity(playground, goldenimage_run_in_controller=False)
    assert [record["task"] for record in inside] == [record["task"] for record in ordinary]
    for one, other in zip(inside, ordinary, strict=True):
        assert plain(one) == plain(other)
        assert insides(one) <= {not one["task"].endswith("(ordinary)")}, one["task"]
        assert insides(other) <= {False}, one["task"]
    silent = {record["task"] for record in inside if not insides(record)}
    assert silent == {"Loop over failures", "No log", "Timeout", "Wrong parameter"}
    by_task = {record["task"]: record["result"] for record in inside}
    assert re.search("Timed out|time frame", by_task["Timeout"]["msg"])
    assert "from the vault" not in str(by_task["Vault"]["anything"])
    assert by_task["Vault"]["secret_length"] == len("from the vault")
    assert by_task["Create"]["tags"] == {"old": "1", "group": "default"}
    assert by_task["Environment"]["value"] == "set for first"
    assert by_task["Environment is restored"]["value"] is None


def test_missing_sdk_runs_the_ordinary_way(playground: Playground) -> None:
    (playground.folder / "sitecustomize.py").write_text(BLOCKER)
    playbook = playground.play([{"name": "Probe", "goldenimage.probe.probe": {"anything": "x"}}])
    playground.run(playground.command(playbook), PYTHONPATH=str(playground.folder))
    assert [(record["task"], record["result"]["inside"]) for record in playground.records()] == [("Probe", False)]


def test_tokens_live_as_long_as_the_run(playground: Playground) -> None:
    tasks = [
        {"name": "First", "goldenimage.probe.probe": {"token": "abc"}},
        {"name": "Second", "goldenimage.probe.probe": {}},
    ]
    playground.run(playground.command(playground.play(tasks)))
    assert [record["result"]["token"] for record in playground.records()] == [None, "abc"]
    assert [path.name for path in (playground.folder / "home").rglob("*token*")] == []
