# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Compute Gallery: galleries, image definitions and versions, applications, and what others see of them."""

from __future__ import annotations

from dataclasses import replace

from azure_emulator.core.routing import ApiVersions
from azure_emulator.services.compute.galleries import (
    applications,
    consumers,
    definitions,
    gallery_resources,
    resolving,
    soft_deletion,
    versions,
)

__all__ = ["ROUTES", "resolving"]

_SINCE = ApiVersions(oldest="2018-06-01")
_ROUTES = [
    *gallery_resources.ROUTES,
    *definitions.ROUTES,
    *versions.ROUTES,
    *soft_deletion.ROUTES,
    *applications.ROUTES,
    *consumers.ROUTES,
]
# There was no gallery before.
ROUTES = [replace(route, api_versions=_SINCE) for route in _ROUTES]
