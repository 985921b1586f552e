# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of the mounted system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .errors import DiskImageError

if TYPE_CHECKING:
    from pathlib import Path


def inside(root: Path, path: str) -> Path:
    """Where ``path`` of the mounted system is for the keeper; symbolic links never lead out of ``root``."""
    place, rest, links = root, [part for part in path.split("/") if part], 0
    while rest:
        part = rest.pop(0)
        if part == ".":
            continue
        if part == "..":
            place = root if place == root else place.parent
            continue
        step = place / part
        if not step.is_symlink():
            place = step
            continue
        links += 1
        if links > 40:
            raise DiskImageError(f"Too many symbolic links in {path} of the disk's system.")
        target = os.readlink(step)
        rest = [part for part in target.split("/") if part] + rest
        if target.startswith("/"):
            place = root
    return place
