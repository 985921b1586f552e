# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole life of an image with the Azure SDK for Python, unmodified."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure_emulator.disks.vhd import make_footer
from compute_bodies import LOCATION, MIB, copy_of, image_of_disk, image_of_machine, os_profile

if TYPE_CHECKING:
    from azure_process import LocalAzure
    from sdk_client import Sdk

SIZE = 24 * MIB


def _upload(sdk: Sdk, data: bytes) -> None:
    creation = {"createOption": "Upload", "uploadSizeBytes": SIZE + 512}
    properties = {"osType": "Linux", "hyperVGeneration": "V2", "creationData": creation}
    sdk.write(sdk.compute.disks.begin_create_or_update, "os", body={"location": LOCATION, "properties": properties})
    page = sdk.access("os", "Write")
    page.upload_page(data, offset=MIB, length=len(data))
    page.upload_page(make_footer(SIZE, uuid.uuid4()), offset=SIZE, length=512)
    assert [(found.start, found.end) for found in page.list_page_ranges()] == [
        (MIB, MIB + len(data) - 1),
        (SIZE, SIZE + 511),
    ]
    sdk.compute.disks.begin_revoke_access("rg", "os").result()


def _machine(sdk: Sdk, azure: LocalAzure, name: str, image: str, **storage: Any) -> Any:
    subnet = {"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}
    net = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
    sdk.write(
        sdk.network.virtual_networks.begin_create_or_update, "net", body={"location": LOCATION, "properties": net}
    )
    addresses = [{"name": "ip", "properties": {"subnet": {"id": sdk.network.subnets.get("rg", "net", "default").id}}}]
    body = {"location": LOCATION, "properties": {"ipConfigurations": addresses}}
    sdk.write(sdk.network.network_interfaces.begin_create_or_update, f"{name}-nic", body=body)
    properties = {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {
            "imageReference": {"id": sdk.compute.images.get("rg", image).id},
            "osDisk": {"createOption": "FromImage", "deleteOption": "Delete"},
            **storage,
        },
        "osProfile": os_profile(name),
        "networkProfile": {"networkInterfaces": [{"id": sdk.network.network_interfaces.get("rg", f"{name}-nic").id}]},
    }
    body = {"location": LOCATION, "properties": properties}
    return sdk.write(sdk.compute.virtual_machines.begin_create_or_update, name, body=body)


def test_from_a_vhd_to_a_machine_of_a_captured_image(azure: LocalAzure, sdk: Sdk) -> None:
    data = os.urandom(64 * 1024)
    _upload(sdk, data)
    assert azure.get("disks/os")["properties"]["diskState"] == "Unattached"
    body = image_of_disk(azure, "os")
    body["properties"]["hyperVGeneration"] = "V2"
    sdk.write(sdk.compute.images.begin_create_or_update, "base", body=body)
    _machine(sdk, azure, "source", "base", dataDisks=[{"lun": 0, "createOption": "Empty", "diskSizeGB": 1}])
    sdk.compute.virtual_machines.begin_power_off("rg", "source").result()
    sdk.compute.virtual_machines.generalize("rg", "source")
    view = sdk.compute.virtual_machines.instance_view("rg", "source")
    assert [status.code for status in view.statuses][1:] == ["OSState/generalized", "PowerState/stopped"]
    sdk.write(sdk.compute.images.begin_create_or_update, "golden", body=image_of_machine(azure, "source"))
    _machine(sdk, azure, "copy", "golden")
    sdk.compute.virtual_machines.begin_deallocate("rg", "copy").result()
    storage = azure.get("virtualMachines/copy")["properties"]["storageProfile"]
    assert len(storage["dataDisks"]) == 1
    name = storage["osDisk"]["name"]
    export = sdk.access(name, "Read")
    content = export.download_blob().readall()
    assert len(content) == SIZE + 512
    assert content[MIB : MIB + len(data)] == data
    sdk.compute.disks.begin_revoke_access("rg", name).result()
    sdk.compute.virtual_machines.begin_delete("rg", "copy").result()
    assert name not in [disk.name for disk in sdk.compute.disks.list_by_resource_group("rg")]


def test_errors_arrive_as_the_sdk_expects_them(azure: LocalAzure, sdk: Sdk) -> None:
    from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        sdk.compute.images.get("rg", "none")
    with pytest.raises(HttpResponseError) as caught:
        sdk.write(sdk.compute.disks.begin_create_or_update, "d", body=copy_of(azure, "disks/none"))
    assert caught.value.error.code == "ResourceNotFound"
    creation = {"createOption": "Empty"}
    body = {"location": LOCATION, "properties": {"creationData": creation, "diskSizeGB": 4}}
    sdk.write(sdk.compute.disks.begin_create_or_update, "d", body=body)
    body["properties"]["diskSizeGB"] = 2
    with pytest.raises(HttpResponseError, match="cannot be resized down"):
        sdk.write(sdk.compute.disks.begin_create_or_update, "d", body=body)


def test_snapshots_and_what_differs_between_them(azure: LocalAzure, sdk: Sdk) -> None:
    _upload(sdk, b"a" * MIB)
    _snapshot(azure, sdk, "before", "disks/os", LOCATION)
    sdk.compute.disks.begin_delete("rg", "os").result()
    _upload(sdk, b"a" * (MIB // 2) + b"b" * (MIB // 2))
    _snapshot(azure, sdk, "after", "disks/os", LOCATION)
    before, after = sdk.snapshot_access("before"), sdk.snapshot_access("after")
    changed, cleared = after.get_page_range_diff_for_managed_disk(before.url)
    assert (changed, cleared) == ([{"start": MIB + MIB // 2, "end": 2 * MIB - 1}], [])
    assert after.download_blob(MIB + MIB // 2, 512).readall() == b"b" * 512
    for name in ("before", "after"):
        sdk.compute.snapshots.begin_revoke_access("rg", name).result()
    _snapshot(azure, sdk, "far", "snapshots/after", "eastus")
    found = azure.get("snapshots/far")["properties"]
    assert (found["completionPercent"], found["creationData"]["createOption"]) == (100.0, "CopyStart")
    assert sdk.snapshot_access("far").download_blob(MIB, 512).readall() == b"a" * 512


def _snapshot(azure: LocalAzure, sdk: Sdk, name: str, source: str, location: str) -> None:
    option = "Copy" if location == LOCATION else "CopyStart"
    creation = {"createOption": option, "sourceResourceId": azure.path(source)}
    body = {"location": location, "properties": {"creationData": creation, "incremental": True}}
    sdk.write(sdk.compute.snapshots.begin_create_or_update, name, body=body)


def test_keys_of_disks(azure: LocalAzure, sdk: Sdk) -> None:
    key = {"sourceVault": {"id": azure.path("keyvault:vaults/v")}, "keyUrl": "https://v.vault.azure.net/keys/k/1"}
    body = {
        "location": LOCATION,
        "identity": {"type": "SystemAssigned"},
        "properties": {"activeKey": key, "encryptionType": "EncryptionAtRestWithPlatformAndCustomerKeys"},
    }
    made = sdk.write(sdk.compute.disk_encryption_sets.begin_create_or_update, "keys", body=body)
    assert made.identity.principal_id
    properties = {
        "creationData": {"createOption": "Empty"},
        "diskSizeGB": 4,
        "encryption": {"diskEncryptionSetId": made.id},
    }
    body = {"location": LOCATION, "properties": properties}
    sdk.write(sdk.compute.disks.begin_create_or_update, "d", body=body)
    users = list(sdk.compute.disk_encryption_sets.list_associated_resources("rg", "keys"))
    assert users == [azure.path("disks/d")]
    sdk.compute.disks.begin_delete("rg", "d").result()
    sdk.compute.disk_encryption_sets.begin_delete("rg", "keys").result()
    access = sdk.write(sdk.compute.disk_accesses.begin_create_or_update, "door", body={"location": LOCATION})
    assert [found.name for found in sdk.compute.disk_accesses.list_by_resource_group("rg")] == [access.name]
