# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What still makes this system one particular machine: a JSON object on standard output, nothing is changed.

Runs on the system itself, with its own Python 3.7 or later and nothing but the standard library.
The only argument is the path of the record that a generalize run keeps while it is under way.
"""

from __future__ import annotations

import glob
import json
import os
import re
import sys
from typing import Any

SUDOERS_OF_PROVISIONING = ("/etc/sudoers.d/90-cloud-init-users", "/etc/sudoers.d/waagent")
CLOUD_CONFIGS = (
    "/etc/cloud/cloud.cfg",
    "/etc/cloud/cloud.cfg.d/*.cfg",
    "/var/lib/cloud/instance/cloud-config.txt",
    "/var/lib/cloud/instance/vendor-cloud-config.txt",
)
NOBODY = 65534


def read(path: str) -> str:
    """The text of a file, or nothing if it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def rows(path: str) -> list[list[str]]:
    """The fields of each line of a colon-separated account file."""
    return [line.split(":") for line in read(path).splitlines() if line and not line.startswith("#")]


def first_human_uid() -> int:
    found = re.search(r"^UID_MIN\s+(\d+)", read("/etc/login.defs"), re.MULTILINE)
    return int(found.group(1)) if found else 1000


def cloud_config_users(text: str) -> list[str]:
    """Users that a cloud-config creates: ``users``, ``user`` and ``system_info.default_user``."""
    try:
        import yaml
    except ImportError:  # without cloud-init there is no need to read its configuration
        return []
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    if not isinstance(config, dict):
        return []
    info = config.get("system_info")
    entries = config.get("users") or []
    if isinstance(entries, (str, dict)):
        entries = [entries]
    entries = [*entries, config.get("user"), info.get("default_user") if isinstance(info, dict) else None]
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
    return [name for name in names if isinstance(name, str) and name != "default"]


def provisioned_users(humans: set[str]) -> dict[str, str]:
    """Existing users that provisioning made, and the file that says so."""
    claims: list[tuple[str, str]] = []
    ovf = "/var/lib/waagent/ovf-env.xml"
    claims += [(name, ovf) for name in re.findall(r"<(?:\w+:)?UserName>\s*([^<\s]+)\s*</", read(ovf))]
    for path in SUDOERS_OF_PROVISIONING:
        claims += [(name, path) for name in re.findall(r"^([A-Za-z_][\w.-]*)\s+ALL\s*=", read(path), re.MULTILINE)]
    for pattern in CLOUD_CONFIGS:
        for path in sorted(glob.glob(pattern)):
            claims += [(name, path) for name in cloud_config_users(read(path))]
    found: dict[str, str] = {}
    for name, source in claims:
        if name in humans:
            found.setdefault(name, source)
    return found


def account(fields: list[str], passwords: dict[str, str]) -> dict[str, Any]:
    name, home = fields[0], fields[5]
    keys = [f"{home}/.ssh/{file}" for file in ("authorized_keys", "authorized_keys2")]
    password = passwords.get(name, "")
    return {
        "name": name,
        "uid": int(fields[2]),
        "home": home,
        "password": bool(password) and password[0] not in "!*",
        "authorized_keys": sum(bool(line.strip()) for path in keys for line in read(path).splitlines()),
        "histories": sorted(path for path in glob.glob(f"{glob.escape(home)}/.*history") if os.path.getsize(path)),
    }


def survey(record: str) -> dict[str, Any]:
    """Everything a report or a decision needs, in one read-only pass."""
    passwords = {fields[0]: fields[1] for fields in rows("/etc/shadow")}
    entries = [fields for fields in rows("/etc/passwd") if len(fields) >= 7]
    human = [fields for fields in entries if first_human_uid() <= int(fields[2]) < NOBODY]
    root = [fields for fields in entries if fields[0] == "root"]
    dbus = "/var/lib/dbus/machine-id"
    return {
        "machine_id": read("/etc/machine-id").strip(),
        "dbus_machine_id": "" if os.path.islink(dbus) else read(dbus).strip(),
        "hostname": read("/etc/hostname").strip(),
        "ssh_host_keys": sorted(os.path.basename(path) for path in glob.glob("/etc/ssh/ssh_host_*_key")),
        "users": [account(fields, passwords) for fields in human],
        "root": account(root[0], passwords) if root else {},
        "provisioned_users": provisioned_users({fields[0] for fields in human}),
        "cloud_init_instance": os.path.basename(os.path.realpath("/var/lib/cloud/instance"))
        if os.path.lexists("/var/lib/cloud/instance")
        else "",
        "cloud_init_installed": bool(glob.glob("/usr/bin/cloud-init")),
        "agent_installed": bool(glob.glob("/usr/sbin/waagent") + glob.glob("/usr/bin/waagent")),
        "resolved": bool(glob.glob("/etc/systemd/system/*.wants/systemd-resolved.service")),
        "resolvconf": bool(glob.glob("/etc/resolvconf/update.d")),
        "unfinished": json.loads(read(record) or "null"),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(survey(sys.argv[1])) + "\n")
