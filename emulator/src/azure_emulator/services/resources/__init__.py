# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Resources: subscriptions, locations, providers, resource groups."""

from __future__ import annotations

from azure_emulator.services.resources import features, generic, groups, providers, subscriptions, tags

ROUTES = [*subscriptions.ROUTES, *providers.ROUTES, *groups.ROUTES, *generic.ROUTES, *features.ROUTES, *tags.ROUTES]
