# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhd_inspect
short_description: Look inside a disk file and tell whether it is generalized and ready for Azure
description:
  - Reads the file systems inside a disk file without mounting them, without root and within seconds, and reports the
    partitions, the operating system, its agents, and the result of every check of an Azure image that can be decided
    while the system is not running.
  - Each check has a result, evidence (a file and what it says), a severity, a remedy and a source.
  - What cannot be read makes a check V(unknown), and then O(fail_on) does not fail and RV(inspection.ready) is never V(true).
  - The disk is read by a process of its own with limits of time and memory, because a disk may be made to harm its reader.
  - Only reads, and does not talk to Azure.
options:
  path:
    description: The disk file, a block device, or an C(https) address; it may be packed, see the notes.
    type: path
    required: true
  specialized:
    description: The disk shall keep its identity, so the checks about generalization do not apply.
    type: bool
    default: false
  fail_on:
    description: Fail when a check of this severity, or a worse one, failed. The result has everything in any case.
    type: str
    choices: [error, warning, never]
    default: never
  timeout:
    description: How many seconds looking may take. What was found until then is reported.
    type: int
    default: 60
extends_documentation_fragment:
  - goldenimage.azure.disk_file
  - goldenimage.azure.attributes
requirements:
  - dissect.extfs, dissect.xfs, dissect.btrfs, dissect.fat, dissect.ntfs, dissect.regf and dissect.volume (Python)
  - zstandard (Python), for the initramfs of many systems
seealso:
  - module: goldenimage.azure.vhd_info
  - module: goldenimage.azure.vhd_upload
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: Look inside a disk
  goldenimage.azure.vhd_inspect:
    path: images/debian.vhd
  register: debian

- name: Show it
  ansible.builtin.debug:
    var: debian.table

- name: Do not go on with a disk that Azure cannot use
  goldenimage.azure.vhd_inspect:
    path: images/debian.vhd
    fail_on: error
"""

RETURN = r"""
inspection:
  description: What was found. When O(fail_on) makes the task fail, it is in C(error.inspection), with the checks that failed or are unknown.
  returned: success
  type: dict
  contains:
    complete:
      description: Whether everything was looked at; otherwise RV(inspection.problems) says why not.
      type: bool
    problems:
      description: What could not be read, and why.
      type: list
      elements: str
    disk:
      description: The file (C(path)), its C(format) and the disk's C(virtual_size) in bytes.
      type: dict
    partition_table:
      description: The scheme (V(gpt), V(mbr), V(none)) and its C(problems).
      type: dict
    partitions:
      description:
        - Partitions, and logical volumes after theirs, with what is in them. C(content) is V(filesystem), V(lvm), V(encrypted),
          V(swap), V(raid), V(empty) or V(unknown), and C(filesystem) says which (V(ext4), V(vfat), V(ntfs), V(luks), V(bitlocker) …).
      type: list
      elements: dict
    generations:
      description: The Hyper-V generations in which a new machine finds something to start.
      type: list
      elements: str
    os:
      description: The operating system; C(family) is V(linux), V(windows) or V(unknown).
      type: dict
    agents:
      description: Agents that provision and manage a machine.
      type: dict
    windows:
      description: Facts from the registry and the file system. The checks rest on them.
      type: dict
      returned: on Windows disks
    checks:
      description: All checks.
      type: list
      elements: dict
      contains:
        id:
          description: A name that stays the same.
          type: str
        title:
          description: What is demanded.
          type: str
        result:
          description: V(pass), V(fail), V(unknown) or V(not applicable).
          type: str
        severity:
          description: V(error) (provisioning, certification or privacy would fail), V(warning) or V(info).
          type: str
        about:
          description: V(generalize) or V(azure).
          type: str
        evidence:
          description: Files and what they say.
          type: list
          elements: dict
        remedy:
          description: What to do.
          type: str
        source:
          description: Where the demand comes from.
          type: str
    counts:
      description: How many checks have each result.
      type: dict
    generalized:
      description: Whether nothing of one machine is left; null when that is not known.
      type: bool
    ready:
      description: Whether no check of severity V(error) failed; null when that is not known.
      type: bool
    seconds:
      description: How long it took.
      type: float
  sample:
    complete: true
    generations: [V1, V2]
    os:
      family: linux
      id: debian
      name: Debian GNU/Linux 12 (bookworm)
      architecture: x86_64
    generalized: false
    ready: false
    checks:
      - id: identity.host_keys
        title: There are no SSH host keys
        result: fail
        severity: error
        about: generalize
        evidence:
          - file: /etc/ssh/ssh_host_ed25519_key
            value: 399 bytes
        remedy: Run the role goldenimage.azure.linux_generalize, or remove /etc/ssh/ssh_host_*.
        source: goldenimage.azure.linux_generalize; waagent -deprovision
table:
  description: The same for people, one line each; what failed or is unknown. With a failure in C(error.table).
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.report import inspect_file
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.table import failures, lines, shortened
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import reading

ARGUMENTS: dict[str, Any] = {
    **reading.ARGUMENTS,
    "path": {"type": "path", "required": True},
    "specialized": {"type": "bool", "default": False},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "never"},
    "timeout": {"type": "int", "default": 60},
}


def execute(task: Task) -> dict[str, Any]:
    params = task.params
    found = inspect_file(
        params["path"],
        specialized=params["specialized"],
        timeout=params["timeout"],
        **reading.options(task),
    )
    place = found["disk"]["path"]  # the option path may be an address with a secret in it
    table = lines(found)
    bad = failures(found, params["fail_on"])
    if bad:
        names = ", ".join(each["id"] for each in bad)
        raise GoldenImageError(
            f"{place}: {len(bad)} checks failed: {names}.",
            remedy=" ".join(dict.fromkeys(each["remedy"] for each in bad[:5])),
            inspection=shortened(found),
            table=table,
        )
    for text in found["problems"]:
        task.warn(f"{place}: {text}")
    return task.result(Plan.nothing(), inspection=found, table=table)


def main() -> None:
    run_module(execute, argument_spec=ARGUMENTS)


if __name__ == "__main__":
    main()
