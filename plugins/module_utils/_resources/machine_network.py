# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small network for a machine that was given none: virtual network, security group, public address, interface.

Everything made here is named after the machine and tagged with :data:`TAG`, so that it can be told from the user's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import made
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, Undo

TAG = "goldenimage_created_for"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
NIC = "Microsoft.Network/networkInterfaces"
PORTS = {"Linux": ("ssh", "22"), "Windows": ("rdp", "3389")}


class MachineNetwork:
    """The network of one machine, made piece by piece; what exists already is used as it is.

    :ivar made: how to remove what was made, in the order it was made.
    """

    def __init__(self, task: Task, location: str, os_type: str) -> None:
        self.made: list[Undo] = []
        self._task = task
        self._params = task.params
        self._location = location
        self._os_type = os_type

    def interfaces(self) -> list[str]:
        """The ids of the machine's network interfaces: the stated ones, or a new one."""
        if self._params["network_interfaces"]:
            return interface_ids(self._task.azure, self._params)
        network = self._task.azure.network
        subnet = self._subnet()
        address, guard = None, None
        if self._params["public_ip_address"]:
            sku = {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
            address = self._ensure(network.public_ip_addresses, "ip", sku)
            guard = self._ensure(
                network.network_security_groups, "nsg", {"properties": {"securityRules": self._rules()}}
            )
        properties: dict[str, Any] = {"subnet": {"id": subnet}, "privateIPAllocationMethod": "Dynamic"}
        if address:
            properties["publicIPAddress"] = {"id": address}
        body: Wire = {"properties": {"ipConfigurations": [{"name": "primary", "properties": properties}]}}
        if guard:
            body["properties"]["networkSecurityGroup"] = {"id": guard}
        return [self._ensure(network.network_interfaces, "nic", body)]

    def _rules(self) -> list[Wire]:
        name, port = PORTS[self._os_type]
        properties = {
            "priority": 1000,
            "protocol": "Tcp",
            "access": "Allow",
            "direction": "Inbound",
            "sourceAddressPrefix": self._params["allowed_source"],
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": port,
        }
        return [{"name": f"allow-{name}", "properties": properties}]

    def _subnet(self) -> str:
        if self._params["subnet"]:
            return subnet_id(self._task.azure, self._params)
        prefix = self._params["address_prefix"]
        subnets = [{"name": "default", "properties": {"addressPrefix": prefix}}]
        body = {"properties": {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": subnets}}
        return f"{self._ensure(self._task.azure.network.virtual_networks, 'vnet', body)}/subnets/default"

    def _ensure(self, operations: Any, suffix: str, body: Wire) -> str:
        """The id of one piece, made if it does not exist."""
        group, name = self._params["resource_group"], f"{self._params['name']}-{suffix}"
        found = self._task.azure.read(operations.get, group, name)
        if found is None:
            tags = {
                **{key: str(value) for key, value in (self._params["tags"] or {}).items()},
                TAG: self._params["name"],
            }
            removal = _removal(self._task, operations.begin_delete, group, name)
            self.made.append(self._task.undo(f"{name}, made for {self._params['name']}", removal))
            whole = {"location": self._location, "tags": tags, **body}
            found = self._task.azure.send(
                operations.begin_create_or_update, group, name, body=whole, what=f"create {name}", done=made
            )
        return str((found or {})["id"])


def _removal(task: Task, delete: Callable[..., Any], group: str, name: str) -> Callable[[], object]:
    return lambda: task.azure.send(delete, group, name, what=f"delete {name}")


def subnet_id(azure: Session, params: Mapping[str, Any]) -> str:
    """The id of the stated subnet.

    :raises InvalidInput: it does not exist.
    """
    where = {"subscription_id": azure.subscription_id, "resource_group": params["resource_group"]}
    subnet = ids.resolve(params["subnet"], type_=SUBNET, parameter="subnet", **where)
    if azure.read(azure.network.subnets.get, subnet.resource_group, *subnet.names) is None:
        raise InvalidInput(f"The subnet {subnet} does not exist.", remedy="Check subnet: an id, or network/subnet.")
    return str(subnet)


def interface_ids(azure: Session, params: Mapping[str, Any]) -> list[str]:
    """The ids of the stated network interfaces.

    :raises InvalidInput: one does not exist, or belongs to another machine.
    """
    where = {"subscription_id": azure.subscription_id, "resource_group": params["resource_group"]}
    found = []
    for value in params["network_interfaces"]:
        nic_id = ids.resolve(value, type_=NIC, parameter="network_interfaces", **where)
        nic = azure.read(azure.network.network_interfaces.get, nic_id.resource_group, nic_id.name)
        if nic is None:
            raise InvalidInput(f"The network interface {nic_id} does not exist.", remedy="Check network_interfaces.")
        owner = (nic["properties"].get("virtualMachine") or {}).get("id")
        if owner and ids.parse(owner).name.lower() != params["name"].lower():
            raise InvalidInput(f"The network interface {nic_id.name} belongs to {owner}.", remedy="Use another one.")
        found.append(str(nic_id))
    return found


def check(azure: Session, params: Mapping[str, Any]) -> None:
    """Look at the stated network, before anything is written."""
    if params["subnet"]:
        subnet_id(azure, params)
    if params["network_interfaces"]:
        interface_ids(azure, params)
    else:
        _check_left_over(azure, params)


def _check_left_over(azure: Session, params: Mapping[str, Any]) -> None:
    """An interface of this machine's name may be there; it is used as it is, so it must be as it is wanted."""
    name = f"{params['name']}-nic"
    nic = azure.read(azure.network.network_interfaces.get, params["resource_group"], name)
    if nic is None:
        return
    configuration = (nic["properties"].get("ipConfigurations") or [{}])[0].get("properties", {})
    subnet = str((configuration.get("subnet") or {}).get("id", ""))
    problems = []
    if params["subnet"] and not ids.same(subnet, subnet_id(azure, params)):
        problems.append(f"lies in {subnet}")
    if params["public_ip_address"] and not configuration.get("publicIPAddress"):
        problems.append("has no public address")
    owner = (nic["properties"].get("virtualMachine") or {}).get("id")
    if owner and ids.parse(owner).name.lower() != params["name"].lower():
        problems.append(f"belongs to {owner}")
    if problems:
        raise InvalidInput(
            f"The network interface {name} exists, and it {', '.join(problems)}.",
            remedy="Remove it (state absent with remove_on_absent network), or give it in network_interfaces.",
        )


def pieces(azure: Session, group: str, machine: str) -> list[tuple[Any, Wire]]:
    """What was made for this machine and is still there, in the order in which it can be removed.

    :returns: the SDK's operations and the resource. What carries no tag of ours is the user's own.
    """
    network = azure.network
    names = (
        (network.network_interfaces, "nic"),
        (network.public_ip_addresses, "ip"),
        (network.network_security_groups, "nsg"),
        (network.virtual_networks, "vnet"),
    )
    found = ((operations, azure.read(operations.get, group, f"{machine}-{suffix}")) for operations, suffix in names)
    return [(operations, one) for operations, one in found if one and _is_ours(one, machine)]


def users(piece: Wire, machine: str) -> list[str]:
    """The ids of what else uses a piece: interfaces of other machines, subnets, other machines."""
    properties = piece["properties"]
    references = [properties.get("virtualMachine"), properties.get("ipConfiguration")]
    if "addressSpace" in properties:
        subnets = properties.get("subnets") or []
        references += [one for subnet in subnets for one in subnet["properties"].get("ipConfigurations") or []]
    else:
        references += [*(properties.get("networkInterfaces") or []), *(properties.get("subnets") or [])]
    own = (f"/networkinterfaces/{machine}-nic", f"/virtualmachines/{machine}")
    found = [str(reference["id"]) for reference in references if reference]
    return [
        one for one in found if not one.lower().partition("/ipconfigurations/")[0].endswith(tuple(map(str.lower, own)))
    ]


def remove(task: Task, group: str, machine: str) -> None:
    """Remove what was made for this machine, as far as it is there and nothing else uses it."""
    for operations, one in pieces(task.azure, group, machine):
        if not users(one, machine):
            task.azure.send(operations.begin_delete, group, one["name"], what=f"delete {one['name']}")


def _is_ours(resource: Wire, machine: str) -> bool:
    return str((resource.get("tags") or {}).get(TAG, "")).lower() == machine.lower()
