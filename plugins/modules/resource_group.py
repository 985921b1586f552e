# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_group
short_description: Create, tag or delete a resource group
description:
  - Resource groups hold everything else. This module makes one for images and machines, and removes it again.
options:
  name:
    description: The name of the resource group.
    type: str
  resource_group:
    description: Used where O(name) is not given, so that defaults for the action group C(goldenimage.azure.azure) fit.
    type: str
  location:
    description:
      - The region in which Azure keeps the group itself; what lies in it takes its own location from here by default.
      - Needed for a new group. An existing group cannot move.
    type: str
  state:
    description: Whether the group shall exist.
    type: str
    choices: [absent, present]
    default: present
  force_delete_nonempty:
    description:
      - Delete the group although something lies in it, together with all of that.
      - Otherwise such a group is refused, and the message names what lies in it.
    type: bool
    default: false
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.tags
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: A group for images
  goldenimage.azure.resource_group:
    name: images
    location: westeurope
    tags:
      owner: platform

- name: Remove it with all that lies in it
  goldenimage.azure.resource_group:
    name: images
    state: absent
    force_delete_nonempty: true
"""

RETURN = r"""
resource_group:
  description: The resource group; absent groups give nothing, and in check mode a new one has no C(id).
  returned: when it exists
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images
    name: images
    location: westeurope
    provisioning_state: Succeeded
    tags:
      owner: platform
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import resource_groups
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import present
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str"},
    "resource_group": {"type": "str"},
    "location": {"type": "str"},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "force_delete_nonempty": {"type": "bool", "default": False},
}


def execute(task: Task) -> dict[str, Any]:
    name = task.params["name"] or task.params["resource_group"]
    found = resource_groups.read(task.azure, name)
    if task.params["state"] == "absent":
        return remove(task, name, found)
    tags = task.tags((found or {}).get("tags"))
    plan = resource_groups.plan(task.azure, found, location=task.params["location"], tags=tags)
    if plan.changed and not task.check_mode:
        found = resource_groups.apply(task, name, found, {"location": task.params["location"], "tags": tags})
    return task.result(plan, resource_group=present(found or {"name": name, **plan.after}))


def remove(task: Task, name: str, found: Wire | None) -> dict[str, Any]:
    plan = Plan.between(present(found) if found else None, None)
    if not plan.changed:
        return task.result(plan)
    inside = resource_groups.contents(task.azure, name)
    if inside and not task.params["force_delete_nonempty"]:
        names = ", ".join(f"{one['type']} {one['name']}" for one in inside[:10])
        raise InvalidInput(
            f"The resource group {name} is not empty: {names}{' …' if len(inside) > 10 else ''}.",
            remedy="Remove these first, or set force_delete_nonempty to delete them all.",
        )
    if not task.check_mode:
        resource_groups.delete(task, name)
    return task.result(plan)


def main() -> None:
    run_module(
        execute, argument_spec=ARGUMENTS, azure=True, tags=True, wait=True, required_one_of=[("name", "resource_group")]
    )


if __name__ == "__main__":
    main()
