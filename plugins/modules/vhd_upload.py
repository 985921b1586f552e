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
      - The disk file (raw, VHD, VHDX, qcow2, VMDK, VDI), or a block device, or an C(https) address. Certificates are verified
        (E(REQUESTS_CA_BUNDLE)) and proxies are those of the environment (E(HTTPS_PROXY), E(NO_PROXY)).
      - It may be packed as C(.gz), C(.xz), C(.zst), C(.bz2), or a C(.tar) with one disk in it.
    type: path
    aliases: [src]
  format:
    description:
      - The format of the file, when it shall not be recognised by the content.
      - State V(raw) for a raw disk whose content comes from somebody you do not trust, or which is named like a VHD.
    type: str
    choices: [auto, raw, vhd, vhdx, qcow2, vmdk, vdi]
    default: auto
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
  source:
    description:
      - Instead of a file, a disk that lies in Azure already, also in another region or storage account. The name or id of a
        managed disk, the id of a snapshot, or the address of a page blob without its signature.
      - Azure copies it itself where it can, which RV(upload.in_azure) tells; otherwise the data goes through this machine.
    type: str
  source_sas:
    description: The shared access signature of a page blob. Without it the task's own identity has to have access.
    type: str
  resource_group:
    description: The resource group of the disk or the storage account.
    type: str
    required: true
  disk:
    description: The name of the managed disk to make.
    type: str
  storage_account:
    description: The name of the storage account, to upload into a page blob.
    type: str
  container:
    description: The container of the page blob.
    type: str
  blob:
    description: The name of the page blob, usually ending in C(.vhd).
    type: str
  create_container:
    description: Make the container when it does not exist.
    type: bool
    default: false
  blob_auth:
    description:
      - How to get into the storage account. V(key) reads one of its keys, V(entra) uses the task's own identity, which
        needs the role Storage Blob Data Contributor.
      - V(auto) takes the key unless the account forbids it or the identity may not read it.
    type: str
    choices: [auto, entra, key]
    default: auto
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
  connections:
    description:
      - How many connections send at once, 64 at most. Each needs 4 MiB of memory.
      - While Azure says that it is busy there are fewer.
    type: int
    default: 8
  bandwidth_limit:
    description: How many bytes may be sent in a second, for example V(20M). By default there is no limit.
    type: str
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
        being generalized and ready for Azure. Only with O(os_type), and only when there is something to upload.
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
  - goldenimage.azure.tags
  - goldenimage.azure.attributes
requirements:
  - qemu-img and qemu-nbd, for VHDX, qcow2, VDI and sparse VMDK files
  - zstd, for C(.zst) files, with Python older than 3.14
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
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.table import failures, lines
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import copying, uploading
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_blob import BlobTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_disk import DiskTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import validate
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import data_size, fingerprint

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "aliases": ["src"]},
    "format": {"type": "str", "choices": ["auto", "raw", "vhd", "vhdx", "qcow2", "vmdk", "vdi"], "default": "auto"},
    "backing_files": {"type": "bool", "default": False},
    "temporary_folder": {"type": "path"},
    "source": {"type": "str"},
    "source_sas": {"type": "str", "no_log": True},
    "resource_group": {"type": "str", "required": True},
    "disk": {"type": "str"},
    "storage_account": {"type": "str"},
    "container": {"type": "str"},
    "blob": {"type": "str"},
    "create_container": {"type": "bool", "default": False},
    "blob_auth": {"type": "str", "choices": ["auto", "entra", "key"], "default": "auto", "no_log": False},
    "location": {"type": "str"},
    "zone": {"type": "str"},
    "sku": {
        "type": "str",
        "choices": ["Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"],
    },
    "os_type": {"type": "str", "choices": ["Linux", "Windows"]},
    "hyper_v_generation": {"type": "str", "choices": ["V1", "V2"]},
    "security_type": {"type": "str", "choices": ["TrustedLaunch"]},
    "connections": {"type": "int", "default": 8},
    "bandwidth_limit": {"type": "str"},
    "verify": {"type": "bool", "default": True},
    "read_back": {"type": "bool", "default": False},
    "inspect": {"type": "bool", "default": True},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "never"},
    "specialized": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
}
SEVERITIES = {"error": ("error",), "warning": ("error", "warning"), "never": ()}
DISK_ONLY = ("location", "zone", "sku", "security_type", "tags")


def execute(task: Task) -> dict[str, Any]:
    params = task.params
    if params["source"]:
        _refuse_options(params, params["hyper_v_generation"])
        return copying.execute(task)
    looked = validate.opened(
        params["path"],
        format=params["format"],
        generation=params["hyper_v_generation"],
        operating_system=params["os_type"] is not None,
        backing_files=params["backing_files"],
        folder=params["temporary_folder"],
        update=lambda what, done: task.report(f"{what}, {done >> 20} MiB"),
    )
    with looked as (found, source):
        validate.refuse(found, converting=True)  # made a VHD, of whole MiB, on the way
        for warning in validate.warnings(found, converting=True):
            task.warn(warning)
        generation = _generation(params, found)
        _refuse_options(params, generation)
        return _bring(task, AzureDisk(source, footer=source.footer), generation) if source is not None else {}


def _bring(task: Task, disk: AzureDisk, generation: str | None) -> dict[str, Any]:
    target: DiskTarget | BlobTarget
    target = DiskTarget(task, disk.size, generation) if task.params["disk"] else BlobTarget(task, disk.size)
    same = target.recorded is not None and target.recorded == _fingerprint(task, disk)
    plan = target.plan(same_content=same, force=task.params["force"])
    result: dict[str, Any] = {}
    if plan.changed and not target.keeps_content and task.params["os_type"] and task.params["inspect"]:
        result.update(_inspect(task, disk))
    if plan.changed and not task.check_mode:
        if target.keeps_content:
            target.update()
        else:
            result["upload"] = uploading.upload(task, disk, target)
    return task.result(plan, **target.present(), **result)


def _inspect(task: Task, disk: AzureDisk) -> dict[str, Any]:
    """Say what is wrong inside the disk, or refuse it; a missing reader only matters when it shall be refused."""
    place, fail_on = task.params["path"], task.params["fail_on"]
    try:
        found = inspect_source(disk, specialized=task.params["specialized"])
    except MissingDependency as error:
        if fail_on != "never":
            raise
        task.warn(f"{place} was not looked into. {error} Or set inspect to false.")
        return {}
    refused = failures(found, SEVERITIES[fail_on])
    if refused:
        raise InvalidInput(
            f"{place} is not uploaded, because {len(refused)} checks failed: {', '.join(each['id'] for each in refused)}.",
            remedy=" ".join(dict.fromkeys(each["remedy"] for each in refused[:5])),
            inspection=found,
            table=lines(found),
        )
    bad = failures(found, ("error",))
    if bad:
        task.warn(
            f"{place} has {len(bad)} errors inside: {', '.join(each['id'] for each in bad)}. vhd_inspect says more."
        )
    return {"inspection": found}


def _generation(params: dict[str, Any], found: validate.Examination) -> str | None:
    if params["hyper_v_generation"] or params["os_type"] is None:
        stated: str | None = params["hyper_v_generation"]
        return stated
    return max(found.generations, default=None)


def _refuse_options(params: dict[str, Any], generation: str | None) -> None:
    uploading.check_options(params)
    if params["security_type"] and generation != "V2":
        raise InvalidInput(
            f"security_type {params['security_type']} needs generation V2, but hyper_v_generation is {generation}.",
            remedy="Use a disk with an EFI system partition, or leave security_type out.",
        )
    if params["storage_account"]:
        for name in DISK_ONLY:
            if params[name] is not None:
                raise InvalidInput(f"{name} is for managed disks; a page blob has none.", remedy=f"Leave {name} out.")


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
