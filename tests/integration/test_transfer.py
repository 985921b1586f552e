# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads and exports that are killed, in a cloud where requests fail: they go on, and lose and repeat nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from support.arm import Arm

from .test_resilience import make_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import LocalAzure

GROUP = "transfers"
MIB = 1 << 20
SIZE, DATA = 160 * MIB, 128 * MIB
WINDOW = 4 * MIB
KILLS = int(os.environ.get("TRANSFER_KILLS", "4"))
PAGES = '"method":"PUT","path":"/_disks/'


class Modules:
    """Runs modules as processes of their own, that may be killed."""

    def __init__(self, azure: LocalAzure, folder: Path) -> None:
        self.azure = azure
        self.folder = folder
        self.arm = Arm(azure.environment, "transfer-test")

    def start(self, module: str, **options: Any) -> subprocess.Popen[str]:
        name = f"ansible_collections.goldenimage.azure.plugins.modules.{module}"
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"resource_group": GROUP, **options}})
        process = subprocess.Popen(
            [sys.executable, "-m", name],
            cwd=self.folder,
            env={**os.environ, **self.azure.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(arguments)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, module: str, **options: Any) -> dict[str, Any]:
        text = self.start(module, **options).communicate(timeout=240)[0]
        result: dict[str, Any] = json.loads(text[text.index("{") :])
        assert not result.get("failed"), result
        return result

    def kill_when(self, reached: Callable[[], bool], module: str, *, seconds: float = 0, **options: Any) -> None:
        """Kill the module so many seconds after it has got somewhere."""
        process = self.start(module, **options)
        end = time.monotonic() + 60
        while not reached() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)

    def count(self, text: str) -> int:
        path = self.azure.data / "requests.jsonl"
        return path.read_text().count(text) if path.exists() else 0

    def disk(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.arm.get(f"resourceGroups/{GROUP}/providers/Microsoft.Compute/disks/{name}")
        return found

    def noted(self, name: str) -> int:
        """Windows that an export which broke off has received, by its journal."""
        path = self.folder / f".{name}.journal"
        slots = path.read_bytes()[32:] if path.exists() else b""
        return sum(any(slots[at : at + 32]) for at in range(0, len(slots), 32))

    def held(self) -> int:
        """Bytes that the youngest disk holds, by the blocks of its file."""
        files = [path.stat() for path in (self.azure.data / "disks").glob("*.pages")]
        return max(files, key=lambda stat: stat.st_ctime_ns).st_blocks * 512


@pytest.fixture(scope="module")
def modules(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Modules:
    made = Modules(azure, tmp_path_factory.mktemp("transfer"))
    made.run("resource_group", name=GROUP, location="westeurope", resource_group=None)
    make_disk(made.folder / "disk.raw", SIZE, DATA)
    return made


@pytest.fixture
def one_in_five_fails(azure: LocalAzure) -> Iterator[None]:
    route = "Disk/blob/*"
    rules = [{"route": route, "probability": 0.2, "faults": [{"status": 503}, {"status": 500}, {"reset": True}]}]
    azure.control("PUT", "/faults", {"rules": rules, "seed": 7})
    try:
        yield
    finally:
        azure.control("PUT", "/faults", {"rules": []})


def compare(folder: Path, name: str) -> None:
    subprocess.run(["cmp", f"--bytes={SIZE}", "disk.raw", name], cwd=folder, check=True)


def test_a_killed_upload_is_gone_on_with(modules: Modules) -> None:
    seed = int(os.environ.get("TRANSFER_SEED") or random.SystemRandom().randrange(10**6))
    chance = random.Random(seed)
    print(f"TRANSFER_SEED={seed}")
    for number in range(KILLS):
        disk = f"killed-{number}-{uuid.uuid4().hex[:6]}"
        options = {"path": "disk.raw", "disk": disk, "connections": 4}
        before = modules.count(PAGES)

        def begun(before: int = before) -> bool:
            return modules.count(PAGES) > before

        modules.kill_when(begun, "vhd_upload", seconds=chance.uniform(0, 0.6), **options)
        there = modules.held()
        found = modules.disk(disk)
        result = modules.run("vhd_upload", **options)
        if found is not None and found["tags"]["goldenimage_content"] != "incomplete":
            assert not result["changed"]
            continue
        upload = result["upload"]
        print(f"killed with {there} bytes there: {upload}")
        again = max(0, there - upload["bytes_kept"])
        assert again <= there / 100, f"{again} of {there} bytes were sent again"
        assert upload["bytes_sent"] + upload["bytes_kept"] <= 1.01 * (DATA + 2 * MIB)
        assert not modules.run("vhd_upload", **options)["changed"]
        modules.run("vhd_export", source=disk, dest=f"{disk}.raw", format="raw")
        compare(modules.folder, f"{disk}.raw")
        os.unlink(modules.folder / f"{disk}.raw")


def test_a_killed_export_is_gone_on_with(modules: Modules) -> None:
    modules.run("vhd_upload", path="disk.raw", disk="to-export")
    options = {"source": "to-export", "dest": "back.vhd", "connections": 2}
    modules.kill_when(lambda: modules.noted("back.vhd") >= 8, "vhd_export", **options)
    noted = modules.noted("back.vhd")
    assert noted >= 8
    export = modules.run("vhd_export", **options)["export"]
    print(f"killed with {noted} windows noted: {export}")
    compare(modules.folder, "back.vhd")
    assert export["bytes_received"] + export["bytes_kept"] <= 1.01 * (DATA + 2 * MIB)
    assert export["bytes_kept"] >= (noted - 3) * WINDOW  # the first and the last ones are not full
    assert not [path for path in modules.folder.iterdir() if path.name.startswith(".back")]
    disk = modules.disk("to-export")
    assert disk is not None
    assert disk["properties"]["diskState"] == "Unattached"
    assert not modules.run("vhd_export", **options)["changed"]


@pytest.mark.usefixtures("one_in_five_fails")
def test_while_one_request_in_five_fails(modules: Modules) -> None:
    upload = modules.run("vhd_upload", path="disk.raw", disk="faulty", read_back=True)["upload"]
    assert upload["bytes_sent"] <= 1.01 * (DATA + 2 * MIB)
    modules.run("vhd_export", source="faulty", dest="faulty.raw", format="raw")
    compare(modules.folder, "faulty.raw")
