# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the tests of inspection: one clean disk, and a quick way to look into any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.examine import examine
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Disk

from .systems import clean_linux, linux_disk

if TYPE_CHECKING:
    from pathlib import Path

TODAY = "2026-11-25"


def look(content: bytes, *, specialized: bool = False) -> dict[str, Any]:
    """Examine a disk in this process: quicker than the contained one, and an exception fails the test."""
    disk = Disk(len(content), lambda offset, length: content[offset : offset + length])
    found: dict[str, Any] = {}
    for part in examine(disk, specialized=specialized, today=TODAY):
        found.update(part)
    return found


def results(found: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["result"] for each in found["checks"]}


@pytest.fixture(scope="session")
def clean_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return linux_disk(tmp_path_factory.mktemp("clean") / "disk.raw", clean_linux())
