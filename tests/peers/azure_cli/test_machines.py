# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a machine that ``az vm create`` makes with a template deployment, and the network it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import AzureCli

UBUNTU = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest"


@pytest.fixture(scope="module")
def vm(az: AzureCli, group: str) -> str:
    """The arguments that name the machine ``box``, which is made with a network of its own."""
    az(f"network vnet create -g {group} -n net --address-prefixes 10.2.0.0/16 --subnet-name machines")
    az(f"network nsg create -g {group} -n rules")
    az(f"network nsg rule create -g {group} --nsg-name rules -n ssh --priority 100 --destination-port-ranges 22")
    az(f"network public-ip create -g {group} -n address --sku Standard")
    nic = "--vnet-name net --subnet machines --network-security-group rules --public-ip-address address"
    az(f"network nic create -g {group} -n interface {nic}")
    about = "--size Standard_B1s --admin-username builder --ssh-key-values key.pub"
    made = az(f"vm create -g {group} -n box --image {UBUNTU} --nics interface {about} --data-disk-sizes-gb 4")
    assert made["powerState"] == "VM running"
    assert made["publicIpAddress"] == az(f"network public-ip show -g {group} -n address")["ipAddress"]
    return f"-g {group} -n box"


def test_create_with_defaults(az: AzureCli, group: str) -> None:
    """Without a word about the network, the template makes one, with an address and rules."""
    about = "--image Ubuntu2204 --size Standard_B1s --admin-username builder --ssh-key-values key.pub"
    made = az(f"vm create -g {group} -n plain {about}")
    assert made["privateIpAddress"].startswith("10.0.0.")
    kinds = {found["type"].rpartition("/")[2] for found in az(f"resource list -g {group}")}
    assert {"virtualMachines", "disks", "virtualNetworks", "networkInterfaces", "publicIPAddresses"} <= kinds
    assert "networkSecurityGroups" in kinds
    az(f"vm delete -g {group} -n plain --yes")


def test_look(az: AzureCli, group: str, vm: str) -> None:
    """The machine in a list with details, by itself, and from inside Azure."""
    found = {one["name"]: one for one in az("vm list -d")}["box"]
    assert (found["powerState"], found["privateIps"]) == ("VM running", "10.2.0.4")
    assert az(f"vm show {vm} -d")["publicIps"] == found["publicIps"]
    view = az(f"vm get-instance-view {vm}")["instanceView"]
    assert {"ProvisioningState/succeeded", "PowerState/running"} <= {status["code"] for status in view["statuses"]}
    assert az(f"vm list-ip-addresses {vm}")[0]["virtualMachine"]["name"] == "box"
    assert len(az(f"vm list-vm-resize-options {vm}")) > 3


def test_power(az: AzureCli, vm: str) -> None:
    """Stop, start, restart, move, resize; every one leaves the state that Azure would."""

    def state() -> str:
        statuses = az(f"vm get-instance-view {vm}")["instanceView"]["statuses"]
        return str(next(status["code"] for status in statuses if status["code"].startswith("PowerState/")))

    az(f"vm stop {vm}")
    assert state() == "PowerState/stopped"
    az(f"vm deallocate {vm}")
    assert state() == "PowerState/deallocated"
    az(f"vm resize {vm} --size Standard_B2s")
    az(f"vm start {vm}")
    assert state() == "PowerState/running"
    az(f"vm restart {vm}")
    az(f"vm redeploy {vm}")
    az(f"vm update {vm} --set tags.stage=test")
    found = az(f"vm show {vm}")
    assert (found["hardwareProfile"]["vmSize"], found["tags"]) == ("Standard_B2s", {"stage": "test"})


def test_commands_and_disks(az: AzureCli, group: str, vm: str) -> None:
    """Run command answers; disks come and go, but not while they are attached; a reimaged machine has a new one."""
    said = az(f"vm run-command invoke {vm} --command-id RunShellScript --scripts 'echo hello'")
    assert said["value"][0]["code"].startswith("ProvisioningState/succeeded")
    az(f"vm disk attach -g {group} --vm-name box -n more --new --size-gb 4")
    assert "is attached to VM" in az.refused(f"disk delete -g {group} -n more --yes")
    az(f"vm disk detach -g {group} --vm-name box -n more")
    az(f"disk delete -g {group} -n more --yes")
    before = az(f"vm show {vm}")["storageProfile"]["osDisk"]["managedDisk"]["id"]
    az(f"vm reimage {vm}")
    assert az(f"vm show {vm}")["storageProfile"]["osDisk"]["managedDisk"]["id"] != before


def test_deployments(az: AzureCli, group: str, vm: str) -> None:
    """What ``az vm create`` left: deployments with their operations, which can be read, exported and removed."""
    found = [one["name"] for one in az(f"deployment group list -g {group}")]
    assert found
    assert all(name.startswith("vm_deploy_") for name in found)
    shown = az(f"deployment group show -g {group} -n {found[0]}")
    assert shown["properties"]["provisioningState"] == "Succeeded"
    operations = az(f"deployment operation group list -g {group} -n {found[0]}")
    assert "Microsoft.Compute/virtualMachines" in {
        (one["properties"]["targetResource"] or {}).get("resourceType") for one in operations
    }
    assert az(f"deployment group export -g {group} -n {found[0]}")["resources"]
    az(f"deployment group delete -g {group} -n {found[0]}")
    assert found[0] not in [one["name"] for one in az(f"deployment group list -g {group}")]


def test_refusals(az: AzureCli, group: str, vm: str) -> None:
    """Azure CLI shows the codes: in use, absent, not possible."""
    assert "NicInUse" in az.refused(f"network nic delete -g {group} -n interface")
    assert "InUseSubnetCannotBeDeleted" in az.refused(f"network vnet delete -g {group} -n net")
    assert "ResourceNotFound" in az.refused(f"vm show -g {group} -n nobody")
    assert "ResourceGroupNotFound" in az.refused("group show -n nowhere")
    about = "--size Standard_B1s --admin-username builder --ssh-key-values key.pub"
    assert "VMImage was not found" in az.refused(
        f"vm create -g {group} -n bad --image Canonical:UbuntuServer:0:1.2.3 {about}"
    )


def test_delete(az: AzureCli, group: str, vm: str) -> None:
    """The machine goes; what it used can then go one by one."""
    az(f"vm delete {vm} --yes")
    for kind, name in (("nic", "interface"), ("public-ip", "address"), ("nsg", "rules"), ("vnet", "net")):
        az(f"network {kind} delete -g {group} -n {name}")
    assert "box" not in [found["name"] for found in az(f"vm list -g {group}")]
