# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vm
short_description: Create, change, start, stop or delete a virtual machine
description:
  - Makes a Linux or Windows machine from a managed image, from a Marketplace image, or from an existing OS disk.
  - Everything that can be known is checked before the first write, and reported at once.
options:
  resource_group:
    description: The resource group the machine lies in.
    type: str
    required: true
  name:
    description: The name of the machine.
    type: str
    required: true
  location:
    description: The region. By default that of the resource group.
    type: str
  zone:
    description: The availability zone, for example V(1). Only a new machine can have it.
    type: str
  size:
    description: The size of a new machine is V(Standard_B2s) when this is not set. An existing machine is resized when it is.
    type: str
  image:
    description:
      - "What a new machine is made from: the name or id of a managed image, a dictionary with C(name) and C(resource_group), or
        a Marketplace URN C(publisher:offer:sku:version), where the version may be V(latest)."
      - For an existing machine it is only compared.
    type: raw
  os_disk:
    description: The disk with the operating system.
    type: dict
    suboptions:
      source:
        description: The name or id of an existing OS disk, which becomes the machine's own. Instead of O(image).
        type: str
      name:
        description: The name of the new disk. By default the machine's name with C(-os).
        type: str
      caching:
        description: The disk's cache.
        type: str
        choices: [None, ReadOnly, ReadWrite]
      storage_account_type:
        description: How the new disk is stored.
        type: str
        choices: [Standard_LRS, StandardSSD_LRS, StandardSSD_ZRS, Premium_LRS, Premium_ZRS]
      disk_size_gb:
        description: The size of the new disk in GiB, at least that of the image.
        type: int
  data_disks:
    description:
      - Data disks by their LUN. Those of the image come by themselves; state them only to change their options.
      - Disks at LUNs that are not stated are left alone.
    type: list
    elements: dict
    suboptions:
      lun:
        description: The logical unit number.
        type: int
        required: true
      source:
        description: The name or id of an existing managed disk to attach.
        type: str
      name:
        description: The name of a new disk. By default the machine's name with C(-data-) and the LUN.
        type: str
      disk_size_gb:
        description: The size of a new disk in GiB.
        type: int
      caching:
        description: The disk's cache.
        type: str
        choices: [None, ReadOnly, ReadWrite]
        default: None
      storage_account_type:
        description: How a new disk is stored.
        type: str
        choices: [Standard_LRS, StandardSSD_LRS, StandardSSD_ZRS, Premium_LRS, Premium_ZRS, PremiumV2_LRS, UltraSSD_LRS]
      state:
        description: V(absent) detaches the disk. The disk itself stays.
        type: str
        choices: [absent, present]
        default: present
  admin_username:
    description: The administrator that the first boot makes. Needed for a generalized image, refused for a specialized one.
    type: str
  admin_password:
    description: That user's password. Needed for Windows.
    type: str
  ssh_public_keys:
    description: That user's public SSH keys (Linux). Passwords are off where none is given.
    type: list
    elements: str
  custom_data:
    description: Text for cloud-init, or for C(C:\\AzureData\\CustomData.bin) on Windows. Only the first boot reads it.
    type: str
  computer_name:
    description: The host name. By default the machine's name.
    type: str
  provision_vm_agent:
    description: Whether Azure's agent is provisioned. By default yes.
    type: bool
  time_zone:
    description: The time zone of a Windows machine, for example V(W. Europe Standard Time).
    type: str
  winrm_listeners:
    description: WinRM listeners of a Windows machine.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The protocol.
        type: str
        choices: [Http, Https]
        required: true
      certificate_url:
        description: The certificate's address in a key vault, for V(Https).
        type: str
  additional_unattend_content:
    description: What Windows reads in addition to its unattended set-up.
    type: list
    elements: dict
    suboptions:
      setting_name:
        description: The setting.
        type: str
        choices: [AutoLogon, FirstLogonCommands]
        required: true
      content:
        description: The XML.
        type: str
        required: true
  enable_automatic_updates:
    description: Whether a Windows machine updates itself.
    type: bool
  license_type:
    description: The licence that you bring, for example V(Windows_Server), V(Windows_Client), V(RHEL_BYOS) or V(SLES_BYOS).
    type: str
  plan:
    description: The purchase plan, where the disk or image came from a Marketplace image that has one.
    type: dict
    suboptions:
      name:
        description: The plan.
        type: str
        required: true
      product:
        description: The offer.
        type: str
        required: true
      publisher:
        description: The publisher.
        type: str
        required: true
  hyper_v_generation:
    description: The generation that you expect. A source of the other one is refused.
    type: str
    choices: [V1, V2]
  security_type:
    description: V(TrustedLaunch) turns Secure Boot and the virtual TPM on.
    type: str
    choices: [TrustedLaunch]
  boot_diagnostics:
    description: Keep the serial log and a screenshot, in storage that Azure manages. On by default for a new machine.
    type: bool
  network_interfaces:
    description: Names or ids of existing network interfaces, the first of them primary.
    type: list
    elements: str
  subnet:
    description: Make a network interface in this subnet, an id or C(network/subnet). Without it a small network is made too.
    type: str
  address_prefix:
    description: The addresses of the small network that is made where none is given.
    type: str
    default: 10.0.0.0/24
  public_ip_address:
    description: Give the new network interface a public address, with a security group that lets SSH or RDP in.
    type: bool
    default: false
  allowed_source:
    description: From where that security group lets in, an address or prefix. The default is everywhere, which a warning says.
    type: str
    default: "*"
  state:
    description:
      - V(present) makes the machine, which starts it, and leaves the power state of an existing one alone.
      - V(started), V(stopped), V(deallocated) and V(restarted) make it too. V(restarted) restarts it in every run. A stopped
        machine is still billed, a deallocated one is not.
      - V(absent) deletes the machine, and only what O(remove_on_absent) names beside it.
    type: str
    choices: [absent, deallocated, present, restarted, started, stopped]
    default: present
  remove_on_absent:
    description:
      - What goes with the machine when O(state=absent).
      - V(network) is the network that was made for it, as far as nothing else uses it, and V(network_interfaces) are those it
        was given.
      - The disks are known only as long as the machine is there.
    type: list
    elements: str
    choices: [data_disks, network, network_interfaces, os_disk]
    default: []
extends_documentation_fragment:
  - goldenimage.azure.azure
  - goldenimage.azure.tags
  - goldenimage.azure.wait
  - goldenimage.azure.attributes
seealso:
  - module: goldenimage.azure.vm_info
  - module: goldenimage.azure.vm_generalize
  - module: goldenimage.azure.vm_capture
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
- name: A Linux machine from a managed image, with a small network made for it
  goldenimage.azure.vm:
    resource_group: images
    name: web-1
    image: debian-12
    admin_username: azureuser
    ssh_public_keys:
      - "{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"

- name: A Windows machine from the Marketplace
  goldenimage.azure.vm:
    resource_group: images
    name: win-1
    image: MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:latest
    size: Standard_D2s_v5
    admin_username: operator
    admin_password: "{{ windows_password }}"
    time_zone: W. Europe Standard Time

- name: The one machine that is on an OS disk
  goldenimage.azure.vm:
    resource_group: images
    name: database
    os_disk:
      source: database-os

- name: Delete it with its disks and the network that was made for it
  goldenimage.azure.vm:
    resource_group: images
    name: web-1
    state: absent
    remove_on_absent: [os_disk, data_disks, network]
"""

RETURN = r"""
vm:
  description: The machine; in check mode what a new one would be like, without an C(id).
  returned: when it exists
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.Compute/virtualMachines/web-1
    name: web-1
    location: westeurope
    vm_id: 6ca0f8b2-9a0e-4a4b-8e5b-1f1c1a3b0c55
    power_state: running
    generalized: false
    private_ip_addresses: [10.0.0.4]
    public_ip_addresses: []
    provisioning_state: Succeeded
"""

from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._resources import machines
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, run_module

CACHING: dict[str, Any] = {"type": "str", "choices": ["None", "ReadOnly", "ReadWrite"]}
STORED: list[str] = ["Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"]
OS_DISK: dict[str, Any] = {
    "source": {"type": "str"},
    "name": {"type": "str"},
    "caching": CACHING,
    "storage_account_type": {"type": "str", "choices": STORED},
    "disk_size_gb": {"type": "int"},
}
DATA_DISK: dict[str, Any] = {
    "lun": {"type": "int", "required": True},
    "source": {"type": "str"},
    "name": {"type": "str"},
    "disk_size_gb": {"type": "int"},
    "caching": {**CACHING, "default": "None"},
    "storage_account_type": {"type": "str", "choices": [*STORED, "PremiumV2_LRS", "UltraSSD_LRS"]},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}
LISTENER: dict[str, Any] = {
    "protocol": {"type": "str", "choices": ["Http", "Https"], "required": True},
    "certificate_url": {"type": "str"},
}
UNATTEND: dict[str, Any] = {
    "setting_name": {"type": "str", "choices": ["AutoLogon", "FirstLogonCommands"], "required": True},
    "content": {"type": "str", "required": True, "no_log": True},
}
PLAN: dict[str, Any] = {name: {"type": "str", "required": True} for name in ("name", "product", "publisher")}
ARGUMENTS: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "location": {"type": "str"},
    "zone": {"type": "str"},
    "size": {"type": "str"},
    "image": {"type": "raw"},
    "os_disk": {"type": "dict", "options": OS_DISK},
    "data_disks": {"type": "list", "elements": "dict", "options": DATA_DISK},
    "admin_username": {"type": "str"},
    "admin_password": {"type": "str", "no_log": True},
    "ssh_public_keys": {"type": "list", "elements": "str", "no_log": False},
    "custom_data": {"type": "str", "no_log": True},
    "computer_name": {"type": "str"},
    "provision_vm_agent": {"type": "bool"},
    "time_zone": {"type": "str"},
    "winrm_listeners": {"type": "list", "elements": "dict", "options": LISTENER},
    "additional_unattend_content": {"type": "list", "elements": "dict", "options": UNATTEND},
    "enable_automatic_updates": {"type": "bool"},
    "license_type": {"type": "str"},
    "plan": {"type": "dict", "options": PLAN},
    "hyper_v_generation": {"type": "str", "choices": ["V1", "V2"]},
    "security_type": {"type": "str", "choices": ["TrustedLaunch"]},
    "boot_diagnostics": {"type": "bool"},
    "network_interfaces": {"type": "list", "elements": "str"},
    "subnet": {"type": "str"},
    "address_prefix": {"type": "str", "default": "10.0.0.0/24"},
    "public_ip_address": {"type": "bool", "default": False},
    "allowed_source": {"type": "str", "default": "*"},
    "state": {
        "type": "str",
        "choices": ["absent", "deallocated", "present", "restarted", "started", "stopped"],
        "default": "present",
    },
    "remove_on_absent": {
        "type": "list",
        "elements": "str",
        "choices": ["data_disks", "network", "network_interfaces", "os_disk"],
        "default": [],
    },
}


def execute(task: Task) -> dict[str, Any]:
    if task.params["state"] == "absent":
        return machines.remove(task)
    return machines.ensure(task)


def main() -> None:
    run_module(
        execute,
        argument_spec=ARGUMENTS,
        azure=True,
        tags=True,
        wait=True,
        mutually_exclusive=[("network_interfaces", "subnet")],
    )


if __name__ == "__main__":
    main()
