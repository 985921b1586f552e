# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a version looks to a client of an API version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.store import public
from azure_emulator.services.compute._shared import without
from azure_emulator.services.compute.galleries import _replication
from azure_emulator.services.compute.galleries._publishing import STRATEGY_SINCE
from azure_emulator.services.compute.galleries._version_sources import SOURCE_SINCE

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc

# Properties and the first API version that shows them.
_SAFETY_SINCE = "2022-08-03"
_BLOCK_SINCE = "2024-03-03"
_VALIDATIONS_SINCE = "2024-03-03"  # seen in published traffic, only of versions that nothing is being done to
_STORAGE_TYPES_SINCE = "2019-03-01"


def present(ctx: Context, doc: Doc) -> Doc:
    """The document as it is shown, with what ``$expand`` asks for."""
    shown = public(doc)
    properties = without(doc["properties"], "securityProfile")
    if ctx.api_version < _SAFETY_SINCE:
        properties.pop("safetyProfile")
    elif ctx.api_version < _BLOCK_SINCE:
        properties["safetyProfile"] = without(properties["safetyProfile"], "blockDeletionBeforeEndOfLife")
    if ctx.api_version >= _VALIDATIONS_SINCE and properties["provisioningState"] == "Succeeded":
        attributes = doc.get("_attributes")
        properties["validationsProfile"] = {
            "validationOperationStatus": "NotExecuted",
            **({"platformAttributes": attributes} if attributes else {}),
        }
    if ctx.api_version < STRATEGY_SINCE:
        properties["publishingProfile"] = without(properties["publishingProfile"], "storageAccountStrategy")
    if ctx.api_version < SOURCE_SINCE:
        _show_as_at_first(ctx, properties)
    expand = {part.strip().lower() for part in ctx.query.get("$expand", "").split(",")}
    if "replicationstatus" in expand:
        properties["replicationStatus"] = _replication.status(ctx, doc)
    if "uefisettings" in expand and doc["properties"].get("securityProfile"):
        properties["securityProfile"] = doc["properties"]["securityProfile"]
    shown["properties"] = properties
    return shown


def _show_as_at_first(ctx: Context, properties: dict[str, Any]) -> None:
    """The source stands in the ``publishingProfile``, and at the very first there are no storage types."""
    profile, storage = dict(properties["publishingProfile"]), dict(properties.pop("storageProfile"))
    if image := storage.pop("source", {}).get("id"):
        profile["source"] = {"managedImage": {"id": image}}
    if "osDiskImage" in storage:
        storage["osDiskImage"] = without(storage["osDiskImage"], "source")
    if storage:
        properties["storageProfile"] = storage
    if ctx.api_version < _STORAGE_TYPES_SINCE:
        profile.pop("storageAccountType")
        profile["targetRegions"] = [without(region, "storageAccountType") for region in profile["targetRegions"]]
    properties["publishingProfile"] = profile
