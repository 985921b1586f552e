# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small disk with a system in which Ansible modules run, put together from this machine's own programs in seconds.

GPT: 14 BIOS boot, 15 EFI system partition (vfat), 16 /boot (ext4), 1 root (ext4). No package manager, nothing to boot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

MIB = 1024 * 1024
SIZE = 160 * MIB
ROOT_UUID = "6d1f2b4c-0000-4000-8000-000000000001"
BOOT_UUID = "6d1f2b4c-0000-4000-8000-000000000002"
PYTHON = "/usr/bin/python3"
PROGRAMS = [
    *("sh", "cat", "ls", "mkdir", "rm", "rmdir", "cp", "mv", "ln", "chmod", "chown", "touch", "uname", "id", "sleep"),
    *("echo", "dd", "test", "sha256sum", "head", "stat", "true", "false", "env", "tr", "mktemp", "date", "readlink"),
    *("sync", "grep", "sed", "mount", "hostname", "systemctl", "su", "setsid"),
]
FILES = {
    "etc/os-release": 'ID=tiny\nVERSION_ID="1"\nPRETTY_NAME="Tiny test system"\n',
    "etc/hostname": "tiny\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n",
    "etc/group": "root:x:0:\ntty:x:5:\nworker:x:1000:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\nworker:*:19000:0:99999:7:::\n",
    "etc/pam.d/su": "auth sufficient pam_rootok.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
    "etc/resolv.conf": "nameserver 192.0.2.1\n",
    "etc/fstab": f"UUID={ROOT_UUID} / ext4 defaults 0 1\nUUID={BOOT_UUID} /boot ext4 defaults 0 2\n"
    "UUID=ABCD-0001 /boot/efi vfat umask=0077 0 1\n/dev/disk/cloud/azure_resource-part1 /mnt auto nofail 0 2\n",
    "usr/lib/systemd/system/tiny.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
}
DIRECTORIES = [
    *("dev", "proc", "sys", "run", "tmp", "root", "boot", "home/worker", "var/tmp", "var/lib", "mnt"),
    *("etc/systemd/system", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"),
]
# number, size, type
PARTITIONS = (("14", "+1M", "EF02"), ("15", "+8M", "EF00"), ("16", "+8M", "8300"), ("1", "0", "8304"))
SKIPPED = ("test", "tests", "__pycache__", "site-packages", "dist-packages", "idlelib", "config-*", "lib2to3")


def needed_tools() -> list[str]:
    """The programs that building and testing need and that are not installed."""
    return [
        name for name in ("sgdisk", "mkfs.ext4", "debugfs", "qemu-img", PYTHON, *PROGRAMS) if not shutil.which(name)
    ]


def build(disk: Path) -> None:
    """Write the disk as a raw, sparse file."""
    tree = disk.with_suffix(".tree")
    try:
        make_tree(tree)
        with disk.open("wb") as file:
            file.truncate(SIZE)
        partitions = [f"--new={number}:0:{size}" for number, size, _kind in PARTITIONS]
        types = [f"--typecode={number}:{kind}" for number, _size, kind in PARTITIONS]
        run("sgdisk", *partitions, *types, "--change-name=1:root", str(disk))
        boot = tree / "boot-content"
        boot.mkdir()
        (boot / "config-test").write_text("CONFIG=y\n")
        (boot / "efi").mkdir()
        make_ext4(disk, boot, start=10 * MIB, size=8 * MIB, uuid=BOOT_UUID)
        shutil.rmtree(boot)
        make_ext4(disk, tree, start=18 * MIB, size=SIZE - 19 * MIB, uuid=ROOT_UUID)
        if shutil.which("mkfs.vfat"):
            run("mkfs.vfat", "--offset", str(2 * MIB // 512), "-i", "ABCD0001", str(disk), "8192")
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def run(*command: str) -> str:
    """Run a program that must succeed; gives back its output."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_ext4(disk: Path, content: Path, *, start: int, size: int, uuid: str) -> None:
    """Put an ext4 file system with this content into a part of the disk."""
    # Without nodiscard, mke2fs would discard from the start of the file, and with it the partition table.
    extended = f"offset={start},nodiscard,root_owner=0:0"
    options = ("-q", "-F", "-b", "1024", "-U", uuid, "-d", str(content), "-E", extended)
    run("mkfs.ext4", *options, str(disk), f"{size // 1024}k")


def make_tree(tree: Path) -> None:
    """The root file system's content."""
    for name in DIRECTORIES:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / name).symlink_to(f"usr/{name}")
    for name, text in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    for name in PROGRAMS:
        copy_program(tree, str(shutil.which(name)))
    copy_program(tree, os.path.realpath(PYTHON), "/usr/bin/python3")
    standard = Path(run(PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))").strip())
    skip = shutil.ignore_patterns(*SKIPPED)
    shutil.copytree(standard, tree / str(standard).lstrip("/"), ignore=skip, dirs_exist_ok=True)
    for module in (tree / str(standard).lstrip("/") / "lib-dynload").glob("*.so"):
        copy_libraries(tree, str(module))
    for name in ("pam_rootok.so", "pam_permit.so"):
        for directory in Path("/lib").glob("*-linux-gnu/security"):
            copy_file(tree, str(directory / name))
            copy_libraries(tree, str(directory / name))
    (tree / "home/worker").chmod(0o755)
    os.chown(tree / "home/worker", 1000, 1000)
    for name in ("tmp", "var/tmp"):
        (tree / name).chmod(0o1777)
    (tree / "root").chmod(0o700)


def copy_program(tree: Path, program: str, target: str | None = None) -> None:
    """Copy a program and the libraries it is linked with."""
    copy_file(tree, program, target or f"/usr/bin/{Path(program).name}")
    copy_libraries(tree, program)


def copy_libraries(tree: Path, program: str) -> None:
    """Copy the libraries that a program or library is linked with."""
    for line in run("ldd", program).splitlines():
        path = next((word for word in line.split() if word.startswith("/")), None)
        if path:
            copy_file(tree, path)


def copy_file(tree: Path, source: str, target: str | None = None) -> None:
    """Copy a file with its mode; links in the tree lead /lib to /usr/lib."""
    place = tree / (target or source).lstrip("/")
    if not place.exists() and os.path.exists(source):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
