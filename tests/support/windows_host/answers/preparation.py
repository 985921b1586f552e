# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of the role windows_prepare, by their documented effect."""

from __future__ import annotations

from typing import Any

from . import Asked, ModuleFailedError, Result, script
from .files import content


@script("windows_prepare/survey")
def survey(asked: Asked) -> Result:
    model = asked.model
    rules = [
        one
        for one in model["firewall"]["rules"]
        if one["name"] in (asked["RuleNames"] or ())
        or one["display_name"] in (asked["RuleDisplayNames"] or ())
        or one["group"] in (asked["RuleGroups"] or ())
    ]
    return {
        "changed": False,
        "caption": model["caption"],
        "build": model["build"],
        "edition": model["edition"],
        "bits": model["bits"],
        "administrator": model["administrator"],
        "system_drive": model["system_drive"],
        "system_disk_bytes": model["system_disk"]["bytes"],
        "system_disk_partition_style": model["system_disk"]["partition_style"],
        "firewall_profiles": [{"name": name, "enabled": on} for name, on in model["firewall"]["profiles"].items()],
        "firewall_rules": rules,
        "listeners": model["listeners"],
        "port_owners": [one for one in model["port_owners"] if one["port"] in (asked["Ports"] or ())],
        "routes": model["routes"],
        "products": model["products"],
        "capabilities": [
            {"name": name, "state": model["capabilities"].get(name, "NotPresent")}
            for name in asked["Capabilities"] or ()
        ],
    }


def _new_rule(wanted: dict[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in wanted.items() if value}
    defaults = {
        "group": "",
        "enabled": True,
        "edge_traversal": "Block",
        "remote_address": ["Any"],
        "protocol": "Any",
        "local_port": "Any",
    }
    return {"name": "{" + given["display_name"] + "-" + given["direction"] + "}", **defaults, **given}


@script("windows_prepare/firewall_rule")
def firewall_rule(asked: Asked) -> Result:
    rules = asked.model["firewall"]["rules"]
    wanted = asked["Rule"]
    if wanted:
        same = [
            one
            for one in rules
            if (one["display_name"], one["direction"]) == (wanted["display_name"], wanted["direction"])
        ]
        asked.model["firewall"]["rules"] = [one for one in rules if one not in same] + [_new_rule(wanted)]
        return {"changed": True}
    found = [
        one for one in rules if one["name"] == asked["Name"] or (asked["Group"] and one["group"] == asked["Group"])
    ]
    if not found:
        raise ModuleFailedError("No MSFT_NetFirewallRule objects found")
    for one in found:
        one["enabled"] = True
    return {"changed": True}


@script("windows_prepare/winrm")
def winrm(asked: Asked) -> Result:
    transport = asked["Transport"]
    others = [one for one in asked.model["listeners"] if one["transport"] != transport]
    port, thumbprint = (5985, "") if transport == "HTTP" else (5986, asked["Thumbprint"] or "AB" * 20)
    asked.model["listeners"] = [
        *others,
        {"transport": transport, "port": port, "enabled": True, "thumbprint": thumbprint},
    ]
    return {"changed": True}


@script("windows_prepare/health")
def health(asked: Asked) -> Result:
    state = asked.model["health"]
    before, lines = state["image"], list(state["sfc_lines"])
    if asked["Repair"]:
        state["image"] = "Healthy" if before == "Repairable" else before
        state["sfc_lines"] = [line for line in lines if "Cannot repair" in line]
    return {
        "changed": False,
        "image_before": before,
        "image_after": state["image"],
        "sfc_code": state["sfc_code"],
        "sfc_lines": lines,
        "volume": state["volume"],
    }


@script("windows_prepare/capability")
def capability(asked: Asked) -> Result:
    asked.model["capabilities"][asked["Name"]] = "Installed"
    if asked["Name"].startswith("Windows.Desktop.EMS-SAC") and asked.model.service("sacsvr") is None:
        asked.model["services"].append({"name": "sacsvr", "state": "stopped", "start_mode": "manual"})
    return {"changed": True, "restart": False}


@script("windows_prepare/optimize")
def optimize(asked: Asked) -> Result:
    """A disk file's content tells how many systems are on it, as text."""
    entry = asked.model.file(asked["Path"])
    if entry is None:
        raise ModuleFailedError(f"The system cannot find the file specified: {asked['Path']}")
    systems = int(content(entry))
    entry["optimized"] = systems == 1
    return {"changed": True, "systems": systems, "code": 0 if systems == 1 else None, "output": []}
