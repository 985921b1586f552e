# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies and short stories that the tests of galleries share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compute_bodies import LOCATION, upload_disk

if TYPE_CHECKING:
    from azure_process import LocalAzure

OLD, MID, TRUSTED, ENDING = "2019-12-01", "2024-03-03", "2025-03-03", "2026-03-03"


def definition(sku: str = "sku", **properties: Any) -> dict[str, Any]:
    identifier = {"publisher": "pub", "offer": "offer", "sku": sku}
    wanted = {"osType": "Linux", "osState": "Generalized", "identifier": identifier, **properties}
    return {"location": LOCATION, "properties": wanted}


def make_gallery(azure: LocalAzure, name: str = "g", **properties: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"location": LOCATION}
    return azure.put(f"galleries/{name}", body | ({"properties": properties} if properties else {}), MID)


def make_definition(azure: LocalAzure, name: str = "d", **properties: Any) -> dict[str, Any]:
    """A definition in the gallery `g`, which is made if needed."""
    if azure.call("GET", "galleries/g", version=MID).status_code == 404:
        make_gallery(azure)
    return azure.put(f"galleries/g/images/{name}", definition(name, **properties), MID)


def of_disk(azure: LocalAzure, disk: str, *regions: Any, **profile: Any) -> dict[str, Any]:
    """The body of a version of one disk; regions are names or whole objects."""
    targets = [region if isinstance(region, dict) else {"name": region} for region in regions]
    publishing = {**({"targetRegions": targets} if targets else {}), **profile}
    source = {"osDiskImage": {"source": {"id": azure.path(f"disks/{disk}")}}}
    return {"location": LOCATION, "properties": {"publishingProfile": publishing, "storageProfile": source}}


def of_image(azure: LocalAzure, image: str) -> dict[str, Any]:
    source = {"id": azure.path(f"images/{image}")}
    return {"location": LOCATION, "properties": {"storageProfile": {"source": source}}}


def make_version(
    azure: LocalAzure,
    name: str,
    *regions: Any,
    data: bytes = b"x" * 4096,
    path: str = "galleries/g/images/d",
    **profile: Any,
) -> dict[str, Any]:
    """A version of a new disk with `data` at its start."""
    disk = f"disk-{path.rsplit('/', 1)[1]}-{name}"
    upload_disk(azure, disk, data)
    return azure.put(f"{path}/versions/{name}", of_disk(azure, disk, *regions, **profile), MID)
