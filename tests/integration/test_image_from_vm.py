# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook image_from_vm: a booted Debian with its own sshd stands for a VM of the local Azure."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.nspawn_vm import TOOLS, NspawnVM

from .conftest import BIN, REPOSITORY, LocalAzure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "image-from-vm"
NAMED = {
    "image_from_vm_resource_group": GROUP,
    "image_from_vm_name": "template",
    "image_from_vm_image": "golden",
    "image_from_vm_confirm": True,
    "image_from_vm_host": "machine",
}
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What a run of the playbook said."""

    code: int
    text: str

    @property
    def changed(self) -> dict[str, int]:
        return {host: int(changed) for host, changed, *_ignored in RECAP.findall(self.text)}

    @property
    def plain(self) -> str:
        """The text with its line breaks and quoting out of the way."""
        return " ".join(self.text.replace("\\n", " ").split())


@dataclass(frozen=True)
class Bench:
    """A folder, a local Azure with a VM in it, and an inventory."""

    azure: LocalAzure
    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "key"

    def playbook(self, playbook: str | Path, *options: str, inventory: dict[str, Any], **variables: Any) -> Run:
        hosts = self.folder / "hosts.json"
        hosts.write_text(json.dumps({"all": {"hosts": inventory}}))
        command = [str(BIN / "ansible-playbook"), str(playbook), "-i", str(hosts), *options]
        environment = {**os.environ, **self.azure.environment, "ANSIBLE_FORCE_COLOR": "0"}
        done = subprocess.run(
            [*command, "-e", json.dumps(variables)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=self.folder,
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def image_from_vm(self, *options: str, inventory: dict[str, Any] | None = None, **variables: Any) -> Run:
        name = "goldenimage.azure.image_from_vm"
        return self.playbook(name, *options, inventory=inventory or {}, **{**NAMED, **variables})

    def tasks(self, tasks: list[dict[str, Any]]) -> None:
        """Run tasks of our modules, which must succeed."""
        play = self.folder / "setup.yml"
        play.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        run = self.playbook(play, inventory={})
        assert run.code == 0, run.text[-3000:]

    def look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The VMs and the images, by name, as our info modules return them."""
        vms, images = self.folder / "vms.json", self.folder / "images.json"
        self.tasks(
            [
                {"goldenimage.azure.vm_info": {"resource_group": GROUP, "details": True}, "register": "vm"},
                {"goldenimage.azure.managed_image_info": {"resource_group": GROUP}, "register": "image"},
                {"ansible.builtin.copy": {"content": "{{ vm.vms | to_json }}", "dest": str(vms)}},
                {"ansible.builtin.copy": {"content": "{{ image.images | to_json }}", "dest": str(images)}},
            ]
        )
        found = [{one["name"]: one for one in json.loads(path.read_text())} for path in (vms, images)]
        return found[0], found[1]

    def ssh(self, vm: NspawnVM, command: str) -> None:
        options = ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
        words = ["ssh", *options, "-i", str(self.key), "-p", str(vm.port), f"{vm.user}@{vm.host}", command]
        subprocess.run(words, check=True, timeout=60)

    def machine(self, vm: NspawnVM) -> dict[str, Any]:
        """The guest as an inventory host. A container has neither boot loader nor disk of its own."""
        return {
            "ansible_host": vm.host,
            "ansible_port": vm.port,
            "ansible_user": vm.user,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o IdentitiesOnly=yes",
            "ansible_ssh_pipelining": True,
            "ansible_python_interpreter": "/usr/bin/python3",
            # Neither has it a network to install packages from, which molecule's scenarios do.
            "linux_prepare_topics": ["storage", "cloud_init", "agent", "ssh", "sudo"],
            "linux_generalize_delay": 2,
            "linux_generalize_users": [vm.user],
        }


@pytest.fixture(scope="module")
def bench(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A VM with a data disk in the local Azure, and another one."""
    made = Bench(azure, tmp_path_factory.mktemp("image-from-vm"))
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(made.key)], check=True)
    vm = {
        "resource_group": GROUP,
        "image": "Debian:debian-12:12-gen2:latest",
        "admin_username": "builder",
        "ssh_public_keys": [made.key.with_suffix(".pub").read_text().strip()],
    }
    data = [{"lun": 0, "disk_size_gb": 4}]
    made.tasks(
        [
            {"goldenimage.azure.resource_group": {"name": GROUP, "location": "westeurope"}},
            {"goldenimage.azure.vm": {**vm, "name": "template", "data_disks": data}},
            {"goldenimage.azure.vm": {**vm, "name": "other"}},
        ]
    )
    return made


@pytest.fixture
def guest(bench: Bench, tmp_path: Path) -> Iterator[NspawnVM]:
    """The booted system behind the VM; when it powers itself off, the local Azure is told."""
    missing = [tool for tool in (*TOOLS, "mmdebstrap") if not shutil.which(tool)]
    reason = "needs root" if os.geteuid() else f"needs {', '.join(missing)}" if missing else ""
    if reason:
        assert not os.environ.get("GOLDENIMAGE_NO_SKIPS"), f"a booted system {reason}"
        pytest.skip(f"a booted system {reason}")
    archive = tmp_path / "root.tar"
    build = [sys.executable, str(REPOSITORY / "playbooks/files/build_disk.py"), f"--rootfs-only={archive}"]
    subprocess.run([*build, f"--cache={REPOSITORY / '.cache/disks'}"], check=True)
    vm_id = bench.look()[0]["template"]["id"]

    def tell() -> None:
        bench.azure.control("POST", "/guest", {"vm": vm_id, "event": "shutdown"})

    folder = tmp_path / "guest"
    with NspawnVM(archive, folder, bench.key.with_suffix(".pub").read_text(), when_off=tell) as vm:
        archive.unlink()
        yield vm


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "not confirmed": (
        {"image_from_vm_confirm": False},
        ["image_from_vm_confirm is not true", "template will be consumed", "can never start again"],
    ),
    "everything wrong": (
        {
            "image_from_vm_host": "",
            "image_from_vm_name": "",
            "image_from_vm_resource_group": None,
            "image_from_vm_image": "-golden",
            "image_from_vm_kind": "disk_image",
            "image_from_vm_tags": "a=b",
            "image_from_vm_power_off_timeout": "soon",
        },
        [
            "_host is missing",
            "_name is missing",
            "_resource_group is missing",
            "'-golden'",
            "'disk_image'",
            "_tags must",
            "'soon'",
        ],
    ),
    "this machine": ({"image_from_vm_host": "127.0.0.1"}, ["the machine that runs this playbook"]),
    "unknown VM": ({"image_from_vm_name": "nothing"}, ["there is no VM nothing"]),
    "no group for the image": (
        {"image_from_vm_image_resource_group": "nowhere"},
        ["the resource group nowhere of the image does not exist"],
    ),
    "running, yet generalized": (
        {"image_from_vm_already_generalized": True},
        ["already_generalized is true, but the VM template is running"],
    ),
    "unreachable": (
        {"inventory": {"machine": {"ansible_host": "127.0.0.1", "ansible_port": 1}}},
        ["machine cannot be worked on over SSH", "Connection refused", "Check image_from_vm_host"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_happens(bench: Bench, case: str) -> None:
    variables, words = REFUSED[case]
    before = bench.azure.log_end
    run = bench.image_from_vm(**variables)
    assert run.code != 0
    assert "Nothing was done" in run.plain, run.text
    assert [word for word in words if word not in run.plain] == [], run.text
    assert bench.azure.writes(before) == []


def test_from_a_running_machine_to_an_image(bench: Bench, guest: NspawnVM) -> None:
    identity = guest.root / "run-as"
    options: dict[str, Any] = {
        "inventory": {"machine": bench.machine(guest)},
        "image_from_vm_power_off_poll": 1,
        "image_from_vm_identity_file": "/run-as",
        "image_from_vm_tags": {"team": "images"},
    }
    machine_id = (guest.root / "etc/machine-id").read_text()
    before = bench.azure.log_end

    vms, _images = bench.look()
    identity.write_text(vms["other"]["vm_id"].upper() + "\n")
    other = bench.image_from_vm(**options)
    assert other.code != 0
    assert "machine is another machine than the VM template" in other.plain, other.text

    identity.write_text(swapped(vms["template"]["vm_id"]).upper() + "\n")
    check = bench.image_from_vm("--check", **options)
    assert check.code == 0, check.text
    assert "What check mode could not check" in check.text
    assert bench.azure.writes(before) == []
    assert guest.running
    assert (guest.root / "etc/machine-id").read_text() == machine_id

    never = {"image_from_vm_power_off_timeout": 1, "image_from_vm_power_off": True, "image_from_vm_prepare": False}
    options["inventory"]["machine"]["linux_generalize_delay"] = 3600
    stuck = bench.image_from_vm(**options, **never)
    assert stuck.code != 0
    assert "has not powered itself off within 1 s but still runs" in stuck.plain, stuck.text
    assert "run again, which starts over with generalizing" in stuck.plain, stuck.text
    assert bench.azure.writes(before) == []
    bench.ssh(guest, "sudo systemctl stop goldenimage-generalize.timer")
    options["inventory"]["machine"]["linux_generalize_delay"] = 2

    broken = {"method": "PUT", "path": "/images/golden$", "fault": {"status": 403}}
    bench.azure.control("PUT", "/faults", {"rules": [broken]})
    run = bench.image_from_vm(**options)
    bench.azure.control("PUT", "/faults", {"rules": []})
    assert run.code != 0, run.text
    assert run.plain.index("is CONSUMED") < run.plain.index("PLAY [The machine prepares")
    assert "is deallocated and marked as generalized, it can never start again; there is no image yet" in run.plain
    guest.wait_until_off(1)

    rest = bench.image_from_vm(**options)
    assert rest.code == 0, rest.text
    assert rest.changed == {"localhost": 1}, rest.text
    check_disk(guest.root)
    vms, images = bench.look()
    vm, image = vms["template"], images["golden"]
    assert (vm["generalized"], vm["power_state"]) == (True, "deallocated")
    assert image["storage_profile"]["os_disk"]["os_state"] == "Generalized"
    assert [disk["lun"] for disk in image["storage_profile"]["data_disks"]] == [0]
    assert image["tags"]["team"] == "images"

    before = bench.azure.log_end
    again = bench.image_from_vm(**options)
    assert again.code == 0, again.text
    assert again.changed == {"localhost": 0}, again.text
    assert bench.azure.writes(before) == []


def swapped(vm_id: str) -> str:
    """The id as the firmware of a Gen1 machine shows it: little-endian where Azure is big-endian."""
    return str(uuid.UUID(bytes_le=uuid.UUID(vm_id).bytes))


def check_disk(root: Path) -> None:
    """What every machine of the image would inherit."""
    assert (root / "etc/machine-id").read_text().strip() in ("", "uninitialized")
    assert list((root / "etc/ssh").glob("ssh_host_*")) == []
    assert "builder" not in (root / "etc/passwd").read_text()
    assert list((root / "home").iterdir()) == []
    assert list((root / "root").glob(".*history")) == []
    assert not (root / "var/lib/goldenimage-azure").exists()
    assert (root / "etc/cloud/cloud.cfg.d/91-azure_datasource.cfg").exists()


def test_the_image_of_another_machine_is_refused(bench: Bench) -> None:
    """Also in the other direction: another kind of image of the same machine."""
    vm = bench.look()[0]["other"]["id"]
    bench.azure.control("POST", "/guest", {"vm": vm, "event": "shutdown"})
    other = {"resource_group": GROUP, "name": "other"}
    bench.tasks(
        [
            {"goldenimage.azure.vm_generalize": {**other, "deallocate": False}},
            {"goldenimage.azure.vm_capture": {**other, "image": "taken"}},
        ]
    )
    for variables in (
        {"image_from_vm_image": "taken"},
        {"image_from_vm_name": "other", "image_from_vm_image": "taken", "image_from_vm_kind": "os_image"},
    ):
        before = bench.azure.log_end
        run = bench.image_from_vm(**variables)
        assert run.code != 0
        assert "Choose another name" in run.plain, run.text
        assert bench.azure.writes(before) == []
