# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of a Linux system: a clean disk passes all, one change makes exactly that check fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import look, results
from .systems import KERNEL, MIB, OPTIONS, ROOT_UUID, clean_linux, initrd, linux_disk

if TYPE_CHECKING:
    from pathlib import Path

    from .systems import Files

GRUB = "boot/grub/grub.cfg"
HASH = "$6$abc$def"  # no real one
WANTED: dict[str, Files] = {
    "boot.console": {GRUB: f"linux /boot/vmlinuz-{KERNEL} {OPTIONS.replace('console=ttyS0,115200n8', '')}\n"},
    "boot.early_console": {GRUB: f"linux /boot/vmlinuz-{KERNEL} {OPTIONS.replace('earlyprintk', 'early')}\n"},
    "boot.forbidden_options": {GRUB: f"linux /boot/vmlinuz-{KERNEL} {OPTIONS} libata.atapi_enabled=0\n"},
    "boot.quiet": {GRUB: f"linux /boot/vmlinuz-{KERNEL} {OPTIONS} quiet\n"},
    "boot.root_device": {GRUB: f"linux /boot/vmlinuz-{KERNEL} {OPTIONS.replace(f'UUID={ROOT_UUID}', '/dev/sda1')}\n"},
    "boot.nvme_timeout": {GRUB: f"linux /boot/vmlinuz-{KERNEL} {OPTIONS.replace('=240', '=30')}\n"},
    "boot.hyperv_drivers": {f"boot/initrd.img-{KERNEL}": initrd(("hv_vmbus", "hv_netvsc", "nvme", "nvme-core"))},
    "boot.nvme": {f"boot/initrd.img-{KERNEL}": initrd(("hv_vmbus", "hv_netvsc", "hv_storvsc"))},
    "boot.udf": {"etc/modprobe.d/cis.conf": "install udf /bin/true\n"},
    "boot.vfat": {"etc/modprobe.d/cis.conf": "blacklist vfat\n"},
    "boot.essential_modules": {f"boot/config-{KERNEL}": "CONFIG_WATCHDOG=y\n# CONFIG_CIFS is not set\n"},
    "boot.fstab": {"etc/fstab": "/dev/sda2 / ext4 defaults 0 1\nUUID=43EE-DF1D /boot/efi vfat umask=0077 0 1\n"},
    "swap.none": {"swapfile": "x" * 5000},
    "agent.installed": {"usr/sbin/waagent": None},
    "agent.enabled": {"etc/systemd/system/multi-user.target.wants/walinuxagent.service": None},
    "agent.version": {
        "usr/lib/python3/dist-packages/azurelinuxagent/common/version.py": "AGENT_VERSION = '2.2.45'\n",
        "etc/waagent.conf": "AutoUpdate.Enabled=n\n",
    },
    "agent.provisioning": {"etc/waagent.conf": "Provisioning.Agent=waagent\nProvisioning.Enabled=n\n"},
    "agent.resource_disk_swap": {"etc/waagent.conf": "Provisioning.Agent=cloud-init\nResourceDisk.EnableSwap=y\n"},
    "agent.kvp_daemon": {"usr/sbin/hv_kvp_daemon": None},
    "cloud_init.enabled": {"etc/cloud/cloud-init.disabled": ""},
    "cloud_init.datasource": {"etc/cloud/cloud.cfg.d/99-other.cfg": "datasource_list:\n  - NoCloud\n  - None\n"},
    "cloud_init.network": {"etc/cloud/cloud.cfg.d/20-network.cfg": "network: {config: disabled}\n"},
    "cloud_init.leftovers": {"etc/cloud/ds-identify.cfg": "policy: enabled\n"},
    "cloud_init.reporting": {"etc/cloud/cloud.cfg.d/10-azure-kvp.cfg": None},
    "ssh.server": {"usr/sbin/sshd": None},
    "ssh.client_alive": {"etc/ssh/sshd_config.d/10-azure.conf": "ClientAliveInterval 300\n"},
    "ssh.root_login": {"etc/ssh/sshd_config.d/20-root.conf": "PermitRootLogin yes\n"},
    "sudo.targetpw": {"etc/sudoers": "Defaults targetpw\n"},
    "network.persistent_rules": {"etc/udev/rules.d/70-persistent-net.rules": "# one card\n"},
    "network.configuration": {
        "etc/network/interfaces": "auto lo\niface lo inet loopback\nauto ens3\niface ens3 inet dhcp\n"
    },
    "network.virtual_functions": {"etc/udev/rules.d/10-azure-unmanaged-sriov.rules": None},
    "time.source": {"etc/chrony/chrony.conf": "pool ntp.example iburst\n"},
    "system.architecture": {"usr/bin/bash": b"\x7fELF\x01\x01\x01".ljust(18, b"\0") + b"\x03\0"},
    "system.supported": {"etc/os-release": "ID=debian\nVERSION_ID=10\n"},
    "system.python": {"usr/bin/python3": "-> python3.7"},
    "system.openssl": {
        "usr/lib/x86_64-linux-gnu/libcrypto.so.3": None,
        "usr/lib/x86_64-linux-gnu/libcrypto.so.1.0.1": "library",
    },
    "system.omi": {
        "opt/omi/bin/omiserver": "program",
        "var/lib/dpkg/status": "Package: omi\nStatus: install ok installed\nVersion: 1.6.8.0\n\n",
    },
    "packages.sources": {"etc/apt/sources.list": "deb http://mirror.internal.example/debian bookworm main\n"},
    "identity.machine_id": {"etc/machine-id": "668ad8126d965e4694f835b7ea4a5572\n"},
    "identity.dbus_machine_id": {"var/lib/dbus/machine-id": "668ad8126d965e4694f835b7ea4a5572\n"},
    "identity.host_keys": {"etc/ssh/ssh_host_ed25519_key": "key"},
    "identity.hostname": {"etc/hostname": "build-7\n"},
    "identity.seeds": {"var/lib/systemd/random-seed": "seed"},
    "users.root_locked": {"etc/shadow": "root::19000:0:99999:7:::\n"},
    "users.passwords": {"etc/shadow": f"root:!:19000:0:99999:7:::\nbackup:{HASH}:19000::::::\n"},
    "users.people": {"etc/passwd": "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\n"},
    "users.authorized_keys": {"root/.ssh/authorized_keys": "ssh-ed25519 AAAA anna\n"},
    "users.private_keys": {"root/.ssh/id_ed25519": "key"},
    "users.histories": {"root/.bash_history": "ls\n"},
    "users.account_copies": {"etc/shadow-": "root:x\n"},
    "users.sudo_rules": {"etc/sudoers.d/90-cloud-init-users": "anna ALL=(ALL) NOPASSWD:ALL\n"},
    "state.cloud_init": {"var/lib/cloud/data/instance-id": "i-1\n"},
    "state.waagent": {"var/lib/waagent/ovf-env.xml": "<x/>"},
    "state.unfinished": {"var/lib/goldenimage-azure/generalize.json": '{"step": "clean", "error": "no space"}'},
    "state.cloud_mounts": {
        "etc/fstab": f"UUID={ROOT_UUID} / ext4 defaults 0 1\n/dev/disk/cloud/azure_resource-part1 /mnt auto "
        "nofail,comment=cloudconfig 0 2\n"
    },
    "state.subscription": {"etc/pki/consumer/cert.pem": "x"},
    "network.leases": {"var/lib/dhcp/dhclient.eth0.leases": "lease {}\n"},
    "network.machine_files": {"etc/netplan/50-cloud-init.yaml": "network: {version: 2}\n"},
    "network.resolver": {"etc/resolv.conf": "nameserver 192.0.2.53\n"},
    "logs.empty": {"var/log/auth.log": "sshd: hello\n"},
    "files.temporary": {"var/tmp/installer.log": "x"},
    "files.package_caches": {"var/cache/apt/archives/vim_1_amd64.deb": "x"},
    "logs.errors": {"var/log/syslog": "kernel: sda: failed command\n"},
}
# What else the same change makes fail.
ALONG = {"logs.errors": {"logs.empty"}, "system.architecture": {"boot.console", "boot.loader_architecture"}}


def test_clean_disk_is_generalized_and_ready(clean_disk: Path) -> None:
    found = look(clean_disk.read_bytes())
    assert {name for name, result in results(found).items() if result not in ("pass", "not applicable")} == set()
    assert found["generalized"] is True
    assert found["ready"] is True
    assert found["complete"] is True
    assert found["generations"] == ["V2"]
    assert found["os"] | {"kernels": []} == {
        "family": "linux", "id": "debian", "name": "Debian GNU/Linux 12 (bookworm)", "version": "12",
        "codename": "bookworm", "architecture": "x86_64", "kernels": [], "hostname": "localhost",
    }  # fmt: skip
    assert found["agents"]["waagent"] == {"installed": True, "version": "2.7.3.0"}


@pytest.mark.parametrize("check", WANTED)
def test_one_change_fails_its_check(check: str, tmp_path: Path) -> None:
    disk = linux_disk(tmp_path / "disk.raw", {**clean_linux(), **WANTED[check]}, size=24 * MIB)
    found = look(disk.read_bytes())
    failed = {name for name, result in results(found).items() if result not in ("pass", "not applicable")}
    assert failed - ALONG.get(check, set()) == {check}
    entry = next(each for each in found["checks"] if each["id"] == check)
    assert entry["evidence"]
    assert entry["remedy"]
    assert entry["source"]
    if entry["severity"] == "error":
        assert found["ready"] is False
    assert found["generalized"] is not (entry["severity"] == "error" and entry["about"] == "generalize")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    files = {"etc/shadow": f"root:{HASH}:19000::::::\n", "root/.ssh/authorized_keys": "ssh-ed25519 AAAASECRET me\n"}
    found = look(linux_disk(tmp_path / "disk.raw", {**clean_linux(), **files}, size=24 * MIB).read_bytes())
    assert HASH not in str(found)
    assert "AAAASECRET" not in str(found)


def test_control_characters_do_not_reach_a_terminal(tmp_path: Path) -> None:
    files = {"etc/hostname": "\x1b]0;owned\x07host\n", "etc/os-release": "ID=debian\nPRETTY_NAME=\x1b[2J\n"}
    found = look(linux_disk(tmp_path / "disk.raw", {**clean_linux(), **files}, size=24 * MIB).read_bytes())
    assert "\\x1b" not in repr(found)


def test_specialized_disk_is_not_asked_about_its_identity(tmp_path: Path) -> None:
    files = {"etc/machine-id": "668ad8126d965e4694f835b7ea4a5572\n"}
    disk = linux_disk(tmp_path / "disk.raw", {**clean_linux(), **files}, size=24 * MIB)
    found = look(disk.read_bytes(), specialized=True)
    assert results(found)["identity.machine_id"] == "not applicable"
    assert found["generalized"] is None
    assert found["ready"] is True
