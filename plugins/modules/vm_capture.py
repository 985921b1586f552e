# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_capture
short_description: Make a managed image of a virtual machine
description:
  - Makes a V(vm_image) of the OS disk and every data disk, with their LUNs and caching, or an V(os_image) of the OS disk alone.
  - The result says in plain words what became of the machine.
  - Captured once, the image is left as it is, also when the machine is gone.
options:
  resource_group:
    description: The resource group the machine lies in.
    type: str
    required: true
  name:
    description: The name of the machine.
    type: str
    required: true
  image:
    description: The name of the managed image to make.
    type: str
    required: true
  image_resource_group:
    description: The resource group the image shall lie in. By default that of the machine.
    type: str
  kind:
    description: V(vm_image) takes all disks, V(os_image) only the one with the operating system.
    type: str
    choices: [os_image, vm_image]
    default: vm_image
  os_state:
    description:
      - V(generalized) can start many machines. The source must be generalized and can never start again.
      - V(specialized) has the source's identity. The source must be stopped, and can start again afterwards.
    type: str
    choices: [generalized, specialized]
    default: generalized
  generalize:
    description:
      - Mark the machine as generalized first, as M(goldenimage.azure.vm_generalize) does. Say this only when its operating
        system has been generalized.
      - Without it a machine that is not marked is refused.
    type: bool
    default: false
  power_off:
    description: Stop a running machine first. Without it a running machine is refused.
    type: bool
    default: false
  zone_resilient:
    description: Store the image in all zones of the region. By default only in one.
    type: bool
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.tags
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vm_generalize
  - module: goldenimage.azure.managed_image
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: An image of a machine and its data disks
  goldenimage.azure.vm_capture:
    resource_group: images
    name: web-template
    image: web-2026-11
    generalize: true
    power_off: true

- name: Only its operating system
  goldenimage.azure.vm_capture:
    resource_group: images
    name: web-template
    image: web-os-2026-11
    kind: os_image
"""

RETURN = r"""
image:
  description: The image as M(goldenimage.azure.managed_image) returns it; in check mode what it would be, without an C(id).
  returned: always
  type: dict
  sample:
    name: web-2026-11
    hyper_v_generation: V2
source_vm:
  description: What became of the machine.
  returned: always
  type: dict
  contains:
    name:
      description: The machine.
      type: str
    exists:
      description: Whether it is there.
      type: bool
    power_state:
      description: Its power state.
      type: str
    generalized:
      description: Whether Azure has it marked.
      type: bool
    can_start:
      description: Whether it can ever start again.
      type: bool
    message:
      description: The same in words.
      type: str
  sample:
    name: web-template
    exists: true
    power_state: deallocated
    generalized: true
    can_start: false
    message: The machine web-template is generalized and can never start again. Delete it when you no longer need its disks.
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._resources import capturing
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "image": {"type": "str", "required": True},
    "image_resource_group": {"type": "str"},
    "kind": {"type": "str", "choices": ["os_image", "vm_image"], "default": "vm_image"},
    "os_state": {"type": "str", "choices": ["generalized", "specialized"], "default": "generalized"},
    "generalize": {"type": "bool", "default": False},
    "power_off": {"type": "bool", "default": False},
    "zone_resilient": {"type": "bool"},
}


def execute(task: Task) -> dict[str, Any]:
    return capturing.capture(task)


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS, azure=True, tags=True, wait=True)


if __name__ == "__main__":
    main()
