# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines: Microsoft.Compute/virtualMachines, with what their instance view tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

TYPE = "Microsoft.Compute/virtualMachines"

# What the operating system does while nothing runs. A stopped machine is still billed, a deallocated one is not.
NOT_RUNNING = ("stopped", "deallocated")


def read(azure: Session, group: str, name: str) -> Wire | None:
    """The machine with its instance view."""
    return azure.read(azure.compute.virtual_machines.get, group, name, expand="instanceView")


def find(azure: Session, group: str | None) -> list[Wire]:
    """All machines of a resource group, or of the subscription, without their instance views."""
    machines = azure.compute.virtual_machines
    return azure.list(machines.list_all) if group is None else azure.list(machines.list, group)


def show(azure: Session, vm: Wire) -> Wire:
    """The machine as users see it: with its state in plain words and the addresses of its network interfaces."""
    shown: Wire = present({key: value for key, value in vm.items() if key != "properties"})
    shown.update(present({key: value for key, value in vm["properties"].items() if key != "instanceView"}))
    if "instanceView" in vm["properties"]:
        shown.update(power_state=power_state(vm), generalized=is_generalized(vm), **addresses(azure, vm))
    return shown


def statuses(vm: Wire) -> list[str]:
    """The codes of the instance view: ``PowerState/running``, ``OSState/generalized`` …"""
    return [str(one.get("code", "")) for one in vm["properties"].get("instanceView", {}).get("statuses", [])]


def power_state(vm: Wire) -> str | None:
    """``running``, ``stopped``, ``deallocated``, or one on the way there; ``None`` where Azure does not say."""
    states = [code.partition("/")[2] for code in statuses(vm) if code.lower().startswith("powerstate/")]
    return states[-1].lower() if states else None


def is_generalized(vm: Wire) -> bool:
    """Only the instance view tells it: the machine itself looks the same before and after."""
    return "osstate/generalized" in (code.lower() for code in statuses(vm))


def start(task: Task, group: str, name: str) -> None:
    task.azure.send(task.azure.compute.virtual_machines.begin_start, group, name, what=f"start the machine {name}")


def restart(task: Task, group: str, name: str) -> None:
    """Restart it once, also where the first answer is lost: the time of its last change tells whether it was done."""
    before = _changed(task.azure, group, name)
    task.azure.send(
        task.azure.compute.virtual_machines.begin_restart,
        group,
        name,
        what=f"restart the machine {name}",
        done=lambda _found: _changed(task.azure, group, name) != before,
    )


def _changed(azure: Session, group: str, name: str) -> str | None:
    """When Azure last changed the machine; ``None`` where it does not say."""
    vm = read(azure, group, name) or {"properties": {}}
    shown = vm["properties"].get("instanceView", {}).get("statuses", [])
    times = [one.get("time") for one in shown if str(one.get("code", "")).lower().startswith("provisioningstate/")]
    return times[-1] if times else None


def power_off(task: Task, group: str, name: str) -> None:
    task.azure.send(task.azure.compute.virtual_machines.begin_power_off, group, name, what=f"stop the machine {name}")


def deallocate(task: Task, group: str, name: str) -> None:
    machines = task.azure.compute.virtual_machines
    task.azure.send(machines.begin_deallocate, group, name, what=f"deallocate the machine {name}")


def generalize(task: Task, group: str, name: str) -> None:
    machines = task.azure.compute.virtual_machines
    task.azure.send(machines.generalize, group, name, what=f"mark the machine {name} as generalized")


def delete(task: Task, group: str, name: str) -> None:
    machines = task.azure.compute.virtual_machines
    task.azure.send(machines.begin_delete, group, name, what=f"delete the machine {name}")


def must_exist(azure: Session, group: str, name: str) -> Wire:
    found = read(azure, group, name)
    if found is None:
        raise InvalidInput(
            f"There is no machine {name} in the resource group {group}.", remedy="Check name and resource_group."
        )
    return found


def check_capturable(azure: Session, vm_id: str) -> Wire:
    """The machine with this id, when Azure can make an image of it.

    :raises InvalidInput: it does not exist, is running, or is not generalized.
    """
    parsed = ids.parse(vm_id)
    found = must_exist(azure, parsed.resource_group, parsed.name)
    state = power_state(found)
    if state not in NOT_RUNNING:
        raise InvalidInput(
            f"The machine {parsed.name} is {state or 'in an unknown power state'}; only a stopped one can be captured.",
            remedy="Generalize its operating system, then use vm_generalize with power_off.",
        )
    if not is_generalized(found):
        raise InvalidInput(
            f"The machine {parsed.name} is not generalized, so every machine from its image would be the same one.",
            remedy="Generalize its operating system (role linux_generalize), then mark it with vm_generalize.",
        )
    return found


def os_disk_id(vm: Wire) -> str | None:
    """The id of the managed OS disk; ``None`` for a disk in a storage account."""
    disk = vm["properties"]["storageProfile"].get("osDisk", {})
    return (disk.get("managedDisk") or {}).get("id")


def nic_ids(vm: Wire) -> list[str]:
    return [nic["id"] for nic in vm["properties"].get("networkProfile", {}).get("networkInterfaces", [])]


def addresses(azure: Session, vm: Wire) -> dict[str, list[str]]:
    """``private_ip_addresses`` and ``public_ip_addresses`` of all its network interfaces."""
    private: list[str] = []
    public: list[str] = []
    for nic_id in nic_ids(vm):
        nic_parts = ids.parse(nic_id)
        nic = azure.read(azure.network.network_interfaces.get, nic_parts.resource_group, nic_parts.name) or {}
        for configuration in nic.get("properties", {}).get("ipConfigurations", []):
            private.append(configuration["properties"].get("privateIPAddress"))
            public.append(_public_address(azure, configuration["properties"].get("publicIPAddress")))
    return {
        "private_ip_addresses": [address for address in private if address],
        "public_ip_addresses": [address for address in public if address],
    }


def _public_address(azure: Session, reference: Mapping[str, Any] | None) -> Any:
    if not reference:
        return None
    parts = ids.parse(reference["id"])
    address = azure.read(azure.network.public_ip_addresses.get, parts.resource_group, parts.name) or {}
    return address.get("properties", {}).get("ipAddress")
