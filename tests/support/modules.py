# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules as processes of their own, as Ansible starts them on a target."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from support.arm import Arm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.local_azure import LocalAzure


class Modules:
    """Runs modules as processes of their own, that may be killed.

    :param folder: where they run.
    :param group: the resource group they are given.
    """

    def __init__(self, azure: LocalAzure, folder: Path, group: str) -> None:
        self.azure = azure
        self.folder = folder
        self.group = group
        self.arm = Arm(azure.environment, "modules-test")

    def start(self, module: str, **options: Any) -> subprocess.Popen[str]:
        name = f"ansible_collections.goldenimage.azure.plugins.modules.{module}"
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"resource_group": self.group, **options}})
        process = subprocess.Popen(
            [sys.executable, "-m", name],
            cwd=self.folder,
            env={**os.environ, **self.azure.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(arguments)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, module: str, **options: Any) -> dict[str, Any]:
        result = self.attempt(module, **options)
        assert not result.get("failed"), result
        return result

    def attempt(self, module: str, **options: Any) -> dict[str, Any]:
        """Run it to its end, whatever that is."""
        text = self.start(module, **options).communicate(timeout=240)[0]
        result: dict[str, Any] = json.loads(text[text.index("{") :])
        return result

    def kill_when(self, reached: Callable[[], bool], module: str, *, seconds: float = 0, **options: Any) -> None:
        """Kill the module so many seconds after it has got somewhere."""
        process = self.start(module, **options)
        end = time.monotonic() + 60
        while not reached() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)

    def kill_within(self, seconds: float, module: str, begun: str, **options: Any) -> None:
        """Kill the module so many seconds after the log has ``begun`` anew."""
        before = self.count(begun)
        self.kill_when(lambda: self.count(begun) > before, module, seconds=seconds, **options)

    def count(self, text: str) -> int:
        path = self.azure.data / "requests.jsonl"
        return path.read_text().count(text) if path.exists() else 0
