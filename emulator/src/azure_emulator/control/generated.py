# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed's ``generate``: a group with machines and gallery versions, as lists of resources and copies for `seeds`."""

from __future__ import annotations

from typing import Any

from azure_emulator.core.checks import check_fields, text, whole

Step = tuple[list[dict[str, Any]], list[dict[str, Any]]]

_FIELDS = ("machines", "versions", "definitions", "group", "location")


def steps(value: Any) -> list[Step]:
    """Resources to PUT, then what to copy of them, in turns.

    :raises SettingError: naming what is wrong.
    """
    check_fields(value, _FIELDS, "seed.generate")
    group = f"/resourceGroups/{text(value, 'group', 'seed.generate') or 'generated'}"
    location = text(value, "location", "seed.generate") or "eastus"
    found: list[Step] = [([{"id": group, "location": location}], [])]
    if machines := whole(value, "machines", "seed.generate"):
        found.append(_machines(f"{group}/providers", location, machines))
    if versions := whole(value, "versions", "seed.generate"):
        definitions = min(whole(value, "definitions", "seed.generate", 1) or 1, versions)
        found += _versions(f"{group}/providers/Microsoft.Compute", location, versions, definitions)
    return found


def _machines(root: str, location: str, count: int) -> Step:
    network, compute = f"{root}/Microsoft.Network", f"{root}/Microsoft.Compute"
    subnet = f"{network}/virtualNetworks/net/subnets/default"
    spaces = {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}
    spaces |= {"subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/16"}}]}  # type: ignore[dict-item]
    resources = [
        {"id": f"{network}/virtualNetworks/net", "location": location, "properties": spaces},
        {
            "id": f"{network}/networkInterfaces/vm",
            "location": location,
            "properties": {"ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}}}]},
        },
        {
            "id": f"{compute}/disks/vm",
            "location": location,
            "properties": {"creationData": {"createOption": "Empty"}, "osType": "Linux", "diskSizeGB": 4},
        },
        {
            "id": f"{compute}/virtualMachines/vm",
            "location": location,
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_B1s"},
                "storageProfile": {
                    "osDisk": {
                        "createOption": "Attach",
                        "osType": "Linux",
                        "managedDisk": {"id": f"{compute}/disks/vm"},
                    }
                },
                "networkProfile": {"networkInterfaces": [{"id": f"{network}/networkInterfaces/vm"}]},
            },
        },
    ]
    together = [f"{compute}/virtualMachines/vm", f"{compute}/disks/vm", f"{network}/networkInterfaces/vm"]
    return resources, [{"of": together, "count": count - 1, "name": "vm{n:05}"}]


def _versions(compute: str, location: str, count: int, definitions: int) -> list[Step]:
    disk, gallery = f"{compute}/disks/source", f"{compute}/galleries/gallery"
    resources: list[dict[str, Any]] = [
        {
            "id": disk,
            "location": location,
            "properties": {"creationData": {"createOption": "Empty"}, "osType": "Linux", "diskSizeGB": 4},
        },
        {"id": gallery, "location": location},
    ]
    found: list[Step] = [(resources, [])]
    for number in range(1, definitions + 1):
        definition = f"{gallery}/images/definition{number:03}"
        identifier = {"publisher": "local", "offer": "generated", "sku": f"{number:03}"}
        shape = {"osType": "Linux", "osState": "Specialized", "hyperVGeneration": "V1", "identifier": identifier}
        source = {"storageProfile": {"osDiskImage": {"source": {"id": disk}}}}
        resources = [
            {"id": definition, "api_version": "2023-07-03", "location": location, "properties": shape},
            {
                "id": f"{definition}/versions/0.0.1",
                "api_version": "2023-07-03",
                "location": location,
                "properties": source,
            },
        ]
        more = count // definitions + (number <= count % definitions) - 1
        found.append((resources, [{"of": f"{definition}/versions/0.0.1", "count": more, "name": "1.0.{n}"}]))
    return found
