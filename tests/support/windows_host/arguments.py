# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a module's arguments against the documentation that the module comes with, as the module itself would."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

INTERNAL = {
    "win_copy": {"_copy_mode", "_original_basename", "files", "directories", "symlinks"},
    "win_updates": {"_operation", "_operation_options"},
    "win_command": {"_raw_params"},
    "win_shell": {"_raw_params"},
    "async_status": {"_async_dir"},
}
"""What a module's own action plugin adds."""
UNDOCUMENTED = {"setup", "slurp", "async_status"}
"""Documented in ansible-core, not beside the module."""


def modules_folder() -> Path:
    """Where ansible.windows is installed.

    :raises FileNotFoundError: it is not.
    """
    for entry in sys.path:
        folder = Path(entry) / "ansible_collections/ansible/windows/plugins/modules"
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the collection ansible.windows is not installed; tools/setup.sh test installs it")


@functools.cache
def specification(name: str) -> dict[str, Any]:
    """The argument specification of a module, from its documentation."""
    tree = ast.parse((modules_folder() / f"{name}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            documentation = yaml.safe_load(ast.literal_eval(node.value))
            return {option: _option(value) for option, value in (documentation.get("options") or {}).items()}
    raise LookupError(f"{name} has no documentation")


def _option(value: dict[str, Any]) -> dict[str, Any]:
    spec = {key: value[key] for key in ("required", "choices", "aliases", "elements", "default") if key in value}
    # A path of Windows is no path here.
    spec["type"] = "str" if value.get("type") == "path" else value.get("type", "str")
    if spec.get("elements") == "path":
        spec["elements"] = "str"
    if spec.get("default") is None or spec.get("required"):
        spec.pop("default", None)
    if value.get("suboptions"):
        spec["options"] = {name: _option(one) for name, one in value["suboptions"].items()}
    return spec


def checked(name: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Convert arguments as the module does.

    :returns: the arguments with their defaults, and what is wrong with them (empty: nothing).
    """
    if name in UNDOCUMENTED:
        return arguments, ""
    internal = {key: value for key, value in arguments.items() if key in INTERNAL.get(name, ())}
    own = {key: value for key, value in arguments.items() if key not in internal}
    result = ArgumentSpecValidator(specification(name)).validate(own)
    return {**result.validated_parameters, **internal}, "; ".join(result.error_messages)
