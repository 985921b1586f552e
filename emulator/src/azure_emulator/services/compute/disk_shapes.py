# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How disks and snapshots look: the document that is kept, the answer to a PUT, the view of an API version.

Recorded: the key sets of answers from 2019 to 2025. Documented: the versions in which other properties appeared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.store import Doc, public
from azure_emulator.services.compute._shared import GIB
from azure_emulator.services.compute._skus import TUNABLE, performance

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope

# Properties that a client may set and that come back as they are.
_SETTABLE = (
    "osType",
    "hyperVGeneration",
    "purchasePlan",
    "supportedCapabilities",
    "creationData",
    "diskSizeGB",
    "encryption",
    "encryptionSettingsCollection",
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
    "availabilityPolicy",
)
_TUNABLE = ("diskIOPSReadWrite", "diskMBpsReadWrite", "diskIOPSReadOnly", "diskMBpsReadOnly")
# Properties and the first API version that shows them.
_SINCE = {
    "uniqueId": "2019-03-01",
    "diskSizeBytes": "2019-03-01",
    "incremental": "2019-03-01",
    "maxShares": "2019-11-01",
    "shareInfo": "2019-11-01",
    "diskIOPSReadOnly": "2019-11-01",
    "diskMBpsReadOnly": "2019-11-01",
    "encryption": "2019-07-01",
    "networkAccessPolicy": "2020-05-01",
    "diskAccessId": "2020-05-01",
    "tier": "2020-06-30",
    "burstingEnabled": "2020-09-30",
    "purchasePlan": "2020-09-30",
    "supportsHibernation": "2020-12-01",
    "securityProfile": "2020-12-01",
    "propertyUpdatesInProgress": "2020-12-01",
    "publicNetworkAccess": "2021-04-01",
    "supportedCapabilities": "2021-04-01",
    "completionPercent": "2021-04-01",
    "incrementalSnapshotFamilyId": "2021-12-01",
    "dataAccessAuthMode": "2021-12-01",
    "copyCompletionError": "2022-03-02",
    "burstingEnabledTime": "2022-07-02",
    "optimizedForFrequentAttach": "2022-07-02",
    "LastOwnershipUpdateTime": "2023-04-02",
    "availabilityPolicy": "2025-01-02",
}
# The same for members of two objects.
_INNER_SINCE = {
    "creationData": {
        "uploadSizeBytes": "2019-03-01",
        "sourceUniqueId": "2019-03-01",
        "logicalSectorSize": "2020-06-30",
        "securityDataUri": "2021-08-01",
        "performancePlus": "2022-07-02",
        "elasticSanResourceId": "2023-04-02",
        "provisionedBandwidthCopySpeed": "2023-10-02",
    },
    "supportedCapabilities": {
        "architecture": "2021-12-01",
        "diskControllerTypes": "2022-07-02",
        "supportedSecurityOption": "2025-01-02",
    },
}


# Every recorded answer to this version lacks what answers to the one before it have.
_WITHOUT_POLICY = "2020-06-30"
# The 202 of a write: recorded without id until 2020, with it for 2021-12-01, with the whole head and without internal
# members (`isArmResource`, `readOnly`) for 2022-03-02 and later.
_ID_SINCE = "2021-12-01"
_HEAD_SINCE = "2022-03-02"


def settable(properties: dict[str, Any], sku: str) -> dict[str, Any]:
    """The part of a request's properties that is kept for a disk or snapshot of a storage type."""
    names: tuple[str, ...] = _SETTABLE
    if sku in TUNABLE:
        names += _TUNABLE
    elif sku.startswith("Premium"):
        names += ("tier",)
    return {name: properties[name] for name in names if properties.get(name) not in (None, {})}


def size_in_gb(size: int) -> int:
    """``diskSizeGB`` of a size in bytes: 30 GiB and 1 MiB is 30 [recorded]; less than one is shown as one [guessed]."""
    return max(1, size // GIB)


def refresh(doc: Doc) -> None:
    """Set what follows from the rest: performance, size in GiB, ``diskState``."""
    properties = doc["properties"]
    if "diskSizeBytes" in properties:
        properties.setdefault("diskSizeGB", size_in_gb(properties["diskSizeBytes"]))
    if doc["type"].endswith("/disks"):
        name, size = doc["sku"]["name"], properties.get("diskSizeGB", 1)
        properties.update(performance(name, size, properties, doc.get("_tier")))
        if "tier" in properties and (not name.startswith("Premium_")):
            del properties["tier"]
        if name in TUNABLE:
            properties["creationData"].setdefault("logicalSectorSize", 4096)
    properties["diskState"] = _state(doc)


def _state(doc: Doc) -> str:
    grant = doc.get("_grant")
    frozen = bool(doc.get("_vm_hibernated"))
    if grant:
        if grant["writable"]:
            return "ActiveUpload"
        return "ActiveSASFrozen" if frozen else "ActiveSAS"
    if doc.get("_awaits_upload"):
        return "ReadyToUpload"
    if not doc.get("managedBy"):
        return "Unattached"
    if frozen:
        return "Frozen"
    return "Reserved" if doc.get("_vm_deallocated") else "Attached"


def owned_anew(scope: Scope, doc: Doc) -> None:
    """Note that the disk was attached or detached, or that its machine was deallocated or started."""
    doc["properties"]["LastOwnershipUpdateTime"] = scope.clock.iso()


def present(doc: Doc, api_version: str) -> Doc:
    """What a client of an API version sees."""
    shown = public(doc)
    shown["properties"] = _known(doc["properties"], api_version)
    if api_version == _WITHOUT_POLICY:
        shown["properties"].pop("networkAccessPolicy", None)
    if _tells_read_only(doc, api_version):
        shown["properties"]["readOnly"] = False
    return shown


def _tells_read_only(doc: Doc, api_version: str) -> bool:
    """Ultra disks once showed one more internal member [recorded for 2020-09-30]."""
    return doc["sku"]["name"] == "UltraSSD_LRS" and _SINCE["maxShares"] <= api_version < _HEAD_SINCE


def _known(properties: dict[str, Any], api_version: str) -> dict[str, Any]:
    return {
        name: _within(name, value, api_version)
        for name, value in properties.items()
        if _SINCE.get(name, "") <= api_version
    }


def _within(name: str, value: Any, api_version: str) -> Any:
    since = _INNER_SINCE.get(name)
    if since is None or not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if since.get(key, "") <= api_version}


def leaks_internals(api_version: str) -> bool:
    """Whether the 202 of a write shows what older versions showed by mistake: ``isArmResource`` and others."""
    return api_version < _HEAD_SINCE


def shows_incremental_size(api_version: str) -> bool:
    """Whether the 202 for an incremental snapshot tells the size."""
    return leaks_internals(api_version) and api_version != _WITHOUT_POLICY


def accepted_head(doc: Doc, api_version: str, *, named: bool) -> Doc:
    """The beginning of the body of a 202; `named`: older versions give the name of this type."""
    if not leaks_internals(api_version):
        return {name: doc[name] for name in ("name", "id", "type")}
    head: Doc = {"name": doc["name"]} if named else {}
    if doc["type"].endswith(("/disks", "/snapshots")) and api_version >= _ID_SINCE:
        head["id"] = doc["id"]
    return head


def accepted_body(
    doc: Doc, request: dict[str, Any], changed: dict[str, Any], extra: dict[str, Any], api_version: str
) -> Doc:
    """The body of a 202: what was asked for, without anything computed [recorded].

    `changed` are the properties as they will be; `extra` is shown to old versions only.
    """
    body = accepted_head(doc, api_version, named=doc["type"].endswith("/disks"))
    body["location"] = doc["location"]
    if request.get("tags") is not None:
        body["tags"] = request["tags"]
    for name in ("zones", "extendedLocation"):
        if request.get(name):
            body[name] = request[name]
    if isinstance(request.get("sku"), dict):
        body["sku"] = {"name": request["sku"].get("name", doc["sku"]["name"])}
    body["properties"] = {**_known(changed, api_version), "provisioningState": "Updating"}
    if leaks_internals(api_version):
        body["properties"] |= {**extra, "isArmResource": True}
    if _tells_read_only(doc, api_version):
        body["properties"] |= {name: doc["properties"][name] for name in _TUNABLE} | {"readOnly": False}
    return body
