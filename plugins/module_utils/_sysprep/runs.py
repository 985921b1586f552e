# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt of Sysprep, or one first start of a machine, as one log tells it.

A log has several attempts: each start of Sysprep writes a header into setupact.log, and setuperr.log has only errors,
where an attempt ends with WinMain's own error. What is kept of an attempt is bounded, however long the log is.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import failures, logs
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import (
    DEPLOY,
    EXECUTE,
    HALF_DONE,
    START,
    VALIDATE,
    says_failure,
)

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.logs import Line, Provider

_EVIDENCE = 6  # lines that are kept for each failure
_RECENT = 8  # errors that are kept of an attempt nobody understands
_PACKAGES = 20

_INITIALIZED, _CLOSED = 0x0F004E, 0x0F0052
_PARSED, _LAUNCHING = 0x0F005F, 0x0F0080
_HALTED, _NOT_RUNNING, _DLL_FAILED, _DIALOG = 0x0F0070, 0x0F0073, 0x0F0082, 0x0F0043
_PROCESSING, _PROCESSING_EXTERNAL, _VALIDATING = 0x0F00A8, 0x0F00AE, 0x0F00D8
_ENDS = (_PROCESSING, _PROCESSING_EXTERNAL, _VALIDATING)
_STAGE_OF_MESSAGE = {
    _NOT_RUNNING: HALF_DONE, _VALIDATING: VALIDATE, _PROCESSING: EXECUTE, _PROCESSING_EXTERNAL: EXECUTE,
    0x060431: DEPLOY, 0x060432: DEPLOY,
}  # fmt: skip
_STAGE_OF_WORDS = (
    ("not running dlls", HALF_DONE),
    ("while pre-validate", VALIDATE),
    ("in validating actions", VALIDATE),
    ("while validating sysprep", VALIDATE),
    ("hit failure while processing", EXECUTE),
    ("in executing actions from", EXECUTE),
    ("while executing sysprep", EXECUTE),
    ("parse command-line arguments", START),
    ("online installation cannot complete", DEPLOY),
    ("unattend action failed", DEPLOY),
    ("failed, returning exit code", DEPLOY),
    ("sysprep was not able to validate", VALIDATE),
    ("while trying to sysprep the machine", ""),
)
# Said before the end of an attempt, so they count only where the end is missing.
_HINTS = (
    ("sysprep_clean_validate", VALIDATE),
    ("sysprepgeneralizevalidate", VALIDATE),
    ("bitlocker-sysprep:", VALIDATE),
    ("validatebitlockerstate", VALIDATE),
    ("executeaction: failed during", EXECUTE),
    ("in executing action for", EXECUTE),
)
_DEPLOYS = re.compile(
    r"\[(?:setup|windeploy|oobeldr|djoin|msoobe)\.exe\]|\[0x06[0-9a-f]{4}\]|\bIBS\b|\[shell unattend\]", re.I
)
_PHASE = re.compile(r"sysprep (cleanup|generalize|(?:re-?)?specialize)\b|for pass \[(\w{5,16})\]", re.I)
# A line of Sysprep's own about its own file: no prose about such a line, and no other file. Its front may be cut off.
_SUCCEEDED = re.compile(
    r"^(?:.{0,160}\d\d:\d\d:\d\d\b.{0,60}|\s{0,4})(?:SYSPRP\s+)?(?:\d{6,7} \(0x\w{5}\) )?"
    r"FCreateTagFile:\s?(?=.{0,300}successfully created)(?=.{0,300}\bSysprep_succeeded\.tag\b)",
    re.I,
)
_OPTION = re.compile(r"['\"\u2018\u201c\u201e\u00ab]\s?([A-Z]{2,12})\s?['\"\u2019\u201c\u201d\u00bb]")


@dataclass
class Match:
    """``order``: how many errors of the attempt came before it."""

    id: str
    order: int
    lines: list[Line] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)


@dataclass
class Run:
    """:ivar began: its header was seen; ``ended``: the error that ends an attempt was; ``order``: how many errors it had."""

    file: str
    began: bool = False
    since: str = ""
    until: str = ""
    options: list[str] = field(default_factory=list)
    generalizes: bool = False
    deploys: bool = False
    closed: bool = False
    ended: bool = False
    order: int = 0
    stage: str = ""
    hint: str = ""
    phase: str = ""
    component: str = ""
    setting: str = ""
    failed: Line | None = None
    succeeded: Line | None = None
    provider: Provider | None = None
    running: Provider | None = None
    matches: dict[str, Match] = field(default_factory=dict)
    packages: list[str] = field(default_factory=list)
    recent: deque[Line] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def take(self, line: Line) -> None:
        """Learn what one more line says."""
        self.since = self.since or line.time
        self.until = max(self.until, line.time)
        if not self.deploys and "SYSPRP" not in line.text and _DEPLOYS.search(line.text):
            self.deploys = True
        codes = [] if line.level == logs.INFO else line.codes
        if says_failure(line, codes):
            self._take_error(line, codes)
        else:
            self._take_progress(line)
            self._match(line, codes, failure=False)  # a few failures are written as warnings

    def _take_progress(self, line: Line) -> None:
        if line.message == _CLOSED:
            self.closed = True
        elif line.message == _PARSED or "found supported command line option" in line.lower:
            self.options += [option for option in _OPTION.findall(line.text) if option not in self.options][:8]
        elif _SUCCEEDED.search(line.text):
            self.succeeded, self.failed = line, None
            self.matches.clear()
        elif line.message == _LAUNCHING or "launchmodule: executing" in line.lower:
            self.running = logs.provider_in(line, []) or self.running
        if logs.phase_in(line) == "generalize" and "sysprepsession::execute:" in line.lower:
            self.generalizes = True

    def _take_error(self, line: Line, codes: list[int]) -> None:
        self.order += 1
        self.recent.append(line)
        self._place(line)
        if ".dll" in line.lower and ("'" in line.text or line.message == _DLL_FAILED):
            self.provider = logs.provider_in(line, codes) or self.provider
            if self.provider and self.provider.entry_point and "launch" in line.lower:
                self.hint = self.hint or (VALIDATE if "validate" in self.provider.entry_point.lower() else EXECUTE)
        self.component = logs.component_in(line) or self.component
        self.setting = failures.setting_in(line.text) or self.setting
        if len(self.packages) < _PACKAGES:
            self.packages += [name for name in failures.packages_in(line.text) if name not in self.packages]
        self._match(line, codes, failure=True)

    def _place(self, line: Line) -> None:
        """Learn how far Sysprep was."""
        stage: str | None = _STAGE_OF_MESSAGE.get(line.message or 0)
        if stage is None:
            stage = next((stage for words, stage in _STAGE_OF_WORDS if words in line.lower), None)
        if stage is not None or line.message in (_HALTED, _DLL_FAILED, _DIALOG):
            self.failed = line
            self.stage = stage or self.stage
        self.hint = self.hint or next((stage for words, stage in _HINTS if words in line.lower), "")
        found = _PHASE.search(line.text)
        if found:
            self.phase = (found[1] or found[2]).lower().replace("-", "")
        self.phase = logs.phase_in(line) or self.phase
        if line.message in _ENDS or "winmain:hit failure" in line.lower.replace(": ", ":"):
            self.ended = True

    def _match(self, line: Line, codes: list[int], *, failure: bool) -> None:
        for name in failures.shown_by(line, codes, failure=failure):
            match = self.matches.setdefault(name, Match(name, self.order))
            match.codes.update(codes)
            if len(match.lines) < _EVIDENCE:
                match.lines.append(line)


def runs_of(file: str, content: str | bytes) -> list[Run]:
    """Return the attempts that one log tells of, in its order; empty when none of its lines is Sysprep's or Setup's."""
    runs: list[Run] = []
    header = -10
    for line in logs.lines_of(file, content):
        begins = line.message == _INITIALIZED or "beginning of a new sysprep run" in line.lower
        # Both are in one header, three lines apart.
        if begins and line.number - header > 5:
            runs.append(Run(file, began=True))
        elif not runs or (runs[-1].ended and not runs[-1].began and says_failure(line, line.codes)):
            runs.append(Run(file))
        if begins:
            header = line.number
        runs[-1].take(line)
    return _bounded(runs)


def _bounded(runs: list[Run]) -> list[Run]:
    """Keep the last attempts, and none that consists of the lines of a header only."""
    real = [
        run
        for run in runs
        if run.began or run.order or run.succeeded or run.running or run.deploys or run.options or run.closed
    ]
    return (real or runs)[-50:]
