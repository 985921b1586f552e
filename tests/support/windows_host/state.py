# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's state: one JSON file that tests write before and read after a run.

Every request takes the file's lock, changes the model and writes it back whole, so that parallel tasks and killed ones
leave a state that can be read. Beside it lies a log with one line for each request.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIVES = {"HKEY_LOCAL_MACHINE": "HKLM", "HKEY_CURRENT_USER": "HKCU", "HKEY_CLASSES_ROOT": "HKCR", "HKEY_USERS": "HKU"}


def registry_path(path: str) -> str:
    """One spelling of a key: ``HKLM\\SOFTWARE\\…``."""
    hive, _slash, rest = path.strip("\\").partition("\\")
    hive = hive.removesuffix(":").upper()
    return "\\".join(part for part in (HIVES.get(hive, hive), rest.strip("\\")) if part)


def file_path(path: str) -> str:
    """One spelling of a file's name, with the few variables that the roles use."""
    for name, value in (
        ("%SystemRoot%", r"C:\Windows"),
        ("%windir%", r"C:\Windows"),
        ("%SystemDrive%", "C:"),
        ("%TEMP%", TEMP),
    ):
        at = path.lower().find(name.lower())
        if at >= 0:
            path = path[:at] + value + path[at + len(name) :]
    return path.replace("/", "\\").rstrip("\\")


TEMP = r"C:\Users\Administrator\AppData\Local\Temp"


class Model(dict[str, Any]):
    """The state, with Windows' habit of ignoring case in names."""

    # registry: {key: {name: [type, data]}}

    def key_name(self, path: str) -> str | None:
        """The stored spelling of a key, or None."""
        wanted = registry_path(path).lower()
        return next((key for key in self["registry"] if key.lower() == wanted), None)

    def values(self, path: str) -> dict[str, list[Any]] | None:
        """The values of a key; None when there is none. A key exists when one below it does."""
        name = self.key_name(path)
        if name is not None:
            found: dict[str, list[Any]] = self["registry"][name]
            return found
        return {} if self.sub_keys(path) else None

    def sub_keys(self, path: str) -> list[str]:
        start = registry_path(path).lower() + "\\"
        below = [key[len(start) :].split("\\")[0] for key in self["registry"] if key.lower().startswith(start)]
        return sorted(set(below), key=str.lower)

    def value(self, path: str, name: str) -> list[Any] | None:
        """One value as [type, data], or None."""
        for own, value in (self.values(path) or {}).items():
            if own.lower() == name.lower():
                return value
        return None

    def set_value(self, path: str, name: str, kind: str, data: Any) -> None:
        key = self.key_name(path) or registry_path(path)
        values = self["registry"].setdefault(key, {})
        own = next((one for one in values if one.lower() == name.lower()), name)
        values[own] = [kind, data]

    def remove_value(self, path: str, name: str) -> bool:
        values = self.values(path) or {}
        own = next((one for one in values if one.lower() == name.lower()), None)
        if own is None:
            return False
        del values[own]
        return True

    def remove_key(self, path: str) -> bool:
        wanted = registry_path(path).lower()
        gone = [key for key in self["registry"] if key.lower() == wanted or key.lower().startswith(wanted + "\\")]
        for key in gone:
            del self["registry"][key]
        return bool(gone)

    def service(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self["services"] if one["name"].lower() == name.lower()), None)

    # files: {path: {"kind": "file" or "directory", "content": base64}}

    def file(self, path: str) -> dict[str, Any] | None:
        wanted = file_path(path).lower()
        for name, entry in self["files"].items():
            if name.lower() == wanted:
                return entry  # type: ignore[no-any-return]
        below = any(name.lower().startswith(wanted + "\\") for name in self["files"])
        return {"kind": "directory"} if below else None

    def write_file(self, path: str, content: str = "", kind: str = "file") -> None:
        """:param content: base64."""
        wanted = file_path(path)
        name = next((one for one in self["files"] if one.lower() == wanted.lower()), wanted)
        self["files"][name] = {"kind": kind, **({"content": content} if kind == "file" else {})}

    def remove_file(self, path: str) -> bool:
        """Remove a file, or a folder with all in it."""
        wanted = file_path(path).lower()
        gone = [name for name in self["files"] if name.lower() == wanted or name.lower().startswith(wanted + "\\")]
        for name in gone:
            del self["files"][name]
        return bool(gone)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Model]:
    """Read the state under its lock, and write it back when something changed, also after a failure."""
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = path.read_text(encoding="utf-8")
        model = Model(json.loads(before))
        try:
            yield model
        finally:
            after = json.dumps(model, indent=1, sort_keys=True)
            if after != before:
                part = path.with_suffix(".part")
                part.write_text(after, encoding="utf-8")
                os.replace(part, path)


def note(path: Path, entry: dict[str, Any]) -> None:
    """Add a line to the log of requests, ``<state>.log``."""
    with path.with_suffix(".log").open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry, default=str) + "\n")
