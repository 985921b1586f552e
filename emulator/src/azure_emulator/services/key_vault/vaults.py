# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key vaults: shapes by API version as in published traffic (2019-2023)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from azure_emulator.core import hooks, ids, locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.paging import paged
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, flag_of, number_of, object_of, objects_of, tags_of, text_of
from azure_emulator.services.key_vault import deleted

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

TYPE = deleted.VAULT_TYPE
_NAME = re.compile(r"(?=.{3,24}$)[A-Za-z]([A-Za-z0-9]|-(?!-))*[A-Za-z0-9]")
#: How long Azure takes to register a vault's name.
_SECONDS = 20
#: Since when answers show something.
_SYSTEM_DATA_SINCE = "2021-04-01"
_PUBLIC_ACCESS_SINCE = "2021-06-01"
_FLAGS = (
    "enabledForDiskEncryption",
    "enabledForTemplateDeployment",
    "enableRbacAuthorization",
    "enablePurgeProtection",
)


def put(ctx: Context) -> Reply:
    """200 at once; the name is registered meanwhile (``RegisteringDns``), and clients read until it is ``Succeeded``."""
    name, group = ctx.ids["name"], ctx.ids["group"]
    if not _NAME.fullmatch(name):
        raise ArmError(400, "VaultNameNotValid", _rule(name))
    location = locations.check(text_of(ctx.body, "location"), TYPE)
    resource_id = ids.resource_id(ctx.subscription, group, TYPE, name)
    found = ctx.store.get(resource_id)
    if found:
        locations.check_unmoved(found["location"], location, name, group)
    gone = None if found else _take(ctx, resource_id, name)
    doc = found or gone or _new(ctx, resource_id, location)
    if gone is None:
        doc["tags"] = tags_of(ctx.body) or {}
        # Everything is replaced but what a vault cannot lose.
        doc["properties"] = _properties(ctx, name, doc["properties"])
    _touch(ctx, doc)
    ctx.store.put(resource_id, doc)
    shown = _present(ctx, doc)
    if found is None and gone is None:
        shown["properties"]["provisioningState"] = "RegisteringDns"
    return Reply(200, shown)


def _registering(ctx: Context) -> float:
    """Seconds in which a new vault is not ready; no operation says so, so that clients who do not wait see none."""
    profile = ctx.operations.profile
    return profile.duration("keyvault.vault.create", _SECONDS if profile.name == "realistic" else 0)


def get(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, _find(ctx)))


def list_vaults(ctx: Context) -> Reply:
    return paged(ctx, type=TYPE, show=lambda doc: _present(ctx, doc))


def patch(ctx: Context) -> Reply:
    doc = _find(ctx)
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    given = object_of(ctx.body, "properties")
    _check_one_way(given, doc["properties"])
    kept = ("accessPolicies", "enabledForDeployment", "softDeleteRetentionInDays", "publicNetworkAccess", "networkAcls")
    doc["properties"] |= {key: given[key] for key in (*_FLAGS, *kept) if given.get(key) is not None}
    _touch(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return Reply(200, _present(ctx, doc))


def put_policies(ctx: Context) -> Reply:
    """Add, replace or remove access policies."""
    doc = _find(ctx)
    kind = ctx.ids["operation"].lower()
    given = objects_of(ctx.body, "properties", "accessPolicies")
    if kind not in ("add", "replace", "remove"):
        raise ArmError(400, "BadRequest", "The access policy operation must be one of add, replace, remove.")
    holders = {text_of(policy, "objectId") for policy in given}
    others = [policy for policy in doc["properties"]["accessPolicies"] if policy.get("objectId") not in holders]
    doc["properties"]["accessPolicies"] = others if kind == "remove" else [*others, *given]
    _touch(ctx, doc)
    ctx.store.put(doc["id"], doc)
    shown = {"accessPolicies": doc["properties"]["accessPolicies"]}
    identity = f"{doc['id']}/accessPolicies/"
    return Reply(200, {"id": identity, "type": f"{TYPE}/accessPolicies", "properties": shown})


def delete(ctx: Context) -> Reply:
    doc = ctx.store.get(ids.resource_id(ctx.subscription, ctx.ids["group"], TYPE, ctx.ids["name"]))
    if doc is None:
        return Reply(204)
    deleted.remember(ctx, doc)
    ctx.store.delete(doc["id"])
    return Reply(200)


def check_availability(ctx: Context) -> Reply:
    name = text_of(ctx.body, "name") or ""
    if not _NAME.fullmatch(name):
        return Reply(200, {"nameAvailable": False, "reason": "AccountNameInvalid", "message": _rule(name)})
    if deleted.owner(ctx, name):
        return Reply(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": _taken(name)})
    return Reply(200, {"nameAvailable": True})


def _take(ctx: Context, resource_id: str, name: str) -> Doc | None:
    """Take a name: unique in all of Azure, and a deleted vault keeps its own. The vault that is recovered."""
    gone = deleted.find(ctx, name)
    recovering = gone and text_of(ctx.body, "properties", "createMode") == "recover"
    if gone and not (recovering and ids.same(gone["vaultId"], resource_id)):
        raise ArmError(
            409,
            "ConflictError",
            "A vault with the same name already exists in deleted state. You need to either recover or purge existing key "
            "vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
        )
    if gone is None and deleted.owner(ctx, name):
        raise ArmError(409, "VaultAlreadyExists", _taken(name))
    deleted.forget(ctx, name)
    deleted.take_name(ctx, name, resource_id)
    return gone["vault"] if gone else None


def _new(ctx: Context, resource_id: str, location: str) -> Doc:
    caller = ctx.principal.client_id if ctx.principal else ""
    created = {"createdBy": caller, "createdByType": "Application", "createdAt": _now(ctx)}
    return {
        "id": resource_id,
        "name": ctx.ids["name"],
        "type": TYPE,
        "location": location,
        "tags": {},
        "systemData": created,
        "properties": {},
        "_ready": ctx.clock.now() + _registering(ctx),
    }


def _properties(ctx: Context, name: str, old: Doc) -> Doc:
    given = object_of(ctx.body, "properties")
    _check_one_way(given, old)
    sku = choice_of(given, ("standard", "premium"), "sku", "name")
    if sku is None:
        raise ArmError(400, "BadRequest", "The parameter sku is not specified.")
    properties: Doc = {
        "sku": {"family": "A", "name": sku},
        "tenantId": text_of(given, "tenantId") or (ctx.principal.tenant if ctx.principal else ""),
        "accessPolicies": objects_of(given, "accessPolicies") or old.get("accessPolicies", []),
        "enabledForDeployment": bool(flag_of(given, "enabledForDeployment")),
    }
    properties |= {key: value for key in _FLAGS[:3] if (value := flag_of(given, key)) is not None}
    properties |= {
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": number_of(given, "softDeleteRetentionInDays")
        or old.get("softDeleteRetentionInDays", 90),
    }
    if flag_of(given, "enablePurgeProtection") or old.get("enablePurgeProtection"):
        properties["enablePurgeProtection"] = True
    acls = object_of(given, "networkAcls")
    # A rule set that allows everything is not shown [published traffic].
    if acls.get("defaultAction") == "Deny" or acls.get("ipRules") or acls.get("virtualNetworkRules"):
        properties["networkAcls"] = {"bypass": "AzureServices", "defaultAction": "Allow"} | acls
    properties |= {
        "vaultUri": f"https://{name.lower()}.vault.azure.net/",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": text_of(given, "publicNetworkAccess") or "Enabled",
    }
    return properties


def _check_one_way(given: Doc, old: Doc) -> None:
    """Purge protection and soft delete cannot be turned off again."""
    if flag_of(given, "enablePurgeProtection") is False:
        raise ArmError(
            400,
            "BadRequest",
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an '
            "irreversible action.",
        )
    if flag_of(given, "enableSoftDelete") is False and old:
        raise ArmError(
            400,
            "BadRequest",
            "The property \"enableSoftDelete\" can be set to false only for creating new vault. Enabling the 'soft delete' "
            "functionality is an irreversible action.",
        )
    days = number_of(given, "softDeleteRetentionInDays")
    if days is not None and not 7 <= days <= 90:
        raise ArmError(
            400, "BadRequest", 'The property "softDeleteRetentionInDays" must be between 7 and 90 days, both inclusive.'
        )


def _touch(ctx: Context, doc: Doc) -> None:
    caller = ctx.principal.client_id if ctx.principal else ""
    changed = {"lastModifiedBy": caller, "lastModifiedByType": "Application", "lastModifiedAt": _now(ctx)}
    doc["systemData"] = doc["systemData"] | changed


def _now(ctx: Context) -> str:
    return ctx.clock.iso_z()[:23] + "Z"


def _present(ctx: Context, doc: Doc) -> Doc:
    hidden = {"_ready"} if ctx.api_version >= _SYSTEM_DATA_SINCE else {"_ready", "systemData"}
    properties = dict(doc["properties"])
    if ctx.clock.now() < doc["_ready"]:
        properties["provisioningState"] = "RegisteringDns"
    if ctx.api_version < _PUBLIC_ACCESS_SINCE:
        del properties["publicNetworkAccess"]
    return {key: value for key, value in doc.items() if key not in hidden} | {"properties": properties}


def _find(ctx: Context) -> Doc:
    doc = ctx.store.get(ids.resource_id(ctx.subscription, ctx.ids["group"], TYPE, ctx.ids["name"]))
    if doc is None:
        raise resource_not_found(TYPE, [ctx.ids["name"]], ctx.ids["group"])
    return doc


def _rule(name: str) -> str:
    return (
        f"The vault name '{name[:100]}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name "
        "must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this link for "
        "more information: https://go.microsoft.com/fwlink/?linkid=2147742"
    )


def _taken(name: str) -> str:
    return (
        f"The vault name '{name}' is already in use. Vault names are globaly unique so it is possible that the name is "
        "already taken. If you are sure that the vault name was not taken then it is possible that a vault with the same "
        "name was recently deleted but not purged after being placed in a recoverable state. If the vault is in a "
        "recoverable state then the vault will need to be purged before reusing the name. For more information on soft "
        "delete and purging a vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740."
    )


hooks.cascade[TYPE.lower()] = deleted.remember

_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_ALL = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}"
_ONE = f"{_ALL}/{{name}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("POST", f"{_PROVIDER}/checkNameAvailability", check_availability, reading=True, evidence=_KNOWN),
    Route("GET", f"{_PROVIDER}/vaults", list_vaults, evidence=_KNOWN),
    Route("GET", _ALL, list_vaults, evidence=_KNOWN),
    Route("PUT", _ONE, put, evidence=_KNOWN),
    Route("PATCH", _ONE, patch, evidence=_KNOWN),
    Route("GET", _ONE, get, evidence=_KNOWN),
    Route("DELETE", _ONE, delete, evidence=_KNOWN),
    Route("PUT", f"{_ONE}/accessPolicies/{{operation}}", put_policies, evidence=_KNOWN),
]
