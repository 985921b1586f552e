# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that all modules share that read a disk file."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  format:
    description:
      - The format of the disk file, when it shall not be recognised by the content.
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
requirements:
  - qemu-img and qemu-nbd, for VHDX, qcow2, VDI and sparse VMDK files
  - zstd, for C(.zst) files, with Python older than 3.14
notes:
  - A disk file may also be a block device, or an C(https) address. Certificates are verified (E(REQUESTS_CA_BUNDLE)) and
    proxies are those of the environment (E(HTTPS_PROXY), E(NO_PROXY)).
  - A disk file may be packed as C(.gz), C(.xz), C(.zst), C(.bz2), or a C(.tar) with one disk in it.
"""
