# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads and exports that are killed, in a cloud where requests fail: they go on, and lose and repeat nothing.

``TRANSFER_KILLS`` says how often each kind of upload is killed, ``TRANSFER_SEED`` when.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.storage.blob import BlobClient
from support.modules import Modules

from .test_resilience import make_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import LocalAzure

GROUP = "transfers"
MIB = 1 << 20
SIZE, DATA = 160 * MIB, 128 * MIB
WINDOW = 4 * MIB
KILLS = int(os.environ.get("TRANSFER_KILLS", "2"))
PAGES = {"disk": '"method":"PUT","path":"/_disks/', "blob": '"query":"comp=page"'}
ACCOUNT = f"transfers{uuid.uuid4().hex[:8]}"
ACCOUNT_PATH = f"resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"


class Transfers(Modules):
    """Also looks at what uploads and exports have left."""

    def disk(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.arm.get(f"resourceGroups/{GROUP}/providers/Microsoft.Compute/disks/{name}")
        return found

    def noted(self, name: str) -> int:
        """Windows that an export which broke off has received, by its journal."""
        path = self.folder / f".{name}.journal"
        slots = path.read_bytes()[32:] if path.exists() else b""
        return sum(any(slots[at : at + 32]) for at in range(0, len(slots), 32))

    def blob(self, name: str) -> BlobClient:
        """A blob as an account key shows it."""
        account = self.arm.get(ACCOUNT_PATH)
        assert account is not None
        key = self.arm.call("POST", f"{ACCOUNT_PATH}/listKeys")["keys"][0]["value"]
        url = f"{account['properties']['primaryEndpoints']['blob']}vhds/{name}"
        authority = self.azure.environment["SSL_CERT_FILE"]
        return BlobClient.from_blob_url(url, credential=key, connection_verify=authority)

    def state(self, kind: str, name: str) -> tuple[int, bool]:
        """How many bytes a disk or blob holds (a disk by the blocks of its file), and whether it is complete."""
        if kind == "disk":
            files = [path.stat() for path in (self.azure.data / "disks").glob("*.pages")]
            held = max(files, key=lambda stat: stat.st_ctime_ns).st_blocks * 512
            found = self.disk(name)
            return held, found is not None and found["tags"]["goldenimage_content"] != "incomplete"
        with self.blob(name) as blob:
            held = sum(one.end + 1 - one.start for one in blob.list_page_ranges() if not one.cleared)
            metadata = blob.get_blob_properties().metadata
        return held, metadata["goldenimage_content"] != "incomplete"


@pytest.fixture(scope="module")
def modules(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Transfers:
    made = Transfers(azure, tmp_path_factory.mktemp("transfer"), GROUP)
    made.run("resource_group", name=GROUP, location="westeurope", resource_group=None)
    make_disk(made.folder / "disk.raw", SIZE, DATA)
    return made


def target(kind: str, name: str) -> dict[str, Any]:
    """The options that upload into a disk or blob of this name."""
    if kind == "disk":
        return {"disk": name}
    return {"storage_account": ACCOUNT, "container": "vhds", "blob": name, "create_container": True}


@pytest.fixture(scope="module")
def account(modules: Transfers) -> None:
    """The storage account of the blobs."""
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    modules.arm.call("PUT", ACCOUNT_PATH, body)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = modules.arm.get(ACCOUNT_PATH)
        if found is not None and found["properties"]["provisioningState"] == "Succeeded":
            return
        time.sleep(0.1)
    raise AssertionError("the storage account was not made in time")


@pytest.fixture
def one_in_five_fails(azure: LocalAzure) -> Iterator[None]:
    route = "*/blob/*"
    rules = [{"route": route, "probability": 0.2, "faults": [{"status": 503}, {"status": 500}, {"reset": True}]}]
    azure.control("PUT", "/faults", {"rules": rules, "seed": 7})
    try:
        yield
    finally:
        azure.control("PUT", "/faults", {"rules": []})


def compare(folder: Path, name: str) -> None:
    subprocess.run(["cmp", f"--bytes={SIZE}", "disk.raw", name], cwd=folder, check=True)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("kind", ["disk", "blob"])
def test_a_killed_upload_is_gone_on_with(modules: Transfers, kind: str) -> None:
    seed = int(os.environ.get("TRANSFER_SEED") or random.SystemRandom().randrange(10**6))
    chance = random.Random(seed)
    print(f"TRANSFER_SEED={seed}")
    for number in range(KILLS):
        name = f"killed-{number}-{uuid.uuid4().hex[:6]}"
        options = {"path": "disk.raw", "connections": 4, **target(kind, name)}
        modules.kill_within(chance.uniform(0, 0.6), "vhd_upload", PAGES[kind], **options)
        there, complete = modules.state(kind, name)
        result = modules.run("vhd_upload", **options)
        if complete:
            assert not result["changed"]
            continue
        upload = result["upload"]
        print(f"killed with {there} bytes there: {upload}")
        again = max(0, there - upload["bytes_kept"])
        assert again <= there / 100, f"{again} of {there} bytes were sent again"
        assert upload["bytes_sent"] + upload["bytes_kept"] <= 1.01 * (DATA + 2 * MIB)
        assert not modules.run("vhd_upload", **options)["changed"]
        source = name if kind == "disk" else result["blob"]["url"]
        modules.run("vhd_export", source=source, dest=f"{name}.raw", format="raw")
        compare(modules.folder, f"{name}.raw")
        os.unlink(modules.folder / f"{name}.raw")


def test_a_killed_export_is_gone_on_with(modules: Transfers) -> None:
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


@pytest.mark.usefixtures("account", "one_in_five_fails")
@pytest.mark.parametrize("kind", ["disk", "blob"])
def test_while_one_request_in_five_fails(modules: Transfers, kind: str) -> None:
    result = modules.run("vhd_upload", path="disk.raw", read_back=True, **target(kind, "faulty"))
    assert result["upload"]["bytes_sent"] <= 1.01 * (DATA + 2 * MIB)
    source = "faulty" if kind == "disk" else result["blob"]["url"]
    modules.run("vhd_export", source=source, dest=f"faulty-{kind}.raw", format="raw")
    compare(modules.folder, f"faulty-{kind}.raw")
