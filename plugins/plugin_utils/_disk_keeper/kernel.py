# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel and the host provide to the mounted system: /proc, /sys, /run, /dev and DNS."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from . import linux
from .errors import DiskImageError
from .paths import inside

if TYPE_CHECKING:
    from .filesystems import Filesystem

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
TERMINALS = "newinstance,ptmxmode=0666,mode=620,gid=5"
PLACEHOLDER = "trusted.goldenimage.placeholder"
_QUIET = linux.MS_NOSUID | linux.MS_NODEV


def mount_kernel(root: Path, nodes: list[tuple[Filesystem, Path]]) -> list[Path]:
    """Mount /proc, /sys, /run and /dev; gives back the mount points in their order.

    :param nodes: the block devices of the mounted file systems.
    """
    proc = _mount(root, "proc", "/proc", _QUIET | linux.MS_NOEXEC)
    mounted = [proc]
    # sysctl in the image must not change the host's kernel; nor must a write to /sys.
    for entry in (proc / "sys", proc / "sysrq-trigger"):
        if entry.exists():
            linux.bind(entry, entry, read_only=True)
            mounted.append(entry)
    mounted.append(_mount(root, "sysfs", "/sys", _QUIET | linux.MS_NOEXEC | linux.MS_RDONLY))
    run = _mount(root, "tmpfs", "/run", _QUIET, "mode=755")
    # Debian's invoke-rc.d starts init scripts unless systemd runs; systemctl itself starts nothing in a chroot.
    (run / "systemd" / "system").mkdir(parents=True)
    (run / "lock").mkdir()
    (run / "lock").chmod(0o1777)
    dev = _mount(root, "tmpfs", "/dev", linux.MS_NOSUID | linux.MS_NOEXEC, "mode=755")
    mounted += [run, dev, dev / "pts", dev / "shm"]
    _fill_dev(dev)
    for filesystem, node in nodes:
        _add_disk(dev, filesystem, node)
    return mounted


def _mount(root: Path, kind: str, path: str, flags: int, data: str = "") -> Path:
    target = inside(root, path)
    if not target.is_dir():
        raise DiskImageError(f"The disk's root file system has no directory {path}.", "Is it a whole system?")
    linux.mount(kind, target, kind, flags=flags, data=data)
    return target


def _fill_dev(dev: Path) -> None:
    for name, (major, minor) in DEVICES.items():
        os.mknod(dev / name, stat.S_IFCHR, os.makedev(major, minor))
        (dev / name).chmod(0o666)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    linux.mount("devpts", dev / "pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, TERMINALS)
    linux.mount("tmpfs", dev / "shm", "tmpfs", _QUIET, "mode=1777")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "core": "/proc/kcore"}
    links |= {name: f"/proc/self/fd/{number}" for number, name in enumerate(("stdin", "stdout", "stderr"))}
    for name, target in links.items():
        (dev / name).symlink_to(target)


def _add_disk(dev: Path, filesystem: Filesystem, node: Path) -> None:
    """grub-probe wants the node, and update-grub writes root=UUID= only where udev's link for the UUID is."""
    os.mknod(dev / node.name, stat.S_IFBLK | 0o660, node.stat().st_rdev)
    names = {
        "by-uuid": filesystem.uuid,
        "by-label": filesystem.label,
        "by-partuuid": filesystem.partition.uuid,
        "by-partlabel": filesystem.partition.label,
    }
    for directory, name in names.items():
        if name and "/" not in name:
            (dev / "disk" / directory).mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                (dev / "disk" / directory / name).symlink_to(f"../../{node.name}")


class NameServers:
    """The host's resolv.conf in the place of the system's own, which stays as it is."""

    def __init__(self, root: Path, stage: Path) -> None:
        self._root = root
        self._copy = stage / "resolv.conf"
        self._placeholder: Path | None = None

    def provide(self) -> list[Path]:
        """Gives back the mount points; raises OSError when the host has no resolv.conf."""
        text = Path("/etc/resolv.conf").read_bytes()
        target = inside(self._root, "/etc/resolv.conf")
        if inside(self._root, "/run") in target.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
            return []
        self._copy.write_bytes(text)
        self._copy.chmod(0o644)
        if not target.exists():
            target.touch(0o644)
            # Known again by this mark, should the keeper be killed before it can remove the file.
            os.setxattr(target, PLACEHOLDER, b"1")
        if is_placeholder(target):
            self._placeholder = target
        linux.bind(self._copy, target)
        return [target]

    def clean(self) -> None:
        """After unmounting: remove a file that was made only to be mounted over."""
        if self._placeholder and is_placeholder(self._placeholder):
            self._placeholder.unlink()


def is_placeholder(path: Path) -> bool:
    """Whether a file was made by `NameServers` and is still empty."""
    try:
        return path.stat().st_size == 0 and os.getxattr(path, PLACEHOLDER) == b"1"
    except OSError:
        return False
