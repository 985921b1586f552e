# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many galleries, definitions and versions a subscription may have in a region [documented]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core.errors import ArmError

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.services.compute.galleries._levels import Level

_LIMITS = {
    "galleries": (100, "Gallery"),
    "galleries/images": (1000, "GalleryImage"),
    "galleries/images/versions": (10000, "GalleryImageVersion"),
}


def check_limit(ctx: Context, level: Level, location: str) -> None:
    """Refuse one more than the limit: the text is recorded for galleries."""
    limit, name = _LIMITS[level.kind]
    # The index alone answers this; only then must each row be looked at.
    if ctx.store.count(type=level.type, subscription=ctx.subscription) < limit:
        return
    used = ctx.store.read(
        "SELECT count(*) FROM resources WHERE type = ? AND subscription = ? AND location = ?",
        level.type.lower(),
        ctx.subscription.lower(),
        location,
    ).fetchone()[0]
    if used >= limit:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Operation could not be completed as it results in exceeding approved {name} quota. Additional details - "
            f"Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current Usage: {used}, "
            f"Additional Required: 1, (Minimum) New Limit Required: {used + 1}. Please read more about quota increase at "
            "https://docs.microsoft.com/en-us/azure/azure-resource-manager/management/azure-subscription-service-limits",
        )
