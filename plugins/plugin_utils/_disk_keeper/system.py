# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk's operating system, mounted for chroot: its file systems, and the kernel's /dev, /proc, /run and /sys.

Everything is mounted in the keeper's own mount namespace, so that the kernel undoes it when the keeper is gone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import filesystems, images, linux, usage
from .errors import DiskImageError
from .kernel import NameServers, mount_kernel
from .partitions import ESP_TYPES, ROOT_TYPES, read_partitions
from .paths import inside

if TYPE_CHECKING:
    from .filesystems import Filesystem

# The mount namespace is private: what is below one of these directories is hidden from the keeper only.
STAGES = ("/mnt", "/media", "/srv", "/opt", "/tmp")  # noqa: S108
RELEASE_FILES = ("etc/os-release", "usr/lib/os-release")
DETACH_WAIT = 10.0  # seconds
ANSIBLE_DIRECTORY = "/root/.ansible"


class System:
    """The mounted system of a disk file.

    :param settings: the connection's options (see `client.Settings`) with ``owner``.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.path: str = settings["path"]
        self.read_only: bool = settings["read_only"]
        self.warnings: list[str] = []
        self.exporter_pid = 0
        self._lock = -1
        self._content: images.Content | None = None
        self._mounts: list[Path] = []
        self._nodes: dict[Filesystem, Path] = {}
        self._stage = _stage_for(self.path)
        self._name_servers = NameServers(self.root, self._stage)
        self._dns_mounts: list[Path] = []
        self._writable: list[Path] = []
        self._had_ansible = True

    @property
    def root(self) -> Path:
        """The directory to chroot to."""
        return self._stage / "root"

    def open(self) -> None:
        """Lock, look, mount; raises DiskImageError. What was begun ends with the process."""
        linux.mount("none", "/", flags=linux.MS_REC | linux.MS_SLAVE)
        self._lock_file()
        self._make_stage()
        content = self._open_content()
        known = [filesystems.probe(content.fd, one) for one in read_partitions(content.fd, content.size)]
        root = self._find_root(known)
        self._mount_root(root)
        self._mount_others(known, root)
        self._had_ansible = inside(self.root, ANSIBLE_DIRECTORY).exists()
        self._mounts += mount_kernel(self.root, self._nodes)
        if self.settings["dns"] == "host":
            self._provide_dns()

    # -- the file ----------------------------------------------------------------------------------------------

    def _lock_file(self) -> None:
        try:
            self._lock = os.open(self.path, (os.O_RDONLY if self.read_only else os.O_RDWR) | os.O_CLOEXEC)
        except OSError as error:
            raise DiskImageError(
                f"The disk file {self.path} cannot be opened: {error.strerror}.",
                "" if self.read_only else "To look at a file that cannot be written, set read_only: true.",
            ) from error
        usage.lock(self._lock, self.path, shared=self.read_only, owner=self.settings["owner"])
        # The lock file descriptor itself must not be mistaken for another writer.
        usage.check_unused(self._lock, self.path, read_only=self.read_only)

    def _make_stage(self) -> None:
        linux.mount("tmpfs", self._stage, "tmpfs", data="mode=700")
        self._mounts.append(self._stage)
        for name in ("nodes", "look", "root", "lower", "upper", "work", "export"):
            (self._stage / name).mkdir()

    def _open_content(self) -> images.Content:
        size = os.fstat(self._lock).st_size
        kind = images.detect(self._lock, size, self.settings["format"])
        if kind in images.QEMU_DRIVERS:
            content = images.export(self.path, kind, self._stage / "export", read_only=self.read_only)
            self._mounts.append(self._stage / "export" / "disk")
            self.exporter_pid = content.exporter.pid if content.exporter else 0
        else:
            content = images.Content(self._lock, images.virtual_size(self._lock, size, kind))
        self._content = content
        return content

    # -- file systems ------------------------------------------------------------------------------------------

    def _mount(self, filesystem: Filesystem, target: Path, data: str = "", *, read_only: bool) -> None:
        """Mount a file system of the disk through a loop device of its own."""
        content = self._content
        if content is None:
            raise RuntimeError("the disk is not open")
        part = filesystem.partition
        if part.offset + part.size > content.size:
            raise DiskImageError(
                f"Partition {part.number} ends after the end of the disk ({content.size} bytes).",
                "The disk file is truncated; copy it again.",
            )
        node, device = linux.attach_loop(
            content.fd, self._stage / "nodes", offset=part.offset, size=part.size, read_only=read_only
        )
        try:
            linux.mount(str(node), target, filesystem.type, flags=linux.MS_RDONLY if read_only else 0, data=data)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise DiskImageError(
                    f"This machine's kernel cannot mount {filesystem.type} (partition {part.number}).",
                    f"Load the module with 'modprobe {filesystem.type}' or use another machine.",
                ) from error
            raise DiskImageError(
                f"Mounting partition {part.number} ({filesystem.type}) failed: {os.strerror(error.errno or 0)}.",
                "The kernel's log says why (dmesg); check the file system with its fsck.",
            ) from error
        finally:
            os.close(device)
        self._nodes[filesystem] = node

    def _find_root(self, known: list[Filesystem]) -> Filesystem:
        wanted = self.settings["root_partition"]
        if wanted:
            for one in known:
                names = (str(one.partition.number), one.partition.label, one.partition.uuid, one.label, one.uuid)
                if wanted in names:
                    self._demand_mountable(one)
                    return one
            raise DiskImageError(f"No partition {wanted} (option 'root_partition').", _overview(known))
        candidates = [one for one in known if one.type in filesystems.MOUNTABLE and self._has_release(one)]
        declared = [one for one in candidates if one.partition.type in ROOT_TYPES]
        chosen = declared or candidates
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            raise DiskImageError(
                "More than one partition holds an operating system.",
                f"Choose one with the option 'root_partition'. {_overview(known)}",
            )
        hidden = sorted({one.type for one in known if one.type in ("LVM", "LUKS")})
        if hidden:
            raise DiskImageError(
                f"No root file system was found; the disk uses {' and '.join(hidden)}, which this connection "
                "does not open.",
                "Prepare such a system while it runs, over SSH.",
            )
        raise DiskImageError("No partition holds a Linux root file system (/etc/os-release).", _overview(known))

    @staticmethod
    def _demand_mountable(one: Filesystem) -> None:
        if one.type not in filesystems.MOUNTABLE:
            raise DiskImageError(
                f"Partition {one.partition.number} holds {one.type or 'an unknown content'}, not one of "
                f"{', '.join(filesystems.MOUNTABLE)}."
            )

    def _has_release(self, one: Filesystem) -> bool:
        look = self._stage / "look"
        self._mount(one, look, filesystems.LOOK_ONLY[one.type], read_only=True)
        try:
            return any(os.path.lexists(look / name) for name in RELEASE_FILES)
        finally:
            linux.umount(look)
            self._wait_detached([self._nodes.pop(one)])

    def _mount_root(self, root: Filesystem) -> None:
        if root.has_errors:
            raise DiskImageError(
                f"The root file system (partition {root.partition.number}) is marked as having errors.",
                "Repair it first, for example with e2fsck on a loop device.",
            )
        if self.read_only:
            lower = self._stage / "lower"
            self._mount(root, lower, filesystems.LOOK_ONLY[root.type], read_only=True)
            self._mounts.append(lower)
            self._mount_discarding(lower)
        else:
            self._mount(root, self.root, filesystems.MOUNT_DATA.get(root.type, ""), read_only=False)
            self._writable.append(self.root)
        self._mounts.append(self.root)

    def _mount_discarding(self, lower: Path) -> None:
        """Let modules write, into memory: even a module that only looks needs room for its temporary files."""
        data = f"lowerdir={lower},upperdir={self._stage / 'upper'},workdir={self._stage / 'work'}"
        try:
            linux.mount("overlay", self.root, "overlay", data=data)
        except OSError as error:
            raise DiskImageError(
                f"read_only needs the kernel's overlay file system: {os.strerror(error.errno or 0)}.",
                "Load it with 'modprobe overlay', or open the disk for writing.",
            ) from error

    def _mount_others(self, known: list[Filesystem], root: Filesystem) -> None:
        """/boot, /boot/efi and whatever else the system's fstab has on this disk."""
        wanted = dict(self._fstab(known))
        esp = next((one for one in known if one.partition.type in ESP_TYPES and one.type), None)
        if esp and esp not in wanted.values() and inside(self.root, "/boot/efi").is_dir():
            wanted["/boot/efi"] = esp
        for path in sorted(wanted, key=lambda name: name.count("/")):
            one = wanted[path]
            target = inside(self.root, path)
            if one == root or one.type in ("swap", "LVM", "LUKS", "") or not target.is_dir():
                continue
            self._mount_other(one, path, target, is_esp=one == esp)

    def _mount_other(self, one: Filesystem, path: str, target: Path, *, is_esp: bool) -> None:
        policy = self.settings["esp"] if is_esp else "require"
        if policy == "skip":
            return
        data = (filesystems.LOOK_ONLY if self.read_only else filesystems.MOUNT_DATA).get(one.type, "")
        try:
            self._mount(one, target, data, read_only=self.read_only)
        except DiskImageError as error:
            if policy == "require":
                raise
            self.warnings.append(f"{path} is not mounted: {error.message}")
            return
        self._mounts.append(target)
        if not self.read_only:
            self._writable.append(target)

    def _fstab(self, known: list[Filesystem]) -> list[tuple[str, Filesystem]]:
        try:
            lines = inside(self.root, "/etc/fstab").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            words = line.split("#")[0].split()
            if len(words) < 3 or not words[1].startswith("/") or words[1] == "/":
                continue
            one = filesystems.find(words[0], known)
            if one:
                found.append((words[1].replace("\\040", " "), one))
            elif words[1].startswith(("/boot", "/usr", "/var")) and words[2] in (*filesystems.MOUNTABLE, "vfat"):
                self.warnings.append(f"{words[1]} is not mounted: the disk has no {words[0]}, which its fstab names.")
        return found

    def _provide_dns(self) -> None:
        try:
            self._dns_mounts = self._name_servers.provide()
        except OSError as error:
            self.warnings.append(f"Names cannot be looked up inside the disk: {error}.")
        self._mounts += self._dns_mounts

    # -- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write everything back and undo the mounts; the processes inside have ended before."""
        self._remove_ansible_directory()
        if self.settings["trim"]:
            for target in self._writable:
                with contextlib.suppress(OSError):
                    linux.trim(target)
        for target in reversed(self._mounts[1:]):
            if self._content and self._content.exporter and target == self._stage / "export" / "disk":
                self._end_exporter()
                continue
            try:
                linux.umount(target)
            except OSError:
                linux.umount(target, linux.MNT_DETACH)
            if target in self._dns_mounts:
                self._name_servers.clean()
        self._wait_detached(list(self._nodes.values()))
        self._end_exporter()
        if self._lock >= 0:
            if not self.read_only:
                os.fsync(self._lock)
            os.close(self._lock)
            self._lock = -1

    def _remove_ansible_directory(self) -> None:
        """Ansible makes directories for temporary files and leaves them behind, empty."""
        if not self._had_ansible:
            directory = inside(self.root, ANSIBLE_DIRECTORY)
            for made in (directory / "tmp", directory):
                with contextlib.suppress(OSError):
                    made.rmdir()

    def _end_exporter(self) -> None:
        content = self._content
        if content is None or content.exporter is None:
            return
        self._wait_detached(list(self._nodes.values()))
        os.close(content.fd)
        content.exporter.terminate()
        content.exporter.wait()
        content.exporter = None

    @staticmethod
    def _wait_detached(nodes: list[Path]) -> None:
        deadline = time.monotonic() + DETACH_WAIT
        while any(linux.loop_attached(node) for node in nodes) and time.monotonic() < deadline:
            time.sleep(0.005)


def _stage_for(path: str) -> Path:
    above = {str(parent) for parent in Path(path).parents}
    return next(Path(place) for place in STAGES if place not in above and os.path.isdir(place))


def _overview(known: list[Filesystem]) -> str:
    lines = [
        f"{one.partition.number}: {one.type or 'unknown'}{f' {one.partition.label!r}' if one.partition.label else ''}"
        for one in known
    ]
    return f"The disk's partitions are {', '.join(lines)}."
