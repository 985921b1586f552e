# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong around a task: credentials, the cloud's address, the room on the disk.

What can be wrong with a module's own options is in its target, with a disk file in use in disk_image/.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import BIN, LocalAzure

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "bad-input"
WRITE = {"goldenimage.azure.resource_group": {"name": GROUP, "location": "westeurope"}}


def run(folder: Path, environment: dict[str, str], task: dict[str, Any], *wrapper: str) -> tuple[int, str]:
    """Run one task with nothing of Azure in the environment but what is given; its text on one line."""
    playbook = folder / "play.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ARM_", "ANSIBLE_"))}
    # Nor what the home of whoever runs the tests may hold.
    clean |= {"HOME": str(folder), "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_FORCE_COLOR": "0", **environment}
    clean["PATH"] = f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"
    command = [*wrapper, str(BIN / "ansible-playbook"), str(playbook)]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


# What is changed in the environment, and what the message must say.
CASES: dict[str, tuple[dict[str, str | None], list[str]]] = {
    "no credentials": (
        dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_SECRET", "AZURE_CLIENT_SECRET", "AZURE_TENANT"))
        | {"AZURE_TENANT_ID": None},
        ["AZURE_CLIENT_ID", "credentials"],
    ),
    "no secret": ({"AZURE_SECRET": None, "AZURE_CLIENT_SECRET": None}, ["AZURE_SECRET"]),
    "a wrong secret": ({"AZURE_SECRET": "not-the-secret", "AZURE_CLIENT_SECRET": None}, ["AADSTS", "secret"]),
    "an unknown client": ({"AZURE_CLIENT_ID": "11111111-1111-4111-8111-111111111111"}, ["AADSTS"]),
    "an unknown subscription": (
        {"AZURE_SUBSCRIPTION_ID": "22222222-2222-4222-8222-222222222222"},
        ["22222222-2222-4222-8222-222222222222", "subscription"],
    ),
    "an unknown cloud": ({"AZURE_CLOUD_ENVIRONMENT": "AzureMoon"}, ["cloud_environment", "AzureMoon"]),
    "a cloud without TLS": ({"AZURE_CLOUD_ENVIRONMENT": "http://localhost:1"}, ["cloud_environment", "https"]),
    "nobody there": ({"AZURE_CLOUD_ENVIRONMENT": "https://localhost:1"}, ["localhost:1", "AZURE_CLOUD_ENVIRONMENT"]),
    "an unknown authority": ({"REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}, ["REQUESTS_CA_BUNDLE"]),
}


@pytest.mark.parametrize("case", CASES)
def test_credentials_and_cloud(azure: LocalAzure, tmp_path: Path, case: str) -> None:
    changes, words = CASES[case]
    environment = {k: v for k, v in {**azure.environment, **changes}.items() if v is not None}
    before = azure.log_end
    code, text = run(tmp_path, environment, WRITE)
    assert code != 0
    assert [word for word in words if word not in text] == [], text
    assert "Traceback" not in text
    assert "not-the-secret" not in text
    assert azure.writes(before) == []


def test_a_cloud_that_answers_nonsense(azure: LocalAzure, tmp_path: Path) -> None:
    """An https server of the right certificate, which is no Azure."""
    url = f"{azure.environment['AZURE_CLOUD_ENVIRONMENT']}/_control"
    code, text = run(tmp_path, {**azure.environment, "AZURE_CLOUD_ENVIRONMENT": url}, WRITE)
    assert code != 0
    assert f"cloud_environment: {url}" in text
    assert "Give the address of an Azure management API" in text
    assert "Traceback" not in text


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Where a small file system can be mounted, beside 24 MiB of data; a mount namespace ends with the playbook."""
    if os.geteuid() or not shutil.which("unshare"):
        assert not os.environ.get("GOLDENIMAGE_NO_SKIPS"), "mounting a small file system needs root and unshare"
        pytest.skip("mounting a small file system needs root and unshare")
    with (tmp_path / "disk.raw").open("wb") as file:
        file.write(os.urandom(24 << 20))
    (tmp_path / "small").mkdir()
    return tmp_path / "small"


def test_no_space_left(tmp_path: Path, small: Path) -> None:
    script = f'mount -t tmpfs -o size=8m tmpfs {small} && "$@"; code=$?; ls -A {small}; exit $code'
    task = {"goldenimage.azure.vhd_convert": {"src": "disk.raw", "dest": str(small / "disk.vhd")}}
    code, text = run(tmp_path, {}, task, "unshare", "--mount", "sh", "-c", script, "sh")
    assert code != 0
    assert f"no space left in {small}" in text
    assert "Free some space" in text
    assert "disk.vhd" not in text.rpartition("PLAY RECAP")[2], "something is left"


def test_no_space_left_for_an_export(azure: LocalAzure, tmp_path: Path, small: Path) -> None:
    """Room for nothing; for what is received, but not for the qcow2 made of it; for both: only this receives nothing."""
    disk = {"resource_group": GROUP, "disk": "for-export", "os_type": "Linux", "path": "disk.raw", "inspect": False}
    for task in (WRITE, {"goldenimage.azure.vhd_upload": disk}):
        code, text = run(tmp_path, azure.environment, task)
        assert code == 0, text
    export = {"resource_group": GROUP, "source": "for-export", "dest": str(small / "disk.qcow2"), "format": "qcow2"}
    task = {"goldenimage.azure.vhd_export": export}
    begun = (azure.data / "requests.jsonl").stat().st_size
    script = f"""mount -t tmpfs -o size=8m tmpfs {small}
        "$@" && exit 9; ls -A {small}; echo no room
        mount -o remount,size=32m {small}; "$@" && exit 9; ls -A {small}; echo some room
        mount -o remount,size=64m {small}; "$@" -v; code=$?; ls -A {small}; echo room; exit $code"""
    code, text = run(tmp_path, azure.environment, task, "unshare", "--mount", "sh", "-c", script, "sh")
    assert code == 0, text
    none, some, enough = (part for one in text.split("no room") for part in one.split("some room"))
    for part in (none, some):
        assert "no space left" in part.lower(), part
        assert f"{small}/disk.qcow2" in part or f"in {small}:" in part, part
        assert "Free some space" in part
        assert "Traceback" not in part
    assert none.endswith(" ignored=0 "), "something is left"
    assert f'"bytes_kept": {24 << 20}' in enough
    assert " ignored=0 disk.qcow2 room" in enough, "something is left"
    requests = [json.loads(line) for line in (azure.data / "requests.jsonl").read_bytes()[begun:].splitlines()]
    access = [one["path"].rpartition("/")[2].lower() for one in requests]
    assert access.count("begingetaccess") == access.count("endgetaccess") == 3
