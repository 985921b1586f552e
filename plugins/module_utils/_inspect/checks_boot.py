# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does it start on Azure and can one watch it: kernel command line, drivers, file systems."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import initramfs, mounts
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import (
    GENERIC,
    LISA,
    RUN_PREPARE,
    Book,
    Outcome,
    failed,
    none_of,
    not_applicable,
    passed,
    unknown,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux

BOOK: Book[Linux] = Book()
_STABLE = re.compile(r"root=(\"?(UUID|PARTUUID|LABEL|PARTLABEL)=|/dev/(mapper|disk)/|ZFS=|zfs)|root=/dev/[^/]+/[^/]+$")
_UNSTABLE_DEVICE = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|mmcblk|loop)")
_CONSOLES = {"x86_64": "ttyS0", "aarch64": "ttyAMA0"}
_ESSENTIAL = ("hv_vmbus", "hv_storvsc", "hv_netvsc")


def _lacking(system: Linux, what: str, fits: Callable[[str], bool]) -> list[tuple[str, str]]:
    """The boot entries of whose words none fits."""
    return [
        (each.file, f"{each.kernel} lacks {what}") for each in system.boot_entries if not any(map(fits, each.words))
    ]


def _having(system: Linux, *unwanted: str) -> list[tuple[str, str]]:
    """The boot entries with one of the words."""
    return [
        (each.file, f"{each.kernel} has {word}")
        for each in system.boot_entries
        for word in each.words
        if word in unwanted
    ]


def _no_kernel(system: Linux) -> Outcome | None:
    return None if system.kernels else unknown("No kernel with modules was found.", "/lib/modules")


def _no_menu(system: Linux) -> Outcome | None:
    return None if system.boot_entries else unknown("No boot menu was found that this reader knows.", "/boot")


@BOOK.check(
    "boot.console", "Every boot entry has the serial console",
    remedy=f"{RUN_PREPARE}, or add console=ttyS0 (arm64: ttyAMA0) to the kernel's command line.",
    source=f"{LISA}: verify_serial_console_is_enabled",
)  # fmt: skip
def _console(system: Linux) -> Outcome:
    console = _CONSOLES.get(system.architecture)
    if console is None:
        return unknown(f"The architecture is {system.architecture or 'unknown'}.")
    lacking = _lacking(system, f"console={console}", lambda word: word.split(",")[0] == f"console={console}")
    return _no_menu(system) or none_of(lacking, *((each.file, each.kernel) for each in system.boot_entries))


@BOOK.check(
    "boot.early_console", "Every boot entry shows the first messages of the kernel", severity="warning",
    remedy=f"{RUN_PREPARE}, or add earlyprintk=ttyS0,115200 (arm64: earlycon=pl011,0xeffec000).", source=GENERIC,
)  # fmt: skip
def _early(system: Linux) -> Outcome:
    return _no_menu(system) or none_of(
        _lacking(system, "earlyprintk or earlycon", lambda word: word.startswith(("earlyprintk=", "earlycon")))
    )


@BOOK.check(
    "boot.forbidden_options", "No boot entry keeps the provisioning CD or cloud-init away",
    remedy=f"{RUN_PREPARE}, or remove the options.", source=f"{LISA}: verify_grub",
)  # fmt: skip
def _forbidden(system: Linux) -> Outcome:
    unwanted = ("libata.atapi_enabled=0", "reserve=0x1f0,0x8", "cloud-init=disabled")
    found = _having(system, *unwanted)
    found += [("/boot/grub2/grubenv", f"{key}={value}") for key, value in system.boot_variables.items()
              if any(word in value.split() for word in unwanted)]  # fmt: skip
    return _no_menu(system) or none_of(found)


@BOOK.check(
    "boot.quiet", "No boot entry hides messages or sets memory aside", severity="info",
    remedy=f"{RUN_PREPARE}, or remove rhgb, quiet, splash and crashkernel=auto.", source=GENERIC,
)  # fmt: skip
def _quiet(system: Linux) -> Outcome:
    found = _having(system, "rhgb", "quiet", "splash", "splash=silent", "crashkernel=auto")
    return _no_menu(system) or none_of(found)


@BOOK.check(
    "boot.numa", "Old Red Hat kernels have numa=off",
    remedy="Add numa=off to the kernel's command line.", source=f"{LISA}: verify_grub",
)  # fmt: skip
def _numa(system: Linux) -> Outcome:
    if system.family != "redhat" or system.id == "fedora" or not system.version or system.version >= (6, 6):
        return not_applicable("Only for Red Hat systems before 6.6.")
    return _no_menu(system) or none_of(_lacking(system, "numa=off", lambda word: word == "numa=off"))


@BOOK.check(
    "boot.root_device", "Every boot entry names the root by what is on it",
    remedy=f"{RUN_PREPARE}, or use root=UUID=….", source=GENERIC,
)  # fmt: skip
def _root(system: Linux) -> Outcome:
    roots = [(each.file, word) for each in system.boot_entries for word in each.words if word.startswith("root=")]
    return _no_menu(system) or none_of((pair for pair in roots if not _STABLE.match(pair[1])), *roots)


@BOOK.check(
    "boot.fstab", "fstab names file systems by what is on them",
    remedy=f"{RUN_PREPARE}, or use UUID=… or LABEL=….", source=GENERIC,
)  # fmt: skip
def _fstab(system: Linux) -> Outcome:
    lines = [fields for fields in mounts.fstab(system.tree) if fields[2] != "swap"]
    return none_of(("/etc/fstab", f"{each[0]} on {each[1]}") for each in lines if _UNSTABLE_DEVICE.match(each[0]))


def _modules(system: Linux, kernel: str) -> tuple[set[str], set[str]]:
    """The loadable and the built-in modules of a kernel."""
    folder = f"/lib/modules/{kernel}"
    depends = system.tree.text(f"{folder}/modules.dep", 8 << 20)
    if not depends:
        raise Unreadable(f"{folder}/modules.dep is empty or not there")
    loadable = re.findall(r"^[^:\n]*/([^/:\n]+)\.ko[^:\n/]*:", depends, re.M)
    built_in = re.findall(r"/([^/\s]+)\.ko", system.tree.text(f"{folder}/modules.builtin"))
    return {name.replace("-", "_") for name in loadable}, {name.replace("-", "_") for name in built_in}


def _image(system: Linux, kernel: str) -> str | None:
    names = (
        f"/boot/initrd.img-{kernel}",
        f"/boot/initramfs-{kernel}.img",
        f"/boot/initrd-{kernel}",
        f"/boot/initrd-{kernel}.img",
    )
    return next((name for name in names if system.tree.is_file(name)), None)


def _in_initramfs(system: Linux, drivers: tuple[str, ...]) -> Outcome:
    if no_kernel := _no_kernel(system):
        return no_kernel
    bad, good = [], []
    for kernel in system.kernels:
        loadable, built_in = _modules(system, kernel)
        bad += [(f"/lib/modules/{kernel}", f"has no {name}") for name in drivers if name not in loadable | built_in]
        wanted = [name for name in drivers if name in loadable]
        image = _image(system, kernel)
        if not wanted:
            good.append((f"/lib/modules/{kernel}", "all are built in"))
        elif image is None:
            bad.append((f"/boot/initrd.img-{kernel}", "not there"))
        else:
            inside = initramfs.modules(system.tree.data(image, initramfs.MOST_PACKED) or b"")
            bad += [(image, f"lacks {name}") for name in wanted if name not in inside]
            good.append((image, f"has {', '.join(wanted)}"))
    return none_of(bad, *good)


@BOOK.check(
    "boot.hyperv_drivers", "Every kernel reaches its disk and network on Hyper-V",
    remedy=f"{RUN_PREPARE}, or put hv_vmbus, hv_storvsc and hv_netvsc into the initramfs.", source=GENERIC,
)  # fmt: skip
def _hyperv(system: Linux) -> Outcome:
    return _in_initramfs(system, _ESSENTIAL)


def _loadable(system: Linux, name: str) -> Outcome:
    """Whether a module exists in every kernel and nothing keeps it from being loaded."""
    if no_kernel := _no_kernel(system):
        return no_kernel
    bad = []
    for kernel in system.kernels:
        loadable, built_in = _modules(system, kernel)
        if name not in loadable | built_in:
            bad.append((f"/lib/modules/{kernel}", f"has no {name}"))
    blocked = re.compile(rf"^\s*(?:blacklist\s+{name}\b|install\s+{name}\s+(?:/usr)?/bin/(?:true|false)).*$", re.M)
    for folder in ("/etc/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"):
        for path in system.tree.glob(f"{folder}/*.conf"):
            bad += [(path, line) for line in blocked.findall(system.tree.text(path))]
    return none_of(dict.fromkeys(bad))


@BOOK.check(
    "boot.vfat", "The EFI partition and the agent's disks can be mounted (vfat)",
    remedy="Remove what blocks the module vfat in /etc/modprobe.d.", source=GENERIC,
)  # fmt: skip
def _vfat(system: Linux) -> Outcome:
    return _loadable(system, "vfat")


@BOOK.check(
    "boot.udf", "The provisioning CD can be mounted (udf)",
    remedy="Remove what blocks the module udf in /etc/modprobe.d, or install the kernel's extra modules.", source=GENERIC,
)  # fmt: skip
def _udf(system: Linux) -> Outcome:
    return _loadable(system, "udf")


@BOOK.check(
    "boot.essential_modules", "Kernels support watchdogs and CIFS", severity="warning",
    remedy="Use a kernel with CONFIG_WATCHDOG and CONFIG_CIFS.", source=f"{LISA}: verify_essential_kernel_modules",
)  # fmt: skip
def _essential(system: Linux) -> Outcome:
    configurations = {kernel: system.tree.text(f"/boot/config-{kernel}") or system.tree.text(f"/lib/modules/{kernel}/config")
                      for kernel in system.kernels}  # fmt: skip
    if not any(configurations.values()):
        return unknown("No configuration of a kernel was found.", "/boot/config-*")
    return none_of(
        (f"/boot/config-{kernel}", f"{option} is not set")
        for kernel, text in configurations.items()
        for option in ("CONFIG_WATCHDOG", "CONFIG_CIFS")
        if text and not re.search(rf"^{option}=[ym]$", text, re.M)
    )


@BOOK.check(
    "boot.nvme", "Every kernel reaches a remote NVMe disk", severity="warning",
    remedy=f"{RUN_PREPARE}, or put nvme and nvme_core into the initramfs.", source="Azure: Enable NVMe interface",
)  # fmt: skip
def _nvme(system: Linux) -> Outcome:
    return _in_initramfs(system, ("nvme", "nvme_core"))


@BOOK.check(
    "boot.nvme_timeout", "Remote NVMe disks get the time they may need", severity="warning",
    remedy=f"{RUN_PREPARE}, or add nvme_core.io_timeout=240.", source="Azure: Enable NVMe interface",
)  # fmt: skip
def _nvme_timeout(system: Linux) -> Outcome:
    option = "nvme_core.io_timeout=240"
    lacking = _lacking(system, option, lambda word: word == option)
    if not lacking and system.boot_entries:
        return passed(*((each.file, option) for each in system.boot_entries))
    for folder in ("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"):
        for path in system.tree.glob(f"{folder}/*azure*.rules"):
            if "240000" in system.tree.text(path):
                return passed((path, "io_timeout 240000"))
    return _no_menu(system) or failed(*lacking)


@BOOK.check(
    "boot.accelerated_networking", "Kernels have drivers for accelerated networking", severity="info",
    remedy="Use a kernel with mlx5_core, mlx4_core and mana.", source="Azure: Accelerated Networking overview",
)  # fmt: skip
def _accelerated(system: Linux) -> Outcome:
    found = []
    for kernel in system.kernels:
        loadable, built_in = _modules(system, kernel)
        names = [name for name in ("mlx4_core", "mlx5_core", "mana") if name not in loadable | built_in]
        found += [(f"/lib/modules/{kernel}", f"has no {name}") for name in names]
    return _no_kernel(system) or none_of(found)


@BOOK.check(
    "boot.loader_architecture", "The loader on the EFI partition is for the system's architecture",
    remedy="Install the boot loader of the system's architecture.", source="Azure: Support for Generation 2 VMs",
)  # fmt: skip
def _loader(system: Linux) -> Outcome:
    loaders = system.layout.loaders
    if not loaders:
        return not_applicable("There is no loader in /EFI/BOOT.")
    if not system.architecture:
        return unknown("The architecture of the system is unknown.")
    return passed(*loaders.items()) if system.architecture in loaders.values() else failed(*loaders.items())


@BOOK.check(
    "swap.none", "There is no swap on the OS disk",
    remedy=f"{RUN_PREPARE}, or remove the swap file, partition and line.", source=f"{LISA}: verify_no_swap_on_osdisk; policy 200.3.3",
)  # fmt: skip
def _swap(system: Linux) -> Outcome:
    found = [(each.label, "swap partition") for each in system.layout.volumes if each.content.kind == "swap"]
    lines = [fields for fields in mounts.fstab(system.tree) if fields[2] == "swap"]
    found += [("/etc/fstab", " ".join(fields)) for fields in lines if not fnmatchcase(fields[0], "*azure_resource*")]
    paths = [
        "/swapfile",
        "/swap.img",
        "/swap/swapfile",
        *(fields[0] for fields in lines if not fields[0].startswith("/dev/")),
    ]
    found += [
        (path, f"{system.tree.size(path)} bytes")
        for path in dict.fromkeys(paths)
        if path[:1] == "/" and system.tree.is_file(path)
    ]
    return none_of(found)
