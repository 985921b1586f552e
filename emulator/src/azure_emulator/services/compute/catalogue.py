# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Marketplace images that this Azure knows: `marketplace.json` next to this file.

Names of publishers, offers and SKUs are real; version numbers have the real form. Every image is an empty disk of the
real size, because the emulator ships no operating systems.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute._shared import GIB


@dataclass(frozen=True, slots=True)
class Sku:
    """One line of the catalogue; versions are in ascending order."""

    publisher: str
    offer: str
    sku: str
    versions: tuple[str, ...]
    os_type: str
    generation: str
    size_gb: int
    size_in_bytes: int
    architecture: str
    managed: bool
    deprecated: bool

    @property
    def disk_size(self) -> int:
        """Bytes of the OS disk, without the VHD footer."""
        return self.size_in_bytes - FOOTER_SIZE


@cache
def skus() -> tuple[Sku, ...]:
    """The whole catalogue."""
    lines = json.loads((files(__package__) / "marketplace.json").read_text(encoding="utf-8"))
    return tuple(
        Sku(
            publisher=line["publisher"],
            offer=line["offer"],
            sku=line["sku"],
            versions=tuple(sorted(line["versions"], key=version_key)),
            os_type=line["osType"],
            generation=line["hyperVGeneration"],
            size_gb=line["sizeInGb"],
            size_in_bytes=line.get("sizeInBytes", line["sizeInGb"] * GIB + FOOTER_SIZE),
            architecture=line.get("architecture", "x64"),
            managed=line.get("replicaType") != "Unmanaged",
            deprecated=line.get("deprecated", False),
        )
        for line in lines
    )


def find(publisher: str, offer: str, sku: str) -> Sku | None:
    """A SKU by its names, without regard to case."""
    wanted = (publisher.lower(), offer.lower(), sku.lower())
    return next((s for s in skus() if (s.publisher.lower(), s.offer.lower(), s.sku.lower()) == wanted), None)


def version_key(version: str) -> tuple[int, ...]:
    """Versions compare number by number."""
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))
