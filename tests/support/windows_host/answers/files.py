# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_file, win_stat, win_copy, slurp, win_find, win_tempfile."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import ntpath
import re
from typing import Any

from ..state import TEMP, file_path
from . import Asked, ModuleFailedError, Result, module


def content(entry: dict[str, Any]) -> bytes:
    return base64.b64decode(entry.get("content", ""))


@module("win_file")
def win_file(asked: Asked) -> Result:
    path, state, model = file_path(asked["path"]), asked["state"], asked.model
    entry = model.file(path)
    if state == "absent":
        return {"changed": model.remove_file(path)}
    if state == "directory":
        if entry and entry["kind"] != "directory":
            raise ModuleFailedError(f"path {path} is not a directory")
        if entry is None:
            model.write_file(path, kind="directory")
        return {"changed": entry is None}
    if state == "touch":
        if entry is None:
            model.write_file(path)
        return {"changed": True}
    if entry is None or entry["kind"] != (state or entry["kind"]):
        raise ModuleFailedError(f"path {path} will not be created")
    return {"changed": False}


@module("win_stat")
def win_stat(asked: Asked) -> Result:
    path = file_path(asked["path"])
    entry = asked.model.file(path)
    if entry is None:
        return {"changed": False, "stat": {"exists": False}}
    folder = entry["kind"] == "directory"
    stat = {"exists": True, "isdir": folder, "isreg": not folder, "path": path, "filename": ntpath.basename(path)}
    stat |= {"attributes": "Directory" if folder else "Archive", "islnk": False, "hlnk_targets": []}
    if not folder:
        stat |= {"size": len(content(entry)), "extension": ntpath.splitext(path)[1]}
        if asked["get_checksum"] is not False:
            stat["checksum"] = hashlib.new(asked["checksum_algorithm"] or "sha1", content(entry)).hexdigest()
    return {"changed": False, "stat": stat}


@module("slurp")
def slurp(asked: Asked) -> Result:
    path = asked["src"] or asked["path"]
    entry = asked.model.file(path)
    if entry is None or entry["kind"] == "directory":
        raise ModuleFailedError(f"Path {path} is not found" if entry is None else f"Path {path} is a directory")
    return {"changed": False, "content": entry.get("content", ""), "encoding": "base64", "source": file_path(path)}


@module("win_find")
def win_find(asked: Asked) -> Result:
    found, wanted = [], [one.lower() for one in asked["patterns"] or ["*"]]
    for root in asked["paths"]:
        start = file_path(root).lower() + "\\"
        for name, entry in sorted(asked.model["files"].items()):
            rest = name.lower().removeprefix(start)
            deeper = "\\" in rest and not asked["recurse"]
            if rest == name.lower() or deeper or entry["kind"] != (asked["file_type"] or "file"):
                continue
            leaf = ntpath.basename(name)
            matches = re.search if asked["use_regex"] else fnmatch.fnmatch
            if any(matches(*((one, leaf.lower()) if asked["use_regex"] else (leaf.lower(), one))) for one in wanted):
                found.append(
                    {"path": name, "filename": leaf, "isdir": entry["kind"] == "directory", "size": len(content(entry))}
                )
    return {"changed": False, "examined": len(asked.model["files"]), "matched": len(found), "files": found}


@module("win_tempfile")
def win_tempfile(asked: Asked) -> Result:
    folder = file_path(asked["path"] or TEMP)
    number = asked.model["counters"]["temporary"] = asked.model["counters"].get("temporary", 0) + 1
    path = f"{folder}\\{asked['prefix'] or 'ansible.'}{number:08d}{asked['suffix'] or ''}"
    asked.model.write_file(path, kind=asked["state"] or "file")
    return {"changed": True, "state": asked["state"], "path": path}


def _query(asked: Asked) -> Result:
    folder = file_path(asked["dest"])
    wanted = []
    for one in asked["files"] or []:
        entry = asked.model.file(f"{folder}\\{one['dest']}")
        same = entry is not None and hashlib.sha1(content(entry)).hexdigest() == one.get("checksum")
        if not same and not (entry and not asked["force"]):
            wanted.append(one)
    if asked.model.file(folder) is None and not asked["dest"].endswith("\\"):
        raise ModuleFailedError(f"Cannot copy to {folder}: the folder does not exist")
    return {"changed": bool(wanted), "files": wanted, "directories": [], "symlinks": []}


@module("win_copy")
def win_copy(asked: Asked) -> Result:
    mode = asked["_copy_mode"]
    if mode == "query":
        return _query(asked)
    if mode not in ("single", "remote"):
        raise ModuleFailedError(f"the simulated machine does not know _copy_mode {mode}")
    source = asked.model.file(asked["src"])
    if source is None or source["kind"] != "file":
        raise ModuleFailedError(f"Cannot copy src file: {asked['src']} as it does not exist")
    dest = file_path(asked["dest"])
    found = asked.model.file(dest)
    if asked["dest"].endswith("\\") or (found and found["kind"] == "directory"):
        dest += "\\" + (asked["_original_basename"] or ntpath.basename(file_path(asked["src"])))
    before = asked.model.file(dest)
    same = before is not None and before.get("content") == source.get("content")
    asked.model.write_file(dest, source.get("content", ""))
    checksum = hashlib.sha1(content(source)).hexdigest()
    return {
        "changed": not same,
        "dest": dest,
        "src": asked["src"],
        "checksum": checksum,
        "size": len(content(source)),
        "operation": "file_copy",
    }
