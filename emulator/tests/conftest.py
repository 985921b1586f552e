# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running local Azure for the tests of one module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure_process import LocalAzure
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from blob_account import Account
    from sdk_client import Sdk

# No test fails because the machine was busy.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


@pytest.fixture(scope="module")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """A process of its own for each test module."""
    azure = LocalAzure(tmp_path_factory.mktemp("azure"))
    try:
        azure.sign_in()
        yield azure
    finally:
        azure.stop()


@pytest.fixture
def azure(local_azure: LocalAzure) -> LocalAzure:
    """An empty Azure with one resource group in West Europe."""
    local_azure.reset()
    return local_azure


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[LocalAzure]:
    """The same in a process of its own, which the test may kill."""
    local = LocalAzure(tmp_path / "azure")
    try:
        local.sign_in()
        local.make_group(local.group)
        yield local
    finally:
        local.stop()


@pytest.fixture
def sdk(azure: LocalAzure) -> Iterator[Sdk]:
    """The SDK's clients for the local Azure."""
    from sdk_client import Sdk

    clients = Sdk(azure)
    yield clients
    clients.close()


@pytest.fixture
def account(azure: LocalAzure) -> Iterator[Account]:
    """A storage account with real blobs."""
    pytest.importorskip("azure.storage.blob")
    from blob_account import Account

    made = Account(azure)
    if made.endpoint.startswith(azure.url):
        pytest.skip("blobs need Azurite and Node.js")
    yield made
    made.service.close()
