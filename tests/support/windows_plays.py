# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks on simulated Windows machines, run by ansible-playbook as a user does it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from support.local_azure import BIN, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLUGINS = REPOSITORY / "tests" / "support" / "windows_host" / "connection"
_MOST_SECONDS = 600


@dataclass
class Run:
    """What a run of ansible-playbook printed, and how many seconds it took."""

    code: int
    text: str
    seconds: float

    def counted(self, word: str, host: str = "machine") -> int:
        """A figure of the recap, as ``failed``."""
        match = re.search(rf"^{re.escape(host)} .*\b{word}=(\d+)", self.text, re.MULTILINE)
        assert match, self.text[-3000:]
        return int(match[1])

    @property
    def changed(self) -> int:
        return self.counted("changed")

    @property
    def words(self) -> str:
        return plain(self.text)

    def failure(self, host: str = "machine") -> str:
        """What ended the play for a host: its last failure that was not ignored; empty when it went through."""
        found = [
            line
            for line, after in zip(self.text.splitlines(), [*self.text.splitlines()[1:], ""], strict=True)
            if line.startswith((f"fatal: [{host}]", f"fatal: [{host} ->")) and "...ignoring" not in after
        ]
        return plain(found[-1]) if found and self.counted("failed", host) + self.counted("unreachable", host) else ""

    def took(self, host: str = "machine") -> int:
        """Seconds from the start of Sysprep to the end of the wait, as a failure tells them."""
        match = re.search(r"the wait ended (\d+) s after", self.failure(host))
        assert match, self.failure(host) or self.text[-3000:]
        return int(match[1])


def plain(text: str) -> str:
    """Text with its line breaks and quoting out of the way."""
    return " ".join(text.replace("\\\\", "\\").replace("\\n", " ").split())


def run_playbook(
    folder: Path,
    playbook: str,
    machines: Mapping[str, tuple[Path, Mapping[str, Any]]],
    *options: str,
    shared: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Run a playbook in a folder, where its inventory and ``output.txt`` are left.

    :param machines: by name, the file with the state of each and its own variables; all are in the group ``windows``.
    :param shared: variables of all machines.
    :param variables: extra variables.
    :param environment: on top of that of the tests.
    """
    hosts = {name: {"ansible_windows_host_state": str(state), **own} for name, (state, own) in machines.items()}
    common = {"ansible_connection": "windows_host", "ansible_user": "Administrator", **(shared or {})}
    inventory = folder / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"windows": {"hosts": hosts, "vars": common}}))
    own_environment = {"ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORKS": "8"}
    began = time.monotonic()
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", str(inventory), playbook, "-e", json.dumps(variables or {}), *options],
        env={**os.environ, **(environment or {}), **own_environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_MOST_SECONDS,
        check=False,
        cwd=folder,
    )
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    return Run(done.returncode, done.stdout + done.stderr, time.monotonic() - began)
