# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small disks for tests, made and read with independent tools where one exists."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer

MIB = 1 << 20
SMALLEST = 20 * MIB


def run(*command: str | Path) -> str:
    """Run a tool and return what it printed."""
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def raw(path: Path, size: int = SMALLEST, pieces: dict[int, bytes] | None = None) -> Path:
    """Write a sparse file with some bytes at some offsets."""
    with path.open("wb") as file:
        file.truncate(size)
        for offset, content in (pieces or {}).items():
            file.seek(offset)
            file.write(content)
    return path


@functools.cache
def _table(size: int) -> tuple[bytes, bytes]:
    """The first and last MiB of a partitioned disk; kept, because sgdisk sleeps for a second after each write."""
    with tempfile.TemporaryDirectory() as folder:
        path = raw(Path(folder) / "disk", size)
        run("sgdisk", "-n1:2048:4095", "-t1:ef02", "-n2:4096:8191", "-t2:ef00", "-n3:8192:0", "-c3:root", path)
        with path.open("rb") as file:
            head = file.read(MIB)
            file.seek(-MIB, 2)
            return head, file.read()


def gpt(path: Path, size: int = SMALLEST) -> Path:
    """A disk as Linux images have it: BIOS-boot partition, EFI system partition, root; boot code in the MBR."""
    head, tail = _table(size)
    boot = b"\xeb\x63\x90" + head[3:]
    return raw(path, size, {0: boot, 9000 * 512: b"root file system" * 1000, size - MIB: tail})


def vhd(path: Path, content: Path, **changes: object) -> Path:
    """A fixed VHD of a raw file; ``changes`` are fields of the footer."""
    data = content.read_bytes()
    footer = Footer.fixed(len(data))
    path.write_bytes(data + Footer(**{**footer.__dict__, **changes}).pack())
    return path


def examine(path: Path, **options: Any) -> validate.Examination:
    """What is found in a file, which is not kept open."""
    with validate.opened(str(path), **options) as (found, _source):
        return found
