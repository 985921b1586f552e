# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_service, win_service_info."""

from __future__ import annotations

import fnmatch
from typing import Any

from . import Asked, ModuleFailedError, Result, module

RUNNING = {"started": "started", "restarted": "started", "stopped": "stopped", "paused": "paused"}


def _shown(service: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": service["name"],
        "display_name": service.get("display_name", service["name"]),
        "state": service["state"],
        "start_mode": service["start_mode"],
        "path": service.get("path", r"C:\Windows\system32\svchost.exe"),
        "description": service.get("description", ""),
        "username": service.get("username", "LocalSystem"),
        "desktop_interact": False,
        "dependencies": [],
    }


@module("win_service")
def win_service(asked: Asked) -> Result:
    service, changed = asked.model.service(asked["name"]), False
    if service is None:
        if asked["state"] == "absent" or not any(asked[name] for name in ("state", "start_mode", "path")):
            return {"changed": False, "exists": False}
        if not asked["path"]:
            raise ModuleFailedError(f"path must be specified to create the service {asked['name']}")
        service = {"name": asked["name"], "state": "stopped", "start_mode": "auto", "path": asked["path"]}
        asked.model["services"].append(service)
        changed = True
    if asked["state"] == "absent":
        asked.model["services"].remove(service)
        return {"changed": True, "exists": False}
    wanted = {"start_mode": asked["start_mode"], "state": RUNNING.get(asked["state"])}
    for name, value in wanted.items():
        if value and (service[name] != value or asked["state"] == "restarted"):
            service[name] = value
            changed = True
    shown = _shown(service)
    return {"changed": changed, "exists": True, "can_pause_and_continue": False, "depended_by": [], **shown}


@module("win_service_info")
def win_service_info(asked: Asked) -> Result:
    pattern = (asked["name"] or "*").lower()
    found = [
        one
        for one in asked.model["services"]
        if fnmatch.fnmatch(one["name"].lower(), pattern) or one.get("display_name", "").lower() == pattern
    ]
    services = [
        {
            **_shown(one),
            "dependency_of": [],
            "process_id": one.get("process_id", 0),
            "service_type": "win32_share_process",
        }
        for one in found
    ]
    return {"changed": False, "exists": bool(services), "services": services}
