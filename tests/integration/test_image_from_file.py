# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook image_from_file: small disks become images, and machines of them are made and removed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.arm import Arm

from .test_image_from_vm import Bench, Run
from .test_resilience import make_disk

if TYPE_CHECKING:
    from .conftest import LocalAzure

GROUP = "image-from-file"
MIB = 1 << 20
MACHINE = "/virtualMachines/goldenimage-test-[^/]*$"


class FileBench(Bench):
    """A folder with two disks, and a resource group without anything in it."""

    def run(self, *options: str, **variables: Any) -> Run:
        path = str(self.folder / variables.pop("disk", "disk.qcow2"))
        named = {
            "image_from_file_path": path,
            "image_from_file_resource_group": GROUP,
            "image_from_file_image": "golden",
            "image_from_file_os_type": "Linux",
            "image_from_file_test": True,
            "image_from_file_tags": {"team": "images"},
        }
        return self.playbook("goldenimage.azure.image_from_file", *options, inventory={}, **{**named, **variables})

    def names(self) -> set[str]:
        """What is in the resource group, as ``type/name``."""
        arm = Arm(self.azure.environment, "image-from-file-test")
        compute = [f"Compute/{one}" for one in ("images", "disks", "virtualMachines")]
        network = [f"Network/{one}" for one in ("virtualNetworks", "networkInterfaces")]
        found: set[str] = set()
        for kind in compute + network:
            listed = arm.named(f"/resourceGroups/{GROUP}/providers/Microsoft.{kind}")
            found |= {f"{kind.partition('/')[2]}/{name}" for name in listed}
        return found

    def image(self, name: str) -> dict[str, Any]:
        found = Arm(self.azure.environment, "image-from-file-test").get(
            f"resourceGroups/{GROUP}/providers/Microsoft.Compute/images/{name}"
        )
        assert found is not None
        return found


@pytest.fixture(scope="module")
def bench(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> FileBench:
    made = FileBench(azure, tmp_path_factory.mktemp("image-from-file"))
    raw, used = made.folder / "disk.raw", made.folder / "used.raw"
    make_disk(raw, 24 * MIB, MIB)
    subprocess.run(
        ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(made.folder / "disk.qcow2")], check=True
    )
    make_disk(used, 40 * MIB, 0)
    root = made.folder / "root"
    (root / "etc/ssh").mkdir(parents=True)
    (root / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n')
    (root / "etc/machine-id").write_text("668ad8126d965e4694f835b7ea4a5572\n")
    (root / "etc/ssh/ssh_host_ed25519_key").write_text("key\n")
    place = ["-E", f"offset={4 * MIB},nodiscard", "-d", str(root)]
    subprocess.run(["mkfs.ext4", "-q", "-F", *place, str(used), f"{32 * 1024}k"], check=True)
    made.tasks([{"goldenimage.azure.resource_group": {"name": GROUP, "location": "westeurope"}}])
    return made


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "everything wrong": (
        {
            "image_from_file_path": "",
            "image_from_file_resource_group": None,
            "image_from_file_image": "-golden",
            "image_from_file_state": "new",
            "image_from_file_generation": "V3",
            "image_from_file_os_type": "BeOS",
            "image_from_file_fail_on": "info",
            "image_from_file_tags": "a=b",
            "image_from_file_test_timeout": "soon",
        },
        [
            "_path is missing",
            "_group is missing",
            "'-golden'",
            "'new'",
            "'V3'",
            "'BeOS'",
            "'info'",
            "_tags must",
            "'soon'",
        ],
    ),
    "found on the disk and in Azure": (
        {
            "image_from_file_resource_group": "nowhere",
            "image_from_file_os_type": "",
            "image_from_file_generation": "V2",
        },
        [
            "group nowhere does not exist",
            "no operating system was recognised",
            "generation is V2, but",
            "starts on V1 only",
        ],
    ),
    "another system": (
        {"disk": "used.raw", "image_from_file_os_type": "Windows", "image_from_file_state": "specialized"},
        ["image_from_file_os_type is Windows, but", "holds Debian GNU/Linux 12"],
    ),
    "not generalized": (
        {"disk": "used.raw"},
        ["identity.host_keys", "identity.machine_id", "set image_from_file_state to specialized", "fail_on to never"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_is_written(bench: FileBench, case: str) -> None:
    variables, words = REFUSED[case]
    before = bench.azure.log_end
    run = bench.run(**variables)
    assert run.code != 0
    assert "Nothing was done" in run.plain, run.text
    assert [word for word in words if word not in run.plain] == [], run.text
    assert bench.azure.writes(before) == []


def test_another_system_than_is_said(bench: FileBench) -> None:
    """Neither uploaded as such, nor said of a disk that was uploaded as what it is."""
    disk = {"resource_group": GROUP, "disk": "debian", "path": "used.raw"}
    upload, refused = (
        "goldenimage.azure.vhd_upload",
        "'os_type is Windows, and used.raw holds Debian GNU/Linux 12' in no.msg",
    )
    wrong = {upload: {**disk, "os_type": "Windows"}, "register": "no", "failed_when": "no is not failed"}
    tasks: list[dict[str, Any]] = [wrong, {"ansible.builtin.assert": {"that": refused}}]
    bench.tasks([*tasks, {upload: {**disk, "os_type": "Linux"}}, *tasks, {"goldenimage.azure.disk": {
        "resource_group": GROUP, "name": "debian", "state": "absent"}}])  # fmt: skip


def test_from_a_file_to_a_tested_image(bench: FileBench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bench.azure.log_end
    monkeypatch.setenv("PWD", str(bench.folder))
    check = bench.run("--check", image_from_file_path="disk.qcow2")
    assert check.code == 0, check.text
    assert "What check mode could not check" in check.text
    assert bench.azure.writes(before) == []

    broken = {"method": "PUT", "path": MACHINE, "fault": {"status": 403}}
    bench.azure.control("PUT", "/faults", {"rules": [broken]})
    run = bench.run()
    bench.azure.control("PUT", "/faults", {"rules": []})
    assert run.code != 0, run.text
    assert "the image golden is made, but no machine of it was seen to run" in run.plain, run.text
    assert bench.names() == {"images/golden"}

    rest = bench.run()
    assert rest.code == 0, rest.text
    assert "a machine of the image has run" in rest.plain
    assert bench.names() == {"images/golden"}

    for options in ((), ("--check",)):
        before = bench.azure.log_end
        again = bench.run(*options)
        assert again.code == 0, again.text
        assert again.changed == {"localhost": 0}, again.text
        assert bench.azure.writes(before) == []


@pytest.fixture
def golden(bench: FileBench) -> None:
    """The image that the tests above have made, or would."""
    if "images/golden" not in bench.names():
        run = bench.run(image_from_file_test=False)
        assert run.code == 0, run.text


@pytest.mark.usefixtures("golden")
def test_what_is_there_already_is_left_alone(bench: FileBench) -> None:
    """An image of other content and kind, a disk and a machine that are somebody's."""
    bench.tasks(
        [
            {"goldenimage.azure.disk": {"resource_group": GROUP, "name": "kept", "disk_size_gb": 1}},
            {
                "goldenimage.azure.vm": {
                    "resource_group": GROUP,
                    "name": "kept",
                    "image": "Debian:debian-12:12-gen2:latest",
                    "admin_username": "kept",
                    "admin_password": "{{ lookup('ansible.builtin.password', '/dev/null', length=20) }}aA1-",
                }
            },
        ]
    )
    before, there = bench.azure.log_end, bench.names()
    other = bench.run(disk="used.raw", image_from_file_state="specialized")
    assert other.code != 0
    assert "an image golden already, and it was made of other content than" in other.plain, other.text
    assert "an image golden already, which is generalized" in other.plain, other.text
    taken = bench.run(
        image_from_file_image="new", image_from_file_disk="kept", image_from_file_test_name="kept", disk="disk.qcow2"
    )
    assert taken.code != 0
    assert "a disk kept that is not temporary" in taken.plain, taken.text
    assert "a machine kept that is not temporary" in taken.plain, taken.text
    assert bench.azure.writes(before) == []
    assert bench.names() == there
    removed = {"resource_group": GROUP, "name": "kept", "state": "absent"}
    bench.tasks(
        [
            {"goldenimage.azure.vm": {**removed, "remove_on_absent": ["os_disk", "network"]}},
            {"goldenimage.azure.disk": removed},
        ]
    )


@pytest.mark.usefixtures("golden")
def test_a_specialized_image_whose_disk_is_kept(bench: FileBench) -> None:
    """The disk is of a machine in use: that is what specialized is for, and a test machine starts with that identity."""
    options = {
        "disk": "used.raw",
        "image_from_file_image": "special",
        "image_from_file_state": "specialized",
        "image_from_file_keep_disk": True,
        "image_from_file_os_type": "",
    }
    run = bench.run(**options)
    assert run.code == 0, run.text
    assert "a machine of the image has run" in run.plain
    assert bench.names() == {"images/golden", "images/special", "disks/special-upload"}
    os_disk = bench.image("special")["properties"]["storageProfile"]["osDisk"]
    assert (os_disk["osState"], os_disk["osType"]) == ("Specialized", "Linux")
    before = bench.azure.log_end
    again = bench.run(**options)
    assert again.code == 0, again.text
    assert again.changed == {"localhost": 0}
    assert bench.azure.writes(before) == []


@pytest.mark.usefixtures("golden")
def test_a_windows_image(bench: FileBench) -> None:
    before = bench.names()
    run = bench.run(image_from_file_image="windows", image_from_file_os_type="Windows")
    assert run.code == 0, run.text
    assert "a machine of the image has run" in run.plain
    assert bench.names() - before == {"images/windows"}
    assert bench.image("windows")["properties"]["storageProfile"]["osDisk"]["osType"] == "Windows"
