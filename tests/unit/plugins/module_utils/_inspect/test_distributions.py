# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whose answer depends on the distribution, over files in memory: there is no disk of each of them here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks_disk import Layout
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.contents import FILESYSTEM, Content
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.examine import LINUX
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.filesystems import (
    DIRECTORY,
    FILE,
    LINK,
    FileSystem,
    Node,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Disk
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.tree import Tree
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import read_table

from .conftest import TODAY
from .systems import KERNEL, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .systems import Files


class Memory(Node):
    """A folder with what is below it, or a file, or a link (``-> x``)."""

    def __init__(self, name: str, content: str | bytes = "") -> None:
        super().__init__(name)
        self.content = content
        self.below: dict[str, Memory] = {}

    def _kind(self) -> str:
        if self.below:
            return DIRECTORY
        return LINK if isinstance(self.content, str) and self.content.startswith("-> ") else FILE

    def _size(self) -> int:
        return len(self._read(1 << 30))

    def _entries(self) -> Iterator[tuple[str, Node]]:
        yield from self.below.items()

    def _read(self, most: int) -> bytes:
        return (self.content.encode() if isinstance(self.content, str) else self.content)[:most]

    def _target(self) -> str:
        return str(self.content)[3:]


def system(files: Files) -> Linux:
    root = Memory("")
    for path, content in files.items():
        *folders, name = path.split("/")
        folder = root
        for part in folders:
            folder = folder.below.setdefault(part, Memory(part))
        folder.below[name] = Memory(name, content or "")
    blank = Disk(4096, lambda _offset, length: bytes(length))
    layout = Layout(read_table(blank), [])  # type: ignore[arg-type]
    return Linux(Tree(FileSystem(Content(FILESYSTEM, "ext4"), root)), layout, TODAY)


def result(check: str, files: Files) -> str:
    found = next(each for book in LINUX for each in book.checks if each.id == check)
    return str(found.run(system(files), specialized=False)["result"])


def release(name: str, version: str, like: str = "") -> Files:
    return {"etc/os-release": f'ID={name}\nVERSION_ID="{version}"\nID_LIKE="{like}"\n'}


OLD, MIDDLE, NEW = (
    release("rhel", "6.5", "fedora"),
    release("centos", "7", "rhel fedora"),
    release("rocky", "9.4", "rhel"),
)
FEDORA, SUSE = release("fedora", "41"), release("sles", "15.6", "suse")
MARINER, AZURE_LINUX = release("mariner", "2.0"), release("azurelinux", "3.0")
UBUNTU, DEBIAN = release("ubuntu", "24.04", "debian"), release("debian", "12")
MENU = "boot/grub/grub.conf"
IFCFG = "etc/sysconfig/network-scripts/ifcfg-eth0"
X86 = {"usr/bin/bash": b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + b"\x3e\0"}
ARM = {"usr/bin/bash": b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + b"\xb7\0"}
MODULES = f"lib/modules/{KERNEL}/modules.dep"
CASES: list[tuple[str, Files, str]] = [
    ("boot.numa", {**OLD, MENU: f"kernel /vmlinuz-2.6 {OPTIONS}\n"}, "fail"),
    ("boot.numa", {**OLD, MENU: f"kernel /vmlinuz-2.6 {OPTIONS} numa=off\n"}, "pass"),
    ("boot.numa", OLD, "unknown"),
    ("boot.numa", {**MIDDLE, MENU: f"linux /vmlinuz-3.10 {OPTIONS}\n"}, "not applicable"),
    ("boot.accelerated_networking", {MODULES: "kernel/mlx4_core.ko:\nkernel/mlx5_core.ko:\nkernel/mana.ko:\n"}, "pass"),
    ("boot.accelerated_networking", {MODULES: "kernel/mlx4_core.ko:\nkernel/mlx5_core.ko:\n"}, "fail"),
    ("boot.accelerated_networking", {}, "unknown"),
    ("system.openssl", {"usr/lib64/libcrypto.so.3.2.2": "library"}, "pass"),
    ("system.openssl", {"usr/lib64/libcrypto.so.1.1": "library"}, "pass"),
    (
        "system.openssl",
        {"usr/lib64/libcrypto.so.10": "-> libcrypto.so.1.0.2k", "usr/lib64/libcrypto.so.1.0.2k": "library"},
        "pass",
    ),
    (
        "system.openssl",
        {"usr/lib64/libcrypto.so.10": "-> libcrypto.so.1.0.1e", "usr/lib64/libcrypto.so.1.0.1e": "library"},
        "fail",
    ),
    ("system.openssl", {"usr/lib64/libcrypto.so.10": "library"}, "unknown"),
    ("system.python", {"usr/bin/python3": "-> python3.12"}, "pass"),
    ("system.python", {"usr/libexec/platform-python3.6": "python"}, "fail"),
    ("system.python", {}, "fail"),
    ("packages.yum_caching", {**OLD, "etc/yum.conf": "[main]\nhttp_caching=packages\n"}, "pass"),
    ("packages.yum_caching", {**OLD, "etc/yum.conf": "[main]\n"}, "fail"),
    ("packages.yum_caching", NEW, "not applicable"),
    ("packages.sources", {**NEW, "etc/yum.repos.d/a.repo": "[baseos]\nname=x\n"}, "pass"),
    ("packages.sources", {**NEW, "etc/yum.repos.d/a.repo": "[baseos]\nenabled=0\n[other]\nenabled=1\n"}, "fail"),
    ("packages.sources", {**SUSE, "etc/zypp/repos.d/a.repo": "[SLE-Pool]\n[SLE-Updates]\n"}, "pass"),
    ("packages.sources", {**SUSE, "etc/zypp/repos.d/a.repo": "[mine]\n"}, "fail"),
    ("packages.sources", SUSE, "not applicable"),
    ("packages.sources", {**MARINER, "etc/yum.repos.d/a.repo": "[mariner-official-base]\n"}, "pass"),
    ("packages.sources", {**AZURE_LINUX, "etc/yum.repos.d/a.repo": "[mariner-official-base]\n"}, "fail"),
    (
        "packages.sources",
        {
            **(UBUNTU | X86),
            "etc/apt/sources.list.d/ubuntu.sources": "URIs: http://azure.archive.ubuntu.com/ubuntu\n"
            "Suites: noble noble-updates noble-security\n",
        },
        "pass",
    ),
    (
        "packages.sources",
        {**(UBUNTU | ARM), "etc/apt/sources.list": "deb http://azure.archive.ubuntu.com/ubuntu noble main\n"},
        "fail",
    ),
    ("packages.sources", {**DEBIAN, "etc/apt/sources.list": "deb [x=y] http://deb.debian.org/debian stable main\n"}, "pass"),
    ("packages.sources", release("gentoo", "2"), "not applicable"),
    ("network.file", {**MIDDLE, "etc/sysconfig/network": 'NETWORKING="yes"\n'}, "pass"),
    ("network.file", {**MIDDLE, "etc/sysconfig/network": "NETWORKING=no\n"}, "fail"),
    ("network.file", NEW, "not applicable"),
    ("network.file", {**AZURE_LINUX, "etc/systemd/networkd.conf": ""}, "pass"),
    ("network.file", AZURE_LINUX, "fail"),
    ("network.file", UBUNTU, "not applicable"),
    ("network.ifcfg", {**MIDDLE, IFCFG: "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n"}, "pass"),
    ("network.ifcfg", {**MIDDLE, IFCFG: "DEVICE=eth0\nBOOTPROTO=static\nONBOOT=yes\n"}, "fail"),
    ("network.ifcfg", {**MIDDLE, "usr/bin/cloud-init": "script"}, "not applicable"),
    ("network.ifcfg", FEDORA, "not applicable"),
    ("network.manager", {**OLD, "usr/sbin/NetworkManager": "program"}, "fail"),
    ("network.manager", OLD, "pass"),
    ("network.manager", MIDDLE, "not applicable"),
    ("network.dhcp_hostname", {**SUSE, "etc/sysconfig/network/dhcp": 'DHCLIENT_SET_HOSTNAME="no"\n'}, "pass"),
    ("network.dhcp_hostname", {**SUSE, "etc/sysconfig/network/dhcp": 'DHCLIENT_SET_HOSTNAME="yes"\n'}, "fail"),
    ("network.dhcp_hostname", {**MARINER, "etc/dhcp/dhclient.conf": "send host-name = gethostname();\n"}, "pass"),
    ("network.dhcp_hostname", AZURE_LINUX, "fail"),
    ("network.dhcp_hostname", DEBIAN, "not applicable"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "files", "expected"), CASES)
def test_check(check: str, files: Files, expected: str) -> None:
    assert result(check, files) == expected
