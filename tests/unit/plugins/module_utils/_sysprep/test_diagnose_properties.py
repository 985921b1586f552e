# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be done to a log without a change of its diagnosis, and what no text may ever get."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.diagnose import diagnose
from hypothesis import given, settings
from hypothesis import strategies as st

from .test_diagnose import CASES, read

EVERY = settings(max_examples=100, deadline=None)
FAILED = [name for name in CASES if read(name)[1]["failures"] and not read(name)[1].get("earlier")]
STAMP = re.compile(r"^(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d), ", re.M)
VERDICTS = {"known", "unknown", "success", "unfinished", "unreadable"}

NOISE = [
    "2026-02-11 09:14:03, Info                  SYSPRP SysprepSession::CreateXPathForSelection: Sysprep mode in registry is <null>",
    "2026-02-11 09:14:03, Warning               SYSPRP ActionPlatform::GetValue: Error from RegQueryValueEx on value SysprepMode; dwRet = 0x2",
    "2026-02-11 09:14:03, Info                  CSI    00000001 Shim considered [l:125]'C:\\Windows\\x.dll' : got STATUS_SUCCESS",
    "2026-02-11 09:14:03, Info       [0x0f0080] SYSPRP LaunchDll:Found 'C:\\Windows\\System32\\x.dll,X'; executing it",
    "2026-02-11 09:14:03, Warning               SYSPRP Ignoring folder Deleted because could not convert to family name",
    "",
    "    at some other program's line, error 0x80310039",
    "Hit failure, says a line of another program; hr = 0xc004d307",
]


def essence(found: dict[str, Any]) -> dict[str, Any]:
    """What must stay: all but the numbers of lines and what earlier attempts did."""
    return {
        "verdict": found["verdict"],
        "failures": [(each["id"], each["role"], each["remedy"]) for each in found["failures"]],
        "again": found["again"],
        "stage": found["stage"],
        "code": found["code"],
    }


@given(st.sampled_from(CASES), st.lists(st.tuples(st.integers(0, 60), st.sampled_from(NOISE)), max_size=12))
@EVERY
def test_lines_of_no_meaning_change_nothing(name: str, noise: list[tuple[int, str]]) -> None:
    texts, _wanted = read(name)
    if not any(text.strip() for text in texts.values()) or name == "unreadable_other_text":
        return  # a line of Sysprep's would make a log of it
    if name.startswith("old_"):
        return  # a line of today would make an old log a new one
    noisy = {}
    for file, text in texts.items():
        lines = text.split("\n")
        if "SYSPRP 983" not in text:
            for place, line in noise:
                # Not between the lines of a header, and not in front of a cut log, where it would complete the first line.
                lines.insert(min(len(lines), place + 5), line)
        noisy[file] = "\n".join(lines)
    if name.startswith("unfinished"):
        assert diagnose(noisy)["verdict"] == "unfinished"
    else:
        assert essence(diagnose(noisy)) == essence(diagnose(texts))


@given(st.sampled_from(FAILED), st.data())
@EVERY
def test_a_cut_at_the_front_changes_nothing_while_the_error_is_there(name: str, data: st.DataObject) -> None:
    texts, _wanted = read(name)
    whole = diagnose(texts)
    shown = [line for each in whole["failures"] for line in each["evidence"]] + whole["lines"]
    cut = {}
    for file, text in texts.items():
        lines = text.split("\n")
        first = min((line["line"] for line in shown if line["file"] == file), default=1)
        before = len("\n".join(lines[: first - 1]))
        cut[file] = text[data.draw(st.integers(0, before)) :]
    assert essence(diagnose(cut)) == essence(whole)


@given(st.sampled_from(CASES), st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]))
@EVERY
def test_line_endings_change_nothing(name: str, ending: str) -> None:
    texts, _wanted = read(name)
    assert diagnose({file: text.replace("\n", ending) for file, text in texts.items()}) == diagnose(texts)


@given(
    st.sampled_from(CASES),
    st.sampled_from(["{2}-{3}-{1} {4}.000, ", "{1}-{2}-{3} {4}.123, ", "{1}-{2}-{3}T{4}, ", "host: {1}-{2}-{3} {4}, "]),
)
@EVERY
def test_other_ways_to_write_the_time_change_nothing(name: str, shape: str) -> None:
    texts, _wanted = read(name)
    stamped = {
        file: STAMP.sub(lambda found: shape.format(found[0], *found.groups()), text) for file, text in texts.items()
    }
    assert essence(diagnose(stamped)) == essence(diagnose(texts))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8"),
        lambda text: b"\xef\xbb\xbf" + text.encode("utf-8"),
        lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: (b"\xff\xfe" + text.encode("utf-16-le")).decode("utf-8", "surrogateescape"),
        lambda text: (b"\xff\xfe" + text.encode("utf-16-le")).decode("latin-1"),
        lambda text: "\ufeff" + text,
        lambda text: text.split("\n"),
    ],
    ids=[
        "utf-8",
        "utf-8 mark",
        "utf-16 le",
        "utf-16 be",
        "no mark",
        "read as utf-8",
        "read as latin-1",
        "mark left",
        "lines",
    ],
)
def test_encodings_change_nothing(name: str, encode: Any) -> None:
    texts, _wanted = read(name)
    given_so = {file: encode(text) if text else "" for file, text in texts.items()}
    assert diagnose(given_so) == diagnose(texts)


@given(st.sampled_from(FAILED), st.integers(1, 4096))
@EVERY
def test_utf_16_may_be_cut_in_the_middle_of_a_character(name: str, size: int) -> None:
    texts, _wanted = read(name)
    found = diagnose({file: text.encode("utf-16-le")[-size:] for file, text in texts.items()})
    assert found["verdict"] != "success"


@pytest.mark.parametrize("name", [name for name in FAILED if not name.startswith(("start", "deploy"))])
def test_the_text_around_numbers_may_be_in_another_language(name: str) -> None:
    """Letters that are no names become others where a reason is given as a number that belongs to one failure only."""
    texts, wanted = read(name)
    exact = {"appx.not_provisioned", "rearm.exhausted", "bitlocker.on", "servicing.reserved_storage"}
    if not set(wanted["failures"]) <= exact:
        return
    foreign = {file: re.sub(r"(?<=[ ,.])(?:was|were|for|is|on|the|not|but|and|failed|failure|while|error|turn|off)(?=[ ,.])", "ñ", text, flags=re.I)
               for file, text in texts.items()}  # fmt: skip
    foreign = {file: re.sub(r"^(\S+ \S+, )ñ ", r"\1Error ", text, flags=re.M) for file, text in foreign.items()}
    assert [each["id"] for each in diagnose(foreign)["failures"]] == wanted["failures"]


@given(st.text(max_size=2000))
@EVERY
def test_no_text_crashes_or_is_believed(text: str) -> None:
    assert diagnose({"log": text})["verdict"] not in ("known", "success")


@given(st.binary(max_size=2000))
@EVERY
def test_no_bytes_crash_or_are_believed(content: bytes) -> None:
    assert diagnose({"log": content})["verdict"] not in ("known", "success")


WORDS = [
    "error", "Error,", "Info", "Warning", "failed", "success", "successfully", "created", "tag", "file", "Sysprep",
    "sysprep", "BitLocker", "Appx", "package", "provisioned", "0x80073cf2", "0xc004d307", "0x80310039", "dwRet", "=",
    "hr", "=", "-1073425657", "2026-02-11", "09:14:03,", "domain", "controller", "cluster", "IMAGE_STATE_COMPLETE",
    "generalize", "reboot", "audit", "mode", "reserved", "storage", "'a.dll'", "slc.dll", "spopk.dll",
    "AppxSysprep.dll", "C:\\Windows\\System32", ";", ":", "\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=200))
@EVERY
def test_words_of_logs_that_are_no_log_are_not_believed(words: list[str]) -> None:
    assert diagnose({"log": " ".join(words)})["verdict"] == "unreadable"


@given(
    st.lists(
        st.sampled_from(
            [*WORDS, "SYSPRP", "[0x0f0080]", "[0x0f0052]", "\n2026-02-11 09:14:03, Info SYSPRP", "[setup.exe]"]
        ),
        max_size=200,
    )
)
@EVERY
def test_no_mixture_of_words_is_a_success(words: list[str]) -> None:
    found = diagnose({"log": " ".join(words)})
    assert found["verdict"] in VERDICTS - {"success"}
    assert found["verdict"] != "known" or found["failures"][0]["evidence"]


@pytest.mark.parametrize(
    "line",
    [
        "2026-02-11 09:14:03, Info                  SYSPRP SysprepSession::CreateXPathForSelection: Processor architecture is AMD64",
        "2026-02-11 09:14:03, Error      [0x0f0082] SYSPRP LaunchDll:Failure occurred while executing 'C:\\a\\x.dll,X', returned error code 0x1",
        "2026-02-11 09:14:03, Info                  CBS    Session: 31163_2891 initialized by client",
        "SYSPRP " + "'" * 3000,
        "SYSPRP Error " + "0x1 " * 700,
        "SYSPRP Name: " + "/settings/" * 300,
        "SYSPRP Package " + "a_1.1_" * 400,
        " " * 5000,
    ],
    ids=["progress", "errors", "others", "quotes", "numbers", "settings", "packages", "spaces"],
)
def test_fifty_megabytes_take_seconds(line: str) -> None:
    """Time grows with the size and no faster: 2.5 MB are measured of every kind, and 50 MB of ordinary lines."""

    def seconds(size: int) -> float:
        text = f"{line}\n" * (size // (len(line) + 1))
        began = time.process_time()
        diagnose({"setupact.log": text})
        return time.process_time() - began

    small, large = seconds(500_000), seconds(2_500_000)
    assert large < 10
    assert large < 12 * max(small, 0.02)
    if "AMD64" in line:
        assert seconds(50_000_000) < 60
