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
from typing import Any

from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute._shared import GIB


@dataclass(frozen=True, slots=True)
class DataDisk:
    """A data disk of an image."""

    lun: int
    size_gb: int


@dataclass(frozen=True, slots=True)
class Sku:
    """One line of the catalogue; versions are in ascending order.

    ``untagged``: an image of the early years, about which Azure knows neither generation nor disk types. ``plan``: it
    is bought, with the SKU's name as the plan's. ``security_type``: the value of the feature of that name.
    ``scheduled``: the moment of its deprecation. ``tuned``: the drivers for accelerated network, NVMe, hibernation.
    """

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
    untagged: bool = False
    automatic_upgrade: bool = False
    purchased: bool = False
    security_type: str | None = None
    scheduled: str | None = None
    tuned: bool = False
    data_disks: tuple[DataDisk, ...] = ()

    def has(self, version: str) -> bool:
        """Whether a version can be used. The real Marketplace has published many more than are listed here: one that is
        written like these and lies between the oldest and the newest is taken to be among them [guessed]."""
        if version in self.versions or len(version) > 40 or not version.isascii():
            return version in self.versions
        parts, first, last = version_key(version), version_key(self.versions[0]), version_key(self.versions[-1])
        known = [version_key(listed) for listed in self.versions]
        alike = any(len(parts) == len(listed) and parts[0] == listed[0] for listed in known)
        return alike and min(parts) >= 0 and first < parts < last

    @property
    def disk_size(self) -> int:
        """Bytes of the OS disk, without the VHD footer."""
        return self.size_in_bytes - FOOTER_SIZE

    @property
    def plan(self) -> dict[str, str] | None:
        """The purchase plan, as it stands in a machine's body."""
        return {"name": self.sku, "publisher": self.publisher, "product": self.offer} if self.purchased else None


@cache
def skus() -> tuple[Sku, ...]:
    """The whole catalogue."""
    lines = json.loads((files(__package__) / "marketplace.json").read_text(encoding="utf-8"))
    return tuple(_sku(line) for line in lines)


def _sku(line: dict[str, Any]) -> Sku:
    return Sku(
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
        untagged=line.get("untagged", False),
        automatic_upgrade=line.get("automaticUpgrade", False),
        purchased=line.get("plan", False),
        security_type=line.get("securityType"),
        scheduled=line.get("scheduledDeprecation"),
        tuned=line.get("tuned", False),
        data_disks=tuple(DataDisk(disk["lun"], disk["sizeInGb"]) for disk in line.get("dataDisks", [])),
    )


@cache
def _by_names() -> dict[tuple[str, str, str], Sku]:
    return {(sku.publisher.lower(), sku.offer.lower(), sku.sku.lower()): sku for sku in skus()}


def find(publisher: str, offer: str, sku: str) -> Sku | None:
    """A SKU by its names, without regard to case."""
    return _by_names().get((publisher.lower(), offer.lower(), sku.lower()))


def version_key(version: str) -> tuple[int, ...]:
    """Versions compare number by number; what is no number, or an absurd one, is -1."""
    return tuple(int(part) if part.isdecimal() and len(part) < 20 else -1 for part in version.split("."))
