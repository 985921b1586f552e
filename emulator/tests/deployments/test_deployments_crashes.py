# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment goes on where it was when the process is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure_process import LocalAzure
from deployment_templates import ENDED, PASSWORD, begin, operations, shown, whole_machine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[LocalAzure]:
    """A process that the test may kill."""
    local = LocalAzure(tmp_path / "azure")
    local.sign_in()
    local.make_group("rg")
    yield local
    local.stop()


def _kill(azure: LocalAzure) -> None:
    """`kill -9`, then start again."""
    pid = azure.pid
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        time.sleep(0.01)
    token = azure.client.headers["Authorization"]
    azure.client.close()
    azure.start()
    azure.client.headers["Authorization"] = token


@pytest.mark.soak
def test_killed_again_and_again(mortal: LocalAzure) -> None:
    """At each step of Azure's time: before the network is there, before the interface, while the machine is made."""
    mortal.control("latency", "PUT", name="realistic")
    mortal.control("clock", freeze=None)
    answer = begin(mortal, whole_machine(), parameters=PASSWORD)
    url = answer.headers["azure-asyncoperation"]
    begun = []
    for seconds in (0, 3, 3, 6):
        mortal.control("clock", advance=seconds)
        assert mortal.client.get(url).json() == {"status": "Running"}
        before = operations(mortal)
        _kill(mortal)
        assert operations(mortal) == before
        begun.append(sorted(before))
    assert begun[0] == ["net"]
    assert begun[-1] == ["net", "nic", "vm"]
    mortal.control("clock", advance=600)
    assert mortal.client.get(url).json() == {"status": "Succeeded"}
    assert shown(mortal)["provisioningState"] in ENDED
    assert mortal.get("virtualMachines/vm")["properties"]["provisioningState"] == "Succeeded"
    assert len(operations(mortal)) == 4
