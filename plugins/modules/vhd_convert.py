# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhd_convert
short_description: Make a VHD that Azure takes from any disk file
description:
  - "Writes a fixed VHD: the size rounded up to whole MiB, the backup of the GPT moved to the new end, a footer behind."
  - Raw disks and fixed VHDs are copied by the file system, sharing blocks where it can; other formats are read as they
    are, without a temporary file. Holes stay holes.
  - The new file appears in one step under its name and can be read only by its owner.
  - Repeating the task compares the content and changes nothing when the VHD already holds exactly that of the source.
options:
  src:
    description: The disk file, a block device, or an C(https) address; it may be packed, see the notes.
    type: path
    required: true
  dest:
    description: The VHD to write. Its folder must exist and be writable, which check mode checks too.
    type: path
    required: true
  force:
    description: Replace an existing O(dest) with other content. With V(false) the task fails instead.
    type: bool
    default: true
extends_documentation_fragment:
  - goldenimage.azure.disk_file
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vhd_info
  - module: goldenimage.azure.vhd_upload
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: A VHD from a qcow2 file
  goldenimage.azure.vhd_convert:
    src: debian-12-generic-amd64.qcow2
    dest: debian-12.vhd
"""

RETURN = r"""
vhd:
  description: The VHD; in check mode what it would be like.
  returned: success
  type: dict
  contains:
    path:
      description: The file.
      type: str
    format:
      description: Always V(vhd).
      type: str
    virtual_size:
      description: Size of the disk in bytes, whole MiB.
      type: int
    file_size:
      description: Length of the file in bytes; 512 more than the disk.
      type: int
  sample:
    path: debian-12.vhd
    format: vhd
    virtual_size: 3221225472
    file_size: 3221225984
source:
  description: What the source is.
  returned: success
  type: dict
  sample:
    path: debian-12-generic-amd64.qcow2
    format: qcow2
    virtual_size: 3221225472
bytes_copied:
  description: How much was copied; 0 when the file system shares the source's blocks.
  returned: when a VHD was written
  type: int
"""

import os
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import build, formats, reading, validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import recognise_file
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import data_size

ARGUMENTS: dict[str, Any] = {
    **reading.ARGUMENTS,
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "force": {"type": "bool", "default": True},
}
SAME = "as in the source"
OTHER = "other"


def execute(task: Task) -> dict[str, Any]:
    src, dest = task.params["src"], task.params["dest"]
    _refuse_same_file(src, dest)
    with validate.opened(src, **reading.options(task)) as (source, opened):
        return _convert(task, source, AzureDisk(validate.convertible(source, opened)))


def _convert(task: Task, source: validate.Examination, disk: AzureDisk) -> dict[str, Any]:
    dest = task.params["dest"]
    wanted = {"format": formats.FIXED_VHD, "virtual_size": disk.size, "content": SAME}
    found = _find(dest)
    if found is not None and found.items() >= {**wanted, "content": OTHER}.items():
        found["content"] = SAME if build.same_content(disk, dest) else OTHER
    plan = Plan.between(found, wanted)
    if found is not None and plan.changed and not task.params["force"]:
        raise InvalidInput(
            f"{dest} exists and holds something else.", remedy="Set force to replace it, or give another dest."
        )
    result: dict[str, Any] = {}
    if plan.changed:
        build.need_folder(dest)
    if plan.changed and not task.check_mode:
        with task.progress(None, data_size(disk)) as progress:
            result["bytes_copied"] = build.build(disk, dest, progress.update)
    vhd = {"path": dest, "format": formats.FIXED_VHD, "virtual_size": disk.size, "file_size": disk.file_size}
    return task.result(
        plan,
        vhd=vhd,
        source={"path": source.path, "format": source.format, "virtual_size": source.virtual_size},
        **result,
    )


def _refuse_same_file(src: str, dest: str) -> None:
    if os.path.isdir(dest):
        raise InvalidInput(f"dest is a folder: {dest}.", remedy="Give the name of the file to write.")
    if os.path.exists(src) and os.path.exists(dest) and os.path.samefile(src, dest):
        raise InvalidInput(f"src and dest are the same file: {src}.", remedy="Give another dest.")


def _find(dest: str) -> dict[str, Any] | None:
    """The file that is there, without a look at its content yet."""
    if not os.path.exists(dest):
        return None
    found = recognise_file(dest)
    size = found.file_size - FOOTER_SIZE if found.format == formats.FIXED_VHD else None
    return {"format": found.format, "virtual_size": size, "content": OTHER}


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS)


if __name__ == "__main__":
    main()
