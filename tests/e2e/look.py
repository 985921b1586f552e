# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look into an ext4 file system inside a disk file with debugfs: no mount, no root, and none of our own code."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SECTOR = 512


@dataclass(frozen=True)
class Look:
    """The root file system of a disk, taken to be its largest partition."""

    disk: Path
    offset: int

    @classmethod
    def at(cls, disk: Path) -> Look:
        # The dash says that the file is a whole disk.
        command = ["partx", "--show", "--noheadings", "--output", "SECTORS,START", "-", str(disk)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        _size, start = max(tuple(map(int, line.split())) for line in told.splitlines())
        return cls(disk, start * SECTOR)

    def text(self, path: str) -> str:
        """A file's content; empty also when there is no such file."""
        return self._ask(f"cat {path}")

    def names(self, folder: str) -> set[str]:
        """What is in a folder; nothing when there is no such folder."""
        entries = (line.split("/") for line in self._ask(f"ls -p {folder}").splitlines() if line.startswith("/"))
        # Deleted entries have inode 0.
        return {entry[5] for entry in entries if entry[1] != "0"} - {".", ".."}

    def is_link(self, path: str) -> bool:
        return "Type: symlink" in self._ask(f"stat {path}")

    def is_clean(self) -> bool:
        """Whether the journal is empty: otherwise debugfs would see an old state."""
        return "needs_recovery" not in self._ask("show_super_stats -h")

    def _ask(self, request: str) -> str:
        command = ["debugfs", "-R", request, f"{self.disk}?offset={self.offset}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
