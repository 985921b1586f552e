# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Windows compared with what modules read, in each kind: equal, different, and not read at all."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.goldenimage.azure.plugins.filter.windows_differences import windows_differences
from ansible_collections.goldenimage.azure.plugins.filter.windows_setting_names import windows_setting_names
from ansible_collections.goldenimage.azure.plugins.module_utils._windows_settings import READERS

KEY = r"HKLM:\SYSTEM\X"
GUID = "8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c"
Case: TypeAlias = "tuple[dict[str, Any], dict[str, Any], str | None]"


def key(*, exists: bool = True, **properties: Any) -> dict[str, Any]:
    shown = {name: {"type": kind, "value": data, "raw_value": data} for name, (kind, data) in properties.items()}
    return {"registry": [{"item": KEY, "exists": exists, "properties": shown}]}


def value(kind: str = "dword", data: Any = 1, **more: Any) -> dict[str, Any]:
    return {"kind": "registry", "key": KEY, "name": "N", "type": kind, "data": data, **more}


def boot(text: str) -> dict[str, Any]:
    return {"bcd": [{"item": "{default}", "stdout": text, "rc": 0}]}


def power(text: str) -> dict[str, Any]:
    return {"power": {"scheme": text, "values": [{"item": {"name": "VIDEOIDLE"}, "stdout": text}]}}


def rule(**changes: Any) -> dict[str, Any]:
    found = {"name": "r", "display_name": "R", "group": "g", "enabled": True, "direction": "Inbound", "action": "Allow"}
    found |= {
        "profile": "Any",
        "edge_traversal": "Block",
        "remote_address": "1.2.3.4",
        "protocol": "Any",
        "local_port": "Any",
    }
    return {"survey": {"firewall_rules": {**found, **changes}}}  # a single object, as PowerShell gives it


SERVICE = {"kind": "service", "name": "BFE", "start_mode": "auto"}
LOADER = {"kind": "bcd", "object": "{default}", "element": "recoveryenabled", "shown": "No"}
SCHEME = {"kind": "power_scheme", "guid": GUID}
SCREEN = {"kind": "power_value", "subgroup": "SUB_VIDEO", "name": "VIDEOIDLE", "value": 0}
RULE = {
    "kind": "firewall_rule",
    "name": "R in",
    "rule": {"display_name": "R", "direction": "Inbound", "action": "Allow", "remote_address": ["1.2.3.4"]},
}
RIGHT = {"kind": "right", "name": "SeX", "action": "add", "users": ["S-1-1-0"]}
PORT = {"kind": "port", "port": 3389, "service": "TermService"}
GERMAN = "Index der aktuellen Wechselstromeinstellung: {}\r\nIndex der aktuellen Gleichstromeinstellung: 0x0000012c\r\n"
# What is wanted, what was read, and what the difference says was found; None where there is none.
CASES: dict[str, Case] = {
    "value": (value(), key(N=("REG_DWORD", 1)), None),
    "value by another case": (value(), key(n=("REG_DWORD", 1)), None),
    "wrong value": (value(), key(N=("REG_DWORD", 0)), "dword 0"),
    "no value": (value(), key(), "absent"),
    "no key": (value(), key(exists=False), "absent"),
    "wrong type": (value(), key(N=("REG_SZ", "1")), "string 1"),
    "all bits, as a signed number": (value(data=0xFFFFFFFF), key(N=("REG_DWORD", -1)), None),
    "not expanded": (value("expandstring", r"%SystemRoot%\T"), key(N=("REG_EXPAND_SZ", r"%SystemRoot%\T")), None),
    "list of one": (value("multistring", ["a"]), key(N=("REG_MULTI_SZ", "a")), None),
    "another list": (value("multistring", ["a"]), key(N=("REG_MULTI_SZ", ["a", "b"])), "multistring ['a', 'b']"),
    "absent": (value(absent=True), key(), None),
    "not absent": (value(absent=True), key(N=("REG_DWORD", 0)), "0"),
    "key absent": ({"kind": "registry_key", "key": KEY}, key(exists=False), None),
    "key present": ({"kind": "registry_key", "key": KEY}, key(), "present"),
    "control characters": (value("string", "a"), key(N=("REG_SZ", "\x1b[2J")), "string ?[2J"),
    "service": (SERVICE, {"services": [{"name": "bfe", "start_mode": "auto"}]}, None),
    "service, delayed": (SERVICE, {"services": [{"name": "BFE", "start_mode": "delayed"}]}, None),
    "service off": (SERVICE, {"services": [{"name": "BFE", "start_mode": "disabled"}]}, "disabled"),
    "no service": (SERVICE, {"services": [{"name": "B", "start_mode": "auto"}]}, "not installed"),
    "boot": (LOADER, boot("identifier   {current}\r\nrecoveryenabled         No\r\n"), None),
    "boot, another element": (LOADER, boot("xrecoveryenabled No\r\n"), "not set"),
    "boot, wrong": (LOADER, boot("recoveryenabled         Yes\r\n"), "Yes"),
    "scheme": (SCHEME, power(f"GUID des Energieschemas: {GUID.upper()}  (Höchstleistung)\r\n"), None),
    "another scheme": (
        SCHEME,
        power("GUID: 381b4222-f694-41f0-9685-ff5bb260df2e (x)"),
        "381b4222-f694-41f0-9685-ff5bb260df2e",
    ),
    "screen": (SCREEN, power("0x00000000 0xffffffff " + GERMAN.format("0x00000000")), None),
    "screen goes dark": (SCREEN, power(GERMAN.format("0x00000258")), "600"),
    "profile": (
        {"kind": "firewall_profile", "name": "Public"},
        {"survey": {"firewall_profiles": [{"name": "Public", "enabled": True}]}},
        None,
    ),
    "no profile": ({"kind": "firewall_profile", "name": "Public"}, {"survey": {"firewall_profiles": []}}, "disabled"),
    "group": ({"kind": "firewall_group", "name": "G", "group": "g"}, rule(), None),
    "group, one off": ({"kind": "firewall_group", "name": "G", "group": "g"}, rule(enabled=False), "disabled: r"),
    "group, none": ({"kind": "firewall_group", "name": "G", "group": "h"}, rule(), "no rule"),
    "rule": (RULE, rule(), None),
    "rule for all addresses": (RULE, rule(remote_address=["Any"]), "enabled Inbound Allow Any"),
    "rule off": (RULE, rule(enabled=False), "disabled Inbound Allow 1.2.3.4"),
    "rule of the other direction": (RULE, rule(direction="Outbound"), "no such rule"),
    "listener": (
        {"kind": "listener", "name": "HTTP", "port": 5985},
        {"survey": {"listeners": {"transport": "HTTP", "port": 5985, "enabled": True}}},
        None,
    ),
    "listener off": (
        {"kind": "listener", "name": "HTTP", "port": 5985},
        {"survey": {"listeners": {"transport": "HTTP", "port": 5985, "enabled": False}}},
        "disabled",
    ),
    "no listener": ({"kind": "listener", "name": "HTTP", "port": 5985}, {"survey": {"listeners": None}}, "absent"),
    "right": (RIGHT, {"rights": [{"item": {"name": "SeX"}, "added": [], "removed": []}]}, None),
    "no right": (
        RIGHT,
        {"rights": [{"item": {"name": "SeX"}, "added": ["Everyone"], "removed": []}]},
        "without Everyone",
    ),
    "denied": (
        {**RIGHT, "action": "remove"},
        {"rights": [{"item": {"name": "SeX"}, "added": [], "removed": ["Everyone"]}]},
        "with Everyone",
    ),
    "proxy": (
        {"kind": "proxy", "proxy": "", "bypass": []},
        {"proxy": {"diff": {"before": {"proxy": None, "bypass": None}}}},
        None,
    ),
    "a proxy": (
        {"kind": "proxy", "proxy": "", "bypass": []},
        {"proxy": {"diff": {"before": {"proxy": "p:1", "bypass": "b;a"}}}},
        "p:1 but for a, b",
    ),
    "routes": ({"kind": "routes", "keep": ["0.0.0.0/0"]}, {"survey": {"routes": {"destination": "0.0.0.0/0"}}}, None),
    "a route": ({"kind": "routes", "keep": []}, {"survey": {"routes": [{"destination": "10.0.0.0/8"}]}}, "10.0.0.0/8"),
    "path": ({"kind": "path", "path": "C:\\x"}, {"paths": [{"item": "C:\\x", "stat": {"exists": False}}]}, None),
    "a path": ({"kind": "path", "path": "C:\\x"}, {"paths": [{"item": "C:\\x", "stat": {"exists": True}}]}, "present"),
    "port": (
        PORT,
        {"survey": {"port_owners": {"port": 3389, "process": "svchost (1)", "services": ["TermService"]}}},
        None,
    ),
    "port, nobody": (PORT, {"survey": {"port_owners": []}}, None),
    "port, a stranger": (
        PORT,
        {"survey": {"port_owners": [{"port": 3389, "process": "relay (7)", "services": []}]}},
        "relay (7)",
    ),
    "product": (
        {"kind": "product", "name": "V", "pattern": "^VMware"},
        {"survey": {"products": {"name": "Not VMware"}}},
        None,
    ),
    "a product": (
        {"kind": "product", "name": "V", "pattern": "^VMware"},
        {"survey": {"products": [{"name": "vmware tools"}]}},
        "vmware tools",
    ),
    "capability": (
        {"kind": "capability", "name": "C"},
        {"survey": {"capabilities": [{"name": "C", "state": "Installed"}]}},
        None,
    ),
    "no capability": (
        {"kind": "capability", "name": "C"},
        {"survey": {"capabilities": [{"name": "C", "state": "NotPresent"}]}},
        "NotPresent",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_compared(case: str) -> None:
    setting, found, actual = CASES[case]
    differences = windows_differences([{"topic": "t", **setting}], found)
    assert [one["found"] for one in differences] == ([] if actual is None else [actual])
    assert all(one["wanted"] != one["found"] and one["topic"] == "t" and one["setting"] for one in differences)


def test_every_kind_has_cases() -> None:
    assert {setting["kind"] for setting, _found, _actual in CASES.values()} == set(READERS)


@pytest.mark.parametrize("case", CASES)
def test_what_was_not_read_is_an_error(case: str) -> None:
    """Nothing at all, and nothing of this kind: never taken for an agreement."""
    setting = {"topic": "t", **CASES[case][0]}
    for found in (
        {},
        {"registry": [], "services": [], "bcd": [], "power": {}, "rights": [], "proxy": {}, "paths": [], "survey": {}},
    ):
        with pytest.raises(AnsibleFilterError, match=r"not read|no |nothing|was not"):
            windows_differences([setting], found)


@pytest.mark.parametrize(
    ("setting", "found", "words"),
    [
        ({"kind": "colour", "name": "x"}, {}, "is not a setting"),
        ({"kind": "registry", "name": "x"}, {}, "'key' is unknown or missing"),
        (
            value(),
            {"registry": [{"item": KEY, "failed": True, "msg": "Access is denied"}]},
            "could not be read: Access is denied",
        ),
        (value(), {"registry": [{"item": KEY, "skipped": True}]}, "could not be read"),
        (value(), {"registry": [{"item": KEY}]}, "do not fit together"),
        (value(), key(N=("REG_DWORD", "many")), "do not fit together"),
        (SCHEME, power("Unable to perform operation"), "was not read"),
        (SCREEN, power("Invalid Parameters"), "says nothing about VIDEOIDLE"),
    ],
)
def test_what_does_not_fit_is_an_error(setting: dict[str, Any], found: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        windows_differences([{"topic": "t", **setting}], found)


PATTERN = {"topic": "t", "kind": "product", "name": "n", "pattern": "("}


@pytest.mark.parametrize(
    ("settings", "found", "words"),
    [
        ("registry", {}, "not a list of dictionaries.*settings.yml"),
        (None, {}, "not a list of dictionaries"),
        ([1], {}, "not a list of dictionaries"),
        ([{}], {}, "'kind' is unknown or missing.*known are registry"),
        ([{"topic": "t", **value()}], None, "found is a NoneType.*registry, services"),
        ([{"topic": "t", **value()}], [], "found is a list"),
        ([{"topic": "t", **value()}], {}, "registry key .* was not read.*Read it with the module"),
        ([PATTERN], {"survey": {"products": [{"name": "x"}]}}, "installed product n.*do not fit together"),
        ([PATTERN], {"survey": {}}, "survey has no products.*survey.ps1"),
    ],
)
def test_input_of_another_kind_is_refused_with_what_to_give(settings: Any, found: Any, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        windows_differences(settings, found)


def test_names() -> None:
    service = {"topic": "services", "kind": "service", "name": "BFE", "start_mode": "auto"}
    assert windows_setting_names([service, value()]) == ["service BFE", rf"{KEY}\N"]
    with pytest.raises(AnsibleFilterError, match=r"windows_setting_names: .* is not a setting: .*known are"):
        windows_setting_names([{"kind": "weather"}])
    for other in ("text", [service, "text"], {"a": service}, None):
        with pytest.raises(AnsibleFilterError, match=r"windows_setting_names: .*not a list of dictionaries"):
            windows_setting_names(other)  # type: ignore[arg-type]
