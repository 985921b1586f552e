# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk's operating system, mounted for chroot: its file systems, and the kernel's /dev, /proc, /run and /sys.

Everything is mounted in the keeper's own mount namespace, so that the kernel undoes it when the keeper is gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
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
# Where a btrfs keeps its root: the default subvolume (SUSE), or these (Fedora, Ubuntu).
SUBVOLUMES = ("", "root", "@")
DETACH_WAIT = 10.0  # seconds
ANSIBLE_DIRECTORY = "/root/.ansible"


@dataclasses.dataclass(frozen=True)
class Place:
    """A file system, or a btrfs subvolume, and where it belongs in the system."""

    filesystem: Filesystem
    path: str = "/"
    subvolume: str = ""


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
        self._loops: dict[Filesystem, int] = {}
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
        self._mount_root(self._find_root(known))
        self._mount_others(known)
        self._had_ansible = inside(self.root, ANSIBLE_DIRECTORY).exists()
        self._mounts += mount_kernel(self.root, [(one, self._node(one)) for one in self._loops])
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
        for name in ("dev", "look", "root", "lower", "upper", "work", "export"):
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

    def _mount(self, place: Place, target: Path, *, read_only: bool) -> None:
        """Mount a file system of the disk through a loop device of its own."""
        filesystem = place.filesystem
        content = self._content
        if content is None:
            raise RuntimeError("the disk is not open")
        part = filesystem.partition
        if part.offset + part.size > content.size:
            raise DiskImageError(
                f"Partition {part.number} ends after the end of the disk ({content.size} bytes).",
                "The disk file is truncated; copy it again.",
            )
        node, device = self._node(filesystem), -1
        if filesystem not in self._loops:
            self._loops[filesystem], device = linux.attach_loop(
                content.fd, node, offset=part.offset, size=part.size, read_only=read_only
            )
        flags = linux.MS_RDONLY if read_only else 0
        data = filesystems.mount_data(filesystem.type, read_only=read_only, subvolume=place.subvolume)
        try:
            # The system sees the device's name in /proc/mounts, so mount it by the name that it has there.
            with linux.changed_root(self._stage):
                source, place_there = (f"/{path.relative_to(self._stage)}" for path in (node, target))
                linux.mount(source, place_there, filesystem.type, flags, data)
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
            if device >= 0:
                os.close(device)

    def _node(self, filesystem: Filesystem) -> Path:
        """A file system's device. Not called loop…: update-grub leaves out systems on devices of that name."""
        return self._stage / "dev" / f"partition{filesystem.partition.number}"

    def _find_root(self, known: list[Filesystem]) -> Place:
        wanted = self.settings["root_partition"]
        eligible = [_chosen(known, wanted)] if wanted else [one for one in known if one.type in filesystems.MOUNTABLE]
        candidates = [place for one in eligible if (place := self._root_in(one))]
        declared = [place for place in candidates if place.filesystem.partition.type in ROOT_TYPES]
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

    def _root_in(self, one: Filesystem) -> Place | None:
        """Where a file system holds a system's root, None if nowhere."""
        look = self._stage / "look"
        for subvolume in SUBVOLUMES if one.type == "btrfs" else ("",):
            place = Place(one, subvolume=subvolume)
            try:
                self._mount(place, look, read_only=True)
            except DiskImageError:
                if subvolume:  # there is none of this name
                    continue
                raise
            try:
                if any(os.path.lexists(look / name) for name in RELEASE_FILES):
                    return place
            finally:
                linux.umount(look)
                self._wait_detached([self._loops.pop(one)])
        return None

    def _mount_root(self, root: Place) -> None:
        if root.filesystem.has_errors:
            raise DiskImageError(
                f"The root file system (partition {root.filesystem.partition.number}) is marked as having errors.",
                "Repair it first, for example with e2fsck on a loop device.",
            )
        if self.read_only:
            lower = self._stage / "lower"
            self._mount(root, lower, read_only=True)
            self._mounts.append(lower)
            self._mount_discarding(lower)
        else:
            self._mount(root, self.root, read_only=False)
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

    def _mount_others(self, known: list[Filesystem]) -> None:
        """/boot, /boot/efi and whatever else the system's fstab has on this disk."""
        places = self._fstab(known)
        esp = next((one for one in known if one.partition.type in ESP_TYPES and one.type), None)
        if esp and not any(place.filesystem == esp for place in places):
            places.append(Place(esp, "/boot/efi"))
        for place in sorted(places, key=lambda one: one.path.count("/")):
            target = inside(self.root, place.path)
            if target.is_dir() and place.filesystem.type in (*filesystems.MOUNTABLE, "vfat"):
                self._mount_other(place, target, self.settings["esp"] if place.filesystem == esp else "require")

    def _mount_other(self, place: Place, target: Path, policy: str) -> None:
        if policy == "skip":
            return
        try:
            self._mount(place, target, read_only=self.read_only)
        except DiskImageError as error:
            if policy == "require":
                raise
            self.warnings.append(f"{place.path} is not mounted: {error.message}")
            return
        self._mounts.append(target)
        if not self.read_only:
            self._writable.append(target)

    def _fstab(self, known: list[Filesystem]) -> list[Place]:
        try:
            lines = inside(self.root, "/etc/fstab").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            words = [word.replace("\\040", " ") for word in line.split("#")[0].split()]
            if len(words) < 3 or not words[1].startswith("/") or words[1] == "/":
                continue
            spec, path, kind, *options = words
            one = filesystems.find(spec, known)
            if one:
                subvolume = ",".join(options[:1]).partition("subvol=")[2].split(",")[0]
                found.append(Place(one, path, subvolume))
            elif path.startswith(("/boot", "/usr", "/var")) and kind in (*filesystems.MOUNTABLE, "vfat"):
                self.warnings.append(f"{path} is not mounted: the disk has no {spec}, which its fstab names.")
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
        self._wait_detached(list(self._loops.values()))
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
        self._wait_detached(list(self._loops.values()))
        os.close(content.fd)
        content.exporter.terminate()
        content.exporter.wait()
        content.exporter = None

    @staticmethod
    def _wait_detached(loops: list[int]) -> None:
        deadline = time.monotonic() + DETACH_WAIT
        while any(linux.loop_attached(number) for number in loops) and time.monotonic() < deadline:
            time.sleep(0.005)


def _stage_for(path: str) -> Path:
    above = {str(parent) for parent in Path(path).parents}
    return next(Path(place) for place in STAGES if place not in above and os.path.isdir(place))


def _chosen(known: list[Filesystem], wanted: str) -> Filesystem:
    """The file system that the option root_partition names."""
    for one in known:
        if wanted in (str(one.partition.number), one.partition.label, one.partition.uuid, one.label, one.uuid):
            if one.type in filesystems.MOUNTABLE:
                return one
            raise DiskImageError(
                f"Partition {one.partition.number} holds {one.type or 'an unknown content'}, not one of "
                f"{', '.join(filesystems.MOUNTABLE)}.",
                "Correct the option 'root_partition'.",
            )
    raise DiskImageError(f"No partition {wanted} (option 'root_partition').", _overview(known))


def _overview(known: list[Filesystem]) -> str:
    lines = [
        f"{one.partition.number}: {one.type or 'unknown'}{f' {one.partition.label!r}' if one.partition.label else ''}"
        for one in known
    ]
    return f"The disk's partitions are {', '.join(lines)}."
