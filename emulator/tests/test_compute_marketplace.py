# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Marketplace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from azure_emulator.services.compute import catalogue
from compute_bodies import disk

if TYPE_CHECKING:
    from azure_process import LocalAzure


@pytest.fixture
def publishers(azure: LocalAzure) -> str:
    return f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/westeurope/publishers"


def test_lists_are_bare_arrays(azure: LocalAzure, publishers: str) -> None:
    names = [item["name"] for item in azure.call("GET", publishers).json()]
    assert {"Debian", "Canonical", "MicrosoftWindowsServer"} <= set(names)
    elsewhere = azure.refused("GET", publishers.replace("westeurope", "mars"))
    assert elsewhere[:2] == (400, "LocationNotAvailableForResourceType")
    offers = azure.call("GET", f"{publishers}/canonical/artifacttypes/vmimage/offers").json()
    assert offers[0].keys() == {"location", "name", "id"}
    assert "/Publishers/Canonical/ArtifactTypes/VMImage/Offers/" in offers[0]["id"]
    skus = azure.call("GET", f"{publishers}/Debian/ArtifactTypes/VMImage/Offers/debian-12/Skus").json()
    assert {"12", "12-gen2"} <= {item["name"] for item in skus}
    assert skus[0]["properties"]["automaticOSUpgradeProperties"]["automaticOSUpgradeSupported"] is False


def test_aliases_name_images_of_the_catalogue(azure: LocalAzure, publishers: str) -> None:
    """Azure CLI reads them without a token."""
    answer = httpx.get(f"{azure.url}/metadata/aliases.json", verify=azure.trust)
    systems = answer.json()["outputs"]["aliases"]["value"]
    assert {"Ubuntu2204", "Debian11"} <= systems["Linux"].keys()
    assert "Win2022Datacenter" in systems["Windows"]
    for found in (systems["Linux"] | systems["Windows"]).values():
        path = f"{publishers}/{found['publisher']}/artifacttypes/vmimage/offers/{found['offer']}/skus/{found['sku']}"
        assert azure.call("GET", f"{path}/versions").json()


def test_versions_in_order(azure: LocalAzure, publishers: str) -> None:
    versions = f"{publishers}/Debian/artifacttypes/vmimage/offers/debian-12/skus/12/versions"
    everything = [item["name"] for item in azure.call("GET", versions).json()]
    newest = azure.call("GET", versions, **{"$top": "1", "$orderby": "name desc"}).json()
    assert [item["name"] for item in newest] == everything[-1:]
    assert "properties" not in azure.call("GET", versions, **{"$expand": "properties"}).json()[0]
    expanded = azure.call("GET", versions, **{"$expand": "Properties"}).json()
    assert expanded[0]["properties"]["hyperVGeneration"] == "V1"
    for top in ("x", "9" * 5000):
        assert azure.call("GET", versions, **{"$top": top}).status_code == 400


def test_one_version(azure: LocalAzure, publishers: str) -> None:
    sku = f"{publishers}/Debian/artifacttypes/vmimage/offers/debian-12/skus/12-gen2/versions"
    name = azure.call("GET", sku).json()[-1]["name"]
    properties = azure.get(f"{sku}/{name}")["properties"]
    assert properties["hyperVGeneration"] == "V2"
    assert properties["architecture"] == "x64"
    assert properties["imageDeprecationStatus"] == {"imageState": "Active"}
    assert properties["osDiskImage"]["operatingSystem"] == "Linux"
    assert properties["dataDiskImages"] == []
    assert "architecture" not in azure.get(f"{sku}/{name}", "2020-06-01")["properties"]


@pytest.mark.parametrize(
    "below",
    [
        "nobody/artifacttypes/vmimage/offers",
        "Debian/artifacttypes/vmimage/offers/none/skus",
        "Debian/artifacttypes/vmimage/offers/debian-12/skus/none/versions",
        "Debian/artifacttypes/vmimage/offers/debian-12/skus/12/versions/0.0.1",
    ],
)
def test_what_is_missing(azure: LocalAzure, publishers: str, below: str) -> None:
    assert azure.refused("GET", f"{publishers}/{below}") == (404, "NotFound", "Artifact: VMImage was not found.")


def test_versions_between_those_that_are_listed() -> None:
    sku = next(sku for sku in catalogue.skus() if len(sku.versions) > 2 and len(sku.versions[0].split(".")) == 3)
    first, *_others, last = sku.versions
    head, tail = first.rpartition(".")[::2]
    assert sku.has(f"{head}.{int(tail) + 1}")
    assert not sku.has(f"{head}.{int(tail) - 1}")
    assert not sku.has(f"{last}.1")
    assert not sku.has("9" * 5000)
    assert not sku.has("x.y.z")


def test_a_disk_from_an_image(azure: LocalAzure, publishers: str) -> None:
    sku = f"{publishers}/Debian/artifacttypes/vmimage/offers/debian-12/skus/12-gen2/versions"
    identity = azure.call("GET", sku).json()[-1]["id"]
    made = azure.put("disks/d", disk({"createOption": "FromImage", "imageReference": {"id": identity}}))["properties"]
    assert (made["osType"], made["hyperVGeneration"], made["diskSizeGB"]) == ("Linux", "V2", 30)


def test_what_is_known_of_an_image_by_version(azure: LocalAzure, publishers: str) -> None:
    """Features, deprecation and sizes came with API versions; plans and data disks were always shown."""
    sku = f"{publishers}/Canonical/artifacttypes/vmimage/offers/UbuntuServer/skus/18.04-LTS/versions"
    newest = azure.call("GET", sku).json()[-1]["name"]
    new = azure.get(f"{sku}/{newest}", "2024-11-01")["properties"]
    assert new["imageDeprecationStatus"]["imageState"] == "ScheduledForDeprecation"
    assert new["imageDeprecationStatus"]["scheduledDeprecationTime"]
    assert {item["name"] for item in new["features"]} >= {"IsAcceleratedNetworkSupported", "DiskControllerTypes"}
    assert new["osDiskImage"].keys() == {"operatingSystem", "sizeInBytes"}
    old = azure.get(f"{sku}/{newest}", "2020-06-01")["properties"]
    assert "features" not in old
    assert "imageDeprecationStatus" not in old
    assert old["osDiskImage"]["sizeInGb"] == 30
    bought = (
        f"{publishers}/fortinet/artifacttypes/vmimage/offers/fortinet_fortigate-vm_v5/skus/fortinet_fg-vm_payg/versions"
    )
    version = azure.call("GET", bought).json()[0]["name"]
    properties = azure.get(f"{bought}/{version}")["properties"]
    assert properties["plan"]["product"] == "fortinet_fortigate-vm_v5"
    assert [disk["lun"] for disk in properties["dataDiskImages"]] == [0]


def test_edge_zones(azure: LocalAzure, publishers: str) -> None:
    there = publishers.replace("/publishers", "/edgeZones/microsoftlosangeles1/publishers")
    found = azure.call("GET", f"{there}/Debian/artifacttypes/vmimage/offers").json()
    assert "/EdgeZones/microsoftlosangeles1/Publishers/Debian/" in found[0]["id"]


def test_the_catalogue_has_every_kind_of_image() -> None:
    found = catalogue.skus()
    assert {sku.generation for sku in found} == {"V1", "V2"}
    assert {sku.architecture for sku in found} == {"x64", "Arm64"}
    assert {sku.publisher for sku in found} >= {
        "Canonical", "Debian", "RedHat", "SUSE", "Oracle", "almalinux", "resf", "OpenLogic", "MicrosoftWindowsServer",
        "MicrosoftWindowsDesktop", "MicrosoftSQLServer",
    }  # fmt: skip
    assert any(sku.deprecated for sku in found)
    assert all(sku.generation == "V2" for sku in found if sku.architecture == "Arm64" or sku.security_type)
