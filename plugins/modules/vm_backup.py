# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_backup
short_description: Back up and restore all disks of a virtual machine
description:
  - Takes a snapshot of every disk of a machine as one B(set), restores such a set, deletes it, and keeps only some of the sets.
  - The snapshots carry in their tags what they belong to, their LUN and caching, and which members the set has. There is no other
    record, so a set can be restored when the machine is gone, and one that lacks a member is seen as incomplete.
  - B(Consistency.) While the machine is deallocated, all snapshots are of one state, and the set is C(exact). Otherwise each is
    what a power failure would have left on that disk, and they are taken one after the other (C(crash)). No application and no
    file system in the machine is told. Azure's restore points, which take all disks at one moment and can use VSS, are another
    mechanism, and this module does not use them.
  - A set that was begun and broke off is gone on with by the same task, as long as the rest would be of the same state. When it
    would not, within 15 minutes for a machine that is not deallocated, the task fails and says so.
  - Nothing is ever restored of an incomplete set.
options:
  resource_group:
    description: The resource group of the machine.
    type: str
    required: true
  name:
    description: The name of the machine. For all but taking a set it need not exist any more.
    type: str
    required: true
  set:
    description:
      - The name of the set, up to 40 letters, digits, V(_) and V(-). A complete set of this name is left as it is.
      - Needed for all but O(state=pruned).
    type: str
  snapshot_resource_group:
    description: The resource group of the snapshots, in the same subscription. By default that of the machine.
    type: str
  incremental:
    description:
      - Store only what has changed since the disk's snapshot before. By default wherever it can be, which is everywhere but with
        O(sku=Premium_LRS). Of PremiumV2_LRS and UltraSSD_LRS disks there are no others.
    type: bool
  sku:
    description: How new snapshots are stored. V(Premium_LRS) is for full snapshots only. By default what Azure chooses.
    type: str
    choices: [Standard_LRS, Standard_ZRS, Premium_LRS]
  state:
    description:
      - V(present) takes the set, or goes on with one that broke off.
      - V(restored) restores it, see O(restore_to).
      - V(absent) deletes its snapshots, complete or not.
      - V(pruned) deletes sets of the machine, see O(keep) and O(older_than_days).
    type: str
    choices: [absent, present, pruned, restored]
    default: present
  keep:
    description:
      - With O(state=pruned), how many of the newest complete sets stay.
      - Together with O(older_than_days) only what is beyond both goes. The newest complete set always stays.
    type: int
  older_than_days:
    description: With O(state=pruned), only sets that are older go.
    type: float
  prune_incomplete:
    description:
      - With O(state=pruned), incomplete sets go, too, when a newer complete one exists. Otherwise they stay, and a warning names them.
      - Without O(keep) and O(older_than_days) only they go.
    type: bool
    default: false
  restore_to:
    description:
      - V(disks) makes disks of the set, named O(disk_prefix) with C(-os) and C(-data-LUN).
      - V(new_vm) makes these disks and a new machine of them, with their LUNs and caching. It is the same machine to its operating
        system and to everyone who knows it, so the two should not run in one network.
      - V(same_vm) makes these disks and gives them to the machine, all in one update. The disks it had are detached and stay;
        RV(replaced_disks) names them. Disks at LUNs that the set does not know stay attached.
      - A machine that has the disks of this set already is left alone, also when it has run since, and so are disks; see O(force).
    type: str
    choices: [disks, new_vm, same_vm]
    default: disks
  force:
    description: Restore once more, to new disks, although there are disks of this set already.
    type: bool
    default: false
  power_off:
    description:
      - For O(restore_to=same_vm), deallocate a machine that is not, and start it again if it was running. Without it such a machine
        is refused.
    type: bool
    default: false
  disk_prefix:
    description: How the names of restored disks begin. By default the machine's name, V(-), and the set's.
    type: str
  target_resource_group:
    description: Where restored disks and the new machine go. By default the machine's resource group.
    type: str
  new_name:
    description: The name of the new machine.
    type: str
  size:
    description: The size of the new machine. By default that of the one that was backed up.
    type: str
  network_interfaces:
    description: The network interfaces of the new machine, as in M(goldenimage.azure.vm).
    type: list
    elements: str
  subnet:
    description: The subnet for the new machine, as in M(goldenimage.azure.vm). Without both a small network is made for it.
    type: str
  address_prefix:
    description: The addresses of the network that is made for the new machine.
    type: str
    default: 10.0.0.0/24
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.tags
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
notes:
  - Tags are those of the snapshots, and of restored disks and machines. The tags that begin with C(goldenimage_) stay the set's own.
  - Giving a machine another OS disk and other data disks in one update was run against the local Azure only.
seealso:
  - module: goldenimage.azure.vm_backup_info
  - module: goldenimage.azure.snapshot
  - module: goldenimage.azure.vm
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: Deallocate the machine, so that the backup is exact
  goldenimage.azure.vm:
    resource_group: images
    name: web-template
    state: deallocated

- name: Back up all its disks
  goldenimage.azure.vm_backup:
    resource_group: images
    name: web-template
    set: before-sysprep

- name: Give the machine these disks again
  goldenimage.azure.vm_backup:
    resource_group: images
    name: web-template
    set: before-sysprep
    state: restored
    restore_to: same_vm
    power_off: true

- name: Or make another machine of them
  goldenimage.azure.vm_backup:
    resource_group: images
    name: web-template
    set: before-sysprep
    state: restored
    restore_to: new_vm
    new_name: web-again
    subnet: net/default

- name: Keep the newest three sets, and whatever is younger than a month
  goldenimage.azure.vm_backup:
    resource_group: images
    name: web-template
    state: pruned
    keep: 3
    older_than_days: 30

- name: Delete one
  goldenimage.azure.vm_backup:
    resource_group: images
    name: web-template
    set: before-sysprep
    state: absent
"""

RETURN = r"""
backup:
  description: The set, as M(goldenimage.azure.vm_backup_info) returns it; in check mode what a new one would be.
  returned: for O(state=present) and O(state=restored)
  type: dict
  sample:
    set: before-sysprep
    complete: true
    missing: []
    consistency: exact
disks:
  description: The restored disks.
  returned: for O(state=restored)
  type: list
  elements: dict
  sample:
    - member: os
      lun: null
      caching: ReadWrite
      disk:
        name: web-template-before-sysprep-os
    - member: '0'
      lun: 0
      caching: ReadOnly
      disk:
        name: web-template-before-sysprep-data-0
vm:
  description: The machine, as M(goldenimage.azure.vm) returns it.
  returned: for O(restore_to=new_vm) and O(restore_to=same_vm)
  type: dict
  sample:
    name: web-template
replaced_disks:
  description: The ids of the disks that the machine had before. They cost until they are deleted.
  returned: for O(restore_to=new_vm) and O(restore_to=same_vm)
  type: list
  elements: str
  sample: []
kept_luns:
  description: The LUNs of the machine's disks that the set does not know.
  returned: for O(restore_to=new_vm) and O(restore_to=same_vm)
  type: list
  elements: int
  sample: []
removed:
  description: The names of the sets that were deleted; in check mode that would be.
  returned: for O(state=absent) and O(state=pruned)
  type: list
  elements: str
  sample: [nightly-1]
kept:
  description: The sets that stay, the newest first.
  returned: for O(state=pruned)
  type: list
  elements: dict
  sample:
    - set: nightly-2
      complete: true
incomplete:
  description: The names of those that stay and are not complete.
  returned: for O(state=pruned)
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._resources import backups, restoring
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "set": {"type": "str"},
    "snapshot_resource_group": {"type": "str"},
    "incremental": {"type": "bool"},
    "sku": {"type": "str", "choices": ["Standard_LRS", "Standard_ZRS", "Premium_LRS"]},
    "state": {"type": "str", "choices": ["absent", "present", "pruned", "restored"], "default": "present"},
    "keep": {"type": "int"},
    "older_than_days": {"type": "float"},
    "prune_incomplete": {"type": "bool", "default": False},
    "restore_to": {"type": "str", "choices": ["disks", "new_vm", "same_vm"], "default": "disks"},
    "force": {"type": "bool", "default": False},
    "power_off": {"type": "bool", "default": False},
    "disk_prefix": {"type": "str"},
    "target_resource_group": {"type": "str"},
    "new_name": {"type": "str"},
    "size": {"type": "str"},
    "network_interfaces": {"type": "list", "elements": "str"},
    "subnet": {"type": "str"},
    "address_prefix": {"type": "str", "default": "10.0.0.0/24"},
}


def execute(task: Task) -> dict[str, Any]:
    actions = {
        "present": backups.take,
        "restored": restoring.restore,
        "absent": backups.delete,
        "pruned": backups.prune,
    }
    return actions[task.params["state"]](task)


def main() -> None:
    run_module(
        execute,
        argument_spec=ARGUMENTS,
        azure=True,
        tags=True,
        wait=True,
        required_if=[
            ("state", "present", ["set"]),
            ("state", "absent", ["set"]),
            ("state", "restored", ["set"]),
            ("restore_to", "new_vm", ["new_name"]),
        ],
        mutually_exclusive=[("network_interfaces", "subnet")],
    )


if __name__ == "__main__":
    main()
