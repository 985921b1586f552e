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
    description:
      - The disk file, or a block device, or an C(https) address. Certificates are verified (E(REQUESTS_CA_BUNDLE)) and
        proxies are those of the environment (E(HTTPS_PROXY), E(NO_PROXY)).
      - It may be packed as C(.gz), C(.xz), C(.zst), C(.bz2), or a C(.tar) with one disk in it.
    type: path
    required: true
  format:
    description:
      - The format of the file, when it shall not be recognised by the content.
      - State V(raw) for a raw disk whose content comes from somebody you do not trust, or which is named like a VHD.
    type: str
    choices: [auto, raw, vhd, vhdx, qcow2, vmdk, vdi]
    default: auto
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
  backing_files:
    description:
      - Let the disk build on other files (the backing files of a qcow2, the parents of a differencing VHD, the parent of a
        VMDK), when they lie in the same folder and are named relative to it.
      - Off by default, because whoever made the file decides which other files it names.
    type: bool
    default: false
  temporary_folder:
    description:
      - Where temporary files go. They are needed for compressed files, for files on a web server that does not serve parts of
        them, and for other formats than raw and fixed VHD on any web server. They take the room of the data in them, are
        private, and are gone with the task, however it ends.
      - By default the usual folder for temporary files (E(TMPDIR)).
    type: path
extends_documentation_fragment:
  - goldenimage.azure.attributes
requirements:
  - qemu-img and qemu-nbd, for VHDX, qcow2, VDI and sparse VMDK files
  - zstd, for C(.zst) files, with Python older than 3.14
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
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import MIB, AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import EPOCH, Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import data_size, fingerprint

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import PartitionTable

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "format": {
        "type": "str",
        "choices": ["auto", "raw", "vhd", "vhdx", "qcow2", "vmdk", "vdi"],
        "default": "auto",
    },
    "hyper_v_generation": {"type": "str", "choices": ["V1", "V2"]},
    "os_disk": {"type": "bool", "default": False},
    "fingerprint": {"type": "bool", "default": False},
    "backing_files": {"type": "bool", "default": False},
    "temporary_folder": {"type": "path"},
}


def execute(task: Task) -> dict[str, Any]:
    params = task.params
    looked = validate.opened(
        params["path"],
        format=params["format"],
        generation=params["hyper_v_generation"],
        operating_system=params["os_disk"],
        backing_files=params["backing_files"],
        folder=params["temporary_folder"],
        update=lambda what, done: task.report(f"{what}, {done >> 20} MiB"),
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
