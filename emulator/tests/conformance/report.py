# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a replay found, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.replay import Result


def details(result: Result, *, everything: bool = False) -> Iterator[str]:
    """A line for each exchange that differs or was left out (or for all), with each reason below it."""
    for outcome in result.outcomes:
        if outcome.agreed and not everything:
            continue
        word = "left out" if outcome.left_out else "agrees" if outcome.agreed else "DIFFERS"
        yield f"{word:8} {outcome.step.name}"
        for reason in [outcome.left_out] if outcome.left_out else outcome.reasons:
            yield f"           {reason}"


def table(results: Sequence[Result]) -> Iterator[str]:
    """A line for each scenario, and the total."""
    width = max(len(result.name) for result in results)
    yield f"{'scenario':{width}} {'exchanges':>9} {'agree':>6} {'differ':>6} {'left out':>8} {'agreement':>9}"
    for result in results:
        yield _row(result.name, width, result.compared, result.agreed, result.left_out)
    compared, agreed = sum(r.compared for r in results), sum(r.agreed for r in results)
    yield _row("total", width, compared, agreed, sum(r.left_out for r in results))


def _row(name: str, width: int, compared: int, agreed: int, left_out: int) -> str:
    share = f"{100 * agreed / compared:.1f} %" if compared else "-"
    return f"{name:{width}} {compared:9} {agreed:6} {compared - agreed:6} {left_out:8} {share:>9}"
