# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it configured for Azure: SSH, sudo, network, time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import (
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux

BOOK: Book[Linux] = Book()
_SSHD = "/etc/ssh/sshd_config"
_MOST_INCLUDES = 100


@BOOK.check(
    "ssh.server", "An SSH server is installed and starts at boot",
    remedy=f"{RUN_PREPARE}, or install and enable the server.", source="Azure: create-upload-generic",
)  # fmt: skip
def _server(system: Linux) -> Outcome:
    program = next((path for path in ("/usr/sbin/sshd", "/usr/bin/sshd") if system.tree.exists(path)), None)
    if program is None:
        return failed(("/usr/sbin/sshd", "not there"))
    link = system.enabled("ssh.service", "sshd.service", "ssh.socket", "sshd.socket", "sshd")
    return passed((link, "enabled")) if link else failed((program, "installed, but not enabled"))


def _sshd_lines(system: Linux, path: str, left: list[int]) -> Iterator[tuple[str, str, str]]:
    """Yield (file, keyword, value) outside of Match blocks, in the order in which sshd reads them."""
    left[0] -= 1
    if left[0] < 0:
        return
    for line in system.tree.text(path).splitlines():
        words = re.split(r"[\s=]+", line.strip(), maxsplit=1)
        keyword, value = words[0].lower(), words[1].strip().strip('"') if len(words) > 1 else ""
        if keyword == "match":
            return
        if keyword == "include":
            for pattern in value.split():
                for included in system.tree.glob(pattern if pattern[:1] == "/" else f"/etc/ssh/{pattern}"):
                    yield from _sshd_lines(system, included, left)
        elif keyword and keyword[0] != "#":
            yield path, keyword, value


@BOOK.check(
    "ssh.client_alive", "Idle SSH sessions are kept (ClientAliveInterval from 1 to 235)",
    remedy=f"{RUN_PREPARE}, or set ClientAliveInterval 180.", source=f"{LISA}: verify_client_active_interval",
)  # fmt: skip
def _alive(system: Linux) -> Outcome:
    if not system.tree.exists(_SSHD) and not system.tree.exists("/etc/ssh/sshd_config.d"):
        return unknown("It is not there.", _SSHD)
    lines = _sshd_lines(system, _SSHD, [_MOST_INCLUDES])
    found = next(((path, value) for path, keyword, value in lines if keyword == "clientaliveinterval"), None)
    if found is None:
        return failed((_SSHD, "ClientAliveInterval is not set"))
    number = re.fullmatch(r"(\d{1,6})([smh]?)", found[1])
    seconds = int(number[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[number[2]] if number else -1
    return (passed if 0 < seconds < 236 else failed)((found[0], f"ClientAliveInterval {found[1]}"))


@BOOK.check(
    "ssh.root_login", "Root cannot log in with a password", severity="warning",
    remedy="Set PermitRootLogin prohibit-password or no.", source="goldenimage.azure",
)  # fmt: skip
def _root_login(system: Linux) -> Outcome:
    lines = _sshd_lines(system, _SSHD, [_MOST_INCLUDES])
    found = next(((path, value) for path, keyword, value in lines if keyword == "permitrootlogin"), None)
    return failed((found[0], "PermitRootLogin yes")) if found and found[1].lower() == "yes" else passed()


@BOOK.check(
    "sudo.targetpw", "sudo does not ask for the password of another user",
    remedy=f"{RUN_PREPARE}, or remove Defaults targetpw.", source=f"{LISA}: verify_default_targetpw",
)  # fmt: skip
def _targetpw(system: Linux) -> Outcome:
    paths = [
        path
        for path in ("/etc/sudoers", "/usr/etc/sudoers", *system.tree.glob("/etc/sudoers.d/*"))
        if system.tree.is_file(path)
    ]
    pattern = re.compile(r"^\s*(Defaults\s+(?:[^#\n]*,\s*)?targetpw\b[^\n]*)$", re.M)
    return none_of((path, line) for path in paths for line in pattern.findall(system.tree.text(path)))


@BOOK.check(
    "network.persistent_rules", "No udev rule ties a network card to its old address",
    remedy=f"{RUN_PREPARE}, or remove the rules.", source=f"{LISA}: verify_udev_rules_moved",
)  # fmt: skip
def _rules(system: Linux) -> Outcome:
    names = ("70-persistent-net.rules", "75-persistent-net-generator.rules", "85-persistent-net-cloud-init.rules")
    folders = ("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d", "/usr/lib64/udev/rules.d")
    paths = dict.fromkeys(f"{folder}/{name}" for folder in folders for name in names)
    return none_of(
        (path, "is there")
        for path in paths
        if system.tree.exists(path, follow=False) and system.tree.link(path) != "/dev/null"
    )


@BOOK.check(
    "network.configuration", "The network asks for its addresses, whatever the card is called", severity="warning",
    remedy=f"{RUN_PREPARE}, or leave the network to cloud-init.", source="goldenimage.azure.linux_prepare",
)  # fmt: skip
def _configuration(system: Linux) -> Outcome:
    found = []
    interfaces = system.tree.text("/etc/network/interfaces")
    found += [("/etc/network/interfaces", line.strip()) for line in interfaces.splitlines()
              if re.match(r"\s*(?:auto|allow-\S+|iface)\s+(?!lo(?:\s|$))\S", line)]  # fmt: skip
    for path in system.tree.glob("/etc/netplan/*.yaml"):
        text = system.tree.text(path)
        fixed = re.findall(r"^\s*(macaddress:.*|addresses:\s*\[.*|dhcp4:\s*(?:no|false).*|gateway4:.*)$", text, re.M)
        found += [(path, line) for line in fixed]
        if "installer" in path or path.endswith(("01-netcfg.yaml", "01-network-manager-all.yaml")):
            found.append((path, "made by an installer"))
    for path in system.tree.glob("/etc/sysconfig/network-scripts/ifcfg-*") + system.tree.glob(
        "/etc/sysconfig/network/ifcfg-*"
    ):
        lines = re.findall(
            r"^\s*((?:HWADDR|IPADDR\d*|UUID)=\S+|BOOTPROTO=[\"']?(?:static|none)\S*)", system.tree.text(path), re.M
        )
        found += [(path, line) for line in lines if not path.endswith("ifcfg-lo")]
    for path in system.tree.glob("/etc/NetworkManager/system-connections/*.nmconnection"):
        lines = re.findall(r"^\s*(mac-address=\S+|method=manual|address1=\S+)", system.tree.text(path), re.M)
        found += [(path, line) for line in lines]
    return none_of(found)


@BOOK.check(
    "network.file", "Networking is on (Red Hat family)",
    remedy="Write NETWORKING=yes into /etc/sysconfig/network.", source=f"{LISA}: verify_network_file_configuration",
)  # fmt: skip
def _network_file(system: Linux) -> Outcome:
    if system.family == "mariner":
        path = "/etc/systemd/networkd.conf"
        return passed((path, "is there")) if system.tree.exists(path) else failed((path, "not there"))
    if system.family != "redhat":
        return not_applicable("Only for the Red Hat family and Azure Linux.")
    if _modern(system):
        return not_applicable("The network is NetworkManager's, whose profile cloud-init writes.")
    text = system.tree.text("/etc/sysconfig/network")
    good = re.search(r"^\s*NETWORKING=[\"']?yes", text, re.M | re.I)
    return (passed if good else failed)(
        ("/etc/sysconfig/network", "NETWORKING=yes" if good else "NETWORKING=yes is not there")
    )


def _modern(system: Linux) -> bool:
    """Without ifcfg files: Fedora from 39, Red Hat's from 9."""
    return system.version >= ((39,) if system.id == "fedora" else (9,))


@BOOK.check(
    "network.ifcfg", "eth0 asks for its address (Red Hat family)",
    remedy="Write DEVICE=eth0, BOOTPROTO=dhcp and ONBOOT=yes into ifcfg-eth0.", source=f"{LISA}: verify_ifcfg_eth0",
)  # fmt: skip
def _ifcfg(system: Linux) -> Outcome:
    if system.family != "redhat" or _modern(system):
        return not_applicable("Only for Red Hat systems with ifcfg files.")
    path = "/etc/sysconfig/network-scripts/ifcfg-eth0"
    values = {key.upper(): value.lower() for key, value in system.settings(path).items()}
    wanted = {"DEVICE": "eth0", "BOOTPROTO": "dhcp", "ONBOOT": "yes"}
    if not values and system.cloud_init:
        return not_applicable("cloud-init writes it.")
    return none_of((path, f"{key}={values.get(key, '')}") for key, value in wanted.items() if values.get(key) != value)


@BOOK.check(
    "network.manager", "NetworkManager does not stand in the agent's way (old Fedora family)", severity="warning",
    remedy="Remove NetworkManager.", source=f"{LISA}: verify_network_manager_not_installed",
)  # fmt: skip
def _manager(system: Linux) -> Outcome:
    if system.family != "redhat" or system.id == "fedora" or not system.version or system.version >= (7,):
        return not_applicable("Only for Red Hat systems before 7.")
    path = "/usr/sbin/NetworkManager"
    return failed((path, "installed")) if system.tree.exists(path) else passed((path, "not there"))


@BOOK.check(
    "network.dhcp_hostname", "DHCP does not change the host name (SUSE), and sends it (Azure Linux)",
    remedy="Set DHCLIENT_SET_HOSTNAME=\"no\" (SUSE), or send host-name (Azure Linux).",
    source=f"{LISA}: verify_dhcp_file_configuration",
)  # fmt: skip
def _dhcp(system: Linux) -> Outcome:
    if system.family == "suse":
        path = "/etc/sysconfig/network/dhcp"
        value = system.settings(path).get("DHCLIENT_SET_HOSTNAME", "")
        return (passed if value == "no" else failed)((path, f"DHCLIENT_SET_HOSTNAME={value}"))
    if system.family == "mariner":
        path, word = (
            ("/etc/dhcpcd.conf", "option host_name")
            if system.version >= (3,)
            else ("/etc/dhcp/dhclient.conf", "host-name")
        )
        good = word in system.tree.text(path)
        return (passed if good else failed)((path, word if good else f"{word} is not there"))
    return not_applicable("Only for SUSE and Azure Linux.")


@BOOK.check(
    "network.virtual_functions", "Accelerated cards are left to the synthetic card", severity="info",
    remedy=f"{RUN_PREPARE}, or install azure-vm-utils.", source="azure-vm-utils; goldenimage.azure.linux_prepare",
)  # fmt: skip
def _functions(system: Linux) -> Outcome:
    paths = [*system.tree.glob("/etc/udev/rules.d/*azure*sriov*.rules"), *system.tree.glob("/usr/lib/udev/rules.d/*azure*sriov*.rules"),
             *system.tree.glob("/etc/NetworkManager/conf.d/*azure*.conf")]  # fmt: skip
    return passed(*((path, "is there") for path in paths)) if paths else failed(("/etc/udev/rules.d", "no rule"))


@BOOK.check(
    "time.source", "The clock follows the host", severity="warning",
    remedy=f"{RUN_PREPARE}, or add refclock PHC /dev/ptp_hyperv to chrony.conf.", source="Azure: Time sync for Linux VMs",
)  # fmt: skip
def _time(system: Linux) -> Outcome:
    paths = [path for path in ("/etc/chrony/chrony.conf", "/etc/chrony.conf") if system.tree.is_file(path)]
    paths += system.tree.glob("/etc/chrony/conf.d/*.conf") + system.tree.glob("/etc/chrony.d/*.conf")
    found = [
        (path, line) for path in paths for line in re.findall(r"^refclock\s+PHC\s+.*$", system.tree.text(path), re.M)
    ]
    return passed(*found) if found else failed((paths[0] if paths else "/etc/chrony.conf", "no refclock PHC"))
