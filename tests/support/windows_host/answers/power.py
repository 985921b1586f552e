# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bcdedit and powercfg, as far as documented: their commands, and the form of what they print in English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..programs import Output, program

if TYPE_CHECKING:
    from . import Asked

ALIASES = {"{default}": "{current}"}
BOOLEANS = {
    "integrityservices": {"enable": "Yes", "disable": "No"},
    "recoveryenabled": {"on": "Yes", "yes": "Yes", "1": "Yes", "off": "No", "no": "No", "0": "No"},
    "displaybootmenu": {"on": "Yes", "yes": "Yes", "1": "Yes", "off": "No", "no": "No", "0": "No"},
    "bootems": {"on": "Yes", "yes": "Yes", "1": "Yes", "off": "No", "no": "No", "0": "No"},
}
WORDS = {
    "device": None,
    "osdevice": None,
    "timeout": None,
    "bootstatuspolicy": {"displayallfailures": "DisplayAllFailures", "ignoreallfailures": "IgnoreAllFailures"},
}
"""Elements whose value is taken as it is (None) or is one of some words."""


def _entry(asked: Asked, name: str) -> dict[str, str] | None:
    entry: dict[str, str] | None = asked.model["bcd"].get(ALIASES.get(name.lower(), name.lower()))
    return entry


def _enumerate(asked: Asked, name: str) -> Output:
    entry = _entry(asked, name)
    if entry is None:
        return Output(1, "", "The specified entry identifier is not valid.\r\n")
    title = {"{bootmgr}": "Windows Boot Manager", "{emssettings}": "EMS Settings"}.get(name, "Windows Boot Loader")
    shown = ALIASES.get(name, name)
    lines = [
        title,
        "-" * len(title),
        f"{'identifier':<24}{shown}",
        *(f"{key:<24}{value}" for key, value in entry.items()),
    ]
    return Output(0, "\r\n" + "\r\n".join(lines) + "\r\n")


def _set(asked: Asked, name: str, element: str, value: str) -> Output:
    entry = _entry(asked, name)
    if entry is None:
        return Output(1, "", "The specified entry identifier is not valid.\r\n")
    element = element.lower()
    words = BOOLEANS.get(element) or WORDS.get(element, {})
    if element not in BOOLEANS and element not in WORDS:
        return Output(1, "", "The element data type is not recognized, or does not apply to the specified entry.\r\n")
    if words is not None and value.lower() not in words:
        return Output(1, "", "The integer data is not valid as specified.\r\n")
    entry[element] = value if words is None else words[value.lower()]
    return Output(0, "The operation completed successfully.\r\n")


@program("bcdedit.exe")
def bcdedit(asked: Asked, words: list[str]) -> Output:
    match [words[0].lower() if words else "", *words[1:]]:
        case ["/enum", name]:
            return _enumerate(asked, name.lower())
        case ["/set", name, element, value]:
            return _set(asked, name, element, value)
        case ["/ems", name, state] if _entry(asked, name) is not None and state.upper() in ("ON", "OFF"):
            asked.model["bcd"][ALIASES.get(name, name)]["ems"] = "Yes" if state.upper() == "ON" else "No"
            return Output(0, "The operation completed successfully.\r\n")
        case ["/emssettings", *pairs] if pairs:
            for pair in pairs:
                name, _colon, value = pair.partition(":")
                asked.model["bcd"]["{emssettings}"][name.lower()] = value
            return Output(0, "The operation completed successfully.\r\n")
    return Output(1, "", "The set command specified is not valid.\r\n")


SCHEMES = {
    "SCHEME_MIN": ("8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c", "High performance"),
    "SCHEME_BALANCED": ("381b4222-f694-41f0-9685-ff5bb260df2e", "Balanced"),
    "SCHEME_MAX": ("a1841308-3541-4fab-bc81-f71556f20b4a", "Power saver"),
}


def _query(values: dict[str, Any], guid: str, subgroup: str, setting: str) -> str:
    ac, dc = values[setting]
    return (
        f"Power Scheme GUID: {guid}\r\n  GUID Alias: SCHEME\r\n    Subgroup GUID: 7516b95f-f776-4464-8c53-06167f40cc99\r\n"
        f"      GUID Alias: {subgroup}\r\n        GUID Alias: {setting}\r\n"
        "      Minimum Possible Setting: 0x00000000\r\n      Maximum Possible Setting: 0xffffffff\r\n"
        "      Possible Settings increment: 0x00000001\r\n      Possible Settings units: Seconds\r\n"
        f"    Current AC Power Setting Index: {ac:#010x}\r\n    Current DC Power Setting Index: {dc:#010x}\r\n"
    )


@program("powercfg.exe")
def powercfg(asked: Asked, words: list[str]) -> Output:
    power = asked.model["power"]
    names = dict(SCHEMES.values())
    match [words[0].lower() if words else "", *words[1:]]:
        case ["/getactivescheme"]:
            guid = power["active"]
            return Output(0, f"Power Scheme GUID: {guid}  ({names.get(guid, 'Own')})\r\n")
        case ["/setactive", scheme] if scheme.upper() in SCHEMES:
            power["active"] = SCHEMES[scheme.upper()][0]
            return Output(0)
        case ["/query", "SCHEME_CURRENT", subgroup, setting] if setting in power["values"][power["active"]]:
            return Output(0, _query(power["values"][power["active"]], power["active"], subgroup, setting))
        case ["/setacvalueindex", "SCHEME_CURRENT", _, setting, value] if setting in power["values"][power["active"]]:
            power["values"][power["active"]][setting][0] = int(value)
            return Output(0)
    return Output(1, "", 'Invalid Parameters -- try "/?" for help\r\n')
