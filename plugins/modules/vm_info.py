# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_info
short_description: Read virtual machines
description:
  - Returns one machine, those of a resource group, or all of the subscription.
  - One machine comes with its power state, whether it is generalized, and its addresses. Azure leaves these out of lists; ask
    for them with O(details), which reads every machine by itself.
options:
  details:
    description: Read power state, generalized state and addresses of each machine of a list.
    type: bool
    default: false
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.info
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vm
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: One machine, with its power state and addresses
  goldenimage.azure.vm_info:
    resource_group: images
    name: web-1
  register: web

- name: Which of them run?
  goldenimage.azure.vm_info:
    resource_group: images
    details: true
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ found.vms | selectattr('power_state', 'equalto', 'running') | map(attribute='name') }}"
"""

RETURN = r"""
vms:
  description: The machines, each as M(goldenimage.azure.vm) returns it, in the order Azure gives them.
  returned: always
  type: list
  elements: dict
  sample:
    - name: web-1
      location: westeurope
      power_state: running
      generalized: false
      private_ip_addresses: [10.0.0.4]
      provisioning_state: Succeeded
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import virtual_machines
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import INFO_ARGUMENTS, has_tags
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {**INFO_ARGUMENTS, "details": {"type": "bool", "default": False}}


def execute(task: Task) -> dict[str, Any]:
    params, azure = task.params, task.azure
    if params["name"]:
        one = virtual_machines.read(azure, params["resource_group"], params["name"])
        found = [one] if one else []
    else:
        found = virtual_machines.find(azure, params["resource_group"])
    found = [vm for vm in found if has_tags(vm, params["tags"])]
    if params["details"] and not params["name"]:
        parts = [ids.parse(vm["id"]) for vm in found]
        again = (virtual_machines.read(azure, one.resource_group, one.name) for one in parts)
        found = [vm for vm in again if vm]
    return task.result(Plan.nothing(), vms=[virtual_machines.show(azure, vm) for vm in found])


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS, azure=True, required_by={"name": "resource_group"})


if __name__ == "__main__":
    main()
