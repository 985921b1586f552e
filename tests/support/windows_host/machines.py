# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines to begin with: Windows Server 2022 as it stands in a server room, and what tests change about it."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from .answers.power import SCHEMES
from .sysprep import STATE, STATUS

if TYPE_CHECKING:
    from pathlib import Path

CCS = r"HKLM\SYSTEM\CurrentControlSet"
RDP = CCS + r"\Control\Terminal Server\WinStations\RDP-Tcp"
SERVICES = {
    "BFE": "auto",
    "Dhcp": "auto",
    "Dnscache": "auto",
    "IKEEXT": "manual",
    "iphlpsvc": "auto",
    "nsi": "auto",
    "mpssvc": "auto",
    "RemoteRegistry": "manual",
    "w32time": "manual",
    "Netlogon": "manual",
    "Netman": "manual",
    "TermService": "disabled",
    "WerSvc": "manual",
    "sacsvr": "manual",
    "WinRM": "auto",
    "wuauserv": "manual",
}
GROUP = "@FirewallAPI.dll,-28752"


def _rule(name: str, display_name: str, group: str, *, enabled: bool) -> dict[str, Any]:
    return {
        "name": name,
        "display_name": display_name,
        "group": group,
        "enabled": enabled,
        "direction": "Inbound",
        "action": "Allow",
        "profile": "Any",
        "edge_traversal": "Block",
        "remote_address": ["Any"],
        "protocol": "TCP",
        "local_port": "3389" if group == GROUP else "Any",
    }


def _registry() -> dict[str, Any]:
    return {
        CCS + r"\Services\partmgr\Parameters": {"SanPolicy": ["REG_DWORD", 4]},
        CCS + r"\Control\TimeZoneInformation": {"TimeZoneKeyName": ["REG_SZ", "UTC"]},
        CCS + r"\Control\Session Manager": {"PendingFileRenameOperations": ["REG_MULTI_SZ", [r"\??\C:\old.dll", ""]]},
        CCS + r"\Control\Session Manager\Environment": {
            "TEMP": ["REG_EXPAND_SZ", r"D:\temp"],
            "TMP": ["REG_SZ", r"%SystemRoot%\TEMP"],
        },
        CCS + r"\Control\Session Manager\Memory Management": {"PagingFiles": ["REG_MULTI_SZ", [r"?:\pagefile.sys"]]},
        CCS + r"\Control\Terminal Server": {"fDenyTSConnections": ["REG_DWORD", 1]},
        RDP: {
            "PortNumber": ["REG_DWORD", 3390],
            "UserAuthentication": ["REG_DWORD", 0],
            "MaxInstanceCount": ["REG_DWORD", 2],
            "SSLCertificateSHA1Hash": ["REG_BINARY", [1, 2, 3]],
        },
        CCS + r"\Control\CrashControl": {
            "CrashDumpEnabled": ["REG_DWORD", 7],
            "DumpFile": ["REG_EXPAND_SZ", r"%SystemRoot%\MEMORY.DMP"],
        },
        CCS + r"\Services\cdrom": {"Start": ["REG_DWORD", 4]},
        CCS + r"\Services\stornvme": {"Start": ["REG_DWORD", 0]},
        r"HKLM\SOFTWARE\Policies\Microsoft\Windows\RemovableStorageDevices": {"Deny_All": ["REG_DWORD", 1]},
        r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion": {"CurrentBuildNumber": ["REG_SZ", "20348"]},
        STATE: {"ImageState": ["REG_SZ", "IMAGE_STATE_COMPLETE"]},
        STATUS: {"GeneralizationState": ["REG_DWORD", 7], "CleanupState": ["REG_DWORD", 2]},
    }


def server() -> dict[str, Any]:
    """Windows Server 2022, administrator's access, nothing prepared."""
    power = {guid: {"VIDEOIDLE": [600, 300]} for guid, _name in SCHEMES.values()}
    return {
        "computer": "WIN-OLD",
        "caption": "Microsoft Windows Server 2022 Standard",
        "build": 20348,
        "edition": "server",
        "bits": 64,
        "administrator": True,
        "domain": None,
        "system_drive": "C:",
        "system_disk": {"bytes": 128 << 30, "partition_style": "GPT"},
        "power_state": "on",
        "starting": False,
        "down_until": 0,
        "boot": {"number": 1, "time": 133500000000000000, "seconds": 0},
        "job_seconds": 0,
        "restart_pending": False,
        "registry": _registry(),
        "services": [{"name": name, "display_name": name, "start_mode": mode, "state": "started"} for name, mode in SERVICES.items()],
        "firewall": {
            "profiles": {"Domain": True, "Private": False, "Public": True},
            "rules": [
                _rule("RemoteDesktop-UserMode-In-TCP", "Remote Desktop - User Mode (TCP-In)", GROUP, enabled=False),
                _rule("RemoteDesktop-Shadow-In-TCP", "Remote Desktop - Shadow (TCP-In)", GROUP, enabled=False),
                _rule("FPS-ICMP4-ERQ-In", "Echo Request", "@FirewallAPI.dll,-28502", enabled=False),
            ],
        },
        "listeners": [],
        "port_owners": [{"port": 3389, "process": "svchost (1200)", "services": ["TermService"]}],
        "routes": [{"destination": "10.20.0.0/16", "gateway": "192.168.1.254"}, {"destination": "0.0.0.0/0", "gateway": "192.168.1.1"}],
        "proxy": {"proxy": "proxy.corp:3128", "bypass": "<local>"},
        "bcd": {
            "{bootmgr}": {"device": r"partition=\Device\HarddiskVolume1", "timeout": "30"},
            "{current}": {
                "device": "partition=C:",
                "path": r"\Windows\system32\winload.efi",
                "recoveryenabled": "Yes",
                "osdevice": "partition=C:",
            },
            "{emssettings}": {"bootems": "No"},
        },
        "power": {"active": SCHEMES["SCHEME_BALANCED"][0], "values": power},
        "rights": {
            "SeNetworkLogonRight": ["S-1-5-32-544", "S-1-5-32-545"],
            "SeDenyNetworkLogonRight": ["S-1-5-32-545"],
            "SeDenyRemoteInteractiveLogonRight": ["S-1-1-0", "S-1-5-32-546"],
        },
        "timezone": "UTC",
        "timezones": ["UTC", "W. Europe Standard Time"],
        "products": [],
        "installers": {
            "windowsazurevmagent*.msi": {
                "name": "Windows Azure VM Agent",
                "id": "{5CF4D04A-F16C-4892-9196-6025EA61F964}",
                "services": ["RdAgent", "WindowsAzureGuestAgent"],
            }
        },
        "features": {"Web-Server": False, "FileAndStorage-Services": True},
        "capabilities": {},
        "health": {"image": "Healthy", "sfc_code": 0, "sfc_lines": [], "volume": "NoErrorsFound", "wmi": True},
        "updates": [
            {"id": "00000000-0000-0000-0000-000000000001", "title": "Cumulative update", "kb": ["KB5000001"], "categories": ["Security Updates"],
             "installed": False, "restart": True},
        ],
        "update_rounds": {},
        "files": {
            r"C:\Windows\Panther\setupact.log": {"kind": "file", "content": ""},
            r"C:\Windows\System32\Sysprep\unattend.xml": {"kind": "file", "content": ""},
            r"C:\Windows\Temp": {"kind": "directory"},
        },
        "tasks": {},
        "jobs": {},
        "counters": {},
        "faults": [],
        "sysprep": {"plan": {"outcome": "success", "seconds": 0.5, "lost_after": None}},
    }  # fmt: skip


def client() -> dict[str, Any]:
    """Windows 11, which has the serial console's service only on demand."""
    machine = server()
    machine |= {"caption": "Microsoft Windows 11 Enterprise", "build": 22631, "edition": "client"}
    machine["services"] = [one for one in machine["services"] if one["name"] != "sacsvr"]
    return machine


def write(path: Path, machine: dict[str, Any], **changes: Any) -> Path:
    """Write a machine's state.

    :param changes: members to replace.
    """
    path.write_text(json.dumps({**copy.deepcopy(machine), **changes}, indent=1, sort_keys=True), encoding="utf-8")
    return path
