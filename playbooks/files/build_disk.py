# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a small Debian or Ubuntu disk that looks like a machine somebody has worked on.

The system comes from the apt sources of this machine. The disk is a raw file that boots with BIOS (Gen1) and with
UEFI (Gen2): GPT, a BIOS boot partition, an EFI system partition and an ext4 root. It carries what an image must not
carry (a user, host keys, a machine-id, histories, logs), so that preparing and generalizing it has something to do.

Everything is written straight into the file: no loop device and no mount is ever made, so none can be left behind.

    python3 build_disk.py --output disk.raw --size 3G --cache ~/.cache/goldenimage
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import itertools
import os
import platform
import re
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTOR = 512
MIB = 1 << 20
# Partitions in sectors; numbers 14, 15 and 1 as on the distributions' own cloud images.
BIOS_START, ESP_START, ROOT_START = 2048, 8192, 131072
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "sgdisk": "gdisk",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "tar": "tar",
}
PACKAGES = {
    "cloud-init": ["cloud-guest-utils", "cloud-init", "locales", "netplan.io", "systemd-resolved"],
    "boot": ["grub-efi-amd64-bin", "grub-pc-bin", "grub2-common", "kmod", "systemd-sysv", "udev"],
    "people": ["dbus", "iproute2", "openssh-server", "python3", "sudo"],
}
KERNEL_AND_AGENT = {
    "debian": ["linux-image-cloud-amd64", "waagent"],
    "ubuntu": ["linux-image-virtual", "walinuxagent"],
}
BUILDER = "builder"
GRUB_CFG = """\
set default=0
set timeout=1
insmod part_gpt
insmod ext2
search --no-floppy --fs-uuid --set=root {root}
menuentry 'Linux' {{
\tlinux /boot/vmlinuz-{kernel} root=UUID={root} ro quiet
\tinitrd /boot/initrd.img-{kernel}
}}
"""
GRUB_DEFAULT = """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX=""
"""


class BuildError(Exception):
    """The disk cannot be built; the text says why and what helps."""


def say(text: str) -> None:
    sys.stderr.write(f"build_disk: {text}\n")
    sys.stderr.flush()


def run(*command: str | Path, stdin: str | None = None) -> str:
    """Run a command and return its standard output; on failure raise with the end of what it said."""
    try:
        done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    if done.returncode:
        words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise BuildError(f"{command[0]} failed with exit code {done.returncode}:\n{words}")
    return done.stdout


def check_machine() -> None:
    """Fail before the first byte is written when this machine cannot build a disk."""
    if platform.machine() != "x86_64":
        raise BuildError(f"the disk is built for x86_64, this machine is {platform.machine()}; give a disk of your own")
    if os.geteuid() != 0:
        raise BuildError("only root can unpack a system with its owners and device nodes; run as root or with become")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    os.environ["PATH"] = path
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool, path=path)})
    if missing:
        raise BuildError(f"tools are missing; install them with: apt-get install {' '.join(missing)}")


def check_target(target: Path) -> None:
    if target.exists():
        raise BuildError(f"{target} exists; remove it first or give another name")
    if not target.parent.is_dir():
        raise BuildError(f"the folder {target.parent} does not exist; create it first")


def distribution() -> tuple[str, str]:
    """Return this machine's distribution id and suite, for example ("debian", "bookworm")."""
    facts = platform.freedesktop_os_release()
    name, suite = facts.get("ID", ""), facts.get("VERSION_CODENAME", "")
    if name not in KERNEL_AND_AGENT or not suite:
        found = facts.get("PRETTY_NAME", name)
        raise BuildError(f"this machine runs {found}, not Debian or Ubuntu; give a disk of your own")
    return name, suite


def apt_sources(name: str, suite: str) -> list[str]:
    """Return one-line apt sources: this machine's own, without those of third parties."""
    fields = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
    known: dict[tuple[str, str], list[str]] = {}
    for line in run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines():
        uri, release, component, origin = line.split("|")
        # The origin is known only after an apt-get update; before that the suite's name has to do.
        ours = origin.startswith("$") or origin.lower() == name
        if ours and re.fullmatch(rf"{re.escape(suite)}(-updates|-security)?", release):
            known.setdefault((uri, release), []).append(component)
    if not known:
        raise BuildError(f"no apt source of this machine offers {suite}; look at /etc/apt/sources.list*")
    return [f"deb {uri} {release} {' '.join(dict.fromkeys(parts))}" for (uri, release), parts in known.items()]


def cache_key(suite: str, packages: list[str], sources: list[str]) -> str:
    script = Path(__file__).read_bytes()
    return hashlib.sha256(repr((suite, sorted(packages), sources)).encode() + script).hexdigest()[:16]


def identity(key: str, what: str) -> uuid.UUID:
    """A UUID that is the same for every build with the same inputs."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{key}/{what}")


def bootstrap(root: Path, suite: str, packages: list[str], sources: list[str]) -> None:
    say(f"installing {suite} from this machine's apt sources (one to three minutes)")
    options = ["--quiet", "--mode=root", "--variant=minbase", "--format=directory", f"--include={','.join(packages)}"]
    run("mmdebstrap", *options, suite, root, *sources)


def put(root: Path, path: str, text: str, mode: int = 0o644) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)


def live_in(root: Path, key: str) -> None:
    """Leave the traces of a person and of a first boot: what generalize has to find and remove."""
    home = f"home/{BUILDER}"
    run("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", BUILDER)
    run("chroot", root, "chpasswd", stdin=f"{BUILDER}:{secrets.token_urlsafe(24)}\n")
    run("chroot", root, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{BUILDER}@laptop", "-f", "/root/key")
    public = (root / "root/key.pub").read_text()
    for name in ("key", "key.pub"):
        (root / "root" / name).unlink()
    put(root, f"{home}/.ssh/authorized_keys", public, 0o600)
    put(root, f"{home}/.bash_history", "sudo apt-get update\nmysql -u root -phunter2\n", 0o600)
    put(root, f"{home}/notes.txt", "call the network team about the proxy\n")
    run("chroot", root, "chown", "-R", f"{BUILDER}:{BUILDER}", f"/{home}")
    put(root, f"etc/sudoers.d/90-{BUILDER}", f"{BUILDER} ALL=(ALL) NOPASSWD:ALL\n", 0o440)
    put(root, "root/.bash_history", "curl -H 'Authorization: Bearer abc' https://internal.example/\n", 0o600)
    put(root, "etc/machine-id", identity(key, "machine").hex + "\n", 0o444)
    put(root, "etc/default/locale", "LANG=C.UTF-8\n")
    put(root, "etc/hostname", f"{BUILDER}-vm\n")
    put(root, "etc/hosts", f"127.0.0.1\tlocalhost\n127.0.1.1\t{BUILDER}-vm\n::1\tlocalhost ip6-localhost\n")
    run("chroot", root, "ssh-keygen", "-A")
    put(root, "var/log/auth.log", f"sshd[612]: Accepted publickey for {BUILDER} from 192.0.2.7 port 50112\n", 0o640)
    put(root, "var/log/cloud-init.log", "Cloud-init finished\n", 0o640)
    put(root, "var/lib/dhcp/dhclient.eth0.leases", 'lease { interface "eth0"; fixed-address 192.0.2.20; }\n')
    put(root, "var/lib/systemd/random-seed", secrets.token_hex(256), 0o600)
    put(root, "var/tmp/installer.log", "left over\n")
    instance = "var/lib/cloud/instances/i-builder"
    put(root, f"{instance}/boot-finished", "0\n")
    put(root, f"{instance}/sem/config_ssh", "0\n")
    put(root, "var/lib/cloud/data/instance-id", "i-builder\n")
    (root / "var/lib/cloud/instance").symlink_to(f"/{instance}")


def install_boot_files(root: Path, key: str) -> None:
    """Put GRUB's files, its configuration and fstab into the system; the disk's layout is known beforehand."""
    kernels = sorted(path.name.removeprefix("vmlinuz-") for path in (root / "boot").glob("vmlinuz-*"))
    if not kernels:
        raise BuildError("no kernel was installed; add a kernel package with --packages")
    file_system = identity(key, "root")
    for platform_name in ("i386-pc", "x86_64-efi"):
        target = root / "boot/grub" / platform_name
        target.mkdir(parents=True)
        for pattern in ("*.mod", "*.lst"):
            for module in (root / "usr/lib/grub" / platform_name).glob(pattern):
                shutil.copy2(module, target)
    put(root, "boot/grub/grub.cfg", GRUB_CFG.format(root=file_system, kernel=kernels[-1]))
    put(root, "etc/default/grub", GRUB_DEFAULT)
    esp = identity(key, "esp").hex[:8].upper()
    fstab = f"UUID={file_system} / ext4 errors=remount-ro 0 1\nUUID={esp[:4]}-{esp[4:]} /boot/efi vfat umask=0077 0 1\n"
    put(root, "etc/fstab", fstab)
    (root / "boot/efi").mkdir(exist_ok=True)
    put(root, "boot/early.cfg", f"search.fs_uuid {file_system} root\nset prefix=($root)/boot/grub\n")
    common = ["part_gpt", "ext2", "normal", "search", "search_fs_uuid", "configfile", "linux"]
    mkimage = ["chroot", str(root), "grub-mkimage", "-c", "/boot/early.cfg", "-p", "/boot/grub"]
    run(*mkimage, "-O", "i386-pc", "-o", "/boot/grub/i386-pc/core.img", "biosdisk", *common)
    run(*mkimage, "-O", "x86_64-efi", "-o", "/boot/grub/x86_64-efi/core.efi", "fat", *common)
    shutil.copy2(root / "usr/lib/grub/i386-pc/boot.img", root / "boot/grub/i386-pc/boot.img")
    (root / "boot/early.cfg").unlink()


def write_boot_loaders(disk: Path, root: Path, key: str) -> None:
    """Write GRUB for BIOS into the boot sector and the BIOS boot partition, and for UEFI onto the ESP."""
    boot = bytearray((root / "boot/grub/i386-pc/boot.img").read_bytes())
    core = bytearray((root / "boot/grub/i386-pc/core.img").read_bytes())
    if len(core) > (ESP_START - BIOS_START) * SECTOR:
        raise BuildError(f"GRUB's core image of {len(core)} bytes is larger than the BIOS boot partition")
    struct.pack_into("<Q", boot, 0x5C, BIOS_START)  # where the boot sector finds the core image
    boot[0x66:0x68] = b"\x90\x90"  # take the BIOS's word for the boot drive
    struct.pack_into("<Q", core, 0x1F4, BIOS_START + 1)  # where the core's first sector finds the rest
    with disk.open("r+b") as file:
        file.write(boot[:440])  # the partition table's part of the sector stays
        file.seek(BIOS_START * SECTOR)
        file.write(core)
    esp = f"{disk}@@{ESP_START * SECTOR}"
    # One sector per cluster: with more, a partition this small has too few clusters to count as FAT32.
    volume = ["-F", "32", "-s", "1", "-n", "ESP", "-i", identity(key, "esp").hex[:8], "--offset", str(ESP_START)]
    run("mkfs.vfat", *volume, disk, str((ROOT_START - ESP_START) * SECTOR // 1024))
    run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", esp, root / "boot/grub/x86_64-efi/core.efi", "::/EFI/BOOT/BOOTX64.EFI")


def write_disk(disk: Path, size: int, root: Path, key: str) -> None:
    """Lay out and fill a raw disk of ``size`` bytes from the unpacked system in ``root``."""
    say(f"writing a disk of {size // MIB} MiB")
    with disk.open("wb") as file:
        file.truncate(size)
    last = size // SECTOR - 2049  # a whole MiB is left for the second partition table
    bios, esp = f"-n14:{BIOS_START}:{ESP_START - 1}", f"-n15:{ESP_START}:{ROOT_START - 1}"
    table = ["-U", str(identity(key, "disk")), bios, "-t14:EF02", esp, "-t15:EF00", f"-n1:{ROOT_START}:{last}"]
    run("sgdisk", *table, "-t1:8300", disk)
    blocks = (last + 1 - ROOT_START) * SECTOR // 4096
    place = f"offset={ROOT_START * SECTOR},hash_seed={identity(key, 'hash')}"
    volume = ["-q", "-F", "-b", "4096", "-L", "root", "-U", str(identity(key, "root")), "-E", place]
    run("mkfs.ext4", *volume, "-d", root, disk, str(blocks))
    write_boot_loaders(disk, root, key)


def pack(root: Path, target: Path) -> None:
    say("packing the root file system")
    run("tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", root, "-cf", target, ".")


def unpack(archive: Path, root: Path) -> None:
    root.mkdir(exist_ok=True)
    run("tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", root, "-xpf", archive)


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Give a scratch name beside ``target`` that becomes ``target`` on success and vanishes on failure."""
    scratch = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield scratch
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Let one build at a time use the cache; the second one then finds the work done."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_sparse(source: Path, target: Path) -> None:
    with atomic(target) as scratch:
        run("cp", "--sparse=always", "--reflink=auto", source, scratch)


def build(cache: Path, extra: list[str], size: int | None) -> Path:
    """Return the cached disk of ``size`` bytes, or the root archive when ``size`` is None; make what is missing."""
    name, suite = distribution()
    packages = [*itertools.chain.from_iterable(PACKAGES.values()), *KERNEL_AND_AGENT[name], *extra]
    sources = apt_sources(name, suite)
    key = cache_key(suite, packages, sources)
    archive = cache / f"{suite}-{key}.tar"
    disk = cache / f"{suite}-{key}-{size}.raw"
    with locked(cache):
        wanted = archive if size is None else disk
        if archive.exists() and wanted.exists():
            say(f"taken from the cache: {wanted}")
            return wanted
        with tempfile.TemporaryDirectory(prefix="root-", dir=cache) as scratch:
            root = Path(scratch) / "root"
            if archive.exists():
                unpack(archive, root)
            else:
                bootstrap(root, suite, packages, sources)
                live_in(root, key)
                install_boot_files(root, key)
                with atomic(archive) as part:
                    pack(root, part)
            if size is not None:
                with atomic(disk) as part:
                    write_disk(part, size, root, key)
        return wanted


def parse_size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([MG])", text)
    size = int(match[1]) * (MIB if match[2] == "M" else 1024 * MIB) if match else 0
    if size < 2048 * MIB:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size of at least 2G, such as 3G or 4096M")
    return size


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build_disk", description=__doc__.splitlines()[0] if __doc__ else None)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--output", type=Path, metavar="FILE", help="the raw disk to write; it must not exist yet")
    what.add_argument("--rootfs-only", type=Path, metavar="TAR", help="write the root file system as a tar instead")
    parser.add_argument("--size", type=parse_size, default="3G", help="the disk's size: 3G, 4096M (default: 3G)")
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="where finished work is kept")
    parser.add_argument("--packages", default="", help="more packages to install, separated by commas")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    target: Path = (arguments.output or arguments.rootfs_only).absolute()
    started = time.monotonic()
    try:
        check_machine()
        check_target(target)
        extra = [package for package in arguments.packages.split(",") if package]
        made = build(arguments.cache.absolute(), extra, arguments.size if arguments.output else None)
        copy_sparse(made, target)
    except (BuildError, OSError) as error:
        say(str(error))
        return 1
    say(f"{target} is ready after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
