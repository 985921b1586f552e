# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Authorization: role definitions, role assignments, locks. Roles are kept, not enforced; locks are."""

from __future__ import annotations

from azure_emulator.services.authorization import assignments, definitions, locks

ROUTES = [*definitions.ROUTES, *assignments.ROUTES, *locks.ROUTES]
