# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Take, change or delete a snapshot of a managed disk
description:
  - A snapshot holds what a disk held at one moment. To take all disks of a machine as one set use
    M(goldenimage.azure.vm_backup).
  - Of a disk that a running machine has, it is what a power failure would have left (crash-consistent).
  - With a O(location) other than that of a source that is an incremental snapshot, Azure copies that snapshot to the other region;
    the module waits until all bytes are there.
options:
  resource_group:
    description: The resource group the snapshot lies in.
    type: str
    required: true
  name:
    description: The name of the snapshot, up to 80 letters, digits, V(_), V(.) and V(-).
    type: str
    required: true
  source:
    description:
      - "What a new snapshot is of: the name or id of a managed disk, or the id of a snapshot. Needed for a new one."
      - On an existing snapshot it is compared with what the snapshot was taken of, when stated.
    type: str
  location:
    description: The region. By default that of the source.
    type: str
  incremental:
    description:
      - Store only what has changed since the snapshot before it. Only a new snapshot can have it.
      - By default wherever it can be, which is everywhere but with O(sku=Premium_LRS). Of PremiumV2_LRS and UltraSSD_LRS disks
        there are no others.
    type: bool
  sku:
    description: How the snapshot is stored. V(Premium_LRS) is for full snapshots only. By default what Azure chooses.
    type: str
    choices: [Standard_LRS, Standard_ZRS, Premium_LRS]
  network_access_policy:
    description: Who may read its data through a SAS.
    type: str
    choices: [AllowAll, AllowPrivate, DenyAll]
  public_network_access:
    description: Whether a SAS works from public networks.
    type: str
    choices: [Disabled, Enabled]
  state:
    description: Whether the snapshot shall exist.
    type: str
    choices: [absent, present]
    default: present
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.tags
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.snapshot_info
  - module: goldenimage.azure.vm_backup
  - module: goldenimage.azure.disk
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: A snapshot of a disk
  goldenimage.azure.snapshot:
    resource_group: images
    name: data-before
    source: data
  register: before

- name: A disk made of it
  goldenimage.azure.disk:
    resource_group: images
    name: data-again
    source: "{{ before.snapshot.id }}"

- name: A copy of it in another region
  goldenimage.azure.snapshot:
    resource_group: images
    name: data-before-eastus
    source: "{{ before.snapshot.id }}"
    location: eastus

- name: Remove it
  goldenimage.azure.snapshot:
    resource_group: images
    name: data-before
    state: absent
"""

RETURN = r"""
snapshot:
  description: The snapshot; in check mode what a new one would be like, without an C(id).
  returned: when it exists
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.Compute/snapshots/data-before
    name: data-before
    location: westeurope
    disk_size_gb: 64
    incremental: true
    creation_data:
      create_option: Copy
      source_resource_id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.Compute/disks/data
    time_created: '2026-11-26T01:02:03.1234567+00:00'
    provisioning_state: Succeeded
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import disks, locations, snapshots
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "source": {"type": "str"},
    "location": {"type": "str"},
    "incremental": {"type": "bool"},
    "sku": {"type": "str", "choices": ["Standard_LRS", "Standard_ZRS", "Premium_LRS"]},
    "network_access_policy": {"type": "str", "choices": ["AllowAll", "AllowPrivate", "DenyAll"]},
    "public_network_access": {"type": "str", "choices": ["Disabled", "Enabled"]},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}


def execute(task: Task) -> dict[str, Any]:
    group, name = task.params["resource_group"], task.params["name"]
    found = snapshots.settled(task.azure, group, name)
    if task.params["state"] == "absent":
        return remove(task, found)
    source = disks.resolve_source(task.azure, task.params)
    tags = task.tags((found or {}).get("tags"))
    if found is None:
        wanted = new(task, source, tags)
    else:
        location = locations.plain(task.params["location"] or found["location"])
        wanted = snapshots.desire(
            task.params, {"sourceResourceId": source} if source else None, location=location, tags=tags
        )
    plan = snapshots.plan(found, wanted)
    if not task.check_mode:
        if plan.changed:
            found = (snapshots.create if plan.action == "create" else snapshots.update)(task, group, name, wanted)
        found = snapshots.complete(task, group, name, found or {"properties": {}})
    return task.result(plan, snapshot=present(found or {"name": name, **wanted}))


def new(task: Task, source: str | None, tags: dict[str, str] | None) -> Wire:
    """A new snapshot as ARM wants it, with everything checked that can be known before it is taken."""
    params, azure = task.params, task.azure
    if source is None:
        raise InvalidInput(
            f"The snapshot {params['name']} does not exist, and no source is given.",
            remedy="Set source: the disk that it shall be of.",
        )
    azure.resources.location(params["resource_group"])  # the group must exist
    of = disks.check_source(azure, source)
    location = locations.plain(params["location"] or of["location"])
    elsewhere = location != locations.plain(of["location"])
    if elsewhere:
        locations.check(azure, location)
        if not of["properties"].get("incremental") or params["incremental"] is False or params["sku"] == "Premium_LRS":
            raise InvalidInput(
                f"The source {of['name']} lies in {of['location']}, the snapshot shall lie in {location}; Azure copies only"
                " incremental snapshots to another region, and only to incremental ones.",
                remedy="Take an incremental snapshot there first, and give its id as source.",
            )
    is_snapshot = "/snapshots/" in source.lower()
    source_sku = "Standard_LRS" if is_snapshot else str((of.get("sku") or {}).get("name"))
    incremental = snapshots.incremental(params["incremental"], sku=params["sku"], source_sku=source_sku)
    return snapshots.desire(
        {**params, "incremental": incremental},
        snapshots.creation(source, elsewhere=elsewhere),
        location=location,
        tags=tags,
    )


def remove(task: Task, found: Wire | None) -> dict[str, Any]:
    plan = snapshots.plan(found, None) if found is not None else Plan.nothing()
    if found is not None:
        snapshots.refuse_delete(found)
    if plan.changed and not task.check_mode:
        snapshots.delete(task, task.params["resource_group"], task.params["name"])
    return task.result(plan)


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS, azure=True, tags=True, wait=True)


if __name__ == "__main__":
    main()
