# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as people write templates: with comments, bare names, commas too many and line ends in texts.

ARM's own reader takes all of that, and azure-cli relies on it: it sends a template's file as it is, below the bare name
``template`` [recorded].
"""

from __future__ import annotations

import re

_TEXT = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"{_TEXT}|//[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_LOOSE = re.compile(rf"{_TEXT}|(?<![\w$])[A-Za-z_$][\w$]*(?=\s*:)|,(?=\s*[}}\]])", re.DOTALL)


def strict(text: str) -> str:
    """The same in strict JSON, but for line ends in texts; what is wrong otherwise stays wrong."""
    return _LOOSE.sub(_tightened, _COMMENT.sub(_without_comment, text))


def _without_comment(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else " "


def _tightened(found: re.Match[str]) -> str:
    if found[0].startswith('"'):
        return found[0]
    return "" if found[0] == "," else f'"{found[0]}"'
