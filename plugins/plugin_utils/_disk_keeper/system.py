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
import stat
import time
from pathlib import Path
from typing import Any

from . import filesystems, images, linux, usage
from .errors import DiskImageError
from .filesystems import Filesystem
from .partitions import ESP_TYPES, ROOT_TYPES, read_partitions

# The mount namespace is private: what is below one of these directories is hidden from the keeper only.
STAGES = ("/mnt", "/media", "/srv", "/opt", "/tmp")  # noqa: S108
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
RELEASE_FILES = ("etc/os-release", "usr/lib/os-release")
DETACH_WAIT = 10.0  # seconds
PLACEHOLDER = "trusted.goldenimage.placeholder"


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
        self._stage = Path()
        self._writable: list[Path] = []
        self._placeholder: Path | None = None

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
        self._mount_kernel()
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
        above = {str(parent) for parent in Path(self.path).parents}
        self._stage = next(Path(place) for place in STAGES if place not in above and os.path.isdir(place))
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
            linux.mount(
                str(node), target, filesystem.type, flags=linux.MS_RDONLY if read_only else 0, data=data
            )
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
                self.warnings.append(f"{words[1]} is not mounted: {words[0]} of the system's fstab is not on this disk.")
        return found

    # -- what the kernel provides ------------------------------------------------------------------------------

    def _api(self, kind: str, path: str, flags: int, data: str = "") -> Path:
        target = inside(self.root, path)
        if not target.is_dir():
            raise DiskImageError(f"The disk's root file system has no directory {path}.", "Is it a whole system?")
        linux.mount(kind, target, kind, flags=flags, data=data)
        self._mounts.append(target)
        return target

    def _mount_kernel(self) -> None:
        plain = linux.MS_NOSUID | linux.MS_NODEV
        proc = self._api("proc", "/proc", plain | linux.MS_NOEXEC)
        # sysctl in the image must not change the host's kernel; nor must the rest of /sys.
        for entry in (proc / "sys", proc / "sysrq-trigger"):
            if entry.exists():
                linux.bind(entry, entry, read_only=True)
                self._mounts.append(entry)
        self._api("sysfs", "/sys", plain | linux.MS_NOEXEC | linux.MS_RDONLY)
        run = self._api("tmpfs", "/run", plain, "mode=755")
        # Debian's invoke-rc.d starts init scripts unless systemd runs; systemctl itself starts nothing in a chroot.
        (run / "systemd" / "system").mkdir(parents=True)
        (run / "lock").mkdir(mode=0o1777)
        dev = self._api("tmpfs", "/dev", linux.MS_NOSUID | linux.MS_NOEXEC, "mode=755")
        self._fill_dev(dev)

    def _fill_dev(self, dev: Path) -> None:
        for name, (major, minor) in DEVICES.items():
            os.mknod(dev / name, stat.S_IFCHR, os.makedev(major, minor))
            (dev / name).chmod(0o666)
        for name in ("pts", "shm"):
            (dev / name).mkdir()
        terminals = "newinstance,ptmxmode=0666,mode=620,gid=5"
        linux.mount("devpts", dev / "pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, terminals)
        linux.mount("tmpfs", dev / "shm", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777")
        self._mounts += [dev / "pts", dev / "shm"]
        links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "core": "/proc/kcore"}
        links |= {name: f"/proc/self/fd/{number}" for number, name in enumerate(("stdin", "stdout", "stderr"))}
        for name, target in links.items():
            (dev / name).symlink_to(target)
        # grub-probe wants the node, and update-grub writes root=UUID= only when it finds it by its UUID.
        for one, node in self._nodes.items():
            os.mknod(dev / node.name, stat.S_IFBLK | 0o660, node.stat().st_rdev)
            names = {"by-uuid": one.uuid, "by-label": one.label, "by-partuuid": one.partition.uuid}
            for directory, name in {**names, "by-partlabel": one.partition.label}.items():
                if name and "/" not in name:
                    (dev / "disk" / directory).mkdir(parents=True, exist_ok=True)
                    with contextlib.suppress(FileExistsError):
                        (dev / "disk" / directory / name).symlink_to(f"../../{node.name}")

    def _provide_dns(self) -> None:
        """Put the host's resolv.conf in the place of the system's, which stays as it is."""
        try:
            text = Path("/etc/resolv.conf").read_bytes()
        except OSError:
            self.warnings.append("This machine has no /etc/resolv.conf: names cannot be looked up inside the disk.")
            return
        copy = self._stage / "resolv.conf"
        copy.write_bytes(text)
        copy.chmod(0o644)
        target = inside(self.root, "/etc/resolv.conf")
        run = inside(self.root, "/run")
        if run in target.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
            return
        if not target.exists() and target.parent.is_dir():
            target.touch(0o644)
            # Known again by this mark, should the keeper be killed before it can remove the file.
            os.setxattr(target, PLACEHOLDER, b"1")
        if _is_placeholder(target):
            self._placeholder = target
        linux.bind(copy, target)
        self._mounts.append(target)

    # -- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write everything back and undo the mounts; the processes inside have ended before."""
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
            if target == self._placeholder and _is_placeholder(target):
                target.unlink()
        self._wait_detached(list(self._nodes.values()))
        self._end_exporter()
        if self._lock >= 0:
            if not self.read_only:
                os.fsync(self._lock)
            os.close(self._lock)
            self._lock = -1

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


def _is_placeholder(path: Path) -> bool:
    try:
        return path.stat().st_size == 0 and os.getxattr(path, PLACEHOLDER) == b"1"
    except OSError:
        return False


def _overview(known: list[Filesystem]) -> str:
    lines = [
        f"{one.partition.number}: {one.type or 'unknown'}{f' {one.partition.label!r}' if one.partition.label else ''}"
        for one in known
    ]
    return f"The disk's partitions are {', '.join(lines)}."
