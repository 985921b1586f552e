# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Storage: accounts here, their blobs in Azurite.

For the compute service: `blob_urls.locate` and `blob_urls.readable`.
"""

from __future__ import annotations

from azure_emulator.services.storage import accounts, blob_containers, missing

ROUTES = [*accounts.ROUTES, *blob_containers.ROUTES]
MOUNTS = [(missing.PREFIX, missing.application)]
