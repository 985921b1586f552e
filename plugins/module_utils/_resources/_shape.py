# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM's wire shapes and the shapes users see.

On the wire a resource is ``{"id", "name", "location", "properties": {"diskSizeGB": 32}}``; options and results are
``{"id", "name", "location", "disk_size_gb": 32}``: ARM's names in snake_case, without the level ``properties``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

Wire = dict[str, Any]

# Names in which the general rule would cut a unit or an abbreviation in two.
_WORDS = {"MBps": "Mbps", "vCPUs": "vcpus", "GBs": "Gbs", "DNS": "Dns"}
_VERBATIM = frozenset({"tags"})


def snake(name: str) -> str:
    """``diskSizeGB`` → ``disk_size_gb``, ``hyperVGeneration`` → ``hyper_v_generation``."""
    for word, replacement in _WORDS.items():
        name = name.replace(word, replacement)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def present(wire: Any) -> Any:
    """A wire value as users see it; the keys of ``tags`` are the user's own and stay."""
    if isinstance(wire, list):
        return [present(item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    shown: dict[str, Any] = {}
    for key, value in wire.items():
        if key == "properties" and isinstance(value, dict):
            shown.update(present(value))
        else:
            shown[snake(key)] = value if key in _VERBATIM else present(value)
    return shown


def stated(wire: Mapping[str, Any]) -> Wire:
    """The mapping without what was not stated: neither ``None`` nor a mapping that becomes empty by that."""
    result: Wire = {}
    for key, value in wire.items():
        kept = value if key in _VERBATIM else _stated(value)
        if kept is not None and (kept or not isinstance(kept, dict) or key in _VERBATIM):
            result[key] = kept
    return result


def _stated(value: Any) -> Any:
    if isinstance(value, dict):
        return stated(value)
    return [_stated(item) for item in value] if isinstance(value, list) else value


INFO_ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str"},
    "name": {"type": "str"},
    "tags": {"type": "dict"},
}


class Readable(Protocol):
    """What an info module needs of a resource's file."""

    def read(self, azure: Session, group: str, name: str, /) -> Wire | None: ...

    def find(self, azure: Session, group: str | None, /) -> list[Wire]: ...


def select(task: Task, resource: Readable) -> list[Wire]:
    """What an info module returns: one, those of a group, or all; those that have the stated tags."""
    group, name = task.params["resource_group"], task.params["name"]
    if name is None:
        found = resource.find(task.azure, group)
    else:
        one = resource.read(task.azure, group, name)
        found = [one] if one is not None else []
    return [present(wire) for wire in found if has_tags(wire, task.params["tags"])]


def has_tags(wire: Wire, wanted: Mapping[str, Any] | None) -> bool:
    """Whether a resource has all of these tags; an empty value asks only for the name. Names have no case."""
    have = {name.casefold(): value for name, value in (wire.get("tags") or {}).items()}
    return all(
        name.casefold() in have and value in (None, "", have[name.casefold()]) for name, value in (wanted or {}).items()
    )


def settled(azure: Session, get: Callable[..., Any], group: str, name: str) -> Wire | None:
    """The resource after whatever is being done to it has ended.

    :returns: ``None`` also where creating it has failed: then it is made anew.
    """
    found = azure.attach(get, group, name)
    failed = found is not None and found["properties"].get("provisioningState") == "Failed"
    return None if failed else found
