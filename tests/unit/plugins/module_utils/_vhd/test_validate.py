# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer

from .disks import MIB, SMALLEST, examine, gpt, raw, run, vhd

if TYPE_CHECKING:
    from pathlib import Path


def codes(path: Path, **arguments: object) -> set[str]:
    """Return the codes of everything found in a file."""
    return {finding.code for finding in examine(path, **arguments).findings}


def test_a_good_vhd_has_no_findings(tmp_path: Path) -> None:
    path = vhd(tmp_path / "good.vhd", gpt(tmp_path / "disk"))
    found = examine(path, generation="V2", operating_system=True)
    assert found.findings == ()
    assert found.generations == ["V1", "V2"]
    validate.refuse(found, converting=False)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"disk_type": 5}, "footer.type"),
        ({"version": 0x20000}, "footer.version"),
        ({"current_size": SMALLEST + MIB}, "footer.size"),
        ({"unique_id": uuid.UUID(int=1), "cookie": b"conectiX"}, "footer.missing"),
    ],
)
def test_wrong_footers(tmp_path: Path, changes: dict[str, object], code: str) -> None:
    path = vhd(tmp_path / "bad.vhd", gpt(tmp_path / "disk"), **changes)
    assert code in codes(path)
    with pytest.raises(InvalidInput):
        validate.refuse(examine(path), converting=True)


def test_wrong_checksum(tmp_path: Path) -> None:
    path = vhd(tmp_path / "bad.vhd", gpt(tmp_path / "disk"))
    with path.open("r+b") as file:
        file.seek(-400, 2)
        file.write(b"x")
    assert codes(path) == {"footer.checksum"}


@pytest.mark.parametrize("cut", [1, 512, MIB])
def test_cut_off(tmp_path: Path, cut: int) -> None:
    path = vhd(tmp_path / "bad.vhd", gpt(tmp_path / "disk"))
    path.write_bytes(path.read_bytes()[:-cut])
    assert codes(path) & {"footer.misplaced", "footer.missing"}
    with pytest.raises(InvalidInput):
        validate.refuse(examine(path), converting=True)


def test_not_aligned(tmp_path: Path) -> None:
    path = vhd(tmp_path / "odd.vhd", gpt(tmp_path / "disk", SMALLEST + 512))
    found = examine(path)
    assert [finding.code for finding in found.errors] == ["size.alignment"]
    with pytest.raises(InvalidInput, match=f"the next is {SMALLEST + MIB}"):
        validate.refuse(found, converting=False)
    validate.refuse(found, converting=True)


def test_too_small(tmp_path: Path) -> None:
    assert "size.minimum" in codes(vhd(tmp_path / "a.vhd", raw(tmp_path / "disk", SMALLEST - MIB)))


@pytest.mark.parametrize(
    ("gib", "generation", "operating_system", "refused"),
    [(2048, "V1", True, False), (2049, "V1", True, True), (2049, "V2", True, False), (4096, "V2", True, True),
     (4096, None, False, False),],
)  # fmt: skip
def test_too_large(tmp_path: Path, gib: int, generation: str | None, operating_system: bool, refused: bool) -> None:
    size = gib << 30
    path = tmp_path / "large.vhd"
    with path.open("wb") as file:
        file.seek(size)
        file.write(Footer.fixed(size).pack())
    found = codes(path, generation=generation, operating_system=operating_system)
    assert ("size.maximum" in found) is refused


def test_larger_than_any_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "MAX_SIZE", SMALLEST)  # file systems end before Azure does
    assert codes(vhd(tmp_path / "a.vhd", gpt(tmp_path / "disk"))) == set()
    assert "size.maximum" in codes(vhd(tmp_path / "b.vhd", gpt(tmp_path / "disk", SMALLEST + MIB)))


@pytest.mark.parametrize(
    ("driver", "option", "text"),
    [
        ("vpc", "subformat=dynamic", "a dynamic VHD"),
        ("vhdx", "subformat=dynamic", "vhdx under the name of a .vhd"),
        ("qcow2", "cluster_size=64k", "qcow2 under the name of a .vhd"),
    ],
)
def test_other_formats_under_the_name_of_a_vhd(tmp_path: Path, driver: str, option: str, text: str) -> None:
    path = tmp_path / "disk.vhd"
    run("qemu-img", "create", "-q", "-f", driver, "-o", option, path, "20M")
    found = examine(path)
    with pytest.raises(InvalidInput, match=f"{text}.*vhd_convert"):
        validate.refuse(found, converting=False)
    validate.refuse(found, converting=True)


def test_truncated_dynamic_vhd(tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    run("qemu-img", "create", "-q", "-f", "vpc", path, "20M")
    path.write_bytes(path.read_bytes()[:-512])
    assert codes(path) == {"format.other", "footer.missing"}
    with pytest.raises(InvalidInput, match="cut off"):
        validate.refuse(examine(path), converting=True)


def test_wrong_generation(tmp_path: Path) -> None:
    entry = bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little")
    mbr = raw(tmp_path / "disk", SMALLEST, {0: b"\xeb", 446: entry, 510: b"\x55\xaa"})
    path = vhd(tmp_path / "bios.vhd", mbr)
    assert codes(path, generation="V1", operating_system=True) == set()
    with pytest.raises(InvalidInput, match=r"V2 needs an EFI system partition.*can start V1.*\(V1\)"):
        validate.refuse(examine(path, generation="V2", operating_system=True), converting=False)


def test_backup_that_is_not_at_the_end_is_a_warning(tmp_path: Path) -> None:
    disk = gpt(tmp_path / "disk")
    with disk.open("r+b") as file:
        file.truncate(SMALLEST + MIB)
    found = examine(vhd(tmp_path / "a.vhd", disk))
    assert [(finding.code, finding.severity) for finding in found.findings] == [("partitions.backup", "warning")]
    assert len(validate.warnings(found, converting=False)) == 1
    assert validate.warnings(found, converting=True) == []


@pytest.mark.parametrize(
    ("sectors", "operating_system", "code"),
    [
        ({}, True, "partitions.none"),
        ({}, False, "partitions.none"),
        ({446: bytes(4) + b"\x83" + bytes(3) + b"\0\x08\0\0\0\x10\0\0", 510: b"\x55\xaa"}, True, "partitions.boot"),
    ],
)
def test_nothing_starts_from_it(tmp_path: Path, sectors: dict[int, bytes], operating_system: bool, code: str) -> None:
    path = vhd(tmp_path / "a.vhd", raw(tmp_path / "disk", pieces=sectors))
    found = examine(path, operating_system=operating_system)
    assert [(finding.code, finding.severity) for finding in found.findings] == [(code, "warning")]
    validate.refuse(found, converting=False)
    (warning,) = validate.warnings(found, converting=False)
    assert str(path) in warning
    assert "no operating system starts" in warning.lower()


def test_data_disk_need_not_start(tmp_path: Path) -> None:
    entry = bytes(4) + b"\x83" + bytes(3) + b"\0\x08\0\0\0\x10\0\0"
    disk = raw(tmp_path / "disk", pieces={446: entry, 510: b"\x55\xaa"})
    assert codes(vhd(tmp_path / "a.vhd", disk)) == set()


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = vhd(tmp_path / "bad.vhd", raw(tmp_path / "disk", MIB + 512), version=1, disk_type=9)
    with pytest.raises(InvalidInput) as caught:
        validate.refuse(examine(path), converting=False)
    told = {finding["code"] for finding in caught.value.details["findings"]}
    assert told == {"footer.version", "footer.type", "size.alignment", "size.minimum"}


def test_stated_formats(tmp_path: Path) -> None:
    disk = gpt(tmp_path / "disk")
    path = vhd(tmp_path / "a.vhd", disk)
    assert examine(path, format="raw").virtual_size == SMALLEST + 512
    named = disk.rename(tmp_path / "raw.vhd")
    assert codes(named) == {"footer.missing"}
    assert codes(named, format="raw") == {"format.raw"}
    with pytest.raises(InvalidInput, match="stated to be qcow2"):
        examine(path, format="qcow2")
