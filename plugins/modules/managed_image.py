# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: managed_image
short_description: Create, tag or delete a managed image
description:
  - Makes a managed image from a generalized virtual machine, or from managed disks, snapshots or VHD blobs.
  - A managed image cannot be changed after it was made, only its tags can.
  - To generalize and capture a machine in one task use M(goldenimage.azure.vm_capture).
options:
  resource_group:
    description: The resource group the image lies in.
    type: str
    required: true
  name:
    description: The name of the image.
    type: str
    required: true
  location:
    description: The region, which must be that of its sources. By default that of the resource group.
    type: str
  source_virtual_machine:
    description:
      - The name or id of a generalized virtual machine. All of its disks become part of the image.
      - The machine itself stays, but it can never start again.
    type: str
  os_disk:
    description: The disk with the operating system.
    type: dict
    suboptions:
      source:
        description: The name or id of a managed disk, the id of a snapshot, or the address of a page blob.
        type: str
        required: true
      os_type:
        description: The operating system. By default the one the source is marked with.
        type: str
        choices: [Linux, Windows]
      os_state:
        description: V(Generalized) can be started many times; V(Specialized) has one identity.
        type: str
        choices: [Generalized, Specialized]
        default: Generalized
      caching:
        description: The cache of the machines' OS disk.
        type: str
        choices: [None, ReadOnly, ReadWrite]
        default: ReadWrite
      storage_account_type:
        description: How the image is stored.
        type: str
        choices: [Standard_LRS, StandardSSD_LRS, Premium_LRS, Standard_ZRS]
      disk_size_gb:
        description: The size of the machines' OS disk in GiB, at least that of the source.
        type: int
  data_disks:
    description: The data disks.
    type: list
    elements: dict
    suboptions:
      lun:
        description: The logical unit number, by which machines find the disk.
        type: int
        required: true
      source:
        description: The name or id of a managed disk, the id of a snapshot, or the address of a page blob.
        type: str
        required: true
      caching:
        description: The cache of the machines' disk.
        type: str
        choices: [None, ReadOnly, ReadWrite]
        default: None
      storage_account_type:
        description: How the image is stored.
        type: str
        choices: [Standard_LRS, StandardSSD_LRS, Premium_LRS, Standard_ZRS]
      disk_size_gb:
        description: The size of the machines' disk in GiB, at least that of the source.
        type: int
  hyper_v_generation:
    description: V(V1) for BIOS, V(V2) for UEFI. By default that of the source; else V(V1).
    type: str
    choices: [V1, V2]
  zone_resilient:
    description: Store the image in all zones of the region. By default only in one.
    type: bool
  state:
    description: Whether the image shall exist.
    type: str
    choices: [absent, present]
    default: present
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.tags
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.managed_image_info
  - module: goldenimage.azure.vm_capture
  - module: goldenimage.azure.vhd_upload
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: An image of an uploaded disk
  goldenimage.azure.managed_image:
    resource_group: images
    name: debian-12
    os_disk:
      source: debian-12-upload
      os_type: Linux

- name: An image of a snapshot of the OS disk and of a data disk
  goldenimage.azure.managed_image:
    resource_group: images
    name: database
    os_disk:
      source: "{{ os_snapshot.id }}"
      os_type: Linux
    data_disks:
      - lun: 0
        source: data

- name: An image of a generalized machine
  goldenimage.azure.managed_image:
    resource_group: images
    name: web
    source_virtual_machine: web-template

- name: Remove it
  goldenimage.azure.managed_image:
    resource_group: images
    name: web
    state: absent
"""

RETURN = r"""
image:
  description: The image; in check mode what a new one would be like, without an C(id).
  returned: when it exists
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Compute/images/debian-12
    name: debian-12
    location: westeurope
    hyper_v_generation: V2
    storage_profile:
      os_disk:
        os_type: Linux
        os_state: Generalized
        disk_size_gb: 3
      data_disks: []
    provisioning_state: Succeeded
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import (
    disks,
    locations,
    managed_images,
    virtual_machines,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

DISK: dict[str, Any] = {
    "source": {"type": "str", "required": True},
    "storage_account_type": {
        "type": "str",
        "choices": ["Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "Standard_ZRS"],
    },
    "disk_size_gb": {"type": "int"},
}
CACHING: dict[str, Any] = {"type": "str", "choices": ["None", "ReadOnly", "ReadWrite"]}
OS_DISK: dict[str, Any] = {
    **DISK,
    "caching": {**CACHING, "default": "ReadWrite"},
    "os_type": {"type": "str", "choices": ["Linux", "Windows"]},
    "os_state": {"type": "str", "choices": ["Generalized", "Specialized"], "default": "Generalized"},
}
DATA_DISK: dict[str, Any] = {
    **DISK,
    "caching": {**CACHING, "default": "None"},
    "lun": {"type": "int", "required": True},
}
ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "location": {"type": "str"},
    "source_virtual_machine": {"type": "str"},
    "os_disk": {"type": "dict", "options": OS_DISK},
    "data_disks": {"type": "list", "elements": "dict", "options": DATA_DISK},
    "hyper_v_generation": {"type": "str", "choices": ["V1", "V2"]},
    "zone_resilient": {"type": "bool"},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}


def execute(task: Task) -> dict[str, Any]:
    group, name = task.params["resource_group"], task.params["name"]
    found = managed_images.settled(task.azure, group, name)
    if task.params["state"] == "absent":
        plan = managed_images.plan(found, None)
        if plan.changed and not task.check_mode:
            managed_images.delete(task, group, name)
        return task.result(plan)
    wanted = desire(task, found)
    if found is None:
        wanted = check_new(task, wanted)
    plan = managed_images.plan(found, wanted)
    if plan.changed and not task.check_mode:
        found = managed_images.apply(task, plan, group, name, wanted)
    return task.result(plan, image=present(found or {"name": name, **wanted}))


def desire(task: Task, found: Wire | None) -> Wire:
    params = task.params
    tags = task.tags((found or {}).get("tags"))
    location = disks.location(task.azure, params, found)
    if params["source_virtual_machine"]:
        vm = resolve(task, params["source_virtual_machine"], virtual_machines.TYPE, "source_virtual_machine")
        return managed_images.from_machine(vm, params, location=location, tags=tags)
    if params["os_disk"] is None and found is not None:  # only its tags are stated
        return {"location": location, "tags": tags, "properties": {}}
    if params["os_disk"] is None:
        raise InvalidInput(
            f"The image {params['name']} does not exist, and nothing to make it from is given.",
            remedy="Set source_virtual_machine or os_disk.",
        )
    os_disk = image_disk(task, params["os_disk"], "os_disk.source")
    data_disks = [image_disk(task, disk, f"data_disks[{disk['lun']}].source") for disk in params["data_disks"] or []]
    return managed_images.from_disks(os_disk, data_disks, params, location=location, tags=tags)


def image_disk(task: Task, disk: dict[str, Any], parameter: str) -> Wire:
    """One disk as ARM wants it; a bare name is a managed disk of the image's resource group."""
    source = disk["source"]
    if not source.startswith(("/", "http://", "https://")):
        source = resolve(task, source, disks.TYPE, parameter)
    return managed_images.image_disk(
        source,
        lun=disk.get("lun"),
        osType=disk.get("os_type"),
        osState=disk.get("os_state"),
        caching=disk["caching"],
        storageAccountType=disk["storage_account_type"],
        diskSizeGB=disk["disk_size_gb"],
    )


def resolve(task: Task, value: str, type_: str, parameter: str) -> str:
    where = {"subscription_id": task.azure.subscription_id, "resource_group": task.params["resource_group"]}
    return str(ids.resolve(value, type_=type_, parameter=parameter, **where))


def check_new(task: Task, wanted: Wire) -> Wire:
    """What Azure would refuse, said before anything is written."""
    machine = wanted["properties"].get("sourceVirtualMachine")
    if machine is None:
        return managed_images.check_sources(task.azure, wanted)
    found = virtual_machines.check_capturable(task.azure, machine["id"])
    managed_images.check_machine(found)
    if locations.plain(found["location"]) != wanted["location"]:
        raise InvalidInput(
            f"The machine {found['name']} lies in {found['location']}, the image shall lie in {wanted['location']}.",
            remedy="Make the image where the machine is.",
        )
    return wanted


def main() -> None:
    run_module(
        execute,
        argument_spec=ARGUMENTS,
        azure=True,
        tags=True,
        wait=True,
        mutually_exclusive=[("source_virtual_machine", "os_disk")],
        required_by={"data_disks": "os_disk"},
    )


if __name__ == "__main__":
    main()
