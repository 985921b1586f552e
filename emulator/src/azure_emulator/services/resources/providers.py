# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource providers and their registration."""

from __future__ import annotations

from typing import Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route

_VERSIONS = [
    "2026-03-03",
    "2025-04-01",
    "2024-11-01",
    "2024-03-01",
    "2023-09-01",
    "2022-08-01",
    "2021-11-01",
    "2019-12-01",
]
_TYPES = {
    "Microsoft.Compute": (
        "virtualMachines",
        "virtualMachines/extensions",
        "images",
        "disks",
        "snapshots",
        "galleries",
        "galleries/images",
        "galleries/images/versions",
        "galleries/applications",
        "galleries/applications/versions",
        "locations",
        "locations/publishers",
        "locations/operations",
        "locations/vmSizes",
        "locations/usages",
    ),
    "Microsoft.Network": (
        "virtualNetworks",
        "virtualNetworks/subnets",
        "networkInterfaces",
        "publicIPAddresses",
        "networkSecurityGroups",
        "locations",
        "locations/operations",
    ),
    "Microsoft.Storage": ("storageAccounts", "checkNameAvailability", "locations", "locations/asyncoperations"),
    "Microsoft.Resources": ("resourceGroups", "subscriptions", "tenants", "providers", "resources", "deployments"),
}
_NAMESPACE = "providers"


def get_provider(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, _name(ctx)))


def list_providers(ctx: Context) -> Reply:
    return Reply(200, {"value": [_present(ctx, name) for name in _TYPES]})


def register(ctx: Context) -> Reply:
    """Registering is over at the next look, as for a provider that is registered already."""
    return _change(ctx, "Registered", "Registering")


def unregister(ctx: Context) -> Reply:
    return _change(ctx, "Unregistered", "Unregistering")


def _check_registered(ctx: Context, route: Route) -> None:
    """Refuse new resources of a provider that has been unregistered: 409 ``MissingSubscriptionRegistration``."""
    namespace = route.template.rpartition("/providers/")[2].partition("/")[0]
    if ctx.method != "PUT" or not namespace or _state(ctx, namespace) == "Registered":
        return
    message = f"The subscription is not registered to use namespace '{namespace}'."
    raise ArmError(
        409,
        "MissingSubscriptionRegistration",
        f"{message} See https://aka.ms/rps-not-found for how to register subscriptions.",
        details=[{"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}],
    )


def _change(ctx: Context, after: str, meanwhile: str) -> Reply:
    name = _name(ctx)
    before = _state(ctx, name)
    ctx.store.kv_put(_NAMESPACE, f"{ctx.subscription}/{name}".lower(), after)
    return Reply(200, _present(ctx, name) | {"registrationState": after if before == after else meanwhile})


def _name(ctx: Context) -> str:
    wanted = ctx.ids["namespace"]
    for name in _TYPES:
        if name.lower() == wanted.lower():
            return name
    raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{wanted}' is invalid.")


def _state(ctx: Context, namespace: str) -> str:
    return str(ctx.store.kv_get(_NAMESPACE, f"{ctx.subscription}/{namespace}".lower()) or "Registered")


def _present(ctx: Context, name: str) -> dict[str, Any]:
    regions = [locations.display_name(region) for region in locations.ALL]
    return {
        "id": f"/subscriptions/{ctx.subscription}/providers/{name}",
        "namespace": name,
        "resourceTypes": [
            {
                "resourceType": kind,
                "locations": [] if name == "Microsoft.Resources" else regions,
                "apiVersions": _VERSIONS,
                "capabilities": "SupportsTags, SupportsLocation",
            }
            for kind in _TYPES[name]
        ],
        "registrationState": _state(ctx, name),
        "registrationPolicy": "RegistrationRequired",
    }


hooks.before.append(_check_registered)

_ROOT = "/subscriptions/{subscription}/providers"
ROUTES = [
    Route("GET", _ROOT, list_providers),
    Route("GET", f"{_ROOT}/{{namespace}}", get_provider),
    Route("POST", f"{_ROOT}/{{namespace}}/register", register),
    Route("POST", f"{_ROOT}/{{namespace}}/unregister", unregister),
]
