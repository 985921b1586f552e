# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates that the tests share, and short ways to deploy them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from azure_process import LocalAzure

VERSION = "2021-04-01"
ENDED = ("Succeeded", "Failed", "Canceled")


def template(*resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        **sections,
        "resources": [*resources],
    }


def security_group(name: str, **more: Any) -> dict[str, Any]:
    """The quickest resource there is."""
    return {
        "type": "Microsoft.Network/networkSecurityGroups",
        "apiVersion": "2023-04-01",
        "name": name,
        "location": "[resourceGroup().location]",
        **more,
    }


def network(name: str = "net", **more: Any) -> dict[str, Any]:
    subnets = [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    return {
        "type": "Microsoft.Network/virtualNetworks",
        "apiVersion": "2023-04-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets},
        **more,
    }


def interface(name: str = "nic", **more: Any) -> dict[str, Any]:
    subnet = "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'net', 'default')]"
    return {
        "type": "Microsoft.Network/networkInterfaces",
        "apiVersion": "2023-04-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "properties": {"ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}}}]},
        **more,
    }


def machine(name: str = "vm", nic: str = "nic", **more: Any) -> dict[str, Any]:
    reference = {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "latest"}
    return {
        "type": "Microsoft.Compute/virtualMachines",
        "apiVersion": "2024-07-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_DS1_v2"},
            "storageProfile": {"osDisk": {"createOption": "FromImage"}, "imageReference": reference},
            "osProfile": {
                "computerName": name,
                "adminUsername": "somebody",
                "adminPassword": "[parameters('adminPassword')]",
            },
            "networkProfile": {
                "networkInterfaces": [{"id": f"[resourceId('Microsoft.Network/networkInterfaces', '{nic}')]"}]
            },
        },
        **more,
    }


def whole_machine() -> dict[str, Any]:
    """Network, interface and machine, each after the other, with outputs."""
    return template(
        network(),
        interface(dependsOn=["net"]),
        machine(dependsOn=["[resourceId('Microsoft.Network/networkInterfaces', 'nic')]"]),
        parameters={"adminPassword": {"type": "securestring"}},
        outputs={
            "PrincipalId": {"type": "string", "value": "[reference('vm', '2024-07-01', 'Full').identity.principalId]"},
            "VMID": {
                "type": "string",
                "value": "[reference(resourceId('Microsoft.Compute/virtualMachines', 'vm')).vmId]",
            },
        },
    )


PASSWORD = {"adminPassword": {"value": "Secret-12345"}}


def body(
    given: dict[str, Any], parameters: dict[str, Any] | None = None, mode: str = "Incremental", **more: Any
) -> dict[str, Any]:
    return {"properties": {"template": given, "parameters": parameters or {}, "mode": mode, **more}}


def begin(
    azure: LocalAzure, given: dict[str, Any], name: str = "d", version: str = VERSION, **how: Any
) -> httpx.Response:
    """Start a deployment, as it is answered."""
    return azure.call("PUT", f"resources:deployments/{name}", body(given, **how), version)


def status(azure: LocalAzure, answer: httpx.Response) -> dict[str, Any]:
    """Follow a deployment to its end; the last status."""
    end = time.monotonic() + 30
    while True:
        found: dict[str, Any] = azure.client.get(answer.headers["azure-asyncoperation"]).raise_for_status().json()
        if found["status"] in ENDED:
            return found
        assert found["status"] in ("Accepted", "Running")
        assert time.monotonic() < end, found
        time.sleep(0.02)


def deploy(
    azure: LocalAzure, given: dict[str, Any], name: str = "d", version: str = VERSION, **how: Any
) -> dict[str, Any]:
    """Deploy to the end; the deployment's properties."""
    answer = begin(azure, given, name, version, **how)
    assert answer.status_code in (200, 201), answer.text
    status(azure, answer)
    return shown(azure, name, version)


def shown(azure: LocalAzure, name: str = "d", version: str = VERSION) -> dict[str, Any]:
    properties: dict[str, Any] = azure.get(f"resources:deployments/{name}", version)["properties"]
    return properties


def operations(azure: LocalAzure, name: str = "d", version: str = VERSION) -> dict[str, dict[str, Any]]:
    """Resource name -> properties of its operation; ``""`` is the evaluation of the outputs."""
    found = azure.get(f"resources:deployments/{name}/operations", version)["value"]
    return {one["properties"].get("targetResource", {}).get("resourceName", ""): one["properties"] for one in found}


def refusal(azure: LocalAzure, given: dict[str, Any], action: str = "/validate", **how: Any) -> tuple[int, str, str]:
    """Status, code and text of a refused validation."""
    answer = azure.call("POST", f"resources:deployments/d{action}", body(given, **how), VERSION)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]
