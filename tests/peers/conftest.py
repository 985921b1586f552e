# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which client's tests run where, and the versions of the clients at the end of the output."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.local_azure import REPOSITORY

HERE = Path(__file__).parent
ENVIRONMENTS = {
    "azure_cli": REPOSITORY / ".venv-peers-cli/bin",
    "azcollection": REPOSITORY / ".venv-peers-azcollection/bin",
    "packer": REPOSITORY / ".venv-peers-packer/bin",
}
# The slow one has a worker for itself.
_WORKERS = {"azure_cli": "one", "packer": "one", "azcollection": "two"}
# What is asked for the version, and what stands before it in the answer.
_VERSIONS = {
    "Azure CLI": (r'azure-cli": "', [ENVIRONMENTS["azure_cli"] / "az", "version", "--output", "json"]),
    "azure.azcollection": (
        r"version: ",
        [ENVIRONMENTS["azcollection"] / "ansible-galaxy", "collection", "list", "azure.azcollection", "--format=yaml"],
    ),
    "ansible-core": (r"core ", [ENVIRONMENTS["azcollection"] / "ansible", "--version"]),
    "Packer": (r"Packer v", ["packer", "version"]),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a client run in one worker, in their order, against the client's own local Azure."""
    for item in items:
        if item.path.is_relative_to(HERE):
            client = item.path.relative_to(HERE).parts[0]
            item.add_marker(pytest.mark.xdist_group(_WORKERS[client]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which releases were at work, whether the tests passed or not."""
    terminalreporter.section("independent clients")
    for name, (before, command) in _VERSIONS.items():
        terminalreporter.write_line(f"{name}: {_version([str(word) for word in command], before)}")


def _version(command: list[str], before: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except OSError as missing:
        return f"not there ({missing}); `make peers` installs it"
    found = re.search(rf"{before}([\d.]+)", done.stdout)
    return found[1] if found else done.stdout + done.stderr
