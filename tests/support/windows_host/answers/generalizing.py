# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of the role windows_generalize, by their documented effect; start is in scripts.py.

``model["facts"]`` is what collect_facts.ps1 would find, but for what this machine's own registry, files, services and Sysprep
say. ``model["hardware_id"]`` is the id of its firmware.
"""

from __future__ import annotations

import copy
from typing import Any

from .. import sysprep
from ..programs import Output, program
from . import Asked, ModuleFailedError, Result, script

CCS = r"HKLM\SYSTEM\CurrentControlSet"
PROTECTION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
REGISTRY_FACTS = {
    ("setup", "image_state"): (sysprep.STATE, "ImageState"),
    ("setup", "generalization_state"): (sysprep.STATUS, "GeneralizationState"),
    ("setup", "cleanup_state"): (sysprep.STATUS, "CleanupState"),
    ("cdrom", "start"): (CCS + r"\Services\cdrom", "Start"),
    ("disks", "san_policy"): (CCS + r"\Services\partmgr\Parameters", "SanPolicy"),
    ("licensing", "skip_rearm"): (PROTECTION, "SkipRearm"),
}
"""Facts that this machine's registry has; a value that is not there is 'absent'."""
AGENTS = ("RdAgent", "WindowsAzureGuestAgent")
STARTS = {"auto": 2, "manual": 3, "disabled": 4}
PANTHER = r"C:\Windows\Panther"


def _running(asked: Asked) -> bool:
    return bool(asked.model["sysprep"].get("running"))


@script("windows_generalize/look")
def look(asked: Asked) -> Result:
    state = asked.model.value(sysprep.STATE, "ImageState")
    return {
        "changed": False,
        "image_state": state[1] if state else "",
        "succeeded_tag": asked.model.file(sysprep.TAG) is not None,
        "running": _running(asked),
        "hardware_id": asked.model.get("hardware_id", "00000000-0000-0000-0000-000000000001"),
        "user": f"{asked.model['computer']}\\{asked.user}",
        "user_sid": "S-1-5-21-1-2-3-500",
    }


def _services(asked: Asked, facts: dict[str, Any]) -> None:
    for name in AGENTS:
        service = asked.model.service(name)
        known = facts["services"]
        known["installed"] = [one for one in known["installed"] if one["name"] != name]
        known["running"] = [one for one in known["running"] if one != name]
        if service:
            known["installed"].append({"name": name, "start": STARTS[service["start_mode"]]})
            known["running"] += [name] if service["state"] == "started" else []


@script("windows_generalize/collect_facts")
def collect_facts(asked: Asked) -> Result:
    model = asked.model
    facts: dict[str, Any] = copy.deepcopy(model["facts"])
    for (section, name), (key, value) in REGISTRY_FACTS.items():
        found = model.value(key, value)
        facts[section][name] = found[1] if found else "absent"
    renames = model.value(CCS + r"\Control\Session Manager", "PendingFileRenameOperations")
    facts["pending_reboot"]["file_renames"] = [one for one in renames[1] if one] if renames else []
    facts["pending_reboot"]["windows_update"] = bool(model["restart_pending"])
    facts["leftovers"] = {
        "panther": model.file(PANTHER) is not None,
        "unattend_files": [name for name in model["files"] if name.lower().endswith("unattend.xml")],
    }
    errors = model.file(sysprep.PANTHER + r"\setuperr.log")
    facts["sysprep"] |= {
        "running": _running(asked),
        "succeeded_tag": model.file(sysprep.TAG) is not None,
        "error_log_bytes": len((errors or {}).get("content", "")),
    }
    _services(asked, facts)
    return {"changed": False, **facts}


@script("windows_generalize/decrypt")
def decrypt(asked: Asked) -> Result:
    """A volume has all of its encryption after the first call, and loses ``decrypt_step`` percent with each further one."""
    changed, shown = False, []
    for volume in asked.model["facts"]["bitlocker"]["volumes"]:
        if volume["conversion"] not in (0, 3):
            volume["conversion"], changed = 3, True
            asked.model["counters"][volume["mount"]] = 100
        elif volume["conversion"] == 3:
            left = asked.model["counters"][volume["mount"]] - asked.model.get("decrypt_step", 100)
            asked.model["counters"][volume["mount"]] = left
            volume["conversion"] = 0 if left <= 0 else 3
        shown.append({**volume, "percent": asked.model["counters"].get(volume["mount"], 0)})
    return {"changed": changed, "volumes": shown}


@script("windows_generalize/remove_task")
def remove_task(asked: Asked) -> Result:
    found = asked.model["tasks"].pop("goldenimage-sysprep", None)
    return {"changed": found is not None, "removed": int(found is not None)}


@script("windows_generalize/remove_appx")
def remove_appx(asked: Asked) -> Result:
    packages = asked.model["facts"]["appx"]["packages"]
    for wanted in asked["Packages"]:
        found = next((one for one in packages if one["full_name"] == wanted["package"]), None)
        if found is None or wanted["user"] not in found["users"]:
            raise ModuleFailedError(
                f"Deployment failed with HRESULT: 0x80073CF1, Package was not found: {wanted['package']}"
            )
        found["users"].remove(wanted["user"])
    return {"changed": True, "removed": [f"{one['package']} of {one['user']}" for one in asked["Packages"]]}


@script("windows_generalize/remove_switches")
def remove_switches(asked: Asked) -> Result:
    switches = asked.model["facts"]["hyper_v"]["switches"]
    asked.model["facts"]["hyper_v"]["switches"] = []
    return {"changed": bool(switches), "removed": switches}


@script("windows_generalize/administrator_password")
def administrator_password(asked: Asked) -> Result:
    if not asked["Password"]:
        raise ModuleFailedError("Cannot bind argument to parameter 'Password' because it is an empty string.")
    asked.model["facts"]["accounts"] |= {"administrator_must_change": False, "max_password_age": -1}
    return {"changed": True, "account": "Administrator"}


@program("wdsutil.exe")
def wdsutil(asked: Asked, words: list[str]) -> Output:
    if [word.lower() for word in words] != ["/uninitialize-server"]:
        return Output(87, "", "The command line is not valid.\r\n")
    asked.model["facts"]["wds"] = {"share": False, "root_folder": "absent"}
    return Output(0, "The command completed successfully.\r\n")
