# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk encryption sets: `Microsoft.Compute/diskEncryptionSets`.

The key is named, never read: there is no Key Vault behind it. Recorded (2020, 2022): bodies, headers, defaults.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, flag_of, missing, object_of, required_text, text_of
from azure_emulator.services.compute._shared import GROUP
from azure_emulator.services.compute.companions import Companion, list_associated
from azure_emulator.services.compute.disk_shapes import accepted_head
from azure_emulator.services.compute.vm_identity import ids_of

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc

TYPES = (
    "EncryptionAtRestWithCustomerKey",
    "EncryptionAtRestWithPlatformAndCustomerKeys",
    "ConfidentialVmEncryptedWithCustomerKey",
)
_TYPE_SINCE = "2020-05-01"
_IDENTITIES = ("SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None")


def _asked(ctx: Context) -> dict[str, Any]:
    """The properties of a request, checked."""
    asked: dict[str, Any] = {}
    if key := object_of(ctx.body, "properties", "activeKey"):
        required_text(key, "keyUrl")
        asked["activeKey"] = key
    if kind := choice_of(ctx.body, TYPES, "properties", "encryptionType"):
        asked["encryptionType"] = kind
    rotates = flag_of(ctx.body, "properties", "rotationToLatestKeyVersionEnabled")
    if rotates is not None:
        asked["rotationToLatestKeyVersionEnabled"] = rotates
    if client := text_of(ctx.body, "properties", "federatedClientId"):
        asked["federatedClientId"] = client
    return asked


def _apply(ctx: Context, doc: Doc) -> None:
    asked, properties = _asked(ctx), doc["properties"]
    if not properties and "activeKey" not in asked:
        raise missing("activeKey", "diskEncryptionSet.properties")
    before = properties.get("activeKey")
    if before and asked.get("activeKey", before) != before:
        # Rotation is over at once, so there is never a previous key [recorded: only the time shows].
        properties["lastKeyRotationTimestamp"] = ctx.clock.iso()
    properties |= asked
    if ctx.api_version >= _TYPE_SINCE or "encryptionType" in asked:
        properties.setdefault("encryptionType", TYPES[0])
    if ctx.body.get("identity"):
        doc["identity"] = _identity(ctx, doc.get("identity", {}))


def _identity(ctx: Context, before: dict[str, Any]) -> dict[str, Any]:
    """The identity with the ids that the directory gives it; a system-assigned one keeps its own."""
    kind = choice_of(ctx.body, _IDENTITIES, "identity", "type") or _IDENTITIES[0]
    identity: dict[str, Any] = {"type": kind}
    if "SystemAssigned" in kind:
        identity["principalId"] = before.get("principalId") or str(uuid.uuid4())
        identity["tenantId"] = ctx.principal.tenant if ctx.principal else ""
    if "UserAssigned" in kind:
        named = object_of(ctx.body, "identity", "userAssignedIdentities")
        identity["userAssignedIdentities"] = {name: ids_of(ctx, name) for name in named}
    return identity


def _accept(ctx: Context, doc: Doc) -> Doc:
    body = accepted_head(doc, ctx.api_version, named=False)
    body["location"] = doc["location"]
    for name in ("tags", "identity"):
        if ctx.body.get(name) is not None:
            body[name] = ctx.body[name]
    body["properties"] = {**_asked(ctx), "provisioningState": "Updating"}
    return body


ENCRYPTION_SET = Companion(
    "diskEncryptionSets",
    "diskEncryptionSetName",
    _apply,
    _accept,
    (("encryption", "diskEncryptionSetId"), ("securityProfile", "secureVMDiskEncryptionSetId")),
)
ROUTES = [
    *ENCRYPTION_SET.routes("PUT", "GET"),
    Route(
        "GET",
        f"{GROUP}/diskEncryptionSets/{{name}}/associatedResources",
        partial(list_associated, kind=ENCRYPTION_SET),
        evidence=documented("2026-11-25"),
    ),
]
