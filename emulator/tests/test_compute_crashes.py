# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing that was answered is lost when the process is killed, and no file is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from compute_bodies import (
    MIB,
    bytes_of,
    copy_of,
    disk,
    empty,
    from_image,
    image_of_disk,
    machine,
    make_machine,
    os_profile,
    upload_disk,
    write_pages,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure


@pytest.fixture
def azure(mortal: LocalAzure) -> LocalAzure:
    return mortal


def test_an_upload_goes_on(azure: LocalAzure) -> None:
    azure.put("disks/d", disk({"createOption": "Upload", "uploadSizeBytes": 32 * MIB + 512}))
    url = azure.post("disks/d/beginGetAccess", {"access": "Write", "durationInSeconds": 600})["accessSAS"]
    write_pages(azure, url, 0, b"a" * 4096)
    azure.kill()
    assert azure.get("disks/d")["properties"]["diskState"] == "ActiveUpload"
    write_pages(azure, url, 4096, b"b" * 4096)
    azure.post("disks/d/endGetAccess")
    assert azure.get("disks/d")["properties"]["diskState"] == "ReadyToUpload"


def test_operations_end_after_a_restart(azure: LocalAzure) -> None:
    upload_disk(azure, "d", b"x" * 4096)
    azure.put("images/i", image_of_disk(azure, "d"))
    answer = azure.call(
        "PUT", "virtualMachines/vm", machine(azure, "vm", from_image(azure, "i"), osProfile=os_profile("vm"))
    )
    azure.kill()
    assert azure.done(answer)["status"] == "Succeeded"
    found = azure.get("virtualMachines/vm")["properties"]
    azure.post("virtualMachines/vm/deallocate")
    assert bytes_of(azure, f"disks/{found['storageProfile']['osDisk']['name']}", 4096) == b"x" * 4096


@pytest.mark.soak
def test_resources_never_lack_their_bytes(azure: LocalAzure) -> None:
    upload_disk(azure, "d", b"x" * 4096)
    for round_number in range(4):
        pending = [
            azure.call("PUT", f"snapshots/s{round_number}", copy_of(azure, "disks/d")),
            azure.call("PUT", f"images/i{round_number}", image_of_disk(azure, "d")),
        ]
        if round_number:
            pending.append(azure.call("DELETE", f"snapshots/s{round_number - 1}"))
        azure.kill()
        for answer in pending:
            assert azure.done(answer)["status"] == "Succeeded"
    assert bytes_of(azure, "snapshots/s3", 4096) == b"x" * 4096
    make_machine(azure, "vm", from_image(azure, "i0"))
    azure.kill()
    # The disk, one snapshot, four images, the machine's disk; each with its map of written pages.
    assert len(list((azure.data / "disks").glob("*.pages"))) == 7


def test_leftovers_are_swept_at_the_start(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())
    stray = azure.data / "disks" / f"{'0' * 32}.pages"
    stray.write_bytes(b"x")
    azure.kill()
    assert not stray.exists()
    assert bytes_of(azure, "disks/d", 512) == bytes(512)
