# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Azure SDK for Python, unmodified, at a local Azure; tests that ask for it are skipped where it is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from azure_process import LocalAzure

identity = pytest.importorskip("azure.identity")
compute = pytest.importorskip("azure.mgmt.compute")
network = pytest.importorskip("azure.mgmt.network")
blob = pytest.importorskip("azure.storage.blob")


class Sdk:
    """The clients, and one way to write."""

    def __init__(self, azure: LocalAzure) -> None:
        bundle = str(azure.data / "tls" / "ca.pem")
        credential = identity.ClientSecretCredential(
            azure.tenant,
            azure.contributor["client_id"],
            azure.contributor["secret"],
            authority=azure.url,
            disable_instance_discovery=True,
            connection_verify=bundle,
        )
        options = {
            "base_url": azure.url,
            "credential_scopes": [f"{azure.url}/.default"],
            "polling_interval": 0.05,
            "connection_verify": bundle,
        }
        self.bundle = bundle
        self.compute = compute.ComputeManagementClient(credential, azure.subscription, **options)
        self.network = network.NetworkManagementClient(credential, azure.subscription, **options)

    @staticmethod
    def write(operation: Any, *names: str, body: dict[str, Any]) -> Any:
        return operation("rg", *names, json.dumps(body).encode(), content_type="application/json").result()

    def blob(self, url: str) -> Any:
        return blob.BlobClient.from_blob_url(url, connection_verify=self.bundle)

    def access(self, disk: str, access: str) -> Any:
        body = {"access": access, "durationInSeconds": 600}
        granted = self.write(self.compute.disks.begin_grant_access, disk, body=body).as_dict()
        return self.blob(granted.get("accessSAS") or granted["access_sas"])

    def snapshot_access(self, name: str) -> Any:
        body = {"access": "Read", "durationInSeconds": 600}
        granted = self.write(self.compute.snapshots.begin_grant_access, name, body=body).as_dict()
        return self.blob(granted.get("accessSAS") or granted["access_sas"])

    def close(self) -> None:
        self.compute.close()
        self.network.close()
