# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.KeyVault: vaults as resources. What is inside them (keys, secrets) is another API and not here."""

from __future__ import annotations

from azure_emulator.services.key_vault import deleted, vaults

ROUTES = [*vaults.ROUTES, *deleted.ROUTES]
