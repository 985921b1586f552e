# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed requests get an error of Azure's form, never a fault of the emulator."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

from compute_bodies import copy_of, disk, empty, from_marketplace, image_of_disk, machine, os_profile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from azure_process import LocalAzure

MANY = int(os.environ.get("AZURE_EMULATOR_FUZZ", "150"))
NONSENSE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.lists(st.integers(0, 9), max_size=2),
    st.dictionaries(st.sampled_from(["id", "name", "lun", "x"]), st.integers(0, 9), max_size=2),
    st.sampled_from(
        ["/subscriptions/x", "/", "Windows", "V2", "Attach", "FromImage", "Upload", "Copy", "Import", "Specialized"]
    ),
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the members of a body are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in items for path in [(*at, key), *paths(inner, (*at, key))]]


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(body)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return result


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
    every = bodies(azure)
    places = [(short, path) for short, body in every.items() for path in paths(body)]

    @settings(max_examples=MANY, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(places), NONSENSE, st.sampled_from(["PUT", "PATCH"]))
    def check(place: tuple[str, tuple[Any, ...]], value: Any, method: str) -> None:
        short, path = place
        answer = azure.call(method, short, changed(every[short], path, value))
        assert answer.status_code < 500, (short, path, value, answer.text)
        if answer.status_code >= 400:
            assert {"code", "message"} <= answer.json()["error"].keys()
            return
        status = azure.done(answer)
        assert "Internal" not in str(status), (short, path, value, status)
        assert azure.call("GET", short, **{"$expand": "instanceView"}).status_code == 200

    check()
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
