# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a gallery with the Azure SDK for Python, unmodified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from compute_bodies import LOCATION, copy_of, empty, upload_disk
from gallery_bodies import of_disk

if TYPE_CHECKING:
    from azure_process import LocalAzure
    from sdk_client import Sdk

compute = pytest.importorskip("azure.mgmt.compute")
models = pytest.importorskip("azure.mgmt.compute.models")


@pytest.fixture
def client(sdk: Sdk) -> compute.ComputeManagementClient:
    return sdk.compute


def test_from_a_gallery_to_a_version_and_back(azure: LocalAzure, client: compute.ComputeManagementClient) -> None:
    gallery = client.galleries.begin_create_or_update("rg", "g", models.Gallery(location=LOCATION)).result()
    assert gallery.identifier.unique_name == f"{azure.subscription}-G"
    definition = models.GalleryImage(
        location=LOCATION,
        os_type="Linux",
        os_state="Generalized",
        identifier=models.GalleryImageIdentifier(publisher="p", offer="o", sku="s"),
    )
    made = client.gallery_images.begin_create_or_update("rg", "g", "d", definition).result()
    # The newest release speaks an API version that makes definitions of generation 2.
    assert (made.hyper_v_generation, made.features[0].value) == ("V2", "TrustedLaunchSupported")
    upload_disk(azure, "disk", b"x" * 512)
    azure.put("snapshots/s", copy_of(azure, "disks/disk"))
    source = models.GalleryDiskImageSource(id=azure.path("snapshots/s"))
    version = models.GalleryImageVersion(
        location=LOCATION,
        publishing_profile=models.GalleryImageVersionPublishingProfile(
            target_regions=[
                models.TargetRegion(name=LOCATION),
                models.TargetRegion(name="westus", regional_replica_count=2),
            ],
            end_of_life_date="2035-01-01T00:00:00Z",
        ),
        storage_profile=models.GalleryImageVersionStorageProfile(
            os_disk_image=models.GalleryOSDiskImage(source=source)
        ),
    )
    published = client.gallery_image_versions.begin_create_or_update("rg", "g", "d", "1.0.0", version).result()
    assert published.provisioning_state == "Succeeded"
    assert [region.name for region in published.publishing_profile.target_regions] == ["West Europe", "West US"]
    status = client.gallery_image_versions.get("rg", "g", "d", "1.0.0", expand="ReplicationStatus").replication_status
    assert status.aggregated_state == "Completed"
    assert [found.name for found in client.gallery_image_versions.list_by_gallery_image("rg", "g", "d")] == ["1.0.0"]
    change = models.GalleryImageVersionUpdate(
        safety_profile=models.GalleryImageVersionSafetyProfile(block_deletion_before_end_of_life=False)
    )
    client.gallery_image_versions.begin_update("rg", "g", "d", "1.0.0", change).result()
    client.gallery_image_versions.begin_delete("rg", "g", "d", "1.0.0").result()
    client.gallery_images.begin_delete("rg", "g", "d").result()
    client.galleries.begin_delete("rg", "g").result()
    assert list(client.galleries.list()) == []


def test_sharing_and_reading_what_is_shared(azure: LocalAzure, client: compute.ComputeManagementClient) -> None:
    profile = models.SharingProfile(permissions="Groups")
    client.galleries.begin_create_or_update(
        "rg", "g", models.Gallery(location=LOCATION, sharing_profile=profile)
    ).result()
    group = models.SharingProfileGroup(type="Subscriptions", ids=[azure.subscription])
    client.gallery_sharing_profile.begin_update(
        "rg", "g", models.SharingUpdate(operation_type="Add", groups=[group])
    ).result()
    shared = [gallery.name for gallery in client.shared_galleries.list(LOCATION, shared_to="tenant")]
    assert f"{azure.subscription}-G" in shared
    selected = client.galleries.get("rg", "g", select="Permissions").sharing_profile
    assert selected.groups[0].ids == [azure.subscription]
    public = "contosoimages-5d1c7f0a-3b62-4e98-8a4d-6f2b9c0e7d13"
    images = list(client.community_gallery_images.list(LOCATION, public))
    assert [image.name for image in images] == ["debian-12", "windows-2022"]
    found = client.community_gallery_image_versions.get(LOCATION, public, "debian-12", "1.0.0")
    assert found.unique_id == f"/CommunityGalleries/{public}/Images/debian-12/Versions/1.0.0"


def test_failures_arrive_as_the_sdk_expects_them(azure: LocalAzure, client: compute.ComputeManagementClient) -> None:
    from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

    with pytest.raises(ResourceNotFoundError, match="ParentResourceNotFound"):
        client.gallery_image_versions.get("rg", "none", "d", "1.0.0")
    azure.put("galleries/g", {"location": LOCATION}, "2024-03-03")
    identifier = {"publisher": "p", "offer": "o", "sku": "s"}
    properties = {"osType": "Linux", "osState": "Generalized", "identifier": identifier}
    azure.put("galleries/g/images/d", {"location": LOCATION, "properties": properties}, "2024-03-03")
    azure.put("disks/x", empty(1, osType="Windows"))
    operation = client.gallery_image_versions.begin_create_or_update("rg", "g", "d", "1.0.0", of_disk(azure, "x"))
    with pytest.raises(HttpResponseError, match="has a different OS type") as caught:
        operation.result()
    assert caught.value.error.code == "Conflict"
