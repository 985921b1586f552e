# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that somebody else wrote, in its own environment, run as a user would."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMEOUT = 300  # seconds for one command
SHOWN = 6000  # characters of the output of a command that failed
_KEPT = ("LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")


@dataclass(frozen=True)
class Client:
    """Commands of one client.

    :param home: the client's home folder and working folder; nothing of the user's own settings gets in.
    :param environment: what it needs to find the local Azure; of this process's environment it sees next to nothing.
    """

    home: Path
    environment: Mapping[str, str] = field(repr=False)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command; how it ended and what it said."""
        words = [str(word) for word in command]
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return subprocess.run(
            words,
            env=kept | {"HOME": str(self.home)} | dict(self.environment),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )

    def output(self, *command: str | Path) -> str:
        """What a command printed; the test fails with all that it said when the command fails."""
        done = self.run(*command)
        if done.returncode:
            fail(done)
        return done.stdout


def fail(done: subprocess.CompletedProcess[str]) -> None:
    """Fail the test with what a client said."""
    said = (done.stdout + done.stderr)[-SHOWN:]
    pytest.fail(f"{' '.join(done.args)}\nended with exit code {done.returncode}:\n{said}", pytrace=False)


def identity(environment: Mapping[str, str], *, public: bool) -> dict[str, str]:
    """Of what ``azure-emulator env`` exports: who one is and whom to trust.

    :param public: for a client that is to believe that it talks to the public cloud, without the local addresses.
    """
    local = ("AZURE_CLOUD_ENVIRONMENT", "AZURE_AUTHORITY_HOST")
    return {name: value for name, value in environment.items() if not (public and name in local)}
