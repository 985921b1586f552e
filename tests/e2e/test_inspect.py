# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vhd_inspect says of the demo's disk before and after it was prepared and generalized."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.report import inspect_file

if TYPE_CHECKING:
    from .conftest import Image

WRONG = {
    "boot.console", "ssh.client_alive", "identity.machine_id", "identity.host_keys", "users.passwords",
    "users.authorized_keys", "users.histories", "state.cloud_init",
}  # fmt: skip
# Depends on the package sources of the machine that builds the disk.
OF_THIS_MACHINE = {"packages.sources", "system.supported"}


def test_before(image: Image) -> None:
    if image.origin is None:
        pytest.skip("IMAGE was given: there is no disk from before")
    found = inspect_file(str(image.origin))
    failed = {each["id"] for each in found["checks"] if each["result"] == "fail" and each["severity"] == "error"}
    assert failed == WRONG
    assert (found["complete"], found["generalized"], found["ready"]) == (True, False, False)


def test_after(image: Image) -> None:
    found = inspect_file(str(image.vhd))
    left = {each["id"] for each in found["checks"] if each["result"] in ("fail", "unknown")}
    assert left <= OF_THIS_MACHINE
    assert (found["complete"], found["generalized"], found["ready"]) == (True, True, True)
