# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a virtual machine looks: the view of an API version, and the instance view with its status codes [recorded]."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core.store import Doc, public
from azure_emulator.core.values import cloned
from azure_emulator.services.compute import vm_extensions
from azure_emulator.services.compute._shared import upper_group
from azure_emulator.services.compute.vm_children import EXTENSIONS, children_of, has_children

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope

# What appeared when [documented]; absent before.
_PATCH_MODE = "2020-12-01"
_ASSESSMENT_MODE = "2021-03-01"
_DELETE_OPTION = "2021-03-01"
_TIME_CREATED = "2021-11-01"
_CONTROLLER = "2023-03-01"
# Shown in traffic of 2023, no longer in that of 2024 and later; the second bound is guessed.
_AGENT_UPDATES = ("2022-11-01", "2024-03-01")
#: Machines have etags, and writes take conditions [documented].
ETAG_SINCE = "2024-03-01"

_OS_NAMES = {"Linux": ("debian", "12"), "Windows": ("Windows Server 2022 Datacenter", "10.0.20348.2527")}
_LINUX = {
    "canonical": "ubuntu",
    "debian": "debian",
    "credativ": "debian",
    "redhat": "redhat",
    "suse": "sles",
    "oracle": "oracle",
    "almalinux": "almalinux",
    "resf": "rocky",
    "openlogic": "centos",
}
_WINDOWS = {
    "14393": ("Windows Server 2016 Datacenter", "10.0.14393.7336"),
    "17763": ("Windows Server 2019 Datacenter", "10.0.17763.6293"),
    "20348": ("Windows Server 2022 Datacenter", "10.0.20348.2527"),
    "26100": ("Windows Server 2025 Datacenter", "10.0.26100.1742"),
}
_AGENTS = {"Linux": "2.9.1.1", "Windows": "2.7.41491.1117"}
_SYSTEM_BEGINS = {
    "code": "ProvisioningState/creating/osProvisioningInProgress",
    "level": "Info",
    "displayStatus": "OS Provisioning In progress",
}
_BOOT_SECONDS = 10
_PROVISIONING = {
    "Creating": ("ProvisioningState/creating", "Creating"),
    "Updating": ("ProvisioningState/updating", "Updating"),
    "Deleting": ("ProvisioningState/deleting", "Deleting"),
    "Succeeded": ("ProvisioningState/succeeded", "Provisioning succeeded"),
}


def present(ctx: Context, doc: Doc, *, listed: bool = False) -> Doc:
    """What a client sees of a machine; a list shows only the ids of its extensions."""
    # What a list has read is nobody else's, and often there are no children at all.
    own = listed and "$expand" not in ctx.query
    shown = _of_version(doc if own else cloned(doc), ctx.api_version)
    if listed:
        shown["id"] = upper_group(doc["id"])
    extensions = children_of(ctx, doc, EXTENSIONS) if not listed or has_children(ctx, EXTENSIONS) else []
    if extensions:
        shown["resources"] = [
            {"id": child["id"]} if listed else vm_extensions.present(ctx, child) for child in extensions
        ]
    return shown


def _of_version(doc: Doc, api_version: str) -> Doc:
    shown = public(doc)
    properties = shown["properties"]
    storage = properties["storageProfile"]
    for disk in (storage["osDisk"], *storage["dataDisks"]):
        if api_version < _DELETE_OPTION:
            disk.pop("deleteOption", None)
        if doc.get("_power") == "deallocated" and "managedDisk" in disk:
            # Type and size belong to the allocation and are not shown without one [recorded].
            disk["managedDisk"].pop("storageAccountType", None)
            disk.pop("diskSizeGB", None)
    if api_version >= _CONTROLLER:
        storage.setdefault("diskControllerType", "SCSI")
    _trim_os_profile(properties.get("osProfile", {}), api_version)
    if api_version < _TIME_CREATED:
        properties.pop("timeCreated", None)
    if api_version >= ETAG_SINCE:
        shown["etag"] = etag(doc)
    return shown


def _trim_os_profile(profile: dict[str, Any], api_version: str) -> None:
    for name in ("linuxConfiguration", "windowsConfiguration"):
        configuration = profile.get(name)
        if not configuration:
            continue
        if api_version < _PATCH_MODE:
            configuration.pop("patchSettings", None)
        elif api_version < _ASSESSMENT_MODE:
            configuration["patchSettings"].pop("assessmentMode", None)
        if _AGENT_UPDATES[0] <= api_version < _AGENT_UPDATES[1]:
            configuration.setdefault("enableVMAgentPlatformUpdates", False)
        else:
            configuration.pop("enableVMAgentPlatformUpdates", None)


def etag(doc: Doc) -> str:
    """The VM's version, a number in quotes."""
    return f'"{doc.get("_etag", 1)}"'


def instance_view(scope: Scope, doc: Doc) -> dict[str, Any]:
    """What the platform and the agent know about the running machine."""
    moment = scope.clock.iso(doc.get("_changed"))
    storage = doc["properties"]["storageProfile"]
    view: dict[str, Any] = {}
    power = doc.get("_power")
    extensions = children_of(scope, doc, EXTENSIONS) if power == "running" else []
    if power == "running":
        view |= _agent(doc, moment, extensions)
    provisioned = {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "time": moment,
    }
    disks = [disk["name"] for disk in (storage["osDisk"], *storage["dataDisks"]) if "name" in disk]
    view["disks"] = [{"name": name, "statuses": [provisioned]} for name in disks]
    if extensions:
        view["extensions"] = [vm_extensions.status_of(child) for child in extensions]
    if diagnostics := _boot_diagnostics(doc):
        view["bootDiagnostics"] = diagnostics if diagnostics is not True else {}
    view["hyperVGeneration"] = doc["_generation"]
    view["statuses"] = _statuses(scope, doc, moment)
    return view


def _boot_diagnostics(doc: Doc) -> dict[str, str] | bool:
    """URLs of the machine's logs when they are in an account of the customer; true: somewhere; false: nowhere."""
    wanted = (doc["properties"].get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
    if not wanted.get("enabled"):
        return False
    if not wanted.get("storageUri"):
        return True
    identity = doc["properties"]["vmId"]
    short = doc["name"].lower().replace("-", "").replace("_", "")[:9]
    base = f"{wanted['storageUri'].rstrip('/')}/bootdiagnostics-{short}-{identity}/{doc['name']}.{identity}"
    return {
        "consoleScreenshotBlobUri": f"{base}.screenshot.bmp",
        "serialConsoleLogBlobUri": f"{base}.serialconsole.log",
    }


def _agent(doc: Doc, moment: str, extensions: list[Doc]) -> dict[str, Any]:
    os_type = doc["properties"]["storageProfile"]["osDisk"]["osType"]
    unheard = doc["properties"]["provisioningState"] == "Failed" and "_failure" in doc
    if doc.get("_specialized") or unheard:
        status = {
            "code": "ProvisioningState/Unavailable",
            "level": "Warning",
            "displayStatus": "Not Ready",
            "message": "VM status blob is found but not yet populated.",
            "time": moment,
        }
        return {"vmAgent": {"vmAgentVersion": "Unknown", "statuses": [status]}}
    name, version = _system(doc, os_type)
    status = {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Ready",
        "message": "Guest Agent is running",
        "time": moment,
    }
    return {
        "computerName": doc["properties"].get("osProfile", {}).get("computerName", doc["name"]),
        "osName": name,
        "osVersion": version,
        "vmAgent": {
            "vmAgentVersion": _AGENTS[os_type],
            "statuses": [status],
            "extensionHandlers": [vm_extensions.handler_of(child) for child in extensions],
        },
    }


def _system(doc: Doc, os_type: str) -> tuple[str, str]:
    """Name and version that the agent reports: those of the Marketplace image, if the machine is made from one."""
    reference = doc["properties"]["storageProfile"].get("imageReference", {})
    if os_type == "Windows":
        build = str(reference.get("exactVersion", "")).partition(".")[0]
        return _WINDOWS.get(build, _OS_NAMES["Windows"])
    publisher, sku = reference.get("publisher", "").lower(), reference.get("sku", "")
    name = _LINUX.get(publisher)
    if name is None:
        return _OS_NAMES["Linux"]
    found = re.search(r"\d+(?:[._]\d+)?", f"{sku} {reference.get('offer', '')}" if publisher != "canonical" else "")
    if publisher == "canonical":
        found = re.match(r"\d+\.\d+", str(reference.get("exactVersion", "")))
    return name, found[0].replace("_", ".") if found else _OS_NAMES["Linux"][1]


def _statuses(scope: Scope, doc: Doc, moment: str) -> list[dict[str, Any]]:
    statuses, power = [], doc.get("_power")
    if doc.get("_specialized"):
        statuses.append({"code": "OSState/specialized", "level": "Info", "displayStatus": "VM specialized"})
    statuses.append(_provisioning_status(doc, moment))
    if _system_begins(scope, doc):
        statuses.append(_SYSTEM_BEGINS)
        power = "running"
    if doc.get("_generalized"):
        statuses.append({"code": "OSState/generalized", "level": "Info", "displayStatus": "VM generalized"})
    if power:
        statuses.append({"code": f"PowerState/{power}", "level": "Info", "displayStatus": f"VM {power}"})
    if doc.get("_hibernated"):
        statuses.append({"code": "HibernationState/Hibernated", "level": "Info", "displayStatus": "VM hibernated"})
    return statuses


def _system_begins(scope: Scope, doc: Doc) -> bool:
    """Whether a new machine already runs and its system is being set up [documented; after which time: guessed]."""
    properties = doc["properties"]
    new = properties["provisioningState"] == "Creating" and "osProfile" in properties
    return new and scope.clock.now() >= doc.get("_changed", scope.clock.now()) + _BOOT_SECONDS


def _provisioning_status(doc: Doc, moment: str) -> dict[str, Any]:
    state = doc["properties"]["provisioningState"]
    if state == "Failed":
        failure = doc.get("_failure") or {"code": "InternalExecutionError", "message": ""}
        return {
            "code": f"ProvisioningState/failed/{failure['code']}",
            "level": "Error",
            "displayStatus": "Provisioning failed",
            "message": failure["message"],
            "time": moment,
        }
    code, text = _PROVISIONING[state]
    return {"code": code, "level": "Info", "displayStatus": text, "time": moment}
