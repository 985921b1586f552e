# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small disks with systems on them, written with the distribution's own tools: mkfs, mtools, ntfs-3g, hivex."""

from __future__ import annotations

import functools
import gzip
import operator
import os
import re
import struct
import subprocess
import tempfile
from pathlib import Path

MIB = 1 << 20
KERNEL = "6.1.0-9-cloud-amd64"
ROOT_UUID = "83e60250-3bd1-574e-b7ce-a539551f2fca"
_ESP_AT, _ROOT_AT = 1 * MIB, 9 * MIB
ENVIRONMENT = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
OPTIONS = (
    f"root=UUID={ROOT_UUID} ro console=tty1 console=ttyS0,115200n8 earlyprintk=ttyS0,115200 nvme_core.io_timeout=240"
)
DRIVERS = ("hv_vmbus", "hv_storvsc", "hv_netvsc", "nvme", "nvme-core")
Files = dict[str, "str | bytes | None"]


def run(*command: str | Path, stdin: str | None = None) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, capture_output=True, text=True, input=stdin, env=ENVIRONMENT).stdout


def initrd(names: tuple[str, ...]) -> bytes:
    """A gzipped cpio archive with empty modules."""

    def entry(name: str) -> bytes:
        raw = name.encode() + b"\0"
        fields = [1, 0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(raw), 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields)
        return (head + raw).ljust(-(-(len(head) + len(raw)) // 4) * 4, b"\0")

    files = [f"usr/lib/modules/{KERNEL}/kernel/{name}.ko" for name in names]
    return gzip.compress(b"".join(map(entry, [*files, "TRAILER!!!"])))


def clean_linux() -> Files:
    """The files of a prepared and generalized Debian, as few as the checks need. A value ``-> x`` is a link to x."""
    modules = [f"kernel/{name}.ko:" for name in (*DRIVERS, "udf", "vfat", "mlx4_core", "mlx5_core", "mana")]
    return {
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
        "etc/shadow": "root:!:19000:0:99999:7:::\nsshd:!:19000::::::\n",
        "etc/machine-id": "",
        "etc/hostname": "localhost\n",
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/fstab": f"UUID={ROOT_UUID} / ext4 defaults 0 1\nUUID=43EE-DF1D /boot/efi vfat umask=0077 0 1\n",
        "etc/resolv.conf": "-> ../run/systemd/resolve/stub-resolv.conf",
        "etc/sudoers": "Defaults env_reset\n%sudo ALL=(ALL:ALL) ALL\n",
        "etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n#ClientAliveInterval 0\n",
        "etc/ssh/sshd_config.d/10-azure.conf": "ClientAliveInterval 180\n",
        "etc/chrony/chrony.conf": "refclock PHC /dev/ptp_hyperv poll 3 dpoll -2 offset 0\n",
        "etc/waagent.conf": "Provisioning.Agent=cloud-init\nResourceDisk.Format=n\nResourceDisk.EnableSwap=n\n",
        "etc/cloud/cloud.cfg": "users: [default]\n",
        "etc/cloud/cloud.cfg.d/91-azure_datasource.cfg": "datasource_list: [Azure]\n",
        "etc/cloud/cloud.cfg.d/10-azure-kvp.cfg": "reporting:\n  telemetry:\n    type: hyperv\n",
        "etc/apt/sources.list": "deb http://deb.debian.org/debian bookworm main\n",
        "etc/udev/rules.d/10-azure-unmanaged-sriov.rules": "# rule\n",
        "etc/systemd/system/multi-user.target.wants/walinuxagent.service": "-> /lib/systemd/system/walinuxagent.service",
        "etc/systemd/system/multi-user.target.wants/ssh.service": "-> /lib/systemd/system/ssh.service",
        "etc/systemd/system/cloud-init.target.wants/cloud-init.service": "-> /lib/systemd/system/cloud-init.service",
        "usr/bin/bash": b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + struct.pack("<H", 62),
        "usr/bin/python3": "-> python3.11",
        "usr/bin/python3.11": "python",
        "usr/bin/cloud-init": "script",
        "usr/sbin/sshd": "program",
        "usr/sbin/waagent": "script",
        "usr/sbin/hv_kvp_daemon": "program",
        "usr/lib/x86_64-linux-gnu/libcrypto.so.3": "library",
        "usr/lib/python3/dist-packages/azurelinuxagent/common/version.py": "AGENT_VERSION = '2.7.3.0'\n",
        f"lib/modules/{KERNEL}/modules.dep": "\n".join(modules) + "\n",
        f"lib/modules/{KERNEL}/modules.builtin": "kernel/fs/ext4/ext4.ko\n",
        "boot/grub/grub.cfg": f"menuentry 'Linux' {{\n\tlinux /boot/vmlinuz-{KERNEL} {OPTIONS}\n}}\n",
        f"boot/initrd.img-{KERNEL}": initrd(DRIVERS),
        f"boot/config-{KERNEL}": "CONFIG_WATCHDOG=y\nCONFIG_CIFS=m\n",
        "boot/efi/.keep": "",
        "root/.profile": "umask 022\n",
        "var/log/README": "nothing here\n",
    }


def write_tree(folder: Path, files: Files) -> Path:
    """Write files below a folder; ``None`` is left out."""
    for name, content in files.items():
        if content is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str) and content.startswith("-> "):
            path.symlink_to(content[3:])
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def blank(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


@functools.cache
def _table(size: int) -> tuple[bytes, bytes]:
    """The first and last MiB of a partitioned disk; kept, because sgdisk sleeps for a second after each write."""
    with tempfile.TemporaryDirectory() as folder:
        path = blank(Path(folder) / "disk", size)
        table = [f"-n1:{_ESP_AT // 512}:{_ROOT_AT // 512 - 1}", "-t1:ef00", f"-n2:{_ROOT_AT // 512}:0", "-t2:8300"]
        run("sgdisk", *table, path)
        content = path.read_bytes()
        return content[:MIB], content[-MIB:]


def linux_disk(path: Path, files: Files, *, size: int = 48 * MIB, options: tuple[str, ...] = ()) -> Path:
    """A GPT disk with an EFI system partition and an ext4 root, which boots as V2."""
    tree = write_tree(path.with_suffix(".tree"), files)
    head, tail = _table(size)
    with blank(path, size).open("r+b") as file:
        file.write(head)
        file.seek(-MIB, os.SEEK_END)
        file.write(tail)
    run("mkfs.vfat", "-n", "ESP", "-i", "43EEDF1D", "--offset", str(_ESP_AT // 512), path, "8192")
    loader = path.with_suffix(".efi")
    loader.write_bytes(b"MZ")
    esp = f"{path}@@{_ESP_AT}"
    run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", esp, loader, "::/EFI/BOOT/BOOTX64.EFI")
    blocks = (size - MIB - _ROOT_AT) // 4096
    place = ["-E", f"offset={_ROOT_AT},root_owner=0:0", "-U", ROOT_UUID, "-d", str(tree)]
    run("mkfs.ext4", "-q", "-F", "-b", "4096", *options, *place, path, str(blocks))
    return path


_KEY = struct.Struct("<2sHQIIIIIIIIIIIIIIIHH")
_NONE = 0xFFFFFFFF


def _cell(content: bytes) -> bytes:
    size = -(-(4 + len(content)) // 8) * 8
    return struct.pack("<i", -size) + content.ljust(size - 4, b"\0")


def empty_hive() -> bytes:
    """The smallest hive: a head and one bin with a root key and its security descriptor. hivex fills it."""
    name = b"$$$PROTO.HIV"
    security_at = 0x20 + len(_cell(bytes(_KEY.size) + name))
    lists = (0, _NONE, 0, 0, _NONE, _NONE, 0, _NONE, security_at, _NONE, 0, 0, 0, 0, 0)
    key = _cell(_KEY.pack(b"nk", 0x2C, 0, *lists, len(name), 0) + name)
    descriptor = b"\x01\0\x04\x80".ljust(20, b"\0")  # self-relative, and nobody in it
    security = _cell(b"sk\0\0" + struct.pack("<IIII", security_at, security_at, 1, len(descriptor)) + descriptor)
    free = 4096 - 32 - len(key) - len(security)
    cells = key + security + struct.pack("<i", free).ljust(free, b"\0")
    head = (b"regf" + struct.pack("<IIQIIIIIII", 1, 1, 0, 1, 3, 0, 1, 0x20, 4096, 1)).ljust(508, b"\0")
    words = struct.unpack("<127I", head)
    checksum = functools.reduce(operator.xor, words)
    bin_head = (b"hbin" + struct.pack("<II", 0, 4096)).ljust(32, b"\0")
    return (head + struct.pack("<I", checksum)).ljust(4096, b"\0") + bin_head + cells


def hive(path: Path, prefix: str, text: str) -> Path:
    """A hive with the keys of a .reg file, written by hivexregedit."""
    path.write_bytes(empty_hive())
    keys: dict[str, None] = {}  # it does not make the keys above a key
    for key in re.findall(r"^\[(.*)\]$", text, re.MULTILINE):
        parts = key.removeprefix(prefix + "\\").split("\\")
        keys.update(dict.fromkeys("\\".join([prefix, *parts[:depth]]) for depth in range(1, len(parts) + 1)))
    above = "\n\n".join(f"[{key}]" for key in keys)
    script = f"Windows Registry Editor Version 5.00\n\n{above}\n\n{text}\n"
    run("hivexregedit", "--merge", "--prefix", prefix, path, stdin=script)
    return path


def windows_disk(path: Path, hives: dict[str, Path], files: Files, *, size: int = 64 * MIB) -> Path:
    """An MBR disk with an NTFS system volume, made by mkntfs and filled through ntfs-3g."""
    volume = blank(path.with_suffix(".ntfs"), size - 2 * MIB)
    run("mkntfs", "-q", "-F", "-L", "Windows", "-p", "2048", "-H", "255", "-S", "63", "-s", "512", volume)
    contents: Files = {f"Windows/System32/config/{name}": file.read_bytes() for name, file in hives.items()}
    mounted = path.with_suffix(".mounted")
    mounted.mkdir()
    run("ntfs-3g", volume, mounted)
    try:
        write_tree(mounted, {**contents, **files})
    finally:
        run("umount", mounted)
    content = volume.read_bytes()
    entry = b"\x80\xfe\xff\xff\x07\xfe\xff\xff" + struct.pack("<II", 2048, len(content) // 512)
    with blank(path, size).open("r+b") as disk:
        disk.write(b"\xfa\x33\xc0".ljust(446, b"\0") + entry.ljust(64, b"\0") + b"\x55\xaa")
        disk.seek(MIB)
        disk.write(content)
    return path


def physical_volume(path: Path, content: bytes) -> Path:
    """An LVM2 physical volume with one logical volume, vg0/root, of 4 MiB extents from the first MiB on.

    LVM's own tools want the kernel's device mapper, which containers do not have. Layout: lvm2, format_text/layout.h.
    """
    extents = -(-len(content) // (4 * MIB))
    identity = "AAAAAABBBBCCCCDDDDEEEEFFFFGGGGGG"
    dashed = "AAAAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGGGG"
    text = (
        f"""vg0 {{
id = "{dashed}"
seqno = 2
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = 8192
max_lv = 0
max_pv = 0
physical_volumes {{
pv0 {{
id = "{dashed}"
device = "/dev/sda2"
status = ["ALLOCATABLE"]
flags = []
dev_size = {(extents + 1) * 8192}
pe_start = 2048
pe_count = {extents}
}}
}}
logical_volumes {{
root {{
id = "{dashed}"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
segment_count = 1
segment1 {{
start_extent = 0
extent_count = {extents}
type = "striped"
stripe_count = 1
stripes = [
"pv0", 0
]
}}
}}
}}
}}
contents = "Text Format Volume Group"
version = 1
description = ""
creation_host = "build"
creation_time = 1700000000
""".encode()
        + b"\0"
    )
    size = MIB + extents * 4 * MIB
    areas = struct.pack("<QQQQQQQQ", MIB, 0, 0, 0, 4096, MIB - 4096, 0, 0)
    label = b"LABELONE" + struct.pack("<QII", 1, 0, 32) + b"LVM2 001" + identity.encode() + struct.pack("<Q", size)
    area = struct.pack("<I", 0) + b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, 4096, MIB - 4096)
    area += struct.pack("<QQII", 512, len(text), 0, 0) + bytes(24)
    with blank(path, size).open("r+b") as file:
        for at, piece in ((512, label + areas), (4096, area), (4096 + 512, text), (MIB, content)):
            file.seek(at)
            file.write(piece)
    return path
