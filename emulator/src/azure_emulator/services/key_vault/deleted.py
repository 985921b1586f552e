# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults that were deleted and can still be recovered; the names that they and the living ones hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.locations import normalize
from azure_emulator.core.operations import effect
from azure_emulator.core.polling import location_result
from azure_emulator.core.routing import Route, documented

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

VAULT_TYPE = "Microsoft.KeyVault/vaults"
_NAMES = "keyvault.names"
_DELETED = "keyvault.deleted"
_DAY = 24 * 3600


def owner(scope: Scope, name: str) -> str | None:
    """The id of the vault that has a name, or had it and was not purged."""
    gone = find(scope, name)
    found: str | None = gone["vaultId"] if gone else scope.store.kv_get(_NAMES, name.lower())
    return found


def take_name(scope: Scope, name: str, vault_id: str) -> None:
    scope.store.kv_put(_NAMES, name.lower(), vault_id)


def remember(scope: Scope, vault: Doc) -> None:
    """A vault is being deleted."""
    now = scope.clock.now()
    entry = {
        "name": vault["name"],
        "vaultId": vault["id"],
        "location": vault["location"],
        "tags": vault.get("tags", {}),
        "deleted": now,
        "purge": now + vault["properties"]["softDeleteRetentionInDays"] * _DAY,
        "protected": bool(vault["properties"].get("enablePurgeProtection")),
        "vault": vault,
    }
    scope.store.kv_put(_DELETED, vault["name"].lower(), entry)
    scope.store.kv_delete(_NAMES, vault["name"].lower())


def find(scope: Scope, name: str) -> dict[str, Any] | None:
    """What is known of a deleted vault, ``None`` when its time is over."""
    entry: dict[str, Any] | None = scope.store.kv_get(_DELETED, name.lower())
    return entry if entry and entry["purge"] > scope.clock.now() else None


def forget(scope: Scope, name: str) -> None:
    scope.store.kv_delete(_DELETED, name.lower())


def list_deleted(ctx: Context) -> Reply:
    entries = [entry for _key, entry in ctx.store.kv_items(_DELETED) if entry["purge"] > ctx.clock.now()]
    own = [entry for entry in entries if _of(ctx, entry)]
    return Reply(200, {"value": [_present(ctx, entry) for entry in own]})


def get_deleted(ctx: Context) -> Reply:
    return Reply(200, _present(ctx, _required(ctx)))


def purge(ctx: Context) -> Reply:
    """202 with a Location, and the name is free."""
    entry = _required(ctx)
    if entry["protected"]:
        raise ArmError(
            405,
            "MethodNotAllowed",
            "Operation 'DeletedVaultPurge' is not allowed: the vault is protected from purging.",
        )
    operation = ctx.operations.start(
        "vault", entry["location"], "keyvault.vault.purge", {"name": entry["name"]}, subscription=ctx.subscription
    )
    return Reply(202, None, operation.headers())


@effect("keyvault.vault.purge")
def _purged(scope: Scope, args: dict[str, Any]) -> None:
    forget(scope, args["name"])


def _required(ctx: Context) -> dict[str, Any]:
    entry = find(ctx, ctx.ids["name"])
    place = normalize(ctx.ids["location"])
    if entry is None or not _of(ctx, entry) or entry["location"] != place:
        raise ArmError(
            404, "DeletedVaultNotFound", f"The specified deleted vault '{ctx.ids['name'][:60]}' does not exist."
        )
    return entry


def _of(ctx: Context, entry: dict[str, Any]) -> bool:
    return str(entry["vaultId"]).split("/")[2].lower() == ctx.subscription.lower()


def _present(ctx: Context, entry: dict[str, Any]) -> dict[str, Any]:
    place = f"/subscriptions/{ctx.subscription}/providers/Microsoft.KeyVault/locations/{entry['location']}"
    properties = {
        "vaultId": entry["vaultId"],
        "location": entry["location"],
        "tags": entry["tags"],
        "deletionDate": _date(entry["deleted"]),
        "scheduledPurgeDate": _date(entry["purge"]),
    }
    if entry["protected"]:
        properties["purgeProtectionEnabled"] = True
    return {
        "id": f"{place}/deletedVaults/{entry['name']}",
        "name": entry["name"],
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": properties,
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_ONE = f"{_PROVIDER}/locations/{{location}}/deletedVaults/{{name}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", f"{_PROVIDER}/deletedVaults", list_deleted, evidence=_KNOWN),
    Route("GET", _ONE, get_deleted, evidence=_KNOWN),
    Route("POST", f"{_ONE}/purge", purge, evidence=_KNOWN),
    Route(
        "GET", f"{_PROVIDER}/locations/{{location}}/operationResults/{{operation}}", location_result, evidence=_KNOWN
    ),
]
