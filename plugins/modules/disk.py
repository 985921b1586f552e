# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: disk
short_description: Create, change or delete a managed disk
description:
  - A managed disk that is empty, a copy of another disk or of a snapshot, or made from a VHD in a storage account.
  - To bring a local VHD to Azure use M(goldenimage.azure.vhd_upload), which writes straight into a managed disk.
options:
  resource_group:
    description: The resource group the disk lies in.
    type: str
    required: true
  name:
    description: The name of the disk, up to 80 letters, digits, V(_) and V(-).
    type: str
    required: true
  location:
    description: The region. By default that of the resource group.
    type: str
  zone:
    description: The availability zone, for example V(1). Only a new disk can have it.
    type: str
  sku:
    description: How the disk is stored.
    type: str
    choices: [Standard_LRS, StandardSSD_LRS, StandardSSD_ZRS, Premium_LRS, Premium_ZRS, PremiumV2_LRS, UltraSSD_LRS]
  disk_size_gb:
    description:
      - The size in GiB. Needed for an empty disk; a copy is as large as its source by default.
      - An existing disk can grow, never shrink.
    type: int
  os_type:
    description: The operating system on it. Leave it out for a data disk.
    type: str
    choices: [Linux, Windows]
  hyper_v_generation:
    description: V(V1) for BIOS, V(V2) for UEFI. Only a new disk can have it.
    type: str
    choices: [V1, V2]
  security_type:
    description: The security type of the machines that will use it. Only a new disk can have it.
    type: str
    choices: [TrustedLaunch]
  source:
    description:
      - "What a new disk is a copy of: the name or id of a managed disk, or the id of a snapshot."
      - On an existing disk it is compared with what the disk was made from, when stated.
    type: str
  source_uri:
    description: The address of a page blob with a VHD that a new disk is made from. Needs O(storage_account).
    type: str
  storage_account:
    description: The id of the storage account that holds O(source_uri).
    type: str
  network_access_policy:
    description: Who may read or write its data through a SAS.
    type: str
    choices: [AllowAll, AllowPrivate, DenyAll]
  public_network_access:
    description: Whether a SAS works from public networks.
    type: str
    choices: [Disabled, Enabled]
  state:
    description: Whether the disk shall exist.
    type: str
    choices: [absent, present]
    default: present
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.tags
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.disk_info
  - module: goldenimage.azure.snapshot
  - module: goldenimage.azure.vhd_upload
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: An empty data disk
  goldenimage.azure.disk:
    resource_group: images
    name: data
    disk_size_gb: 64
    sku: Premium_LRS

- name: A copy of it
  goldenimage.azure.disk:
    resource_group: images
    name: data-copy
    source: data

- name: Remove the copy
  goldenimage.azure.disk:
    resource_group: images
    name: data-copy
    state: absent
"""

RETURN = r"""
disk:
  description: The disk; in check mode what a new one would be like, without an C(id).
  returned: when it exists
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.Compute/disks/data
    name: data
    location: westeurope
    disk_size_gb: 64
    disk_state: Unattached
    creation_data:
      create_option: Empty
    provisioning_state: Succeeded
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import disks, locations
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import present
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "location": {"type": "str"},
    "zone": {"type": "str"},
    "sku": {
        "type": "str",
        "choices": [
            "Standard_LRS",
            "StandardSSD_LRS",
            "StandardSSD_ZRS",
            "Premium_LRS",
            "Premium_ZRS",
            "PremiumV2_LRS",
            "UltraSSD_LRS",
        ],
    },
    "disk_size_gb": {"type": "int"},
    "os_type": {"type": "str", "choices": ["Linux", "Windows"]},
    "hyper_v_generation": {"type": "str", "choices": ["V1", "V2"]},
    "security_type": {"type": "str", "choices": ["TrustedLaunch"]},
    "source": {"type": "str"},
    "source_uri": {"type": "str"},
    "storage_account": {"type": "str"},
    "network_access_policy": {"type": "str", "choices": ["AllowAll", "AllowPrivate", "DenyAll"]},
    "public_network_access": {"type": "str", "choices": ["Disabled", "Enabled"]},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}


def execute(task: Task) -> dict[str, Any]:
    group, name = task.params["resource_group"], task.params["name"]
    found = disks.settled(task.azure, group, name)
    if task.params["state"] == "absent":
        plan = disks.plan(found, None)
        if found is not None:
            disks.refuse_delete(found)
        if plan.changed and not task.check_mode:
            disks.delete(task, group, name)
        return task.result(plan)
    source = task.params["source"] = disks.resolve_source(task.azure, task.params)
    wanted = disks.desire(
        task.params, location=disks.location(task.azure, task.params, found), tags=task.tags((found or {}).get("tags"))
    )
    plan = disks.plan(found, wanted, source_stated=bool(source or task.params["source_uri"]))
    if found is None:
        check_new(task, wanted["location"])
    if plan.changed and not task.check_mode:
        found = (disks.create if plan.action == "create" else disks.update)(task, group, name, wanted)
    return task.result(plan, disk=present(found or {"name": name, **wanted}))


def check_new(task: Task, location: str) -> None:
    """What a new disk needs, said before anything is written."""
    params = task.params
    if not (params["disk_size_gb"] or params["source"] or params["source_uri"]):
        raise InvalidInput(
            f"The disk {params['name']} does not exist, and neither a size nor a source is given.",
            remedy="Set disk_size_gb for an empty disk, or source, or source_uri with storage_account.",
        )
    locations.check(task.azure, location)
    if params["source"]:
        disks.check_source(task.azure, params["source"])


def main() -> None:
    run_module(
        execute,
        argument_spec=ARGUMENTS,
        azure=True,
        tags=True,
        mutually_exclusive=[("source", "source_uri")],
        required_together=[("source_uri", "storage_account")],
    )


if __name__ == "__main__":
    main()
