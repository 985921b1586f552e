# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Azure machine would find at boot: a JSON object on standard output, nothing is changed.

Runs on the system itself, with its own Python 3.7 or later and nothing but the standard library.
The argument is JSON: ``parts`` to look at, ``options`` and ``unwanted`` words (with ``*``) of the kernel command line,
``drivers`` for the initramfs (the ``essential`` ones must exist), ``file_systems`` that must be loadable, ``leftovers``
that should not exist, and ``expectations``: objects with ``paths`` and a ``pattern`` that a line of one must match.
"""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STABLE_ROOT = re.compile(r"\sroot=(UUID=|PARTUUID=|LABEL=|PARTLABEL=|/dev/(mapper|disk)/|ZFS=)")
UNSTABLE_DEVICE = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|mmcblk|loop)")


def read(path: str) -> str:
    """The text of a file, or nothing if it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def output(*argv: str) -> str:
    """What a command says, or nothing if it fails or is not there."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def normal(driver: str) -> str:
    return driver.replace("-", "_")


def kernel_lines(options: list[str], unwanted: list[str]) -> list[str]:
    """What is wrong with the entries of GRUB's menu."""
    lines = re.findall(r"^\s*linux(?:efi)?\s+(\S*vmlinu[xz]\S*.*)$", read("/boot/grub/grub.cfg"), re.MULTILINE)
    if not lines:
        return ["the boot menu has no Linux entry"]
    found: list[str] = []
    for line in lines:
        words = line.split()
        kernel = os.path.basename(words[0])
        found += [f"{kernel} lacks {option}" for option in options if option not in words]
        found += [f"{kernel} still has {word}" for word in words if any(fnmatchcase(word, one) for one in unwanted)]
        if not STABLE_ROOT.search(line):
            found += [
                f"{kernel} has {word}, which no other machine knows" for word in words if word.startswith("root=")
            ]
    return list(dict.fromkeys(found))


def modules_of(version: str) -> tuple[set[str], set[str]]:
    """The loadable and the built-in modules of an installed kernel."""
    folder = f"/lib/modules/{version}"
    loadable = re.findall(r"^[^:]*/([^/:]+)\.ko\S*:", read(f"{folder}/modules.dep"), re.MULTILINE)
    built_in = re.findall(r"/([^/\s]+)\.ko", read(f"{folder}/modules.builtin"))
    return {normal(name) for name in loadable}, {normal(name) for name in built_in}


def initramfs(drivers: list[str], essential: list[str]) -> list[str]:
    """Drivers that a kernel has but its initramfs does not, and essential ones that it does not have at all."""
    found: list[str] = []
    for image in sorted(glob.glob("/boot/initrd.img-*")):
        version = os.path.basename(image).split("-", 1)[1]
        loadable, built_in = modules_of(version)
        inside = {normal(name) for name in re.findall(r"/([^/\s]+)\.ko", output("lsinitramfs", image))}
        wanted = [normal(name) for name in drivers]
        found += [f"{image} lacks {name}" for name in wanted if name in loadable and name not in inside]
        missing = [normal(name) for name in essential if normal(name) not in loadable | built_in]
        found += [f"kernel {version} has no {name}" for name in missing]
    return found


def file_systems(names: list[str]) -> list[str]:
    """File systems that modprobe is told not to load."""
    found: list[str] = []
    for version in sorted(os.listdir("/lib/modules")) if os.path.isdir("/lib/modules") else []:
        loadable, _built_in = modules_of(version)
        for name in loadable & set(names):
            says = output("modprobe", "--show-depends", "--use-blacklist", "--set-version", version, name)
            if "insmod" not in says:
                found.append(f"{name} is kept from loading by /etc/modprobe.d; remove that line")
    return list(dict.fromkeys(found))


def mounts() -> dict[str, str]:
    """Mount point to the device that is mounted there."""
    found: dict[str, str] = {}
    for line in read("/proc/self/mountinfo").splitlines():
        front, _ignored, back = line.partition(" - ")
        fields, source = front.split(), back.split()[1]
        by_number = f"/dev/{os.path.basename(os.path.realpath(f'/sys/dev/block/{fields[2]}'))}"
        found[fields[4]] = source if os.path.exists(source) else by_number
    return found


def probe(device: str, tag: str) -> str:
    return output("blkid", "-p", "-s", tag, "-o", "value", device).strip()


def fstab(mounted: dict[str, str]) -> list[dict[str, str]]:
    """Entries that name their device by the order of discovery, with the UUID that names it for good, if known."""
    found: list[dict[str, str]] = []
    for line in read("/etc/fstab").splitlines():
        fields = line.split()
        if len(fields) < 4 or not UNSTABLE_DEVICE.match(fields[0]) or fields[2] == "swap":
            continue
        uuid = probe(mounted[fields[1]], "UUID") if fields[1] in mounted else ""
        found.append({"device": fields[0], "mount_point": fields[1], "uuid": uuid})
    return found


def swap_files() -> list[str]:
    named = [
        line.split()[0] for line in read("/etc/fstab").splitlines() if re.match(r"/(?!dev/)\S+\s+\S+\s+swap\s", line)
    ]
    return sorted({path for path in ["/swapfile", "/swap.img", *named] if os.path.isfile(path)})


def swap_partitions(mounted: dict[str, str]) -> list[str]:
    """Swap partitions on the disk that the root file system is on."""
    siblings = re.sub(r"\d+$", "[0-9]*", mounted.get("/", ""))
    return [device for device in sorted(glob.glob(siblings)) if probe(device, "TYPE") == "swap"]


def efi_partition(mounted: dict[str, str]) -> dict[str, Any]:
    """Whether /boot/efi can be looked into, and the loaders there (relative paths)."""
    folder = "/boot/efi"
    files = [os.path.relpath(path, folder) for path in glob.glob(f"{folder}/[Ee][Ff][Ii]/*/*.[Ee][Ff][Ii]")]
    return {
        "listed": bool(re.search(rf"\s{folder}\s", read("/etc/fstab"))),
        "mounted": folder in mounted,
        "files": sorted(files),
    }


def unmet(expectations: list[dict[str, Any]]) -> list[str]:
    """Expectations that no file meets, in words."""
    return [
        f"no line of {' or '.join(each['paths'])} matches {each['pattern']}"
        for each in expectations
        if not any(re.search(each["pattern"], read(path), re.MULTILINE) for path in each["paths"])
    ]


def survey(questions: dict[str, Any]) -> dict[str, Any]:
    mounted = mounts()
    parts: dict[str, Callable[[], Any]] = {
        "kernel_lines": lambda: kernel_lines(questions["options"], questions["unwanted"]),
        "initramfs": lambda: initramfs(questions["drivers"], questions["essential"]),
        "modules": lambda: file_systems(questions["file_systems"]),
        "unstable_devices": lambda: fstab(mounted),
        "swap_files": swap_files,
        "swap_partitions": lambda: swap_partitions(mounted),
        "efi": lambda: efi_partition(mounted),
        "leftovers": lambda: [path for path in questions["leftovers"] if os.path.lexists(path)],
        "unmet": lambda: unmet(questions["expectations"]),
    }
    return {name: parts[name]() for name in questions["parts"]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(survey(json.loads(sys.argv[1]))) + "\n")
