# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the run in trouble says at its end: the seeds, the trouble there was, and what was left out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from integration.conftest import azure, public_key

from .trouble import LEFT_OUT, SEEDS

if TYPE_CHECKING:
    import pytest

__all__ = ["azure", "public_key"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    met: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                met.setdefault(name, Counter()).update(value)
    terminalreporter.section("trouble")
    terminalreporter.write_line(f"GOLDENIMAGE_FAULT_SEEDS={','.join(map(str, SEEDS))}")
    for name, counts in sorted(met.items()):
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
        terminalreporter.write_line(f"{name}: {kinds}")
    terminalreporter.write_line("Left out, because they count requests:")
    for name in LEFT_OUT:
        terminalreporter.write_line(f"  {name}")
