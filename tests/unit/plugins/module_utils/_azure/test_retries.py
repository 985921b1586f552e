# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble of every kind with every kind of request, through whichever Azure SDK is installed; nobody really waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure import clouds, errors
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import made
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session

from .conftest import DISKS, GROUP, TENANT, Answer, Clock, FakeAzure, Got

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DISK = f"{DISKS}/d"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/v"
BODY = {"location": "eastus"}
LOST = Answer(drop=True)
GONE = Answer(404, {"error": {"code": "ResourceNotFound", "message": "gone"}})


def refused(status: int, code: str = "Code", message: str = "text", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": {"code": code, "message": message}}, {"x-ms-request-id": "req-7", **named})


def resource(state: str) -> Answer:
    return Answer(body={"name": "d", "properties": {"provisioningState": state}})


TROUBLE = {
    "429": refused(429, Retry_After="1"),
    "429 without a date": refused(429),
    "500": refused(500),
    "502 of a proxy": Answer(502, b"<html>", {"Content-Type": "text/html"}),
    "503": refused(503),
    "reset": LOST,
}
CONFLICT = refused(409, "OperationNotAllowed", "not allowed since another operation is in progress.")


@pytest.mark.parametrize("trouble", ["429", "429 without a date", "500", "502 of a proxy", "reset"])
class TestReads:
    def test_of_a_resource(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("GET", DISK, TROUBLE[trouble], TROUBLE[trouble], Answer(body={"name": "d"}))
        assert session.read(session.compute.disks.get, "rg", "d") == {"name": "d"}
        assert azure.calls() == [f"GET {DISK}"] * 3

    def test_of_what_no_client_has(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("GET", GROUP, TROUBLE[trouble], Answer(body={"name": "rg"}))
        assert session.resources.read("rg") == {"name": "rg"}

    def test_of_a_page_of_a_list(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("GET", DISKS, Answer(body={"value": [{"name": "a"}], "nextLink": f"{azure.url}{DISKS}-2"}))
        azure.on("GET", f"{DISKS}-2", TROUBLE[trouble], TROUBLE[trouble], Answer(body={"value": [{"name": "b"}]}))
        found = session.list(session.compute.disks.list_by_resource_group, "rg")
        assert [one["name"] for one in found] == ["a", "b"]
        assert azure.calls().count(f"GET {DISKS}") == 1, "pages that were read are not read again"

    def test_of_the_clouds_metadata(self, azure: FakeAzure, clock: Clock, trouble: str) -> None:
        azure.on("GET", "/metadata/endpoints", TROUBLE[trouble], TROUBLE[trouble], Answer(body=azure.metadata()))
        assert clouds.resolve(azure.url, ca=str(azure.ca), pace=clock.pace).name == "Fake"

    def test_of_a_token(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        openid = f"/{TENANT}/v2.0/.well-known/openid-configuration"
        known = azure.answer(Got("GET", openid, {}, {}, b""))
        azure.on("GET", openid, TROUBLE[trouble], TROUBLE[trouble], known)
        token = Answer(body={"token_type": "Bearer", "expires_in": 3600, "access_token": "made"})
        azure.on("POST", f"/{TENANT}/oauth2/v2.0/token", TROUBLE[trouble], TROUBLE[trouble], token)
        assert session.credential.get_token(session.cloud.scope).token == "made"

    def test_of_a_token_for_a_person(
        self, azure: FakeAzure, params: Mapping[str, Any], clock: Clock, trouble: str
    ) -> None:
        token = Answer(body={"token_type": "Bearer", "expires_in": 3600, "access_token": "made"})
        azure.on("POST", f"/{TENANT}/oauth2/v2.0/token", TROUBLE[trouble], token)
        person = {**params, "client_id": None, "secret": None, "ad_user": "u@example.test", "password": "p"}
        opened = Session.open(person, pace=clock.pace)
        assert opened.credential.get_token(opened.cloud.scope).token == "made"
        opened.close()


class TestPatience:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_answers_that_say_nothing(self, azure: FakeAzure, session: Session, status: int) -> None:
        azure.on("GET", DISK, refused(status), Answer(body={"name": "d"}))
        assert session.read(session.compute.disks.get, "rg", "d") == {"name": "d"}

    def test_waits_as_long_as_azure_asks(self, azure: FakeAzure, session: Session, clock: Clock) -> None:
        azure.on("GET", DISK, refused(429, Retry_After="300"), Answer(body={"name": "d"}))
        assert session.read(session.compute.disks.get, "rg", "d") == {"name": "d"}
        assert 300 < clock.now < 301
        assert clock.lines[0] == "Azure is busy (HTTP 429), trying again in 300 s"
        assert len(clock.lines) > 290

    def test_milliseconds_count(self, azure: FakeAzure, session: Session, clock: Clock) -> None:
        azure.on("GET", DISK, refused(503, x_ms_retry_after_ms="1500"), Answer(body={"name": "d"}))
        session.read(session.compute.disks.get, "rg", "d")
        assert 1.5 < clock.now < 2

    def test_zero_is_not_half_a_minute(self, azure: FakeAzure, session: Session, clock: Clock) -> None:
        azure.on("GET", DISK, refused(429, Retry_After="0"), Answer(body={"name": "d"}))
        session.read(session.compute.disks.get, "rg", "d")
        assert 0 < clock.now < 1

    def test_throttled_for_long(self, azure: FakeAzure, session: Session, clock: Clock) -> None:
        azure.on("GET", DISK, *[refused(429, Retry_After="10")] * 20, Answer(body={"name": "d"}))
        assert session.read(session.compute.disks.get, "rg", "d") == {"name": "d"}
        assert clock.now > 200

    def test_not_beyond_the_time_limit(self, azure: FakeAzure, params: Mapping[str, Any], clock: Clock) -> None:
        azure.on("GET", DISK, refused(429, "TooManyRequests", Retry_After="300"))
        opened = Session.open({**params, "wait_timeout": 120}, pace=clock.pace)
        with pytest.raises(errors.AzureError, match="TooManyRequests"):
            opened.read(opened.compute.disks.get, "rg", "d")
        assert clock.now == 0, "waiting for nothing"
        opened.close()

    def test_waits_differ(self, azure: FakeAzure, params: Mapping[str, Any]) -> None:
        clocks = [Clock() for _number in range(4)]
        for clock in clocks:
            azure.on("GET", DISK, refused(500), refused(500), Answer(body={}))
            opened = Session.open(params, pace=clock.pace)
            opened.read(opened.compute.disks.get, "rg", "d")
            opened.close()
        assert len({clock.now for clock in clocks}) > 1

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_ends_with_azures_words(self, azure: FakeAzure, session: Session, clock: Clock, method: str) -> None:
        azure.on(method, DISK, refused(500, "InternalServerError", "Encountered an error."))
        if method != "GET":
            azure.on("GET", DISK, resource("Succeeded"))
        with pytest.raises(errors.AzureError) as caught:
            session.raw(method, DISK, "2020-01-01", None if method != "PUT" else BODY, what="do it")
        for part in ("do it", "InternalServerError", "Encountered an error", "req-7"):
            assert part in str(caught.value)
        assert ("may have carried it out" in str(caught.value)) == (method != "GET")
        assert azure.calls(method) == [f"{method} {DISK}"] * 8
        assert 10 < clock.now < 60

    def test_nobody_is_there(self, params: Mapping[str, Any], closed_port: int, clock: Clock) -> None:
        with pytest.raises(errors.Unreachable, match="refused"):
            Session.open({**params, "cloud_environment": f"https://localhost:{closed_port}"}, pace=clock.pace)
        assert 0 < clock.now < 10

    def test_who_cannot_be_trusted_is_not_asked_again(
        self, azure: FakeAzure, params: Mapping[str, Any], clock: Clock, environment: pytest.MonkeyPatch
    ) -> None:
        environment.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(errors.Unreachable, match="REQUESTS_CA_BUNDLE"):
            Session.open(params, pace=clock.pace)
        assert clock.now == 0

    def test_a_refusal_is_final(self, azure: FakeAzure, session: Session, clock: Clock) -> None:
        azure.on("PUT", DISK, refused(409, "OperationNotAllowed", "another operation is in progress."))
        with pytest.raises(errors.AzureError, match="in progress"):
            session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=BODY)
        assert (azure.calls(), clock.now) == ([f"PUT {DISK}"], 0)

    def test_a_conflict_that_says_when_to_come_back(self, azure: FakeAzure, session: Session) -> None:
        azure.on("PUT", DISK, refused(409, "Conflict", "busy", Retry_After="5"), resource("Succeeded"))
        assert session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=BODY)
        assert azure.calls() == [f"PUT {DISK}"] * 2


@pytest.mark.parametrize("trouble", ["500", "503", "reset"])
class TestLostWrites:
    """The answer says nothing of whether the request was carried out: what it began is waited for first."""

    def test_a_put_that_was_not_carried_out(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("PUT", DISK, TROUBLE[trouble], resource("Succeeded"))
        azure.on("GET", DISK, GONE)
        assert session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=BODY)
        assert azure.calls() == [f"PUT {DISK}", f"GET {DISK}", f"PUT {DISK}"]

    def test_a_put_that_was(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("PUT", DISK, TROUBLE[trouble], resource("Succeeded"))
        azure.on("GET", DISK, resource("Creating"), resource("Creating"), resource("Succeeded"))
        got = session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=BODY)
        assert got == resource("Succeeded").body
        assert azure.calls() == [f"PUT {DISK}", *[f"GET {DISK}"] * 3, f"PUT {DISK}"]

    def test_a_put_of_what_did_not_exist_is_made_once(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("PUT", DISK, TROUBLE[trouble])
        azure.on("GET", DISK, resource("Creating"), resource("Succeeded"))
        create = session.compute.disks.begin_create_or_update
        assert session.send(create, "rg", "d", body=BODY, done=made) == resource("Succeeded").body
        assert azure.calls("PUT") == [f"PUT {DISK}"]

    @pytest.mark.parametrize("found", [GONE, resource("Failed")])
    def test_a_put_of_what_still_does_not_exist(
        self, azure: FakeAzure, session: Session, trouble: str, found: Answer
    ) -> None:
        azure.on("PUT", DISK, TROUBLE[trouble], resource("Succeeded"))
        azure.on("GET", DISK, found)
        create = session.compute.disks.begin_create_or_update
        assert session.send(create, "rg", "d", body=BODY, done=made) == resource("Succeeded").body

    def test_a_put_that_failed_is_not_made_again_if_it_must_not(
        self, azure: FakeAzure, session: Session, trouble: str
    ) -> None:
        azure.on("PUT", MACHINE, TROUBLE[trouble])
        azure.on("GET", MACHINE, resource("Creating"), resource("Failed"))
        create = session.compute.virtual_machines.begin_create_or_update
        with pytest.raises(errors.OperationFailed):
            session.send(create, "rg", "v", body=BODY, done=lambda found: found is not None)
        assert azure.calls("PUT") == [f"PUT {MACHINE}"]

    def test_a_put_that_is_not_seen_yet(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("PUT", DISK, TROUBLE[trouble], CONFLICT, resource("Succeeded"))
        azure.on("GET", DISK, GONE, resource("Creating"), resource("Succeeded"))
        assert session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=BODY)
        assert azure.calls("PUT") == [f"PUT {DISK}"] * 3

    def test_a_patch(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("PATCH", DISK, TROUBLE[trouble], resource("Succeeded"))
        azure.on("GET", DISK, resource("Updating"), resource("Succeeded"))
        assert session.send(session.compute.disks.begin_update, "rg", "d", body={"tags": {}})
        assert azure.calls() == [f"PATCH {DISK}", *[f"GET {DISK}"] * 2, f"PATCH {DISK}"]

    def test_a_delete_that_was_carried_out(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("DELETE", DISK, TROUBLE[trouble])
        azure.on("GET", DISK, resource("Deleting"), GONE)
        assert session.send(session.compute.disks.begin_delete, "rg", "d") is None
        assert azure.calls("DELETE") == [f"DELETE {DISK}"]

    @pytest.mark.parametrize("then", [Answer(204), GONE, Answer(200)])
    def test_a_delete_that_was_not(self, azure: FakeAzure, session: Session, trouble: str, then: Answer) -> None:
        azure.on("DELETE", DISK, TROUBLE[trouble], then)
        azure.on("GET", DISK, resource("Succeeded"))
        assert session.send(session.compute.disks.begin_delete, "rg", "d") is None
        assert azure.calls("DELETE") == [f"DELETE {DISK}"] * 2

    def test_of_a_group(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("DELETE", GROUP, TROUBLE[trouble])
        azure.on("GET", GROUP, resource("Deleting"), refused(404, "ResourceGroupNotFound"))
        assert session.raw("DELETE", GROUP, "2021-04-01") is None
        assert azure.calls("DELETE") == [f"DELETE {GROUP}"]

    def test_an_action_is_waited_for_before_it_is_begun_again(
        self, azure: FakeAzure, session: Session, trouble: str
    ) -> None:
        azure.on("POST", f"{MACHINE}/powerOff", TROUBLE[trouble], Answer(200))
        azure.on("GET", MACHINE, resource("Updating"), resource("Succeeded"))
        session.send(session.compute.virtual_machines.begin_power_off, "rg", "v")
        assert azure.calls() == [f"POST {MACHINE}/powerOff", *[f"GET {MACHINE}"] * 2, f"POST {MACHINE}/powerOff"]

    def test_an_action_that_must_be_done_once(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("POST", f"{MACHINE}/restart", TROUBLE[trouble], Answer(200))
        azure.on("GET", MACHINE, resource("Succeeded"))
        machines = session.compute.virtual_machines
        session.send(machines.begin_restart, "rg", "v", done=lambda _found: True)
        assert azure.calls("POST") == [f"POST {MACHINE}/restart"]

    def test_an_action_that_was_not_done(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("POST", f"{MACHINE}/restart", TROUBLE[trouble], Answer(200))
        azure.on("GET", MACHINE, resource("Succeeded"))
        machines = session.compute.virtual_machines
        session.send(machines.begin_restart, "rg", "v", done=lambda _found: False)
        assert azure.calls("POST") == [f"POST {MACHINE}/restart"] * 2

    def test_keys(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/s"
        azure.on("POST", f"{account}/listKeys", TROUBLE[trouble], Answer(body={"keys": [{"value": "k"}]}))
        got = session.send(session.storage.storage_accounts.list_keys, "rg", "s")
        assert got == {"keys": [{"value": "k"}]}

    def test_an_unreadable_resource_does_not_stop_it(self, azure: FakeAzure, session: Session, trouble: str) -> None:
        azure.on("PUT", DISK, TROUBLE[trouble], resource("Succeeded"))
        azure.on("GET", DISK, refused(403, "AuthorizationFailed"))
        assert session.send(session.compute.disks.begin_create_or_update, "rg", "d", body=BODY)

    def test_a_refusal_afterwards_says_that_it_is_unclear(
        self, azure: FakeAzure, session: Session, trouble: str
    ) -> None:
        azure.on("POST", f"{DISK}/beginGetAccess", TROUBLE[trouble], refused(409, "OperationNotAllowed", "active SAS"))
        azure.on("GET", DISK, resource("Succeeded"))
        body = {"access": "Write", "durationInSeconds": 60}
        with pytest.raises(errors.AzureError, match="active SAS") as caught:
            session.send(session.compute.disks.begin_grant_access, "rg", "d", body=body)
        assert caught.value.unclear


def test_throttled_writes_are_repeated_without_a_look(azure: FakeAzure, session: Session) -> None:
    """429 says that nothing was done."""
    azure.on("POST", f"{MACHINE}/start", TROUBLE["429"], TROUBLE["429 without a date"], Answer(200))
    session.send(session.compute.virtual_machines.begin_start, "rg", "v")
    assert azure.calls() == [f"POST {MACHINE}/start"] * 3


def test_tokens_of_a_run_are_not_asked_for_again(
    azure: FakeAzure, params: Mapping[str, Any], clock: Clock, tmp_path: Path
) -> None:
    """Nor is one of the cache in the way of a login that has to be repeated."""
    azure.on("GET", DISK, LOST, Answer(body={"name": "d"}))
    for _time in range(2):
        opened = Session.open(params, token_cache=tmp_path / "tokens", pace=clock.pace)
        assert opened.read(opened.compute.disks.get, "rg", "d") == {"name": "d"}
        opened.close()
    assert azure.tokens == 1
