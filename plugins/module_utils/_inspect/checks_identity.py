# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it generalized: identity, users and keys. The same facts as the role linux_generalize removes and verifies."""

from __future__ import annotations

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
    passed,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux

BOOK: Book[Linux] = Book()
_LOCALS = ("", "localhost", "localhost.localdomain", "localhost.localdomain.", "localhost4", "uninitialized")


@BOOK.check(
    "identity.machine_id", "The machine-id is empty", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or empty /etc/machine-id.", source=GENERALIZER,
)  # fmt: skip
def _machine_id(system: Linux) -> Outcome:
    path = "/etc/machine-id"
    value = system.tree.text(path, 4096).strip()
    if not system.tree.exists(path):
        return passed((path, "not there"))
    return passed((path, value or "empty")) if value in ("", "uninitialized") else failed((path, value))


@BOOK.check(
    "identity.dbus_machine_id", "D-Bus has no machine-id of its own", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or link /var/lib/dbus/machine-id to /etc/machine-id.", source=GENERALIZER,
)  # fmt: skip
def _dbus(system: Linux) -> Outcome:
    path = "/var/lib/dbus/machine-id"
    if system.tree.is_link(path):
        return passed((path, f"link to {system.tree.link(path)}"))
    value = system.tree.text(path, 4096).strip()
    return failed((path, value)) if value else passed((path, "empty or not there"))


@BOOK.check(
    "identity.host_keys", "There are no SSH host keys", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or remove /etc/ssh/ssh_host_*.", source=f"{GENERALIZER}; waagent -deprovision",
)  # fmt: skip
def _host_keys(system: Linux) -> Outcome:
    paths = [path for path in system.tree.glob("/etc/ssh/ssh_host_*") if "key" in path]
    return none_of((path, f"{system.tree.size(path)} bytes") for path in paths)


@BOOK.check(
    "identity.hostname", "The host name is nobody's", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=f"{GENERALIZER}; waagent -deprovision",
)  # fmt: skip
def _hostname(system: Linux) -> Outcome:
    name = system.tree.text("/etc/hostname", 4096).strip()
    found = [] if name in _LOCALS else [("/etc/hostname", name)]
    hosts = re.findall(r"^\s*(127\.0\.1\.1\s.*)$", system.tree.text("/etc/hosts"), re.M)
    return none_of(found + [("/etc/hosts", line) for line in hosts], ("/etc/hostname", name or "empty"))


@BOOK.check(
    "identity.seeds", "There are no random seeds and keys of the machine", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=GENERALIZER,
)  # fmt: skip
def _seeds(system: Linux) -> Outcome:
    paths = [
        "/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/lib/urandom/random-seed",
        "/boot/efi/loader/random-seed", "/etc/nvme/hostid", "/etc/nvme/hostnqn",
    ]  # fmt: skip
    found = [(path, f"{system.tree.size(path)} bytes") for path in paths if system.tree.exists(path)]
    iscsi = re.findall(r"^InitiatorName=(.*)$", system.tree.text("/etc/iscsi/initiatorname.iscsi"), re.M)
    return none_of(found + [("/etc/iscsi/initiatorname.iscsi", name) for name in iscsi])


@BOOK.check(
    "users.root_locked", "The password of root is locked", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or passwd --lock root.", source="waagent -deprovision; LISA verify_no_pre_exist_users",
)  # fmt: skip
def _root(system: Linux) -> Outcome:
    field = system.passwords.get("root")
    if field is None:
        return unknown("it has no line for root", "/etc/shadow")
    if field and field[0] in "!*":
        return passed(("/etc/shadow", "root is locked"))
    return failed(("/etc/shadow", "root has a password" if field else "root has an empty password"))


@BOOK.check(
    "users.passwords", "No other account has a password", about=GENERALIZE,
    remedy="Remove the account (linux_generalize_users) or lock its password.", source=f"{LISA}: verify_no_pre_exist_users",
)  # fmt: skip
def _passwords(system: Linux) -> Outcome:
    if not system.passwords:
        return unknown("it is empty or not there", "/etc/shadow")
    usable = [name for name, field in system.passwords.items() if name != "root" and field and not _locked(field)]
    empty = [name for name, field in system.passwords.items() if name != "root" and not field]
    return none_of(
        [("/etc/shadow", f"{name} has a password") for name in usable]
        + [("/etc/shadow", f"{name} has an empty password") for name in empty]
    )


def _locked(field: str) -> bool:
    return field[0] in "!*" or field == "x"


@BOOK.check(
    "users.people", "There are no accounts of persons", severity="warning", about=GENERALIZE,
    remedy="Name them in linux_generalize_users to remove them.", source=GENERALIZER,
)  # fmt: skip
def _people(system: Linux) -> Outcome:
    if not system.accounts:
        return unknown("it is empty or not there", "/etc/passwd")
    return none_of(("/etc/passwd", f"{each.name} ({each.uid}), {each.home}") for each in system.people)


@BOOK.check(
    "users.authorized_keys", "Nobody has authorized keys", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or remove ~/.ssh/authorized_keys.", source=f"{LISA}: verify_no_pre_exist_users",
)  # fmt: skip
def _authorized(system: Linux) -> Outcome:
    return none_of(_keys(system))


def _keys(system: Linux) -> Iterator[tuple[str, str]]:
    harmless = re.compile(r"Please login as the user .* rather than the user")
    for _name, home in system.homes:
        for file in ("authorized_keys", "authorized_keys2"):
            path = f"{home}/.ssh/{file}"
            lines = [line for line in system.tree.text(path).splitlines() if line.strip() and line.strip()[0] != "#"]
            open_ = [line for line in lines if not harmless.search(line)]
            if open_:
                yield path, f"{len(open_)} keys"


@BOOK.check(
    "users.private_keys", "Nobody has private keys or known hosts", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=GENERALIZER,
)  # fmt: skip
def _private(system: Linux) -> Outcome:
    names = ("id_*", "known_hosts", "known_hosts.old")
    paths = [path for _name, home in system.homes for name in names for path in system.tree.glob(f"{home}/.ssh/{name}")]
    return none_of((path, f"{system.tree.size(path)} bytes") for path in paths)


@BOOK.check(
    "users.histories", "Nobody has a shell history", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or remove the files.", source=f"{LISA}: verify_bash_history_is_empty",
)  # fmt: skip
def _histories(system: Linux) -> Outcome:
    return none_of(
        (f"{home}/{name}", f"{system.tree.size(f'{home}/{name}')} bytes")
        for _name, home in system.homes
        for name in system.tree.names(home)
        if name.startswith(".") and name.endswith("history") and system.tree.size(f"{home}/{name}")
    )


@BOOK.check(
    "users.account_copies", "There are no copies of the account files", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}.", source=GENERALIZER,
)  # fmt: skip
def _copies(system: Linux) -> Outcome:
    names = ("passwd-", "shadow-", "group-", "gshadow-", "subuid-", "subgid-")
    return none_of(
        (f"/etc/{name}", "may hold removed accounts") for name in names if system.tree.exists(f"/etc/{name}")
    )


@BOOK.check(
    "users.sudo_rules", "No rule gives a person rights", severity="warning", about=GENERALIZE,
    remedy=f"{RUN_GENERALIZE}, or remove the file.", source=GENERALIZER,
)  # fmt: skip
def _sudo(system: Linux) -> Outcome:
    names = {each.name for each in system.people}
    found = []
    for path in system.tree.glob("/etc/sudoers.d/*"):
        users = re.findall(r"^([A-Za-z_][\w.-]*)\s+ALL\s*=", system.tree.text(path), re.M)
        made = path.rsplit("/", 1)[1] in ("90-cloud-init-users", "waagent")
        found += [(path, user) for user in users if made or user in names]
    return none_of(found)
