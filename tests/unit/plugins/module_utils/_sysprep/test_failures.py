# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The known failures as data, and docs/sysprep-failures.md, whose table must say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import codes, failures, logs, rules
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.diagnose import diagnose
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import (
    DEPLOY,
    HALF_DONE,
    START,
    Failure,
    says_failure,
)

# Signs that no log of the corpus shows; most of their words are assumed, so one line each is all there is to say.
ONE_LINES = [
    ("appx.provider", "Failed to remove apps for the current user: 0x80073cff."),
    ("appx.provider", "Exit code of RemoveAllApps thread was 0x3cff."),
    (
        "provider.media_sharing",
        "LaunchDll:Failure occurred while executing 'C:\\Windows\\System32\\spwmp.dll,Sysprep_Clean_Wmp', returned error code 31",
    ),
    ("provider.file_in_use", "ActionPlatform::DeleteFile: Error; dwRet = 0x20"),
    ("provider.file_in_use", "SysprepSession::ExecuteInternal: Error in executing action for Contoso; dwRet = 0x20"),
    ("appx.remove_failed", "Failed to remove staged package Contoso.App_1.0.0.0_x64__abcdefghijklm: 0x80070032"),
    (
        "rearm.service",
        "LaunchDll:Failure occurred while executing 'C:\\Windows\\System32\\slc.dll,SLReArmWindows', returned error code 0x422",
    ),
    (
        "servicing.store_damaged",
        "ActionPlatform::LaunchModule: Failure occurred while executing 'X' from C:\\spopk.dll; dwRet = 0x36b7",
    ),
    ("servicing.upgraded", "spopk.dll:: Windows was upgraded; only a custom (clean install) version can be prepared"),
    ("state.image_state", "WinMain:The state is IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE"),
    ("state.image_state", "WinMain:The state is IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"),
    ("state.image_state", "WinMain:Cannot run while OOBE is in progress"),
    ("state.image_state", "WinMain:Cannot run, setup is in progress"),
    ("role.cluster", "The machine is a cluster node"),
    ("agent.failed", "The service RdAgent does not answer"),
    (
        "provider.dll_missing",
        "LaunchDll:Failure occurred while executing 'C:\\Contoso\\prep.dll,Prepare', returned error code 127",
    ),
    ("start.not_administrator", "ValidateUser:User does not have required privileges to sysprep machine"),
    ("start.already_running", "WinMain:Cannot start; hr = 0x80070420"),
    ("start.mode_vm_on_hardware", "WinMain:VM mode is for virtual machines only"),
    ("start.mode_vm_on_hardware", "WinMain:Sysprep mode [vm]; is not supported here"),
    ("unattend.product_key", "[setup.exe] Failed to install the product key"),
    ("unattend.invalid", "[setup.exe] Windows could not parse or process unattend answer file for pass [specialize]"),
    ("deploy.provisioning", "OSProvisioningClientError: OS provisioning failed"),
]
REPOSITORY = Path(__file__).resolve().parents[5]
LOGS = Path(__file__).parent / "sysprep_logs"
DOCUMENT = REPOSITORY / "docs" / "sysprep-failures.md"


def error(text: str) -> str:
    """Return a line of setuperr.log."""
    return f"2026-02-11 09:14:03, Error                 {'' if text.startswith(('[', 'OS')) else 'SYSPRP '}{text}"


def row(failure: Failure) -> str:
    """Return a failure's line of the table in docs/sysprep-failures.md."""

    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("<", "&lt;")

    repair = f"`{failure.repair}`" if failure.repair else ""
    cells = (
        f"`{failure.id}`",
        failure.title,
        cell(failure.cause),
        cell(failure.remedy),
        cell(failure.next),
        repair,
        cell(failure.source),
    )
    return f"| {' | '.join(cells)} |"


def test_the_table_in_the_documentation_is_the_code() -> None:
    rows = [line for line in DOCUMENT.read_text("utf-8").splitlines() if re.match(r"\| `\w+\.\w+`", line)]
    assert rows == [row(failure) for failure in failures.FAILURES]


@pytest.mark.parametrize("failure", failures.FAILURES, ids=lambda failure: failure.id)
def test_a_failure_is_whole(failure: Failure) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", failure.id)
    assert failure.signs
    assert failure.repair in ("", *rules.REPAIRS)
    assert failure.stage in ("", START, HALF_DONE, DEPLOY)
    for text in (failure.cause, failure.remedy, failure.next):
        assert text.endswith("."), text
        assert set(re.findall(r"\{[a-z_]+\}", text)) <= {
            "{packages}",
            "{dll}",
            "{entry_point}",
            "{component}",
            "{setting}",
        }
    for sign in failure.signs:
        assert sign.codes or sign.text or sign.messages or sign.dll
        assert all(word == word.lower() for word in (*sign.text, sign.dll))
        assert all(codes.plain(number) == number for number in sign.codes), "numbers of signs must be plain"


@pytest.mark.parametrize(("name", "text"), ONE_LINES)
def test_one_line_shows_its_failure(name: str, text: str) -> None:
    found = diagnose({"log": error(text)})
    assert [each["id"] for each in found["failures"]] == [name]


@pytest.mark.parametrize(("_name", "text"), ONE_LINES)
def test_a_line_of_progress_shows_none(_name: str, text: str) -> None:
    told = [] if "OSProvisioning" not in text else ["deploy.provisioning"]
    assert [each["id"] for each in diagnose({"log": error(text).replace("Error", "Info ", 1)})["failures"]] == told


def test_every_sign_is_tried() -> None:
    texts = [path.read_text("utf-8") for path in LOGS.glob("*.log")] + [error(text) for _name, text in ONE_LINES]
    lines = {line.text: line for text in texts for line in logs.lines_of("log", text)}
    tried = {
        (failure.id, place)
        for line in lines.values()
        for failure in failures.FAILURES
        for place, sign in enumerate(failure.signs)
        if (sign.any_level or says_failure(line, line.codes)) and sign.matches(line, line.codes)
    }
    assert tried == {(failure.id, place) for failure in failures.FAILURES for place in range(len(failure.signs))}


def test_ids_are_unique() -> None:
    assert len(failures.BY_ID) == len(failures.FAILURES)


def test_names_of_numbers_are_plain() -> None:
    assert all(codes.plain(number) == number for number in codes.NAMES)


def test_a_number_is_described_for_people() -> None:
    assert codes.describe(0xC004D307)["decimal"] == -1073425657
    assert codes.describe(0x80070005)["name"] == "ERROR_ACCESS_DENIED"
    assert codes.describe(0x12345678) == {"hex": "0x12345678", "decimal": 0x12345678, "name": None, "meaning": None}
