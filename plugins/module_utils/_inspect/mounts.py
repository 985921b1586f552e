# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the root of a Linux system and put the other file systems of its fstab into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.tree import Tree

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.filesystems import FileSystem
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.volumes import Volume

_SUBVOLUMES = ("root", "@", "@rootfs", "@/.snapshots/1/snapshot")
_SIGNS = ("/etc/os-release", "/usr/lib/os-release", "/etc/passwd")
_OF_THE_KERNEL = ("proc", "sysfs", "tmpfs", "devpts", "swap", "none", "efivarfs", "cgroup2", "nfs", "cifs")


def assemble(volume: Volume, others: list[Volume]) -> Tree | None:
    """Return the tree of the system whose root this volume holds; ``None`` when it holds none.

    :raises Unreadable: it might, but cannot be read.
    """
    if volume.filesystem is None:
        return None
    candidates = [volume.filesystem]
    if volume.content.type == "btrfs":
        named = (volume.filesystem.subvolume(name) for name in _SUBVOLUMES)
        candidates += [each for each in named if each is not None]
    for candidate in candidates:
        tree = Tree(candidate)
        if any(tree.exists(path) for path in _SIGNS) and tree.exists("/etc"):
            _mount(tree, volume, candidate, others)
            return tree
    return None


def fstab(tree: Tree) -> list[list[str]]:
    """Return the fields of each line of /etc/fstab."""
    lines = (line.split("#", 1)[0].split() for line in tree.text("/etc/fstab").splitlines())
    return [fields for fields in lines if len(fields) >= 3]


def _mount(tree: Tree, root: Volume, chosen: FileSystem, others: list[Volume]) -> None:
    for fields in sorted(fstab(tree), key=lambda each: each[1]):
        device, path, kind = fields[0], fields[1].rstrip("/"), fields[2]
        if not path.startswith("/") or kind in _OF_THE_KERNEL:
            continue
        volume = next((each for each in others if _called(each, device)), None)
        options = dict(part.partition("=")[::2] for part in (fields[3] if len(fields) > 3 else "").split(","))
        if volume is None:
            if "nofail" not in options and not device.startswith(("//", "/dev/fd", "/dev/sr", "/dev/cdrom")):
                tree.mount(path, f"{path} lies on {device}, which is not on this disk")
            continue
        volume.shown.setdefault("mount_point", path)
        if volume is root and "subvol" not in options:
            continue
        source = volume.filesystem
        if source is not None and "subvol" in options:
            source = source.subvolume(options["subvol"]) or source
        if source is not None and source is not chosen:
            tree.mount(path, source)
        elif source is None:
            tree.mount(path, volume.trouble or f"{path} has no file system")


def _called(volume: Volume, device: str) -> bool:
    return device.replace('"', "").lower() in {name.lower() for name in volume.names}
