# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a directory tree, or the root partition of a disk file with debugfs, and say as JSON what a clone would inherit.

Written without the roles in mind: nothing here knows what they remove, or how.

    examine.py DIRECTORY
    examine.py DISK OFFSET    # of the ext4 partition, in bytes
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

CONFIGURATION = (
    "boot/grub/grub.cfg",
    "etc/apt/sources.list.d/ubuntu.sources",
    "etc/chrony/chrony.conf",
    "etc/cloud/cloud-init.disabled",
    "etc/cloud/cloud.cfg.d/10-azure-kvp.cfg",
    "etc/cloud/cloud.cfg.d/90-azure.cfg",
    "etc/cloud/cloud.cfg.d/91-azure_datasource.cfg",
    "etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg",
    "etc/cloud/ds-identify.cfg",
    "etc/default/grub.d/99-azure.cfg",
    "etc/fstab",
    "etc/initramfs-tools/modules",
    "etc/network/interfaces",
    "etc/netplan/00-installer-config.yaml",
    "etc/ssh/sshd_config.d/10-azure.conf",
    "etc/sudoers",
    "etc/udev/rules.d/10-azure-unmanaged-sriov.rules",
    "etc/udev/rules.d/67-azure-nvme.rules",
    "etc/waagent.conf",
    "swapfile",
)


class Tree(Protocol):
    def read(self, path: str) -> str | None: ...
    def sizes(self, path: str) -> dict[str, int]: ...


class Directory:
    """A tree that is a directory of this machine; symbolic links are not followed out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> str | None:
        file = self.root / path
        return file.read_text(errors="replace") if file.is_file() and not file.is_symlink() else None

    def sizes(self, path: str) -> dict[str, int]:
        folder = self.root / path
        entries = folder.iterdir() if folder.is_dir() else []
        return {entry.name: -1 if entry.is_dir() else entry.lstat().st_size for entry in entries}


class Disk:
    """A tree that is an ext4 file system inside a disk file."""

    def __init__(self, path: str, offset: str) -> None:
        self.device = f"{path}?offset={offset}"

    def ask(self, request: str) -> tuple[str, str]:
        done = subprocess.run(
            ["debugfs", "-R", request, self.device], capture_output=True, text=True, errors="replace", check=True
        )
        return done.stdout, done.stderr

    def read(self, path: str) -> str | None:
        text, complaint = self.ask(f"cat /{path}")
        return None if "File not found" in complaint else text

    def sizes(self, path: str) -> dict[str, int]:
        rows = [line.split("/") for line in self.ask(f"ls -p /{path}")[0].splitlines() if line.startswith("/")]
        directory = "04"
        return {
            row[5]: -1 if row[2].startswith(directory) else int(row[6] or 0)
            for row in rows
            if row[5] not in (".", "..") and row[1] != "0"
        }


def files(tree: Tree, path: str) -> dict[str, int]:
    """Every file below a path with its size."""
    found: dict[str, int] = {}
    for name, size in tree.sizes(path).items():
        found |= files(tree, f"{path}/{name}") if size < 0 else {f"{path}/{name}": size}
    return found


def examine(tree: Tree) -> dict[str, Any]:
    accounts = [line.split(":") for line in (tree.read("etc/passwd") or "").splitlines()]
    shadow = [line.split(":") for line in (tree.read("etc/shadow") or "").splitlines()]
    homes = {"root": "root"} | {name: f"home/{name}" for name in tree.sizes("home")}
    return {
        "machine_id": tree.read("etc/machine-id"),
        "hostname": tree.read("etc/hostname"),
        "hosts": tree.read("etc/hosts"),
        "users": [fields[0] for fields in accounts if 1000 <= int(fields[2]) < 65534],
        "passwords": [fields[0] for fields in shadow if fields[1] and fields[1][0] not in "!*"],
        "homes": sorted(tree.sizes("home")),
        "host_keys": sorted(name for name in tree.sizes("etc/ssh") if name.startswith("ssh_host_")),
        "histories": sorted(
            f"{home}/{name}" for home in homes.values() for name in tree.sizes(home) if name.endswith("history")
        ),
        "authorized_keys": sorted(
            f"{home}/.ssh/{name}" for home in homes.values() for name in tree.sizes(f"{home}/.ssh")
        ),
        "sudo_rules": sorted(name for name in tree.sizes("etc/sudoers.d") if name != "README"),
        "cloud": sorted(tree.sizes("var/lib/cloud")),
        "agent": sorted(tree.sizes("var/lib/waagent")),
        "leases": sorted(files(tree, "var/lib/dhcp")),
        "seed": "random-seed" in tree.sizes("var/lib/systemd"),
        "tmp": sorted([*tree.sizes("tmp"), *tree.sizes("var/tmp")]),
        "logs": sorted(path for path, size in files(tree, "var/log").items() if size and not path.endswith("/README")),
        "account_copies": sorted(
            name for name in tree.sizes("etc") if name in ("passwd-", "shadow-", "group-", "gshadow-")
        ),
        "files": {path: tree.read(path) for path in CONFIGURATION},
        "record": "goldenimage-azure" in tree.sizes("var/lib"),
    }


if __name__ == "__main__":
    tree: Tree = Directory(Path(sys.argv[1])) if len(sys.argv) == 2 else Disk(sys.argv[1], sys.argv[2])
    sys.stdout.write(json.dumps(examine(tree)) + "\n")
