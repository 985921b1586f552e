# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it generalized: state of agents, network, logs and other leftovers of one machine."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import (
    GENERALIZE,
    GENERALIZER,
    LISA,
    RUN_GENERALIZE,
    Book,
    Outcome,
    failed,
    none_of,
    not_applicable,
    passed,
)

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux

BOOK: Book[Linux] = Book()
_TEMPORARY = ("/tmp/*", "/var/tmp/*", "/var/crash/*", "/var/lib/systemd/coredump/*")  # noqa: S108  # of the disk
_RECORD = "/var/lib/goldenimage-azure/generalize.json"


def _present(system: Linux, *patterns: str) -> list[tuple[str, str]]:
    return [(path, "is there") for pattern in patterns for path in system.tree.glob(pattern)]


@BOOK.check(
    "state.cloud_init", "cloud-init remembers no machine", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or cloud-init clean --logs --seed.", source=f"{GENERALIZER}; cloud-init clean",
)  # fmt: skip
def _cloud_init(system: Linux) -> Outcome:
    found = _present(system, "/var/lib/cloud/instance", "/var/lib/cloud/instances/*", "/var/lib/cloud/data/*",
                     "/var/lib/cloud/sem/*", "/var/lib/cloud/seed/*/*")  # fmt: skip
    return none_of(found)


@BOOK.check(
    "state.waagent", "The Azure agent remembers no machine", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or waagent -deprovision+user -force.", source=f"{GENERALIZER}; waagent -deprovision",
)  # fmt: skip
def _waagent(system: Linux) -> Outcome:
    return none_of(_present(system, "/var/lib/waagent/*", "/var/log/azure/*"))


@BOOK.check(
    "state.unfinished", "No generalization stopped half way", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE} again.", source=GENERALIZER,
)  # fmt: skip
def _unfinished(system: Linux) -> Outcome:
    text = system.tree.text(_RECORD)
    if not text.strip():
        return passed()
    record = json.loads(text)
    return failed((_RECORD, f"{record.get('step', '')} {record.get('error') or ''}")) if record else passed()


@BOOK.check(
    "state.cloud_mounts", "fstab has no mounts that were made for the machine", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=GENERALIZER,
)  # fmt: skip
def _cloud_mounts(system: Linux) -> Outcome:
    lines = system.tree.text("/etc/fstab").splitlines()
    return none_of(("/etc/fstab", line) for line in lines if line[:1] != "#" and "comment=cloudconfig" in line)


@BOOK.check(
    "state.subscription", "The system is registered nowhere", severity="warning", about=GENERALIZE,
    remedy="Unregister it (subscription-manager unregister and clean, SUSEConnect --cleanup).",
    source="Azure: Prepare a Red Hat-based virtual machine",
)  # fmt: skip
def _subscription(system: Linux) -> Outcome:
    return none_of(_present(system, "/etc/pki/consumer/cert.pem", "/etc/sysconfig/rhn/systemid",
                            "/etc/zypp/credentials.d/SCCcredentials", "/var/lib/ubuntu-advantage/private/*"))  # fmt: skip


@BOOK.check(
    "network.leases", "There are no leases", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=f"{GENERALIZER}; waagent -deprovision",
)  # fmt: skip
def _leases(system: Linux) -> Outcome:
    folders = ("/var/lib/dhclient/*", "/var/lib/dhcp/*", "/var/lib/dhcpcd/*", "/var/lib/NetworkManager/*",
               "/var/lib/systemd/network/*", "/run/systemd/netif/leases/*", "/var/lib/wicked/*lease*")  # fmt: skip
    return none_of(_present(system, *folders))


@BOOK.check(
    "network.machine_files", "No network configuration was made for the machine", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=GENERALIZER,
)  # fmt: skip
def _machine_files(system: Linux) -> Outcome:
    return none_of(_present(
        system, "/etc/netplan/50-cloud-init.yaml", "/etc/netplan/90-hotplug-azure.yaml",
        "/etc/network/interfaces.d/50-cloud-init*", "/etc/systemd/network/10-cloud-init-*",
        "/etc/NetworkManager/system-connections/cloud-init-*.nmconnection",
    ))  # fmt: skip


@BOOK.check(
    "network.resolver", "Name servers are not those of another network", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or remove /etc/resolv.conf.", source=f"{GENERALIZER}; waagent -deprovision",
)  # fmt: skip
def _resolver(system: Linux) -> Outcome:
    path = "/etc/resolv.conf"
    target = system.tree.link(path)
    if target is not None:
        return passed((path, f"link to {target}"))
    return none_of(
        ((path, line) for line in re.findall(r"^\s*nameserver\s.*", system.tree.text(path), re.M)),
        (path, "no name server"),
    )


@BOOK.check(
    "logs.empty", "The logs are empty", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=f"{GENERALIZER}; image-builder sysprep",
)  # fmt: skip
def _logs(system: Linux) -> Outcome:
    return none_of(
        (path, f"{size} bytes") for path, size in system.tree.files("/var/log") if size and not path.endswith("/README")
    )


@BOOK.check(
    "logs.errors", "The logs tell of no errors", severity="info",
    remedy="Look into the log; LISA looks for the same words after a boot.",
    source=f"{LISA}: verify_boot_error_fail_warnings, verify_cloud_init_error_status",
)  # fmt: skip
def _log_errors(system: Linux) -> Outcome:
    words = {path: re.compile(r"\b(?:fail(?:ed|ure)?|error|warning)\b", re.I) for path in
             ("/var/log/syslog", "/var/log/messages", "/var/log/dmesg", "/var/log/kern.log")}  # fmt: skip
    words["/var/log/cloud-init.log"] = re.compile(r"\[(?:ERROR|WARNING)\]:")
    texts = {path: system.tree.text(path) for path in words}
    if not any(texts.values()):
        return not_applicable("There are no logs.")
    found = ((path, line) for path, text in texts.items() for line in text.splitlines() if words[path].search(line))
    return none_of(found)


@BOOK.check(
    "files.temporary", "There are no temporary files and dumps", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=GENERALIZER,
)  # fmt: skip
def _temporary(system: Linux) -> Outcome:
    return none_of(_present(system, *_TEMPORARY))


@BOOK.check(
    "files.package_caches", "There are no downloaded packages", severity="info", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=GENERALIZER,
)  # fmt: skip
def _caches(system: Linux) -> Outcome:
    return none_of(_present(system, "/var/cache/apt/archives/*.deb", "/var/cache/dnf/*/packages/*.rpm",
                            "/var/cache/yum/*/*/packages/*.rpm", "/var/cache/zypp/packages/*/*/*.rpm"))  # fmt: skip
