# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The known failures as data, and docs/sysprep-failures.md, whose table must say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import codes, failures, rules
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import DEPLOY, HALF_DONE, START, Failure

REPOSITORY = Path(__file__).resolve().parents[5]
DOCUMENT = REPOSITORY / "docs" / "sysprep-failures.md"


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


def test_ids_are_unique() -> None:
    assert len(failures.BY_ID) == len(failures.FAILURES)


def test_names_of_numbers_are_plain() -> None:
    assert all(codes.plain(number) == number for number in codes.NAMES)


def test_a_number_is_described_for_people() -> None:
    assert codes.describe(0xC004D307)["decimal"] == -1073425657
    assert codes.describe(0x80070005)["name"] == "ERROR_ACCESS_DENIED"
    assert codes.describe(0x12345678) == {"hex": "0x12345678", "decimal": 0x12345678, "name": None, "meaning": None}
