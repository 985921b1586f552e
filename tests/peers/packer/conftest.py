# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packer's azure-arm builder: a template deployment, SSH to the machine, deprovision, capture, publish, clean up."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from support.arm import Arm
from support.connect_proxy import ConnectProxy
from support.local_azure import running

from peers.client import Client, identity
from peers.conftest import ENVIRONMENTS, HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPUTE = "resourceGroups/images/providers/Microsoft.Compute"
BASE = {
    "image_publisher": "Canonical",
    "image_offer": "0001-com-ubuntu-server-jammy",
    "image_sku": "22_04-lts-gen2",
}


class Packer:
    """Runs templates with one builder.

    :ivar arm: reads what has become of a build.
    """

    def __init__(self, client: Client, arm: Arm, settings: dict[str, Any]) -> None:
        self._client = client
        self._settings = settings
        self.arm = arm
        self.home = client.home

    def build(self, provisioners: list[dict[str, Any]], **settings: object) -> subprocess.CompletedProcess[str]:
        """``packer build`` of a template; how it ended."""
        template = {"builders": [self._settings | settings], "provisioners": provisioners}
        file = self.home / "template.json"
        file.write_text(json.dumps(template))
        return self._client.run("packer", "build", "-color=false", file)

    def leftovers(self) -> list[str]:
        """Resource groups that a build made and left."""
        groups = self.arm.call("GET", "resourcegroups")["value"]
        return [group["name"] for group in groups if group["name"] != "images"]


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an SSH server that stands in for every machine."""
    program = [str(ENVIRONMENTS["packer"] / "python"), str(HERE / "packer/guest.py")]
    with subprocess.Popen(
        [*program, str(tmp_path_factory.mktemp("guest"))], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            yield int(server.stdout.readline())
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def packer(tmp_path_factory: pytest.TempPathFactory, guest: int) -> Iterator[Packer]:
    """Packer, a proxy, and a local Azure with the resource group ``images``."""
    home = tmp_path_factory.mktemp("packer")
    with running(tmp_path_factory.mktemp("azure")) as azure:
        port = urlsplit(azure.environment["AZURE_CLOUD_ENVIRONMENT"]).port
        assert port
        # Its Azure library waits half a minute wherever it is not told for how long; so nothing makes it wait.
        azure.control("PUT", "/latency", {"name": "instant"})
        arm = Arm(azure.environment)
        arm.call("PUT", "resourcegroups/images", {"location": "westeurope"})
        with ConnectProxy(port) as proxy:
            settings = {"PACKER_CONFIG_DIR": str(home), "CHECKPOINT_DISABLE": "1"}
            client = Client(home, identity(azure.environment, public=True) | proxy.environment | settings)
            yield Packer(client, arm, _builder(azure.environment, guest))
            assert proxy.hosts <= {"login.microsoftonline.com", "management.azure.com"}


def _builder(environment: dict[str, str], guest: int) -> dict[str, Any]:
    """What all builders have in common; machines are reached through the guest as a jump host."""
    return BASE | {
        "type": "azure-arm",
        "client_id": environment["AZURE_CLIENT_ID"],
        "client_secret": environment["AZURE_CLIENT_SECRET"],
        "tenant_id": environment["AZURE_TENANT_ID"],
        "subscription_id": environment["AZURE_SUBSCRIPTION_ID"],
        "location": "West Europe",
        "vm_size": "Standard_B1s",
        "os_type": "Linux",
        "managed_image_resource_group_name": "images",
        "ssh_username": "packer",
        "ssh_bastion_host": "127.0.0.1",
        "ssh_bastion_port": guest,
        "ssh_bastion_username": "jump",
        "ssh_bastion_password": "any",
    }
