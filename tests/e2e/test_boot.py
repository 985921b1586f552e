# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VHD boots in QEMU, finds an Azure around it, and becomes the machine that Azure says it is.

GOLDENIMAGE_ACCEL=auto|kvm|tcg chooses QEMU's accelerator, GOLDENIMAGE_BOOT_LIMIT the seconds a machine may take from
power-on to the end of cloud-init (300), where this machine is slow or busy. The guest's console stays in
.cache/e2e/genN/serial.log.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from azure_emulator.guests.model import Guest
from azure_emulator.guests.qemu import QemuGuest, payload_size

from .conftest import WORK, Image
from .look import Look

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.guests.metadata import Seen
    from azure_emulator.guests.wireserver import HealthReport

GIB = 1 << 30
BOOT_LIMIT = float(os.environ.get("GOLDENIMAGE_BOOT_LIMIT", "300"))
ADMIN = "azureuser"
CUSTOM_DATA = b"#cloud-config\nwrite_files:\n- {path: /etc/custom-data, content: arrived}\n"
SURVEY = """
import glob, json, os, pathlib, pwd, socket, subprocess
read = lambda name: pathlib.Path(name).read_text().strip() if os.path.exists(name) else None
run = lambda *words: subprocess.run(words, capture_output=True, text=True).stdout
room = os.statvfs("/")
print(json.dumps({
    "hostname": socket.gethostname(),
    "users": [user.pw_name for user in pwd.getpwall()],
    "machine_id": read("/etc/machine-id"),
    "host_keys": {name: read(name) for name in glob.glob("/etc/ssh/ssh_host_*_key.pub")},
    "cloud_init": json.loads(run("cloud-init", "status", "--format", "json") or "{}"),
    "failed_units": [line.split()[0] for line in run("systemctl", "--failed", "--no-legend", "--plain").splitlines()],
    "root_size": room.f_blocks * room.f_frsize,
    "custom_data": read("/etc/custom-data"),
    "efi": os.path.isdir("/sys/firmware/efi"),
    "sudo": run("sudo", "-n", "-l", "-U", "azureuser"),
}))
"""


@dataclass(frozen=True)
class Machine:
    """What one machine said and was, after it had provisioned itself; then it was switched off."""

    generation: int
    report: HealthReport
    requests: list[Seen]
    facts: dict[str, Any]
    disk_size: int


class Ssh:
    """Run things in a guest as its administrator; its host key is unknown, because it is new."""

    def __init__(self, port: int, key: Path) -> None:
        options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        self._command = ["ssh", "-F", "none", "-i", str(key), "-p", str(port), "-o", "ConnectTimeout=20"]
        self._command += [word for option in options for word in ("-o", option)] + [f"{ADMIN}@127.0.0.1"]

    def __call__(self, command: str, *, stdin: str = "", patience: float = 60) -> subprocess.CompletedProcess[str]:
        words = [*self._command, command]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=patience, check=False)

    def wait(self, vm: QemuGuest, limit: float) -> None:
        """Wait until a login works and cloud-init has finished (well or not: that is looked at later)."""
        deadline = time.monotonic() + limit
        while True:
            vm.require_running()
            done = self("cloud-init status --wait >/dev/null; true", patience=limit)
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                pytest.fail(f"no login as {ADMIN} within {limit:.0f} s: {done.stderr}")
            time.sleep(2)


def boot(image: Image, generation: int, key: Path) -> Machine:
    guest = Guest(
        computer_name=f"web-{generation}",
        admin_username=ADMIN,
        ssh_keys=(key.with_suffix(".pub").read_text().strip(),),
        custom_data=CUSTOM_DATA,
    )
    disk_size = payload_size(image.vhd) + GIB
    folder = WORK / f"gen{generation}"
    accel = os.environ.get("GOLDENIMAGE_ACCEL", "auto")
    started = time.monotonic()
    with QemuGuest(guest, image.vhd, folder, generation=generation, disk_size=disk_size, accel=accel) as vm:
        report = vm.wait_until_ready(BOOT_LIMIT)
        ready = time.monotonic() - started
        ssh = Ssh(vm.ssh_port, key)
        ssh.wait(vm, BOOT_LIMIT - ready)
        facts = ssh("sudo python3 -", stdin=SURVEY)
        assert facts.returncode == 0, facts.stderr
        seen = vm.metadata.seen if vm.metadata else []
        print(f"generation {generation}: ready after {ready:.0f} s, done after {time.monotonic() - started:.0f} s")
        return Machine(generation, report, seen, json.loads(facts.stdout), disk_size)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="module", params=[1, 2], ids=["gen1", "gen2"])
def machine(request: pytest.FixtureRequest, image: Image, key: Path) -> Machine:
    return boot(image, request.param, key)


def test_reports_ready(machine: Machine) -> None:
    assert machine.report.provisioned, machine.report
    asked = [(seen.service, seen.method, seen.target.split("?")[0], seen.status) for seen in machine.requests]
    assert ("imds", "GET", "/metadata/instance", 200) in asked
    assert asked[-1] == ("wireserver", "POST", "/machine", 200)


def test_is_the_machine_that_was_asked_for(machine: Machine) -> None:
    assert machine.facts["hostname"] == f"web-{machine.generation}"
    assert ADMIN in machine.facts["users"]  # and its key works: the survey came over SSH
    assert "NOPASSWD: ALL" in machine.facts["sudo"]
    assert machine.facts["custom_data"] == "arrived"
    assert machine.facts["efi"] is (machine.generation == 2)


def test_is_nobody_else(machine: Machine, image: Image, identities: dict[int, str]) -> None:
    """It has an identity of its own, not the builder's and not that of another machine from the same image."""
    facts = machine.facts
    assert len(facts["machine_id"]) == 32
    assert facts["machine_id"] not in identities.values()
    identities[machine.generation] = facts["machine_id"]
    assert len(facts["host_keys"]) >= 2
    assert "builder" not in facts["users"]
    if image.origin:
        before = Look.at(image.origin)
        assert facts["machine_id"] != before.text("/etc/machine-id").strip()
        for path, public in facts["host_keys"].items():
            assert public.split()[1] not in before.text(path)


@pytest.fixture(scope="module")
def identities() -> dict[int, str]:
    """The machine-ids seen so far, by generation."""
    return {}


def test_cloud_init_is_content(machine: Machine) -> None:
    assert machine.facts["cloud_init"]["status"] == "done", machine.facts["cloud_init"]
    assert machine.facts["cloud_init"]["errors"] == []
    assert machine.facts["cloud_init"]["datasource"] == "azure"
    # chrony follows the clock that Hyper-V gives its guests, and QEMU has none.
    assert set(machine.facts["failed_units"]) <= {"chrony.service"}


def test_root_fills_the_larger_disk(machine: Machine) -> None:
    assert machine.facts["root_size"] > machine.disk_size - GIB // 2


def test_the_image_was_not_touched(machine: Machine, image: Image) -> None:
    """The machine wrote elsewhere: the VHD can be uploaded after the test."""
    assert Look.at(image.vhd).is_clean()
    assert Look.at(image.vhd).names("/var/lib/cloud/instances") == set()
