# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed requests get an error of Azure's form, never a fault of the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compute_bodies import copy_of, disk, empty, from_marketplace, image_of_disk, machine, os_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from nonsense import NONSENSE, check_members

if TYPE_CHECKING:
    from azure_process import LocalAzure


def _encryption_set() -> dict[str, Any]:
    key = {"sourceVault": {"id": "/x"}, "keyUrl": "https://v.vault.azure.net/keys/k/1"}
    properties = {
        "activeKey": key,
        "rotationToLatestKeyVersionEnabled": True,
        "encryptionType": "EncryptionAtRestWithCustomerKey",
    }
    identity = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {"/x": {}}}
    return {"location": "westeurope", "identity": identity, "properties": properties}


def bodies(azure: LocalAzure) -> dict[str, dict[str, Any]]:
    azure.put("disks/d", empty())
    azure.put("diskEncryptionSets/real", _encryption_set())
    azure.put("snapshots/i", copy_of(azure, "disks/d", incremental=True))
    data = {"lun": 0, "createOption": "Empty", "diskSizeGB": 1, "managedDisk": {"storageAccountType": "Standard_LRS"}}
    key = {"path": "/home/azureuser/.ssh/authorized_keys", "keyData": "ssh-rsa AAAA"}
    profile = os_profile("vm", linuxConfiguration={"ssh": {"publicKeys": [key]}, "patchSettings": {"patchMode": "x"}})
    image = image_of_disk(azure, "d")
    image["properties"]["storageProfile"]["dataDisks"] = [{"lun": 0, "managedDisk": {"id": azure.path("disks/d")}}]
    return {
        "disks/new": disk({"createOption": "Empty"}, "Premium_LRS", diskSizeGB=4)
        | {"tags": {"a": "b"}, "zones": ["1"]},
        "disks/up": disk({"createOption": "Upload", "uploadSizeBytes": 20972032}, osType="Linux"),
        "disks/copy": copy_of(azure, "disks/d", encryption={"type": "x"}),
        "disks/import": disk({"createOption": "Import", "sourceUri": "https://a.blob.core.windows.net/b/c"}),
        "snapshots/s": copy_of(azure, "disks/d", incremental=True),
        "disks/ultra": disk(
            {"createOption": "Empty", "logicalSectorSize": 512, "performancePlus": False},
            "UltraSSD_LRS",
            diskSizeGB=4,
            maxShares=2,
            diskIOPSReadWrite=500,
            securityProfile={"securityType": "TrustedLaunch"},
            hyperVGeneration="V2",
            networkAccessPolicy="AllowAll",
            dataAccessAuthMode="None",
            supportedCapabilities={"architecture": "x64", "acceleratedNetwork": True},
            purchasePlan={"name": "n", "publisher": "p", "product": "o"},
            encryption={"diskEncryptionSetId": azure.path("diskEncryptionSets/real")},
        ),
        "disks/gallery": disk(
            {
                "createOption": "FromImage",
                "galleryImageReference": {"id": azure.path("galleries/g/images/d/versions/1.0.0"), "lun": 0},
            }
        ),
        "disks/secure": disk({"createOption": "ImportSecure", "sourceUri": "x", "securityDataUri": "x"}, tier="P10"),
        "snapshots/start": disk(
            {"createOption": "CopyStart", "sourceResourceId": azure.path("snapshots/i")}, incremental=True
        )
        | {"location": "eastus"},
        "diskEncryptionSets/set": _encryption_set(),
        "diskAccesses/a": {"location": "westeurope", "tags": {"a": "b"}, "properties": {}},
        "images/i": image,
        "virtualMachines/vm": machine(azure, "vm", from_marketplace(dataDisks=[data]), osProfile=profile)
        | {"identity": {"type": "SystemAssigned"}},
    }


def test_one_wrong_member_anywhere(azure: LocalAzure) -> None:
    check_members(azure, bodies(azure), **{"$expand": "instanceView"})
    for collection in ("disks", "snapshots", "images", "virtualMachines", "diskEncryptionSets", "diskAccesses"):
        assert azure.call("GET", collection).status_code == 200


def test_odd_posts(azure: LocalAzure) -> None:
    azure.put("disks/d", empty())

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        st.dictionaries(
            st.sampled_from(["access", "durationInSeconds", "getSecureVMGuestStateSAS", "fileFormat"]), NONSENSE
        )
    )
    def check(body: dict[str, Any]) -> None:
        assert azure.call("POST", "disks/d/beginGetAccess", body).status_code < 500

    check()
