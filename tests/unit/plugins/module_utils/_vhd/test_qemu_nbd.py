# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reading process ends with us, whatever ends us, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import nbd, qemu_nbd
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.qemu_nbd import QemuSource

from .disks import MIB, SMALLEST, gpt, run

if TYPE_CHECKING:
    from pathlib import Path

VICTIM = """
import sys, signal
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source
# Whoever runs the tests in the background of a script has it ignored, and hands that on.
signal.signal(signal.SIGINT, signal.default_int_handler)
source = open_source(sys.argv[1])
print(source._process.pid, flush=True)
buffer = memoryview(bytearray(4 << 20))
while True:
    source.readinto(0, buffer)
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", gpt(tmp_path / "disk"), path)
    return path


def gone(pid: int) -> bool:
    """Wait for a process that is not our child to end."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        threading.Event().wait(0.01)
    return False


def children() -> list[str]:
    """What we started and did not see the end of."""
    with open(f"/proc/self/task/{threading.get_native_id()}/children", encoding="ascii") as file:
        return file.read().split()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("packed", [False, True])
def test_it_ends_with_the_task(image: Path, tmp_path: Path, end: signal.Signals, packed: bool) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    if packed:
        run("gzip", "-k", image)
    place = f"{image}.gz" if packed else str(image)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, place], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as victim:
        assert victim.stdout is not None
        reader = int(victim.stdout.readline())
        victim.send_signal(end)
        victim.wait(30)
    assert gone(reader)
    assert list(temporary.iterdir()) == []


def test_it_ends_when_we_die_before_it_knows_us(image: Path, tmp_path: Path) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    new, pid = tmp_path / "new", tmp_path / "pid"
    (slow / "qemu-nbd").write_text(f"#!/bin/sh\necho $$ >{new}\nmv {new} {pid}\nexec sleep 60\n")
    (slow / "qemu-nbd").chmod(0o755)
    environment = {**os.environ, "PATH": f"{slow}:{os.environ['PATH']}"}
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(image)], stdout=subprocess.PIPE, env=environment
    ) as victim:
        while not pid.exists():
            assert victim.poll() is None
            threading.Event().wait(0.01)
        victim.kill()
    assert gone(int(pid.read_text()))


def test_nothing_is_left_after_success_and_failure(image: Path) -> None:
    before, descriptors = children(), len(os.listdir("/proc/self/fd"))
    with open_source(str(image)) as source:
        assert len(children()) == len(before) + 1
        source.read(0, 512)
    source.close()  # closing again does no harm
    image.write_bytes(image.read_bytes()[:70000])
    with pytest.raises(InvalidInput):
        open_source(str(image))
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_threads_share_it(image: Path, tmp_path: Path) -> None:
    whole = (tmp_path / "disk").read_bytes()
    with open_source(str(image)) as source, ThreadPoolExecutor(16) as pool:
        places = [at * 31337 % SMALLEST for at in range(400)]
        for at, data in zip(places, pool.map(lambda at: source.read(at, MIB), places), strict=True):
            assert data == whole[at : at + MIB]


def test_a_reader_that_dies_is_an_error(image: Path) -> None:
    with open_source(str(image)) as source:
        assert isinstance(source, QemuSource)
        source._process.kill()
        with pytest.raises(GoldenImageError, match="could not be read to its end"):
            source.read(0, MIB)
        with pytest.raises(GoldenImageError, match="could not be read to its end"):
            list(source.extents())


def test_a_reader_that_hangs_is_an_error(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_nbd, "_TIMEOUT", 0.5)
    with open_source(str(image)) as source:
        assert isinstance(source, QemuSource)
        os.kill(source._process.pid, signal.SIGSTOP)
        with pytest.raises(GoldenImageError, match="did not answer in time"):
            source.read(0, MIB)
        with pytest.raises(nbd.ProtocolError):
            source._client.readinto(0, memoryview(bytearray(512)))
        os.kill(source._process.pid, signal.SIGCONT)


def test_a_file_that_a_machine_uses_is_refused(image: Path) -> None:
    command = ["qemu-io", "-f", "qcow2", str(image)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as machine:
        assert machine.stdin is not None
        assert machine.stdout is not None
        machine.stdin.write(b"read 0 512\n")
        machine.stdin.flush()
        machine.stdout.readline()
        with pytest.raises(InvalidInput, match=r"in use|lock"):
            open_source(str(image))
        machine.communicate(b"quit\n")
