# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of setupact.log and setuperr.log, however it came: its lines, and what one line says.

A line is ``2026-03-20 15:17:23, Error      [0x0f0082] SYSPRP LaunchDll:…``: time, level, the message's identity, the
component, text. Any of them may be missing, because tools print these logs in other ways (``02-07-2022 15:18:03.000
SYSPRP 983256 (0xf00d8) WinMain:…``), put something in front of a line, or cut the first one. Shapes: Microsoft's
troubleshooting articles on Sysprep, and logs that people published.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import codes
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR, WARNING, INFO = "error", "warning", "info"
_LONGEST = 2000  # characters of a line that are looked at; longer ones are no messages of Sysprep
_SHOWN = 400

# Setup writes its levels in English in every language; tools that translate logs, and people, do not.
_ERROR_WORDS = (
    "error", "fatal", "fehler", "erreur", "errore", "erro", "fout", "fel", "feil", "fejl", "virhe", "błąd",
    "chyba", "hiba", "hata", "eroare", "greška", "ошибка", "помилка", "错误", "錯誤", "エラー", "오류",
)  # fmt: skip
_LEVELS = {
    **dict.fromkeys(_ERROR_WORDS, ERROR),
    **dict.fromkeys(("warning", "warnung", "avertissement", "advertencia", "avviso"), WARNING),
    **dict.fromkeys(("info", "perf", "information", "informationen", "información"), INFO),
}
_TIME = re.compile(
    r"(?:(?P<year>\d{4})-(?P<md>\d\d-\d\d)|(?P<dm>\d\d[-/.]\d\d)[-/.](?P<late>\d{4}))[ T](?P<clock>\d\d:\d\d:\d\d)"
    r"(?:[.,]\d{1,7})?,?\s+(?:(?P<level>[^\W\d_]{2,16})(?=[\s\[]))?"
)
_LEVEL = re.compile(r"(?:^|[,>]\s{0,4})\s{0,4}(?P<level>[^\W\d_]{2,16})\s+(?=\[0x0|\[\w+\.exe\]|SYSPRP\b|[A-Z]{2,8}\s)")
_MESSAGE = re.compile(r"\[(0x0[0-9a-f]{5})\]|\((0xf[0-9a-f]{4})\)", re.I)
_OURS = re.compile(
    r"\bSYSPRP\b|\[0x0f0[0-9a-f]{3}\]|\(0xf0[0-9a-f]{3}\)|\[(?:setup|windeploy|oobeldr|djoin|msoobe|action)\.exe\]"
    r"|\[0x06[0-9a-f]{4}\]|\[Shell Unattend\]|\[Action Queue\]|\bIBS\b"
    # What people and tools pass on without the component, and the words of Sysprep's window and of Azure.
    r"|\b(?:RunExternalDlls|RunDlls|LaunchDll|Sysprep_Clean_Validate_Opk|BitLocker-Sysprep):"
    r"|\b(?:ActionPlatform|SysprepSession)::\w"
    r"|while trying to sysprep the machine|\bSysprep was not able to validate\b|\bOSProvisioning(?:TimedOut|ClientError)\b",
    re.I,
)
_DLL = re.compile(r"([\w.+-]{1,64}\.(?:dll|exe))", re.I)
_MARKS = r"'\"\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"  # quotation marks of all languages
_QUOTED = re.compile(rf"[{_MARKS}]\s{{0,2}}([^{_MARKS}]{{1,260}}?)\s{{0,2}}[{_MARKS}]")
_COMPONENT = re.compile(r"\baction for ([\w.-]{3,80})")
_PASS = re.compile(r"ActionFiles\\(\w{3,20})\.xml", re.I)


def decoded(content: str | bytes) -> str:
    """Return the text of a log, whose bytes may be UTF-8 or UTF-16, with or without a byte order mark, cut anywhere.

    Text that somebody has already read with the wrong encoding (UTF-16 as UTF-8 or Latin-1: every other character is
    NUL) is read again. Windows' old code pages become wrong letters, which does no harm: numbers and names are ASCII.
    """
    raw = content if isinstance(content, bytes) else _raw(content)
    if isinstance(raw, str):
        return raw
    for mark, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, "replace")
    sample = raw[:4096]
    if sample.count(0) > len(sample) // 8:
        even = sample[::2].count(0)
        return raw.decode("utf-16-be" if even > sample.count(0) - even else "utf-16-le", "replace")
    return raw.decode("utf-8", "replace")


def _raw(content: str) -> str | bytes:
    """Return the bytes of a text that was read with the wrong encoding, and any other text as it is."""
    sample = content[:4096]
    if "\0" not in sample and "\udcff\udcfe" not in sample:
        return content.removeprefix("\ufeff")
    try:
        latin = all(ord(char) < 256 for char in sample)
        return content.encode("latin-1") if latin else content.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return content.replace("\0", "")


@dataclass(frozen=True)
class Line:
    """``number``: from 1, in the text as given. ``time``: sortable, or empty. ``level``: *None* where none is written."""

    file: str
    number: int
    text: str
    time: str
    level: str | None
    message: int | None  # 0x0f0082 and the like
    lower: str = field(repr=False)

    @property
    def codes(self) -> list[int]:
        return codes.found_in(self.text)

    def present(self) -> dict[str, object]:
        return {"file": self.file, "line": self.number, "text": printable(" ".join(self.text.split()), _SHOWN)}


def lines_of(file: str, content: str | bytes) -> Iterator[Line]:
    """Yield those lines of a log that Sysprep or Setup wrote. Takes time in proportion to the text's length."""
    text = decoded(content).replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    for number, whole in enumerate(text.split("\n"), 1):
        line = read_line(file, number, whole[:_LONGEST])
        if line:
            yield line


def read_line(file: str, number: int, text: str) -> Line | None:
    """Read one line; *None* when it is none of Sysprep's or Setup's."""
    if "SYSPRP" not in text and not _OURS.search(text):
        return None
    time, level = "", None
    found = _TIME.search(text, 0, 200)
    if found:
        day = f"{found['year']}-{found['md']}" if found["year"] else f"{found['late']}-{found['dm']}".replace("/", "-")
        time = f"{day.replace('.', '-')} {found['clock']}"
        level = found["level"]
    else:
        marked = _LEVEL.search(text, 0, 200)
        level = marked["level"] if marked else None
    message = _MESSAGE.search(text, 0, 240)
    identity = int(message[1] or message[2], 16) if message else None
    return Line(file, number, text, time, _LEVELS.get((level or "").lower()), identity, text.lower())


@dataclass(frozen=True)
class Provider:
    """Who failed: a DLL and its entry point, called by Sysprep for one of Windows' components."""

    dll: str = ""
    entry_point: str = ""
    component: str = ""
    code: int | None = None
    line: Line | None = None

    def present(self) -> dict[str, object]:
        return {
            "dll": self.dll or None,
            "entry_point": self.entry_point or None,
            "component": self.component or None,
            "code": codes.describe(self.code) if self.code is not None else None,
        }


def provider_in(line: Line, reasons: list[int]) -> Provider | None:
    """Read which provider a line is about, whose reasons are known already. Names in quotes and of DLLs stay as they are in every language.

    ``'C:\\Windows\\System32\\slc.dll,SLReArmWindows', returned error code …`` until Windows 8 and for third parties,
    ``'SysprepGeneralize' from C:\\Windows\\System32\\AppxSysprep.dll; dwRet = …`` since.
    """
    dlls = [name for name in _DLL.findall(line.text) if name.lower() not in ("setup.exe", "sysprep.exe")]
    if not dlls:
        return None
    entry = ""
    for quoted in _QUOTED.findall(line.text):
        entry = quoted.rpartition(",")[2].strip() if "," in quoted else quoted
        if not _DLL.search(entry):
            break
        entry = ""
    return Provider(printable(dlls[0], 64), printable(entry, 80), "", reasons[-1] if reasons else None, line)


def component_in(line: Line) -> str:
    """Return the component whose action failed (``Microsoft-Windows-Sysprep-SpOpk``), or nothing."""
    found = _COMPONENT.search(line.text)
    return found[1] if found else ""


def phase_in(line: Line) -> str:
    """Return the phase that a line names by the file of its actions, or nothing."""
    found = _PASS.search(line.text)
    return found[1].lower() if found else ""
