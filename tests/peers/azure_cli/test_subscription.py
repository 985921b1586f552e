# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Azure CLI finds in a subscription before anything is made: account, regions, sizes, the Marketplace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import AzureCli

UBUNTU = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2"


def test_account(az: AzureCli) -> None:
    """Who one is, where one may go, and what is registered."""
    assert az("account show")["user"]["type"] == "servicePrincipal"
    assert {"westeurope", "northeurope"} <= {found["name"] for found in az("account list-locations")}
    assert az("provider show -n Microsoft.Compute")["registrationState"] == "Registered"
    assert az("account get-access-token")["tokenType"] == "Bearer"


def test_groups(az: AzureCli) -> None:
    """A group with tags, found by them, changed and gone."""
    az("group create -n tagged -l westeurope --tags use=peers")
    assert [found["name"] for found in az("group list --tag use=peers")] == ["tagged"]
    assert az("group update -n tagged --set tags.more=yes")["tags"] == {"use": "peers", "more": "yes"}
    az("group delete -n tagged --yes")
    assert az("group exists -n tagged") is False


def test_marketplace(az: AzureCli) -> None:
    """Publishers, offers, SKUs, versions; the newest one; terms where there is a plan."""
    place = "-l westeurope"
    publisher, offer, sku = UBUNTU.split(":")
    assert publisher in {found["name"] for found in az(f"vm image list-publishers {place}")}
    assert offer in {found["name"] for found in az(f"vm image list-offers {place} -p {publisher}")}
    assert sku in {found["name"] for found in az(f"vm image list-skus {place} -p {publisher} -f {offer}")}
    found = [one["version"] for one in az(f"vm image list --all {place} -p {publisher} -f {offer} -s {sku}")]
    shown = az(f"vm image show {place} --urn {UBUNTU}:latest")
    assert shown["name"] == found[-1]
    assert shown["hyperVGeneration"] == "V2"
    aliases = {found.get("urnAlias"): found["urn"] for found in az("vm image list")}
    assert aliases["Ubuntu2204"] == f"{UBUNTU}:latest"
    assert "no terms" in az.refused(f"vm image terms show --urn {UBUNTU}:latest")


def test_sizes(az: AzureCli) -> None:
    """Sizes, what they can do, and how many cores are left."""
    assert "Standard_B1s" in {found["name"] for found in az("vm list-sizes -l westeurope")}
    skus = az("vm list-skus -l westeurope --size Standard_D2s_v3 --resource-type virtualMachines")
    assert {found["name"] for found in skus} == {"Standard_D2s_v3"}
    assert "cores" in {found["name"]["value"] for found in az("vm list-usage -l westeurope")}


def test_own_template(az: AzureCli, group: str) -> None:
    """A user's template: checked, deployed with outputs, and refused where it is wrong."""
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"prefix": {"type": "string", "maxLength": 5}, "count": {"type": "int", "defaultValue": 2}},
        "variables": {"location": "[resourceGroup().location]"},
        "resources": [
            {
                "type": "Microsoft.Compute/disks",
                "apiVersion": "2024-03-02",
                "name": "[concat(parameters('prefix'), copyIndex())]",
                "location": "[variables('location')]",
                "copy": {"name": "disks", "count": "[parameters('count')]"},
                "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
            }
        ],
        "outputs": {
            "first": {
                "type": "string",
                "value": "[resourceId('Microsoft.Compute/disks', concat(parameters('prefix'), 0))]",
            }
        },
    }
    file = az.home / "template.json"
    file.write_text(json.dumps(template))
    arguments = f"-g {group} -f {file} -n disks"
    assert az(f"deployment group validate {arguments} -p prefix=d")["properties"]["provisioningState"] == "Succeeded"
    done = az(f"deployment group create {arguments} -p prefix=d")
    assert done["properties"]["outputs"]["first"]["value"].endswith("/disks/d0")
    assert {found["name"] for found in az(f"disk list -g {group}")} == {"d0", "d1"}
    assert "InvalidTemplate" in az.refused(f"deployment group create {arguments} -p prefix=toolong")
