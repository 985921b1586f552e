# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of their own, on free ports, in temporary folders."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from local_azure import LocalAzure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_emulator.core.app import Emulator

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


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key for tokens; making one for each test would take most of the time."""
    from azure_emulator.core import credentials
    from azure_emulator.core.tokens import Tokens

    folder = tmp_path_factory.mktemp("key")
    (folder / "tls").mkdir()
    Tokens(folder, credentials.load(folder))
    return folder / "tls" / "tokens.key"


@pytest.fixture
def emulator(tmp_path: Path, key: Path) -> Iterator[Emulator]:
    """The emulator as an object, without a server; operations are over at once."""
    from azure_emulator.core import credentials, latency
    from azure_emulator.core.app import Emulator

    (tmp_path / "tls").mkdir()
    shutil.copy(key, tmp_path / "tls")
    made = Emulator(tmp_path, "https://localhost:1", credentials.load(tmp_path))
    with made.writing() as scope:
        made.seed(scope)
        latency.save(scope.store, latency.Profile("instant"))
    yield made
    made.end()
