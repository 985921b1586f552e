# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhd_export
short_description: Bring a disk from Azure to a file or a page blob
description:
  - Exports a managed disk, a snapshot, a managed image, a version of a gallery image, or a page blob. Only what is
    written there is received, over several connections, and holes stay holes.
  - A disk that is attached to a running machine is read through a temporary snapshot, an image through a temporary disk.
    These, and every shared access signature, are removed in any case.
  - A file appears in one step under its name and can be read only by its owner. Until then what was received lies beside
    it, in files whose names begin with a dot; repeating a task that broke off goes on with them, after comparing what
    they hold with checksums that were noted. Where the source is something that can have changed since then, it begins anew.
  - Repeating the task compares the content. An unchanged source is known by a note on the file (an extended attribute);
    without that the source is read, and in check mode it is taken for changed.
options:
  source:
    description:
      - The name or id of a managed disk, the id of a snapshot, a managed image or a version of a gallery image, or the
        address of a page blob without its signature.
    type: str
    required: true
  lun:
    description: The data disk of an image or version to export. By default its OS disk.
    type: int
  resource_group:
    description:
      - The resource group of O(source) when that is a name, of what is temporary, and of O(storage_account).
    type: str
    required: true
  dest:
    description: The file to write. Its folder must exist and be writable, which check mode checks too.
    type: path
  format:
    description: The format of the file. V(qcow2) and V(vhdx) need C(qemu-img), and twice the space for a while.
    type: str
    choices: [vhd, raw, qcow2, vhdx]
    default: vhd
  verify:
    description: Compare checksums of what arrived with those Azure tells, and read the file again at the end.
    type: bool
    default: true
  force:
    description: Replace a file or blob that exists with other content.
    type: bool
    default: false
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.transfer
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vhd_upload
  - module: goldenimage.azure.vhd_info
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: Export a disk
  goldenimage.azure.vhd_export:
    resource_group: images
    source: debian-12
    dest: debian-12.vhd

- name: A gallery version as a qcow2 file
  goldenimage.azure.vhd_export:
    resource_group: images
    source: "{{ version.id }}"
    dest: debian-12.qcow2
    format: qcow2

- name: A snapshot into a page blob
  goldenimage.azure.vhd_export:
    resource_group: images
    source: "{{ snapshot.id }}"
    storage_account: goldenimages
    container: vhds
    blob: debian-12.vhd
"""

RETURN = r"""
file:
  description: The file.
  returned: with O(dest)
  type: dict
  sample:
    path: debian-12.vhd
    format: vhd
blob:
  description: The page blob.
  returned: with O(blob)
  type: dict
  sample:
    url: https://goldenimages.blob.core.windows.net/vhds/debian-12.vhd
    storage_account_id:
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.Storage/storageAccounts/goldenimages
    container: vhds
    name: debian-12.vhd
    size: 3221225984
export:
  description: What was done; the fingerprint of the content, sizes in bytes.
  returned: when something was exported
  type: dict
  contains:
    fingerprint:
      description: The same for the same disk content, as M(goldenimage.azure.vhd_upload) has it.
      type: str
    virtual_size:
      description: Size of the disk.
      type: int
    bytes_received:
      description: What was written in Azure and went over the network.
      type: int
    bytes_kept:
      description: What an earlier attempt had received.
      type: int
    seconds:
      description: How long it took.
      type: float
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import export_sources, exporting, uploading
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

ARGUMENTS: dict[str, Any] = {
    **uploading.ARGUMENTS,
    "source": {"type": "str", "required": True},
    "lun": {"type": "int"},
    "resource_group": {"type": "str", "required": True},
    "dest": {"type": "path"},
    "format": {"type": "str", "choices": ["vhd", "raw", "qcow2", "vhdx"], "default": "vhd"},
    "verify": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
}


def execute(task: Task) -> dict[str, Any]:
    params = task.params
    uploading.check_options(params)
    if params["blob"] and params["format"] != "vhd":
        raise InvalidInput(f"format is {params['format']}, but a page blob holds a VHD.", remedy="Leave format out.")
    origin = export_sources.find(task, params["source"], lun=params["lun"], sas=params["source_sas"])
    if params["blob"]:
        plan, result = exporting.to_blob(task, origin)
        return task.result(plan, **result)
    target = exporting.FileTarget(task, origin)
    plan = target.plan()
    result = {}
    if plan.changed and not task.check_mode:
        result["export"] = target.write()
    return task.result(plan, **target.present(), **result)


def main() -> None:
    run_module(
        execute,
        argument_spec=ARGUMENTS,
        azure=True,
        wait=True,
        mutually_exclusive=[("dest", "storage_account")],
        required_one_of=[("dest", "storage_account")],
        required_together=[("storage_account", "container", "blob")],
    )


if __name__ == "__main__":
    main()
