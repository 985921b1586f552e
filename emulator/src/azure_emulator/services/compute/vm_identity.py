# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed identities of virtual machines."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.values import missing, object_of, text_of
from azure_emulator.services.compute._shared import invalid

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc

_KINDS = {"none", "systemassigned", "userassigned", "systemassigned,userassigned"}


def set_identity(ctx: Context, doc: Doc) -> None:
    """Take the identity of a request into the machine: ids are made, ``null`` takes a user's identity away.

    :raises ArmError: 400 for an unknown type, or for none of the user's identities where some are wanted.
    """
    wanted = object_of(ctx.body, "identity")
    if not wanted:
        return
    kind = text_of(wanted, "type") or doc.get("identity", {}).get("type") or ""
    simple = kind.replace(" ", "").lower()
    if simple not in _KINDS:
        raise invalid(f"The value '{kind}' of parameter 'identity.type' is invalid.", "identity.type")
    if simple == "none":
        doc.pop("identity", None)
        return
    identity: dict[str, Any] = {"type": kind}
    if "systemassigned" in simple:
        identity |= {"principalId": _made(doc["id"]), "tenantId": _tenant(ctx)}
    if "userassigned" in simple:
        identity["userAssignedIdentities"] = _users(ctx, wanted, doc)
    doc["identity"] = identity


def _users(ctx: Context, wanted: dict[str, Any], doc: Doc) -> dict[str, Any]:
    found: dict[str, Any] = dict(doc.get("identity", {}).get("userAssignedIdentities", {}))
    for name, value in object_of(wanted, "userAssignedIdentities").items():
        same = next((known for known in found if known.lower() == name.lower()), name)
        if value is None:
            found.pop(same, None)
        else:
            found[same] = ids_of(ctx, name)
    if not found:
        raise missing("identity.userAssignedIdentities")
    return found


def ids_of(scope: Scope, name: str) -> dict[str, str]:
    """What the directory knows a user's identity by; one that is not here (recordings name some) gets ids, too."""
    own = (scope.store.get(name) or {}).get("properties", {})
    return {kind: own.get(kind) or _made(f"{name}/{kind}") for kind in ("principalId", "clientId")}


def _made(name: str) -> str:
    """An id that is always the same for a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name.lower()))


def _tenant(ctx: Context) -> str:
    known = ctx.store.kv_get("subscriptions", ctx.subscription.lower()) or {}
    return str(known.get("tenantId", uuid.UUID(int=0)))
