# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure CLI, signed in as a service principal to a cloud that is registered with its address alone."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from support.local_azure import running

from peers.client import Client, fail, identity
from peers.conftest import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

AZ = ENVIRONMENTS["azure_cli"] / "az"


class AzureCli:
    """``az("disk list -g images")`` is the answer as JSON.

    :ivar authority: the certificate authority, for what is fetched without Azure CLI.
    """

    def __init__(self, client: Client, authority: str) -> None:
        self._client = client
        self.authority = authority
        self.home = client.home

    def __call__(self, line: str) -> Any:
        said = self._client.output(AZ, *shlex.split(line), "--output", "json")
        return json.loads(said) if said.strip() else None

    def refused(self, line: str) -> str:
        """What a command that must fail says."""
        done = self._client.run(AZ, *shlex.split(line))
        if done.returncode == 0:
            fail(done)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr


@pytest.fixture(scope="session")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCli]:
    """Azure CLI and a local Azure, signed in."""
    home = tmp_path_factory.mktemp("azure-cli")
    with running(tmp_path_factory.mktemp("azure")) as azure:
        given = azure.environment
        settings = {"AZURE_CORE_COLLECT_TELEMETRY": "false", "AZURE_CORE_NO_COLOR": "true"}
        client = Client(home, identity(given, public=False) | settings)
        cli = AzureCli(client, given["SSL_CERT_FILE"])
        cli(f"cloud register -n local --endpoint-resource-manager {given['AZURE_CLOUD_ENVIRONMENT']}")
        cli("cloud set -n local")
        account, secret, tenant = (given[f"AZURE_{name}"] for name in ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID"))
        cli(f"login --service-principal -u {account} --password={secret} --tenant {tenant}")
        client.output("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "key")
        yield cli


@pytest.fixture(scope="module")
def group(az: AzureCli, request: pytest.FixtureRequest) -> Iterator[str]:
    """A resource group for the module, removed at its end."""
    name = str(request.module.__name__).rpartition(".")[2].replace("_", "-")
    az(f"group create -n {name} -l westeurope")
    yield name
    az(f"group delete -n {name} --yes")
    assert az(f"group exists -n {name}") is False
