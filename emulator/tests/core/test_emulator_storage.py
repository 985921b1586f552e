# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage accounts, and blobs behind them as azure-storage-blob sees them."""

from __future__ import annotations

import ssl
import time
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient
from azure_emulator.core import requestlog
from azure_emulator.services.storage import blob_server
from local_azure import LocalAzure, code

API = "2023-05-01"
BODY = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
PAGE = b"page" * 128

installed = pytest.mark.skipif(
    not (blob_server.folder() / "node_modules" / "azurite").is_dir(),
    reason="Azurite is not installed: run azure-emulator install-azurite",
)


def account(azure: LocalAzure, name: str) -> str:
    return f"{azure.group('store')}/providers/Microsoft.Storage/storageAccounts/{name}"


def blobs(azure: LocalAzure, path: str, retries: int = 2) -> BlobServiceClient:
    url = azure.arm("GET", path, api=API).json()["properties"]["primaryEndpoints"]["blob"]
    key = azure.arm("POST", f"{path}/listKeys", api=API).json()["keys"][0]["value"]
    return BlobServiceClient(
        url, credential=key, connection_verify=str(azure.data / "tls" / "ca.pem"), retry_total=retries
    )


def test_create_has_only_a_location(azure: LocalAzure) -> None:
    path = account(azure, "shapes")
    answer = azure.arm("PUT", path, BODY, api=API)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "azure-asyncoperation" not in answer.headers
    assert "/Microsoft.Storage/locations/eastus/asyncoperations/" in answer.headers["location"]
    assert "monitor=true" in answer.headers["location"]
    end = azure.follow(answer)
    assert end.json()["properties"]["provisioningState"] == "Succeeded"
    assert end.json() == azure.arm("GET", path, api=API).json()
    assert "_keys" not in end.text
    again = azure.arm("PUT", path, BODY | {"tags": {"a": "b"}}, api=API)
    assert (again.status_code, again.json()["tags"]) == (200, {"a": "b"})


def test_old_versions_show_less(azure: LocalAzure) -> None:
    path = account(azure, "versions")
    azure.follow(azure.arm("PUT", path, BODY | {"sku": {"name": "Standard_GRS"}, "kind": "Storage"}, api="2018-11-01"))
    old = azure.arm("GET", path, api="2018-11-01").json()["properties"]
    new = azure.arm("GET", path, api=API).json()["properties"]
    since = {"keyCreationTime", "privateEndpointConnections", "minimumTlsVersion", "allowBlobPublicAccess"}
    assert set(new) - set(old) == since
    assert new["networkAcls"].keys() - old["networkAcls"].keys() == {"ipv6Rules"}
    assert old["secondaryLocation"] == "westus"
    assert "keyType" not in old["encryption"]["services"]["blob"]
    assert old["supportsHttpsTrafficOnly"] is False


@pytest.mark.parametrize(
    ("name", "change", "status", "wanted"),
    [
        ("Capital", {}, 400, "AccountNameInvalid"),
        ("ab", {}, 400, "AccountNameInvalid"),
        ("fine1", {"sku": None}, 400, "InvalidValuesForRequestParameters"),
        ("fine1", {"sku": {"name": "Gold"}}, 400, "InvalidParameter"),
        ("fine1", {"kind": None}, 400, "InvalidValuesForRequestParameters"),
        ("fine1", {"location": "moon"}, 400, "LocationNotAvailableForResourceType"),
    ],
)
def test_refusals(azure: LocalAzure, name: str, change: dict[str, Any], status: int, wanted: str) -> None:
    answer = azure.arm("PUT", account(azure, name), BODY | change, api=API)
    assert (answer.status_code, code(answer)) == (status, wanted)


def test_names_are_global(azure: LocalAzure) -> None:
    path = account(azure, "taken")
    azure.follow(azure.arm("PUT", path, BODY, api=API))
    other = f"{azure.group('other')}/providers/Microsoft.Storage/storageAccounts/taken"
    assert code(azure.arm("PUT", other, BODY, api=API)) == "StorageAccountAlreadyTaken"
    check = "/providers/Microsoft.Storage/checkNameAvailability"
    assert azure.arm("POST", check, {"name": "taken"}, api=API).json()["reason"] == "AlreadyExists"
    assert azure.arm("POST", check, {"name": "free"}, api=API).json() == {"nameAvailable": True}
    moved = azure.arm("PUT", path, BODY | {"location": "westus"}, api=API)
    assert (moved.status_code, code(moved)) == (409, "InvalidResourceLocation")
    assert azure.arm("DELETE", path, api=API).status_code == 200
    assert azure.arm("DELETE", path, api=API).status_code == 204
    assert azure.arm("POST", check, {"name": "taken"}, api=API).json() == {"nameAvailable": True}


def test_without_azurite_blobs_say_what_to_do(
    fresh: LocalAzure, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv(blob_server.FOLDER_VARIABLE, str(tmp_path))
    fresh.start()
    path = account(fresh, "nowhere")
    end = fresh.follow(fresh.arm("PUT", path, BODY, api=API))
    url = end.json()["properties"]["primaryEndpoints"]["blob"]
    answer = fresh.http.get(f"{url}container/blob")
    assert answer.status_code == 501
    assert "azure-emulator install-azurite" in answer.text


@installed
class TestBlobs:
    def test_keys_tokens_and_restart(self, fresh: LocalAzure) -> None:
        fresh.start()
        path = account(fresh, "data1")
        fresh.follow(fresh.arm("PUT", path, BODY, api=API))
        client = blobs(fresh, path).get_container_client("vhds")
        client.create_container()
        client.upload_blob("disk.vhd", PAGE, blob_type="PageBlob")
        before = client.url
        fresh.kill()
        fresh.start()
        client = blobs(fresh, path).get_container_client("vhds")
        assert client.url == before
        assert client.download_blob("disk.vhd").readall() == PAGE
        self._read_with_token(fresh, f"{client.url}/disk.vhd")
        self._logged(fresh, "/_blobs/data1/vhds")
        self._regenerate(fresh, path)
        self._recreate(fresh, path)

    def _read_with_token(self, azure: LocalAzure, url: str) -> None:
        token = azure.token(scope="https://storage.azure.com/.default")
        headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2021-08-06"}
        assert azure.http.get(url, headers=headers).content == PAGE

    def _logged(self, azure: LocalAzure, path: str) -> None:
        """Requests for blobs are in the log of all requests, and only those that change something are writes."""
        found = {
            (entry["method"], entry["path"], entry["query"], entry["status"], entry["write"])
            for entry in requestlog.read(azure.data)
            if entry["path"].startswith("/_blobs/")
        }
        assert found >= {
            ("PUT", path, "restype=container", 201, True),
            ("PUT", f"{path}/disk.vhd", "comp=page", 201, True),
            ("GET", f"{path}/disk.vhd", "", 200, False),
        }

    def _regenerate(self, azure: LocalAzure, path: str) -> None:
        old = blobs(azure, path)
        assert azure.arm("POST", f"{path}/regenerateKey", {"keyName": "key1"}, api=API).status_code == 200
        with pytest.raises(Exception, match=r"uthenticat"):
            list(old.list_containers())
        assert [c.name for c in blobs(azure, path).list_containers()] == ["vhds"]

    def _recreate(self, azure: LocalAzure, path: str) -> None:
        assert azure.arm("DELETE", path, api=API).status_code == 200
        azure.follow(azure.arm("PUT", path, BODY, api=API))
        assert list(blobs(azure, path).list_containers()) == []

    def test_planned_faults_reach_blobs(self, fresh: LocalAzure) -> None:
        fresh.start()
        rules: list[dict[str, object]] = [
            {"route": "Storage/blob/write", "nth": 1, "fault": {"status": 503, "retry_after": 4}},
            {"route": "storage/blob/*", "path": "/lost$", "nth": 1, "when": "after", "fault": {"reset": True}},
            {"path": "/_blobs/data3/vhds/late", "times": 1, "fault": {"delay": 0.2}},
        ]
        fresh.control("PUT", "/faults", {"seed": 1, "rules": rules})
        path = account(fresh, "data3")
        fresh.follow(fresh.arm("PUT", path, BODY, api=API))
        service = blobs(fresh, path, retries=0)
        with pytest.raises(Exception, match="ServerBusy"):
            service.create_container("vhds")
        container = service.create_container("vhds")
        with pytest.raises(Exception, match=r"losed|isconnect|abort|reset"):
            container.upload_blob("lost", b"there")
        assert container.download_blob("lost").readall() == b"there"
        begun = time.monotonic()
        container.upload_blob("late", b"x")
        assert time.monotonic() - begun >= 0.2
        found = [entry["fault"] for entry in requestlog.read(fresh.data) if "fault" in entry]
        assert found == ["status 503", "reset after", "delay"]

    @pytest.mark.soak
    def test_no_acknowledged_blob_is_lost(self, fresh: LocalAzure) -> None:
        """Azurite saves what it knows of blobs now and then; killed with its parent, it must do so a last time."""
        fresh.start()
        path = account(fresh, "data2")
        fresh.follow(fresh.arm("PUT", path, BODY, api=API))
        blobs(fresh, path).create_container("vhds")
        wanted: set[str] = set()
        for round_number in range(5):
            client = blobs(fresh, path).get_container_client("vhds")
            for number in range(20):
                name = f"{round_number}-{number}.vhd"
                client.upload_blob(name, PAGE, blob_type="PageBlob")
                wanted.add(name)
            fresh.kill()
            fresh.start()
            assert {blob.name for blob in blobs(fresh, path).get_container_client("vhds").list_blobs()} == wanted


def test_containers_are_those_of_the_blob_server(azure: LocalAzure) -> None:
    path = account(azure, "containers")
    azure.follow(azure.arm("PUT", path, BODY, api=API))
    service = azure.arm("GET", f"{path}/blobServices/default", api=API).json()
    assert set(service) == {"sku", "id", "name", "type", "properties"}
    inner = f"{path}/blobServices/default/containers"
    wrong = azure.arm("PUT", f"{inner}/No_Such", {}, api=API)
    assert (wrong.status_code, code(wrong)) == (400, "ContainerOperationFailure")


@installed
def test_containers_as_resources(azure: LocalAzure) -> None:
    path = account(azure, "boxes")
    azure.follow(azure.arm("PUT", path, BODY, api=API))
    inner = f"{path}/blobServices/default/containers"
    made = azure.arm("PUT", f"{inner}/vhds", {}, api=API)
    assert (made.status_code, made.json()["name"]) == (201, "vhds")
    assert azure.arm("PUT", f"{inner}/vhds", {}, api=API).status_code == 200
    assert [c.name for c in blobs(azure, path).list_containers()] == ["vhds"]
    found = azure.arm("GET", f"{inner}/vhds", api=API).json()
    assert found["properties"]["leaseState"] == "Available"
    assert found["properties"]["publicAccess"] == "None"
    assert [entry["name"] for entry in azure.arm("GET", inner, api=API).json()["value"]] == ["vhds"]
    assert azure.arm("DELETE", f"{inner}/vhds", api=API).status_code == 200
    assert azure.arm("DELETE", f"{inner}/vhds", api=API).status_code == 204
    assert code(azure.arm("GET", f"{inner}/vhds", api=API)) == "ContainerNotFound"


@installed
def test_containers_are_open_to_strangers_where_the_account_allows_it(azure: LocalAzure) -> None:
    path = account(azure, "publicboxes")
    inner, wanted = f"{path}/blobServices/default/containers", {"properties": {"publicAccess": "Blob"}}
    azure.follow(azure.arm("PUT", path, BODY, api=API))
    refused = azure.arm("PUT", f"{inner}/shown", wanted, api=API)
    assert (refused.status_code, code(refused)) == (409, "PublicAccessNotPermitted")
    assert azure.arm("GET", f"{inner}/shown", api=API).status_code == 404
    azure.arm("PUT", path, BODY | {"properties": {"allowBlobPublicAccess": True}}, api=API)
    for name, body, access in (("shown", wanted, "Blob"), ("hidden", {}, "None"), ("shown", {}, "Blob")):
        made = azure.arm("PUT", f"{inner}/{name}", body, api=API)
        found = azure.arm("GET", f"{inner}/{name}", api=API)
        assert [answer.json()["properties"]["publicAccess"] for answer in (made, found)] == [access, access]
    url = azure.arm("GET", path, api=API).json()["properties"]["primaryEndpoints"]["blob"]
    statuses = []
    for name in ("shown", "hidden"):
        blobs(azure, path).get_blob_client(name, "b").upload_blob(b"x")
        trust = ssl.create_default_context(cafile=azure.data / "tls" / "ca.pem")
        statuses.append(httpx.get(f"{url}{name}/b", verify=trust, trust_env=False).status_code)
    assert statuses == [200, 403]


@installed
def test_account_signatures_open_blobs(azure: LocalAzure) -> None:
    path = account(azure, "signed")
    azure.follow(azure.arm("PUT", path, BODY, api=API))
    wanted = {
        "signedServices": "b",
        "signedResourceTypes": "sco",
        "signedPermission": "rl",
        "signedExpiry": "2099-01-01T00:00:00Z",
    }
    token = azure.arm("POST", f"{path}/ListAccountSas", wanted, api=API).json()["accountSasToken"]
    url = azure.arm("GET", path, api=API).json()["properties"]["primaryEndpoints"]["blob"]
    authority = str(azure.data / "tls" / "ca.pem")
    assert list(BlobServiceClient(f"{url}?{token}", connection_verify=authority).list_containers()) == []
    assert azure.arm("POST", f"{path}/ListAccountSas", wanted | {"signedExpiry": ""}, api=API).status_code == 400


def test_identities_and_replicas(azure: LocalAzure) -> None:
    path = account(azure, "replicas")
    body = BODY | {"sku": {"name": "Standard_RAGRS"}, "identity": {"type": "SystemAssigned"}}
    azure.follow(azure.arm("PUT", path, body, api=API))
    found = azure.arm("GET", path, api=API).json()
    assert set(found["identity"]) == {"principalId", "tenantId", "type"}
    assert set(found["properties"]["secondaryEndpoints"]) == {"blob", "queue", "table", "dfs", "web"}
    used = azure.arm("GET", "/providers/Microsoft.Storage/locations/eastus/usages", api=API).json()["value"][0]
    assert used["currentValue"] >= 1
