# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants, subscriptions and their locations."""

from __future__ import annotations

from typing import Any

from azure_emulator.core import locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.routing import Route, documented


def tenants(ctx: Context) -> Reply:
    tenant = _tenant(ctx)
    entry = {
        "id": f"/tenants/{tenant}",
        "tenantId": tenant,
        "countryCode": "US",
        "displayName": "Local Azure",
        "domains": ["local.onmicrosoft.com"],
        "tenantCategory": "Home",
        "defaultDomain": "local.onmicrosoft.com",
        "tenantType": "AAD",
    }
    return Reply(200, {"value": [entry]})


def list_subscriptions(ctx: Context) -> Reply:
    found = [_present(ctx, key, value) for key, value in ctx.store.kv_items("subscriptions")]
    return Reply(200, {"value": found, "count": {"type": "Total", "value": len(found)}})


def get_subscription(ctx: Context) -> Reply:
    key = ctx.subscription.lower()
    return Reply(200, _present(ctx, key, ctx.store.kv_get("subscriptions", key)))


def list_locations(ctx: Context) -> Reply:
    return Reply(200, {"value": [_location(ctx.subscription, name) for name in locations.ALL]})


def _present(ctx: Context, key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{key}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": key,
        "tenantId": _tenant(ctx),
        "displayName": value["displayName"],
        "state": value["state"],
        "subscriptionPolicies": {
            "locationPlacementId": "Internal_2014-09-01",
            "quotaId": "Internal_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _location(subscription: str, name: str) -> dict[str, Any]:
    pair = locations.pair(name)
    metadata: dict[str, Any] = {
        "regionType": "Physical",
        "regionCategory": "Recommended" if name in locations.ZONED else "Other",
        "geographyGroup": locations.geography(name),
        "geography": locations.geography(name),
        "pairedRegion": [{"name": pair, "id": f"/subscriptions/{subscription}/locations/{pair}"}] if pair else [],
    }
    entry: dict[str, Any] = {
        "id": f"/subscriptions/{subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": locations.display_name(name),
        "regionalDisplayName": f"({locations.geography(name)}) {locations.display_name(name)}",
        "metadata": metadata,
    }
    if name in locations.ZONED:
        zones = [{"logicalZone": str(n), "physicalZone": f"{name}-az{n}"} for n in (1, 2, 3)]
        entry["availabilityZoneMappings"] = zones
    return entry


def _tenant(ctx: Context) -> str:
    return ctx.principal.tenant if ctx.principal else ""


_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", "/tenants", tenants, evidence=_KNOWN),
    Route("GET", "/subscriptions", list_subscriptions, evidence=_KNOWN),
    Route("GET", "/subscriptions/{subscription}", get_subscription, evidence=_KNOWN),
    Route("GET", "/subscriptions/{subscription}/locations", list_locations, evidence=_KNOWN),
]
