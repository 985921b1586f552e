# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contained process: limits hold, and what was found before is kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import MissingDependency
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import contain, table
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.report import inspect_file, inspect_source
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource

from .systems import MIB, blank, run

if TYPE_CHECKING:
    from pathlib import Path


class Slow(FileSource):
    """Never comes to an end where the root file system begins."""

    def readinto(self, offset: int, buffer: memoryview) -> None:
        if offset >= 9 * MIB:
            time.sleep(1)
        super().readinto(offset, buffer)


def test_same_in_the_child(clean_disk: Path) -> None:
    found = inspect_file(str(clean_disk))
    assert (found["complete"], found["generalized"], found["ready"]) == (True, True, True)
    assert found["problems"] == []
    assert found["disk"] == {"path": str(clean_disk), "format": "raw", "virtual_size": clean_disk.stat().st_size}
    assert found["counts"]["fail"] == found["counts"]["unknown"] == 0
    assert table.lines(found)[3:5] == ["generalized  yes", "ready        yes"]
    assert len(table.lines(found, everything=True)) > len(found["checks"])


def test_other_formats_give_the_same(clean_disk: Path, tmp_path: Path) -> None:
    other = tmp_path / "disk.qcow2"
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", clean_disk, other)
    found, raw = inspect_file(str(other)), inspect_file(str(clean_disk))
    assert found["disk"]["format"] == "qcow2"
    assert found["checks"] == raw["checks"]


def test_time_runs_out(clean_disk: Path) -> None:
    began = time.monotonic()
    with Slow(str(clean_disk)) as source:
        found = inspect_source(source, timeout=2)
    assert time.monotonic() - began < 10
    assert found["complete"] is False
    assert found["generalized"] is None
    assert found["ready"] is None
    assert found["partition_table"]["scheme"] == "gpt", "what was found before is kept"
    assert "more than 2 seconds" in found["problems"][-1]


def test_memory_runs_out(clean_disk: Path) -> None:
    with FileSource(str(clean_disk)) as source:
        found = contain.inspect(source, memory=1 << 20)
    assert found["complete"] is False
    assert found["generalized"] is None
    assert found["ready"] is None
    assert "ended early" in found["problems"][-1]


def test_missing_readers_are_named(clean_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = "import importlib.util; importlib.util.find_spec = lambda name: None; main()"
    monkeypatch.setattr(contain, "_START", contain._START.replace("main()", without))
    with FileSource(str(clean_disk)) as source, pytest.raises(MissingDependency, match=r"pip install dissect\.extfs"):
        contain.inspect(source)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 4096, 20 * MIB])
def test_nothing_on_it(size: int, tmp_path: Path) -> None:
    found = inspect_file(str(blank(tmp_path / "disk.raw", size)))
    assert found["complete"] is True
    assert found["os"]["family"] == "unknown"
    assert found["generalized"] is None
    assert found["ready"] is False, "nothing starts from it"
