# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as services write it, several times as fast as `json.dumps` does with an indentation."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def compact(value: Any) -> bytes:
    """Without any space."""
    return _ENCODER.encode(value).encode()


def indented(value: Any) -> bytes:
    """Two spaces a level, lines end with CRLF. Names of members must be texts."""
    return _text(value, "\r\n").encode()


def _text(value: Any, line: str) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if not value or not isinstance(value, (dict, list)):
        return _ENCODER.encode(value)
    inner = line + "  "
    if isinstance(value, list):
        return f"[{inner}{f',{inner}'.join([_text(item, inner) for item in value])}{line}]"
    members = [f"{_quoted(name)}: {_text(item, inner)}" for name, item in value.items()]
    return f"{{{inner}{f',{inner}'.join(members)}{line}}}"
