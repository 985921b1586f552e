# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agreement with recorded Azure traffic; ``python -m conformance`` prints the same as a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conformance import coverage, recording, replay, report

if TYPE_CHECKING:
    from azure_process import LocalAzure

FOLDER = Path(os.environ.get("AZURE_EMULATOR_RECORDINGS", Path(__file__).parents[3] / "shared" / "conformance"))
#: Of all exchanges together, and of each scenario.
TOTAL = 0.95
FLOOR = 0.9

_needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded traffic in {FOLDER}")


@pytest.fixture(scope="module")
def results() -> dict[str, replay.Result]:
    """What the tests of this module have replayed so far."""
    return {}


def _scenarios() -> list[str]:
    return [path.name.removesuffix(".jsonl.gz") for path in recording.scenarios(FOLDER)]


@_needs_recordings
@pytest.mark.parametrize("scenario", _scenarios())
def test_scenario_agrees(azure: LocalAzure, scenario: str, results: dict[str, replay.Result]) -> None:
    result = replay.run(azure, recording.load(FOLDER / f"{scenario}.jsonl.gz"))
    results[scenario] = result
    assert result.compared
    assert result.share >= FLOOR, "\n".join(report.details(result))


@_needs_recordings
def test_all_together_agree(azure: LocalAzure, results: dict[str, replay.Result]) -> None:
    for scenario in _scenarios():
        if scenario not in results:
            results[scenario] = replay.run(azure, recording.load(FOLDER / f"{scenario}.jsonl.gz"))
    compared = sum(result.compared for result in results.values())
    agreed = sum(result.agreed for result in results.values())
    assert agreed / compared >= TOTAL, "\n".join(report.table(list(results.values())))


def test_the_list_of_operations_is_up_to_date() -> None:
    assert coverage.COVERAGE.read_text(encoding="utf-8") == coverage.text(), "run python -m conformance.coverage"


def test_no_route_claims_more_than_was_seen() -> None:
    assert list(coverage.unproved()) == []
