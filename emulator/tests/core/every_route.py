# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All routes of the local Azure as a test can call them, and a store in which many of them find something."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

_SOURCES = Path(__file__).resolve().parents[2] / "src"
sys.path.insert(0, str(_SOURCES))

from azure_emulator import services  # noqa: E402 - found through the line above

if TYPE_CHECKING:
    from azure_emulator.core.routing import Route
    from local_azure import LocalAzure

ROUTES: list[Route] = sorted(services.collect()[0], key=lambda route: (route.template, route.method))
#: Routes that need a token, each by its name in test reports.
GUARDED = {f"{route.method} {route.template}": route for route in ROUTES if not route.anonymous}
_VALUES = {
    "group": "rg",
    "location": "eastus",
    "version": "1.0.0",
    "publisher": "Canonical",
    "offer": "0001-com-ubuntu-server-jammy",
    "sku": "22_04-lts-gen2",
    "namespace": "Microsoft.Compute",
}


def path_of(route: Route, azure: LocalAzure, **values: str) -> str:
    """A path of a route: in the seeded group, with the seeded names."""
    known = _VALUES | {"subscription": azure.secrets["subscription"], "tenant": azure.secrets["tenant"]} | values
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "one"), route.template)


def version_of(route: Route) -> str:
    """An API version that the route knows."""
    return min(max("2024-07-01", route.api_versions.oldest), route.api_versions.newest)


def vocabulary() -> list[str]:
    """The names that the services look for in bodies: words in their sources."""
    text = "".join(path.read_text() for path in sorted((_SOURCES / "azure_emulator" / "services").rglob("*.py")))
    return sorted(set(re.findall(r'"([a-z][A-Za-z]{2,30})"', text)))


def furnish(azure: LocalAzure) -> None:
    """Make one resource of the common types, each by the name ``one``."""
    root = "/resourceGroups/rg/providers"
    network, compute = f"{root}/Microsoft.Network", f"{root}/Microsoft.Compute"
    subnet = f"{network}/virtualNetworks/one/subnets/one"
    source: dict[str, Any] = {"creationData": {"createOption": "Copy", "sourceResourceId": f"{compute}/disks/one"}}
    empty = {"creationData": {"createOption": "Empty"}, "osType": "Linux", "diskSizeGB": 4}
    identifier = {"publisher": "one", "offer": "one", "sku": "one"}
    definition = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V1", "identifier": identifier}
    image = {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": f"{compute}/disks/one"}}
    machine = {
        "hardwareProfile": {"vmSize": "Standard_B1s"},
        "storageProfile": {
            "osDisk": {"createOption": "Attach", "osType": "Linux", "managedDisk": {"id": f"{compute}/disks/os"}}
        },
        "networkProfile": {"networkInterfaces": [{"id": f"{network}/networkInterfaces/one"}]},
    }
    version = {"storageProfile": {"osDiskImage": {"source": {"id": f"{compute}/snapshots/one"}}}}
    net = {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "one", "properties": {"addressPrefix": "10.0.0.0/24"}}],
    }
    ip = {"ipConfigurations": [{"name": "one", "properties": {"subnet": {"id": subnet}}}]}
    resources: list[dict[str, Any]] = [
        {"id": f"{network}/virtualNetworks/one", "properties": net},
        {"id": f"{network}/networkInterfaces/one", "properties": ip},
        {"id": f"{network}/publicIPAddresses/one", "properties": {}},
        {"id": f"{network}/networkSecurityGroups/one", "properties": {}},
        {"id": f"{compute}/disks/one", "properties": empty},
        {"id": f"{compute}/disks/os", "properties": empty},
        {"id": f"{compute}/snapshots/one", "properties": source},
        {"id": f"{compute}/images/one", "properties": {"storageProfile": {"osDisk": image}}},
        {"id": f"{compute}/virtualMachines/one", "properties": machine},
        {"id": f"{compute}/galleries/one", "api_version": "2023-07-03"},
        {"id": f"{compute}/galleries/one/images/one", "api_version": "2023-07-03", "properties": definition},
        {
            "id": f"{compute}/galleries/one/images/one/versions/1.0.0",
            "api_version": "2023-07-03",
            "properties": version,
        },
    ]
    everything = [{"id": "/resourceGroups/rg"}, *resources]
    answer = azure.control("POST", "/seed", {"resources": [{"location": "eastus"} | one for one in everything]})
    assert answer.status_code == 200, answer.text
