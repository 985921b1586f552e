# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_backup_info
short_description: List the backups of virtual machines
description:
  - Returns the sets of snapshots that M(goldenimage.azure.vm_backup) has taken, the newest first, with what is missing of those
    that are not complete.
  - C(backups | selectattr('complete') | list) tells whether a machine can be restored.
options:
  resource_group:
    description: Only backups of machines in this resource group. Without it those of the whole subscription.
    type: str
  name:
    description: Only those of this machine, which need not exist any more. Needs O(resource_group).
    type: str
  set:
    description: Only those of this name.
    type: str
  snapshot_resource_group:
    description: Where the snapshots lie. By default in O(resource_group); without both anywhere in the subscription.
    type: str
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vm_backup
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: The backups of a machine
  goldenimage.azure.vm_backup_info:
    resource_group: images
    name: web-template
  register: found

- name: Go on only if there is one that can be restored, of this machine and not of one that had its name before
  ansible.builtin.assert:
    that: found.backups | selectattr('complete') | selectattr('same_machine') | list | length > 0
"""

RETURN = r"""
backups:
  description: The sets, the newest first.
  returned: always
  type: list
  elements: dict
  contains:
    set:
      description: Its name.
      type: str
    resource_group:
      description: Where its snapshots lie.
      type: str
    vm:
      description: The machine, with what a new one like it needs (size, zone, security type, as far as it had them).
      type: dict
    same_machine:
      description:
        - Whether the machine that has this name now is the one that was backed up; V(null) if there is none. Only with O(name).
      type: bool
    complete:
      description: Whether every member is there and disks can be made of it. Only then it is restored.
      type: bool
    missing:
      description: The members that are not there, C(os) or a LUN.
      type: list
      elements: str
    unready:
      description: The members whose snapshot is not complete yet, or has failed.
      type: list
      elements: str
    problems:
      description: What is wrong with the tags of its snapshots.
      type: list
      elements: str
    consistency:
      description: V(exact) of a machine that was deallocated the whole time, otherwise V(crash).
      type: str
    consistency_note:
      description: The same in words.
      type: str
    taken_at:
      description: When its first snapshot was taken, by Azure's clock.
      type: str
    finished_at:
      description: When its last snapshot was taken.
      type: str
    members:
      description: Its snapshots, the one of the OS disk first, each with LUN, caching, the disk it is of and the snapshot itself.
      type: list
      elements: dict
  sample:
    - set: before-sysprep
      resource_group: images
      vm: {resource_group: images, name: web-template, size: Standard_B2s}
      same_machine: true
      complete: true
      missing: []
      consistency: exact
      taken_at: '2026-11-26T01:02:03.123456+00:00'
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import (
    backup_sets,
    snapshots,
    virtual_machines,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str"},
    "name": {"type": "str"},
    "set": {"type": "str"},
    "snapshot_resource_group": {"type": "str"},
}


def execute(task: Task) -> dict[str, Any]:
    params, azure = task.params, task.azure
    group, name = params["resource_group"], params["name"]
    found = snapshots.find(azure, params["snapshot_resource_group"] or group)
    sets = backup_sets.collect(found, vm=f"{group}/{name}" if name else None, name=params["set"])
    if group:
        sets = [one for one in sets if one.vm.casefold().startswith(f"{group}/".casefold())]
    shown = [backup_sets.show(one) for one in sets]
    if name:
        vm = virtual_machines.read(azure, group, name)
        for one in shown:
            one["same_machine"] = backup_sets.same_machine(one["vm"]["vm_id"], vm)
    return task.result(Plan.nothing(), backups=shown)


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS, azure=True, required_by={"name": "resource_group"})


if __name__ == "__main__":
    main()
