# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data file of windows_prepare: complete, without repetition, and the same as the README's table."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml
from ansible_collections.goldenimage.azure.plugins.module_utils._windows_settings import NAMES, READERS, name_of
from support.windows_settings import README, ROLE, TABLE, settings, table

CCS = r"HKLM:\SYSTEM\CurrentControlSet"
TS = CCS + r"\Control\Terminal Server"
RDP = TS + r"\WinStations\RDP-Tcp"
POLICY = r"HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
MANAGER = CCS + r"\Control\Session Manager"
DUMPS = r"HKLM:\SOFTWARE\Microsoft\Windows\Windows Error Reporting\LocalDumps"

# Written down once more, from Microsoft's page and not from the data file.
REGISTRY: list[tuple[str, str, str, object]] = [
    (CCS + r"\Control\TimeZoneInformation", "RealTimeIsUniversal", "dword", 1),
    (MANAGER + r"\Environment", "TEMP", "expandstring", r"%SystemRoot%\TEMP"),
    (MANAGER + r"\Environment", "TMP", "expandstring", r"%SystemRoot%\TEMP"),
    (TS, "fDenyTSConnections", "dword", 0),
    (POLICY, "fDenyTSConnections", "dword", 0),
    (RDP, "PortNumber", "dword", 3389),
    (RDP, "LanAdapter", "dword", 0),
    (RDP, "UserAuthentication", "dword", 1),
    (POLICY, "KeepAliveEnable", "dword", 1),
    (POLICY, "KeepAliveInterval", "dword", 1),
    (RDP, "KeepAliveTimeout", "dword", 1),
    (POLICY, "fDisableAutoReconnect", "dword", 0),
    (RDP, "fInheritReconnectSame", "dword", 1),
    (RDP, "fReconnectSame", "dword", 0),
    (RDP, "MaxInstanceCount", "dword", 0xFFFFFFFF),
    (CCS + r"\Control\CrashControl", "CrashDumpEnabled", "dword", 2),
    (CCS + r"\Control\CrashControl", "DumpFile", "expandstring", r"%SystemRoot%\MEMORY.DMP"),
    (CCS + r"\Control\CrashControl", "NMICrashDump", "dword", 1),
    (DUMPS, "DumpFolder", "expandstring", r"C:\CrashDumps"),
    (DUMPS, "CrashCount", "dword", 10),
    (DUMPS, "DumpType", "dword", 2),
    (MANAGER + r"\Memory Management", "PagingFiles", "multistring", [r"D:\pagefile.sys"]),
    (CCS + r"\Services\cdrom", "Start", "dword", 1),
    (CCS + r"\Services\stornvme\Parameters", "IoTimeoutValue", "dword", 240),
    (CCS + r"\Services\partmgr\Parameters", "SanPolicy", "dword", 1),
]
SERVICES = {
    "auto": "BFE Dhcp Dnscache IKEEXT iphlpsvc nsi mpssvc RemoteRegistry w32time sacsvr",
    "manual": "Netlogon Netman TermService WerSvc",
}
BCD = [
    ["/set", "{bootmgr}", "integrityservices", "enable"],
    ["/set", "{default}", "device", "partition=C:"],
    ["/set", "{default}", "integrityservices", "enable"],
    ["/set", "{default}", "recoveryenabled", "Off"],
    ["/set", "{default}", "osdevice", "partition=C:"],
    ["/set", "{default}", "bootstatuspolicy", "IgnoreAllFailures"],
    ["/set", "{bootmgr}", "displaybootmenu", "yes"],
    ["/set", "{bootmgr}", "timeout", "5"],
    ["/set", "{bootmgr}", "bootems", "yes"],
    ["/ems", "{current}", "ON"],
    ["/emssettings", "EMSPORT:1", "EMSBAUDRATE:115200"],
]


def test_every_setting_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(name_of(one) for one in settings()).items() if count > 1] == []
    assert set(NAMES) == set(READERS)
    assert {one["kind"] for one in settings()} == set(READERS)


@pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: entry[0].rpartition("\\")[2] + "-" + entry[1])
def test_each_registry_value_is_there_once(entry: tuple[str, str, str, object]) -> None:
    key, name, kind, data = entry
    found = [one for one in settings() if one["kind"] == "registry" and (one["key"], one["name"]) == (key, name)]
    assert len(found) == 1
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    given = found[0]["data"]
    if name == "PagingFiles":
        assert given == ["{{ windows_prepare_page_file }}"]
        given = [defaults["windows_prepare_page_file"]]
    assert (found[0]["type"], given) == (kind, data)


def test_no_registry_value_that_nobody_wrote_down() -> None:
    written = {(key, name) for key, name, _kind, _data in REGISTRY}
    there = {(one["key"], one["name"]) for one in settings() if one["kind"] == "registry" and not one.get("absent")}
    assert there == written
    gone = {one["name"] for one in settings() if one["kind"] == "registry" and one.get("absent")}
    assert gone == {"SSLCertificateSHA1Hash", "Deny_All", "Deny_Read", "PendingFileRenameOperations"}


def test_services() -> None:
    found = sorted((one["name"], one["start_mode"]) for one in settings() if one["kind"] == "service")
    assert found == sorted((name, mode) for mode, names in SERVICES.items() for name in names.split())
    assert [one["name"] for one in settings() if one.get("edition") == "server"] == ["sacsvr"]


def test_boot_configuration() -> None:
    commands = [one["command"] for one in settings() if one["kind"] == "bcd"]
    assert [command for at, command in enumerate(commands) if command not in commands[:at]] == BCD
    shown = {(one["object"], one["element"]): one["shown"] for one in settings() if one["kind"] == "bcd"}
    assert shown["{default}", "recoveryenabled"] == "No"
    assert shown["{emssettings}", "emsport"] == "1"
    assert shown["{emssettings}", "emsbaudrate"] == "115200"


def test_firewall_power_and_the_rest() -> None:
    def of(kind: str) -> list[dict[str, object]]:
        return [one for one in settings() if one["kind"] == kind]

    assert [one["name"] for one in of("firewall_profile")] == ["Domain", "Private", "Public"]
    assert [one["name"] for one in of("firewall_group")] == ["Remote Desktop"]
    rules = {one["name"]: one.get("rule") for one in of("firewall_rule")}
    assert rules["FPS-ICMP4-ERQ-In"] is None
    platform = {
        "display_name": "AzurePlatform",
        "action": "Allow",
        "profile": "Any",
        "remote_address": ["168.63.129.16"],
    }
    assert rules["AzurePlatform in"] == {**platform, "direction": "Inbound", "edge_traversal": "Allow"}
    assert rules["AzurePlatform out"] == {**platform, "direction": "Outbound"}
    assert [(one["name"], one["port"]) for one in of("listener")] == [("HTTP", 5985), ("HTTPS", 5986)]
    assert [one["alias"] for one in of("power_scheme")] == ["SCHEME_MIN"]
    assert [(one["scheme"], one["subgroup"], one["name"], one["value"]) for one in of("power_value")] == [
        ("SCHEME_CURRENT", "SUB_VIDEO", "VIDEOIDLE", 0)
    ]
    assert [(one["port"], one["service"]) for one in of("port")] == [(3389, "TermService")]
    assert [one["name"] for one in of("capability")] == ["Windows.Desktop.EMS-SAC.Tools~~~~0.0.1.0"]
    everybody = ["S-1-5-32-544", "S-1-5-32-551", "S-1-1-0", "S-1-5-32-545"]
    assert [(one["action"], one["users"]) for one in of("right")] == [("add", everybody)] + [("remove", everybody)] * 2


def test_the_readme_shows_the_data_file() -> None:
    """When this fails: ``PYTHONPATH=tests python -m support.windows_settings``."""
    found = TABLE.search(README.read_text(encoding="utf-8"))
    assert found
    assert found[0] == table()


def test_topics_and_variables_are_documented() -> None:
    """The argument specification, the defaults, the list that main refuses by, and the README name the same."""
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    known = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__windows_prepare_known_topics"]
    assert {name: option["default"] for name, option in options.items()} == defaults
    assert sorted(options["windows_prepare_topics"]["choices"]) == sorted(known)
    assert {one["topic"] for one in settings()} <= set(known)
    text = README.read_text(encoding="utf-8")
    assert [name for name in [*options, *known] if f"`{name}`" not in text] == []
