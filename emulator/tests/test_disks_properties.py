# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is done in whatever order: every copy holds what its source held then, and no write reaches another one."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure_emulator.disks.pages import PAGE, PageStore
from azure_emulator.disks.vhd import make_footer
from compute_bodies import MIB, copy_of, disk, image_of_disk
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure

PAGES = 96
SIZE = PAGES * PAGE
ranges = st.tuples(st.integers(0, PAGES - 1), st.integers(1, 24)).map(
    lambda pair: (pair[0] * PAGE, min(pair[0] + pair[1], PAGES) * PAGE)
)


class PageFiles(RuleBasedStateMachine):
    """The store of page files against plain byte arrays."""

    names = Bundle("names")
    #: Whether the file system's own cheap copies are used where it has them.
    reflinks = True

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.store = PageStore(Path(self._folder.name) / "disks")
        self.store._reflinks = self.reflinks
        self.model: dict[str, bytearray] = {}
        self.written: dict[str, set[int]] = {}

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(target=names)
    def create(self) -> str:
        name = self.store.create()
        self.model[name], self.written[name] = bytearray(SIZE), set()
        return name

    @rule(target=names, source=names)
    def copy(self, source: str) -> str:
        name = self.store.copy(source)
        self.model[name], self.written[name] = bytearray(self.model[source]), set(self.written[source])
        return name

    @rule(name=names, span=ranges, value=st.integers(0, 255))
    def write(self, name: str, span: tuple[int, int], value: int) -> None:
        start, end = span
        self.store.own(name)
        self.store.write(name, start, bytes([value]) * (end - start))
        self.model[name][start:end] = bytes([value]) * (end - start)
        self.written[name] |= set(range(start // PAGE, end // PAGE))

    @rule(name=names, span=ranges)
    def clear(self, name: str, span: tuple[int, int]) -> None:
        start, end = span
        self.store.own(name)
        self.store.clear(name, start, end - start)
        self.model[name][start:end] = bytes(end - start)
        self.written[name] -= set(range(start // PAGE, end // PAGE))

    @rule(name=names, pages=st.integers(0, PAGES))
    def cut(self, name: str, pages: int) -> None:
        self.store.cut(name, pages * PAGE)
        self.model[name][pages * PAGE :] = bytes(SIZE - pages * PAGE)
        self.written[name] -= set(range(pages, PAGES))

    @rule(name=consumes(names))
    def delete(self, name: str) -> None:
        self.store.delete(name)
        del self.model[name], self.written[name]

    @rule()
    def start_again(self) -> None:
        """A killed emulator leaves whole files only; what belongs to nothing is swept."""
        self.store = PageStore(self.store.root)
        self.store._reflinks = self.reflinks
        (self.store.root / f"{uuid.uuid4().hex}.pages").write_bytes(b"left over")
        assert self.store.sweep(set(self.model)) == 1

    @invariant()
    def all_bytes_are_right(self) -> None:
        for name, wanted in self.model.items():
            assert self.store.read(name, 0, SIZE) == wanted
            found = {
                page for low, high in self.store.ranges(name, 0, SIZE) for page in range(low // PAGE, high // PAGE)
            }
            assert found == self.written[name]


class SharedPageFiles(PageFiles):
    """The same where copies share files until one is written."""

    reflinks = False


@pytest.mark.parametrize("machine", [PageFiles, SharedPageFiles])
def test_page_files(machine: type[PageFiles]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None, database=None)
    )


DISK = 20 * MIB
spots = st.lists(st.tuples(st.integers(0, DISK // PAGE - 64), st.integers(1, 64), st.integers(1, 255)), max_size=4)


class Resources(RuleBasedStateMachine):
    """Disks, snapshots and images of a whole emulator; what they must hold is a map of pages."""

    azure: LocalAzure
    sources = Bundle("sources")  # "disks/x", "snapshots/x"
    images = Bundle("images")
    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.model: dict[str, dict[int, int]] = {}
        self.urls: dict[str, str] = {}
        self.http = httpx.Client(verify=self.azure.trust, timeout=60)

    @initialize()
    def begin(self) -> None:
        self.azure.reset()

    def teardown(self) -> None:
        """At the end everything that can be read is read."""
        try:
            for short in self.model:
                if not short.startswith("images/") and short not in self.urls:
                    self._check(short)
        finally:
            self.http.close()

    def _name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}/r{self.count}"

    @rule(target=uploads)
    def begin_upload(self) -> str:
        short = self._name("disks")
        self.azure.put(short, disk({"createOption": "Upload", "uploadSizeBytes": DISK + 512}, osType="Linux"))
        grant = {"access": "Write", "durationInSeconds": 3600}
        self.urls[short] = self.azure.post(f"{short}/beginGetAccess", grant)["accessSAS"]
        self.model[short] = {}
        return short

    @rule(short=uploads, spots=spots)
    def write(self, short: str, spots: list[tuple[int, int, int]]) -> None:
        for page, count, value in spots:
            self._put(short, page * PAGE, bytes([value]) * count * PAGE)
            self.model[short] |= dict.fromkeys(range(page, page + count), value)

    @rule(short=uploads, page=st.integers(0, DISK // PAGE - 64), count=st.integers(1, 64))
    def clear(self, short: str, page: int, count: int) -> None:
        span = f"bytes={page * PAGE}-{(page + count) * PAGE - 1}"
        headers = {"x-ms-page-write": "clear", "x-ms-range": span}
        self.http.put(f"{self.urls[short]}&comp=page", headers=headers).raise_for_status()
        for number in range(page, page + count):
            self.model[short].pop(number, None)

    def _put(self, short: str, start: int, data: bytes) -> None:
        headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={start}-{start + len(data) - 1}"}
        self.http.put(f"{self.urls[short]}&comp=page", content=data, headers=headers).raise_for_status()

    @rule(target=sources, short=consumes(uploads))
    def finish_upload(self, short: str) -> str:
        self._put(short, DISK, make_footer(DISK, uuid.uuid4()))
        self.azure.post(f"{short}/endGetAccess")
        assert self.azure.get(short)["properties"]["diskState"] == "Unattached"
        del self.urls[short]
        return short

    @rule(target=sources, source=sources, kind=st.sampled_from(("disks", "snapshots")), incremental=st.booleans())
    def copy(self, source: str, kind: str, *, incremental: bool) -> str:
        short = self._name(kind)
        more = {"incremental": incremental} if kind == "snapshots" else {}
        self.azure.put(short, copy_of(self.azure, source, **more))
        self.model[short] = dict(self.model[source])
        return short

    @rule(target=images, source=sources)
    def make_image(self, source: str) -> str:
        short = self._name("images")
        body = image_of_disk(self.azure, "none")
        os_disk = body["properties"]["storageProfile"]["osDisk"]
        del os_disk["managedDisk"]
        os_disk["managedDisk" if source.startswith("disks/") else "snapshot"] = {"id": self.azure.path(source)}
        self.azure.put(short, body)
        self.model[short] = dict(self.model[source])
        return short

    @rule(target=sources, image=images)
    def disk_of_image(self, image: str) -> str:
        short = self._name("disks")
        creation: dict[str, Any] = {"createOption": "FromImage", "imageReference": {"id": self.azure.path(image)}}
        self.azure.put(short, disk(creation))
        self.model[short] = dict(self.model[image])
        return short

    @rule(short=consumes(sources) | consumes(images) | consumes(uploads))
    def delete(self, short: str) -> None:
        if short in self.urls:
            self.azure.post(f"{short}/endGetAccess")
        self.azure.done(self.azure.call("DELETE", short))
        del self.model[short]

    @rule(short=sources)
    def export(self, short: str) -> None:
        self._check(short)

    def _check(self, short: str) -> None:
        url = self.azure.post(f"{short}/beginGetAccess", {"access": "Read", "durationInSeconds": 60})["accessSAS"]
        found = self.http.get(url).raise_for_status().content[:DISK]
        wanted = bytearray(DISK)
        for page, value in self.model[short].items():
            wanted[page * PAGE : (page + 1) * PAGE] = bytes([value]) * PAGE
        assert found == wanted
        self.azure.post(f"{short}/endGetAccess")


class KilledResources(Resources):
    """The same with a process that is killed again and again."""

    @precondition(lambda self: self.model)
    @rule()
    def kill(self) -> None:
        """`kill -9`, then start again: addresses and signatures stay good."""
        self.azure.kill()


@pytest.mark.soak
def test_copies_of_disks_snapshots_and_images(azure: LocalAzure) -> None:
    machine = type("Machine", (Resources,), {"azure": azure})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=6, stateful_step_count=20, deadline=None, database=None)
    )


@pytest.mark.soak
def test_copies_survive_a_kill(mortal: LocalAzure) -> None:
    machine = type("Machine", (KilledResources,), {"azure": mortal})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=3, stateful_step_count=14, deadline=None, database=None)
    )
