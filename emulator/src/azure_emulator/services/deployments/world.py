# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions that look at Azure: where the deployment goes, what resources say, which providers there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import internal, locations
from azure_emulator.core.store import public
from azure_emulator.services.deployments.language.errors import ExpressionError, cannot
from azure_emulator.services.deployments.language.table import check_count

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.tokens import Principal
    from azure_emulator.services.deployments.targets import Target

_RESOURCES_VERSION = "2021-04-01"


@dataclass(slots=True)
class World:
    """What a deployment sees, with its principal's eyes, in one transaction."""

    scope: Scope
    principal: Principal

    def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
        """A resource as its provider shows it.

        :raises ArmError: what a client would be told.
        """
        reply = internal.request(self.scope, self.principal, "GET", resource_id, api_version).reply
        return public(reply.body) if isinstance(reply.body, dict) else {}

    def post(self, resource_id: str, action: str, api_version: str, body: Any) -> Any:
        """The answer of an action that lists something (``listKeys``)."""
        path = f"{resource_id.rstrip('/')}/{action}"
        given = body if isinstance(body, dict) else {}
        return internal.request(self.scope, self.principal, "POST", path, api_version, given).reply.body

    def group(self, target: Target) -> dict[str, Any]:
        """``resourceGroup()``."""
        if not target.group:
            raise ExpressionError(
                "The template function 'resourceGroup' is not expected at this location: the deployment is one of a subscription"
            )
        return self.get(target.id, _RESOURCES_VERSION)

    def subscription(self, target: Target) -> dict[str, Any]:
        """``subscription()``."""
        found = self.get(f"/subscriptions/{target.subscription}", _RESOURCES_VERSION)
        return {name: found[name] for name in ("id", "subscriptionId", "tenantId", "displayName")}

    def tenant(self) -> dict[str, Any]:
        """``tenant()``."""
        tenant = self.principal.tenant
        return {"id": "/", "tenantId": tenant, "countryCode": "US", "displayName": "Local Azure"}

    def environment(self) -> dict[str, Any]:
        """``environment()``: this cloud's addresses."""
        base = f"{self.scope.base_url}/"
        return {
            "name": "AzureCloud",
            "gallery": "https://gallery.azure.com/",
            "graph": "https://graph.windows.net/",
            "portal": "https://portal.azure.com",
            "resourceManager": base,
            "authentication": {
                "loginEndpoint": base,
                "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "suffixes": {
                "storage": "core.windows.net",
                "keyvaultDns": ".vault.azure.net",
                "sqlServerHostname": ".database.windows.net",
                "acrLoginServer": ".azurecr.io",
            },
        }

    def providers(self, target: Target, namespace: str, kind: str | None) -> dict[str, Any]:
        """``providers(namespace, [type])``."""
        found = self.get(f"/subscriptions/{target.subscription}/providers/{namespace}", _RESOURCES_VERSION)
        if kind is None:
            return found
        types = {entry["resourceType"].lower(): entry for entry in found["resourceTypes"]}
        entry = types.get(kind.lower())
        if entry is None:
            # A type that is served without being listed: its versions are those of the others.
            entry = {**found["resourceTypes"][0], "resourceType": kind}
        return {name: entry[name] for name in ("resourceType", "locations", "apiVersions")}


def pick_zones(arguments: list[Any]) -> list[str]:
    """``pickZones(namespace, type, location, [count], [offset])``."""
    check_count("pickZones", len(arguments), 3, 5)
    for argument in arguments[:3]:
        if not isinstance(argument, str):
            raise cannot("pickZones", "namespace, type and location must be strings.")
    count = arguments[3] if len(arguments) > 3 else 1
    offset = arguments[4] if len(arguments) > 4 else 0
    if not isinstance(count, int) or not isinstance(offset, int) or not 1 <= count <= 3 or not 0 <= offset <= 3:
        raise cannot("pickZones", "the number of zones must be from 1 to 3 and the offset from 0 to 3.")
    if locations.normalize(arguments[2]) not in locations.ZONED:
        raise cannot("pickZones", f"the location '{arguments[2]}' has no zones for this type.")
    zones = ["1", "2", "3"][offset : offset + count]
    if len(zones) < count:
        raise cannot("pickZones", "there are not that many zones after the offset.")
    return zones
