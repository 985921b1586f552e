# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contained process: everything that parses what a disk says runs here, with limits."""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
from typing import IO, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import wire
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.examine import examine
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Disk

PACKAGES = (
    "dissect.extfs",
    "dissect.xfs",
    "dissect.btrfs",
    "dissect.fat",
    "dissect.ntfs",
    "dissect.regf",
    "dissect.volume",
)


def limit(cpu: int, memory: int) -> None:
    """No more than this many seconds of processor time and bytes of address space; no files, no core dumps."""
    for what, most in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


class _Parent:
    """The disk, as the parent serves it."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions = questions
        self._answers = answers

    def fetch(self, offset: int, length: int) -> bytes:
        wire.ask(self._questions, offset, length)
        data = wire.receive_block(self._answers)
        if len(data) != length:
            raise EOFError(f"{length} bytes at {offset} were asked for, {len(data)} came")
        return data


def main() -> None:
    answers, questions = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not look like a message
    job: dict[str, Any] = json.loads(wire.receive_block(answers))
    if importlib.util.find_spec("dissect") is None:
        wire.send_found(questions, {"missing_reader": True})
        return
    limit(job["cpu"], job["memory"])
    disk = Disk(job["size"], _Parent(questions, answers).fetch)
    for part in examine(disk, specialized=job["specialized"], today=job["today"]):
        wire.send_found(questions, part)
    wire.send_found(questions, {"ended": True})
