# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhd_upload
short_description: Bring a disk file to Azure, as a managed disk or a page blob
description:
  - Uploads a disk file of any format, as the fixed VHD that Azure wants, straight into a managed disk, or into a page blob
    of a storage account. It is made that VHD on the way (whole MiB, the backup of the GPT at its end, a footer), without a
    second copy. Only what is not zero is sent, over several connections.
  - Everything that would keep Azure from taking the file is reported at once, before anything is written. What may be
    intended, as an OS disk from which no operating system starts, is a warning.
  - "What was uploaded is remembered by its content: the tag, or metadata, C(goldenimage_content) is written as the last
    step and holds a fingerprint. Repeating the task compares it and changes nothing; an upload that broke off is never
    taken for a complete one."
  - Repeating a task that broke off goes on where it stopped. What Azure holds by then is read back and compared with the
    file, so that nothing is sent twice and nothing is believed unseen.
  - The shared access signature of the disk is revoked in any case, also after a failure and when the play is cancelled;
    the incomplete disk stays for the next run, marked as such.
options:
  path:
    description:
      - The disk file (raw, VHD, VHDX, qcow2, VMDK, VDI), a block device, or an C(https) address; it may be packed, see the
        notes.
    type: path
    aliases: [src]
  source:
    description:
      - Instead of a file, a disk that lies in Azure already, also in another region or storage account. The name or id of a
        managed disk, the id of a snapshot, or the address of a page blob without its signature.
      - Azure copies it itself where it can, which RV(upload.in_azure) tells; otherwise the data goes through this machine.
    type: str
  resource_group:
    description: The resource group of the disk or the storage account.
    type: str
    required: true
  disk:
    description: The name of the managed disk to make.
    type: str
  location:
    description: The region of a new disk. By default that of the resource group.
    type: str
  zone:
    description: The availability zone of a new disk.
    type: str
  sku:
    description: How the disk is stored.
    type: str
    choices: [Standard_LRS, StandardSSD_LRS, StandardSSD_ZRS, Premium_LRS, Premium_ZRS]
  os_type:
    description: The operating system in the file. Leave it out for a data disk.
    type: str
    choices: [Linux, Windows]
  hyper_v_generation:
    description:
      - V(V1) for BIOS, V(V2) for UEFI. The task fails when the partition table says that the disk cannot start so.
      - By default, for an OS disk, what it can start; V(V2) if it can start both.
    type: str
    choices: [V1, V2]
  security_type:
    description: The security type of the machines that will use the disk. Needs generation V(V2).
    type: str
    choices: [TrustedLaunch]
  verify:
    description:
      - Compare checksums of what arrived with what was sent, and ask Azure at the end which ranges it holds.
    type: bool
    default: true
  read_back:
    description:
      - At the end read everything back and compare its fingerprint with that of the file. It takes as long as the upload.
    type: bool
    default: false
  inspect:
    description:
      - Look inside an OS disk before it is uploaded, as M(goldenimage.azure.vhd_inspect) does, and warn of what keeps it from
        being generalized and ready for Azure. Only with O(path) and O(os_type), and only when there is something to upload.
      - Where the Python packages for it (dissect) are missing, a warning says so.
    type: bool
    default: true
  fail_on:
    description:
      - Refuse the upload when the inspection finds a check of this severity, or a worse one, failed. What is unknown never
        refuses an upload.
    type: str
    choices: [error, warning, never]
    default: never
  specialized:
    description: The disk shall keep its identity, so the inspection does not ask whether it is generalized.
    type: bool
    default: false
  force:
    description:
      - Replace a disk or blob that exists with other content, size or properties. An attached disk is never replaced.
      - The old disk is deleted first, because the new one has its name. When the upload then fails, the old one is gone;
        the file, the options and the location are checked before.
    type: bool
    default: false
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.disk_file
  - goldenimage.azure.transfer
  - goldenimage.azure.tags
  - goldenimage.azure.attributes
notes:
  - O(tags), O(location), O(zone), O(sku) and O(security_type) are for managed disks only.
seealso:
  - module: goldenimage.azure.vhd_convert
  - module: goldenimage.azure.vhd_info
  - module: goldenimage.azure.vhd_inspect
  - module: goldenimage.azure.managed_image
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: Upload an OS disk
  goldenimage.azure.vhd_upload:
    path: debian-12.vhd
    resource_group: images
    disk: debian-12
    os_type: Linux
    hyper_v_generation: V2
    tags:
      build: "{{ build_id }}"

- name: Upload into a storage account
  goldenimage.azure.vhd_upload:
    path: debian-12.qcow2
    resource_group: images
    storage_account: goldenimages
    container: vhds
    blob: debian-12.vhd
    create_container: true

- name: Copy a snapshot into a disk of another region
  goldenimage.azure.vhd_upload:
    source: "{{ snapshot.id }}"
    resource_group: images
    disk: debian-12-north
    location: northeurope
"""

RETURN = r"""
disk:
  description: The managed disk; in check mode what a new one would be like, without an C(id).
  returned: with O(disk)
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.Compute/disks/debian-12
    name: debian-12
    location: westeurope
    disk_state: Unattached
    hyper_v_generation: V2
    os_type: Linux
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
inspection:
  description: What M(goldenimage.azure.vhd_inspect) says of the disk.
  returned: when an OS disk was looked into
  type: dict
upload:
  description: What was done; the fingerprint of the content, sizes in bytes.
  returned: when something was uploaded
  type: dict
  contains:
    fingerprint:
      description: The same for the same disk content, whichever file it came from.
      type: str
    virtual_size:
      description: Size of the disk.
      type: int
    bytes_read:
      description: What had to be read of the file.
      type: int
    bytes_sent:
      description: What was not zero and went over the network.
      type: int
    bytes_kept:
      description: What Azure was found to hold already, from an earlier attempt.
      type: int
    seconds:
      description: How long reading and sending took.
      type: float
    in_azure:
      description: Whether Azure copied the data itself. RV(upload.fingerprint) may be unknown then, and says C(copied).
      returned: with O(source)
      type: bool
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput, MissingDependency
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.report import inspect_source
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.table import failures, lines, shortened
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import copying, uploading
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_blob import BlobTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_disk import DiskTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import reading, validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import data_size, fingerprint

ARGUMENTS: dict[str, Any] = {
    **reading.ARGUMENTS,
    **uploading.ARGUMENTS,
    "path": {"type": "path", "aliases": ["src"]},
    "source": {"type": "str"},
    "resource_group": {"type": "str", "required": True},
    "disk": {"type": "str"},
    "location": {"type": "str"},
    "zone": {"type": "str"},
    "sku": {
        "type": "str",
        "choices": ["Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"],
    },
    "os_type": {"type": "str", "choices": ["Linux", "Windows"]},
    "hyper_v_generation": {"type": "str", "choices": ["V1", "V2"]},
    "security_type": {"type": "str", "choices": ["TrustedLaunch"]},
    "verify": {"type": "bool", "default": True},
    "read_back": {"type": "bool", "default": False},
    "inspect": {"type": "bool", "default": True},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "never"},
    "specialized": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
}


def execute(task: Task) -> dict[str, Any]:
    params = task.params
    uploading.check_options(params)
    if params["source"]:
        if params["fail_on"] != "never":
            raise InvalidInput(
                f"fail_on is {params['fail_on']}, but a disk that lies in Azure is not looked into.",
                remedy="Leave fail_on out, or export the disk (vhd_export) and upload the file.",
            )
        return copying.execute(task)
    looked = validate.opened(
        params["path"],
        generation=params["hyper_v_generation"],
        operating_system=params["os_type"] is not None,
        **reading.options(task),
    )
    with looked as (found, opened):
        source = validate.convertible(found, opened)  # made a VHD, of whole MiB, on the way
        for warning in validate.warnings(found, converting=True):
            task.warn(warning)
        generation = _generation(params, found)
        uploading.check_target(params, generation)
        return _bring(task, AzureDisk(source, footer=source.footer), generation)


def _bring(task: Task, disk: AzureDisk, generation: str | None) -> dict[str, Any]:
    target: DiskTarget | BlobTarget
    target = DiskTarget(task, disk.size, generation) if task.params["disk"] else BlobTarget(task, disk.size)
    same = target.recorded is not None and target.recorded == _fingerprint(task, disk)
    plan = target.plan(same_content=same, force=task.params["force"])
    result: dict[str, Any] = {}
    if plan.changed and task.params["os_type"] and task.params["inspect"]:
        found = _inspect(task, disk, judge=not target.keeps_content)
        if found and not target.keeps_content:
            result["inspection"] = found
    if plan.changed and not task.check_mode:
        if target.keeps_content:
            target.update()
        else:
            result["upload"] = uploading.upload(task, disk, target)
    return task.result(plan, **target.present(), **result)


def _inspect(task: Task, disk: AzureDisk, *, judge: bool) -> dict[str, Any]:
    """Look inside the disk; empty when a reader is missing, which only matters when the disk shall be refused.

    :param judge: say what is wrong inside, too, or refuse it.
    :raises InvalidInput: it holds another system than is said, or what ``fail_on`` names.
    """
    place, fail_on = disk.path, task.params["fail_on"]  # the option path may be an address with a secret in it
    try:
        found = inspect_source(disk, specialized=task.params["specialized"])
    except MissingDependency as error:
        if fail_on != "never":
            raise
        task.warn(f"{place} was not looked into. {error} Or set inspect to false.")
        return {}
    _check_system(task.params["os_type"], found["os"], place)
    if judge:
        _judge(task, found, place)
    return found


def _check_system(stated: str, system: dict[str, Any], place: str) -> None:
    if system["family"] not in ("unknown", stated.lower()):
        name = system.get("name") or system["family"].capitalize()
        raise InvalidInput(
            f"os_type is {stated}, and {place} holds {name}.",
            remedy="Correct os_type. If the disk was read wrongly, set inspect to false.",
        )


def _judge(task: Task, found: dict[str, Any], place: str) -> None:
    refused = failures(found, task.params["fail_on"])
    if refused:
        raise InvalidInput(
            f"{place} is not uploaded, because {len(refused)} checks failed: {', '.join(each['id'] for each in refused)}.",
            remedy=" ".join(dict.fromkeys(each["remedy"] for each in refused[:5])),
            inspection=shortened(found),
            table=lines(found),
        )
    bad = failures(found, "error")
    if bad:
        task.warn(
            f"{place} has {len(bad)} errors inside: {', '.join(each['id'] for each in bad)}. vhd_inspect says more."
        )


def _generation(params: dict[str, Any], found: validate.Examination) -> str | None:
    if params["hyper_v_generation"] or params["os_type"] is None:
        stated: str | None = params["hyper_v_generation"]
        return stated
    return max(found.generations, default=None)


def _fingerprint(task: Task, disk: AzureDisk) -> str:
    progress = task.progress("comparing", data_size(disk))
    return fingerprint(disk, update=progress.update)


def main() -> None:
    run_module(
        execute,
        argument_spec=ARGUMENTS,
        azure=True,
        tags=True,
        mutually_exclusive=[("disk", "storage_account"), ("path", "source")],
        required_one_of=[("disk", "storage_account"), ("path", "source")],
        required_together=[("storage_account", "container", "blob")],
    )


if __name__ == "__main__":
    main()
