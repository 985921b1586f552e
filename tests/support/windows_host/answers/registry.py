# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_regedit, win_reg_stat."""

from __future__ import annotations

import re
from typing import Any

from . import Asked, ModuleFailedError, Result, module

KINDS = {
    "dword": "REG_DWORD",
    "qword": "REG_QWORD",
    "string": "REG_SZ",
    "expandstring": "REG_EXPAND_SZ",
    "multistring": "REG_MULTI_SZ",
    "binary": "REG_BINARY",
    "none": "REG_NONE",
}
PATH = re.compile(r"^HK(CC|CR|CU|LM|U):\\", re.IGNORECASE)


def _checked(path: str) -> str:
    if not PATH.match(path):
        raise ModuleFailedError(f"path: {path} is not a valid powershell path, see module documentation for examples.")
    return path


def _number(data: Any, bits: int) -> int:
    number = int(data, 0) if isinstance(data, str) else int(data)
    if not -(1 << (bits - 1)) <= number < 1 << bits:
        raise ModuleFailedError(f"Failed to convert data to a {bits} bit number: {data}")
    return number % (1 << bits)


def _data(kind: str, data: Any) -> Any:
    if kind == "dword":
        return _number(data, 32)
    if kind == "qword":
        return _number(data, 64)
    if kind == "multistring":
        return [str(one) for one in (data if isinstance(data, list) else [data])]
    if kind in ("binary", "none"):
        return list(data or [])
    return "" if data is None else str(data)


@module("win_regedit")
def win_regedit(asked: Asked) -> Result:
    path, name, model = _checked(asked["path"]), asked["name"] or "", asked.model
    result = {"changed": False, "data_changed": False, "data_type_changed": False}
    if asked["state"] == "absent":
        removed = model.remove_value(path, name) if name or not asked["delete_key"] else model.remove_key(path)
        return {**result, "changed": removed}
    kind, data = KINDS[asked["type"]], _data(asked["type"], asked["data"])
    before = model.value(path, name)
    if before == [kind, data]:
        return result
    model.set_value(path, name, kind, data)
    result["changed"] = True
    if before is not None:
        result["data_type_changed"] = before[0] != kind
        result["data_changed"] = before[1] != data
    return result


def _shown(value: list[Any]) -> dict[str, Any]:
    kind, data = value
    if kind in ("REG_BINARY", "REG_NONE"):
        return {"type": kind, "value": data, "raw_value": [f"0x{byte:02x}" for byte in data]}
    expanded = data.replace("%SystemRoot%", r"C:\Windows") if kind == "REG_EXPAND_SZ" else data
    return {"type": kind, "value": expanded, "raw_value": data}


@module("win_reg_stat")
def win_reg_stat(asked: Asked) -> Result:
    path, name, model = _checked(asked["path"]), asked["name"], asked.model
    values = model.values(path)
    if values is None:
        return {"changed": False, "exists": False}
    if name is not None:
        value = model.value(path, name)
        return {"changed": False, "exists": value is not None, **(_shown(value) if value else {})}
    return {
        "changed": False,
        "exists": True,
        "properties": {own: _shown(value) for own, value in values.items()},
        "sub_keys": model.sub_keys(path),
    }
