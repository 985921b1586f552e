# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk file is, and everything that keeps Azure from taking it, found without changing anything."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import MIB, round_up
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE, Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import Place
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import PartitionTable, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import Update
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Source

GIB = 1 << 30
MIN_SIZE = 20 * MIB  # the smallest upload Azure takes, footer aside
MAX_SIZE = 32767 * GIB
MAX_OS_SIZE = 4095 * GIB
MAX_V1_SIZE = 2048 * GIB  # an MBR reaches no further
_CONVERT = "Convert it with goldenimage.azure.vhd_convert."
_UNREADABLE = ("format.nested", "footer.missing", "footer.misplaced", "footer.checksum", "footer.size")
_COPY_AGAIN = "Copy or export the file again; it is not complete."


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing.

    ``severity`` is ``error`` (Azure refuses the file, or it cannot work there), ``warning`` or ``info``.
    ``convertible`` marks what the conversion to an Azure disk repairs by itself.
    """

    code: str
    severity: str
    message: str
    remedy: str
    convertible: bool = False

    def present(self) -> dict[str, Any]:
        """Return the finding as a module's result shows it."""
        values = asdict(self)
        del values["convertible"]
        return values


@dataclass(frozen=True)
class Examination:
    """What is known of a file. ``virtual_size`` and ``table`` are ``None`` when it cannot be read."""

    path: str
    recognised: formats.Recognised
    findings: tuple[Finding, ...]
    virtual_size: int | None = None
    table: PartitionTable | None = None
    packed: tuple[str, ...] = ()

    @property
    def format(self) -> str:
        return self.recognised.format

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def generations(self) -> list[str]:
        """The Hyper-V generations this disk can start, its size considered."""
        if self.table is None or self.virtual_size is None:
            return []
        return [name for name in self.table.generations if name != "V1" or self.virtual_size <= MAX_V1_SIZE]


@contextlib.contextmanager
def opened(
    path: str,
    *,
    format: str = "auto",  # noqa: A002
    generation: str | None = None,
    operating_system: bool = False,
    backing_files: bool = False,
    folder: str | None = None,
    update: Update | None = None,
) -> Iterator[tuple[Examination, Source | None]]:
    """Look at a file, report all findings at once, and lend the open disk; ``None`` when it cannot be read.

    :param format: ``auto``, or the format the caller states, which then is not guessed from the content.
    :param generation: the Hyper-V generation (``V1`` or ``V2``) it shall start.
    :param operating_system: whether it shall be an OS disk.
    :param backing_files: backing files and parents in the same folder may be opened.
    :param folder: where temporary files go.
    :param update: called with what is being fetched or unpacked, and how many bytes of it are done.
    :raises InvalidInput: the file cannot be opened or fetched, is in use, or is clearly not what ``format`` says.
    """
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(contextlib.closing(Place(path, folder=folder, update=update)))
        path, packed = place.name, tuple(place.packed)
        recognised = _as_stated(place.recognised, format, path)
        findings = [
            *_packing_findings(place),
            *_format_findings(recognised, path, stated=format != "auto" or bool(place.packed)),
            *_footer_findings(recognised),
        ]
        try:
            source = stack.enter_context(place.open(recognised, backing_files=backing_files))
            table, size = read_table(source), source.size
        except InvalidInput as error:
            if not any(finding.code in _UNREADABLE for finding in findings):
                findings.append(Finding("format.unreadable", "error", error.message, error.remedy or ""))
            yield Examination(path, recognised, tuple(findings), packed=packed), None
            return
        findings += _size_findings(size, generation, operating_system=operating_system)
        findings += _table_findings(table, generation, operating_system=operating_system)
        yield Examination(path, recognised, tuple(findings), size, table, packed), source


def refuse(examination: Examination, *, converting: bool) -> None:
    """Raise one error that lists everything that stands in the way.

    :param converting: the file is made an Azure disk on the way, so what that repairs is no obstacle.
    :raises InvalidInput: with ``findings`` among its details.
    """
    obstacles = [finding for finding in examination.errors if not (converting and finding.convertible)]
    if obstacles:
        texts = " ".join(finding.message for finding in obstacles)
        remedies = " ".join(dict.fromkeys(finding.remedy for finding in obstacles))
        raise InvalidInput(
            f"{examination.path} cannot be used: {texts}",
            remedy=remedies,
            findings=[finding.present() for finding in obstacles],
        )


def convertible(examination: Examination, source: Source | None) -> Source:
    """Return the disk that was opened, if it can be made an Azure disk.

    :raises InvalidInput: with everything that stands in the way.
    """
    refuse(examination, converting=True)
    if source is None:
        raise InvalidInput(
            f"{examination.path} cannot be read as a disk.", remedy="Copy it again, or state its format."
        )
    return source


def warnings(examination: Examination, *, converting: bool) -> list[str]:
    """What stands in nobody's way and should still be known, as sentences.

    :param converting: as for :func:`refuse`.
    """
    return [
        f"{examination.path}: {finding.message} {finding.remedy}"
        for finding in examination.findings
        if finding.severity == "warning" and not (converting and finding.convertible)
    ]


def _as_stated(found: formats.Recognised, stated: str, path: str) -> formats.Recognised:
    if stated in ("auto", found.format) or (stated == formats.FIXED_VHD and found.format.startswith("vhd-")):
        return found
    if stated == formats.RAW:
        return replace(found, format=formats.RAW, footer=None, head_footer=None, footer_offset=None)
    raise InvalidInput(
        f"{path} is stated to be {stated}, but its content is {found.format}.",
        remedy="State the right format or leave it to be recognised.",
    )


def _packing_findings(place: Place) -> list[Finding]:
    if not place.packed:
        return []
    text = f"It is packed ({', '.join(place.packed)})."
    return [Finding("format.packed", "error", text, _CONVERT + " vhd_upload unpacks it, too.", convertible=True)]


def _format_findings(found: formats.Recognised, path: str, *, stated: bool) -> list[Finding]:
    name = found.format
    extension = os.path.splitext(path)[1].lower()
    if name in formats.PACKED:
        return [Finding("format.nested", "error", f"It is packed too deep ({name}).", "Unpack it first.")]
    if name == formats.FIXED_VHD:
        return []
    if name != formats.RAW:
        disguised = f" under the name of a {extension}" if extension == ".vhd" and not name.startswith("vhd-") else ""
        text = {formats.DYNAMIC_VHD: "a dynamic VHD", formats.DIFFERENCING_VHD: "a differencing VHD"}.get(name, name)
        return [
            Finding(
                "format.other", "error", f"It is {text}{disguised}; Azure takes fixed VHDs.", _CONVERT, convertible=True
            )
        ]
    if found.footer_offset is not None:
        text = f"A VHD footer lies at byte {found.footer_offset}, not at the end ({found.file_size - FOOTER_SIZE})."
        return [Finding("footer.misplaced", "error", text, "Bytes were appended or cut off. " + _COPY_AGAIN)]
    if extension in (".vhd", ".vhdx") and not stated:
        text = f"It is named {extension}, but has no VHD footer at its end and no VHDX header: it is cut off or raw."
        return [Finding("footer.missing", "error", text, _COPY_AGAIN + " If it is a raw disk, state that format.")]
    text = "It is a raw disk without a VHD footer."
    return [Finding("format.raw", "error", text, _CONVERT + " vhd_upload takes it as it is.", convertible=True)]


def _footer_findings(found: formats.Recognised) -> list[Finding]:
    footer = found.footer
    if footer is None:
        if found.head_footer is not None and found.format != formats.FIXED_VHD:
            return [Finding("footer.missing", "error", "The footer at its end is missing: it is cut off.", _COPY_AGAIN)]
        return []
    checks = (
        (footer.checksum_ok, "footer.checksum", _checksum_text(footer)),
        (footer.version >> 16 == 1, "footer.version", f"Its footer has the unknown version {footer.version:#010x}."),
        (not footer.kind.startswith("unknown"), "footer.type", f"Its footer's disk type is {footer.kind}."),
        (
            found.format != formats.FIXED_VHD or footer.current_size == found.file_size - FOOTER_SIZE,
            "footer.size",
            f"Its footer says {footer.current_size} bytes, but {found.file_size - FOOTER_SIZE} bytes precede it.",
        ),
    )
    return [Finding(code, "error", text, _COPY_AGAIN) for good, code, text in checks if not good]


def _checksum_text(footer: Footer) -> str:
    return (
        f"The checksum of its footer is wrong (stored {footer.stored_checksum:#010x}, "
        f"computed {footer.computed_checksum:#010x})."
    )


def _size_findings(size: int, generation: str | None, *, operating_system: bool) -> list[Finding]:
    findings = []
    if size % MIB:
        text = f"Its virtual size of {size} bytes is not a whole number of MiB; the next is {round_up(size)}."
        findings.append(Finding("size.alignment", "error", text, _CONVERT, convertible=True))
    if round_up(size) < MIN_SIZE:
        text = f"Its virtual size of {size} bytes is less than the 20 MiB Azure wants at least."
        findings.append(Finding("size.minimum", "error", text, "Enlarge the disk."))
    limit, name = (MAX_OS_SIZE, "an OS disk") if operating_system else (MAX_SIZE, "a disk")
    if generation == "V1" and operating_system:
        limit, name = MAX_V1_SIZE, "an OS disk of generation V1"
    if size > limit:
        remedy = "Shrink the disk, or use generation V2 if V1 is what limits it."
        text = f"Its virtual size of {size} bytes is more than the {limit // GIB} GiB {name} can have."
        findings.append(Finding("size.maximum", "error", text, remedy))
    return findings


def _table_findings(table: PartitionTable, generation: str | None, *, operating_system: bool) -> list[Finding]:
    damage = "Repair the partition table (gdisk, fdisk) or copy the disk again."
    findings = [Finding("partitions.damaged", "error", text, damage) for text in table.problems]
    if table.scheme == "none" and not table.problems:
        text = "It has no partition table, so no operating system starts from it."
        findings.append(Finding("partitions.none", "warning", text, "Give it as a data disk, or check the file."))
    elif operating_system and generation is not None and generation not in table.generations and not table.problems:
        findings.append(Finding("partitions.generation", "error", *_cannot_boot(generation, table)))
    elif operating_system and generation is None and not table.generations and not table.problems:
        text = (
            f"No operating system starts from this {table.scheme.upper()} disk: it has no EFI system partition, and no "
            "boot code with an active MBR partition or a GPT BIOS-boot partition."
        )
        remedy = "Install a boot loader, or give it as a data disk."
        findings.append(Finding("partitions.boot", "warning", text, remedy))
    if table.backup_at_end is False and table.gpt is not None:
        text = "The backup of its GPT is not at the end of the disk."
        findings.append(Finding("partitions.backup", "warning", text, _CONVERT, convertible=True))
    return findings


def _cannot_boot(generation: str, table: PartitionTable) -> tuple[str, str]:
    needs = {
        "V1": "boot code with an active MBR partition or a GPT BIOS-boot partition",
        "V2": "an EFI system partition",
    }[generation]
    able = " and ".join(table.generations) or "no generation"
    return (
        f"Generation {generation} needs {needs}, which this {table.scheme.upper()} disk has not; it can start {able}.",
        f"State the right hyper_v_generation ({able})." if table.generations else "Install a boot loader.",
    )
