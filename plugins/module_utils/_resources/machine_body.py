# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine as ARM wants it, from the options of the module vm."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.machine_sources import Source

WINDOWS_ONLY = ("time_zone", "winrm_listeners", "additional_unattend_content", "enable_automatic_updates")
IDENTITY = ("admin_username", "admin_password", "ssh_public_keys", "custom_data", "computer_name", *WINDOWS_ONLY)


def desire(
    params: Mapping[str, Any], source: Source, *, location: str, tags: Mapping[str, str] | None, nics: list[str]
) -> Wire:
    """The body of a new machine.

    :param nics: ids of its network interfaces, the first of them primary.
    """
    interfaces = [{"id": nic, "properties": {"primary": number == 0}} for number, nic in enumerate(nics)]
    properties = {
        "hardwareProfile": {"vmSize": params["size"]},
        "storageProfile": {
            "imageReference": source.image,
            "osDisk": os_disk(params, source),
            "dataDisks": [data_disk(params["name"], disk, source) for disk in wanted_disks(params)],
        },
        "osProfile": None if source.specialized else os_profile(params, source.os_type),
        "networkProfile": {"networkInterfaces": interfaces},
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": params["boot_diagnostics"] is not False}},
        "licenseType": params["license_type"],
        "securityProfile": _security_profile(params["security_type"]),
    }
    plan = params["plan"] or source.plan
    zones = [params["zone"]] if params["zone"] else None
    return stated({"location": location, "zones": zones, "tags": tags, "plan": plan, "properties": properties})


def wanted_disks(params: Mapping[str, Any]) -> list[Wire]:
    return [disk for disk in params["data_disks"] or [] if disk["state"] == "present"]


def os_disk(params: Mapping[str, Any], source: Source) -> Wire:
    options = params["os_disk"] or {}
    disk = {"caching": options.get("caching") or "ReadWrite", "osType": source.os_type}
    if source.disk_id:
        return {**disk, "createOption": "Attach", "managedDisk": {"id": source.disk_id}}
    return {
        **disk,
        "createOption": "FromImage",
        "name": options.get("name") or f"{params['name']}-os",
        "diskSizeGB": options.get("disk_size_gb"),
        "managedDisk": {"storageAccountType": options.get("storage_account_type")},
    }


def data_disk(machine: str, disk: Mapping[str, Any], source: Source | None) -> Wire:
    """One data disk: an existing one, one of the image, or a new empty one."""
    body = {"lun": disk["lun"], "caching": disk["caching"]}
    if disk["source"]:
        return {**body, "createOption": "Attach", "managedDisk": {"id": disk["source"]}}
    from_image = source is not None and disk["lun"] in source.luns
    return {
        **body,
        "createOption": "FromImage" if from_image else "Empty",
        "name": disk["name"] or f"{machine}-data-{disk['lun']}",
        "diskSizeGB": disk["disk_size_gb"],
        "managedDisk": {"storageAccountType": disk["storage_account_type"]},
    }


def os_profile(params: Mapping[str, Any], os_type: str) -> Wire:
    """What the machine's first boot makes of a generalized image."""
    custom_data = params["custom_data"]
    profile = {
        "computerName": params["computer_name"] or params["name"],
        "adminUsername": params["admin_username"],
        "adminPassword": params["admin_password"],
        "customData": base64.b64encode(custom_data.encode()).decode() if custom_data else None,
    }
    if os_type == "Windows":
        return {**profile, "windowsConfiguration": _windows(params)}
    user = params["admin_username"]
    keys = [{"path": f"/home/{user}/.ssh/authorized_keys", "keyData": key} for key in params["ssh_public_keys"] or []]
    linux = {
        "disablePasswordAuthentication": not params["admin_password"],
        "ssh": {"publicKeys": keys} if keys else None,
    }
    return {**profile, "linuxConfiguration": {**linux, "provisionVMAgent": params["provision_vm_agent"]}}


def _windows(params: Mapping[str, Any]) -> Wire:
    listeners = [
        {"protocol": one["protocol"], "certificateUrl": one["certificate_url"]}
        for one in params["winrm_listeners"] or []
    ]
    content = [
        {
            "passName": "OobeSystem",
            "componentName": "Microsoft-Windows-Shell-Setup",
            "settingName": one["setting_name"],
            "content": one["content"],
        }
        for one in params["additional_unattend_content"] or []
    ]
    return {
        "timeZone": params["time_zone"],
        "provisionVMAgent": params["provision_vm_agent"],
        "enableAutomaticUpdates": params["enable_automatic_updates"],
        "winRM": {"listeners": listeners} if listeners else None,
        "additionalUnattendContent": content or None,
    }


def _security_profile(security_type: str | None) -> Wire | None:
    if security_type is None:
        return None
    return {"securityType": security_type, "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}


def check(params: Mapping[str, Any], source: Source) -> None:
    """What Azure would refuse, all of it at once, before anything is written.

    :raises InvalidInput: naming every parameter that does not fit.
    """
    problems = _identity_problems(params, source)
    names = {"Linux": 64, "Windows": 15}
    computer = params["computer_name"] or params["name"]
    if not source.specialized and len(computer) > names[source.os_type]:
        problems.append(
            f"computer_name {computer!r} is longer than {names[source.os_type]} characters, the limit of {source.os_type}"
        )
    wanted = params["hyper_v_generation"]
    if wanted and source.generation and wanted != source.generation:
        problems.append(f"hyper_v_generation is {wanted}, but {source.name} is of generation {source.generation}")
    if params["security_type"] and source.generation == "V1":
        problems.append(f"security_type {params['security_type']} needs generation V2, and {source.name} is V1")
    problems += lun_problems(params)
    if problems:
        raise InvalidInput(
            f"The machine {params['name']} cannot be made: {'; '.join(problems)}.",
            remedy="Correct these options; nothing was changed.",
            problems=problems,
        )


def lun_problems(params: Mapping[str, Any]) -> list[str]:
    luns = [disk["lun"] for disk in params["data_disks"] or []]
    twice = sorted({lun for lun in luns if luns.count(lun) > 1})
    return [f"data_disks has the LUN {', '.join(map(str, twice))} more than once"] if twice else []


def _identity_problems(params: Mapping[str, Any], source: Source) -> list[str]:
    given = [name for name in IDENTITY if params[name]]
    if source.specialized:
        return (
            [f"{source.name} is specialized: it keeps its users, so {', '.join(given)} cannot be set"] if given else []
        )
    problems = []
    if not params["admin_username"]:
        problems.append(f"{source.name} is generalized, so admin_username is needed")
    if source.os_type == "Windows":
        if not params["admin_password"]:
            problems.append("Windows needs admin_password")
        if params["ssh_public_keys"]:
            problems.append("ssh_public_keys is for Linux")
        return problems
    if not (params["ssh_public_keys"] or params["admin_password"]):
        problems.append("ssh_public_keys or admin_password is needed")
    windows = [name for name in WINDOWS_ONLY if params[name]]
    if windows:
        problems.append(f"{', '.join(windows)} {'is' if len(windows) == 1 else 'are'} for Windows")
    return problems
