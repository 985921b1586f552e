# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two galleries of other people: a public one, and one that is shared with everybody's subscription.

Their images are empty disks, as those of the Marketplace are here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core import locations
from azure_emulator.services.compute._shared import GIB
from azure_emulator.services.compute.galleries._levels import DEFINITION, GALLERY, VERSION

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_OWNER = "3f8a4d52-7c1e-4b7a-9d35-2e6c1f0b9a84"
PUBLIC_NAME = "contosoimages-5d1c7f0a-3b62-4e98-8a4d-6f2b9c0e7d13"
UNIQUE_NAME = f"{_OWNER}-PARTNERIMAGES"
_PUBLISHED = "2026-03-02T08:00:00.0000000+00:00"
_HOME = "westeurope"


@cache
def community_gallery() -> Doc:
    """The public gallery."""
    info = {
        "communityGalleryEnabled": True,
        "publisherUri": "https://www.contoso.com/images",
        "publisherContact": "images@contoso.com",
        "eula": "https://www.contoso.com/images/terms",
        "publicNames": [PUBLIC_NAME],
    }
    return _gallery("ContosoImages", {"permissions": "Community", "communityGalleryInfo": info})


@cache
def community_contents() -> tuple[Doc, ...]:
    """Its definitions and their versions."""
    gallery = community_gallery()
    debian = _definition(gallery, "debian-12", "Linux", "V2", "TrustedLaunchSupported")
    windows = _definition(gallery, "windows-2022", "Windows", "V1", None)
    return (
        debian,
        *(_version(debian, name, 30) for name in ("1.0.0", "1.1.0", "1.10.0")),
        windows,
        _version(windows, "2022.8.1", 127),
    )


@cache
def shared_gallery() -> Doc:
    """The gallery that is shared."""
    return _gallery("PartnerImages", {"permissions": "Groups"})


@cache
def shared_contents() -> tuple[Doc, ...]:
    """Its definitions and their versions."""
    hardened = _definition(shared_gallery(), "ubuntu-2404-hardened", "Linux", "V2", "TrustedLaunchSupported")
    return (hardened, _version(hardened, "1.0.0", 30), _version(hardened, "2.0.0", 30))


def _gallery(name: str, profile: dict[str, Any]) -> Doc:
    return {
        "name": name,
        "id": arm_ids.resource_id(_OWNER, "images", GALLERY.type, name),
        "type": GALLERY.type,
        "location": _HOME,
        "properties": {
            "identifier": {"uniqueName": f"{_OWNER}-{name.upper()}"},
            "sharingProfile": profile,
            "provisioningState": "Succeeded",
        },
    }


def _definition(gallery: Doc, name: str, os_type: str, generation: str, security: str | None) -> Doc:
    features = [{"name": "SecurityType", "value": security}] if security else []
    return {
        "name": name,
        "id": f"{gallery['id']}/images/{name}",
        "type": DEFINITION.type,
        "location": _HOME,
        "properties": {
            "hyperVGeneration": generation,
            "architecture": "x64",
            **({"features": features} if features else {}),
            "osType": os_type,
            "osState": "Generalized",
            "identifier": {"publisher": "contoso", "offer": gallery["name"].lower(), "sku": name},
            "provisioningState": "Succeeded",
        },
    }


def _version(definition: Doc, name: str, size_gb: int) -> Doc:
    region = {"regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}
    return {
        "name": name,
        "id": f"{definition['id']}/versions/{name}",
        "type": VERSION.type,
        "location": _HOME,
        "properties": {
            "publishingProfile": {
                "targetRegions": [{"name": locations.display_name(known), **region} for known in locations.ALL],
                "replicaCount": 1,
                "excludeFromLatest": False,
                "publishedDate": _PUBLISHED,
                "storageAccountType": "Standard_LRS",
            },
            "storageProfile": {"osDiskImage": {"sizeInGB": size_gb, "hostCaching": "ReadWrite", "source": {}}},
            "safetyProfile": {},
            "provisioningState": "Succeeded",
        },
        "_regions": {known: [0.0, 0.0] for known in locations.ALL},
        "_disks": [{"lun": None, "key": "os", "size": size_gb * GIB, "caching": "ReadWrite"}],
        "_pages": {},
    }
