# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How disks and snapshots look: the document that is kept, the answer to a PUT, the view of an API version.

Recorded: the key sets of answers from 2019 to 2021. Documented: the versions in which later properties appeared.
"""

from __future__ import annotations

from typing import Any

from azure_emulator.core.store import Doc, public
from azure_emulator.services.compute._shared import GIB
from azure_emulator.services.compute._skus import performance

# Properties that a client may set and that come back as they are.
_SETTABLE = (
    "osType",
    "hyperVGeneration",
    "purchasePlan",
    "supportedCapabilities",
    "creationData",
    "diskSizeGB",
    "encryption",
    "incremental",
    "networkAccessPolicy",
    "publicNetworkAccess",
    "diskAccessId",
    "dataAccessAuthMode",
    "maxShares",
    "burstingEnabled",
    "supportsHibernation",
    "securityProfile",
    "optimizedForFrequentAttach",
)
# Properties and the first API version that shows them.
_SINCE = {
    "networkAccessPolicy": "2020-05-01",
    "tier": "2020-06-30",
    "purchasePlan": "2020-12-01",
    "supportsHibernation": "2020-12-01",
    "securityProfile": "2020-12-01",
    "publicNetworkAccess": "2021-04-01",
    "completionPercent": "2021-08-01",
    "incrementalSnapshotFamilyId": "2021-12-01",
    "dataAccessAuthMode": "2021-12-01",
    "optimizedForFrequentAttach": "2022-07-02",
}


# Every recorded answer to this version lacks what answers to the one before it have.
_WITHOUT_POLICY = "2020-06-30"


def settable(properties: dict[str, Any]) -> dict[str, Any]:
    """The part of a request's properties that is kept."""
    return {name: properties[name] for name in _SETTABLE if properties.get(name) is not None}


def size_in_gb(size: int) -> int:
    """``diskSizeGB`` of a size in bytes: 30 GiB and 1 MiB is 30 [recorded]; less than one is shown as one [guessed]."""
    return max(1, size // GIB)


def refresh(doc: Doc) -> None:
    """Set what follows from the rest: performance, size in GiB, ``diskState``."""
    properties = doc["properties"]
    if "diskSizeBytes" in properties:
        properties.setdefault("diskSizeGB", size_in_gb(properties["diskSizeBytes"]))
    if doc["type"].endswith("/disks"):
        properties.update(performance(doc["sku"]["name"], properties.get("diskSizeGB", 1)))
        if not doc["sku"]["name"].startswith("Premium_"):
            properties.pop("tier", None)
    properties["diskState"] = _state(doc)


def _state(doc: Doc) -> str:
    grant = doc.get("_grant")
    if grant:
        return "ActiveUpload" if grant["writable"] else "ActiveSAS"
    if doc.get("_awaits_upload"):
        return "ReadyToUpload"
    if doc.get("managedBy"):
        return "Reserved" if doc.get("_vm_deallocated") else "Attached"
    return "Unattached"


def present(doc: Doc, api_version: str) -> Doc:
    """What a client of an API version sees."""
    shown = public(doc)
    shown["properties"] = {
        name: value for name, value in doc["properties"].items() if _SINCE.get(name, "") <= api_version
    }
    if api_version == _WITHOUT_POLICY:
        shown["properties"].pop("networkAccessPolicy", None)
    return shown


def shows_incremental_size(api_version: str) -> bool:
    """Whether the 202 for an incremental snapshot tells the size."""
    return api_version != _WITHOUT_POLICY


def accepted_body(doc: Doc, request: dict[str, Any], changed: dict[str, Any], extra: dict[str, Any]) -> Doc:
    """The body of a 202: what was asked for, without id, type, and anything computed [recorded].

    `changed` are the properties as they will be; snapshots leave the name out.
    """
    body: Doc = {"name": doc["name"]} if doc["type"].endswith("/disks") else {}
    body["location"] = doc["location"]
    if request.get("tags") is not None:
        body["tags"] = request["tags"]
    for name in ("zones", "extendedLocation"):
        if request.get(name):
            body[name] = request[name]
    if isinstance(request.get("sku"), dict):
        body["sku"] = {"name": request["sku"].get("name", doc["sku"]["name"])}
    body["properties"] = {**changed, "provisioningState": "Updating", **extra, "isArmResource": True}
    return body
