# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A storage account whose blobs are really there; the fixture `account` has one."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from azure.storage.blob import BlobServiceClient
from azure_emulator.disks.vhd import make_footer
from compute_bodies import BLOB_SIZE, LOCATION

if TYPE_CHECKING:
    from azure_process import LocalAzure


class Account:
    """A storage account with a container."""

    def __init__(self, azure: LocalAzure) -> None:
        self.name = f"acc{uuid.uuid4().hex[:12]}"
        path = azure.path(f"storage:storageAccounts/{self.name}")
        body = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        answer = azure.call("PUT", path, body, "2023-01-01")
        while answer.status_code == 202:
            answer = azure.client.get(answer.headers.get("location", str(answer.url)))
        found = azure.get(path, "2023-01-01")
        key = azure.client.post(f"{path}/listKeys", params={"api-version": "2023-01-01"}).json()["keys"][0]["value"]
        self.key: str = key
        self.endpoint = found["properties"]["primaryEndpoints"]["blob"]
        bundle = str(azure.data / "tls" / "ca.pem")
        self.service = BlobServiceClient(self.endpoint, key, connection_verify=bundle)

    def upload(self, name: str, data: bytes, footer: bytes | None = None) -> str:
        """A page blob with a VHD whose data begin with `data`; its URL."""
        container = self.service.get_container_client("vhds")
        if not container.exists():
            container.create_container()
        page = container.get_blob_client(name)
        page.create_page_blob(BLOB_SIZE + 512)
        page.upload_page(data, offset=0, length=len(data))
        page.upload_page(footer or make_footer(BLOB_SIZE, uuid.uuid4()), offset=BLOB_SIZE, length=512)
        return f"{self.endpoint}vhds/{name}"
