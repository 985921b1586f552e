# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook under ansible-runner, given what AWX gives it: credentials in the environment, extra variables, a cancel."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible_runner
import pytest
import yaml
from support.connect_proxy import ConnectProxy

from .conftest import BIN, REPOSITORY, LocalAzure

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parent / "awx"
GROUP = "runner"
DISK_SIZE = 48 << 20
RATE = 4 << 20  # bytes a second: the upload takes twelve seconds
PROGRESS = re.compile(r"vhd_upload: [\d.]+/48\.0 MiB \d+ % [\d.]+ [KM]iB/s, [\d mins]+ left")
# What AWX's credential type "Microsoft Azure Resource Manager" puts into the environment for a service principal.
CREDENTIAL = ("AZURE_SUBSCRIPTION_ID", "AZURE_CLIENT_ID", "AZURE_TENANT", "AZURE_SECRET", "AZURE_CLOUD_ENVIRONMENT")


@dataclass
class Job:
    """One run: a private data folder as AWX fills it, and the events that came out."""

    azure: LocalAzure
    folder: Path
    environment: dict[str, str]
    events: list[dict[str, Any]] = field(default_factory=list)
    cancel_at: re.Pattern[str] | None = None

    def run(self, playbook: str, **extra_variables: Any) -> ansible_runner.Runner:
        """Run a playbook of :data:`PROJECT`."""
        for name in ("env", "inventory"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copytree(PROJECT, self.folder / "project", dirs_exist_ok=True)
        (self.folder / "env/envvars").write_text(yaml.safe_dump(self.environment))
        (self.folder / "env/extravars").write_text(yaml.safe_dump({"group": GROUP, **extra_variables}))
        # AWX's own inventory for jobs without machines
        own = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        (self.folder / "inventory/hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"localhost": own}}}))
        return ansible_runner.run(
            private_data_dir=str(self.folder),
            playbook=playbook,
            quiet=True,
            event_handler=self._keep,
            cancel_callback=self._cancelled,
        )

    def texts(self, kind: str) -> str:
        return "\n".join(event["stdout"] for event in self.events if event["event"] == kind)

    def disk_state(self, name: str) -> str | None:
        """The state of a managed disk; None when there is no such disk."""
        answer = self.folder / "disk.json"
        environment = {**os.environ, **self.azure.environment}
        command = [str(BIN / "ansible-playbook"), str(PROJECT / "disk_state.yml")]
        variables = json.dumps({"group": GROUP, "disk": name, "answer": str(answer)})
        subprocess.run([*command, "-e", variables], env=environment, check=True, capture_output=True, timeout=120)
        state: str | None = json.loads(answer.read_text())
        return state

    def _keep(self, event: dict[str, Any]) -> bool:
        self.events.append(event)
        return True

    def _cancelled(self) -> bool:
        return bool(self.cancel_at and self.cancel_at.search(self.texts("verbose")))


@pytest.fixture
def disk_file(tmp_path: Path) -> Path:
    """A raw disk without a single zero page, so that all of it has to be sent."""
    path = tmp_path / "data.raw"
    with path.open("wb") as file:
        for _megabyte in range(DISK_SIZE >> 20):
            file.write(os.urandom(1 << 20))
    return path


@pytest.fixture
def job(azure: LocalAzure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job behind a slow line, with AWX's credential and the local Azure's CA in its environment and nothing else."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "ARM_")) or name.lower() in ("ssl_cert_file", "curl_ca_bundle", "no_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    environment = {name: azure.environment[name] for name in (*CREDENTIAL, "REQUESTS_CA_BUNDLE")}
    with ConnectProxy(rate=RATE) as proxy:
        yield Job(azure, tmp_path / "job", {**environment, **proxy.environment})


def check_no_secrets(job: Job) -> None:
    """Neither the event stream nor what runner wrote of it has a secret or a signature."""
    files = [path for path in (job.folder / "artifacts").rglob("*") if path.parent.name == "job_events"]
    files += list((job.folder / "artifacts").glob("*/stdout"))
    told = json.dumps(job.events) + "".join(path.read_text() for path in files)
    assert len(files) > 5
    assert job.azure.environment["AZURE_SECRET"] not in told
    assert "sig=" not in told


def test_events_and_progress(job: Job, disk_file: Path) -> None:
    done = job.run("upload.yml", path=str(disk_file), disk="through-runner")
    assert (done.status, done.rc) == ("successful", 0), done.stdout.read()
    finished = [event["event_data"] for event in job.events if event["event"] == "runner_on_ok"]
    assert [one["task_action"] for one in finished] == [
        "goldenimage.azure.resource_group",
        "goldenimage.azure.vhd_upload",
    ]
    upload = finished[1]["res"]["upload"]
    assert upload["bytes_sent"] >= DISK_SIZE
    lines = PROGRESS.findall(job.texts("verbose"))
    # One line in 30 seconds, although runner gives Ansible a terminal.
    assert 1 <= len(lines) <= 1 + upload["seconds"] // 30, lines
    assert job.disk_state("through-runner") == "Unattached"
    check_no_secrets(job)


def test_a_second_job_changes_nothing(job: Job, disk_file: Path) -> None:
    job.environment = {name: text for name, text in job.environment.items() if "proxy" not in name.lower()}
    job.run("upload.yml", path=str(disk_file), disk="twice")
    job.events.clear()
    before = job.azure.log_end
    again = job.run("upload.yml", path=str(disk_file), disk="twice")
    assert again.status == "successful", again.stdout.read()
    assert again.stats["changed"] == {}
    assert job.azure.writes(before) == []


def test_cancel_leaves_no_active_upload(job: Job, disk_file: Path) -> None:
    job.cancel_at = PROGRESS
    before = job.azure.log_end
    done = job.run("upload.yml", path=str(disk_file), disk="cancelled")
    assert done.status == "canceled"
    # runner has killed ansible-playbook; the task's own process cleans up after it
    deadline = time.monotonic() + 30
    while (state := job.disk_state("cancelled")) != "ReadyToUpload" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert state == "ReadyToUpload", "the address of the disk is revoked, and the disk waits for the next run"
    disk = [line for line in job.azure.writes(before) if "/disks/cancelled" in line]
    assert [re.sub(r" .*/disks/cancelled", " disk", line) for line in disk if " /_disks" not in line] == [
        "PUT disk",
        "POST disk/beginGetAccess",
        "POST disk/endGetAccess",
    ]
    check_no_secrets(job)


def test_wrong_secret_is_one_clear_event(job: Job, disk_file: Path) -> None:
    job.environment["AZURE_SECRET"] = "not-the-secret"
    done = job.run("upload.yml", path=str(disk_file), disk="never")
    assert done.status == "failed"
    (failed,) = [event for event in job.events if event["event"] == "runner_on_failed"]
    assert "secret" in failed["event_data"]["res"]["msg"].lower()
    assert "not-the-secret" not in json.dumps(job.events)


def test_a_playbook_of_the_collection_from_a_project(job: Job) -> None:
    """Its own task files are found, and a survey's answers, which are texts, are understood."""
    survey = {"host": "machine", "resource_group": GROUP, "name": "nothing", "image": "golden", "confirm": "false"}
    before = job.azure.log_end
    done = job.run("image_from_vm.yml", **{f"image_from_vm_{name}": answer for name, answer in survey.items()})
    assert done.status == "failed"
    (failed,) = [event for event in job.events if event["event"] == "runner_on_failed"]
    assert "image_from_vm_confirm is not true" in failed["event_data"]["res"]["msg"]
    assert "is missing" not in failed["event_data"]["res"]["msg"]
    assert job.azure.log_end == before


def test_execution_environment_is_accepted(tmp_path: Path) -> None:
    """What ansible-builder reads of the collection to make an image for AWX."""
    place = tmp_path / "ansible_collections/goldenimage"
    place.mkdir(parents=True)
    (place / "azure").symlink_to(REPOSITORY)
    command = [str(BIN / "ansible-builder"), "introspect", "--sanitize", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    wanted = [line for line in (REPOSITORY / "requirements.txt").read_text().splitlines() if line[:1] not in ("#", "")]
    assert [line.split("  #")[0] for line in found["python"]] == wanted
    assert {line.split()[0] for line in found["system"]} == {"qemu-img", "qemu-utils", "zstd"}
