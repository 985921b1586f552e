# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the layout of a disk, whatever system is on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import contents
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import (
    Book,
    Outcome,
    failed,
    none_of,
    not_applicable,
    passed,
    unknown,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.tree import Tree

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.volumes import Volume
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import PartitionTable

LOADERS = {"/EFI/BOOT/BOOTX64.EFI": "x86_64", "/EFI/BOOT/BOOTAA64.EFI": "aarch64"}
_ESP_TYPES = ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef")


@dataclass(frozen=True)
class Layout:
    """The partition table and what is in the partitions."""

    table: PartitionTable
    volumes: list[Volume]

    @property
    def system_partition(self) -> Volume | None:
        """The EFI system partition."""
        return next((each for each in self.volumes if each.shown.get("type") in _ESP_TYPES), None)

    @cached_property
    def loaders(self) -> dict[str, str]:
        """The loaders that a firmware without boot entries starts, with their architecture.

        :raises Unreadable: there is an EFI system partition that cannot be read.
        """
        volume = self.system_partition
        if volume is None:
            return {}
        if volume.filesystem is None:
            raise Unreadable(volume.trouble or "the EFI system partition has no file system")
        tree = Tree(volume.filesystem)
        return {path: arch for path, arch in LOADERS.items() if tree.is_file(path)}

    @property
    def generations(self) -> list[str]:
        """The Hyper-V generations in which a new machine finds something to start."""
        try:
            loaders = bool(self.loaders)
        except Unreadable:
            loaders = False
        return [name for name in self.table.generations if name != "V2" or loaders]


BOOK: Book[Layout] = Book()


@BOOK.check(
    "disk.partition_table", "The partition table is intact",
    remedy="Repair it (gdisk, fdisk) or copy the disk again.", source="UEFI 2.10, 5.3",
)  # fmt: skip
def _table(layout: Layout) -> Outcome:
    if layout.table.scheme == "none" and not layout.table.problems:
        return failed(("partition table", "none: no operating system starts from it"))
    return none_of((("partition table", text) for text in layout.table.problems), ("scheme", layout.table.scheme))


@BOOK.check(
    "disk.generation", "A machine of some generation finds something to start",
    remedy="Install a boot loader; for Gen2 as \\EFI\\BOOT\\BOOTX64.EFI (BOOTAA64.EFI on arm64).",
    source="Azure: Support for Generation 2 VMs",
)  # fmt: skip
def _generation(layout: Layout) -> Outcome:
    if layout.generations:
        return passed(("generations", ", ".join(layout.generations)))
    _unreadable = layout.loaders  # raises then: nobody knows what is there
    return failed(("generations", "none"))


@BOOK.check(
    "disk.removable_loader", "The EFI system partition has the loader for machines without boot entries",
    severity="warning",
    remedy="Copy the boot loader to \\EFI\\BOOT\\BOOTX64.EFI (BOOTAA64.EFI on arm64), its companions beside it.",
    source="Azure: Create and upload an Ubuntu VHD",
)  # fmt: skip
def _removable(layout: Layout) -> Outcome:
    if layout.system_partition is None:
        return not_applicable("There is no EFI system partition.")
    found = layout.loaders
    return passed(*((path, arch) for path, arch in found.items())) if found else failed(("/EFI/BOOT", "no loader"))


@BOOK.check(
    "disk.file_systems", "Every file system is intact and was taken out of use properly", severity="warning",
    remedy="Shut the machine down properly, or run fsck or xfs_repair; until then what is read may be old.",
    source="goldenimage.azure",
)  # fmt: skip
def _file_systems(layout: Layout) -> Outcome:
    damage = [(each.label, text) for each in layout.volumes for text in each.content.damage]
    damage += [(each.label, "its journal has to be replayed") for each in layout.volumes if each.content.clean is False]
    return none_of(damage)


@BOOK.check(
    "disk.encryption", "Nothing on the disk is encrypted",
    remedy="Decrypt it; Azure encrypts disks itself.", source="Azure: Prepare a Windows VHD; create-upload-generic",
)  # fmt: skip
def _encryption(layout: Layout) -> Outcome:
    return none_of(
        (each.label, each.content.type) for each in layout.volumes if each.content.kind == contents.ENCRYPTED
    )


@BOOK.check(
    "disk.known", "Everything on the disk is known", severity="info",
    remedy="Look at it with the system that made it.", source="goldenimage.azure",
)  # fmt: skip
def _known(layout: Layout) -> Outcome:
    strange = [each for each in layout.volumes if each.trouble and each.content.kind != contents.ENCRYPTED]
    return unknown("; ".join(each.trouble for each in strange)) if strange else passed()
