# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot a disk in QEMU inside an Azure environment, without root, without KVM if need be, and without tap devices."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from azure_emulator.guests import relay
from azure_emulator.guests.media import write_provisioning_cd
from azure_emulator.guests.metadata import GuestMetadata

if TYPE_CHECKING:
    from types import TracebackType

    from azure_emulator.guests.model import Guest
    from azure_emulator.guests.wireserver import HealthReport

# The chassis asset tag by which guests recognize Azure, whatever the hypervisor.
AZURE_ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"
VHD_FOOTER = 512
FIRMWARE = Path("/usr/share/OVMF")
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "genisoimage": "genisoimage"}
# One network that contains both magic addresses, so that the guest reaches them as neighbours. restrict=on: the guest
# reaches nothing else, neither this machine nor the world.
NETWORK = "net=160.0.0.0/4,host=168.63.128.1,dns=168.63.128.3,dhcpstart=168.63.128.15,restrict=on"
# A boot sector that writes 0x21 to QEMU's debug exit port: the process then ends with (0x21 << 1) | 1.
TRIAL_SECTOR = bytes.fromhex("b021e6f4f4ebfd").ljust(510, b"\0") + b"\x55\xaa"
TRIAL_EXIT = 0x43


class GuestError(Exception):
    """The guest could not be started, or ended by itself."""


@functools.cache
def kvm_works() -> bool:
    """Tell whether KVM really runs a guest: its device may exist and yet hang or abort, so a boot sector is tried."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with tempfile.NamedTemporaryFile() as sector:
        sector.write(TRIAL_SECTOR)
        sector.flush()
        command = [
            "qemu-system-x86_64",
            "-accel",
            "kvm",
            "-cpu",
            "host",
            "-display",
            "none",
            "-nodefaults",
            "-no-reboot",
        ]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x01"]
        command += ["-drive", f"file={sector.name},format=raw,if=floppy,readonly=on", "-boot", "a"]
        try:
            return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == TRIAL_EXIT
        except subprocess.TimeoutExpired:
            return False


def accelerator(choice: str = "auto") -> list[str]:
    """QEMU's options for ``auto``, ``kvm`` or ``tcg``."""
    if choice == "kvm" or (choice == "auto" and kvm_works()):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"]


def payload_size(disk: Path) -> int:
    """The bytes of a raw disk, or of a fixed VHD without its footer. Raise GuestError for other kinds of VHD."""
    size = disk.stat().st_size
    with disk.open("rb") as file:
        start = file.read(8)
        file.seek(max(size - VHD_FOOTER, 0))
        end = file.read(8)
    if start in (b"conectix", b"vhdxfile"):
        raise GuestError(f"{disk} is a dynamic VHD or a VHDX; only a raw disk or a fixed VHD can be booted")
    return size - VHD_FOOTER if end == b"conectix" else size


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class QemuGuest:
    """A virtual machine of generation 1 (BIOS) or 2 (UEFI) on a disk that itself stays as it is.

    What the guest writes goes to an overlay in ``folder``; the disk it sees is ``disk_size`` bytes large. Use it as a
    context manager: leaving it ends the process and removes everything but ``folder/serial.log``.
    """

    def __init__(
        self,
        guest: Guest,
        disk: Path,
        folder: Path,
        *,
        generation: int = 1,
        disk_size: int | None = None,
        accel: str = "auto",
        memory_mib: int = 1024,
    ) -> None:
        self.guest = guest
        self.disk = disk.absolute()
        self.folder = folder.absolute()
        self.generation = generation
        self.disk_size = disk_size
        self.accel = accel
        self.memory_mib = memory_mib
        self.ssh_port = 0
        self.serial_log = self.folder / "serial.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._undo = contextlib.ExitStack()
        self.metadata: GuestMetadata | None = None

    def __enter__(self) -> QemuGuest:
        missing = sorted(package for tool, package in TOOLS.items() if not shutil.which(tool))
        if self.generation == 2 and not FIRMWARE.is_dir():
            missing.append("ovmf")
        if missing:
            raise GuestError(f"tools are missing; install them with: apt-get install {' '.join(missing)}")
        with contextlib.ExitStack() as undo:
            # Sockets' paths are limited to 107 bytes, so they do not live in the folder.
            scratch = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="guest-")))
            self.metadata = undo.enter_context(GuestMetadata(self.guest, scratch))
            self.folder.mkdir(parents=True, exist_ok=True)
            undo.callback(self._remove_files)
            write_provisioning_cd(self.guest, self.folder / "provisioning.iso")
            self._make_overlay()
            self.ssh_port = free_port()
            undo.callback(self._end)
            self._process = self._start(self._command(scratch))
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def wait_until_ready(self, timeout: float) -> HealthReport:
        """Wait for the guest's health report, the moment from which Azure calls it provisioned (or failed)."""
        if self.metadata is None:
            raise GuestError("the guest was not started")
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            report = self.metadata.wait_for_report(1)
            if report:
                return report
            self.require_running()
        asked = [f"{seen.after} s {seen.service} {seen.method} {seen.target}" for seen in self.metadata.seen]
        raise GuestError(f"no report of the guest within {timeout:.0f} s; it asked for {asked}; see {self.serial_log}")

    def require_running(self) -> None:
        if self._process and self._process.poll() is not None:
            words = (self.folder / "qemu.log").read_text(errors="replace").strip()
            raise GuestError(f"QEMU ended with exit code {self._process.returncode}: {words}")

    def wait_until_off(self, timeout: float) -> None:
        """Wait until the guest has powered itself off; raise GuestError when it has not after ``timeout`` seconds."""
        if self._process is None:
            raise GuestError("the guest was not started")
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise GuestError(f"the guest is still running after {timeout:.0f} s") from None

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "qemu.log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
        self._process = process
        self.require_running()
        return process

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _remove_files(self) -> None:
        for name in ("overlay.qcow2", "provisioning.iso", "firmware.fd", "qemu.log"):
            (self.folder / name).unlink(missing_ok=True)

    def _make_overlay(self) -> None:
        size = payload_size(self.disk)
        # The size is given by us: an unknown VHD creator makes QEMU compute it from the footer's geometry.
        backing = {"driver": "raw", "size": size, "file": {"driver": "file", "filename": str(self.disk)}}
        options = ["-q", "-f", "qcow2", "-F", "raw", "-b", f"json:{json.dumps(backing)}"]
        target = [str(self.folder / "overlay.qcow2"), str(self.disk_size or size)]
        done = subprocess.run(["qemu-img", "create", *options, *target], capture_output=True, text=True, check=False)
        if done.returncode:
            raise GuestError(f"no overlay could be made for {self.disk}: {done.stderr.strip()}")

    def _command(self, sockets: Path) -> list[str]:
        machine = f"type=1,manufacturer=Microsoft Corporation,product=Virtual Machine,uuid={self.guest.vm_id}"
        overlay = f"file={self.folder / 'overlay.qcow2'},format=qcow2,cache=unsafe,if=virtio"
        return [
            *["qemu-system-x86_64", *accelerator(self.accel), "-smp", "2", "-m", str(self.memory_mib), "-nodefaults"],
            *["-display", "none", "-serial", f"file:{self.serial_log}", "-no-reboot", "-device", "virtio-rng-pci"],
            *["-uuid", self.guest.vm_id, "-smbios", machine, "-smbios", f"type=3,asset={AZURE_ASSET_TAG}"],
            *["-drive", overlay, "-netdev", self._network(sockets)],
            *["-device", f"virtio-net-pci,netdev=n0,mac={self.guest.mac_address},romfile="],
            *self._generation(),
        ]

    def _network(self, sockets: Path) -> str:
        addresses = {"imds": "169.254.169.254", "wireserver": "168.63.129.16"}
        forwards = [f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"]
        for service, address in addresses.items():
            helper = f"{sys.executable} -I -S {relay.__file__} {sockets / service}"
            forwards.append(f"guestfwd=tcp:{address}:80-cmd:{helper}")
        return ",".join(["user,id=n0", NETWORK, *forwards])

    def _generation(self) -> list[str]:
        disc = f"file={self.folder / 'provisioning.iso'},format=raw,readonly=on,id=cd"
        if self.generation == 1:
            return ["-machine", "pc", "-drive", f"{disc},if=ide,media=cdrom"]
        # The distributions' cloud kernels have no AHCI, so the disc cannot be at q35's own controller.
        variables = self.folder / "firmware.fd"
        shutil.copyfile(FIRMWARE / "OVMF_VARS_4M.fd", variables)
        return [
            *[
                "-machine",
                "q35",
                "-device",
                "virtio-scsi-pci",
                "-drive",
                f"{disc},if=none",
                "-device",
                "scsi-cd,drive=cd",
            ],
            *["-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE / 'OVMF_CODE_4M.fd'}"],
            *["-drive", f"if=pflash,format=raw,file={variables}"],
        ]
