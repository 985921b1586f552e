# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens shared by the tasks of one run, so that each task need not log in again."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

MARGIN = 360
"""Seconds a token must still be valid. azure-core renews one that has less than 300 left."""


def key_for(**identity: str | None) -> str:
    """Name an identity without revealing it: a hash over everything that makes a token another one."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


class TokenCache:
    """A JSON file, mode 0600, replaced atomically: ``{key: [token, expires]}``, the time in seconds since 1970.

    Two tasks that write at once may lose one entry, which costs the next task a login. A file that others could have
    written or read is not used.

    :param path: in a folder only its user can enter; whoever gives it removes it at the end of the run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> tuple[str, int] | None:
        """The token and when it expires, if there is one that is valid for a while."""
        entry = self._read().get(key)
        return entry if entry is not None and entry[1] - time.time() > MARGIN else None

    def put(self, key: str, token: str, expires: int) -> None:
        """Keep a token; forgets those that have expired."""
        now = time.time()
        entries = {known: entry for known, entry in self._read().items() if entry[1] > now}
        self._write({**entries, key: (token, expires)})

    def forget(self, key: str) -> None:
        """Drop a token that Azure did not take."""
        entries = self._read()
        if entries.pop(key, None) is not None:
            self._write(entries)

    def _read(self) -> dict[str, tuple[str, int]]:
        try:
            with self._path.open(encoding="utf-8") as stream:
                status = os.fstat(stream.fileno())
                if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                    return {}
                content: Any = json.load(stream)
        except (OSError, ValueError):  # not there yet, or not ours: as good as empty
            return {}
        entries = content.items() if isinstance(content, Mapping) else []
        return {key: (value[0], value[1]) for key, value in entries if _is_entry(value)}

    def _write(self, entries: Mapping[str, tuple[str, int]]) -> None:
        try:
            descriptor, name = tempfile.mkstemp(prefix=".tokens-", dir=self._path.parent)  # created with mode 0600
        except OSError:  # no cache is only slower
            return
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(entries, stream)
            Path(name).replace(self._path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _is_entry(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)
