# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network security groups and their rules: stored and shown, enforced nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, list_of, number_of, object_of, objects_of, required_text, text_of
from azure_emulator.services.network import _shared
from azure_emulator.services.network._shared import Kind

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_TYPE = "Microsoft.Network/networkSecurityGroups"
_DEFAULTS = (
    ("AllowVnetInBound", "Allow inbound traffic from all VMs in VNET", 65000, "Allow", "Inbound", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "Allow inbound traffic from azure load balancer", 65001, "Allow", "Inbound", "*"),
    ("DenyAllInBound", "Deny all inbound traffic", 65500, "Deny", "Inbound", "*"),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        65000,
        "Allow",
        "Outbound",
        "VirtualNetwork",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        65001,
        "Allow",
        "Outbound",
        "Internet",
    ),
    ("DenyAllOutBound", "Deny all outbound traffic", 65500, "Deny", "Outbound", "*"),
)
_SOURCES = {
    "AllowVnetInBound": "VirtualNetwork",
    "AllowAzureLoadBalancerInBound": "AzureLoadBalancer",
    "AllowVnetOutBound": "VirtualNetwork",
}
_SINGLE = ("sourcePortRange", "destinationPortRange", "sourceAddressPrefix", "destinationAddressPrefix")
_PLURAL = ("sourcePortRanges", "destinationPortRanges", "sourceAddressPrefixes", "destinationAddressPrefixes")
_PROTOCOLS = ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*")


def _build(ctx: Context, doc: Doc, _found: Doc | None) -> None:
    rules: list[Doc] = []
    for wanted in objects_of(ctx.body, "properties", "securityRules"):
        rules.append(_rule(doc, required_text(wanted, "name"), wanted, rules))
    doc["properties"]["securityRules"] = rules
    doc["properties"]["defaultSecurityRules"] = [
        _member(doc, "defaultSecurityRules", name, _default(name, text, priority, access, direction, destination))
        for name, text, priority, access, direction, destination in _DEFAULTS
    ]


def _default(name: str, text: str, priority: int, access: str, direction: str, destination: str) -> Doc:
    return {
        "description": text,
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        "sourceAddressPrefix": _SOURCES.get(name, "*"),
        "destinationAddressPrefix": destination,
        "access": access,
        "priority": priority,
        "direction": direction,
        **{name: [] for name in _PLURAL},
    }


def _member(group: Doc, collection: str, name: str, properties: Doc) -> Doc:
    return {
        "name": name,
        "id": f"{group['id']}/{collection}/{name}",
        "etag": "",
        "type": f"{_TYPE}/{collection}",
        "properties": {"provisioningState": "Updating", **properties},
    }


def _rule(group: Doc, name: str, wanted: Any, others: list[Doc]) -> Doc:
    """A rule as it is shown; no two of a direction may have the same priority."""
    _shared.check_name(name)
    given = object_of(wanted, "properties")
    description = text_of(given, "description")
    properties: Doc = {"description": description} if description else {}
    properties["protocol"] = choice_of(given, _PROTOCOLS, "protocol") or _missing(name, "protocol")
    properties |= {key: value for key in _SINGLE if (value := text_of(given, key)) is not None}
    properties |= {
        "access": choice_of(given, ("Allow", "Deny"), "access") or _missing(name, "access"),
        "priority": number_of(given, "priority") or _missing(name, "priority"),
        "direction": choice_of(given, ("Inbound", "Outbound"), "direction") or _missing(name, "direction"),
    }
    properties |= {key: list_of(given, key) for key in _PLURAL}
    if not 100 <= int(properties["priority"]) <= 4096:
        raise ArmError(
            400,
            "SecurityRuleInvalidPriority",
            f"Security rule has invalid Priority. Value provided: {properties['priority']} Allowed range 100-4096.",
        )
    for other in others:
        same = [other["properties"][key] == properties[key] for key in ("priority", "direction")]
        if all(same) and other["name"].lower() != name.lower():
            raise ArmError(
                400,
                "SecurityRuleConflict",
                f"Security rule {name} conflicts with rule {other['name']}. Rules cannot have the same Priority and Direction.",
            )
    return _member(group, "securityRules", name, properties)


def _missing(rule: str, name: str) -> Any:
    raise ArmError(
        400,
        "SecurityRuleParameterMissing",
        f"Required security rule parameters are missing for security rule with Id: {rule}. Security rule must specify {name}.",
    )


def _shown(scope: Scope, doc: Doc) -> Doc:
    """With the interfaces and subnets that use the group."""
    using: dict[str, list[dict[str, str]]] = {}
    for entry in _shared.users(scope, doc["id"]):
        name = "networkInterfaces" if entry["value"] == "interface" else "subnets"
        using.setdefault(name, []).append({"id": entry["user"]})
    return doc | {"properties": doc["properties"] | using}


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


KIND = Kind(
    "networkSecurityGroups",
    _build,
    _check_unused,
    _removed,
    retry_after=3,
    parts=("securityRules", "defaultSecurityRules"),
    shown=_shown,
)


# --- rules as resources of their own ----------------------------------------------------------------------------------
def put_rule(ctx: Context) -> Reply:
    group = _shared.parent_of(ctx, KIND.name, "rule")
    _shared.check_not_deleting(ctx, group)
    rules = group["properties"]["securityRules"]
    found = _shared.part_of(group, "securityRules", ctx.ids["rule"])
    rule = _rule(group, found["name"] if found else ctx.ids["rule"], ctx.body, rules)
    if found:
        rules[rules.index(found)] = rule
    else:
        rules.append(rule)
    _shared.save(ctx, group)
    operation = ctx.operations.start("network", group["location"], "network.rule.put", {"id": rule["id"]}, rule["id"])
    shown = _shared.present(rule, ctx.api_version)
    return Reply(200 if found else 201, shown, _shared.started(ctx, operation))


@effect("network.rule.put")
def _rule_put(scope: Scope, args: dict[str, Any]) -> None:
    found = _shared.whole_and_part(scope, args["id"], "securityRules")
    if found:
        group, rule = found
        rule["properties"]["provisioningState"] = "Succeeded"
        _shared.save(scope, group)


def get_rule(ctx: Context) -> Reply:
    return _get(ctx, "securityRules")


def get_default_rule(ctx: Context) -> Reply:
    return _get(ctx, "defaultSecurityRules")


def _get(ctx: Context, collection: str) -> Reply:
    group = _shared.parent_of(ctx, KIND.name, "rule")
    rule = _shared.part_of(group, collection, ctx.ids["rule"])
    if rule is None:
        raise _shared.part_not_found(group, collection, ctx.ids["rule"])
    return Reply(200, _shared.present(rule, ctx.api_version), {"ETag": rule["etag"]})


def list_rules(ctx: Context) -> Reply:
    return _list(ctx, "securityRules")


def list_default_rules(ctx: Context) -> Reply:
    return _list(ctx, "defaultSecurityRules")


def _list(ctx: Context, collection: str) -> Reply:
    rules = _shared.parent_of(ctx, KIND.name, "rule")["properties"][collection]
    return Reply(200, {"value": [_shared.present(rule, ctx.api_version) for rule in rules]})


def delete_rule(ctx: Context) -> Reply:
    group = _shared.parent_of(ctx, KIND.name, "rule")
    rule = _shared.part_of(group, "securityRules", ctx.ids["rule"])
    if rule is None:
        return Reply(204)
    ctx.operations.cancel(rule["id"])
    rule["properties"]["provisioningState"] = "Deleting"
    _shared.save(ctx, group)
    operation = ctx.operations.start(
        "network", group["location"], "network.rule.delete", {"id": rule["id"]}, rule["id"]
    )
    return Reply(202, None, _shared.started(ctx, operation))


@effect("network.rule.delete")
def _rule_deleted(scope: Scope, args: dict[str, Any]) -> None:
    found = _shared.whole_and_part(scope, args["id"], "securityRules")
    if found:
        group, rule = found
        group["properties"]["securityRules"].remove(rule)
        _shared.save(scope, group)


_ONE = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{_TYPE}/{{name}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    *_shared.routes(KIND),
    Route("GET", f"{_ONE}/securityRules", list_rules, evidence=_KNOWN),
    Route("PUT", f"{_ONE}/securityRules/{{rule}}", put_rule, evidence=_KNOWN),
    Route("GET", f"{_ONE}/securityRules/{{rule}}", get_rule, evidence=_KNOWN),
    Route("DELETE", f"{_ONE}/securityRules/{{rule}}", delete_rule, evidence=_KNOWN),
    Route("GET", f"{_ONE}/defaultSecurityRules", list_default_rules, evidence=_KNOWN),
    Route("GET", f"{_ONE}/defaultSecurityRules/{{rule}}", get_default_rule, evidence=_KNOWN),
]
