# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Marketplace as its consumers see it: bare arrays of publishers, offers, SKUs and versions [recorded]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute import extension_images
from azure_emulator.services.compute._shared import GIB, LOCATION, PROVIDER, arranged
from azure_emulator.services.compute.catalogue import DataDisk, Sku, skus

if TYPE_CHECKING:
    from collections.abc import Iterable

_PUBLISHERS = f"{LOCATION}/publishers"
_OFFERS = f"{_PUBLISHERS}/{{publisher}}/artifacttypes/vmimage/offers"
_SKUS = f"{_OFFERS}/{{offer}}/skus"
_VERSIONS = f"{_SKUS}/{{sku}}/versions"
# What came when: the bounds between recordings of 2020, 2023 and 2025 are documented, the last one is guessed.
_FEATURES = "2021-03-01"
_ARCHITECTURE = "2021-11-01"
_DEPRECATION = "2022-11-01"
_NO_GIGABYTES = "2024-03-01"
_TUNED = {"IsAcceleratedNetworkSupported": "True", "DiskControllerTypes": "SCSI, NVMe", "IsHibernateSupported": "True"}


def _publishers(ctx: Context) -> Reply:
    locations.check(ctx.ids["location"], f"{PROVIDER}/locations/publishers")
    names = {sku.publisher for sku in skus()} | extension_images.publishers()
    return Reply(200, [_item(ctx, name) for name in _names(names)])


def _offers(ctx: Context) -> Reply:
    found = _matching(ctx)
    return Reply(200, [_item(ctx, found[0].publisher, name) for name in _names(sku.offer for sku in found)])


def _skus(ctx: Context) -> Reply:
    found = sorted(_matching(ctx), key=lambda sku: sku.sku.lower())
    return Reply(
        200, [{"properties": _upgrades(sku), **_item(ctx, sku.publisher, sku.offer, sku.sku)} for sku in found]
    )


def _versions(ctx: Context) -> Reply:
    sku = _matching(ctx)[0]
    items = [_item(ctx, sku.publisher, sku.offer, sku.sku, version) for version in arranged(ctx, sku.versions)]
    if ctx.query.get("$expand") == "Properties":  # in lower case it has no effect [recorded]
        items = [{"properties": _properties(ctx, sku), **item} for item in items]
    return Reply(200, items)


def _version(ctx: Context) -> Reply:
    sku = _matching(ctx)[0]
    if not sku.has(ctx.ids["version"]):
        raise _not_found()
    item = _item(ctx, sku.publisher, sku.offer, sku.sku, ctx.ids["version"])
    return Reply(200, {"properties": _properties(ctx, sku), **item})


def _properties(ctx: Context, sku: Sku) -> dict[str, Any]:
    os_disk: dict[str, Any] = {"operatingSystem": sku.os_type}
    if ctx.api_version < _NO_GIGABYTES:
        os_disk["sizeInGb"] = sku.size_gb
    os_disk["sizeInBytes"] = sku.size_in_bytes
    disks = [_data_disk(ctx, disk) for disk in sku.data_disks]
    plan = {"plan": sku.plan} if sku.plan else {}
    return {**plan, **_about(ctx, sku), "osDiskImage": os_disk, "dataDiskImages": disks}


def _about(ctx: Context, sku: Sku) -> dict[str, Any]:
    """What is known of an image besides its disks, by API version."""
    properties: dict[str, Any] = {}
    if not sku.untagged:
        properties["hyperVGeneration"] = sku.generation
        if ctx.api_version >= _ARCHITECTURE:
            properties["architecture"] = sku.architecture
    properties["replicaType"] = "Managed" if sku.managed else "Unmanaged"
    if not sku.untagged:
        properties["disallowed"] = {"vmDiskType": "Unmanaged" if sku.managed else "None"}
    properties |= _upgrades(sku)
    if ctx.api_version >= _DEPRECATION:
        properties["imageDeprecationStatus"] = _deprecation(sku)
    features = _features(sku)
    if features and ctx.api_version >= _FEATURES:
        properties["features"] = features
    return properties


def _upgrades(sku: Sku) -> dict[str, Any]:
    return {"automaticOSUpgradeProperties": {"automaticOSUpgradeSupported": sku.automatic_upgrade}}


def _deprecation(sku: Sku) -> dict[str, str]:
    if sku.scheduled:
        return {"imageState": "ScheduledForDeprecation", "scheduledDeprecationTime": sku.scheduled}
    return {"imageState": "Deprecated" if sku.deprecated else "Active"}


def _features(sku: Sku) -> list[dict[str, str]]:
    found = {"SecurityType": sku.security_type} if sku.security_type else {}
    if sku.tuned:
        found |= _TUNED
    return [{"name": name, "value": value} for name, value in found.items()]


def _data_disk(ctx: Context, disk: DataDisk) -> dict[str, Any]:
    size = {"sizeInGb": disk.size_gb} if ctx.api_version < _NO_GIGABYTES else {}
    return {"lun": disk.lun, **size, "sizeInBytes": disk.size_gb * GIB + FOOTER_SIZE}


def _matching(ctx: Context) -> list[Sku]:
    """The catalogue's part below the names in the path; at least one line."""
    wanted = [ctx.ids.get(name, "").lower() for name in ("publisher", "offer", "sku")]
    found = [
        sku
        for sku in skus()
        if all(
            not name or name == have.lower()
            for name, have in zip(wanted, (sku.publisher, sku.offer, sku.sku), strict=True)
        )
    ]
    if not found or not locations.is_known(ctx.ids["location"]):
        raise _not_found()
    return found


def _not_found() -> ArmError:
    return ArmError(404, "NotFound", "Artifact: VMImage was not found.")


def _names(values: Iterable[str]) -> list[str]:
    return sorted(set(values), key=str.lower)


def _item(ctx: Context, publisher: str, *below: str) -> dict[str, Any]:
    location = ctx.ids["location"]
    zone = f"/EdgeZones/{ctx.ids['zone']}" if "zone" in ctx.ids else ""
    place = f"/Subscriptions/{ctx.subscription}/Providers/Microsoft.Compute/Locations/{location}{zone}"
    path = f"{place}/Publishers/{publisher}"
    labels = ("ArtifactTypes/VMImage/Offers", "Skus", "Versions")
    tail = "".join(f"/{label}/{name}" for label, name in zip(labels, below, strict=False))
    return {"location": location, "name": (publisher, *below)[-1], "id": path + tail}


_CALLS = (
    (_PUBLISHERS, _publishers),
    (_OFFERS, _offers),
    (_SKUS, _skus),
    (_VERSIONS, _versions),
    (f"{_VERSIONS}/{{version}}", _version),
)
ROUTES = [
    Route("GET", template.replace(LOCATION, place), handler, evidence=documented("2026-11-25"))
    for place in (LOCATION, f"{LOCATION}/edgeZones/{{zone}}")
    for template, handler in _CALLS
]
