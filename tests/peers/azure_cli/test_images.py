# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a machine to images, to versions in two regions, and back to machines, with Azure CLI alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import AzureCli

UBUNTU = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest"
VM = "--size Standard_B1s --admin-username builder --ssh-key-values key.pub --nsg-rule NONE --public-ip-address ''"


def test_capture(az: AzureCli, group: str) -> None:
    """A generalized machine becomes an image; before, it is refused, and afterwards the machine starts no more."""
    az(f"vm create -g {group} -n source --image {UBUNTU} --os-disk-name system {VM} --data-disk-sizes-gb 4")
    assert "OperationNotAllowed" in az.refused(f"vm generalize -g {group} -n source")
    az(f"vm deallocate -g {group} -n source")
    assert "to be Generalized" in az.refused(f"image create -g {group} -n early --source source")
    az(f"vm generalize -g {group} -n source")
    image = az(f"image create -g {group} -n golden --source source --hyper-v-generation V2")
    assert image["storageProfile"]["osDisk"]["osState"] == "Generalized"
    assert [disk["lun"] for disk in image["storageProfile"]["dataDisks"]] == [0]
    assert "OperationNotAllowed" in az.refused(f"vm start -g {group} -n source")


def test_images_of_disks_and_snapshots(az: AzureCli, group: str) -> None:
    """By name, as people write it: Azure CLI finds out what the name means."""
    az(f"snapshot create -g {group} -n shot --source system")
    az(f"disk create -g {group} -n copy --source shot")
    for source in ("shot", "copy"):
        az(f"image create -g {group} -n of-{source} --source {source} --os-type Linux --hyper-v-generation V2")
    assert {found["name"] for found in az(f"image list -g {group}")} == {"golden", "of-shot", "of-copy"}
    assert az(f"image update -g {group} -n golden --tags stage=test")["tags"] == {"stage": "test"}
    assert az(f"image show -g {group} -n of-copy")["storageProfile"]["osDisk"]["managedDisk"]["id"].endswith("/copy")


def test_gallery(az: AzureCli, group: str) -> None:
    """A definition, a version in two regions, its replication, and what may be changed."""
    az(f"sig create -g {group} -r gallery --description golden")
    about = "--os-type Linux --os-state Generalized --hyper-v-generation V2"
    az(f"sig image-definition create -g {group} -r gallery -i linux -p peers -f cli -s linux {about}")
    version = f"-g {group} -r gallery -i linux -e 1.0.0"
    az(f"sig image-version create {version} --managed-image golden --target-regions westeurope northeurope=2")
    shown = az(f"sig image-version show {version} --expand ReplicationStatus")
    assert shown["replicationStatus"]["aggregatedState"] == "Completed"
    assert {one["region"] for one in shown["replicationStatus"]["summary"]} == {"West Europe", "North Europe"}
    az(f"sig image-version update {version} --set publishingProfile.excludeFromLatest=false")
    assert [found["name"] for found in az(f"sig list -g {group}")] == ["gallery"]
    assert [found["name"] for found in az(f"sig image-definition list -g {group} -r gallery")] == ["linux"]
    assert [found["name"] for found in az(f"sig image-version list -g {group} -r gallery -i linux")] == ["1.0.0"]


def test_machines_of_image_and_version(az: AzureCli, group: str) -> None:
    """Both kinds of image start; `latest` of a definition does too."""
    definition = az(f"sig image-definition show -g {group} -r gallery -i linux")["id"]
    for name, image in (("of-image", "golden"), ("of-version", f"{definition}/versions/1.0.0"), ("latest", definition)):
        az(f"vm create -g {group} -n {name} --image {image} {VM}")
    disks = {found["name"]: found["storageProfile"]["dataDisks"] for found in az(f"vm list -g {group}")}
    assert {name: len(found) for name, found in disks.items()} == {
        "source": 1,
        "of-image": 1,
        "of-version": 1,
        "latest": 1,
    }


def test_removal(az: AzureCli, group: str) -> None:
    """Parents wait for their children; machines do not need their image."""
    refused = az.refused(f"sig delete -g {group} -r gallery")
    assert "nested resources" in refused
    az(f"sig image-version delete -g {group} -r gallery -i linux -e 1.0.0")
    az(f"sig image-definition delete -g {group} -r gallery -i linux")
    az(f"sig delete -g {group} -r gallery")
    az(f"image delete -g {group} -n golden")
    assert az(f"vm get-instance-view -g {group} -n of-image")["provisioningState"] == "Succeeded"
