# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_feature_info, win_feature, win_optional_feature, win_package, win_user_right, win_timezone, win_whoami."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from . import Asked, ModuleFailedError, Result, module

WELL_KNOWN = {
    "S-1-5-32-544": r"BUILTIN\Administrators",
    "S-1-5-32-545": r"BUILTIN\Users",
    "S-1-5-32-551": r"BUILTIN\Backup Operators",
    "S-1-5-32-546": r"BUILTIN\Guests",
    "S-1-1-0": "Everyone",
    "S-1-5-18": r"NT AUTHORITY\SYSTEM",
}


def _sid(account: str) -> str:
    if re.fullmatch(r"S(-\d+)+", account):
        return account
    for sid, name in WELL_KNOWN.items():
        if account.lower() in (name.lower(), name.rpartition("\\")[2].lower()):
            return sid
    raise ModuleFailedError(f"Failed to translate the account '{account}' to a SID")


@module("win_user_right")
def win_user_right(asked: Asked) -> Result:
    rights = asked.model["rights"]
    if asked["name"] not in rights:
        raise ModuleFailedError(f"the specified right {asked['name']} is not a valid right")
    have = rights[asked["name"]]
    users = [_sid(user) for user in asked["users"]]
    added = [sid for sid in users if sid not in have] if asked["action"] in ("add", "set") else []
    gone = {
        "add": [],
        "remove": [sid for sid in have if sid in users],
        "set": [sid for sid in have if sid not in users],
    }
    removed = gone[asked["action"]]
    rights[asked["name"]] = [sid for sid in have if sid not in removed] + added
    return {
        "changed": bool(added or removed),
        "added": [WELL_KNOWN.get(sid, sid) for sid in added],
        "removed": [WELL_KNOWN.get(sid, sid) for sid in removed],
    }


@module("win_timezone")
def win_timezone(asked: Asked) -> Result:
    before, wanted = asked.model["timezone"], asked["timezone"]
    if wanted not in asked.model["timezones"]:
        raise ModuleFailedError(f"The specified timezone: {wanted} isn't supported on the machine.")
    asked.model["timezone"] = wanted
    return {"changed": before != wanted, "previous_timezone": before, "timezone": wanted}


def _installers(model: Any) -> dict[str, dict[str, Any]]:
    return model["installers"]  # type: ignore[no-any-return]


@module("win_package")
def win_package(asked: Asked) -> Result:
    products, path = asked.model["products"], asked["path"]
    package = None
    if path:
        if asked.model.file(path) is None:
            raise ModuleFailedError(f"the file at the path '{path}' cannot be reached")
        leaf = path.rpartition("\\")[2]
        package = next(
            (one for name, one in _installers(asked.model).items() if fnmatch.fnmatch(leaf.lower(), name)), None
        )
        if package is None:
            raise ModuleFailedError(
                f"unexpected rc from 'msiexec /i {path}': see rc, stdout, and stderr for more details", rc=1620
            )
    product_id = asked["product_id"] or (package or {}).get("id")
    installed = next((one for one in products if one["id"] == product_id), None)
    if asked["state"] == "absent":
        if installed:
            products.remove(installed)
        return {"changed": bool(installed), "rc": 0, "reboot_required": bool(installed)}
    if installed or package is None:
        return {"changed": False, "rc": 0, "reboot_required": False}
    products.append(
        {"name": package["name"], "id": package["id"], "msi": True, "uninstall": f"MsiExec.exe /X{package['id']}"}
    )
    for name in package.get("services", ()):
        asked.model["services"].append({"name": name, "state": "started", "start_mode": "auto"})
    return {"changed": True, "rc": 0, "reboot_required": False}


@module("win_feature_info")
def win_feature_info(asked: Asked) -> Result:
    pattern = (asked["name"] or "*").lower()
    features = [
        {"name": name, "display_name": name, "installed": on, "install_state": "Installed" if on else "Available"}
        for name, on in sorted(asked.model["features"].items())
        if fnmatch.fnmatch(name.lower(), pattern)
    ]
    return {"changed": False, "exists": bool(features), "features": features}


@module("win_whoami")
def win_whoami(asked: Asked) -> Result:
    name = "NT AUTHORITY\\SYSTEM" if asked.user.upper() == "SYSTEM" else f"{asked.model['computer']}\\{asked.user}"
    domain, _slash, account = name.partition("\\")
    sid = "S-1-5-18" if asked.user.upper() == "SYSTEM" else "S-1-5-21-1-2-3-500"
    return {"changed": False, "account": {"account_name": account, "domain_name": domain, "sid": sid, "type": "User"}}
