# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the settings of the role windows_prepare with what Ansible's Windows modules read from a machine.

Knows nothing of Ansible: settings are dictionaries of the role's data file, what was read are the modules' own results.
A setting for which nothing was read is an error, never an agreement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

Setting = Mapping[str, Any]
Found = Mapping[str, Any]

REGISTRY_TYPES = {
    "REG_DWORD": "dword",
    "REG_QWORD": "qword",
    "REG_SZ": "string",
    "REG_EXPAND_SZ": "expandstring",
    "REG_MULTI_SZ": "multistring",
    "REG_BINARY": "binary",
}
NAMES = {
    "registry": "{key}\\{name}",
    "registry_key": "{key}",
    "service": "service {name}",
    "bcd": "bcdedit {object} {element}",
    "power_scheme": "power scheme",
    "power_value": "power {subgroup} {name}",
    "firewall_profile": "firewall profile {name}",
    "firewall_group": "firewall group {name}",
    "firewall_rule": "firewall rule {name}",
    "listener": "WinRM listener {name}",
    "right": "user right {name}",
    "proxy": "WinHTTP proxy",
    "routes": "persistent routes",
    "path": "path {path}",
    "port": "port {port}",
    "product": "installed product {name}",
    "capability": "capability {name}",
}
"""How a setting of a kind is called; the names of all settings of a machine differ."""
_READ_IT = "Read it with the module that the filter's documentation names, and give the result in found."


def name_of(setting: Setting) -> str:
    """What a setting is called in messages, in lists of exceptions and in the documentation.

    :raises InvalidInput: nobody knows this kind.
    """
    try:
        return NAMES[setting["kind"]].format(**setting)
    except KeyError as error:
        raise InvalidInput(
            f"{printable(dict(setting))} is not a setting: {error} is unknown or missing.",
            remedy=f"Give kind and what it needs; known are {', '.join(NAMES)}.",
        ) from None


def _one(results: Sequence[Mapping[str, Any]] | None, source: str, item: str) -> Mapping[str, Any]:
    """The result of the loop's round for one item.

    :raises InvalidInput: that item was never read, or reading it failed.
    """
    for result in results or ():
        read = result.get("item")
        if (read["name"] if isinstance(read, Mapping) else read) == item:
            if result.get("failed") or result.get("skipped"):
                raise InvalidInput(
                    f"The {source} {item} could not be read: {printable(result.get('msg', 'nobody asked'))}.",
                    remedy=_READ_IT,
                )
            return result
    raise InvalidInput(f"The {source} {item} was not read.", remedy=_READ_IT)


def _survey(found: Found, part: str) -> Any:
    survey = found.get("survey") or {}
    if part not in survey:
        raise InvalidInput(
            f"The survey has no {part}.", remedy="Give the result of the role's survey.ps1 in found.survey."
        )
    value = survey[part]
    # PowerShell gives a single object where there is only one, and nothing for an empty list.
    return [value] if isinstance(value, Mapping) else (value or [])


def _plain(value: Any, kind: str) -> Any:
    """A registry value as it is compared: numbers without a sign, lists of text, text."""
    if kind == "dword":
        return int(value) & 0xFFFFFFFF
    if kind == "multistring":
        return [str(one) for one in ([value] if isinstance(value, str) else value)]
    return int(value) if kind == "qword" else str(value)


def _registry(setting: Setting, found: Found) -> tuple[str, str]:
    key = _one(found.get("registry"), "registry key", setting["key"])
    properties = {name.lower(): value for name, value in (key.get("properties") or {}).items()}
    value = properties.get(setting["name"].lower()) if key["exists"] else None
    if setting.get("absent"):
        return "absent", "absent" if value is None else str(value["raw_value"])
    wanted = f"{setting['type']} {_plain(setting['data'], setting['type'])}"
    if value is None:
        return wanted, "absent"
    kind = REGISTRY_TYPES.get(value["type"], value["type"])
    if kind != setting["type"]:
        return wanted, f"{kind} {value['raw_value']}"
    return wanted, f"{kind} {_plain(value['raw_value'], kind)}"


def _registry_key(setting: Setting, found: Found) -> tuple[str, str]:
    key = _one(found.get("registry"), "registry key", setting["key"])
    return "absent", "present" if key["exists"] else "absent"


def _service(setting: Setting, found: Found) -> tuple[str, str]:
    if not found.get("services"):
        raise InvalidInput("The services were not read.", remedy=_READ_IT)
    for service in found["services"]:
        if service["name"].lower() == setting["name"].lower():
            mode = service["start_mode"]
            # A delayed start is an automatic one.
            return setting["start_mode"], "auto" if mode == "delayed" and setting["start_mode"] == "auto" else mode
    return setting["start_mode"], "not installed"


def _bcd(setting: Setting, found: Found) -> tuple[str, str]:
    output = _one(found.get("bcd"), "boot configuration", setting["object"])["stdout"]
    match = re.search(rf"^{re.escape(setting['element'])}[ \t]+(\S.*?)[ \t\r]*$", output, re.MULTILINE | re.IGNORECASE)
    value = match[1] if match else "not set"
    same = value.lower() == str(setting["shown"]).lower()
    return str(setting["shown"]), str(setting["shown"]) if same else value


def _power_scheme(setting: Setting, found: Found) -> tuple[str, str]:
    output = (found.get("power") or {}).get("scheme", "")
    match = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", output, re.IGNORECASE)
    if not match:
        raise InvalidInput("The active power scheme was not read.", remedy=_READ_IT)
    return setting["guid"], match[0].lower()


def _power_value(setting: Setting, found: Found) -> tuple[str, str]:
    # Words differ by language; the last two numbers are the values on mains and on battery.
    output = _one((found.get("power") or {}).get("values"), "power value", setting["name"])["stdout"]
    numbers = re.findall(r"\b0x[0-9a-f]{8}\b", output, re.IGNORECASE)
    if len(numbers) < 2:
        raise InvalidInput(f"powercfg says nothing about {setting['name']}.", remedy="Run powercfg /query by hand.")
    return str(setting["value"]), str(int(numbers[-2], 16))


def _firewall_profile(setting: Setting, found: Found) -> tuple[str, str]:
    states = {one["name"].lower(): one["enabled"] for one in _survey(found, "firewall_profiles")}
    return "enabled", "enabled" if states.get(setting["name"].lower()) else "disabled"


def _firewall_group(setting: Setting, found: Found) -> tuple[str, str]:
    rules = [one for one in _survey(found, "firewall_rules") if one["group"] == setting["group"]]
    off = sorted(one["name"] for one in rules if not one["enabled"])
    if not rules:
        return "all rules enabled", "no rule"
    return "all rules enabled", f"disabled: {', '.join(off)}" if off else "all rules enabled"


def _shown_rule(rule: Mapping[str, Any]) -> str:
    addresses = rule.get("remote_address") or []
    addresses = sorted([addresses] if isinstance(addresses, str) else addresses)
    names = ("direction", "action", "profile", "edge_traversal", "protocol", "local_port")
    parts = [str(rule[name]) for name in names if rule.get(name)]
    return " ".join(["enabled" if rule.get("enabled", True) else "disabled", *parts, *addresses])


def _firewall_rule(setting: Setting, found: Found) -> tuple[str, str]:
    wanted: dict[str, Any] = setting.get("rule") or {}
    for rule in _survey(found, "firewall_rules"):
        same = (
            rule["display_name"] == wanted["display_name"] and rule["direction"] == wanted["direction"]
            if wanted
            else rule["name"] == setting["name"]
        )
        if same:
            shown = {name: rule.get(name) for name in wanted} | {"enabled": rule["enabled"]}
            return _shown_rule(wanted), _shown_rule(shown)
    return _shown_rule(wanted), "no such rule"


def _listener(setting: Setting, found: Found) -> tuple[str, str]:
    wanted = f"port {setting['port']}"
    for one in _survey(found, "listeners"):
        if one["transport"].upper() == setting["name"]:
            return wanted, f"port {one['port']}" if one["enabled"] else "disabled"
    return wanted, "absent"


def _right(setting: Setting, found: Found) -> tuple[str, str]:
    result = _one(found.get("rights"), "user right", setting["name"])
    adds = setting["action"] == "add"
    wanted = f"{'with' if adds else 'without'} {', '.join(setting['users'])}"
    accounts = result["added"] if adds else result["removed"]
    return wanted, f"{'without' if adds else 'with'} {', '.join(accounts)}" if accounts else wanted


def _shown_proxy(proxy: Any, bypass: Any) -> str:
    if not proxy:
        return "none"
    bypass = bypass.split(";") if isinstance(bypass, str) else bypass
    return f"{proxy} but for {', '.join(sorted(bypass or ())) or 'nothing'}"


def _proxy(setting: Setting, found: Found) -> tuple[str, str]:
    before = ((found.get("proxy") or {}).get("diff") or {}).get("before")
    if not before:
        raise InvalidInput("The WinHTTP proxy was not read.", remedy=_READ_IT)
    return _shown_proxy(setting["proxy"], setting["bypass"]), _shown_proxy(before["proxy"], before["bypass"])


def _routes(setting: Setting, found: Found) -> tuple[str, str]:
    kept = setting.get("keep") or ()
    routes = sorted(one["destination"] for one in _survey(found, "routes") if one["destination"] not in kept)
    return "none", ", ".join(routes) or "none"


def _path(setting: Setting, found: Found) -> tuple[str, str]:
    result = _one(found.get("paths"), "path", setting["path"])
    return "absent", "present" if result["stat"]["exists"] else "absent"


def _port(setting: Setting, found: Found) -> tuple[str, str]:
    wanted = f"only {setting['service']}"
    owners = [one for one in _survey(found, "port_owners") if one["port"] == setting["port"]]
    strangers = sorted(one["process"] for one in owners if setting["service"] not in one["services"])
    return wanted, ", ".join(strangers) or wanted


def _product(setting: Setting, found: Found) -> tuple[str, str]:
    names = [
        one["name"] for one in _survey(found, "products") if re.search(setting["pattern"], one["name"], re.IGNORECASE)
    ]
    return "not installed", ", ".join(sorted(names)) or "not installed"


def _capability(setting: Setting, found: Found) -> tuple[str, str]:
    states = {one["name"]: one["state"] for one in _survey(found, "capabilities")}
    return "Installed", states.get(setting["name"], "not known")


READERS: dict[str, Callable[[Setting, Found], tuple[str, str]]] = {
    "registry": _registry,
    "registry_key": _registry_key,
    "service": _service,
    "bcd": _bcd,
    "power_scheme": _power_scheme,
    "power_value": _power_value,
    "firewall_profile": _firewall_profile,
    "firewall_group": _firewall_group,
    "firewall_rule": _firewall_rule,
    "listener": _listener,
    "right": _right,
    "proxy": _proxy,
    "routes": _routes,
    "path": _path,
    "port": _port,
    "product": _product,
    "capability": _capability,
}


def names(settings: Sequence[Setting]) -> list[str]:
    """What settings are called, in their order.

    :raises InvalidInput: they are no list of settings, or one is of no known kind.
    """
    _refuse_no_settings(settings)
    return [name_of(setting) for setting in settings]


def _refuse_no_settings(settings: object) -> None:
    if (
        isinstance(settings, str)
        or not isinstance(settings, Sequence)
        or not all(isinstance(one, Mapping) for one in settings)
    ):
        raise InvalidInput(
            "The settings are not a list of dictionaries.",
            remedy="Give a list as that in the role's data file, vars/settings.yml.",
        )


def _refuse_other_readings(found: object) -> None:
    if not isinstance(found, Mapping):
        raise InvalidInput(
            f"found is a {type(found).__name__}, not a dictionary.",
            remedy="Give what was read, by where it came from: registry, services, bcd, survey …",
        )


def differences(settings: Sequence[Setting], found: Found) -> list[dict[str, Any]]:
    """Compare settings with what was read.

    :param settings: as in the role's data file.
    :param found: the modules' results, as the filter ``windows_differences`` documents them.
    :returns: one entry for each setting that is not as it should be, in the order of the settings.
    :raises InvalidInput: a setting is of no known kind, or what it is about was not read.
    """
    _refuse_no_settings(settings)
    _refuse_other_readings(found)
    found_ones = []
    for setting in settings:
        name = name_of(setting)
        try:
            wanted, actual = READERS[setting["kind"]](setting, found)
        except (KeyError, TypeError, ValueError, AttributeError, re.error) as error:
            raise InvalidInput(
                f"{name}: the setting and what was read do not fit together: {printable(repr(error))}.", remedy=_READ_IT
            ) from None
        if wanted != actual:
            described = {"id": name, "kind": setting["kind"], "topic": setting["topic"]}
            found_ones.append({**described, "wanted": wanted, "found": printable(actual), "setting": setting})
    return found_ones
