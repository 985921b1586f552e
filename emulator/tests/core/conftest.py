# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of their own, on free ports, in temporary folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from local_azure import LocalAzure

if TYPE_CHECKING:
    from collections.abc import Iterator

# Tests of parts import the package; where it is not installed, from here.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """A running local Azure, shared by the tests of a module."""
    server = LocalAzure(tmp_path_factory.mktemp("azure"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def clean(azure: LocalAzure) -> LocalAzure:
    """The module's local Azure, emptied."""
    azure.command("reset")
    return azure


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalAzure]:
    """A local Azure of this test's own, not yet started."""
    server = LocalAzure(tmp_path / "data")
    yield server
    server.stop()
