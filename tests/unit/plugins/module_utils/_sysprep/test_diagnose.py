# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every log of ``sysprep_logs`` gives what is written beside it. The logs were written for this project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import failures, logs, runs
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.diagnose import diagnose

FOLDER = Path(__file__).parent / "sysprep_logs"
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return a case's logs, and what shall be said of them."""
    texts = {
        path.name.removeprefix(f"{name}."): path.read_text("utf-8") for path in sorted(FOLDER.glob(f"{name}.*.log"))
    }
    assert texts, name
    return texts, json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_a_log_gives_its_diagnosis(name: str) -> None:
    texts, wanted = read(name)
    found = diagnose(texts)
    assert found["verdict"] == wanted["verdict"], found["summary"]
    assert [each["id"] for each in found["failures"]] == wanted["failures"]
    assert found["again"]["allowed"] is wanted["again"]
    for key in {"stage", "phase", "generalized", "truncated", "options"} & set(wanted):
        assert found[key] == wanted[key], key
    for key in {"provider", "code"} & set(wanted):
        assert {part: found[key][part] for part in wanted[key] if part != "code"} == wanted[key], key
    if "earlier" in wanted:
        assert [each["failures"] for each in found["earlier"]] == wanted["earlier"]
    if "earlier_dll" in wanted:
        assert found["earlier"][-1]["provider"]["dll"] == wanted["earlier_dll"]
    for key in {"remedy", "cause"} & set(wanted):
        assert wanted[key] in found["failures"][0][key]
    for key in {"packages", "repair"} & set(wanted):
        assert found["failures"][0][key] == wanted[key]
    if "evidence" in wanted:
        assert wanted["evidence"] in found["failures"][0]["evidence"][0]["text"]


@pytest.mark.parametrize("name", CASES)
def test_what_is_shown_is_in_the_log_at_that_line(name: str) -> None:
    texts, _wanted = read(name)
    found = diagnose(texts)
    shown = [*found["lines"], *(line for each in found["failures"] for line in each["evidence"])]
    for line in shown:
        text = texts[line["file"]].split("\n")[line["line"] - 1]
        assert line["text"].rstrip("…") in " ".join(text.split())
    if found["verdict"] == "known":
        assert all(each["evidence"] for each in found["failures"])


def test_the_corpus_has_every_known_failure() -> None:
    seen = {name for case in CASES for name in read(case)[1]["failures"]}
    assert seen == set(failures.BY_ID)
    assert len(CASES) >= 45


def test_the_folder_has_nothing_that_is_not_tested() -> None:
    for path in FOLDER.iterdir():
        assert path.name.split(".")[0] in CASES, path.name


@pytest.mark.parametrize("name", CASES)
def test_no_text_is_left_unfilled(name: str) -> None:
    for each in diagnose(read(name)[0])["failures"]:
        for key in ("cause", "remedy", "next"):
            assert "{" not in each[key].replace("{bootmgr}", ""), each[key]


@pytest.mark.parametrize("content", [{"a": 1}, 4, [1, 2], True])
def test_what_is_no_text_is_refused_by_name(content: object) -> None:
    with pytest.raises(InvalidInput, match=r"setupact\.log is \w+, not text.*slurp"):
        diagnose({"setupact.log": content})


@pytest.mark.parametrize("given", [{}, {"setupact.log": None}, {"setupact.log": []}, {"setupact.log": b""}])
def test_nothing_is_no_success(given: dict[str, object]) -> None:
    found = diagnose(given)
    assert found["verdict"] == "unreadable"
    assert found["again"]["allowed"] is None
    assert "no success" in found["summary"]


@pytest.mark.parametrize("later", ["appx_winget_server_2025", "command_line_cut_at_a_space", "unknown_in_validation"])
def test_a_machine_that_was_changed_is_not_taken_for_whole_because_a_later_attempt_ended_early(later: str) -> None:
    first, second = read("rearm_server_2019")[0]["setupact.log"], read(later)[0]["setupact.log"]
    assert diagnose({"setupact.log": second})["again"]["allowed"] is True
    found = diagnose({"setupact.log": first + second.replace("2026-02-11 09", "2026-02-11 11")})
    assert found["again"]["allowed"] is False
    assert found["stage"] == "half done"


HARMLESS = "2026-02-11 09:14:03, Error                 SYSPRP The service RdAgent does not answer; hr = 0x800706ba\n"


def test_the_root_is_what_shares_its_number_with_the_end_of_the_attempt() -> None:
    text = read("appx_winget_server_2025")[0]["setupact.log"]
    place = text.index("2026-02-11 09:14:03, Error")
    found = diagnose({"setupact.log": text[:place] + HARMLESS + text[place:]})
    assert [each["id"] for each in found["failures"]] == ["appx.not_provisioned", "agent.failed"]
    assert [each["role"] for each in found["failures"]] == ["root", "also"]


def test_what_looks_like_a_failure_and_is_followed_by_success_is_none() -> None:
    text = read("success_shutdown")[0]["setupact.log"]
    place = text.index("2026-02-11 09:14:07, Info")
    assert diagnose({"setupact.log": text[:place] + HARMLESS + text[place:]})["verdict"] == "success"


def test_a_line_without_a_time_makes_an_old_log_no_younger() -> None:
    texts = read("success_at_second_attempt")[0]
    texts["setuperr.log"] += "SYSPRP a line without a time\n"
    assert diagnose(texts)["verdict"] == "success"


def test_one_header_is_one_attempt() -> None:
    attempts = runs.runs_of("setupact.log", read("success_at_second_attempt")[0]["setupact.log"])
    assert [attempt.began for attempt in attempts] == [True, True]
    assert attempts[0].options == attempts[1].options == ["GENERALIZE", "OOBE", "QUIT", "QUIET", "MODE"]


def test_a_setuperr_without_an_older_attempt_does_not_undo_a_later_success() -> None:
    texts, _wanted = read("success_at_second_attempt")
    assert diagnose(texts)["verdict"] == "success"


def test_a_failure_after_the_success_counts() -> None:
    texts, _wanted = read("success_shutdown")
    late = "2026-02-11 11:00:00, Error      [0x0f00a8] SYSPRP WinMain:Hit failure while processing sysprep generalize; hr = 0x80004005\n"
    assert diagnose({**texts, "setuperr.log": late})["verdict"] == "unknown"
    assert diagnose({"setupact.log": texts["setupact.log"] + late})["verdict"] == "unknown"


def test_characters_that_steer_a_terminal_are_not_shown() -> None:
    line = "2026-02-11 09:00:00, Error  [0x0f0073] SYSPRP \x1b[2J\x07 RunExternalDlls, dwRet = 31"
    assert diagnose({"log": line})["failures"][0]["evidence"][0]["text"].isprintable()


def test_a_name_that_is_no_package_gets_into_no_command() -> None:
    line = "2026-02-11 09:00:00, Error  SYSPRP Package x; Remove-Item C:\\ was installed for a user, but not provisioned for all users."
    found = diagnose({"log": line})["failures"][0]
    assert found["packages"] == []
    assert "Remove-Item" not in found["remedy"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SYSPRP x; dwRet = 0x3cf2", [0x3CF2]),
        ("SYSPRP x: 0x80073cf2.", [0x3CF2]),
        ("SYSPRP x, returned error code -1073425657", [0xC004D307]),
        ("SYSPRP x, dwRet= 1f ", [31]),
        ("SYSPRP x, dwRet = 31", [31]),
        ("SYSPRP hr=2147749904", [0x80041010]),
        ("[0x0f0082] SYSPRP x returned error code 0x2[gle=0x00000006]", [2]),
        ("SYSPRP 983256 (0xf00d8) WinMain; hr = 0x80070975", [0x975]),
        ("SYSPRP Error 0x-2147417850: failed", [0x80010106]),
        ("SYSPRP failed with error 0", []),
        ("[windeploy.exe] returning exit code [0x1f]", [31]),
        ("SYSPRP Error added, Error: Failed, Status: c000000d", [0xC000000D]),
        ("SYSPRP three: 5 and 12345678901234", []),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str, wanted: list[int]) -> None:
    line = logs.read_line("log", 1, text)
    assert line is not None
    assert line.codes == wanted


@pytest.mark.parametrize(
    ("text", "time", "level", "message"),
    [
        ("2026-02-11 09:14:03, Error      [0x0f0070] SYSPRP x", "2026-02-11 09:14:03", "error", 0x0F0070),
        ("02-07-2022 15:18:03.000 SYSPRP 983256 (0xf00d8) WinMain:x", "2022-02-07 15:18:03", None, 0x0F00D8),
        (
            "2026-02-11T09:20:40Z: ==> azure-arm: 2026-02-11 09:14:03, Info  SYSPRP x",
            "2026-02-11 09:14:03",
            "info",
            None,
        ),
        ("<Date> <Time>, Error [0x0f0073] SYSPRP x", "", "error", 0x0F0073),
        ("Error SYSPRP x", "", "error", None),
        ("2026-02-11 09:14:03, Fehler     [0x0f0070] SYSPRP x", "2026-02-11 09:14:03", "error", 0x0F0070),
        ("[0x0f0073] SYSPRP x", "", None, 0x0F0073),
        ("11.02.2026 09:14:03, Warning SYSPRP x", "2026-11-02 09:14:03", "warning", None),
    ],
)
def test_the_parts_of_a_line(text: str, time: str, level: str | None, message: int | None) -> None:
    line = logs.read_line("log", 1, text)
    assert line is not None
    assert (line.time, line.level, line.message) == (time, level, message)
