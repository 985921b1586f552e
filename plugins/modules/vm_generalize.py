# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_generalize
short_description: Mark a virtual machine as generalized
description:
  - Tells Azure that the operating system of a machine was generalized, so that images of it can start many machines.
  - Azure only takes a note; the operating system must have been generalized before, by one of the roles
    P(goldenimage.azure.linux_generalize#role) and P(goldenimage.azure.windows_generalize#role).
  - B(The machine can never start again.) There is no way back; take a copy of its disks before if you may need it
    (M(goldenimage.azure.vm_backup)).
  - A machine that is marked already is left alone.
options:
  resource_group:
    description: The resource group the machine lies in.
    type: str
    required: true
  name:
    description: The name of the machine.
    type: str
    required: true
  power_off:
    description:
      - Stop the machine through Azure if it is running. Azure refuses to mark a running machine, also one whose operating
        system has shut down by itself but that Azure still counts as running.
      - Without it a running machine is refused.
    type: bool
    default: false
  deallocate:
    description: Deallocate the machine afterwards, so that it costs no more than its disks.
    type: bool
    default: true
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vm_backup
  - module: goldenimage.azure.vm_capture
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: Stop the machine if it still runs, and mark it
  goldenimage.azure.vm_generalize:
    resource_group: images
    name: web-template
    power_off: true
"""

RETURN = r"""
vm:
  description: The machine as M(goldenimage.azure.vm) returns it; in check mode as it is before.
  returned: always
  type: dict
  sample:
    name: web-template
    power_state: deallocated
    generalized: true
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._resources import generalizing, virtual_machines
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "power_off": {"type": "bool", "default": False},
    "deallocate": {"type": "bool", "default": True},
}


def execute(task: Task) -> dict[str, Any]:
    group, name = task.params["resource_group"], task.params["name"]
    found = virtual_machines.must_exist(task.azure, group, name)
    plan = generalizing.plan(found, power_off=task.params["power_off"], deallocate=task.params["deallocate"])
    if "generalized" in plan.changes:
        task.warn(f"The machine {name} can never start again once it is generalized.")
    if plan.changed and not task.check_mode:
        found = generalizing.apply(task, plan, group, name)
    return task.result(plan, vm=virtual_machines.show(task.azure, found))


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS, azure=True, wait=True)


if __name__ == "__main__":
    main()
