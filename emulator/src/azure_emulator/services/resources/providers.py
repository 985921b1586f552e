# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource providers and their registration."""

from __future__ import annotations

from typing import Any

from azure_emulator.core import hooks, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.resources import provider_types as known
from azure_emulator.services.resources.changes import Changing

_STATES = Changing("providers", "Registered", "resources.provider.change", 60)


def get_provider(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, _name(ctx)))


def list_providers(ctx: Context) -> Reply:
    return Reply(200, {"value": [_present(ctx, name) for name in known.TYPES]})


def register(ctx: Context) -> Reply:
    """Registering takes a while, unless the provider is registered already."""
    return _change(ctx, "Registering", "Registered")


def unregister(ctx: Context) -> Reply:
    return _change(ctx, "Unregistering", "Unregistered")


def _check_registered(ctx: Context, route: Route) -> None:
    """Refuse new resources of a provider that has been unregistered: 409 ``MissingSubscriptionRegistration``."""
    namespace = route.template.rpartition("/providers/")[2].partition("/")[0]
    if ctx.method != "PUT" or not namespace or namespace in known.FREE or _STATES.state(ctx, namespace) == "Registered":
        return
    message = f"The subscription is not registered to use namespace '{namespace}'."
    raise ArmError(
        409,
        "MissingSubscriptionRegistration",
        f"{message} See https://aka.ms/rps-not-found for how to register subscriptions.",
        details=[{"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}],
    )


def _change(ctx: Context, meanwhile: str, after: str) -> Reply:
    name = _name(ctx)
    if name not in known.FREE:
        _STATES.begin(ctx, name, meanwhile, after)
    return Reply(200, _present(ctx, name))


def _name(ctx: Context) -> str:
    wanted = ctx.ids["namespace"]
    for name in known.TYPES:
        if name.lower() == wanted.lower():
            return name
    raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{wanted}' is invalid.")


def _present(ctx: Context, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": f"/subscriptions/{ctx.subscription}/providers/{name}", "namespace": name}
    if name in known.AUTHORIZATIONS:
        application, role = known.AUTHORIZATIONS[name]
        shown["authorizations"] = [{"applicationId": application, "roleDefinitionId": role}]
    shown["resourceTypes"] = [_kind(name, kind, abilities) for kind, abilities in known.TYPES[name].items()]
    policy = "RegistrationFree" if name in known.FREE else "RegistrationRequired"
    return shown | {"registrationState": _STATES.state(ctx, name), "registrationPolicy": policy}


def _kind(namespace: str, kind: str, abilities: str) -> dict[str, Any]:
    versions = known.VERSIONS[namespace]
    shown: dict[str, Any] = {
        "resourceType": kind,
        "locations": []
        if namespace in known.NO_LOCATION
        else [locations.display_name(region) for region in locations.ALL],
        "apiVersions": list(versions),
        "defaultApiVersion": versions[0],
    }
    if kind in known.ZONED:
        shown["zoneMappings"] = [
            {"location": locations.display_name(region), "zones": ["2", "1", "3"]} for region in locations.ZONED
        ]
    return shown | {"capabilities": abilities}


def get_type(ctx: Context) -> Reply:
    """A provider as the tenant sees it: without a registration."""
    shown = _present(ctx, _name(ctx))
    return Reply(
        200, {key: shown[key] for key in ("namespace", "resourceTypes")} | {"id": f"/providers/{shown['namespace']}"}
    )


hooks.before.append(_check_registered)

_ROOT = "/subscriptions/{subscription}/providers"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", _ROOT, list_providers, evidence=_KNOWN, waits=True),
    Route("GET", f"{_ROOT}/{{namespace}}", get_provider, evidence=_KNOWN),
    Route("GET", "/providers/{namespace}", get_type, evidence=_KNOWN),
    Route("POST", f"{_ROOT}/{{namespace}}/register", register, evidence=_KNOWN),
    Route("POST", f"{_ROOT}/{{namespace}}/unregister", unregister, evidence=_KNOWN),
]
