# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks with changed bytes: no exception, no hang, and never a yes that is not true.

The disk is *not* generalized, so whatever is changed on it, a verdict of yes could only come from damage that was not
noticed. Changes go where a disk's structure lies; random places in file contents would change nothing of interest.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import look
from .systems import MIB, clean_linux, hive, linux_disk, windows_disk

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject

LIVED_IN = {"etc/ssh/ssh_host_ed25519_key": "key"}  # one trace only: to hide it is enough for a wrong yes
ESP, ROOT = MIB, 9 * MIB
RULES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
MOST_SECONDS = 20
PLACES = {
    "partition table": [(0, 512), (512, 512), (1024, 512)],
    "fat": [(ESP, 512), (ESP + 512, 4096), (ESP + 32 * 512, 4096)],
    "superblock": [(ROOT + 1024, 1024)],
    "groups": [(ROOT + 4096, 4096)],
    "inodes and folders": [(ROOT + 4096, 2 * MIB)],
}


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("lived")
    return linux_disk(folder / "disk.raw", {**clean_linux(), **LIVED_IN}, size=24 * MIB).read_bytes()


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("windows")
    state = '[HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Setup\\State]\n"ImageState"="IMAGE_STATE_COMPLETE"\n'
    hives = {"SOFTWARE": hive(folder / "SOFTWARE", "HKLM\\Software", state)}
    return windows_disk(folder / "disk.raw", hives, {}, size=16 * MIB).read_bytes()


def changed(content: bytes, data: DataObject, places: list[tuple[int, int]]) -> bytes:
    """Up to eight changed places: single bytes, numbers at their limits, or a block of something else."""
    mutated = bytearray(content)
    for _count in range(data.draw(st.integers(1, 8))):
        start, length = data.draw(st.sampled_from(places))
        at = start + data.draw(st.integers(0, length - 1))
        piece = data.draw(
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\0" * 512, b"\xff" * 512]),
            )
        )
        mutated[at : at + len(piece)] = piece
    return bytes(mutated[: len(content)])


@pytest.mark.parametrize("where", PLACES)
@RULES
@given(data=st.data())
def test_linux(lived_in: bytes, where: str, data: DataObject) -> None:
    began = time.monotonic()
    found = look(changed(lived_in, data, PLACES[where]))
    assert found["generalized"] is not True
    assert found["ready"] is not True
    assert found["complete"] is True
    assert time.monotonic() - began < MOST_SECONDS


@RULES
@given(data=st.data())
def test_windows(windows: bytes, data: DataObject) -> None:
    found = look(changed(windows, data, [(0, 512), (MIB, 512), (MIB + 4 * 4096, 64 << 10), (MIB, 8 * MIB)]))
    assert found["generalized"] is not True
    assert found["ready"] is not True
    assert found["complete"] is True


@RULES
@given(data=st.data())
def test_cut_off(lived_in: bytes, data: DataObject) -> None:
    found = look(lived_in[: data.draw(st.integers(0, len(lived_in)))])
    assert found["generalized"] is not True
    assert found["ready"] is not True
