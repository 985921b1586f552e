# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a region a subscription may use: quotas, and the list of usages.

Recorded: the list's shape, its names, the older text of a refusal. Documented: the newer texts, and that deallocated
machines count. Every limit is wide enough for load tests until it is set, as in Azure through ``Microsoft.Quota``:
``PUT /subscriptions/{s}/providers/Microsoft.Compute/locations/{l}/providers/Microsoft.Quota/quotas/cores``; a request
for more or less is granted at once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import missing, number_of, object_of
from azure_emulator.services.compute._shared import LOCATION, PROVIDER, invalid, location_of
from azure_emulator.services.compute.sizes import all_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure_emulator.services.compute.sizes import VmSize

_NAMESPACE = "compute.quota"
_DEFAULT = 10_000
_MOST = 2**31 - 1
# Quotas that are no family of sizes: label and limit.
_OTHERS = {
    "availabilitySets": ("Availability Sets", 2500),
    "cores": ("Total Regional vCPUs", _DEFAULT),
    "virtualMachines": ("Virtual Machines", 25000),
    "virtualMachineScaleSets": ("Virtual Machine Scale Sets", 2500),
    "dedicatedVCpus": ("Dedicated vCPUs", 3000),
    "cloudServices": ("Cloud Services", 2500),
    "lowPriorityCores": ("Total Regional Low-priority vCPUs", _DEFAULT),
}
# Quotas of which each resource of a type takes one.
_COUNTED = ("availabilitySets", "virtualMachineScaleSets")
# With older API versions the text was another one [recorded]; the bound is guessed.
_NEW_TEXT = "2019-03-01"


def _key(subscription: str, location: str, name: str) -> str:
    return f"{subscription}/{location}/{name}".lower()


def limit(scope: Scope, subscription: str, location: str, name: str) -> int:
    """The limit of a quota in a region."""
    found = scope.store.kv_get(_NAMESPACE, _key(subscription, location, name))
    return int(_OTHERS.get(name, ("", _DEFAULT))[1] if found is None else found)


def check_quota(ctx: Context, location: str, size: VmSize, priority: str | None = None) -> None:
    """Refuse a machine that would take more cores than the quotas allow.

    :raises ArmError: 409 ``OperationNotAllowed``.
    """
    _check_cores(ctx, location, dict.fromkeys(_quotas_of(size, priority), size.cores))


def check_quotas(ctx: Context, wanted: list[dict[str, Any]]) -> None:
    """The same for all new machines of a template together.

    :raises ArmError: 409 ``QuotaExceeded``, as the validation of templates calls it [recorded elsewhere].
    """
    more: dict[str, Counter[str]] = {}
    for body in wanted:
        properties = object_of(body, "properties")
        name = object_of(properties, "hardwareProfile").get("vmSize")
        size = all_sizes().get(name.lower()) if isinstance(name, str) else None
        if size is None or ctx.store.exists(body["id"]):
            continue
        priority = properties.get("priority")
        counts = more.setdefault(str(body.get("location") or ""), Counter())
        for quota in _quotas_of(size, priority if isinstance(priority, str) else None):
            counts[quota] += size.cores
    for location, cores in more.items():
        try:
            _check_cores(ctx, location, cores)
        except ArmError as error:
            raise ArmError(error.status, "QuotaExceeded", error.message) from None


hooks.preflight[f"{PROVIDER}/virtualMachines".lower()] = check_quotas


def _quotas_of(size: VmSize, priority: str | None) -> tuple[str, ...]:
    return ("lowPriorityCores",) if (priority or "").lower() in ("spot", "low") else (size.family, "cores")


def _check_cores(ctx: Context, location: str, more: Mapping[str, int]) -> None:
    used = _cores_used(ctx, ctx.subscription, location)
    for name, cores in more.items():
        allowed = limit(ctx, ctx.subscription, location, name)
        if used.get(name, 0) + cores > allowed:
            raise _exceeded(ctx, location, name, allowed, used.get(name, 0), cores)


def _exceeded(ctx: Context, location: str, name: str, allowed: int, used: int, more: int) -> ArmError:
    if ctx.api_version < _NEW_TEXT:
        return ArmError(
            409,
            "OperationNotAllowed",
            f"Operation results in exceeding quota limits of Core. Maximum allowed: {allowed}, Current in use: {used}, "
            f"Additional requested: {more}.",
        )
    words = {"cores": "Total Regional", "lowPriorityCores": "LowPriorityCores"}.get(name, name)
    noun = "quota" if name == "lowPriorityCores" else "Cores quota"
    return ArmError(
        409,
        "OperationNotAllowed",
        f"Operation could not be completed as it results in exceeding approved {words} {noun}. Additional details - "
        f"Deployment Model: Resource Manager, Location: {location}, Current Limit: {allowed}, Current Usage: {used}, "
        f"Additional Required: {more}, (Minimum) New Limit Required: {used + more}. Submit a request for Quota increase by "
        "specifying parameters listed in the 'Details' section for deployment to succeed. Please read more about quota "
        "limits at https://docs.microsoft.com/en-us/azure/azure-supportability/"
        + ("regional-quota-requests" if name == "cores" else "per-vm-quota-requests"),
    )


def _cores_used(scope: Scope, subscription: str, location: str) -> dict[str, int]:
    """Cores by quota, with ``cores`` for all together and ``virtualMachines`` for the number of machines."""
    sql = (
        "SELECT lower(json_extract(doc, '$.properties.hardwareProfile.vmSize')),"
        " lower(coalesce(json_extract(doc, '$.properties.priority'), '')), count(*) FROM resources"
        " WHERE type = ? AND subscription = ? AND location = ? GROUP BY 1, 2"
    )
    rows = scope.store.read(sql, f"{PROVIDER}/virtualMachines".lower(), subscription.lower(), location)
    used = {"cores": 0, "lowPriorityCores": 0, "virtualMachines": 0}
    for name, priority, count in rows:
        used["virtualMachines"] += count
        size = all_sizes().get(name)
        if size is None:
            continue
        for quota in _quotas_of(size, priority):
            used[quota] = used.get(quota, 0) + size.cores * count
    return used


def _labels() -> dict[str, str]:
    """The names of all quotas, for people."""
    families = {size.family: size.family_label for size in all_sizes().values()}
    return {name: label for name, (label, _limit) in _OTHERS.items()} | families


def _usages(ctx: Context) -> Reply:
    location = location_of(ctx)
    used = _cores_used(ctx, ctx.subscription, location)
    for name in _COUNTED:
        found = ctx.store.list(type=f"{PROVIDER}/{name}", subscription=ctx.subscription)
        used[name] = sum(1 for doc in found if doc["location"] == location)
    usages = [_usage(ctx, location, name, label, used.get(name, 0)) for name, label in _labels().items()]
    return Reply(200, {"value": usages})


def _usage(ctx: Context, location: str, name: str, label: str, used: int) -> dict[str, Any]:
    return {
        "limit": limit(ctx, ctx.subscription, location, name),
        "unit": "Count",
        "currentValue": used,
        "name": {"value": name, "localizedValue": label},
    }


# Microsoft.Quota -------------------------------------------------------------------------------------------------


def _quota(ctx: Context, location: str, name: str, label: str) -> dict[str, Any]:
    scope = f"/subscriptions/{ctx.subscription}/providers/{PROVIDER}/locations/{location}"
    return {
        "id": f"{scope}/providers/Microsoft.Quota/quotas/{name}",
        "type": "Microsoft.Quota/Quotas",
        "name": name,
        "properties": {
            "limit": {
                "limitObjectType": "LimitValue",
                "limitType": "Independent",
                "value": limit(ctx, ctx.subscription, location, name),
            },
            "unit": "Count",
            "name": {"value": name, "localizedValue": label},
            "isQuotaApplicable": True,
            "properties": {},
        },
    }


def _named(ctx: Context) -> tuple[str, str]:
    """Name and label of the quota in the path."""
    for name, label in _labels().items():
        if name.lower() == ctx.ids["quota"].lower():
            return name, label
    raise ArmError(404, "ResourceNotFound", f"The quota '{ctx.ids['quota']}' was not found.")


def _get(ctx: Context) -> Reply:
    location = location_of(ctx)
    return Reply(200, _quota(ctx, location, *_named(ctx)))


def _list(ctx: Context) -> Reply:
    location = location_of(ctx)
    return Reply(200, {"value": [_quota(ctx, location, name, label) for name, label in _labels().items()]})


def _put(ctx: Context) -> Reply:
    location = location_of(ctx)
    name, label = _named(ctx)
    wanted = number_of(object_of(ctx.body, "properties", "limit"), "value")
    if wanted is None:
        raise missing("value", "properties.limit")
    if not 0 <= wanted <= _MOST:
        raise invalid("The value of parameter 'limit' is out of range.", "properties.limit")
    ctx.store.kv_put(_NAMESPACE, _key(ctx.subscription, location, name), wanted)
    return Reply(200, _quota(ctx, location, name, label))


_QUOTAS = f"{LOCATION}/providers/Microsoft.Quota/quotas"
ROUTES = [
    Route("GET", f"{LOCATION}/usages", _usages, evidence=documented("2026-11-25")),
    Route("GET", _QUOTAS, _list, evidence=documented("2026-11-25")),
    Route("GET", f"{_QUOTAS}/{{quota}}", _get, evidence=documented("2026-11-25")),
    Route("PUT", f"{_QUOTAS}/{{quota}}", _put, evidence=documented("2026-11-25")),
    Route("PATCH", f"{_QUOTAS}/{{quota}}", _put, evidence=documented("2026-11-25")),
]
