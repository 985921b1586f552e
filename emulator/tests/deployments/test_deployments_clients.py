# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as azure-cli and Packer send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployment_templates import PASSWORD, body, deploy, interface, machine, network, template

if TYPE_CHECKING:
    from azure_process import LocalAzure


def test_machines_in_a_loop(azure: LocalAzure) -> None:
    """As azure-cli sends ``az vm create --count``."""
    loop = {"name": "loop", "count": "[parameters('count')]", "mode": "parallel"}
    nic = interface("[concat('nic', copyIndex())]", copy={**loop, "name": "nics"}, dependsOn=["net"])
    vm: dict[str, Any] = machine("[concat('vm', copyIndex())]", copy=loop, dependsOn=["nics"])
    vm["properties"]["networkProfile"]["networkInterfaces"] = [
        {"id": "[resourceId('Microsoft.Network/networkInterfaces', concat('nic', copyIndex()))]"}
    ]
    vm["properties"]["osProfile"]["computerName"] = "[concat('vm', copyIndex())]"
    given = template(
        network(),
        nic,
        vm,
        parameters={"adminPassword": {"type": "securestring"}, "count": {"type": "int", "maxValue": 9}},
    )
    done = deploy(azure, given, parameters={**PASSWORD, "count": {"value": 3}})
    assert done["provisioningState"] == "Succeeded", done
    assert [one["name"] for one in azure.get("virtualMachines")["value"]] == ["vm0", "vm1", "vm2"]


def test_a_template_as_packer_sends_it(azure: LocalAzure) -> None:
    """Versions, names and dependencies are expressions; the image is one of the group."""
    azure.put(
        "disks/source",
        {"location": "westeurope", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}},
    )
    os_disk = {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": azure.path("disks/source")}}
    azure.put("images/base", {"location": "westeurope", "properties": {"storageProfile": {"osDisk": os_disk}}})
    names = (
        "adminUsername",
        "adminPassword",
        "nicName",
        "osDiskName",
        "publicIPAddressName",
        "subnetName",
        "vmSize",
        "vmName",
    )
    kinds = {"adminPassword": "securestring"}
    variables = {
        "apiVersion": "2017-03-30",
        "managedDiskApiVersion": "2017-03-30",
        "networkApiVersion": "2018-01-01",
        "location": "[resourceGroup().location]",
        "subnetRef": "[concat(variables('vnetID'),'/subnets/',variables('subnetName'))]",
        "subnetName": "[parameters('subnetName')]",
        "virtualNetworkName": "packnet",
        "virtualNetworkResourceGroup": "[resourceGroup().name]",
        "vnetID": "[resourceId(variables('virtualNetworkResourceGroup'), 'Microsoft.Network/virtualNetworks', "
        "variables('virtualNetworkName'))]",
    }

    def resource(kind: str, name: str, depends: list[str], properties: dict[str, Any]) -> dict[str, Any]:
        network = kind.startswith("Microsoft.Network")
        version = "[variables('networkApiVersion')]" if network else "[variables('apiVersion')]"
        place = "[variables('location')]"
        return {
            "apiVersion": version,
            "type": kind,
            "name": name,
            "location": place,
            "dependsOn": depends,
            "properties": properties,
        }

    address = "[resourceId('Microsoft.Network/publicIPAddresses', parameters('publicIPAddressName'))]"
    ip = {
        "privateIPAllocationMethod": "Dynamic",
        "publicIPAddress": {"id": address},
        "subnet": {"id": "[variables('subnetRef')]"},
    }
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    given = template(
        resource(
            "Microsoft.Network/publicIPAddresses",
            "[parameters('publicIPAddressName')]",
            [],
            {"publicIPAllocationMethod": "Dynamic"},
        ),
        resource(
            "Microsoft.Network/virtualNetworks",
            "[variables('virtualNetworkName')]",
            [],
            {
                **space,
                "subnets": [{"name": "[variables('subnetName')]", "properties": {"addressPrefix": "10.0.0.0/24"}}],
            },
        ),
        resource(
            "Microsoft.Network/networkInterfaces",
            "[parameters('nicName')]",
            [
                "[concat('Microsoft.Network/publicIPAddresses/', parameters('publicIPAddressName'))]",
                "[concat('Microsoft.Network/virtualNetworks/', variables('virtualNetworkName'))]",
            ],
            {"ipConfigurations": [{"name": "ipconfig", "properties": ip}]},
        ),
        resource(
            "Microsoft.Compute/virtualMachines",
            "[parameters('vmName')]",
            ["[concat('Microsoft.Network/networkInterfaces/', parameters('nicName'))]"],
            {
                "diagnosticsProfile": {"bootDiagnostics": {"enabled": False}},
                "hardwareProfile": {"vmSize": "[parameters('vmSize')]"},
                "networkProfile": {
                    "networkInterfaces": [
                        {"id": "[resourceId('Microsoft.Network/networkInterfaces', parameters('nicName'))]"}
                    ]
                },
                "osProfile": {
                    "adminUsername": "[parameters('adminUsername')]",
                    "adminPassword": "[parameters('adminPassword')]",
                    "computerName": "[parameters('vmName')]",
                },
                "storageProfile": {
                    "imageReference": {"id": "[resourceId(resourceGroup().name, 'Microsoft.Compute/images', 'base')]"},
                    "osDisk": {
                        "name": "[parameters('osDiskName')]",
                        "createOption": "FromImage",
                        "caching": "ReadWrite",
                        "managedDisk": {"storageAccountType": "Standard_LRS"},
                    },
                },
            },
        ),
        parameters={name: {"type": kinds.get(name, "string")} for name in names},
        variables=variables,
    )
    given["$schema"] = "http://schema.management.azure.com/schemas/2014-04-01-preview/deploymentTemplate.json"
    values = {name: {"value": "Standard_DS1_v2" if name == "vmSize" else f"pk{name.lower()}"} for name in names}
    values["adminPassword"] = {"value": "Secret-12345"}
    wanted = body(given, values)
    assert azure.call("POST", "resources:deployments/d/validate", wanted, "2018-02-01").status_code == 200
    done = deploy(azure, given, version="2018-02-01", parameters=values)
    assert done["provisioningState"] == "Succeeded", done
    assert azure.get("disks/pkosdiskname")["properties"]["diskState"] == "Attached"


def test_rules_of_a_balancer_by_themselves(azure: LocalAzure) -> None:
    """As azure-cli sends ``az vmss create``: the balancer, then its NAT rule, whose name has two parts."""
    balancer = {
        "type": "Microsoft.Network/loadBalancers",
        "apiVersion": "2022-01-01",
        "name": "lb",
        "location": "westeurope",
        "properties": {"backendAddressPools": [{"name": "pool"}]},
    }
    rule = {
        "type": "Microsoft.Network/loadBalancers/inboundNatRules",
        "apiVersion": "2022-01-01",
        "name": "[concat('lb', '/', 'NatRule')]",
        "location": "westeurope",
        "dependsOn": ["[concat('Microsoft.Network/loadBalancers/', 'lb')]"],
        "properties": {"protocol": "tcp", "frontendPortRangeStart": "50000", "backendPort": 22},
    }
    done = deploy(azure, template(balancer, rule))
    assert done["provisioningState"] == "Succeeded", done
    assert [one["name"] for one in azure.get("network:loadBalancers/lb")["properties"]["inboundNatRules"]] == [
        "NatRule"
    ]
    one = azure.get("network:loadBalancers/lb/inboundNatRules/natrule")
    assert one["id"] == azure.path("network:loadBalancers/lb/inboundNatRules/NatRule")
    assert azure.get("network:loadBalancers/lb/backendAddressPools")["value"][0]["name"] == "pool"
    azure.done(azure.call("DELETE", "network:loadBalancers/lb/inboundNatRules/NatRule"))
    assert azure.call("GET", "network:loadBalancers/lb/inboundNatRules/NatRule").status_code == 404
    absent = azure.call("PUT", "network:loadBalancers/no/inboundNatRules/x", {"properties": {}})
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "ParentResourceNotFound")
