# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All known failures, and which of them a line of a log shows.

docs/sysprep-failures.md has them as a table, which a test compares with this.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import (
    failures_apps,
    failures_setup,
    failures_system,
)

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.logs import Line
    from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import Failure, Sign

FAILURES: tuple[Failure, ...] = (*failures_apps.FAILURES, *failures_system.FAILURES, *failures_setup.FAILURES)
BY_ID: dict[str, Failure] = {failure.id: failure for failure in FAILURES}
_PLACE = {failure.id: place for place, failure in enumerate(FAILURES)}
# A log may have hundreds of thousands of errors, so what a line may show is found by one word of each sign, or by its numbers.
_WORDED: list[tuple[str, Failure, Sign]] = []
_NUMBERED: dict[int, list[tuple[Failure, Sign]]] = {}
for _failure in FAILURES:
    for _sign in _failure.signs:
        if _sign.text or _sign.dll:
            _WORDED.append((max(*_sign.text, _sign.dll, "", key=len), _failure, _sign))
        for _number in () if _sign.text or _sign.dll else (*_sign.codes, *_sign.messages):
            _NUMBERED.setdefault(_number, []).append((_failure, _sign))
_WORDED_FOR_ALL = [each for each in _WORDED if each[2].any_level]

# Name_Version_Architecture_Resource_Publisher: the same in every language.
_PACKAGE = re.compile(
    r"(?<![\w.-])([A-Za-z0-9][\w.-]{1,60}_\d{1,5}(?:\.\d{1,5}){1,3}_[A-Za-z0-9]{0,12}_[\w-]{0,30}_[a-z0-9]{13})(?!\w)",
    re.A,
)
_SETTING = re.compile(r"(?:Name: ([\w.-]{3,60}),.{0,160}?)?(/settings/[^\s,]{1,200})")


def shown_by(line: Line, codes: list[int], *, failure: bool) -> list[str]:
    """Return the ids of the known failures that this line shows; exact ones only, where it shows both kinds.

    :param codes: the reasons that the line names.
    :param failure: the line reports something wrong; otherwise only signs count that any line may have.
    """
    worded = _WORDED if failure else _WORDED_FOR_ALL
    found = [known for word, known, sign in worded if word in line.lower and sign.matches(line, codes)]
    if failure:
        numbers = [*codes, line.message] if line.message else codes
        for known, sign in (each for number in numbers for each in _NUMBERED.get(number, ())):
            if sign.matches(line, codes):
                found.append(known)  # reads better than a comprehension of three loops
        found.sort(key=lambda known: _PLACE[known.id])
    exact = [known for known in found if not known.general]
    return list(dict.fromkeys(known.id for known in exact or found))


def packages_in(text: str) -> list[str]:
    """Return the full names of the Appx packages that a text names."""
    return _PACKAGE.findall(text)


def setting_in(text: str) -> str:
    """Return the setting of an answer file that Setup complains about, or nothing."""
    found = _SETTING.search(text)
    return " ".join(part for part in (found[1], found[2]) if part) if found else ""
