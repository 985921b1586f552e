# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook image_from_windows_vm: a simulated Windows machine stands for a VM of the local Azure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.local_azure import REPOSITORY
from support.modules import Modules
from support.windows_house import QUICK, House, plan

if TYPE_CHECKING:
    from pathlib import Path

    from support.windows_plays import Run

    from .conftest import LocalAzure

pytestmark = pytest.mark.soak
PLAYBOOKS = REPOSITORY / "playbooks"
GROUP = "image-from-windows-vm"
PASSWORD = "Not-a-secret-1!"
IMAGE = "MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:latest"
NAMED: dict[str, Any] = {
    "host": "machine",
    "resource_group": GROUP,
    "name": "template",
    "image": "golden",
    "confirm": True,
    "prepare": False,
    "machines": ["win-1", "win-2"],
    "admin_username": "azureuser",
    "admin_password": PASSWORD,
}


@pytest.fixture(scope="module")
def modules(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Modules:
    made = Modules(azure, tmp_path_factory.mktemp("image-from-windows-vm"), GROUP)
    made.run("resource_group", name=GROUP, location="westeurope", resource_group=None)
    machine = {"image": IMAGE, "admin_username": "azureuser", "admin_password": PASSWORD}
    made.run("vm", name="template", data_disks=[{"lun": 3, "disk_size_gb": 4}], **machine)
    return made


@pytest.fixture
def house(azure: LocalAzure, modules: Modules, tmp_path: Path) -> House:
    made = House(tmp_path, environment=azure.environment)
    vm = modules.run("vm_info", name="template")["vms"][0]
    made.machine(sysprep=plan(), hardware_id=vm["vm_id"].upper())
    return made


def run(house: House, *options: str, **variables: Any) -> Run:
    given = {**NAMED, "logs_folder": str(house.folder / "logs"), **variables}
    named = {f"image_from_windows_vm_{name}": value for name, value in given.items()}
    quick = {f"windows_generalize_{name}": value for name, value in QUICK.items()}
    return house.playbook("goldenimage.azure.image_from_windows_vm", *options, **named, **quick)


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "everything": (
        {
            "host": "", "name": "", "resource_group": None, "image": "-x", "kind": "disk", "tags": "a=b", "backup_set": "a b",
            "machines": ["a-name-that-is-too-long", "x", "X"], "admin_password": "", "reach_timeout": "soon",
        },
        [
            "_host is missing", "_name is missing", "_resource_group is missing", "'-x'", "'disk'", "_tags must", "'a b'",
            "a-name-that-is-too-long", "names a machine twice", "_admin_password", "'soon'",
        ],
    ),
    "names that are not": (
        {"confirm": False, "host": "10.0.0.4", "without_backup": "other"},
        ["_confirm is not true", "template will be consumed", "which is no host of the inventory", "which is not the VM's name 'template'"],
    ),
    "misspelt": (
        {"confirm": False, "name": "", "exact_backup": "ture", "already_generalized": "off", "exactbackup": True, "with_backup": ""},
        [
            "image_from_windows_vm_exactbackup, image_from_windows_vm_with_backup is no variable", "_exact_backup, _without_backup",
            "image_from_windows_vm_exact_backup is 'ture'; it must be true or false", "_already_generalized is 'off'",
            "The VM that is to be named will be consumed",
        ],
    ),
    "unknown VM": ({"name": "nothing"}, ["there is no VM nothing"]),
    "no group": ({"machines_resource_group": "nowhere"}, ["do not exist: nowhere"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refused_before_anything_happens(house: House, azure: LocalAzure, case: str) -> None:
    variables, words = WRONG[case]
    before = azure.log_end
    done = run(house, **variables)
    assert done.code == 2
    assert "Nothing was done" in done.words, done.text
    assert [word for word in words if word not in done.words] == [], done.text
    assert PASSWORD not in done.text
    assert azure.writes(before) == []
    assert house.requests() == []


def test_the_head_names_every_variable_that_is_known() -> None:
    head = (PLAYBOOKS / "image_from_windows_vm.yml").read_text().partition("- name:")[0]
    survey = yaml.safe_load((PLAYBOOKS / "tasks" / "image_from_windows_vm_survey.yml").read_text())
    named = re.findall(r"^#   image_from_windows_vm_(\w+)", head, re.MULTILINE)
    assert sorted(survey[0]["vars"]["known"]) == sorted(named)


TOLD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a choice": ({"windows_generalize_repairs": ["remove_panter"]}, ["windows_generalize_repairs", "remove_panter", "remove_panther"]),
    "a number": ({"windows_generalize_timeout": "long"}, ["windows_generalize_timeout", "int"]),
    "a demand": ({"windows_generalize_poll": 61}, ["windows_generalize_poll is 61, longer than windows_generalize_timeout (60)"]),
    "a topic": ({"windows_prepare_topics": ["cd"]}, ["windows_prepare_topics", "Got no match for: cd"]),
    "a demand of windows_prepare": ({"windows_prepare_proxy": "http://proxy"}, ["windows_prepare_proxy is http://proxy; give it as host:port"]),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD)
def test_what_the_roles_are_told_is_checked_before(house: House, azure: LocalAzure, case: str) -> None:
    """Not when the VM was backed up and windows_prepare has changed it."""
    variables, words = TOLD[case]
    before = azure.log_end
    done = run(house, "-e", json.dumps(variables), prepare=True, exact_backup=True)
    assert done.code == 2
    assert "Nothing was done, because" in done.failure(), done.text
    assert [word for word in words if word not in done.failure()] == [], done.text
    assert azure.writes(before) == []
    assert house.requests() == []


UNREADY: dict[str, tuple[dict[str, str], list[str]]] = {
    "pywinrm": ({"/ansible_connection": "winrm"}, ["does not answer", "No module named 'winrm'", "-m pip install pywinrm"]),
    "pypsrp": ({"/ansible_connection": "psrp"}, ["does not answer", "No module named 'pypsrp'", "-m pip install pypsrp"]),
    "password": ({"/ansible_password": "wrong"}, ["does not answer", "credentials were rejected", "user and password"]),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADY)
def test_a_login_comes_before_the_backup(house: House, azure: LocalAzure, case: str) -> None:
    """What the connection lacks is said before the VM is deallocated."""
    own, words = UNREADY[case]
    for name in ("winrm", "pypsrp"):
        absent = f"raise ModuleNotFoundError(\"No module named '{name}'\")\n"
        (house.folder / f"{name}.py").write_text(absent)
    house.environment = {**house.environment, "PYTHONPATH": str(house.folder)}
    house.own["machine"] = {**own, "/ansible_host": "127.0.0.1"}
    house.change(password="right")
    before = azure.log_end
    done = run(house, exact_backup=True)
    assert done.code == 2
    assert "Nothing was changed on machine" in done.failure(), done.text
    assert [word for word in words if word not in done.failure()] == [], done.text
    assert azure.writes(before) == []
    assert house.runs() == 0


def test_without_the_modules_for_windows(house: House, azure: LocalAzure) -> None:
    """A controller with nothing but ansible-core and this collection."""
    own = house.folder / "collections" / "ansible_collections" / "goldenimage"
    own.mkdir(parents=True)
    (own / "azure").symlink_to(REPOSITORY)
    bare = {"ANSIBLE_COLLECTIONS_PATH": str(house.folder / "collections"), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    house.environment = {**house.environment, **bare}
    before = azure.log_end
    done = run(house, exact_backup=True)
    assert done.code == 2
    wanted = "Nothing was done, because the collection ansible.windows is not installed here: ansible-galaxy collection install ansible.windows"
    assert wanted in done.words, done.text
    assert azure.writes(before) == []
    assert house.requests() == []


def test_from_a_machine_to_machines(house: House, modules: Modules, azure: LocalAzure) -> None:
    """Check mode writes nothing; wrong passwords change nothing; a failed Sysprep leaves machine and backup; then image and
    machines are made, once, although Azure refused to mark the VM at first."""
    before = azure.log_end
    check = run(house, "--check")
    assert check.code == 0, check.text[-4000:]
    assert azure.writes(before) == []
    assert house.runs() == 0

    good = house.state()
    house.change(password="another")
    wrong = run(house, reach_timeout=3)
    assert wrong.code == 2
    assert "Nothing was changed on machine, because it does not answer" in wrong.failure()
    assert "the specified credentials were rejected" in wrong.failure()
    assert azure.writes(before) == []

    house.change(**good, password=None)
    house.change(sysprep=plan(outcome="appx"))
    failed = run(house)
    assert failed.code == 2
    assert "The backup set before-golden" in failed.words
    assert house.logs() == ["setupact.log", "setuperr.log"]
    assert modules.run("managed_image_info", name="golden")["images"] == []
    assert modules.run("vm_info", name="template")["vms"][0]["generalized"] is False

    house.change(**good, password=None)  # as if the backup had been restored
    rule = {"method": "POST", "path": "/generalize$", "fault": {"status": 403}}
    azure.control("PUT", "/faults", {"rules": [rule]})
    unmarked = run(house, "-e", '{"windows_prepare_topics": ["cdrom"]}', prepare=True)
    azure.control("PUT", "/faults", {"rules": []})
    assert unmarked.code == 2
    assert "Windows on template is generalized; do not start it" in unmarked.words
    assert house.runs() == 1

    house.change(power_state="off")  # Azure has deallocated it
    asked = len(house.requests())
    off = run(house)
    assert "image_from_windows_vm_already_generalized" in off.words
    done = run(house, already_generalized=True)
    assert done.code == 0, done.text[-5000:]
    assert len(house.requests()) == asked
    image = modules.run("managed_image_info", name="golden")["images"][0]
    assert [disk["lun"] for disk in image["storage_profile"]["data_disks"]] == [3]
    made = {vm["name"]: vm for vm in modules.run("vm_info")["vms"]}
    assert set(made) == {"template", "win-1", "win-2"}
    assert PASSWORD not in done.text

    before = azure.log_end
    again = run(house)
    assert again.code == 0, again.text[-4000:]
    assert azure.writes(before) == []
    assert len(house.requests()) == asked


def test_an_exact_backup(azure: LocalAzure, modules: Modules, tmp_path: Path) -> None:
    """The VM is deallocated for it and started again; nothing is prepared; no machines are asked for."""
    house = House(tmp_path, environment=azure.environment)
    machine = {"image": IMAGE, "admin_username": "azureuser", "admin_password": PASSWORD}
    vm = modules.run("vm", name="exact", **machine)["vm"]
    house.machine(sysprep=plan(), hardware_id=vm["vm_id"].upper())
    done = run(house, name="exact", image="exact-image", exact_backup=True, machines=[])
    assert done.code == 0, done.text[-5000:]
    backup = modules.run("vm_backup_info", name="exact")["backups"][0]
    assert (backup["set"], backup["complete"], backup["consistency"]) == ("before-exact-image", True, "exact")
    assert len(modules.run("managed_image_info", name="exact-image")["images"]) == 1
