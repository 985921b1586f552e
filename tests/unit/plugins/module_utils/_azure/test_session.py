# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session against a real https server, through whichever Azure SDK is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure import errors
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

from .conftest import DISKS, GROUP, SUBSCRIPTION, TENANT, Answer, FakeAzure, Got

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FAST = {"x-ms-retry-after-ms": "1"}
PROVIDERS = f"{GROUP}/providers"


def operation(azure: FakeAzure, *statuses: str, path: str = "/operations/1", **last: Any) -> dict[str, str]:
    """Serve an operation that goes through the statuses; returns the headers that point at it."""
    bodies = [{"name": "1", "status": status} for status in statuses]
    bodies[-1].update(last)
    azure.on("GET", path, *(Answer(body=body, headers=FAST) for body in bodies))
    return {"Azure-AsyncOperation": f"{azure.url}{path}?api-version=1&t=a%2Fb&s=c%3D", **FAST}


class TestRead:
    def test_gives_the_wire_form_with_fields_no_model_knows(self, azure: FakeAzure, session: Session) -> None:
        disk = {"id": f"{DISKS}/d", "location": "eastus", "properties": {"diskSizeGB": 4, "somethingNew": {"aB": 1}}}
        azure.on("GET", f"{DISKS}/d", Answer(body=disk))
        assert session.read(session.compute.disks.get, "rg", "d") == disk
        assert azure.requests[-1].headers["authorization"] == "Bearer token-1"

    @pytest.mark.parametrize(
        "code", ["ResourceNotFound", "ResourceGroupNotFound", "NotFound", "ParentResourceNotFound"]
    )
    def test_absent_is_none(self, azure: FakeAzure, session: Session, code: str) -> None:
        azure.on("GET", f"{DISKS}/d", Answer(404, {"error": {"code": code, "message": "no"}}))
        assert session.read(session.compute.disks.get, "rg", "d") is None

    @pytest.mark.parametrize("code", ["SubscriptionNotFound", "InvalidResourceType"])
    def test_other_404s_are_failures(self, azure: FakeAzure, session: Session, code: str) -> None:
        azure.on("GET", f"{DISKS}/d", Answer(404, {"error": {"code": code, "message": "no"}}))
        with pytest.raises(errors.AzureError) as caught:
            session.read(session.compute.disks.get, "rg", "d")
        assert caught.value.code == code
        assert caught.value.remedy

    def test_a_404_that_is_not_azures_is_a_failure(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", f"{DISKS}/d", Answer(404, b"<html>nginx</html>", {"Content-Type": "text/html"}))
        with pytest.raises(errors.AzureError, match="HTTP 404"):
            session.read(session.compute.disks.get, "rg", "d")

    def test_a_refusal_names_code_message_request_and_remedy(self, azure: FakeAzure, session: Session) -> None:
        body = {"error": {"code": "AuthorizationFailed", "message": "The client has no permission."}}
        azure.on("GET", f"{DISKS}/d", Answer(403, body, {"x-ms-request-id": "req-1"}))
        with pytest.raises(errors.AzureError) as caught:
            session.read(session.compute.disks.get, "rg", "d", what="read disk d")
        text = str(caught.value)
        for part in ("read disk d", "AuthorizationFailed", "no permission", "req-1", "role"):
            assert part in text
        assert caught.value.details["azure"] == {
            "code": "AuthorizationFailed",
            "status": 403,
            "request_id": "req-1",
            "details": [],
        }

    def test_a_connection_that_breaks_once_is_repeated(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", f"{DISKS}/d", Answer(drop=True), Answer(body={"name": "d"}))
        assert session.read(session.compute.disks.get, "rg", "d") == {"name": "d"}

    def test_keyword_arguments_reach_the_sdk(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", f"{PROVIDERS}/Microsoft.Compute/virtualMachines/v", Answer(body={"name": "v"}))
        assert session.read(session.compute.virtual_machines.get, "rg", "v", expand="instanceView")
        assert azure.requests[-1].query["$expand"] == "instanceView"


class TestList:
    def test_follows_the_pages(self, azure: FakeAzure, session: Session) -> None:
        first = {"value": [{"name": "a", "properties": {"xY": 1}}], "nextLink": f"{azure.url}{DISKS}-2?token=a%2Fb"}
        azure.on("GET", DISKS, Answer(body=first))
        azure.on("GET", f"{DISKS}-2", Answer(body={"value": [{"name": "b"}]}))
        found = session.list(session.compute.disks.list_by_resource_group, "rg")
        assert found == [{"name": "a", "properties": {"xY": 1}}, {"name": "b"}]
        assert azure.requests[-1].query["token"] == "a/b"

    def test_of_an_absent_group_is_empty(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", DISKS, Answer(404, {"error": {"code": "ResourceGroupNotFound", "message": "no"}}))
        assert session.list(session.compute.disks.list_by_resource_group, "rg") == []

    def test_of_marketplace_versions_is_a_bare_array(self, azure: FakeAzure, session: Session) -> None:
        path = (
            f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus/publishers/p"
            "/artifacttypes/vmimage/offers/o/skus/s/versions"
        )
        azure.on("GET", path, Answer(body=[{"name": "1.0.0", "location": "eastus"}]))
        found = session.list(session.compute.virtual_machine_images.list, "eastus", "p", "o", "s")
        assert found == [{"name": "1.0.0", "location": "eastus"}]

    def test_a_page_that_is_throttled_is_not_lost(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", DISKS, Answer(503, {"error": {"code": "Busy"}}), Answer(body={"value": [{"name": "a"}]}))
        assert session.list(session.compute.disks.list_by_resource_group, "rg") == [{"name": "a"}]

    def test_storage_and_network(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", f"{PROVIDERS}/Microsoft.Storage/storageAccounts", Answer(body={"value": [{"name": "s"}]}))
        azure.on("GET", f"{PROVIDERS}/Microsoft.Network/virtualNetworks", Answer(body={"value": [{"name": "n"}]}))
        assert session.list(session.storage.storage_accounts.list_by_resource_group, "rg") == [{"name": "s"}]
        assert session.list(session.network.virtual_networks.list, "rg") == [{"name": "n"}]


class TestSend:
    BODY: Mapping[str, Any] = {"location": "eastus", "properties": {"diskSizeGB": 4, "unknownToModels": [1]}}

    def test_disk_202_then_operation_then_the_resource(self, azure: FakeAzure, session: Session) -> None:
        final = {"name": "d", "properties": {"provisioningState": "Succeeded", "diskState": "Unattached"}}
        first = {"properties": {"provisioningState": "Updating"}}
        azure.on("PUT", f"{DISKS}/d", Answer(202, first, operation(azure, "InProgress", "Succeeded")))
        azure.on("GET", f"{DISKS}/d", Answer(body=final))
        got = session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=self.BODY)
        assert got == final
        sent = next(request for request in azure.requests if request.method == "PUT")
        assert sent.body == self.BODY
        assert sent.headers["content-type"] == "application/json"
        polls = [request for request in azure.requests if request.path == "/operations/1"]
        assert [request.query for request in polls] == [{"api-version": "1", "t": "a/b", "s": "c="}] * 2

    def test_image_201_and_no_location(self, azure: FakeAzure, session: Session) -> None:
        path = f"{PROVIDERS}/Microsoft.Compute/images/i"
        azure.on("PUT", path, Answer(201, {"name": "i"}, operation(azure, "Succeeded")))
        azure.on("GET", path, Answer(body={"name": "i", "properties": {"provisioningState": "Succeeded"}}))
        got = session.send(session.compute.images.begin_create_or_update, "rg", "i", body=self.BODY)
        assert got == {"name": "i", "properties": {"provisioningState": "Succeeded"}}

    def test_post_gives_the_output(self, azure: FakeAzure, session: Session) -> None:
        headers = operation(azure, "InProgress", "Succeeded", properties={"output": {"accessSAS": "https://sas"}})
        azure.on("POST", f"{DISKS}/d/beginGetAccess", Answer(202, None, headers))
        body = {"access": "Write", "durationInSeconds": 60}
        got = session.send(session.compute.disks.begin_grant_access, "rg", "d", body=body)
        assert got == {"accessSAS": "https://sas"}

    def test_post_without_output_asks_the_location(self, azure: FakeAzure, session: Session) -> None:
        headers = {**operation(azure, "Succeeded"), "Location": f"{azure.url}/operations/1/monitor?monitor=true"}
        azure.on("POST", f"{PROVIDERS}/Microsoft.Compute/virtualMachines/v/deallocate", Answer(202, None, headers))
        azure.on("GET", "/operations/1/monitor", Answer(200))
        assert session.send(session.compute.virtual_machines.begin_deallocate, "rg", "v") is None
        assert azure.calls()[-1] == "GET /operations/1/monitor"

    def test_delete_gives_nothing(self, azure: FakeAzure, session: Session) -> None:
        azure.on("DELETE", f"{DISKS}/d", Answer(202, None, operation(azure, "InProgress", "Succeeded")))
        assert session.send(session.compute.disks.begin_delete, "rg", "d") is None

    def test_delete_of_what_is_absent(self, azure: FakeAzure, session: Session) -> None:
        azure.on("DELETE", f"{DISKS}/d", Answer(204))
        assert session.send(session.compute.disks.begin_delete, "rg", "d") is None

    def test_generalize_is_synchronous(self, azure: FakeAzure, session: Session) -> None:
        azure.on("POST", f"{PROVIDERS}/Microsoft.Compute/virtualMachines/v/generalize", Answer(200))
        assert session.send(session.compute.virtual_machines.generalize, "rg", "v") is None

    def test_storage_account_is_location_only(self, azure: FakeAzure, session: Session) -> None:
        path = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/s"
        text = {"Content-Type": "text/plain; charset=utf-8"}
        azure.on("PUT", path, Answer(202, None, {"Location": f"{azure.url}/async/1?monitor=true", **FAST, **text}))
        azure.on("GET", "/async/1", Answer(202, None, {**FAST, **text}), Answer(200, {"name": "s"}))
        assert session.send(session.storage.storage_accounts.begin_create, "rg", "s", body=self.BODY) == {"name": "s"}

    def test_network_interface_is_there_at_once(self, azure: FakeAzure, session: Session) -> None:
        path = f"{PROVIDERS}/Microsoft.Network/networkInterfaces/n"
        made = {"name": "n", "properties": {"provisioningState": "Succeeded"}}
        azure.on("PUT", path, Answer(201, made, operation(azure, "Succeeded")))
        azure.on("GET", path, Answer(body=made))
        got = session.send(session.network.network_interfaces.begin_create_or_update, "rg", "n", body=self.BODY)
        assert got == made

    def test_without_waiting(self, azure: FakeAzure, session: Session) -> None:
        azure.on("PUT", f"{DISKS}/d", Answer(202, {"name": "d"}, operation(azure, "InProgress")))
        got = session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=self.BODY, wait=False)
        assert got == {"name": "d"}
        assert azure.calls() == [f"PUT {DISKS}/d"]

    def test_a_failure_comes_as_200(self, azure: FakeAzure, session: Session) -> None:
        error = {"code": "InvalidParameter", "message": "Disks or snapshot cannot be resized down."}
        azure.on("PUT", f"{DISKS}/d", Answer(202, {}, operation(azure, "InProgress", "Failed", error=error)))
        with pytest.raises(errors.OperationFailed, match=r"create disk d.*InvalidParameter.*resized down") as caught:
            session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=self.BODY, what="create disk d")
        assert caught.value.code == "InvalidParameter"

    def test_a_conflict(self, azure: FakeAzure, session: Session) -> None:
        error = {"code": "OperationNotAllowed", "message": "Disk d is attached to VM /x/v."}
        azure.on("DELETE", f"{DISKS}/d", Answer(409, {"error": error}))
        with pytest.raises(errors.AzureError, match="Detach the disk"):
            session.send(session.compute.disks.begin_delete, "rg", "d")

    def test_without_words_the_failure_names_the_call(self, azure: FakeAzure, session: Session) -> None:
        machines = session.compute.virtual_machines
        with pytest.raises(errors.AzureError, match=r"^Could not power off virtual machine rg/v: ResourceNotFound"):
            session.send(machines.begin_power_off, "rg", "v")

    def test_compute_throttling_has_no_wrapper(self, azure: FakeAzure, session: Session) -> None:
        body = {
            "code": "OperationNotAllowed",
            "message": "{}",
            "details": [{"code": "TooManyRequests", "message": "x"}],
        }
        azure.on("GET", f"{DISKS}/d", Answer(429, body, {"Retry-After": "0.001"}))
        with pytest.raises(errors.AzureError, match="forks") as caught:
            session.read(session.compute.disks.get, "rg", "d")
        assert caught.value.code == "OperationNotAllowed"
        assert caught.value.status == 429


class TestAttach:
    def test_waits_for_an_update_that_someone_else_began(self, azure: FakeAzure, session: Session) -> None:
        states = [Answer(body={"properties": {"provisioningState": state}}) for state in ("Updating", "Succeeded")]
        azure.on("GET", f"{DISKS}/d", *states)
        got = session.attach(session.compute.disks.get, "rg", "d")
        assert got == {"properties": {"provisioningState": "Succeeded"}}

    def test_until_it_is_deleted(self, azure: FakeAzure, session: Session) -> None:
        gone = Answer(404, {"error": {"code": "ResourceNotFound", "message": "gone"}})
        azure.on("GET", f"{DISKS}/d", Answer(body={"properties": {"provisioningState": "Deleting"}}), gone)
        assert session.attach(session.compute.disks.get, "rg", "d") is None

    def test_of_what_does_not_exist(self, session: Session) -> None:
        assert session.attach(session.compute.disks.get, "rg", "d") is None


class TestRaw:
    def test_put_with_an_operation(self, azure: FakeAzure, session: Session) -> None:
        azure.on("PUT", f"{GROUP}/providers/X/y/z", Answer(201, {}, operation(azure, "Succeeded")))
        azure.on("GET", f"{GROUP}/providers/X/y/z", Answer(body={"name": "z"}))
        assert session.raw("PUT", f"{GROUP}/providers/X/y/z", "2020-01-01", {"a": 1}) == {"name": "z"}
        sent = next(request for request in azure.requests if request.method == "PUT")
        assert (sent.body, sent.query) == ({"a": 1}, {"api-version": "2020-01-01"})

    def test_get_of_what_is_absent(self, session: Session) -> None:
        assert session.raw("GET", f"{GROUP}/providers/X/y/z", "2020-01-01") is None

    def test_a_group_that_is_being_deleted_changes_its_address(self, azure: FakeAzure, session: Session) -> None:
        def at(step: int) -> dict[str, str]:
            return {"Location": f"{azure.url}/operationresults/{step}?t={step}", **FAST}

        azure.on("DELETE", GROUP, Answer(202, None, at(1)))
        azure.on("GET", "/operationresults/1", Answer(202, None, at(2)))
        azure.on("GET", "/operationresults/2", Answer(202, None, at(3)))
        azure.on("GET", "/operationresults/3", Answer(200))
        assert session.raw("DELETE", GROUP, "2021-04-01") is None
        assert azure.calls("GET") == [f"GET /operationresults/{step}" for step in (1, 2, 3)]

    def test_capitalised_errors(self, azure: FakeAzure, session: Session) -> None:
        azure.on("DELETE", GROUP, Answer(202, None, {"Location": f"{azure.url}/operationresults/1", **FAST}))
        body = {"Error": {"Code": "ResourceGroupDeletionTimeout", "Message": "too long"}}
        azure.on("GET", "/operationresults/1", Answer(409, body))
        with pytest.raises(errors.AzureError) as caught:
            session.raw("DELETE", GROUP, "2021-04-01")
        assert caught.value.code == "ResourceGroupDeletionTimeout"


class TestResourceGroups:
    def test_location(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", GROUP, Answer(body={"name": "rg", "location": "westeurope"}))
        assert session.resources.location("rg") == "westeurope"

    def test_absent(self, session: Session) -> None:
        assert session.resources.read("rg") is None
        with pytest.raises(InvalidInput, match="rg does not exist"):
            session.resources.location("rg")


class TestSubscription:
    def test_the_only_one(self, azure: FakeAzure, params: Mapping[str, Any]) -> None:
        azure.on("GET", "/subscriptions", Answer(body={"value": [{"subscriptionId": SUBSCRIPTION}]}))
        assert Session.open({**params, "subscription_id": None}).subscription_id == SUBSCRIPTION

    def test_one_of_many_is_not_guessed(self, azure: FakeAzure, params: Mapping[str, Any]) -> None:
        many = [{"subscriptionId": "1", "displayName": "One"}, {"subscriptionId": "2", "displayName": "Two"}]
        azure.on("GET", "/subscriptions", Answer(body={"value": many}))
        with pytest.raises(InvalidInput, match=r"One \(1\), Two \(2\).*AZURE_SUBSCRIPTION_ID"):
            assert Session.open({**params, "subscription_id": None}).subscription_id


class TestTokens:
    def test_opening_asks_for_none(self, azure: FakeAzure, session: Session) -> None:
        assert session.cloud.name == "Fake"
        assert azure.tokens == 0

    def test_are_shared_by_the_sessions_of_a_run(
        self, azure: FakeAzure, params: Mapping[str, Any], tmp_path: Path
    ) -> None:
        cache = tmp_path / "tokens"
        for subscription in (SUBSCRIPTION, "22222222-2222-3333-4444-555555555555"):
            opened = Session.open({**params, "subscription_id": subscription}, token_cache=cache)
            opened.read(opened.compute.disks.get, "rg", "d")
            opened.close()
        assert azure.tokens == 1
        assert cache.stat().st_mode & 0o777 == 0o600
        assert params["secret"] not in cache.read_text()

    def test_are_not_shared_with_another_secret(self, params: Mapping[str, Any], tmp_path: Path) -> None:
        first = Session.open(params, token_cache=tmp_path / "tokens")
        first.credential.get_token(first.cloud.scope)
        other = Session.open({**params, "secret": "wrong"}, token_cache=tmp_path / "tokens")
        with pytest.raises(errors.AuthenticationFailed):
            other.credential.get_token(other.cloud.scope)

    def test_one_that_azure_no_longer_takes_is_renewed(
        self, azure: FakeAzure, params: Mapping[str, Any], tmp_path: Path
    ) -> None:
        def strict(got: Got) -> Answer:
            if got.headers["authorization"] != "Bearer token-2":
                return Answer(401, {"error": {"code": "InvalidAuthenticationToken", "message": "expired"}})
            return Answer(body={"name": "d"})

        azure.on("GET", f"{DISKS}/d", strict)
        opened = Session.open(params, token_cache=tmp_path / "tokens")
        assert opened.read(opened.compute.disks.get, "rg", "d") == {"name": "d"}

    def test_a_wrong_secret(self, params: Mapping[str, Any]) -> None:
        opened = Session.open({**params, "secret": "wrong-Secret"})
        with pytest.raises(errors.AuthenticationFailed, match=r"AADSTS7000215.*The secret is wrong") as caught:
            opened.read(opened.compute.disks.get, "rg", "d")
        assert "wrong-Secret" not in str(caught.value)

    def test_for_blobs(self, azure: FakeAzure, session: Session) -> None:
        assert session.credential.get_token(session.cloud.storage_scope).token == "token-1"
        asked = next(request for request in azure.requests if request.path.startswith(f"/{TENANT}/oauth2"))
        assert b"storage.azure.com" in asked.raw


def test_the_sdk_prints_nothing(params: Mapping[str, Any]) -> None:
    code = (
        "import json, sys\n"
        "from ansible_collections.goldenimage.azure.plugins.module_utils._azure import errors, session\n"
        "opened = session.Session.open(json.loads(sys.stdin.read()))\n"
        "try:\n    opened.read(opened.compute.disks.get, 'rg', 'd')\n"
        "except errors.AuthenticationFailed:\n    print('refused')\n"
    )
    text = json.dumps({**params, "secret": "wrong"})
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_nothing_of_a_task_shows_in_its_representation(session: Session) -> None:
    assert "Secret" not in repr(session.credential.identity)
    assert "Secret" not in json.dumps(repr(vars(session)))
