# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays against a small disk, and what must be gone after them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from . import tiny_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
CLEAN_WITHIN = 20.0  # seconds


def _is_debian() -> bool:
    try:
        return "debian" in Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small disk, built once; tests work on copies."""
    missing = tiny_disk.needed_tools()
    reason = f"these programs are missing: {', '.join(missing)}" if missing else ""
    if os.geteuid() != 0:
        pytest.skip("the disk_image connection needs root")
    if reason:
        # On Debian they can all be installed, so that nothing is skipped there.
        (pytest.fail if _is_debian() else pytest.skip)(reason)
    disk = tmp_path_factory.mktemp("tiny") / "tiny.raw"
    tiny_disk.build(disk)
    return disk


def wait_for(condition: Callable[[], Any], what: str, within: float = CLEAN_WITHIN) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.05)


def keepers(disk: Path) -> list[int]:
    """The keeper processes of a disk file."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"_disk_keeper" in words and os.fsencode(disk) in words:
                found.append(int(process.name))
    return found


def leftovers(disk: Path) -> list[str]:
    """Whatever still uses a disk file: keepers, loop devices, mounts, other processes."""
    found = [f"keeper {pid}" for pid in keepers(disk)]
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            if backing.read_text(encoding="utf-8").strip().startswith(str(disk.parent)):
                found.append(f"loop device {backing}")
        except OSError:
            continue
    found += [line for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if str(disk) in line]
    status = disk.stat()
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                opened = [os.stat(entry.path) for entry in os.scandir(process / "fd")]
            except OSError:
                continue
            if any((one.st_dev, one.st_ino) == (status.st_dev, status.st_ino) for one in opened):
                found.append(f"process {process.name}")
    return found


def read_file(disk: Path, path: str, offset: int = 18 * tiny_disk.MIB) -> str:
    """A file of the disk's root file system, read with debugfs."""
    return tiny_disk.run("debugfs", "-R", f"cat {path}", f"{disk}?offset={offset}")


def check_file_system(disk: Path) -> None:
    """The root file system is whole after its journal has been replayed, as the next mount would do."""
    run = subprocess.run(
        ["e2fsck", "-fy", f"{disk}?offset={18 * tiny_disk.MIB}"], capture_output=True, text=True, check=False
    )
    assert run.returncode in (0, 1), run.stdout
    assert "WARNING" not in run.stdout, run.stdout


@dataclass
class Bench:
    """A disk file, a folder for the test, and a way to run plays on the disk."""

    disk: Path
    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *tasks: dict[str, Any], hosts: int = 1, **play: Any) -> subprocess.Popen[str]:
        """Start ansible-playbook in a process group of its own, as a shell does."""
        number = len(self.started)
        host = {
            "ansible_connection": "goldenimage.azure.disk_image",
            "ansible_host": str(self.disk),
            "ansible_python_interpreter": tiny_disk.PYTHON,
            **self.variables,
        }
        inventory = self.folder / f"inventory{number}.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {f"disk{one}": host for one in range(hosts)}}}))
        playbook = self.folder / f"play{number}.yml"
        playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": list(tasks), **play}]))
        environment = {**os.environ, "ANSIBLE_HOME": str(self.folder / "home"), "ANSIBLE_NOCOLOR": "1"}
        process = subprocess.Popen(
            [PLAYBOOK, "-i", str(inventory), str(playbook)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=self.folder,
            process_group=0,
        )
        self.started.append(process)
        return process

    def play(self, *tasks: dict[str, Any], rc: int = 0, **play: Any) -> str:
        """Run a play to its end; gives back what it printed."""
        process = self.start(*tasks, **play)
        output, _nothing = process.communicate(timeout=120)
        assert process.returncode == rc, output
        return output

    def start_sleeper(self) -> subprocess.Popen[str]:
        """Start a play whose task sleeps inside the disk, and wait until it does."""
        process = self.start({"raw": f"echo x > /root/sleeping; exec sleep {NAP}"})
        wait_for(lambda: sleepers() or process.poll() is not None, "the task runs")
        assert process.poll() is None, process.communicate()[0]
        return process

    def wait_until_clean(self) -> None:
        """Nothing of the disk is mounted, attached or running."""
        wait_for(lambda: not leftovers(self.disk), f"nothing uses the disk, but {leftovers(self.disk)}")


NAP = f"54.{os.getpid()}"
"""Seconds, by which a test run that goes on beside this one is told apart."""


def sleepers() -> list[int]:
    """Processes of `Bench.start_sleeper` inside any disk."""
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and _command_line(process) == f"sleep\0{NAP}\0".encode()
    ]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def bench(tiny: Path, tmp_path: Path) -> Iterator[Bench]:
    """A fresh copy of the small disk; afterwards nothing may be left of it."""
    disk = tmp_path / "disk.raw"
    tiny_disk.run("cp", "--sparse=always", "--reflink=auto", str(tiny), str(disk))
    bench = Bench(disk, tmp_path)
    yield bench
    for process in bench.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()
    if bench.disk.exists():
        bench.wait_until_clean()
