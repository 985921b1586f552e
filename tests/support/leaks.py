# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for secrets where none may be: output, logs, files, process arguments."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is a secret whoever made it. A signature that was replaced by asterisks or a word in capitals is none.
SHAPES = {
    "a token": re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}"),
    "a signature": re.compile(r"(?i)\bsig(?:nature)?=(?!\*|REDACTED|VALUE_SPECIFIED)[\w%+/-]{6,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an account key": re.compile(r"(?i)AccountKey=(?!\*)[\w%+/-]{6,}"),
}


class Secrets:
    """Values that must not be seen, by name."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    @classmethod
    def of_emulator(cls, data: Path) -> Secrets:
        """The passwords and secrets of a local Azure."""
        found = json.loads((data / "credentials.json").read_text())
        values = {name: value for name, value in found.items() if name in ("password", "control_token")}
        values |= {f"secret of {name}": who["secret"] for name, who in found.items() if isinstance(who, dict)}
        return cls(values)

    def seen(self, text: str) -> list[str]:
        """The names of what is in a text, also in the forms that HTTP gives it."""
        names = [name for name, shape in SHAPES.items() if shape.search(text)]
        for name, value in self.values.items():
            encoded = base64.b64encode(value.encode()).decode().rstrip("=")
            if any(form in text for form in (value, quote(value, safe=""), encoded)):
                names.append(name)
        return names

    def seen_in(self, *places: Path) -> dict[str, list[str]]:
        """By file, what is in the files at or below some places."""
        found = {}
        for place in places:
            for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if path.is_file():
                    names = self.seen(path.read_text(errors="replace"))
                    if names:
                        found[str(path)] = names
        return found


class ArgumentWatch(threading.Thread):
    """Reads every process's arguments, over and over, for the length of a ``with`` block."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__(daemon=True)
        self._secrets = secrets
        self._ended = threading.Event()
        self.processes: set[str] = set()
        self.seen: dict[str, list[str]] = {}

    def __enter__(self) -> ArgumentWatch:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self.join(30)

    def run(self) -> None:
        while not self._ended.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self._look(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    def _look(self, arguments: str) -> None:
        if arguments in self.processes:
            return
        self.processes.add(arguments)
        names = [name for name, value in self._secrets.values.items() if value in arguments]
        if names:
            self.seen[arguments] = names
