# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines as their facts: a clean server and a clean client, and ways to change one thing."""

from __future__ import annotations

import copy
from typing import Any

Document = dict[str, Any]
SID = "S-1-5-21-1004336348-1177238915-682003330-1001"
STORE = "Microsoft.WindowsStore_22301.1401.6.0_x64__8wekyb3d8bbwe"
STORE_BUNDLE = "Microsoft.WindowsStore_22301.1401.6.0_neutral_~_8wekyb3d8bbwe"
GIB = 1 << 30


def package(full_name: str, *, users: tuple[str, ...] = (SID,), **other: Any) -> Document:
    """A package of an app from the Store, unless stated otherwise."""
    parts = full_name.split("_")
    return {
        "full_name": full_name,
        "family": f"{parts[0]}_{parts[-1]}",
        "framework": False,
        "resource": False,
        "signature": "Store",
        "location": rf"C:\Program Files\WindowsApps\{full_name}",
        "users": list(users),
        **other,
    }


def server() -> Document:
    """Windows Server 2022 on Azure, ready for Sysprep."""
    return {
        "schema": 1,
        "errors": {},
        "os": {
            "edition": "ServerDatacenter", "installation_type": "Server", "build": 20348, "architecture": "AMD64",
            "product_type": "ServerNT", "upgraded_from": [],
        },
        "session": {"is_system": False, "is_administrator": True, "is_64bit": True},
        "setup": {
            "image_state": "IMAGE_STATE_COMPLETE", "generalization_state": 7, "cleanup_state": 2,
            "setup_in_progress": 0, "oobe_in_progress": 0, "unattend_file": "absent",
        },
        "sysprep": {"executable": True, "running": False, "succeeded_tag": False, "error_log_bytes": 0},
        "leftovers": {"panther": False, "unattend_files": []},
        "pending_reboot": {
            "component_servicing": [], "pending_xml": False, "windows_update": False, "file_renames": [],
            "computer_name": "BUILD-1", "active_computer_name": "BUILD-1", "domain_join": False,
        },
        "processes": {"installers": []},
        "bitlocker": {"available": True, "volumes": [{"mount": "C:", "conversion": 0}], "boot_status": "absent"},
        "efs": {"files": [], "unread": [], "users": []},
        "appx": {
            "packages": [
                package("Microsoft.Windows.ShellExperienceHost_10.0.20348.1_neutral_neutral_cw5n1h2txyewy", signature="System",
                        location=r"C:\Windows\SystemApps\ShellExperienceHost_cw5n1h2txyewy"),
                package("Microsoft.VCLibs.140.00_14.0.30704.0_x64__8wekyb3d8bbwe", framework=True),
            ],
            "provisioned": [],
        },
        "licensing": {"rearm_count": 1001, "skip_rearm": 0},
        "membership": {"domain_role": 2, "domain": "WORKGROUP", "entra_joined": False},
        "cluster": {"service_start": "absent", "database": False},
        "roles": {"available": True, "installed": [{"name": "NET-Framework-45-Core", "kind": "Feature"}]},
        "hyper_v": {"switches": []},
        "iis": {"encrypted_values": 0},
        "wds": {"share": False, "root_folder": "absent"},
        "sql": {"instances": []},
        "services": {
            "installed": [{"name": "RdAgent", "start": 2}, {"name": "WindowsAzureGuestAgent", "start": 2},
                          {"name": "Dhcp", "start": 2}, {"name": "netbt", "start": "absent"}],
            "running": ["RdAgent", "WindowsAzureGuestAgent", "Dhcp"],
        },
        "extensions": {"handlers": []},
        "disks": {
            "system_free": 60 * GIB, "firmware": 2, "san_policy": 1,
            "disks": [{"number": 0, "size": 127 * GIB, "boot": True}, {"number": 1, "size": 32 * GIB, "boot": False}],
        },
        "cdrom": {"start": 1, "denied_by": []},
        "reserve": {"active_scenario": 0},
        "network": {"tdi_drivers": ["NetBT", "Tcpip", "tdx"], "firewalls": []},
        "accounts": {"administrator_enabled": True, "administrator_must_change": False, "max_password_age": -1},
    }  # fmt: skip


def client() -> Document:
    """Windows 11 24H2 with an app that is provisioned as a bundle, ready for Sysprep."""
    machine = server()
    machine["os"] |= {"edition": "Enterprise", "installation_type": "Client", "build": 26100, "product_type": "WinNT"}
    machine["membership"]["domain_role"] = 0
    machine["roles"] = {"available": False, "installed": []}
    bundle = package(STORE_BUNDLE, location="absent")
    machine["appx"] = {"packages": [package(STORE), bundle], "provisioned": [STORE_BUNDLE]}
    return machine


def changed(machine: Document, changes: Document) -> Document:
    """A copy with some facts changed: ``{"section.name": value}``."""
    found = copy.deepcopy(machine)
    for path, value in changes.items():
        section, name = path.split(".")
        found[section][name] = value
    return found


def without(machine: Document, path: str) -> Document:
    """A copy that lacks one fact."""
    found = copy.deepcopy(machine)
    section, name = path.split(".")
    del found[section][name]
    return found
