# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of all requests, for tests: one JSON object a line in ``DIR/requests.jsonl``, no secrets."""

from __future__ import annotations

import json
import os
import re
import threading
from typing import TYPE_CHECKING, Any

from azure_emulator.core import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "requests.jsonl"
_SECRET = re.compile(r"(?i)((?:^|&)(?:sig|s|h|c|sktoken|code|client_secret|password|token)=)[^&]*")


class RequestLog:
    """Written before the answer is sent, so that whoever has an answer finds its line."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE
        self._lock = threading.Lock()
        self._file = self._open()

    def add(self, entry: dict[str, Any]) -> None:
        """Append one request."""
        line = json_text.compact(entry) + b"\n"
        with self._lock:
            os.write(self._file, line)

    def clear(self) -> None:
        with self._lock:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        with self._lock:
            os.close(self._file)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def read(data_dir: Path, *, writes: bool = False, after: int = 0) -> Iterator[dict[str, Any]]:
    """The logged requests in order, each with its line number ``n`` from 1; an incomplete last line is left out."""
    path = data_dir / FILE
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if number <= after or not line.endswith("\n"):
                continue
            entry = json.loads(line)
            if entry["write"] or not writes:
                yield {"n": number, **entry}


def redact(query: str) -> str:
    """A query string without signatures and secrets."""
    return _SECRET.sub(r"\1REDACTED", query) if query else query
