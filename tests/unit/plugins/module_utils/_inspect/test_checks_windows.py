# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Sysprep over disks that mkntfs, ntfs-3g and hivex made."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks_windows import BOOK, facts_of
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Unknown
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import RULES
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import BEFORE, IMAGE, NEVER

from .conftest import look, results
from .systems import hive, windows_disk

if TYPE_CHECKING:
    from pathlib import Path

    from .systems import Files

GENERALIZED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
CURRENT = r"HKLM\Software\Microsoft\Windows\CurrentVersion"
SET = r"HKLM\System\ControlSet001"
SOFTWARE = rf"""
[HKLM\Software\Microsoft\Windows NT\CurrentVersion]
"ProductName"="Windows Server 2022 Datacenter"
"EditionID"="ServerDatacenter"
"InstallationType"="Server"
"CurrentBuild"="20348"

[{CURRENT}\Setup\State]
"ImageState"="STATE"
"""
SYSTEM = rf"""
[HKLM\System\Select]
"Current"=dword:00000001

[HKLM\System\Setup]
"SystemSetupInProgress"=dword:00000000

[HKLM\System\Setup\Status\SysprepStatus]
"GeneralizationState"=dword:00000007
"CleanupState"=dword:00000002

[{SET}\Control\ProductOptions]
"ProductType"="ServerNT"

[{SET}\Control\ComputerName\ComputerName]
"ComputerName"="WIN-1"

[{SET}\Services\partmgr\Parameters]
"SanPolicy"=dword:00000001

[{SET}\Services\cdrom]
"Start"=dword:00000001

[{SET}\Services\RdAgent]
"Start"=dword:00000002

[{SET}\Services\WindowsAzureGuestAgent]
"Start"=dword:00000002
"""
PROGRAM = b"MZ".ljust(60, b"\0") + b"\x40\0\0\0PE\0\0\x64\x86"


def disk(
    folder: Path, *, state: str = GENERALIZED, software: str = "", system: str = "", files: Files | None = None
) -> bytes:
    hives = {
        "SOFTWARE": hive(folder / "SOFTWARE", r"HKLM\Software", SOFTWARE.replace("STATE", state) + software),
        "SYSTEM": hive(folder / "SYSTEM", r"HKLM\System", SYSTEM + system),
    }
    contents: Files = {"Windows/System32/ntoskrnl.exe": PROGRAM, **(files or {})}
    return windows_disk(folder / "disk.raw", hives, contents, size=32 << 20).read_bytes()


def failed(found: dict[str, Any], result: str = "fail") -> set[str]:
    return {name for name, each in results(found).items() if each == result}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return look(disk(tmp_path_factory.mktemp("clean")))


@pytest.fixture(scope="module")
def facts(clean: dict[str, Any]) -> dict[str, Any]:
    """What windows.collect returned for the clean disk."""
    return {**clean["windows"], "os": clean["os"], "agents": clean["agents"], "generalized": clean["generalized"]}


def test_a_clean_generalized_disk_is_ready(clean: dict[str, Any]) -> None:
    assert failed(clean) == failed(clean, "unknown") == set()
    assert (clean["generalized"], clean["ready"]) == (True, True)


def test_every_rule_that_has_its_facts_on_a_disk_is_asked(clean: dict[str, Any]) -> None:
    asked = {rule.id for rule in RULES if rule.offline != NEVER}
    assert asked | {"sysprep.generalized"} == {
        each["id"] for each in clean["checks"] if not each["id"].startswith("disk.")
    }
    before = {rule.id for rule in RULES if rule.offline == BEFORE}
    assert failed(clean, "not applicable") == before | {"disk.removable_loader"}


def test_a_machine_before_sysprep_is_asked_everything(tmp_path: Path) -> None:
    found = look(disk(tmp_path, state="IMAGE_STATE_COMPLETE"))
    assert failed(found) == {"sysprep.generalized"}
    assert failed(found, "unknown") == set()
    assert (found["generalized"], found["ready"]) == (False, False)


def test_everything_that_would_stop_sysprep(tmp_path: Path) -> None:
    system = rf"""
[HKLM\System\Setup]
"OOBEInProgress"=dword:00000001
"UnattendFile"="C:\\answers.xml"

[HKLM\System\Setup\Status\SysprepStatus]
"GeneralizationState"=dword:00000003

[HKLM\System\Setup\Source OS (Updated on 1/2/2024 10:11:12)]
"ProductName"="Windows Server 2019 Datacenter"
"CurrentBuild"="17763"

[{SET}\Services\Tcpip\Parameters]
"Domain"="corp.example"

[{SET}\Services\Netlogon]
"JoinDomain"="corp.example"

[{SET}\Control\ComputerName\ActiveComputerName]
"ComputerName"="WIN-0"

[{SET}\Control\Session Manager]
"PendingFileRenameOperations"=hex(7):5c,00,3f,00,3f,00,5c,00,61,00,00,00,00,00,00,00
"""
    files: Files = {"Windows/Panther/setupact.log": "x", "Windows/System32/Sysprep/Sysprep_succeeded.tag": ""}
    found = look(disk(tmp_path, state="IMAGE_STATE_UNDEPLOYABLE", system=system, files=files))
    assert failed(found) == {
        "sysprep.generalized", "state.undeployable", "state.setup", "state.sysprep_status", "leftovers.answer_file",
        "os.upgraded", "membership.domain", "reboot.domain_join", "reboot.computer_name", "reboot.file_renames",
        "leftovers.panther", "sysprep.succeeded_tag",
    }  # fmt: skip
    evidence = {each["id"]: each["evidence"] for each in found["checks"]}
    assert evidence["os.upgraded"] == [
        {"file": "os.upgraded_from", "value": "Windows Server 2019 Datacenter, build 17763"}
    ]
    assert evidence["membership.domain"] == [{"file": "membership.domain", "value": "corp.example"}]


def test_everything_that_would_spoil_an_image(tmp_path: Path) -> None:
    software = rf"""
[{CURRENT}\Component Based Servicing\PackagesPending]

[{CURRENT}\WindowsUpdate\Auto Update\RebootRequired]

[HKLM\Software\Policies\Microsoft\Windows\RemovableStorageDevices]
"Deny_All"=dword:00000001

[HKLM\Software\Microsoft\Windows NT\CurrentVersion]
"EditionID"="ServerDatacenterEval"
"CurrentBuild"="7600"
"""
    system = rf"""
[{SET}\Control\ProductOptions]
"ProductType"="LanmanNT"

[{SET}\Services\partmgr\Parameters]
"SanPolicy"=dword:00000002

[{SET}\Services\cdrom]
"Start"=dword:00000004

[{SET}\Services\RdAgent]
"Start"=dword:00000004

[{SET}\Services\VMTools]
"Start"=dword:00000002

[{SET}\Services\HealthService]
"Start"=dword:00000002
"""
    program = PROGRAM[:-2] + b"\x4c\x01"
    files: Files = {"Windows/Panther/unattend.xml": "<unattend/>", "Windows/System32/ntoskrnl.exe": program,
                    "Windows/WinSxS/pending.xml": "x"}  # fmt: skip
    content = disk(tmp_path, software=software, system=system, files=files)
    found = look(content)
    assert failed(found) == {
        "reboot.servicing", "reboot.windows_update", "cdrom.policy", "cdrom.start", "os.evaluation", "os.too_old",
        "os.architecture", "membership.controller", "disks.san_policy", "agents.enabled", "agents.hypervisor",
        "agents.identity", "leftovers.unattend",
    }  # fmt: skip
    assert (found["generalized"], found["ready"]) == (True, False)
    kept = look(content, specialized=True)
    image = {rule.id for rule in RULES if rule.offline == IMAGE}
    assert failed(kept) == failed(found) - image, "a disk that keeps its identity may have these"


# A change of what was collected from the clean disk, and what becomes of the checks.
DISKS = {
    "cdrom missing": ({"cdrom_start": None}, {"cdrom.start": "fail"}),
    "no SAN policy": ({"san_policy": None}, {"disks.san_policy": "fail"}),
    "no agent": ({"services": []}, {"agents.installed": "fail", "agents.enabled": "pass"}),
    "services unread": ({"services": None}, {"agents.installed": "unknown", "agents.identity": "unknown"}),
    "leftovers unread": ({"leftovers": None}, {"leftovers.unattend": "unknown"}),
    "policies unread": ({"cdrom_denied_by": None}, {"cdrom.policy": "unknown"}),
    "SYSTEM unread": (
        {"cdrom_start": None, "san_policy": None, "problems": ["SYSTEM is damaged"]},
        {"cdrom.start": "unknown", "disks.san_policy": "unknown"},
    ),
    "SOFTWARE unread": ({"cdrom_start": None, "problems": ["SOFTWARE is cut off"]}, {"cdrom.start": "fail"}),
    "hive not written to its end": ({"hives_dirty": ["SYSTEM"]}, {"sysprep.generalized": "unknown"}),
    "no product": ({"product_type": None}, {"membership.controller": "unknown"}),
    "a product nobody knows": ({"product_type": "Other"}, {"membership.controller": "unknown"}),
}


@pytest.mark.parametrize("name", DISKS)
def test_one_change(name: str, facts: dict[str, Any]) -> None:
    changes, expected = DISKS[name]
    found = {each["id"]: each["result"] for each in BOOK.run({**facts, **changes}, specialized=False)}
    assert {check: found[check] for check in expected} == expected


def test_damaged_hive_is_no_yes(tmp_path: Path) -> None:
    raw = bytearray(disk(tmp_path))
    at = raw.find(b"regf")
    while at >= 0:
        raw[at + 12] ^= 1  # in the time stamp: the checksum of the head does not fit any more
        at = raw.find(b"regf", at + 4)
    found = look(bytes(raw))
    assert found["ready"] is not True
    assert found["generalized"] is None
    assert "unknown" in results(found).values()


@pytest.mark.parametrize("joined", [True, False, None])
@pytest.mark.parametrize("product", ["WinNT", "ServerNT", "LanmanNT", "", None])
def test_membership(joined: bool | None, product: str | None, facts: dict[str, Any]) -> None:
    found = facts_of({**copy.deepcopy(facts), "domain_joined": joined, "product_type": product})
    expected = {
        ("WinNT", True): 1, ("WinNT", False): 0, ("ServerNT", True): 3, ("ServerNT", False): 2,
        ("LanmanNT", True): 5, ("LanmanNT", False): 5, ("LanmanNT", None): 5,
    }.get((product or "", joined))  # fmt: skip
    if expected is None:
        with pytest.raises(Unknown):
            found[shape.DOMAIN_ROLE]
    else:
        assert found[shape.DOMAIN_ROLE] == expected
