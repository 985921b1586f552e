# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_firewall, win_http_proxy, win_route."""

from __future__ import annotations

from typing import Any

from . import Asked, ModuleFailedError, Result, module


@module("win_firewall")
def win_firewall(asked: Asked) -> Result:
    changed, on = False, asked["state"] == "enabled"
    for profile in asked["profiles"]:
        changed |= asked.model["firewall"]["profiles"][profile] != on
        asked.model["firewall"]["profiles"][profile] = on
    return {"changed": changed, "enabled": on, "profiles": asked["profiles"], "state": asked["state"]}


def _proxy(value: Any) -> str | None:
    if isinstance(value, dict):
        return ";".join(f"{protocol}={host}" for protocol, host in value.items()) or None
    return value or None


@module("win_http_proxy")
def win_http_proxy(asked: Asked) -> Result:
    if asked["source"]:
        raise ModuleFailedError("the simulated machine has no settings of Internet Explorer")
    if asked["bypass"] and not asked["proxy"]:
        raise ModuleFailedError("missing parameter(s) required by 'bypass': proxy")
    before = dict(asked.model["proxy"])
    after = {"proxy": _proxy(asked["proxy"]), "bypass": ";".join(asked["bypass"] or []) or None}
    asked.model["proxy"] = after
    return {"changed": before != after, "diff": {"before": before, "after": after}}


@module("win_route")
def win_route(asked: Asked) -> Result:
    routes, destination = asked.model["routes"], asked["destination"]
    # It asks Win32_IP4PersistedRouteTable, which has no route of IPv6.
    found = [one for one in routes if one["destination"] == destination and ":" not in destination]
    if asked["state"] == "absent":
        asked.model["routes"] = [one for one in routes if one not in found]
        return {"changed": bool(found), "msg": "Route removed" if found else "No route to remove"}
    if any(one["gateway"] == asked["gateway"] for one in found):
        return {"changed": False, "msg": "Static route already exists"}
    routes.append({"destination": destination, "gateway": asked["gateway"]})
    return {"changed": True, "msg": "Route added"}
