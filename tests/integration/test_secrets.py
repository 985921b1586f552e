# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret shows: not with -vvvv and --diff, not in a failure, a log, a temporary file or a process's arguments."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.arm import Arm
from support.leaks import ArgumentWatch, Secrets

from .conftest import BIN, LocalAzure

AZURE_SIDE = Path(__file__).parent / "targets/vhd_upload/files/azure_side.py"
MIB = 1 << 20
# The play's own secrets; those of the local Azure are added.
OWN = ("admin_password", "weak_password", "custom_data", "wrong_secret", "windows_password")


def play(group: str, account: str) -> list[dict[str, Any]]:
    """Tasks that succeed, and tasks that fail, with secrets of all kinds."""
    in_group = {"resource_group": group}
    machine = {**in_group, "admin_username": "azureuser", "admin_password": "{{ admin_password }}"}
    linux = {**machine, "name": "linux", "image": "Debian:debian-12:12-gen2:latest", "custom_data": "{{ custom_data }}"}
    windows = {
        **in_group,
        "name": "windows",
        "image": "MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:latest",
        "admin_username": "azureuser",
        "admin_password": "{{ windows_password }}",
    }
    blob = {**in_group, "path": "disk.raw", "storage_account": account, "container": "vhds", "blob": "disk.vhd"}
    good: list[dict[str, Any]] = [
        {"goldenimage.azure.resource_group": {"name": group, "location": "westeurope"}},
        {"goldenimage.azure.vm": linux},
        {"goldenimage.azure.vm": linux},
        {"goldenimage.azure.vm": windows},
        {"goldenimage.azure.vm_info": {**in_group, "details": True}},
        {"goldenimage.azure.vhd_upload": {**in_group, "path": "disk.raw", "disk": "disk"}},
        {"goldenimage.azure.vhd_upload": {**blob, "create_container": True, "blob_auth": "key"}},
        {"goldenimage.azure.vhd_upload": {**blob, "path": "other.raw", "blob_auth": "entra", "force": True}},
        {"goldenimage.azure.vhd_upload": blob | {"path": "other.raw", "blob": "async.vhd"}, "async": 120, "poll": 1},
    ]
    bad: list[dict[str, Any]] = [
        {"goldenimage.azure.vm": {**linux, "name": "weak", "admin_password": "{{ weak_password }}"}},
        {
            "goldenimage.azure.vm": {
                **linux,
                "admin_password": ["{{ admin_password }}"],
                "size": {"{{ admin_password }}": 1},
            }
        },
        {"goldenimage.azure.vm": {**linux, "name": "large", "custom_data": "{{ custom_data * 3000 }}"}},
        {"goldenimage.azure.disk_info": {**in_group, "secret": "{{ wrong_secret }}"}},
        {"goldenimage.azure.vhd_upload": {**blob, "container": "none", "blob_auth": "key"}},
        {"goldenimage.azure.vhd_upload": {**blob, "blob_auth": "key"}},  # there is other content
    ]
    for task in bad:
        task |= {"register": "failed", "failed_when": "failed is not failed"}
    return good + bad


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("disk.raw", b"one"), ("other.raw", b"other")):
        with (tmp_path / name).open("wb") as file:
            file.write(text)
            file.truncate(24 * MIB)
    return tmp_path


@pytest.fixture(params=["inside", "ordinary"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_no_secret_shows(azure: LocalAzure, folder: Path, way: str) -> None:
    group, account = f"secrets-{way}", f"secrets{secrets.token_hex(6)}"
    own = {name: f"Aa1-{secrets.token_hex(12)}" for name in OWN} | {"weak_password": secrets.token_hex(4)}
    variables = folder / "variables.json"
    variables.write_text(json.dumps({**own, "goldenimage_run_in_controller": way == "inside"}))
    playbook = folder / "play.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": play(group, account)}]))
    temporary = {name: folder / name for name in ("home", "remote", "async", "tmp")}
    temporary["tmp"].mkdir()
    environment = {
        **os.environ,
        **azure.environment,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(temporary["home"]),
        "ANSIBLE_REMOTE_TEMP": str(temporary["remote"]),
        "ANSIBLE_ASYNC_DIR": str(temporary["async"]),
        "TMPDIR": str(temporary["tmp"]),
    }
    arm = Arm(azure.environment)
    make_account(environment, group, account, folder)
    keys = arm.call("POST", f"resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}/listKeys")
    known = Secrets(
        {**Secrets.of_emulator(azure.data).values, **own, **{key["keyName"]: key["value"] for key in keys["keys"]}}
    )
    check_search(known, arm.token)

    command = [str(BIN / "ansible-playbook"), str(playbook), "-vvvv", "--diff", "-e", f"@{variables}"]
    with ArgumentWatch(known) as watch:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
    assert done.returncode == 0, done.stdout[-6000:]
    assert [
        (known.seen(line), line[:60]) for line in (done.stdout + done.stderr).splitlines() if known.seen(line)
    ] == []
    assert any("ansible-playbook" in arguments for arguments in watch.processes)
    assert watch.seen == {}
    assert known.seen_in(*temporary.values()) == {}
    logs = [azure.data / name for name in ("requests.jsonl", "server.log", "blobs.log")]
    assert all(log.exists() for log in logs)
    assert known.seen_in(*logs) == {}


def make_account(environment: dict[str, str], group: str, account: str, folder: Path) -> None:
    """Before the play, so that the account's keys are known while it runs."""
    play = folder / "group.json"
    task = {"goldenimage.azure.resource_group": {"name": group, "location": "westeurope"}}
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    for command in (
        [str(BIN / "ansible-playbook"), str(play)],
        [sys.executable, str(AZURE_SIDE), "account", group, account],
    ):
        subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)


def check_search(known: Secrets, token: str) -> None:
    """What is looked for would be found, as it is and as it travels."""
    assert len(known.values) >= 11
    for name, value in known.values.items():
        assert known.seen(f'"{value}"') == [name]
    assert known.seen(f"Authorization: Bearer {token}") == ["a token"]
    assert known.seen("https://md-1.blob/abcd?sr=b&sig=Zx3%2Fabcd") == ["a signature"]
