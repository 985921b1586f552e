# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that all modules share that bring a disk to Azure or from there."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  source_sas:
    description:
      - The shared access signature of the page blob that is the O(source). Without it the task's own identity has to have
        access.
    type: str
  storage_account:
    description: The name of the storage account, to write into a page blob.
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
  connections:
    description:
      - How many connections send or receive at once, 64 at most. Each needs 4 MiB of memory.
      - While Azure says that it is busy there are fewer.
    type: int
    default: 8
  bandwidth_limit:
    description: How many bytes may go over the network in a second, for example V(20M). By default there is no limit.
    type: str
"""
