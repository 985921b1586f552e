# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All state as one JSON value, without secrets: for looking at, and for comparing before and after."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core.requestlog import redact

if TYPE_CHECKING:
    from azure_emulator.core.store import Store

_SECRET = re.compile(
    r"(?i)^_?(keys|secrets)$|password|secret|signature|token$|sas$|sasuri|customdata|userdata|protectedsettings"
)
_HIDDEN = "(secret)"
_OPERATION = (
    "id",
    "style",
    "effect",
    "args",
    "resource_id",
    "polls",
    "started",
    "due",
    "ended",
    "status",
    "output",
    "error",
)


def dump(store: Store) -> dict[str, Any]:
    """Resources with what is private to the emulator (keys ``_…``), operations, and small tables."""
    columns = ", ".join(_OPERATION)
    sql = f"SELECT {columns} FROM operations ORDER BY started, id"  # noqa: S608 - the names above
    tables: dict[str, dict[str, Any]] = {}
    for namespace, key, value in store.read("SELECT namespace, key, value FROM kv ORDER BY namespace, key"):
        tables.setdefault(namespace, {})[key] = _open(json.loads(value))
    return {
        "resources": [_open(doc) for doc in store.list()],
        "operations": [_operation(row) for row in store.read(sql)],
        "tables": tables,
    }


def _operation(row: tuple[Any, ...]) -> dict[str, Any]:
    shown = dict(zip(_OPERATION, row, strict=True))
    for name in ("args", "output", "error"):
        shown[name] = None if shown[name] is None else _open(json.loads(shown[name]))
    return shown


def _open(value: Any) -> Any:
    """A value without what only its owner may know."""
    if isinstance(value, dict):
        return {key: _HIDDEN if _SECRET.search(key) and inner else _open(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_open(inner) for inner in value]
    if isinstance(value, str) and "sig=" in value:
        place, mark, query = value.partition("?")
        return f"{place}{mark}{redact(query)}"
    return value
