# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galleries whose requests are malformed, and galleries of a process that is killed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import LOCATION, bytes_of, disk, empty, upload_disk
from gallery_bodies import ENDING, definition, make_definition, make_version, of_disk
from nonsense import check_members

if TYPE_CHECKING:
    from azure_process import LocalAzure


def bodies(azure: LocalAzure) -> dict[str, dict[str, Any]]:
    make_definition(azure)
    for name in ("d", "e"):
        azure.put(f"disks/{name}", empty(1))
    info = {"publisherUri": "u", "publisherContact": "c", "eula": "e", "publicNamePrefix": "prefix"}
    gallery = {
        "description": "d",
        "sharingProfile": {"permissions": "Community", "communityGalleryInfo": info},
        "softDeletePolicy": {"isSoftDeleteEnabled": True, "retentionPeriodInDays": 5},
    }
    image = definition(
        "image",
        hyperVGeneration="V2",
        features=[{"name": "SecurityType", "value": "TrustedLaunch", "startsAtVersion": "1.0.0"}],
        recommended={"vCPUs": {"min": 1, "max": 2}, "memory": {"max": 3}},
        disallowed={"diskTypes": ["Standard_LRS"]},
        purchasePlan={"name": "n", "publisher": "p", "product": "q"},
        endOfLifeDate="2040-01-01",
        allowUpdateImage=True,
    )
    key = {"diskEncryptionSetId": "/x"}
    encryption = {"osDiskImage": key, "dataDiskImages": [{"lun": 0, **key}]}
    region = {
        "name": LOCATION,
        "regionalReplicaCount": 1,
        "storageAccountType": "Standard_LRS",
        "encryption": encryption,
    }
    version = of_disk(azure, "d", region, "westus", replicaCount=2, excludeFromLatest=False, endOfLifeDate="2040-01-01")
    data = {"lun": 0, "hostCaching": "None", "source": {"id": azure.path("disks/e")}}
    version["properties"]["storageProfile"]["dataDiskImages"] = [data]
    version["properties"]["safetyProfile"] = {"blockDeletionBeforeEndOfLife": False}
    version["properties"]["securityProfile"] = {"uefiSettings": {"signatureTemplateNames": ["x"]}}
    package = {
        "source": {"mediaLink": "https://x"},
        "manageActions": {"install": "i", "remove": "r"},
        "settings": {"a": "b"},
    }
    return {
        "galleries/new": {"location": LOCATION, "tags": {"a": "b"}, "properties": gallery},
        "galleries/g/images/image": image,
        "galleries/g/images/d/versions/1.0.0": version,
        "galleries/g/applications/a": {
            "location": LOCATION,
            "properties": {"supportedOSType": "Linux", "description": "d"},
        },
        "galleries/g/applications/a/versions/1.0.0": {
            "location": LOCATION,
            "properties": {"publishingProfile": package},
        },
    }


def test_one_wrong_member_anywhere(azure: LocalAzure) -> None:
    expand = {"$expand": "ReplicationStatus,UefiSettings,SharingProfile/Groups", "$select": "Permissions"}
    check_members(azure, bodies(azure), ENDING, at_once=True, **expand)
    for collection in ("galleries", "galleries/g/images", "galleries/g/images/d/versions", "galleries/g/applications"):
        assert azure.call("GET", collection).status_code == 200


@pytest.mark.soak
def test_versions_outlive_the_process(mortal: LocalAzure) -> None:
    data = os.urandom(4096)
    make_definition(mortal)
    make_version(mortal, "1.0.0", data=data)
    upload_disk(mortal, "x", data)
    for number in range(1, 4):
        pending = [
            mortal.call("PUT", f"galleries/g/images/d/versions/{number}.1.0", of_disk(mortal, "x")),
            mortal.call("DELETE", f"galleries/g/images/d/versions/{number - 1}.1.0"),
        ]
        mortal.kill()
        assert mortal.done(pending[0])["status"] == "Succeeded"
        if pending[1].status_code == 202:
            assert mortal.done(pending[1])["status"] == "Succeeded"
    reference = {"id": mortal.path("galleries/g/images/d/versions/3.1.0")}
    mortal.put("disks/made", disk({"createOption": "FromImage", "galleryImageReference": reference}))
    assert bytes_of(mortal, "disks/made", 4096) == data
    # The first disk and the one that the others are made of, two versions, and the disk made of the last.
    mortal.kill()
    assert len(list((mortal.data / "disks").glob("*.pages"))) == 5
