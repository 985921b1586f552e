# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups by their bytes: what a set was taken of comes back at its LUN, whatever became of the disks meanwhile."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.modules import Modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import LocalAzure

GROUP = "backups"
SIZE = 24 << 20
PLACES = ("os", "0", "5")
COMPUTE = f"resourceGroups/{GROUP}/providers/Microsoft.Compute"
SNAPSHOT = '"method":"PUT","path":"/subscriptions/'


@pytest.fixture(scope="module")
def modules(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """A group, and files with bytes that no other file has: ``os.raw``, ``bad-os.raw`` …"""
    made = Modules(azure, tmp_path_factory.mktemp("backups"), GROUP)
    made.run("resource_group", name=GROUP, location="westeurope", resource_group=None)
    for place in PLACES:
        for name in (place, f"bad-{place}"):
            file(made, name).write_bytes(random.Random(name).randbytes(SIZE))
        system = {"os_type": "Linux", "hyper_v_generation": "V2"} if place == "os" else {}
        made.run("vhd_upload", path=f"{place}.raw", disk=f"base-{place}", **system)
    return made


@pytest.fixture
def calm(azure: LocalAzure) -> Iterator[None]:
    """No planned faults afterwards."""
    yield
    azure.control("PUT", "/faults", {"rules": []})


def ready(modules: Modules, path: str) -> dict[str, Any]:
    """A resource once nothing is being done to it; without a module's process, which takes a second each."""
    for _attempt in range(600):
        found = modules.arm.get(f"{COMPUTE}/{path}") or {}
        if found["properties"]["provisioningState"] == "Succeeded":
            return found
        time.sleep(0.05)
    raise AssertionError(f"{path} is not ready: {found}")


def disk_id(modules: Modules, name: str) -> str:
    return f"/subscriptions/{modules.arm.subscription}/{COMPUTE}/disks/{name}"


def copy_disk(modules: Modules, source: str, name: str) -> None:
    creation = {"createOption": "Copy", "sourceResourceId": disk_id(modules, source)}
    body = {"location": "westeurope", "properties": {"creationData": creation}}
    modules.arm.call("PUT", f"{COMPUTE}/disks/{name}", body)
    ready(modules, f"disks/{name}")


def machine(modules: Modules, name: str) -> None:
    """A deallocated machine whose disks hold the bytes of the files."""
    for place in PLACES:
        copy_disk(modules, f"base-{place}", f"{name}-{place}")
    data = [{"lun": int(place), "source": f"{name}-{place}", "caching": "ReadOnly"} for place in PLACES[1:]]
    modules.run("vm", name=name, os_disk={"source": f"{name}-os"}, data_disks=data, state="deallocated")


def held(modules: Modules, vm: str) -> dict[str, str]:
    """The names of the disks that a machine has, by place."""
    storage = ready(modules, f"virtualMachines/{vm}")["properties"]["storageProfile"]
    return {"os": storage["osDisk"]["name"], **{str(disk["lun"]): disk["name"] for disk in storage["dataDisks"]}}


def pages(modules: Modules, disk: str) -> Path:
    """The file in which the local Azure keeps the bytes of a disk."""
    with sqlite3.connect(f"file:{modules.azure.data / 'state.sqlite'}?mode=ro", uri=True) as state:
        query = "SELECT doc FROM resources WHERE id_lower = ?"
        (doc,) = state.execute(query, (disk_id(modules, disk).lower(),)).fetchone()
    return modules.azure.data / "disks" / f"{json.loads(doc)['_pages']}.pages"


def assert_original(modules: Modules, disks: dict[str, str]) -> None:
    """Every byte of each disk is that of the file of its place."""
    assert list(disks) == list(PLACES)
    for place, disk in disks.items():
        assert pages(modules, disk).read_bytes() == file(modules, place).read_bytes(), f"{disk} at {place} differs"


def file(modules: Modules, name: str) -> Path:
    return modules.folder / f"{name}.raw"


def overwrite(modules: Modules, disk: str, content: bytes) -> None:
    """Write to a disk as the machine that has it would: the local Azure lets nobody else do it, as Azure does not."""
    path = pages(modules, disk)
    own = path.with_suffix(".pages.new")  # copies share the file
    own.write_bytes(content)
    own.replace(path)


def export(modules: Modules, disk: str) -> bytes:
    """What anyone gets who reads the disk through a SAS."""
    modules.run("vhd_export", source=disk, dest="back.raw", format="raw", force=True)
    return file(modules, "back").read_bytes()


def swap(modules: Modules, vm: str) -> None:
    """Put disks with other bytes, uploaded through SAS, in the place of the machine's, and delete those."""
    old = held(modules, vm)
    for place in PLACES:
        system = {"os_type": "Linux", "hyper_v_generation": "V2"} if place == "os" else {}
        modules.run("vhd_upload", path=f"bad-{place}.raw", disk=f"{vm}-bad-{place}", **system)
    bad = {place: {"managedDisk": {"id": disk_id(modules, f"{vm}-bad-{place}")}} for place in PLACES}
    data = [{"lun": int(place), "createOption": "Attach", **bad[place]} for place in PLACES[1:]]
    body = {"properties": {"storageProfile": {"osDisk": bad["os"], "dataDisks": data}}}
    modules.arm.call("PATCH", f"{COMPUTE}/virtualMachines/{vm}", body)
    assert held(modules, vm) == {place: f"{vm}-bad-{place}" for place in PLACES}
    for disk in old.values():
        modules.arm.call("DELETE", f"{COMPUTE}/disks/{disk}")


def test_every_byte_comes_back_where_it_was(modules: Modules) -> None:
    machine(modules, "inplace")
    taken = modules.run("vm_backup", name="inplace", set="before")["backup"]
    assert (taken["complete"], taken["consistency"]) == (True, "exact")
    for place in PLACES:
        overwrite(modules, f"inplace-{place}", file(modules, f"bad-{place}").read_bytes())
    assert export(modules, "inplace-0") == file(modules, "bad-0").read_bytes()

    options = {"name": "inplace", "set": "before", "state": "restored"}
    modules.run("vm_backup", **options, restore_to="same_vm")
    assert_original(modules, held(modules, "inplace"))
    modules.run("vm_backup", **options, restore_to="new_vm", new_name="inplace-2")
    assert_original(modules, held(modules, "inplace-2"))
    restored = modules.run("vm_backup", **options, restore_to="disks", disk_prefix="copy")["disks"]
    assert_original(modules, {one["member"]: one["disk"]["name"] for one in restored})
    assert [one["lun"] for one in restored] == [None, 0, 5]
    for place, disk in held(modules, "inplace").items():
        assert export(modules, disk) == file(modules, place).read_bytes()


@pytest.mark.soak
def test_after_the_disks_were_replaced_and_deleted(modules: Modules) -> None:
    machine(modules, "replaced")
    modules.run("vm_backup", name="replaced", set="before")
    swap(modules, "replaced")
    options = {"name": "replaced", "set": "before", "state": "restored", "restore_to": "same_vm"}
    result = modules.run("vm_backup", **options)
    assert_original(modules, held(modules, "replaced"))
    assert [disk.rpartition("/")[2] for disk in result["replaced_disks"]] == [
        f"replaced-bad-{place}" for place in PLACES
    ]
    assert not modules.run("vm_backup", **options)["changed"]


@pytest.mark.soak
def test_a_machine_that_is_gone_is_made_again(modules: Modules) -> None:
    machine(modules, "gone")
    modules.run("vm_backup", name="gone", set="before")
    modules.run("vm", name="gone", state="absent", remove_on_absent=["os_disk", "data_disks", "network"])
    options = {"name": "gone", "set": "before", "state": "restored", "restore_to": "new_vm", "new_name": "gone"}
    assert modules.run("vm_backup", **options)["vm"]["power_state"] == "running"
    assert_original(modules, held(modules, "gone"))
    assert not modules.run("vm_backup", **options)["changed"]


@pytest.mark.usefixtures("calm")
def test_a_set_that_broke_off_is_seen_and_gone_on_with(modules: Modules) -> None:
    machine(modules, "broken")
    rule = {"route": "Microsoft.Compute/snapshots/write", "nth": 2, "fault": {"status": 403}}
    modules.azure.control("PUT", "/faults", {"rules": [rule]})
    failed = modules.attempt("vm_backup", name="broken", set="before")
    modules.azure.control("PUT", "/faults", {"rules": []})
    assert failed["failed"]
    assert "not complete" in failed["msg"]
    (found,) = modules.run("vm_backup_info", name="broken")["backups"]
    assert (found["complete"], found["missing"]) == (False, ["0", "5"])
    refused = modules.attempt("vm_backup", name="broken", set="before", state="restored", restore_to="same_vm")
    assert "LUN 0" in refused["msg"]
    assert "LUN 5" in refused["msg"]
    assert held(modules, "broken") == {place: f"broken-{place}" for place in PLACES}

    assert modules.run("vm_backup", name="broken", set="before")["backup"]["complete"]
    restored = modules.run("vm_backup", name="broken", set="before", state="restored")["disks"]
    assert_original(modules, {one["member"]: one["disk"]["name"] for one in restored})


@pytest.mark.soak
@pytest.mark.usefixtures("calm")
def test_an_exact_set_is_not_gone_on_with_after_the_machine_ran(modules: Modules) -> None:
    machine(modules, "ran")
    modules.run("vm_backup", name="ran", set="before")
    modules.run("snapshot", name="ran-before-data-5", state="absent")
    modules.run("vm", name="ran", state="started")
    modules.run("vm", name="ran", state="deallocated")
    refused = modules.attempt("vm_backup", name="ran", set="before")
    assert "was started or changed since" in refused["msg"]
    assert "LUN 5" in refused["msg"]
    modules.run("vm_backup", name="ran", set="before", state="absent")
    assert modules.run("vm_backup", name="ran", set="before")["backup"]["complete"]


@pytest.mark.soak
@pytest.mark.usefixtures("calm")
def test_a_restoration_that_broke_off_leaves_the_machine_as_it_was(modules: Modules) -> None:
    machine(modules, "half")
    modules.run("vm_backup", name="half", set="before")
    modules.run("vm", name="half", state="started")
    options = {"name": "half", "set": "before", "state": "restored", "restore_to": "same_vm", "power_off": True}
    rule = {"route": "Microsoft.Compute/virtualMachines/write", "fault": {"status": 403}}
    modules.azure.control("PUT", "/faults", {"rules": [rule]})
    assert modules.attempt("vm_backup", **options)["failed"]
    modules.azure.control("PUT", "/faults", {"rules": []})
    (vm,) = modules.run("vm_info", name="half")["vms"]
    assert vm["power_state"] == "running"
    assert held(modules, "half") == {place: f"half-{place}" for place in PLACES}
    left = [name for name in modules.arm.named(f"{COMPUTE}/disks") if name.startswith("half-before")]
    assert left == []
    modules.run("vm_backup", **options)
    assert held(modules, "half") == {"os": "half-before-os", "0": "half-before-data-0", "5": "half-before-data-5"}


@pytest.mark.soak
def test_a_killed_restoration_is_gone_on_with(modules: Modules) -> None:
    machine(modules, "killed")
    modules.run("vm_backup", name="killed", set="before")
    options = {"name": "killed", "set": "before", "state": "restored", "restore_to": "same_vm"}
    seed = int(os.environ.get("BACKUP_SEED") or random.SystemRandom().randrange(10**6))
    print(f"BACKUP_SEED={seed}")
    chance = random.Random(seed)
    for _number in range(3):
        modules.kill_within(chance.uniform(0, 0.2), "vm_backup", SNAPSHOT, **options)
    modules.run("vm_backup", **options)
    assert held(modules, "killed") == {
        "os": "killed-before-os",
        "0": "killed-before-data-0",
        "5": "killed-before-data-5",
    }
    assert_original(modules, held(modules, "killed"))


@pytest.mark.soak
def test_old_sets_go_and_the_newest_complete_one_never(modules: Modules, azure: LocalAzure) -> None:
    machine(modules, "old")
    for name in ("one", "two", "three"):
        modules.run("vm_backup", name="old", set=name)
    modules.run("snapshot", name="old-three-os", state="absent")
    young = modules.run("vm_backup", name="old", state="pruned", keep=1, older_than_days=1)
    assert not young["changed"]
    assert young["incomplete"] == ["three"]
    pruned = modules.run("vm_backup", name="old", state="pruned", older_than_days=0)
    assert pruned["removed"] == ["one"]
    left = {one["set"]: one["complete"] for one in modules.run("vm_backup_info", name="old")["backups"]}
    assert left == {"three": False, "two": True}
