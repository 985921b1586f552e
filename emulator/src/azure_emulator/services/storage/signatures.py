# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account SAS: how the emulator itself reaches blobs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_VERSION = "2020-12-06"
_SECONDS = 6 * 3600


def account_sas(account: Doc, permissions: str, now: float) -> str:
    """The query string that allows something (``rl``: read and list) on all blobs of an account for six hours."""
    expiry = datetime.fromtimestamp(now + _SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"ss": "b", "srt": "sco", "sp": permissions, "se": expiry, "spr": "https"}
    return sign_account(account["name"], account["_keys"][0]["value"], fields)


def sign_account(name: str, key: str, fields: dict[str, str]) -> str:
    """An account's signature for fields named as in the query (``ss``, ``srt``, ``sp``, ``st``, ``se``, ``sip``, ``spr``)."""
    parts = [name, *(fields.get(part, "") for part in ("sp", "ss", "srt", "st", "se", "sip", "spr")), _VERSION, "", ""]
    digest = hmac.new(base64.b64decode(key), "\n".join(parts).encode(), hashlib.sha256).digest()
    given = {part: value for part, value in fields.items() if value}
    return urlencode({"sv": _VERSION, **given, "sig": base64.b64encode(digest).decode()})
