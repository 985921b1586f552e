# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network security groups: stored and shown, enforced nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import object_of, objects_of, required_text
from azure_emulator.services.network import _shared
from azure_emulator.services.network._shared import Kind

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc

_DEFAULTS = (
    ("AllowVnetInBound", 65000, "Allow", "Inbound", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Allow", "Inbound", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Deny", "Inbound", "*", "*"),
    ("AllowVnetOutBound", 65000, "Allow", "Outbound", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Allow", "Outbound", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Deny", "Outbound", "*", "*"),
)


def _build(ctx: Context, doc: Doc, _found: Doc | None) -> None:
    rules = []
    for wanted in objects_of(ctx.body, "properties", "securityRules"):
        name = required_text(wanted, "name")
        rules.append(
            {
                "name": name,
                "id": f"{doc['id']}/securityRules/{name}",
                "type": "Microsoft.Network/networkSecurityGroups/securityRules",
                "properties": {"provisioningState": "Succeeded", **object_of(wanted, "properties")},
            }
        )
    doc["properties"]["securityRules"] = rules
    doc["properties"]["defaultSecurityRules"] = [
        {
            "name": name,
            "id": f"{doc['id']}/defaultSecurityRules/{name}",
            "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
            "properties": {
                "provisioningState": "Succeeded",
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": access,
                "priority": priority,
                "direction": direction,
            },
        }
        for name, priority, access, direction, source, destination in _DEFAULTS
    ]


def _check_unused(scope: Scope, doc: Doc) -> None:
    using = _shared.users(scope, doc["id"])
    if using:
        names = ", ".join(entry["user"] for entry in using)
        raise ArmError(
            400,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {doc['id']} cannot be deleted because it is in use by the following resources: {names}. "
            "In order to delete the Network security group, remove the association with the resource(s). To learn how to "
            "do this, see aka.ms/deletensg.",
        )


def _removed(_scope: Scope, _doc: Doc) -> None:
    """Nothing points from a security group to others."""


KIND = Kind("networkSecurityGroups", _build, _check_unused, _removed, retry_after=3)
ROUTES = _shared.routes(KIND)
