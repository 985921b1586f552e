# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhd_info
short_description: Tell what a disk file is and whether Azure takes it
description:
  - Reads a disk file and reports its format, its size, its partition table, the Hyper-V generations it can start,
    and everything that keeps Azure from taking it, each with a remedy.
  - The format is decided by the content, never by the name of the file.
  - Only reads, and does not talk to Azure.
options:
  path:
    description: The disk file, a block device, or an C(https) address; it may be packed, see the notes.
    type: path
    required: true
  hyper_v_generation:
    description: The generation the disk shall start in. Reports it when it cannot.
    type: str
    choices: [V1, V2]
  os_disk:
    description: Whether it shall be an OS disk, for which the limits are lower.
    type: bool
    default: false
  fingerprint:
    description: Read the whole disk, and tell the fingerprint of its content as M(goldenimage.azure.vhd_upload) records it.
    type: bool
    default: false
extends_documentation_fragment:
  - goldenimage.azure.disk_file
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vhd_convert
  - module: goldenimage.azure.vhd_upload
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: Look at a VHD
  goldenimage.azure.vhd_info:
    path: images/debian.vhd
    hyper_v_generation: V2
    os_disk: true
  register: debian

- name: Stop when Azure would refuse it
  ansible.builtin.assert:
    that: debian.vhd.azure_ready
    fail_msg: "{{ debian.vhd.findings | map(attribute='message') | join(' ') }}"
"""

RETURN = r"""
vhd:
  description: What was found.
  returned: success
  type: dict
  contains:
    path:
      description: The file.
      type: str
      returned: always
    format:
      description:
        - V(raw), V(vhd) (fixed), V(vhd-dynamic), V(vhd-differencing), V(vhdx), V(qcow2), V(vmdk) or V(vdi).
      type: str
      returned: always
    packed:
      description: How it is packed, the outermost first (V(gzip), V(xz), V(zstd), V(bzip2), V(tar)).
      type: list
      elements: str
      returned: always
    file_size:
      description: Length of the disk file in bytes, unpacked.
      type: int
      returned: always
    virtual_size:
      description: Size of the disk in bytes.
      type: int
      returned: when the format can be read
    aligned:
      description: Whether the virtual size is a whole number of MiB.
      type: bool
      returned: when the format can be read
    azure_ready:
      description: Whether Azure takes the file as it is; true when no finding is an error.
      type: bool
      returned: always
    hyper_v_generations:
      description: The generations that find something to start on this disk.
      type: list
      elements: str
      returned: always
    findings:
      description: Everything that is wrong or worth knowing.
      type: list
      elements: dict
      returned: always
      contains:
        code:
          description: A name for the finding that stays the same.
          type: str
        severity:
          description: V(error), V(warning) or V(info).
          type: str
        message:
          description: What was found.
          type: str
        remedy:
          description: What to do about it.
          type: str
    footer:
      description: The fields of the VHD footer.
      type: dict
      returned: when there is one
    fingerprint:
      description: The same for the same disk content, whichever file it came from.
      type: str
      returned: with O(fingerprint), when the disk can be read
    partition_table:
      description: The scheme (V(gpt), V(mbr), V(none)) and the partitions, offsets and lengths in bytes.
      type: dict
      returned: when the format can be read
  sample:
    path: images/debian.vhd
    format: vhd
    file_size: 3221225984
    virtual_size: 3221225472
    aligned: true
    azure_ready: true
    hyper_v_generations: [V1, V2]
    findings: []
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import reading, validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import MIB, AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import EPOCH, Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import data_size, fingerprint

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import PartitionTable

ARGUMENTS: dict[str, Any] = {
    **reading.ARGUMENTS,
    "path": {"type": "path", "required": True},
    "hyper_v_generation": {"type": "str", "choices": ["V1", "V2"]},
    "os_disk": {"type": "bool", "default": False},
    "fingerprint": {"type": "bool", "default": False},
}


def execute(task: Task) -> dict[str, Any]:
    params = task.params
    looked = validate.opened(
        params["path"],
        generation=params["hyper_v_generation"],
        operating_system=params["os_disk"],
        **reading.options(task),
    )
    with looked as (found, source):
        vhd = _present(found)
        if params["fingerprint"] and source is not None:
            disk = AzureDisk(source, footer=source.footer)
            vhd["fingerprint"] = fingerprint(disk, update=task.progress("reading", data_size(disk)).update)
    return task.result(Plan.nothing(), vhd=vhd)


def _present(found: validate.Examination) -> dict[str, Any]:
    findings = [finding.present() for finding in found.findings]
    size = found.virtual_size
    vhd: dict[str, Any] = {
        "path": found.path,
        "format": found.format,
        "packed": list(found.packed),
        "file_size": found.recognised.file_size,
        "azure_ready": not any(finding["severity"] == "error" for finding in findings),
        "hyper_v_generations": found.generations,
        "findings": findings,
    }
    if size is not None:
        vhd.update(virtual_size=size, aligned=size % MIB == 0)
    if found.recognised.footer is not None:
        vhd["footer"] = _present_footer(found.recognised.footer)
    if found.table is not None:
        vhd["partition_table"] = _present_table(found.table)
    return vhd


def _present_footer(footer: Footer) -> dict[str, Any]:
    made = datetime.fromtimestamp(EPOCH + footer.timestamp, UTC)
    return {
        "disk_type": footer.kind,
        "current_size": footer.current_size,
        "original_size": footer.original_size,
        "created": made.isoformat(),
        "creator_application": footer.creator_application.decode("ascii", "replace").strip("\0 "),
        "creator_version": f"{footer.creator_version:#010x}",
        "geometry": asdict(footer.geometry),
        "unique_id": str(footer.unique_id),
        "checksum_ok": footer.checksum_ok,
    }


def _present_table(table: PartitionTable) -> dict[str, Any]:
    return {
        "scheme": table.scheme,
        "boot_code": table.boot_code,
        "backup_at_end": table.backup_at_end,
        "partitions": [asdict(partition) for partition in table.partitions],
    }


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS)


if __name__ == "__main__":
    main()
