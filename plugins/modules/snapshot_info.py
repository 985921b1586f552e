# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_info
short_description: Read snapshots
description:
  - Returns one of the snapshots, those of a resource group, or all of the subscription.
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.info
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.snapshot
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: One
  goldenimage.azure.snapshot_info:
    resource_group: images
    name: data
  register: found

- name: All of a resource group that carry a tag
  goldenimage.azure.snapshot_info:
    resource_group: images
    tags:
      team: platform
"""

RETURN = r"""
snapshots:
  description: The snapshots, each as M(goldenimage.azure.snapshot) returns it, in the order Azure gives them.
  returned: always
  type: list
  elements: dict
  sample:
    - name: data
      location: westeurope
      provisioning_state: Succeeded
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import snapshots
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import INFO_ARGUMENTS, select
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module


def execute(task: Task) -> dict[str, Any]:
    return task.result(Plan.nothing(), snapshots=select(task, snapshots))


def main() -> None:
    run_module(execute, argument_spec=INFO_ARGUMENTS, azure=True, required_by={"name": "resource_group"})


if __name__ == "__main__":
    main()
