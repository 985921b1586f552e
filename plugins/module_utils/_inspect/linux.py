# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a Linux system, read from its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks_disk import Layout
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.tree import Tree

_MACHINES = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 21: "ppc64", 22: "s390x", 243: "riscv64"}
_PROGRAMS = ("/usr/bin/bash", "/bin/bash", "/usr/bin/sh", "/bin/sh", "/usr/bin/env", "/sbin/init")
_NOBODY = 65534
_DPKG = 16 << 20


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    home: str
    shell: str


@dataclass(frozen=True)
class BootEntry:
    """One Linux entry of a boot menu: the file it stands in and the words of its kernel command line."""

    file: str
    kernel: str
    words: tuple[str, ...]


class Linux:
    """What the checks ask. Everything is read when it is first asked for; ``Unreadable`` passes through.

    :param today: ISO date.
    """

    def __init__(self, tree: Tree, layout: Layout, today: str) -> None:
        self.tree = tree
        self.layout = layout
        self.today = today

    @cached_property
    def release(self) -> dict[str, str]:
        """os-release, by its keys."""
        text = self.tree.text("/etc/os-release", 1 << 16) or self.tree.text("/usr/lib/os-release", 1 << 16)
        pairs = (line.strip().partition("=") for line in text.splitlines() if "=" in line and line[:1] != "#")
        return {key: value.strip("\"'") for key, _equal, value in pairs}

    @property
    def id(self) -> str:
        return self.release.get("ID", "").lower()

    @property
    def family(self) -> str:
        """``debian``, ``redhat``, ``suse``, ``mariner`` or the distribution's own id."""
        names = [self.id, *self.release.get("ID_LIKE", "").lower().split()]
        families = {
            "debian": ("debian", "ubuntu"),
            "redhat": ("rhel", "fedora", "centos", "ol", "almalinux", "rocky"),
            "suse": ("suse", "sles", "opensuse", "opensuse-leap"),
            "mariner": ("mariner", "azurelinux"),
        }
        return next((family for family, members in families.items() if set(names) & set(members)), self.id)

    @property
    def version(self) -> tuple[int, ...]:
        return numbers(self.release.get("VERSION_ID", ""))

    @cached_property
    def architecture(self) -> str:
        """From the head of a program; empty when none is found."""
        for path in _PROGRAMS:
            head = self.tree.data(path, 20) or b""
            if head[:4] == b"\x7fELF":
                order = "big" if head[5] == 2 else "little"
                machine = int.from_bytes(head[18:20], order)  # type: ignore[arg-type]
                return _MACHINES.get(machine, f"machine {machine}")
        return ""

    @cached_property
    def kernels(self) -> list[str]:
        """Versions with modules."""
        folders = (f"/lib/modules/{name}" for name in self.tree.names("/lib/modules"))
        return [path.rsplit("/", 1)[1] for path in folders if self.tree.names(path)]

    @cached_property
    def accounts(self) -> list[Account]:
        rows = [line.split(":") for line in self.tree.text("/etc/passwd").splitlines()]
        return [Account(row[0], int(row[2]), row[5], row[6]) for row in rows if len(row) >= 7 and row[2].isdigit()]

    @property
    def people(self) -> list[Account]:
        """Accounts of persons: from UID_MIN."""
        found = re.search(r"^UID_MIN\s+(\d+)", self.tree.text("/etc/login.defs"), re.MULTILINE)
        least = int(found[1]) if found else 1000
        return [each for each in self.accounts if least <= each.uid < _NOBODY]

    @cached_property
    def passwords(self) -> dict[str, str]:
        """Second fields of /etc/shadow by name; never shown."""
        rows = (line.split(":") for line in self.tree.text("/etc/shadow").splitlines())
        return {row[0]: row[1] for row in rows if len(row) > 1}

    @property
    def homes(self) -> list[tuple[str, str]]:
        """Names and home folders of those who can log in, each folder once; folders below /home without account too."""
        found = {each.home.rstrip("/"): each.name for each in self.accounts if "nologin" not in each.shell}
        for name in self.tree.names("/home"):
            found.setdefault(f"/home/{name}", name)
        return [(name, home) for home, name in found.items() if home]

    @cached_property
    def boot_entries(self) -> list[BootEntry]:
        """Entries of GRUB's menu and of the Boot Loader Specification, with grubenv's ``kernelopts`` put in."""
        found: list[BootEntry] = []
        for path in ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/menu.lst", "/boot/grub/grub.conf"):
            lines = re.findall(
                r"^\s*(?:linux(?:efi|16)?|kernel)\s+(\S*(?:vmlinu|bzImage|Image)\S*.*)$", self.tree.text(path), re.M
            )
            found += [BootEntry(path, *_split(line)) for line in lines]
        variables = self.boot_variables
        for path in self.tree.glob("/boot/loader/entries/*.conf") + self.tree.glob("/boot/efi/loader/entries/*.conf"):
            text = self.tree.text(path)
            kernel = re.search(r"^linux\s+(\S+)", text, re.M)
            options = " ".join(re.findall(r"^options\s+(.*)$", text, re.M))
            options = re.sub(r"\$(\w+)", lambda name: variables.get(name[1], ""), options)
            if kernel:
                found.append(BootEntry(path, *_split(f"{kernel[1]} {options}")))
        return list(dict.fromkeys(found))

    @cached_property
    def boot_variables(self) -> dict[str, str]:
        text = self.tree.text("/boot/grub2/grubenv") or self.tree.text("/boot/grub/grubenv")
        return dict(re.findall(r"^(\w+)=(.*)$", text, re.M))

    @cached_property
    def packages(self) -> dict[str, str]:
        """Installed packages of dpkg with their versions; empty with RPM, whose database is not read."""
        found = {}
        for record in self.tree.text("/var/lib/dpkg/status", _DPKG).split("\n\n"):
            if "\nStatus: install ok installed" in record or record.startswith("Status: install ok installed"):
                name = re.search(r"^Package: (\S+)", record, re.M)
                version = re.search(r"^Version: (\S+)", record, re.M)
                if name and version:
                    found[name[1]] = version[1]
        return found

    def enabled(self, *units: str) -> str | None:
        """Return the link that starts one of some systemd units at boot; ``None`` when nothing does."""
        for folder in ("/etc/systemd/system", "/usr/lib/systemd/system"):
            for wants in self.tree.glob(f"{folder}/*.wants") + self.tree.glob(f"{folder}/*.requires"):
                names = self.tree.names(wants)
                for unit in units:
                    if unit in names:
                        return f"{wants}/{unit}"
        return next(
            (path for unit in units for path in self.tree.glob(f"/etc/rc?.d/S*{unit.removesuffix('.service')}")), None
        )

    def masked(self, unit: str) -> bool:
        return self.tree.link(f"/etc/systemd/system/{unit}") == "/dev/null"

    def describe(self) -> dict[str, Any]:
        release = self.release
        return {
            "family": "linux",
            "id": printable(self.id),
            "name": printable(release.get("PRETTY_NAME") or release.get("NAME", "")),
            "version": printable(release.get("VERSION_ID", "")),
            "codename": printable(release.get("VERSION_CODENAME", "")),
            "architecture": printable(self.architecture),
            "kernels": [printable(each) for each in self.kernels[:20]],
            "hostname": printable(self.tree.text("/etc/hostname", 4096).strip()),
        }

    def agents(self) -> dict[str, Any]:
        return {
            "waagent": {"installed": bool(self.waagent), "version": printable(self.waagent_version)},
            "cloud_init": {"installed": bool(self.cloud_init), "version": printable(self.cloud_init_version)},
        }

    @cached_property
    def waagent(self) -> str:
        """The agent's program; empty when it is not installed."""
        return next(
            (
                path
                for path in ("/usr/sbin/waagent", "/usr/bin/waagent", "/usr/share/oem/bin/waagent")
                if self.tree.exists(path)
            ),
            "",
        )

    @cached_property
    def waagent_version(self) -> str:
        """From its own source, wherever the distribution puts it; empty when not found."""
        folders = ("/usr/lib/python3*/*-packages", "/usr/lib/python3", "/usr/lib64/python3*/site-packages",
                   "/usr/local/lib/python3*/*-packages", "/usr/lib/python2*/*-packages")  # fmt: skip
        for pattern in (*folders, "/usr/lib/python3/dist-packages"):
            for path in self.tree.glob(f"{pattern}/azurelinuxagent/common/version.py"):
                found = re.search(r"^AGENT_VERSION = ['\"]([\d.]+)['\"]", self.tree.text(path), re.M)
                if found:
                    return str(found[1])
        return ""

    @cached_property
    def cloud_init(self) -> str:
        return next(
            (path for path in ("/usr/bin/cloud-init", "/usr/local/bin/cloud-init") if self.tree.exists(path)), ""
        )

    @cached_property
    def cloud_init_version(self) -> str:
        for folder in ("/usr/lib/python3/dist-packages", "/usr/lib/python3*/site-packages"):
            for path in self.tree.glob(f"{folder}/cloudinit/version.py"):
                found = re.search(r"^__VERSION__ = ['\"]([\d.]+)", self.tree.text(path), re.M)
                if found:
                    return str(found[1])
        return self.packages.get("cloud-init", "")

    def settings(self, path: str) -> dict[str, str]:
        """Return ``key=value`` lines of a file."""
        lines = (line.strip() for line in self.tree.text(path).splitlines())
        return {
            key.strip(): value.strip().strip("\"'")
            for key, equal, value in (line.partition("=") for line in lines if line[:1] != "#")
            if equal
        }

    def cloud_configs(self) -> list[str]:
        """Paths of cloud-init's configuration, in the order in which they are read."""
        first = ["/etc/cloud/cloud.cfg"] if self.tree.is_file("/etc/cloud/cloud.cfg") else []
        return first + self.tree.glob("/etc/cloud/cloud.cfg.d/*.cfg")


def numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version."""
    found = re.match(r"\d{1,9}(?:[.-]\d{1,9})*", text)
    return tuple(int(part) for part in re.split(r"[.-]", found[0])) if found else ()


def _split(line: str) -> tuple[str, tuple[str, ...]]:
    words = line.split()
    return words[0].rsplit("/", 1)[-1], tuple(words[1:])
