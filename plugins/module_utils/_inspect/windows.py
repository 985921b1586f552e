# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a Windows system from its hives and its file system. They are only stated here.

Rules over them are books of checks (``checks.Book``) whose system is the dictionary of :func:`collect`; they are
listed in ``examine.WINDOWS``. A fact that cannot be read is ``None``, with the reason in ``problems``.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.hives import MOST, Hive
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.tree import Tree
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules_apps import (
    AZURE_AGENTS,
    HYPERVISOR_TOOLS,
    OTHER_AGENTS,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.volumes import Volume

_CONFIG = "/Windows/System32/config"
_SERVICES = tuple(sorted({each.lower() for each in (*AZURE_AGENTS, *OTHER_AGENTS, *HYPERVISOR_TOOLS)}))
_DISCS = "{53f56308-b6bf-11d0-94f2-00a0c91efb8b}"  # the class of CD and DVD drives
_MACHINES = {0x8664: "x86_64", 0xAA64: "aarch64", 0x14C: "i386"}
_GENERALIZED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
_AGENTS = ("RdAgent", "WindowsAzureGuestAgent", "WindowsAzureTelemetryService", "cloudbase-init")
_LEFTOVERS = (
    "/Windows/Panther", "/Windows/Panther/unattend.xml", "/Windows/Panther/autounattend.xml",
    "/Windows/Panther/Unattend/unattend.xml", "/Windows/Panther/Unattend/autounattend.xml",
    "/Windows/System32/Sysprep/unattend.xml", "/Windows/System32/Sysprep/autounattend.xml", "/Windows/System32/Sysprep/Panther",
    "/Windows/System32/Sysprep/Sysprep_succeeded.tag", "/unattend.xml", "/autounattend.xml", "/Windows/unattend.xml",
    "/hiberfil.sys", "/Windows/MEMORY.DMP", "/WindowsAzure", "/Packages", "/DeprovisioningScript.ps1",
)  # fmt: skip
_DRIVERS = ("storvsc", "vmbus", "netvsc", "stornvme")
_NOBODY = ("public", "default", "default user", "all users", "desktop.ini", "defaultapppool")


def is_system(tree: Tree) -> bool:
    """Whether a Windows system lies here."""
    return tree.is_file(f"{_CONFIG}/SYSTEM") or tree.is_file(f"{_CONFIG}/SOFTWARE")


class _Facts:
    """Runs small questions; what cannot be read is ``None`` and a problem."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def ask(self, question: Callable[[], Any]) -> Any:
        try:
            return _plain(question())
        except Unreadable as error:
            text = printable(error)
            if text not in self.problems:
                self.problems.append(text)
            return None


def _plain(value: Any) -> Any:
    """Only what JSON has, and nothing that could steer a terminal."""
    if isinstance(value, dict):
        return {printable(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value[:50]]
    if value is None or isinstance(value, bool | int):
        return value
    return printable(value)


def collect(volume: Volume) -> dict[str, Any]:
    """Return all facts of the Windows system on a volume."""
    if volume.filesystem is None:
        raise Unreadable(volume.trouble)
    tree, facts = Tree(volume.filesystem), _Facts()
    software, system = _hive(tree, facts, "SOFTWARE"), _hive(tree, facts, "SYSTEM")
    control = facts.ask(lambda: _control_set(system)) or ""
    found = {
        "os": _os(tree, facts, software),
        "agents": {name: facts.ask(partial(_service, system, control, name)) for name in _AGENTS},
        "sysprep": _sysprep(tree, facts, software, system),
        "pending_reboot": _pending(tree, facts, software, system, control),
        "computer_name": facts.ask(
            lambda: system.text(f"{control}\\Control\\ComputerName\\ComputerName", "ComputerName")
        ),
        "active_computer_name": facts.ask(
            lambda: system.text(f"{control}\\Control\\ComputerName\\ActiveComputerName", "ComputerName")
        ),
        "domain": facts.ask(lambda: system.text(f"{control}\\Services\\Tcpip\\Parameters", "Domain")),
        "domain_joined": facts.ask(lambda: _joined(software, system, control)),
        "product_type": facts.ask(lambda: system.text(f"{control}\\Control\\ProductOptions", "ProductType")),
        "upgraded_from": facts.ask(lambda: _upgrades(system)),
        "services": facts.ask(lambda: _installed(system, control)),
        "cdrom_denied_by": facts.ask(lambda: _denials(software)),
        "cdrom_start": facts.ask(lambda: system.number(f"{control}\\Services\\cdrom", "Start")),
        "bitlocker": facts.ask(lambda: _bitlocker(system, control)),
        "drivers": {name: facts.ask(partial(_start, system, control, name)) for name in _DRIVERS},
        "remote_desktop_denied": facts.ask(
            lambda: system.number(f"{control}\\Control\\Terminal Server", "fDenyTSConnections")
        ),
        "remote_desktop_port": facts.ask(
            lambda: system.number(f"{control}\\Control\\Terminal Server\\WinStations\\RDP-Tcp", "PortNumber")
        ),
        "real_time_is_universal": facts.ask(
            lambda: system.number(f"{control}\\Control\\TimeZoneInformation", "RealTimeIsUniversal")
        ),
        "san_policy": facts.ask(lambda: system.number(f"{control}\\Services\\partmgr\\Parameters", "SanPolicy")),
        "leftovers": facts.ask(lambda: [path for path in _LEFTOVERS if tree.exists(path)]),
        "users": facts.ask(lambda: [name for name in tree.names("/Users") if name.lower() not in _NOBODY]),
        "hives_dirty": [each.name for each in (software, system) if isinstance(each, Hive) and each.dirty],
        "problems": facts.problems,
    }
    found["generalized"] = _generalized(found)
    return found


class _Absent:
    """Stands for a hive that cannot be read: every question says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        raise Unreadable(self._reason)


def _hive(tree: Tree, facts: _Facts, name: str) -> Any:
    try:
        return Hive(name, tree.data(f"{_CONFIG}/{name}", MOST) or b"")
    except Unreadable as error:
        facts.problems.append(printable(error))
        return _Absent(str(error))


def _control_set(system: Any) -> str:
    number = system.number("Select", "Current")
    if number is None:
        raise Unreadable("SYSTEM does not say which control set is in use")
    return f"ControlSet{number:03d}"


def _os(tree: Tree, facts: _Facts, software: Any) -> dict[str, Any]:
    key = "Microsoft\\Windows NT\\CurrentVersion"
    names = {"name": "ProductName", "edition": "EditionID", "installation_type": "InstallationType",
             "version": "DisplayVersion", "build": "CurrentBuild"}  # fmt: skip
    found: dict[str, Any] = {"family": "windows", "id": "windows"}
    found.update({ours: facts.ask(partial(_text, software, key, theirs)) for ours, theirs in names.items()})
    found["version"] = found["version"] or facts.ask(lambda: software.text(key, "ReleaseId"))
    found["update"] = facts.ask(lambda: software.number(key, "UBR"))
    found["architecture"] = facts.ask(lambda: _architecture(tree, software))
    return found


def _text(hive: Any, key: str, name: str) -> str:
    return str(hive.text(key, name))


def _start(system: Any, control: str, name: str) -> Any:
    return system.number(f"{control}\\Services\\{name}", "Start")


def _architecture(tree: Tree, software: Any) -> str:
    head = tree.data("/Windows/System32/ntoskrnl.exe", 4096) or b""
    at = int.from_bytes(head[60:64], "little")
    if head[:2] == b"MZ" and head[at : at + 4] == b"PE\0\0":
        machine = int.from_bytes(head[at + 4 : at + 6], "little")
        return _MACHINES.get(machine, f"machine {machine:#x}")
    build = software.text("Microsoft\\Windows NT\\CurrentVersion", "BuildLabEx").lower()
    found = re.search(r"\b(amd64|arm64|x86)fre\b", build)
    return {"amd64": "x86_64", "arm64": "aarch64", "x86": "i386"}[found[1]] if found else ""


def _service(system: Any, control: str, name: str) -> dict[str, Any]:
    key = f"{control}\\Services\\{name}"
    installed = system.key(key) is not None
    return {"installed": installed, "start": system.number(key, "Start") if installed else None}


def _sysprep(tree: Tree, facts: _Facts, software: Any, system: Any) -> dict[str, Any]:
    status = "Setup\\Status\\SysprepStatus"
    state = "Microsoft\\Windows\\CurrentVersion\\Setup\\State"
    return {
        "image_state": facts.ask(lambda: software.text(state, "ImageState")),
        "generalization_state": facts.ask(lambda: system.number(status, "GeneralizationState")),
        "cleanup_state": facts.ask(lambda: system.number(status, "CleanupState")),
        "setup_in_progress": facts.ask(lambda: system.number("Setup", "SystemSetupInProgress")),
        "setup_type": facts.ask(lambda: system.number("Setup", "SetupType")),
        "oobe_in_progress": facts.ask(lambda: system.number("Setup", "OOBEInProgress")),
        "succeeded_tag": facts.ask(lambda: tree.exists("/Windows/System32/Sysprep/Sysprep_succeeded.tag")),
        "unattend_file": facts.ask(lambda: system.text("Setup", "UnattendFile")),
        "errors": facts.ask(lambda: _errors(tree)),
    }


def _errors(tree: Tree) -> list[str]:
    text = (tree.data("/Windows/System32/Sysprep/Panther/setuperr.log") or b"").decode("utf-8", "replace")
    return [line for line in text.splitlines() if line.strip()][-5:]


def _pending(tree: Tree, facts: _Facts, software: Any, system: Any, control: str) -> dict[str, Any]:
    current = "Microsoft\\Windows\\CurrentVersion"
    manager = f"{control}\\Control\\Session Manager"
    names = f"{control}\\Control\\ComputerName"
    servicing = f"{current}\\Component Based Servicing"
    return {
        "component_markers": facts.ask(
            lambda: [name for name in _MARKERS if software.key(f"{servicing}\\{name}") is not None]
        ),
        "pending_xml": facts.ask(lambda: tree.exists("/Windows/WinSxS/pending.xml")),
        "domain_join": facts.ask(lambda: _joining(system, control)),
        "component_servicing": facts.ask(
            lambda: software.key(f"{current}\\Component Based Servicing\\RebootPending") is not None
        ),
        "windows_update": facts.ask(
            lambda: software.key(f"{current}\\WindowsUpdate\\Auto Update\\RebootRequired") is not None
        ),
        "file_renames": facts.ask(lambda: bool(system.value(manager, "PendingFileRenameOperations"))),
        "computer_rename": facts.ask(lambda: _renamed(system, names)),
    }


_MARKERS = ("RebootPending", "RebootInProgress", "PackagesPending")


def _joining(system: Any, control: str) -> bool:
    """Whether joining or leaving a domain waits for a restart."""
    logon, names = f"{control}\\Services\\Netlogon", ("JoinDomain", "AvoidSpnSet")
    return any(system.key(f"{logon}\\{name}") or system.value(logon, name) is not None for name in names)


def _upgrades(system: Any) -> list[str]:
    """The systems that were upgraded in place to this one; Setup keeps a key for each."""
    keys = [f"Setup\\{name}" for name in system.subkeys("Setup") if name.startswith("Source OS")]
    return [f"{system.text(key, 'ProductName')}, build {system.text(key, 'CurrentBuild')}" for key in keys]


def _installed(system: Any, control: str) -> list[dict[str, Any]]:
    """Those services of the rules' lists that are there."""
    there = [name for name in _SERVICES if system.key(f"{control}\\Services\\{name}") is not None]
    return [{"name": name, "start": _start(system, control, name)} for name in there]


def _denials(software: Any) -> list[str]:
    policies = "Policies\\Microsoft\\Windows\\RemovableStorageDevices"
    values = ((policies, "Deny_All"), (f"{policies}\\{_DISCS}", "Deny_All"), (f"{policies}\\{_DISCS}", "Deny_Read"))
    return [f"{key}, {name}" for key, name in values if software.number(key, name) == 1]


def _renamed(system: Any, names: str) -> bool:
    active = system.text(f"{names}\\ActiveComputerName", "ComputerName")
    return bool(active) and active != system.text(f"{names}\\ComputerName", "ComputerName")


def _joined(software: Any, system: Any, control: str) -> bool:
    group = software.key("Microsoft\\Windows\\CurrentVersion\\Group Policy\\DataStore\\Machine") is not None
    return group or bool(system.text(f"{control}\\Services\\Tcpip\\Parameters", "Domain"))


def _bitlocker(system: Any, control: str) -> dict[str, Any]:
    """What the registry says; a volume that is encrypted is seen as such and not opened at all."""
    return {"boot_status": system.number(f"{control}\\Control\\BitLockerStatus", "BootStatus")}


def _generalized(found: dict[str, Any]) -> bool | None:
    """Sysprep's own record, which is what tools wait for; to audit mode is no state for Azure."""
    state = found["sysprep"]["image_state"]
    return None if not state or found["hives_dirty"] else bool(state == _GENERALIZED)
