# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers and footers with wrong bytes: refused, or read exactly as qemu-img reads them; never a crash, never a hang.

``GOLDENIMAGE_MUTATIONS`` is how many files with wrong bytes each format gets that has to start a program.
"""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.headers import anatomy
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source, recognise_file
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .disks import MIB, examine, gpt, raw, run, vhd

MANY = int(os.environ.get("GOLDENIMAGE_MUTATIONS", "12"))
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # making a failure smaller takes minutes here
INTERESTING = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from(
        [b"\0", b"\xff", b"\xff" * 4, b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7, b"\0\0\0\1", b"\1\0\0\0"]
    ),
)
# driver, options, where its header and tables lie
FORMATS = {
    "qcow2": ("qcow2", "", [(0, 112), (65536, 64), (131072, 64), (196608, 64), (262144, 64)]),
    "vhdx": ("vhdx", "", [(0, 64), (65536, 96), (131072, 96), (196608, 96), (2 * MIB, 256), (3 * MIB, 64)]),
    "vmdk": ("vmdk", "", [(0, 80), (512, 300), (10752, 64)]),
    "stream": ("vmdk", "subformat=streamOptimized", [(0, 80), (512, 300), (65536, 64)]),
    "vdi": ("vdi", "", [(64, 440), (512, 64)]),
    "dynamic": ("vpc", "subformat=dynamic,force_size", [(0, 90), (512, 80), (1536, 64), (-512, 90)]),
}


@functools.cache
def image(name: str) -> bytes:
    """A small disk in some format; kept, because each test changes it many times."""
    driver, options, _places = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        disk = raw(Path(folder) / "disk", 3 * MIB, {0: b"first" * 3000, 2 * MIB + 5: b"second" * 3000})
        made = Path(folder) / "made"
        run("qemu-img", "convert", "-f", "raw", "-O", driver, *(["-o", options] if options else []), disk, made)
        return made.read_bytes()


def changed(data: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    new = bytearray(data)
    for at, value in changes:
        place = at if at >= 0 else len(data) + at
        new[place : place + len(value)] = value[: max(0, len(data) - place)]
    return bytes(new)


def changes_at(places: list[tuple[int, int]]) -> st.SearchStrategy[list[tuple[int, bytes]]]:
    where = st.one_of(*(st.integers(start, start + length - 1) for start, length in places))
    return st.lists(st.tuples(where, INTERESTING), min_size=1, max_size=3)


def as_qemu_reads(path: Path, format_name: str, out: Path) -> bytes | None:
    """The disk as qemu-img reads it, nothing but this file opened; ``None`` when it refuses."""
    driver = {"vhd-dynamic": "vpc"}.get(format_name, format_name)
    more = ",backing.driver=null-co,backing.read-zeroes=on" if driver in ("qcow2", "vmdk") else ""
    size = ",force_size_calc=current_size" if driver == "vpc" else ""
    options = f"driver={driver}{size}{more},file.driver=file,file.filename={path}"
    command = ["timeout", "60", "qemu-img", "convert", "--image-opts", options, "-O", "raw", str(out)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return None
    return out.read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_accepted_is_what_qemu_reads(tmp_path: Path, name: str) -> None:
    data = image(name)
    seen: dict[str, int] = {"same": 0, "refused": 0}

    @settings(suppress_health_check=QUIET, max_examples=MANY, phases=PHASES, deadline=60_000)
    @given(changes=changes_at(FORMATS[name][2]))
    def attempt(changes: list[tuple[int, bytes]]) -> None:
        path = tmp_path / "mutated"
        path.write_bytes(changed(data, changes))
        found = recognise_file(str(path))
        if found.format == formats.RAW:  # the magic is gone; a raw disk is whatever it is
            return
        try:
            with open_source(str(path)) as source:
                if source.size > 64 * MIB:  # a size that somebody may have meant; only look at what is there
                    assert sum(extent.length for extent in source.extents()) == source.size
                    return
                content = source.read(0, source.size)
        except GoldenImageError:
            seen["refused"] += 1
            return
        theirs = as_qemu_reads(path, found.format, tmp_path / "theirs")
        assert theirs is None or content == theirs[: len(content)]
        seen["same"] += 1

    attempt()
    assert seen["refused"] + seen["same"] > 0


@settings(suppress_health_check=QUIET, max_examples=1000, phases=PHASES, deadline=None)
@given(changes=changes_at([(-512, 512)]))
def test_a_wrong_footer_is_never_fine(tmp_path: Path, changes: list[tuple[int, bytes]]) -> None:
    path = tmp_path / "mutated.vhd"
    if not path.exists():
        vhd(path, gpt(tmp_path / "disk"))
        (tmp_path / "footer").write_bytes(path.read_bytes()[-512:])
    data = (tmp_path / "footer").read_bytes()
    new = changed(data, changes)
    with path.open("r+b") as file:
        file.seek(-512, 2)
        file.write(new)
    before, after = Footer.parse(data), Footer.parse(new)
    # The checksum is a sum: two wrong bytes may make up for each other, which harms only where a field has a meaning.
    harmless = (
        before is not None
        and after is not None
        and after.checksum_ok
        and (after.version, after.disk_type, after.current_size)
        == (before.version, before.disk_type, before.current_size)
    )
    assert harmless or examine(path).errors


@settings(suppress_health_check=QUIET, max_examples=1000, phases=PHASES, deadline=20_000)
@given(data=st.data())
def test_no_header_breaks_what_looks_at_it(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FORMATS)))
    looked_at = {"dynamic": None, "vhdx": 5 * MIB // 2}.get(name, MIB // 4)
    content = changed(image(name)[:looked_at], data.draw(changes_at(FORMATS[name][2])))
    cut = data.draw(st.one_of(st.none(), st.integers(0, min(len(content), 5000))))
    path = tmp_path / "mutated"
    path.write_bytes(content[:cut])
    found = recognise_file(str(path))
    if found.format in formats.GROWING:
        try:
            with open_source(str(path)) as source:
                source.read(0, min(source.size, MIB))
        except GoldenImageError:
            pass
    with path.open("rb") as file:
        for format_name in (formats.QCOW2, formats.VMDK, formats.VDI, formats.VHDX):
            anatomy(file.fileno(), 0, found.file_size, format_name)
