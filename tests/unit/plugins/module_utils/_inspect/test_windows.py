# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of Windows from a disk that mkntfs, ntfs-3g and hivex made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import windows

from .conftest import look, results
from .systems import empty_hive, hive, windows_disk

COLLECTOR = Path(__file__).resolve().parents[5] / "roles" / "windows_generalize" / "files" / "collect_facts.ps1"
SOFTWARE = r"""
[HKLM\Software\Microsoft\Windows NT\CurrentVersion]
"ProductName"="Windows Server 2022 Datacenter"
"EditionID"="ServerDatacenter"
"InstallationType"="Server"
"DisplayVersion"="21H2"
"CurrentBuild"="20348"
"UBR"=dword:00000a8b
"BuildLabEx"="20348.1.amd64fre.fe_release.210507-1500"

[HKLM\Software\Microsoft\Windows\CurrentVersion\Setup\State]
"ImageState"="{state}"

[HKLM\Software\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending]
"""
SYSTEM = r"""
[HKLM\System\Select]
"Current"=dword:00000002

[HKLM\System\Setup]
"SystemSetupInProgress"=dword:00000001

[HKLM\System\Setup\Status\SysprepStatus]
"GeneralizationState"=dword:00000007
"CleanupState"=dword:00000002

[HKLM\System\ControlSet001\Services\cdrom]
"Start"=dword:00000004

[HKLM\System\ControlSet002\Services\cdrom]
"Start"=dword:00000001

[HKLM\System\ControlSet002\Services\RdAgent]
"Start"=dword:00000002

[HKLM\System\ControlSet002\Services\storvsc]
"Start"=dword:00000000

[HKLM\System\ControlSet002\Services\Tcpip\Parameters]
"Domain"="corp.example"

[HKLM\System\ControlSet002\Control\ComputerName\ComputerName]
"ComputerName"="WIN-NEW"

[HKLM\System\ControlSet002\Control\ComputerName\ActiveComputerName]
"ComputerName"="WIN-OLD"

[HKLM\System\ControlSet002\Control\Terminal Server\WinStations\RDP-Tcp]
"PortNumber"=dword:00000d3d

[HKLM\System\ControlSet002\Control\Session Manager]
"PendingFileRenameOperations"=hex(7):5c,00,3f,00,3f,00,5c,00,61,00,00,00,00,00,00,00
"""
FILES = {
    "Windows/System32/ntoskrnl.exe": b"MZ".ljust(60, b"\0") + b"\x40\0\0\0PE\0\0\x64\x86",
    "Windows/Panther/unattend.xml": "<unattend/>",
    "Windows/System32/Sysprep/Panther/setuperr.log": "2026-11-25 Error SYSPRP it failed\r\n",
    "Users/Public/readme.txt": "x",
    "Users/anna/notes.txt": "x",
}
GENERALIZED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"


def disk(folder: Path, state: str = GENERALIZED, system: bytes | None = None) -> bytes:
    hives = {
        "SOFTWARE": hive(folder / "SOFTWARE", r"HKLM\Software", SOFTWARE.replace("{state}", state)),
        "SYSTEM": hive(folder / "SYSTEM", r"HKLM\System", SYSTEM),
    }
    if system is not None:
        hives["SYSTEM"].write_bytes(system)
    return windows_disk(folder / "disk.raw", hives, FILES).read_bytes()


def test_facts(tmp_path: Path) -> None:
    found = look(disk(tmp_path))
    facts = found["windows"]
    assert facts["problems"] == []
    assert found["os"] == {
        "family": "windows", "id": "windows", "name": "Windows Server 2022 Datacenter", "edition": "ServerDatacenter",
        "installation_type": "Server", "version": "21H2", "build": "20348", "update": 2699, "architecture": "x86_64",
    }  # fmt: skip
    assert facts["sysprep"] == {
        "image_state": GENERALIZED, "generalization_state": 7, "cleanup_state": 2, "setup_in_progress": 1,
        "setup_type": None, "oobe_in_progress": None, "succeeded_tag": False, "unattend_file": "",
        "errors": ["2026-11-25 Error SYSPRP it failed"],
    }  # fmt: skip
    assert facts["pending_reboot"] == {
        "component_servicing": True, "windows_update": False, "file_renames": True, "computer_rename": True,
        "component_markers": ["RebootPending"], "pending_xml": False, "domain_join": False,
    }  # fmt: skip
    assert facts["cdrom_start"] == 1, "of the control set that is in use"
    assert facts["computer_name"] == "WIN-NEW"
    assert (facts["domain"], facts["domain_joined"]) == ("corp.example", True)
    assert facts["remote_desktop_port"] == 3389
    assert facts["drivers"] == {"storvsc": 0, "vmbus": None, "netvsc": None, "stornvme": None}
    assert facts["users"] == ["anna"]
    assert {"/Windows/Panther", "/Windows/Panther/unattend.xml"} <= set(facts["leftovers"])
    assert found["agents"]["RdAgent"] == {"installed": True, "start": 2}
    assert found["agents"]["WindowsAzureGuestAgent"] == {"installed": False, "start": None}
    assert found["generations"] == ["V1"]
    assert found["generalized"] is True
    assert found["ready"] is False
    checks = results(found)
    assert checks["disk.partition_table"] == "pass"
    assert [checks[name] for name in ("reboot.servicing", "leftovers.unattend", "cdrom.start")] == [
        "fail",
        "fail",
        "pass",
    ]


@pytest.mark.parametrize(
    "state", ["IMAGE_STATE_COMPLETE", "IMAGE_STATE_UNDEPLOYABLE", "IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE"]
)
def test_other_states_are_not_generalized(state: str, tmp_path: Path) -> None:
    found = look(disk(tmp_path, state))
    assert found["windows"]["sysprep"]["image_state"] == state
    assert found["generalized"] is False


def test_damaged_hive_leaves_its_facts_open(tmp_path: Path) -> None:
    found = look(disk(tmp_path, system=b"regf" + bytes(8188)))
    facts = found["windows"]
    assert facts["cdrom_start"] is None
    assert facts["sysprep"]["generalization_state"] is None
    assert facts["sysprep"]["image_state"] == GENERALIZED
    assert any("SYSTEM" in text for text in facts["problems"])


def test_hive_that_was_not_written_to_its_end_decides_nothing(tmp_path: Path) -> None:
    raw = bytearray(empty_hive())
    raw[4] ^= 2
    raw[508] ^= 2
    found = look(disk(tmp_path, system=bytes(raw)))
    assert found["windows"]["hives_dirty"] == ["SYSTEM"]
    assert found["generalized"] is None


def test_answer_files_are_looked_for_where_the_collector_looks() -> None:
    """Setup's own search is the same on a disk and on a running machine."""
    text = COLLECTOR.read_text(encoding="utf-8")
    places = re.findall(r'"(\$windows|\$system32|\$\{drive\})\\?([\w\\]*attend\.xml)"', text)
    folders = {"$windows": "/Windows/", "$system32": "/Windows/System32/", "${drive}": "/"}
    live = {folders[variable] + rest.replace("\\", "/") for variable, rest in places}
    assert len(live) == 9
    assert live == {path for path in windows._LEFTOVERS if path.endswith("attend.xml")}
