# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a deployment deploys to, and the ids that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from azure_emulator.services.deployments.language.errors import ExpressionError, cannot

TYPE = "Microsoft.Resources/deployments"
GROUP_TYPE = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True, slots=True)
class Target:
    """A resource group, or (``group`` empty) a subscription."""

    subscription: str
    group: str = ""

    @property
    def id(self) -> str:
        base = f"/subscriptions/{self.subscription}"
        return f"{base}/resourceGroups/{self.group}" if self.group else base

    def deployment(self, name: str) -> str:
        """The id of a deployment here."""
        return f"{self.id}/providers/{TYPE}/{name}"

    def resource(self, resource_type: str, name: str) -> str:
        """The id of a resource here; the name's parts are separated by slashes.

        :raises ExpressionError: when type and name have different numbers of parts.
        """
        if resource_type.lower() == GROUP_TYPE.lower() and not self.group:
            return f"{self.id}/resourceGroups/{name}"
        return f"{self.id}/providers/{joined(resource_type, name.split('/'))}"


def of_id(resource_id: str) -> Target:
    """The target that a resource lies in."""
    parts = resource_id.split("/")
    group = parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""
    return Target(parts[2] if len(parts) > 2 else "", group)


def joined(resource_type: str, names: list[str]) -> str:
    """``Microsoft.Network/virtualNetworks/v/subnets/s`` from the type and the names.

    :raises ExpressionError: when the numbers do not match.
    """
    namespace, *kinds = resource_type.split("/")
    if len(kinds) != len(names) or not kinds or not all(names):
        raise ExpressionError("the number of segments of type and name do not match")
    pairs = zip(kinds, names, strict=True)
    return "/".join([namespace, *(f"{kind}/{name}" for kind, name in pairs)])


def resource_id(function: str, here: Target, arguments: list[str]) -> str:
    """``resourceId([subscription], [group], type, name, …)``: the first argument with a slash is the type."""
    at = next((at for at, argument in enumerate(arguments) if "/" in argument), None)
    most = {"resourceid": 2, "subscriptionresourceid": 1, "tenantresourceid": 0}[function.lower()]
    if at is None or at > most:
        raise cannot(
            function,
            "the type '" + (arguments[0] if arguments else "") + "' requires a fully qualified resource type "
            "('{namespace}/{type}') as an argument.",
        )
    before, resource_type, names = arguments[:at], arguments[at], arguments[at + 1 :]
    if function.lower() == "tenantresourceid":
        return f"/providers/{_checked(function, resource_type, names)}"
    if function.lower() == "subscriptionresourceid":
        subscription = before[0] if before else here.subscription
        return f"/subscriptions/{subscription}/providers/{_checked(function, resource_type, names)}"
    subscription = before[0] if len(before) == 2 else here.subscription
    group = before[-1] if before else here.group
    return f"{Target(subscription, group).id}/providers/{_checked(function, resource_type, names)}"


def extension_resource_id(arguments: list[str]) -> str:
    """``extensionResourceId(base, type, name, …)``."""
    base, resource_type, *names = arguments
    return f"{base.rstrip('/')}/providers/{_checked('extensionResourceId', resource_type, names)}"


def _checked(function: str, resource_type: str, names: list[str]) -> str:
    try:
        return joined(resource_type, names)
    except ExpressionError:
        raise cannot(
            function,
            f"the type '{resource_type}' requires '{resource_type.count('/')}' resource name argument(s).",
        ) from None
