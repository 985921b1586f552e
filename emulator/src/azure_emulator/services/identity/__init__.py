# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Entra ID as clients see it, and the cloud's metadata."""

from __future__ import annotations

from azure_emulator.services.identity import discovery, grants

ROUTES = [*discovery.ROUTES, *grants.ROUTES]
