# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""azure.azcollection with its own, older SDKs: it only knows Azure's public host names, so a proxy leads them here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from support.connect_proxy import ConnectProxy
from support.local_azure import LocalAzure, running

from peers.client import Client, identity
from peers.conftest import ENVIRONMENTS, HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAYBOOKS = HERE / "azcollection"
BIN = ENVIRONMENTS["azcollection"]


class Plays:
    """Runs the playbooks beside this file."""

    def __init__(self, client: Client, azure: LocalAzure, public_key: str) -> None:
        self._client = client
        group = f"/subscriptions/{azure.environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups/peer"
        self._variables = [f"prefix={group}", f"public_key='{public_key}'"]

    def run(self, name: str) -> int:
        """Run a playbook; the number of tasks that changed something."""
        words = [word for variable in self._variables for word in ("-e", variable)]
        said = self._client.output(BIN / "ansible-playbook", PLAYBOOKS / f"{name}.yml", *words)
        found = re.search(r"\bok=(\d+) +changed=(\d+)", said)
        assert found, said
        return int(found[2])


@pytest.fixture(scope="session")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plays]:
    """The collection, a proxy and a local Azure."""
    home = tmp_path_factory.mktemp("azcollection")
    with running(tmp_path_factory.mktemp("azure")) as azure:
        port = urlsplit(azure.environment["AZURE_CLOUD_ENVIRONMENT"]).port
        assert port
        with ConnectProxy(port) as proxy:
            settings = {"ANSIBLE_CONFIG": str(HERE.parent / "ansible.cfg"), "ANSIBLE_HOME": str(home / "ansible")}
            settings["ANSIBLE_REMOTE_TMP"] = str(home / "tmp")
            client = Client(home, identity(azure.environment, public=True) | proxy.environment | settings)
            client.output("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "key")
            yield Plays(client, azure, (home / "key.pub").read_text().strip())
            assert proxy.hosts == {"login.microsoftonline.com", "management.azure.com"}


def test_machine_and_network(plays: Plays) -> None:
    """Nine kinds of resources are made, and made once."""
    assert plays.run("build") == 9
    assert plays.run("build") == 0


def test_images_and_gallery(plays: Plays) -> None:
    """Stop, generalize, capture; images of a disk and of a snapshot; a version in two regions; machines of both."""
    assert plays.run("capture") == 10
    assert plays.run("capture") == 0


def test_information(plays: Plays) -> None:
    """The _info modules read every answer; the playbook says what has to be in it."""
    assert plays.run("look") == 0


def test_removal(plays: Plays) -> None:
    """All goes again, one by one; the group must be empty in the end."""
    assert plays.run("remove") == 12
