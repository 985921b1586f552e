# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysprep as a state machine: idle, running, then done or failed; and what it leaves in registry, tag file and logs.

``model["sysprep"]["plan"]`` says what is to happen: ``outcome`` (`OUTCOMES`, or ``success``, ``hang``), ``seconds`` it takes,
``lost_after`` (seconds until connections are refused, until it ends; None: never), ``state_after`` (ImageState after a failure,
if it is another than while Sysprep runs: one that fails while it only looks has changed nothing).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .state import Model

STATE = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State"
STATUS = r"HKLM\SYSTEM\Setup\Status\SysprepStatus"
PANTHER = r"C:\Windows\System32\Sysprep\Panther"
TAG = r"C:\Windows\System32\Sysprep\Sysprep_succeeded.tag"
RESEALED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
OUTCOMES: dict[str, list[str]] = {
    "appx": [
        (
            "SYSPRP Package Contoso.Notes_1.0.0.0_x64__abc was installed for a user, but not provisioned for all users. "
            "This package will not function properly in the sysprep image."
        ),
        "SYSPRP Failed to remove apps for the current user: 0x80073cf2.",
        (
            "[0x0f0082] SYSPRP ActionPlatform::LaunchModule: Failure occurred while executing 'SysprepGeneralizeValidate' from "
            "C:\\Windows\\System32\\AppxSysprep.dll; dwRet = 0x3cf2"
        ),
    ],
    "rearm": [
        (
            "[0x0f0082] SYSPRP LaunchDll: Failure occurred while executing 'C:\\Windows\\System32\\slc.dll,SLReArmWindows', "
            "returned error code -1073425657"
        ),
    ],
    "bitlocker": [
        "SYSPRP BitLocker-Sysprep: BitLocker is on for the OS volume. Turn BitLocker off to run Sysprep. (0x80310039)",
    ],
    "reserved_storage": [
        (
            "SYSPRP Sysprep_Clean_Validate_Opk: Audit mode cannot be turned on if reserved storage is in use. An update or "
            "servicing operation may be using reserved storage.; hr = 0x800F0975"
        ),
    ],
    "provider": [
        (
            "[0x0f0082] SYSPRP LaunchDll: Failure occurred while executing 'C:\\Windows\\System32\\ContosoSysprep.dll,Generalize', "
            "returned error code 0x80070005"
        ),
    ],
    "provider_missing": [
        (
            "[0x0f0082] SYSPRP LaunchDll: Failure occurred while executing 'C:\\Windows\\System32\\ContosoSysprep.dll,Generalize', "
            "returned error code 0x80070003"
        ),
    ],
    "unknown": [
        (
            "[0x0f0082] SYSPRP LaunchDll: Failure occurred while executing 'C:\\Windows\\System32\\StrangeProvider.dll,Strange', "
            "returned error code 0x8faa0001"
        ),
        "[0x0f0070] SYSPRP RunExternalDlls: An error occurred while running registry sysprep DLLs, halting sysprep execution.",
    ],
    "invalid_state": [
        (
            "[0x0f0073] SYSPRP RunExternalDlls: Not running DLLs; either the machine is in an invalid state or we couldn't "
            "update the recorded state, dwRet = 31"
        ),
    ],
}
"""The lines of setuperr.log for each failure, after the shapes that Microsoft's support articles describe."""


def _log(model: Model, name: str, lines: list[str]) -> None:
    level = "Error" if name == "setuperr.log" else "Info"
    text = "".join(f"2026-01-01 12:00:{at % 60:02d}, {level:<21} {line}\r\n" for at, line in enumerate(lines))
    model.write_file(f"{PANTHER}\\{name}", base64.b64encode(text.encode()).decode())


def start(model: Model, now: float, arguments: str, user: str) -> None:
    """Begin. Sysprep empties its logs at each start."""
    run = model["sysprep"]
    failed = run.get("failed", False)
    run |= {"started_at": now, "arguments": arguments, "user": user, "running": True, "runs": run.get("runs", 0) + 1}
    if failed:
        run["plan"] = {**run["plan"], "outcome": "invalid_state"}
    model.remove_file(TAG)
    _log(model, "setupact.log", [f"SYSPRP Sysprep started with: {arguments}"])
    _log(model, "setuperr.log", [])
    model.set_value(STATE, "ImageState", "REG_SZ", "IMAGE_STATE_UNDEPLOYABLE")


def lost(model: Model, now: float) -> bool:
    """Whether connections are refused now."""
    run = model["sysprep"]
    after = run["plan"].get("lost_after")
    return bool(run.get("running")) and after is not None and now >= run["started_at"] + after


def tick(model: Model, now: float) -> None:
    """Let the time that has passed have its effect."""
    run: dict[str, Any] = model["sysprep"]
    plan = run["plan"]
    if not run.get("running") or plan["outcome"] == "hang" or now < run["started_at"] + plan["seconds"]:
        return
    run["running"] = False
    for task in model["tasks"].values():
        task["state"] = "Ready"
    if plan["outcome"] == "success":
        _succeed(model)
        return
    state = plan.get("state_after")
    run["failed"] = state is None
    if state:
        model.set_value(STATE, "ImageState", "REG_SZ", state)
    lines = OUTCOMES[plan["outcome"]]
    _log(model, "setuperr.log", lines)
    _log(model, "setupact.log", [f"SYSPRP Sysprep started with: {run['arguments']}", *lines])


def _succeed(model: Model) -> None:
    run = model["sysprep"]
    model.set_value(STATE, "ImageState", "REG_SZ", RESEALED)
    model.set_value(STATUS, "GeneralizationState", "REG_DWORD", 7)
    model.write_file(TAG)
    _log(model, "setupact.log", [f"SYSPRP Sysprep started with: {run['arguments']}", "SYSPRP Sysprep ended"])
    # Windows 11 24H2 and Server 2025: what Local System generalizes lacks its Appx registrations.
    run["broken_shell"] = model["build"] >= 26100 and run["user"].upper().rpartition("\\")[2] == "SYSTEM"
    if "/shutdown" in run["arguments"].lower():
        model["power_state"] = "off"
    elif "/reboot" in run["arguments"].lower():
        model["power_state"] = "oobe"
