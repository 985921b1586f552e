# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo, as a newcomer and as somebody careful runs it: check mode, for real, again, and with an own disk."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.leaks import ArgumentWatch, Secrets
from support.local_azure import LocalAzure, running

from .conftest import CACHE, REPOSITORY
from .look import Look
from .test_generalized_disk import traces

if TYPE_CHECKING:
    from collections.abc import Iterator

RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run: exit code, what it said, what it wrote to Azure, and what secrets showed."""

    code: int
    text: str
    writes: list[str]
    leaks: list[str]
    left: list[str]

    @property
    def changed(self) -> int:
        return sum(int(changed) for _host, changed in RECAP.findall(self.text))


@dataclass(frozen=True)
class Demo:
    """A folder for the demo, and a local Azure of its own."""

    folder: Path
    azure: LocalAzure
    mark: str = field(default_factory=lambda: f"demo-{uuid.uuid4()}")

    @property
    def raw(self) -> Path:
        return self.folder / "disk.raw"

    @property
    def vhd(self) -> Path:
        return self.folder / "disk.vhd"

    def run(self, *options: str) -> Run:
        """Run the playbook as tools/demo.sh does."""
        environment = {
            **os.environ,
            **self.azure.environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "ANSIBLE_CONFIG": str(REPOSITORY / "tools/demo.cfg"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_FORCE_COLOR": "0",
            "DEMO_MARK": self.mark,
        }
        before, mounts = self.azure.log_end, mounted()
        secrets = Secrets.of_emulator(self.azure.data)
        with ArgumentWatch(secrets) as watch:
            done = subprocess.run(
                [
                    "ansible-playbook",
                    "goldenimage.azure.demo",
                    "-e",
                    f"demo_folder={self.folder}",
                    *options,
                    "-e",
                    f"demo_cache={CACHE}",
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                cwd=self.folder,
            )
        text = done.stdout + done.stderr
        logs = secrets.seen_in(self.folder / "home", *(self.azure.data / n for n in ("requests.jsonl", "server.log")))
        leaks = [*secrets.seen(text), *map(str, logs.items()), *map(str, watch.seen.items())]
        left = [*(mounted() - mounts), *self._loops(), *self._processes()]
        return Run(done.returncode, text, self.azure.writes(before), leaks, left)

    def digests(self) -> list[str]:
        command = ["sha256sum", str(self.raw), str(self.vhd)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[::2]

    def _loops(self) -> list[str]:
        told = subprocess.run(
            ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"], check=True, capture_output=True
        )
        return [line for line in told.stdout.decode().splitlines() if str(self.folder) in line]

    def _processes(self) -> list[str]:
        """Whatever the playbook has started and not ended."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self.mark.encode() in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found


def mounted() -> set[str]:
    """What is mounted of disks in files, or by the connection; other mounts of this machine may come and go."""
    lines = Path("/proc/mounts").read_text().splitlines()
    return {line for line in lines if re.match(r"/dev/(loop|nbd)|.*goldenimage", line)}


def ok(run: Run, *, writes: bool) -> str:
    """What is true of every run; its text."""
    assert run.code == 0, run.text[-6000:]
    assert run.leaks == []
    assert run.left == []
    assert bool(run.writes) is writes, run.writes
    return run.text


def unchecked(run: Run) -> str:
    """What the report says that the run could not check."""
    _before, title, rest = run.text.partition("NOT CHECKED YET")
    assert title, run.text[-3000:]
    return rest.partition("PLAY RECAP")[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    if os.geteuid():
        assert not os.environ.get("GOLDENIMAGE_NO_SKIPS"), "mounting a disk needs root"
        pytest.skip("mounting a disk needs root")
    folder = tmp_path_factory.mktemp("demo")
    with running(folder / "azure") as azure:
        yield Demo(folder, azure)


@pytest.fixture(scope="module")
def nothing_yet(demo: Demo) -> Run:
    """Check mode where there is no disk and nothing in Azure."""
    assert not demo.raw.exists()
    return demo.run("--check", "--diff")


@pytest.fixture(scope="module")
def first(demo: Demo, nothing_yet: Run) -> Run:
    return demo.run("-vvvv")


def test_check_mode_without_a_disk(nothing_yet: Run) -> None:
    ok(nothing_yet, writes=False)
    for step in ("prepare and generalize", "VHD", "upload", "image", "machines", "generalize a machine", "capture it"):
        assert step in unchecked(nothing_yet)


def test_it_goes_from_the_disk_to_machines(first: Run) -> None:
    text = ok(first, writes=True)
    for word in ("machine-id", "SSH host keys", "builder", "demo-captured", "demo-3", "SECONDS", "upload it"):
        assert word in text
    assert "NOT CHECKED" not in text


def test_the_disk_is_generalized(demo: Demo, first: Run) -> None:
    disk = Look.at(demo.vhd)
    assert "root:" in disk.text("/etc/passwd"), "this is not the root file system"
    assert disk.is_clean()
    assert traces(disk) == {}


def test_again_changes_nothing(demo: Demo, first: Run) -> None:
    before = demo.digests()
    again = demo.run("-vvvv")
    ok(again, writes=False)
    assert again.changed == 0, again.text[-1000:]
    assert demo.digests() == before
    checked = demo.run("--check")
    ok(checked, writes=False)
    assert checked.changed == 0


def test_check_mode_with_the_finished_disk_and_a_fresh_azure(demo: Demo, first: Run, tmp_path: Path) -> None:
    before = demo.digests()
    with running(tmp_path / "azure") as azure:
        run = Demo(demo.folder, azure).run("--check", "--diff")
    ok(run, writes=False)
    assert "image" in unchecked(run)
    assert "VHD" not in unchecked(run)
    assert demo.digests() == before


def test_a_disk_of_your_own(demo: Demo, first: Run, tmp_path: Path) -> None:
    """A qcow2 copy of the disk as the builder made it: first in check mode, which must leave the disk alone."""
    origin = next(CACHE.glob("*.raw"))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", origin, tmp_path / "my.qcow2"], check=True)
    given = ("-e", f"demo_image={tmp_path / 'my.qcow2'}")
    digest = ["sha256sum", str(tmp_path / "my.qcow2")]
    before = subprocess.run(digest, check=True, capture_output=True).stdout
    with running(tmp_path / "azure") as azure:
        own = Demo(tmp_path, azure)
        ok(own.run("--check", *given), writes=False)
        assert not own.raw.exists()

        subprocess.run(["cp", "--sparse=always", "--reflink=auto", origin, own.raw], check=True)
        raw = ["cmp", str(origin), str(own.raw)]
        ok(own.run("--check", *given), writes=False)
        subprocess.run(raw, check=True)
    assert subprocess.run(digest, check=True, capture_output=True).stdout == before
