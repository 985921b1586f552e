# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource groups: Microsoft.Resources/resourceGroups, for which no SDK package is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import locations
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present, stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

API = "2021-04-01"


def _path(azure: Session, name: str = "") -> str:
    return f"/subscriptions/{azure.subscription_id}/resourcegroups/{name}".rstrip("/")


def read(azure: Session, name: str) -> Wire | None:
    return azure.resources.read(name)


def contents(azure: Session, name: str) -> list[Wire]:
    """What lies in the group: ``id``, ``name``, ``type``, ``location``, ``tags`` of each resource."""
    return azure.list_raw(f"{_path(azure, name)}/resources", API, what=f"list resource group {name}")


def plan(azure: Session, found: Wire | None, *, location: str | None, tags: Mapping[str, str] | None) -> Plan:
    """The difference for a group that shall exist.

    :raises InvalidInput: a new group without a location or in one that is unknown, or an existing one elsewhere.
    """
    if found is None:
        if location is None:
            raise InvalidInput(
                "location is missing, and the resource group does not exist yet.", remedy="Set location."
            )
        locations.check(azure, location)
    wanted = stated({"location": location and locations.plain(location), "tags": tags})
    return Plan.between(
        present(found) if found else None, wanted, immutable=("location",), case_insensitive=("location",)
    )


def apply(task: Task, name: str, found: Wire | None, wanted: Mapping[str, Any]) -> Wire | None:
    location = (found or {}).get("location") or wanted["location"]
    body = stated({"location": location, "tags": wanted["tags"]})
    return task.azure.raw("PUT", _path(task.azure, name), API, body, what=f"write resource group {name}")


def delete(task: Task, name: str) -> None:
    what = f"delete resource group {name}"
    task.azure.raw("DELETE", _path(task.azure, name), API, what=what)
