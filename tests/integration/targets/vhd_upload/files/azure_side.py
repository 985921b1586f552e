# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the target needs of Azure and no module does.

azure_side.py account GROUP NAME             make a storage account
azure_side.py begin GROUP DISK SIZE STATE    leave an upload behind, in STATE ReadyToUpload or ActiveUpload
azure_side.py fetch GROUP DISK FILE          download a disk, as a VHD
azure_side.py blob GROUP ACCOUNT/CONTAINER/BLOB FILE   download a blob
"""

from __future__ import annotations

import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import unquote

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import AzureError
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session

ATTEMPTS = 8


def account(azure: Session, group: str, name: str) -> None:
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    azure.send(azure.storage.storage_accounts.begin_create, group, name, body=body)


def begin(azure: Session, group: str, name: str, size: str, state: str) -> None:
    disks = azure.compute.disks
    creation = {"createOption": "Upload", "uploadSizeBytes": int(size) + 512}
    body = {"location": "westeurope", "properties": {"creationData": creation}}
    azure.send(disks.begin_create_or_update, group, name, body=body)
    if state == "ActiveUpload":
        url = _grant(azure, group, name, "Write")
        headers = {"x-ms-page-write": "update", "x-ms-range": "bytes=15728640-15729151"}
        _open(azure, f"{url}&comp=page", data=b"x" * 512, method="PUT", headers=headers).close()


def fetch(azure: Session, group: str, name: str, path: str) -> None:
    _save(azure, _grant(azure, group, name, "Read"), path)
    azure.send(azure.compute.disks.begin_revoke_access, group, name)


def blob(azure: Session, group: str, name: str, path: str) -> None:
    from azure.storage.blob import BlobServiceClient

    account_name, container, blob_name = (unquote(part) for part in name.split("/"))
    accounts = azure.storage.storage_accounts
    found = azure.read(accounts.get_properties, group, account_name) or {}
    keys = azure.send(accounts.list_keys, group, account_name) or {}
    key = {"account_name": account_name, "account_key": keys["keys"][0]["value"]}
    service = BlobServiceClient(found["properties"]["primaryEndpoints"]["blob"], credential=key)
    with open(path, "wb") as file:
        service.get_blob_client(container, blob_name).download_blob().readinto(file)


def _grant(azure: Session, group: str, name: str, access: str) -> str:
    body = {"access": access, "durationInSeconds": 3600}
    try:
        answer = azure.send(azure.compute.disks.begin_grant_access, group, name, body=body) or {}
    except AzureError as error:
        if not error.unclear:
            raise
        azure.send(azure.compute.disks.begin_revoke_access, group, name)  # granted, and the answer was lost
        answer = azure.send(azure.compute.disks.begin_grant_access, group, name, body=body) or {}
    return str(answer["accessSAS"])


def _save(azure: Session, url: str, path: str) -> None:
    with _open(azure, url) as answer, open(path, "wb") as file:
        shutil.copyfileobj(answer, file)


def _open(azure: Session, url: str, **request: object):
    """Ask, again where the answer is lost: what is asked here may be done twice."""
    context = ssl.create_default_context(cafile=azure.ca)
    for attempt in range(ATTEMPTS):
        try:
            return urllib.request.urlopen(urllib.request.Request(url, **request), context=context)  # type: ignore[arg-type]
        except OSError as error:
            passing = not isinstance(error, urllib.error.HTTPError) or error.code in {429, 500, 503}
            if not passing or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.3)
    raise AssertionError


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    session = Session.open({})
    {"account": account, "begin": begin, "fetch": fetch, "blob": blob}[verb](session, *words)
    session.close()
