# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute: disks, snapshots and what accompanies them, images, virtual machines, the Marketplace, sizes."""

from __future__ import annotations

from azure_emulator.services.compute import (
    disk_accesses,
    disks,
    encryption_sets,
    extension_images,
    galleries,
    image_aliases,
    images,
    marketplace,
    placement,
    quotas,
    resource_skus,
    scale_sets,
    sizes,
    snapshots,
    ssh_keys,
    virtual_machines,
    vm_extensions,
    vm_managed_commands,
    vm_run_command,
)

ROUTES = [
    *disks.ROUTES,
    *snapshots.ROUTES,
    *encryption_sets.ROUTES,
    *disk_accesses.ROUTES,
    *images.ROUTES,
    *galleries.ROUTES,
    *virtual_machines.ROUTES,
    *marketplace.ROUTES,
    *image_aliases.ROUTES,
    *sizes.ROUTES,
    *quotas.ROUTES,
    *resource_skus.ROUTES,
    *placement.ROUTES,
    *scale_sets.ROUTES,
    *ssh_keys.ROUTES,
    *vm_extensions.ROUTES,
    *extension_images.ROUTES,
    *vm_run_command.ROUTES,
    *vm_managed_commands.ROUTES,
]
