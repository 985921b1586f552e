# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every target against an Azure in trouble: one request in ten fails, or everything takes its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support import targets

from .trouble import FACTOR, SEEDS, SHARE, met, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.local_azure import LocalAzure

TARGETS = [name for name in targets.names() if targets.speaks_to_azure(name)]
ORDINARY = ("disk_info", "managed_image", "vm_generalize")
"""Once more as ordinary modules, which differ in how they begin and end; inside the controller all run."""

ENOUGH = 150
"""Requests after which chance no longer explains that there was no trouble."""

CASES = [
    *((target, seed, True) for seed in SEEDS for target in TARGETS),
    *((target, SEEDS[0], False) for target in ORDINARY),
]


@pytest.fixture
def calm(azure: LocalAzure) -> Iterator[LocalAzure]:
    """The local Azure, without trouble afterwards."""
    yield azure
    azure.control("PUT", "/faults", {"rules": []})
    azure.control("PUT", "/latency", {"name": "fast"})


@pytest.mark.parametrize(("target", "seed", "inside"), CASES)
def test_one_request_in_ten_fails(
    calm: LocalAzure,
    public_key: str,
    tmp_path: Path,
    target: str,
    seed: int,
    inside: bool,
    record_property: Callable[[str, Any], None],
) -> None:
    print(f"{target}: seed {seed}")
    begin = (calm.data / "requests.jsonl").stat().st_size
    calm.control("PUT", "/faults", plan(seed))
    run = targets.Run(target, f"faults-{target}-{seed}-{inside}".lower(), tmp_path, public_key, inside=inside)
    try:
        run.go(calm.data, calm.environment, request_log=False)
    finally:
        found = met(calm.data, begin)
        record_property(f"seed {seed}", dict(found))
    struck = sum(count for kind, count in found.items() if kind != "requests")
    if found["requests"] > ENOUGH:
        assert struck > found["requests"] * SHARE / 3, f"hardly any trouble: {found}"


@pytest.mark.parametrize("target", TARGETS)
def test_azure_takes_its_time(
    calm: LocalAzure, public_key: str, tmp_path: Path, target: str, record_property: Callable[[str, Any], None]
) -> None:
    begin = (calm.data / "requests.jsonl").stat().st_size
    calm.control("PUT", "/latency", {"name": "realistic", "factor": FACTOR})
    targets.Run(target, f"slow-{target}", tmp_path, public_key).go(calm.data, calm.environment, request_log=False)
    record_property(f"latency x {FACTOR:g}", dict(met(calm.data, begin)))
