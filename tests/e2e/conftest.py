# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk before and after, made once for all tests: a real system, the roles, and a VHD.

IMAGE=path gives a generalized fixed VHD (or raw disk) of your own instead; the builder's disk is then not made.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WORK = REPOSITORY / ".cache/e2e"
CACHE = REPOSITORY / ".cache/disks"


@dataclass(frozen=True)
class Image:
    """A generalized VHD; ``origin`` is the disk it was made from, as its user left it, when it was made here."""

    vhd: Path
    origin: Path | None


def run(*command: str | Path) -> None:
    """Run a command with this collection; show what it said when it fails."""
    environment = os.environ | {"ANSIBLE_CONFIG": str(REPOSITORY / "tests/ansible.cfg"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}:/usr/sbin:/sbin"
    words = [str(part) for part in command]
    started = time.monotonic()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    print(f"{' '.join(words)}: {time.monotonic() - started:.0f} s")
    if done.returncode:
        said = (done.stdout + done.stderr)[-6000:]
        pytest.fail(f"{words[0]} failed with exit code {done.returncode}:\n{said}", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def _end_cleanly() -> None:
    """Being told to end stops the machines too: without this SIGTERM skips every clean-up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))


@pytest.fixture(scope="session")
def image() -> Image:
    """The image under test."""
    given = os.environ.get("IMAGE")
    if given:
        return Image(Path(given).absolute(), None)
    WORK.mkdir(parents=True, exist_ok=True)
    origin, disk, vhd = WORK / "origin.raw", WORK / "disk.raw", WORK / "disk.vhd"
    for old in (origin, disk, vhd):
        old.unlink(missing_ok=True)
    run(sys.executable, REPOSITORY / "playbooks/files/build_disk.py", "--cache", CACHE, "--output", origin)
    run("cp", "--sparse=always", "--reflink=auto", origin, disk)
    run("ansible-playbook", REPOSITORY / "tests/e2e/image.yml", "-e", f"disk={disk}", "-e", f"vhd={vhd}")
    disk.unlink()
    return Image(vhd, origin)
