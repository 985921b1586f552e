# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment goes on where it was when the process is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deployment_templates import PASSWORD, begin, operations, shown, whole_machine

if TYPE_CHECKING:
    from azure_process import LocalAzure


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
        mortal.kill()
        assert operations(mortal) == before
        begun.append(sorted(before))
    assert begun[0] == ["net"]
    assert begun[-1] == ["net", "nic", "vm"]
    mortal.control("clock", advance=600)
    assert mortal.client.get(url).json() == {"status": "Succeeded"}
    assert shown(mortal)["provisioningState"] == "Succeeded"
    assert mortal.get("virtualMachines/vm")["properties"]["provisioningState"] == "Succeeded"
    assert len(operations(mortal)) == 4
