# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public IP addresses. The addresses are from the documentation ranges: nothing ever answers there."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids
from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import choice_of, list_of, number_of, object_of, text_of
from azure_emulator.services.network import _shared
from azure_emulator.services.network._shared import Kind

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc

_RANGES = ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/15")
_ADDRESSES = "network.public"
_LABEL = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")


def _build(ctx: Context, doc: Doc, found: Doc | None) -> None:
    sku = choice_of(ctx.body, ("Basic", "Standard"), "sku", "name") or "Basic"
    fallback = "Static" if sku == "Standard" and ctx.api_version >= "2020-08-01" else "Dynamic"
    method = choice_of(ctx.body, ("Dynamic", "Static"), "properties", "publicIPAllocationMethod") or fallback
    if sku == "Standard" and method == "Dynamic":
        raise ArmError(
            400,
            "PublicIPAndStandardSkuMustUseStaticAllocation",
            f"Standard sku publicIp {doc['id']} must have AllocationMethod set to Static.",
        )
    old = found["properties"] if found else {}
    properties = doc["properties"]
    properties |= {
        "publicIPAddressVersion": choice_of(ctx.body, ("IPv4", "IPv6"), "properties", "publicIPAddressVersion")
        or "IPv4",
        "publicIPAllocationMethod": method,
        "idleTimeoutInMinutes": number_of(ctx.body, "properties", "idleTimeoutInMinutes") or 4,
        "ipTags": list_of(ctx.body, "properties", "ipTags"),
        "ddosSettings": {"protectionMode": "VirtualNetworkInherited"}
        | object_of(ctx.body, "properties", "ddosSettings"),
    }
    label = text_of(ctx.body, "properties", "dnsSettings", "domainNameLabel")
    if label:
        properties["dnsSettings"] = _dns(doc, label)
    properties |= {key: old[key] for key in ("ipAddress", "ipConfiguration") if key in old}
    doc["sku"] = {"name": sku, "tier": "Regional"}


def _dns(doc: Doc, label: str) -> dict[str, str]:
    if not _LABEL.fullmatch(label):
        raise ArmError(
            400,
            "InvalidDomainNameLabel",
            f"The domain name label {label[:80]} is invalid. It must conform to the following regular expression: "
            "^[a-z][a-z0-9-]{1,61}[a-z0-9]$.",
        )
    return {"domainNameLabel": label, "fqdn": f"{label}.{doc['location']}.cloudapp.azure.com"}


def allocate(scope: Scope, public_id: str) -> str:
    """A free address for a public address resource."""
    taken = {address for address, _ignored in scope.store.kv_items(_ADDRESSES)}
    for text in _RANGES:
        for host in ipaddress.ip_network(text).hosts():
            if str(host) not in taken:
                scope.store.kv_put(_ADDRESSES, str(host), public_id)
                return str(host)
    raise ArmError(
        429, "PublicIPCountLimitReached", "Cannot create more public IP addresses for this subscription in this region."
    )


def bind(scope: Scope, reference: Any, configuration_id: str) -> str:
    """Give a public address to an interface's IP configuration; the address's id.

    :raises ArmError: 400 ``PublicIPAddressInUse``.
    """
    doc = _shared.required(scope, reference, KIND.type)
    holder = object_of(doc, "properties", "ipConfiguration").get("id")
    if holder and not ids.same(holder, configuration_id):
        raise ArmError(
            400,
            "PublicIPAddressInUse",
            f"Resource {configuration_id} is referencing public IP address {doc['id']} that is already allocated to resource {holder}.",
        )
    doc["properties"]["ipConfiguration"] = {"id": configuration_id}
    _shared.save(scope, doc)
    return str(doc["id"])


def release(scope: Scope, public_id: str) -> None:
    """Take a public address from its interface; a dynamic one loses its number."""
    doc = scope.store.get(public_id)
    if doc:
        doc["properties"].pop("ipConfiguration", None)
        if doc["properties"]["publicIPAllocationMethod"] == "Dynamic":
            free(scope, doc)
        _shared.save(scope, doc)


def number(scope: Scope, public_id: str) -> None:
    """A machine with this address starts: a dynamic one gets its number."""
    doc = scope.store.get(public_id)
    if doc and "ipAddress" not in doc["properties"]:
        doc["properties"]["ipAddress"] = allocate(scope, doc["id"])
        _shared.save(scope, doc)


def free(scope: Scope, doc: Doc) -> None:
    """Forget the number in a document (not saved here)."""
    address = doc["properties"].pop("ipAddress", None)
    if address:
        scope.store.kv_delete(_ADDRESSES, address)


def _check_unused(_scope: Scope, doc: Doc) -> None:
    holder = doc["properties"].get("ipConfiguration")
    if holder:
        raise ArmError(
            400,
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {doc['id']} can not be deleted since it is still allocated to resource {holder['id']}. In order "
            "to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do "
            "this, see aka.ms/deletepublicip.",
        )


def _done(scope: Scope, doc: Doc) -> None:
    """A static address has its number when the operation is over [recorded]."""
    if doc["properties"]["publicIPAllocationMethod"] == "Static" and "ipAddress" not in doc["properties"]:
        doc["properties"]["ipAddress"] = allocate(scope, doc["id"])


KIND = Kind("publicIPAddresses", _build, _check_unused, free, retry_after=1, done=_done)
ROUTES = _shared.routes(KIND)
