# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preview features of the providers (Microsoft.Features): kept and shown; nothing here depends on one."""

from __future__ import annotations

from typing import Any

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.resources import provider_types as known
from azure_emulator.services.resources.changes import Changing

_STATES = Changing("features", "NotRegistered", "resources.feature.change", 900)
_FEATURES = {
    "Microsoft.Compute": (
        "EncryptionAtHost",
        "SharedDisksForPremium",
        "UseStandardSecurityType",
        "VMHibernationPreview",
        "CommunityGalleries",
        "SIGSharing",
        "AutomaticZoneBalancing",
    ),
    "Microsoft.Network": ("AllowBringYourOwnPublicIpAddress", "AllowMultipleAddressPrefixesOnSubnet"),
    "Microsoft.Storage": ("AllowHNS", "AllowSFTP"),
}


def list_features(ctx: Context) -> Reply:
    """Of all providers, or of one."""
    wanted = ctx.ids.get("namespace", "").lower()
    found = [
        _present(ctx, namespace, name)
        for namespace, names in _FEATURES.items()
        if not wanted or namespace.lower() == wanted
        for name in names
    ]
    return Reply(200, {"value": found})


def get_feature(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, *_find(ctx)))


def register(ctx: Context) -> Reply:
    """Registering takes a quarter of an hour in Azure."""
    return _change(ctx, "Registering", "Registered")


def unregister(ctx: Context) -> Reply:
    return _change(ctx, "Unregistering", "Unregistered")


def _change(ctx: Context, meanwhile: str, after: str) -> Reply:
    namespace, name = _find(ctx)
    _STATES.begin(ctx, f"{namespace}/{name}", meanwhile, after)
    return Reply(200, _present(ctx, namespace, name))


def _find(ctx: Context) -> tuple[str, str]:
    for namespace, names in _FEATURES.items():
        for name in names:
            if (namespace.lower(), name.lower()) == (ctx.ids["namespace"].lower(), ctx.ids["feature"].lower()):
                return namespace, name
    if ctx.ids["namespace"].lower() not in (name.lower() for name in known.TYPES):
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{ctx.ids['namespace']}' is invalid.")
    raise ArmError(404, "FeatureNotFound", f"The feature '{ctx.ids['feature'][:80]}' could not be found.")


def _present(ctx: Context, namespace: str, name: str) -> dict[str, Any]:
    root = f"/subscriptions/{ctx.subscription}/providers/Microsoft.Features/providers/{namespace}/features/{name}"
    return {
        "properties": {"state": _STATES.state(ctx, f"{namespace}/{name}")},
        "id": root,
        "type": "Microsoft.Features/providers/features",
        "name": f"{namespace}/{name}",
    }


_ROOT = "/subscriptions/{subscription}/providers/Microsoft.Features"
_ONE = f"{_ROOT}/providers/{{namespace}}/features/{{feature}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", f"{_ROOT}/features", list_features, evidence=_KNOWN),
    Route("GET", f"{_ROOT}/providers/{{namespace}}/features", list_features, evidence=_KNOWN),
    Route("GET", _ONE, get_feature, evidence=_KNOWN),
    Route("POST", f"{_ONE}/register", register, evidence=_KNOWN),
    Route("POST", f"{_ONE}/unregister", unregister, evidence=_KNOWN),
]
