# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trouble that the targets are put in.

``GOLDENIMAGE_FAULT_SEEDS=1,2,3`` repeats what a run with these seeds met; ``GOLDENIMAGE_LATENCY_FACTOR`` multiplies
Azure's times.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = [int(seed) for seed in os.environ.get("GOLDENIMAGE_FAULT_SEEDS", "1,2,3").split(",")]
FACTOR = float(os.environ.get("GOLDENIMAGE_LATENCY_FACTOR", "0.02"))
SHARE = 0.1

LEFT_OUT = (
    "setup_cycle/tasks/step.yml: Step | … | check mode writes nothing",
    "setup_cycle/tasks/step.yml: Step | … | nothing changed and nothing was written (the second half)",
    "setup_cycle/tasks/refused.yml: Refused | … | with a message that helps, and nothing was written (the last third)",
)
"""The assertions on the request log; all that a target asserts otherwise is asserted in trouble, too."""

BUSY = {"status": 429, "retry_after": 1}
BROKEN: list[dict[str, Any]] = [{"status": 500}, {"status": 503}, {"reset": True}]


def plan(seed: int) -> dict[str, Any]:
    """One request in ten fails: half of them before anything is done, half after it, with the answer lost.

    429 is no lost answer: it says that nothing was done.
    """
    before = SHARE / 2
    after = (SHARE - before) / (1 - before)  # of the requests that the first rule spares
    rules = [
        {"probability": before, "faults": [BUSY, *BROKEN]},
        {"probability": after, "when": "after", "faults": BROKEN},
    ]
    return {"seed": seed, "rules": rules}


def met(data: Path, begin: int) -> Counter[str]:
    """The faults in the request log after its first ``begin`` bytes, by kind, and the number of all requests."""
    with (data / "requests.jsonl").open() as file:
        file.seek(begin)
        entries = [json.loads(line) for line in file if line.endswith("\n")]
    found = Counter(str(entry["fault"]) for entry in entries if entry.get("fault"))
    return Counter({**found, "requests": len(entries)})
