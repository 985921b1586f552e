# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the clients are, and their versions at the end of the output."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from support.local_azure import REPOSITORY

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).parent
ENVIRONMENTS = {
    "azure_cli": REPOSITORY / ".venv-peers-cli/bin",
    "azcollection": REPOSITORY / ".venv-peers-azcollection/bin",
    "packer": REPOSITORY / ".venv-peers-packer/bin",
}
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
