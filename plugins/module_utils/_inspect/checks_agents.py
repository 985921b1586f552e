# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Will it be provisioned: the Azure agent and cloud-init."""

from __future__ import annotations

import re

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
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux, numbers

BOOK: Book[Linux] = Book()
_CONF = "/etc/waagent.conf"
_MINIMUM = (2, 2, 53, 1)
_LEFTOVERS = (
    "/etc/cloud/ds-identify.cfg", "/etc/cloud/cloud.cfg.d/50-curtin-networking.cfg",
    "/etc/cloud/cloud.cfg.d/90-installer-network.cfg", "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg",
    "/etc/cloud/cloud.cfg.d/99-installer.cfg", "/etc/cloud/cloud.cfg.d/curtin-preserve-sources.cfg",
    "/etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg",
)  # fmt: skip


@BOOK.check(
    "agent.installed", "The Azure agent is installed",
    remedy=f"{RUN_PREPARE}, or install waagent (walinuxagent, WALinuxAgent).", source=GENERIC,
)  # fmt: skip
def _installed(system: Linux) -> Outcome:
    return (
        passed((system.waagent, system.waagent_version))
        if system.waagent
        else failed(("/usr/sbin/waagent", "not there"))
    )


@BOOK.check(
    "agent.enabled", "The Azure agent starts at boot",
    remedy=f"{RUN_PREPARE}, or systemctl enable walinuxagent (waagent).", source=GENERIC,
)  # fmt: skip
def _enabled(system: Linux) -> Outcome:
    if not system.waagent:
        return not_applicable("It is not installed.")
    link = system.enabled("walinuxagent.service", "waagent.service")
    return passed((link, "enabled")) if link else failed(("walinuxagent.service", "not enabled"))


@BOOK.check(
    "agent.version", "The Azure agent is supported, or updates itself",
    remedy="Update the agent, or set AutoUpdate.Enabled=y.", source=f"{LISA}: verify_waagent_version",
)  # fmt: skip
def _version(system: Linux) -> Outcome:
    if not system.waagent:
        return not_applicable("It is not installed.")
    version = system.waagent_version
    if not version:
        return unknown("Its version was not found.", system.waagent)
    settings = system.settings(_CONF)
    updates = settings.get("AutoUpdate.UpdateToLatestVersion", settings.get("AutoUpdate.Enabled", "y"))
    good = numbers(version) >= _MINIMUM or updates.lower() == "y"
    return (
        passed((system.waagent, version)) if good else failed((system.waagent, version), (_CONF, "no automatic update"))
    )


@BOOK.check(
    "agent.provisioning", "Somebody provisions new machines",
    remedy=f"{RUN_PREPARE}, or set Provisioning.Agent=auto.", source="WALinuxAgent README",
)  # fmt: skip
def _provisioning(system: Linux) -> Outcome:
    settings = system.settings(_CONF)
    agent = settings.get("Provisioning.Agent", "auto").lower()
    if agent not in ("auto", "cloud-init", "waagent", "disabled"):
        return failed((_CONF, f"Provisioning.Agent={agent}"))
    cloud = bool(system.cloud_init) and bool(_cloud_init_link(system))
    if agent == "cloud-init" and not cloud:
        return failed((_CONF, "Provisioning.Agent=cloud-init"), ("cloud-init", "not installed or not enabled"))
    if agent == "disabled" and not cloud:
        return failed((_CONF, "Provisioning.Agent=disabled"), ("cloud-init", "not installed or not enabled"))
    if agent in ("auto", "waagent") and not cloud and not system.waagent:
        return failed(("waagent", "not installed"), ("cloud-init", "not installed or not enabled"))
    if agent == "waagent" and settings.get("Provisioning.Enabled", "y").lower() == "n":
        return failed((_CONF, "Provisioning.Enabled=n"))
    return passed((_CONF, f"Provisioning.Agent={agent}"), ("cloud-init", "enabled" if cloud else "not used"))


def _cloud_init_link(system: Linux) -> str | None:
    generator = "/usr/lib/systemd/system-generators/cloud-init-generator"
    units = ("cloud-init-local.service", "cloud-init.service", "cloud-init-network.service", "cloud-init-main.service",
             "cloud-init.target")  # fmt: skip
    link = system.enabled(*units)
    if link is None and system.tree.exists(generator):
        return generator
    return link


@BOOK.check(
    "agent.resource_disk_swap", "The agent makes no swap on the OS disk", severity="warning",
    remedy=f"{RUN_PREPARE}, or set ResourceDisk.Format=n and ResourceDisk.EnableSwap=n where cloud-init provisions.", source=GENERIC,
)  # fmt: skip
def _swap(system: Linux) -> Outcome:
    if not system.tree.is_file(_CONF):
        return not_applicable(f"{_CONF} is not there.")
    settings = system.settings(_CONF)
    by_cloud_init = settings.get("Provisioning.Agent", "auto") in ("auto", "cloud-init") and bool(system.cloud_init)
    if not by_cloud_init:
        return not_applicable("The agent provisions.")
    keys = ("ResourceDisk.Format", "ResourceDisk.EnableSwap")
    return none_of(
        ((_CONF, f"{key}=y") for key in keys if settings.get(key, "n").lower() == "y"), (_CONF, "both are off")
    )


@BOOK.check(
    "agent.kvp_daemon", "The platform can talk to the machine (KVP daemon)", severity="warning",
    remedy=f"{RUN_PREPARE}, or install hyperv-daemons (linux-cloud-tools on Ubuntu).",
    source=f"{LISA}: verify_hv_kvp_daemon_installed",
)  # fmt: skip
def _kvp(system: Linux) -> Outcome:
    paths = [
        *system.tree.glob("/usr/sbin/hv_kvp_daemon"), *system.tree.glob("/usr/sbin/hypervkvpd"),
        *system.tree.glob("/usr/lib/linux-tools/*/hv_kvp_daemon"), *system.tree.glob("/usr/libexec/hypervkvpd/hypervkvpd"),
    ]  # fmt: skip
    return passed(*((path, "installed") for path in paths)) if paths else failed(("hv_kvp_daemon", "not there"))


@BOOK.check(
    "cloud_init.enabled", "cloud-init starts at boot and nothing keeps it from it",
    remedy=f"{RUN_PREPARE}, or remove /etc/cloud/cloud-init.disabled and enable its units.", source=GENERIC,
)  # fmt: skip
def _enabled_cloud(system: Linux) -> Outcome:
    if not system.cloud_init:
        return not_applicable("It is not installed.")
    bad = [(path, "is there") for path in ("/etc/cloud/cloud-init.disabled",) if system.tree.exists(path)]
    bad += [(unit, "masked") for unit in ("cloud-init.service", "cloud-init-local.service", "cloud-config.service",
                                          "cloud-final.service") if system.masked(unit)]  # fmt: skip
    link = _cloud_init_link(system)
    if not link:
        bad.append(("cloud-init.service", "not enabled"))
    return none_of(bad, (link or "", "enabled"))


@BOOK.check(
    "cloud_init.datasource", "cloud-init asks Azure",
    remedy=f"{RUN_PREPARE}, or set datasource_list: [Azure] in the last file of /etc/cloud/cloud.cfg.d.", source=GENERIC,
)  # fmt: skip
def _datasource(system: Linux) -> Outcome:
    if not system.cloud_init:
        return not_applicable("It is not installed.")
    last: tuple[str, list[str]] | None = None
    for path in system.cloud_configs():
        names = _datasources(system.tree.text(path))
        if names is not None:
            last = (path, names)
    if last is None:
        return passed(("/etc/cloud", "datasource_list is not set: it is detected"))
    return (passed if "Azure" in last[1] else failed)((last[0], f"datasource_list: {', '.join(last[1])}"))


def _datasources(text: str) -> list[str] | None:
    inline = re.search(r"^datasource_list\s*:\s*\[([^\]]*)\]", text, re.M)
    if inline:
        return [name.strip().strip("\"'") for name in inline[1].split(",") if name.strip()]
    block = re.search(r"^datasource_list\s*:[ \t]*\n((?:[ \t]*-[ \t]*\S+[ \t]*\n?)+)", text, re.M)
    return [name.strip("\"'") for name in re.findall(r"-[ \t]*(\S+)", block[1])] if block else None


@BOOK.check(
    "cloud_init.network", "cloud-init may configure the network",
    remedy=f"{RUN_PREPARE}, or remove network: {{config: disabled}}.", source="Azure: Create and upload an Ubuntu VHD",
)  # fmt: skip
def _network(system: Linux) -> Outcome:
    if not system.cloud_init:
        return not_applicable("It is not installed.")
    disabled = re.compile(r"^network\s*:\s*(?:\{\s*config\s*:\s*disabled\s*\}|\n\s+config\s*:\s*disabled)", re.M)
    return none_of(
        (path, "network configuration is disabled")
        for path in system.cloud_configs()
        if disabled.search(system.tree.text(path))
    )


@BOOK.check(
    "cloud_init.leftovers", "No installer left rules for cloud-init", severity="warning",
    remedy=f"{RUN_PREPARE}, or remove the files.", source="Azure: Create and upload an Ubuntu VHD",
)  # fmt: skip
def _leftovers(system: Linux) -> Outcome:
    return none_of((path, "is there") for path in _LEFTOVERS if system.tree.exists(path))


@BOOK.check(
    "cloud_init.reporting", "cloud-init reports to the platform", severity="info",
    remedy=f"{RUN_PREPARE}, or write reporting: {{telemetry: {{type: hyperv}}}}.", source=GENERIC,
)  # fmt: skip
def _reporting(system: Linux) -> Outcome:
    if not system.cloud_init:
        return not_applicable("It is not installed.")
    paths = [
        path for path in system.cloud_configs() if re.search(r"^\s+type:\s*hyperv\s*$", system.tree.text(path), re.M)
    ]
    return (
        passed(*((path, "type: hyperv") for path in paths))
        if paths
        else failed(("/etc/cloud/cloud.cfg.d", "none does"))
    )
