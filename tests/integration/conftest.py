# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration tests share: a local Azure for the worker, and a way to run playbooks against it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.local_azure import BIN, REPOSITORY, LocalAzure, running

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BIN", "REPOSITORY", "LocalAzure"]

LONGEST = (
    "test_image_from_vm",
    "test_image_from_windows_vm",
    "test_windows_generalize",
    "test_resilience",
    "test_transfer",
    "test_image_from_file",
    "[vm-ordinary",
    "[vm_backup-ordinary",
    "test_vm_backup",
    "[vhd_upload",
    "[vm_capture-ordinary",
    "[managed_image-o",
)
"""Parts of the names of tests that take a minute or more, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that no worker waits for one that began last."""

    def rank(item: pytest.Item) -> int:
        return next((at for at, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """One local Azure for all tests of this worker, stopped at the end."""
    with running(tmp_path_factory.mktemp("azure")) as azure:
        yield azure


@pytest.fixture(scope="session")
def public_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(key)], check=True)
    return key.with_suffix(".pub").read_text().strip()


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of the person who runs the tests can leak in."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "ARM_")):
            monkeypatch.delenv(name)
