# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment as it is stored, and what of it clients see [recorded, unless said otherwise]."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure_emulator.services.deployments.language.texts import template_hash
from azure_emulator.services.deployments.parameters import declared, is_secure, shown_type
from azure_emulator.services.deployments.plan import Planned
from azure_emulator.services.deployments.targets import TYPE, Target, of_id

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc
    from azure_emulator.services.deployments.program import Program

_SUBSCRIPTIONS = "deployments.subscription"
_MAX_TICKS = 2**63 - 1
_EPOCH_TICKS = 621_355_968_000_000_000

#: States in which nothing more happens.
ENDED = ("Succeeded", "Failed", "Canceled")


def load(scope: Scope, deployment_id: str) -> Doc | None:
    """The document of a deployment of a group or a subscription."""
    if of_id(deployment_id).group:
        return scope.store.get(deployment_id)
    found: Doc | None = scope.store.kv_get(_SUBSCRIPTIONS, deployment_id.lower())
    return found


def save(scope: Scope, doc: Doc) -> None:
    if of_id(doc["id"]).group:
        scope.store.put(doc["id"], doc)
    else:
        scope.store.kv_put(_SUBSCRIPTIONS, doc["id"].lower(), doc)


def delete(scope: Scope, deployment_id: str) -> None:
    if of_id(deployment_id).group:
        scope.store.delete(deployment_id)
    else:
        scope.store.kv_delete(_SUBSCRIPTIONS, deployment_id.lower())


def all_of(scope: Scope, target: Target) -> list[Doc]:
    """The deployments of a target, the latest first."""
    if target.group:
        found = scope.store.list(type=TYPE, subscription=target.subscription, group=target.group)
    else:
        prefix = f"{target.deployment('')}".lower()
        found = [doc for _ignored, doc in scope.store.kv_items(_SUBSCRIPTIONS, prefix)]
    return sorted(found, key=lambda doc: str(doc["properties"]["timestamp"]), reverse=True)


def planned(doc: Doc, key: str = "_plan") -> list[Planned]:
    return [Planned(**one) for one in doc[key]]


def sequence(now: float) -> str:
    """The number of a run: what is left of .NET's time, so that later runs come first."""
    return f"{_MAX_TICKS - int(now * 10_000_000) - _EPOCH_TICKS:020d}"


def duration(seconds: float) -> str:
    """``PT1M3.5555714S``."""
    whole = max(0, round(seconds * 10_000_000))
    minutes, rest = divmod(whole, 600_000_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    second = f"{rest // 10_000_000}.{rest % 10_000_000:07d}".rstrip("0").rstrip(".")
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    time += f"{second}S" if second != "0" or not (time or days) else ""
    return f"P{f'{days}D' if days else ''}{f'T{time}' if time else ''}"


def camel(name: str) -> str:
    """``VMSS`` is ``vmss``, ``VMName`` is ``vmName``: how Azure's serializer spells the keys of a map."""
    head = re.match(r"[A-Z]+", name)
    if not head:
        return name
    upper = head[0]
    if len(upper) == len(name) or len(upper) == 1 or not name[len(upper)].isalpha():
        return upper.lower() + name[len(upper) :]
    return upper[:-1].lower() + upper[-1] + name[len(upper) :]


def properties(program: Program, now: float, correlation: str) -> dict[str, Any]:
    """What is known when a deployment has been accepted."""
    shown: dict[str, Any] = {"templateHash": template_hash(program.template)}
    if isinstance(program.template.get("parameters"), dict):
        shown["parameters"] = _parameters(program)
    return shown | {
        "mode": program.mode,
        "provisioningState": "Accepted",
        "timestamp": program.world.scope.clock.iso_z(now),
        "duration": duration(0.0),
        "correlationId": correlation,
        "providers": _providers(program.planned),
        "dependencies": _dependencies(program.planned),
    }


def resources(scope: Scope, plan: list[Planned]) -> list[dict[str, str]]:
    """``outputResources``: what has been deployed, nested deployments' resources in their place, in the order of ids."""
    found: list[dict[str, str]] = []
    for one in plan:
        nested = load(scope, one.id) if one.is_deployment else None
        if one.state == "Succeeded":
            found += nested["properties"].get("outputResources", []) if nested else [{"id": one.id}]
    return sorted(found, key=lambda entry: entry["id"].lower())


def others(scope: Scope, target: Target, plan: list[Planned]) -> list[Doc]:
    """What a group has besides a plan and what its nested deployments have made there.

    Children go with their parents. What the plan only refers to (``existing``) is among the others [documented].
    """
    if not target.group:
        return []
    known = {one.id.lower() for one in plan if one.state != "Skipped"} | {target.id.lower()}
    known |= {entry["id"].lower() for entry in resources(scope, plan)}
    found = scope.store.list(subscription=target.subscription, group=target.group)
    whole = [doc for doc in found if "location" in doc and str(doc["type"]).count("/") == 1]
    return [doc for doc in whole if doc["id"].lower() not in known]


def is_surplus(doc: Doc) -> bool:
    """Whether the complete mode deletes one of those: what another resource manages, such as a disk, stays [documented]."""
    return not doc.get("managedBy")


def operations(doc: Doc) -> list[dict[str, Any]]:
    """The deployment's operations, as far as they have begun."""
    shown = [
        _operation(doc, one.operation_id, _operation_properties(one))
        for key in ("_plan", "_removals")
        for one in planned(doc, key)
        if one.started is not None
    ]
    last = doc.get("_evaluated")
    if last:
        state = {"provisioningOperation": "EvaluateDeploymentOutput", **last}
        shown.append(_operation(doc, doc["_sequence"], state))
    return shown


def _operation(doc: Doc, identity: str, shown: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"{doc['id']}/operations/{identity}", "operationId": identity, "properties": shown}


def _operation_properties(one: Planned) -> dict[str, Any]:
    ended, started = one.ended, one.started or 0.0
    shown: dict[str, Any] = {
        "provisioningOperation": "Delete" if one.verb == "DELETE" else "Create",
        "provisioningState": one.state,
        "timestamp": _iso(ended if ended is not None else started),
        "duration": duration(0.0 if ended is None else ended - started),
        "trackingId": one.tracking,
        "serviceRequestId": str(uuid.uuid5(uuid.NAMESPACE_OID, one.tracking)),
    }
    if one.status_code:
        shown["statusCode"] = one.status_code
    if one.failure:
        shown["statusMessage"] = one.failure["message"]
    shown["targetResource"] = {"id": one.id, "resourceType": one.type, "resourceName": one.name}
    return shown


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _parameters(program: Program) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, declaration in declared(program.template).items():
        entry: dict[str, Any] = {"type": shown_type(declaration)}
        if not is_secure(declaration):
            entry["value"] = program.parameters[name]
        shown[camel(name)] = entry
    return shown


def _providers(plan: list[Planned]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, list[str | None]]] = {}
    for one in plan:
        if one.state == "Skipped":
            continue
        namespace, _ignored, kind = one.type.partition("/")
        places = found.setdefault(namespace, {}).setdefault(kind, [])
        if one.location not in places:
            places.append(one.location)
    return [
        {
            "namespace": namespace,
            "resourceTypes": [{"resourceType": kind, "locations": places} for kind, places in kinds.items()],
        }
        for namespace, kinds in found.items()
    ]


def _dependencies(plan: list[Planned]) -> list[dict[str, Any]]:
    return [
        {"dependsOn": one.links, "id": one.id, "resourceType": one.type, "resourceName": one.name}
        for one in plan
        if one.links and one.state != "Skipped"
    ]
