# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the same for all of ARM: tokens, API versions, unknown types, bodies, headers, resource groups."""

from __future__ import annotations

import base64
import json
import time

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_azure import LocalAzure, code


def test_headers_of_every_answer(azure: LocalAzure) -> None:
    answer = azure.arm("GET", "/resourceGroups", x_ms_client_request_id="abc", x_ms_return_client_request_id="true")
    assert answer.headers["x-ms-client-request-id"] == "abc"
    for name in (
        "x-ms-request-id",
        "x-ms-correlation-request-id",
        "x-ms-routing-request-id",
        "cache-control",
        "pragma",
    ):
        assert answer.headers[name]
    assert 0 < int(answer.headers["x-ms-ratelimit-remaining-subscription-reads"]) < 250
    assert 3000 < int(answer.headers["x-ms-ratelimit-remaining-subscription-global-reads"]) < 3750
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_compute_indents_what_it_writes_itself(azure: LocalAzure) -> None:
    azure.group("indented")
    disk, api = "/resourceGroups/indented/providers/Microsoft.Compute/disks/d", "2024-03-02"
    body = {"location": "eastus", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}}
    made = azure.arm("PUT", disk, body, api=api)
    azure.done(made)
    for text in (made.text, azure.http.get(made.headers["azure-asyncoperation"]).text):
        assert text.startswith('{\r\n  "')
        assert text.endswith("\r\n}")
    for path in (disk.rpartition("/")[0], f"{disk}2", "/resourceGroups/indented"):
        assert "\n" not in azure.arm("GET", path, api=api).text
    assert "\n" not in azure.arm("POST", "/providers/Microsoft.Compute/register").text


def test_who_refused_shows_in_the_headers(azure: LocalAzure) -> None:
    azure.group("refusals")
    disk, api = "/resourceGroups/refusals/providers/Microsoft.Compute/disks/d", "2024-03-02"
    provider = azure.arm("PUT", disk, {"location": "eastus", "properties": {"creationData": {}}}, api=api)
    assert provider.status_code == 400
    assert "x-ms-failure-cause" not in provider.headers
    assert provider.headers["x-ms-ratelimit-remaining-subscription-writes"]
    assert provider.headers["x-ms-ratelimit-remaining-resource"].startswith("Microsoft.Compute/CreateUpdateDisks3Min;")
    for path in (disk, disk.replace("disks", "none"), "/resourceGroups/none", disk.replace("refusals", "none")):
        answer = azure.arm("GET", path, api=api)
        assert (answer.status_code, answer.headers["x-ms-failure-cause"]) == (404, "gateway"), path
        assert "x-ms-ratelimit-remaining-subscription-reads" not in answer.headers


class TestTokens:
    def _refused(self, azure: LocalAzure, header: str | None, wanted: str) -> None:
        headers = {"Authorization": header} if header is not None else {}
        if header is None:
            del azure.http.headers["Authorization"]
        try:
            answer = azure.http.get(f"{azure.subscription}/resourceGroups?api-version=2021-04-01", headers=headers)
        finally:
            azure.http.headers["Authorization"] = f"Bearer {azure.token()}"
        assert answer.status_code == 401
        assert code(answer) == wanted
        assert answer.headers["www-authenticate"].startswith(f'Bearer authorization_uri="{azure.url}/')

    def test_missing(self, azure: LocalAzure) -> None:
        self._refused(azure, None, "AuthenticationFailed")

    def test_not_bearer(self, azure: LocalAzure) -> None:
        self._refused(azure, "Basic abc", "AuthenticationFailedInvalidHeader")

    def test_garbage(self, azure: LocalAzure) -> None:
        self._refused(azure, "Bearer abc", "InvalidAuthenticationToken")

    def test_wrong_audience(self, azure: LocalAzure) -> None:
        token = azure.token(scope="https://storage.azure.com/.default")
        self._refused(azure, f"Bearer {token}", "InvalidAuthenticationTokenAudience")

    def test_expired(self, azure: LocalAzure) -> None:
        claims = jwt.decode(azure.token(), options={"verify_signature": False}) | {"exp": int(time.time()) - 10}
        key = (azure.data / "tls" / "tokens.key").read_text()
        self._refused(azure, f"Bearer {jwt.encode(claims, key, algorithm='RS256')}", "ExpiredAuthenticationToken")

    def test_foreign_tenant(self, azure: LocalAzure) -> None:
        claims = jwt.decode(azure.token(), options={"verify_signature": False}) | {"tid": "elsewhere"}
        key = (azure.data / "tls" / "tokens.key").read_text()
        self._refused(azure, f"Bearer {jwt.encode(claims, key, algorithm='RS256')}", "InvalidAuthenticationTokenTenant")

    def test_unknown_paths_are_not_told_to_strangers(self, azure: LocalAzure) -> None:
        azure.http.headers["Authorization"] = "Bearer x"
        try:
            assert azure.http.get("/nothing/here").status_code == 401
        finally:
            azure.http.headers["Authorization"] = f"Bearer {azure.token()}"

    def test_reader_may_not_write(self, azure: LocalAzure) -> None:
        reader = f"Bearer {azure.token('reader')}"
        assert azure.arm("GET", "/resourceGroups", Authorization=reader).status_code == 200
        answer = azure.arm("PUT", "/resourceGroups/new", {"location": "eastus"}, Authorization=reader)
        assert (answer.status_code, code(answer)) == (403, "AuthorizationFailed")
        assert "'Microsoft.Resources/subscriptions/resourceGroups/write'" in answer.json()["error"]["message"]


class TestGrants:
    def _post(self, azure: LocalAzure, path: str = "/oauth2/v2.0/token", **form: str) -> tuple[int, dict[str, object]]:
        answer = azure.http.post(f"/{azure.secrets['tenant']}{path}", data=form)
        return answer.status_code, answer.json()

    def test_version_one(self, azure: LocalAzure) -> None:
        account = azure.secrets["contributor"]
        status, body = self._post(
            azure,
            "/oauth2/token",
            grant_type="client_credentials",
            client_id=account["client_id"],
            client_secret=account["secret"],
            resource="https://management.core.windows.net/",
        )
        assert status == 200
        assert {"access_token", "expires_on", "not_before", "resource", "token_type"} <= set(body)

    def test_password(self, azure: LocalAzure) -> None:
        form = {"grant_type": "password", "client_id": "any", "scope": "https://management.azure.com/.default"}
        good = form | {"username": azure.secrets["username"], "password": azure.secrets["password"]}
        assert self._post(azure, **good)[0] == 200
        status, body = self._post(azure, **good | {"password": "wrong"})
        assert (status, body["error"], body["error_codes"]) == (400, "invalid_grant", [50126])

    def test_assertion(self, azure: LocalAzure) -> None:
        client = azure.secrets["contributor"]["client_id"]
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "scope": f"{azure.url}/.default",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }

        def assertion(**claims: object) -> str:
            return jwt.encode({"exp": time.time() + 60, **claims}, "k" * 32, algorithm="HS256")

        assert self._post(azure, **form, client_assertion=assertion(iss=client, sub=client))[0] == 200
        assert self._post(azure, **form, client_assertion=assertion(iss="https://ci", sub="repo:x"))[0] == 200
        assert self._post(azure, **form, client_assertion=assertion(iss="other", sub="other"))[0] == 401
        assert self._post(azure, **form, client_assertion=assertion(iss=client, sub=client, exp=1))[0] == 401
        assert self._post(azure, **form, client_assertion="junk")[0] == 401

    @pytest.mark.parametrize(
        ("change", "status", "number"),
        [
            ({"client_secret": "wrong"}, 401, 7000215),
            ({"client_id": "00000000-0000-0000-0000-000000000001"}, 400, 700016),
            ({"grant_type": "device_code"}, 400, 70003),
            ({"scope": ""}, 400, 900144),
        ],
    )
    def test_refusals(self, azure: LocalAzure, change: dict[str, str], status: int, number: int) -> None:
        answered, body = self._post(azure, **azure.login() | change)
        assert (answered, body["error_codes"]) == (status, [number])
        assert azure.login()["client_secret"] not in json.dumps(body)

    def test_discovery(self, azure: LocalAzure) -> None:
        tenant = azure.secrets["tenant"]
        found = azure.http.get(f"/{tenant}/v2.0/.well-known/openid-configuration").json()
        assert found["token_endpoint"] == f"{azure.url}/{tenant}/oauth2/v2.0/token"
        assert azure.http.get(found["jwks_uri"]).json()["keys"][0]["kty"] == "RSA"

    def test_managed_identity(self, azure: LocalAzure) -> None:
        path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
        assert azure.http.get(path).status_code == 400
        token = azure.http.get(path, headers={"Metadata": "true"}).json()["access_token"]
        assert azure.arm("GET", "/resourceGroups", Authorization=f"Bearer {token}").status_code == 200


def test_metadata_shapes(azure: LocalAzure) -> None:
    one = azure.http.get("/metadata/endpoints?api-version=2022-09-01").json()
    several = azure.http.get("/metadata/endpoints?api-version=2019-05-01").json()
    assert one["resourceManager"] == f"{azure.url}/"
    assert several == [one]
    assert code(azure.http.get("/metadata/endpoints")) == "MissingApiVersionParameter"


def test_operation_urls_lead_through_the_host_the_client_used(azure: LocalAzure) -> None:
    azure.group("hosted")
    answer = azure.arm("DELETE", "/resourceGroups/hosted", Host="management.azure.com")
    assert answer.headers["location"].startswith("https://management.azure.com/subscriptions/")
    azure.group("hosted2")
    answer = azure.arm("DELETE", "/resourceGroups/hosted2", Host="evil.example")
    assert answer.headers["location"].startswith(f"{azure.url}/subscriptions/")


@pytest.mark.parametrize(
    ("path", "status", "wanted"),
    [
        ("/resourceGroups", 400, "MissingApiVersionParameter"),
        ("/resourceGroups?api-version=yesterday", 400, "InvalidApiVersionParameter"),
        ("/resourceGroups?api-version=1999-01-01", 400, "InvalidResourceType"),
        ("/resourceGroups/nope/providers/Microsoft.Compute/disks?api-version=2023-04-02", 404, "ResourceGroupNotFound"),
        ("/providers/Microsoft.Compute/nothing?api-version=2021-04-01", 404, "InvalidResourceType"),
        ("/providers/Microsoft.Nothing/things?api-version=2021-04-01", 404, "InvalidResourceNamespace"),
        ("/providers/Microsoft.Compute/locations/eastus/operations/x?api-version=2021-04-01", 404, "NotFound"),
        ("/operationresults/x?api-version=2021-04-01", 404, "NotFound"),
        ("/resourceGroups/%FF?api-version=2021-04-01", 400, "InvalidRequestUri"),
        ("/resourceGroups?api-version=2021-04-01&$top=x", 400, "InvalidParameter"),
    ],
)
def test_refused_paths(azure: LocalAzure, path: str, status: int, wanted: str) -> None:
    answer = azure.http.get(f"{azure.subscription}{path}")
    assert (answer.status_code, code(answer)) == (status, wanted)


def test_other_subscriptions(azure: LocalAzure) -> None:
    query = "resourceGroups?api-version=2021-04-01"
    assert code(azure.http.get(f"/subscriptions/{'0' * 8}-0000-0000-0000-{'0' * 12}/{query}")) == "SubscriptionNotFound"
    assert code(azure.http.get(f"/subscriptions/mine/{query}")) == "InvalidSubscriptionId"


def test_wrong_method(azure: LocalAzure) -> None:
    answer = azure.arm("PATCH", "/locations", {})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("content", "kind", "status", "wanted"),
    [
        (b"", "application/json", 400, "InvalidRequestContent"),
        (b"{", "application/json", 400, "InvalidRequestContent"),
        (b"[]", "application/json", 400, "InvalidRequestContent"),
        (b'{"location": NaN}', "application/json", 400, "InvalidRequestContent"),
        (b'{"location": 1e999}', "application/json", 400, "InvalidRequestContent"),
        (b'{"location": "\\ud800"}', "application/json", 400, "InvalidRequestContent"),
        (b'{"a":' * 5000, "application/json", 400, "InvalidRequestContent"),
        (b"<a/>", "text/xml", 415, "UnsupportedMediaType"),
        (b'{"location": 5}', "application/json", 400, "InvalidRequestContent"),
        (b"{}", "application/json", 400, "LocationRequired"),
        (b'{"location": "moon"}', "application/json", 400, "LocationNotAvailableForResourceType"),
        (b'{"location": "eastus", "tags": {"a": 1}}', "application/json", 400, "InvalidRequestContent"),
        (b" " * 5_000_000, "application/json", 413, "RequestContentTooLarge"),
    ],
)
def test_refused_bodies(azure: LocalAzure, content: bytes, kind: str, status: int, wanted: str) -> None:
    path = f"{azure.subscription}/resourceGroups/body?api-version=2021-04-01"
    answer = azure.http.put(path, content=content, headers={"Content-Type": kind})
    assert (answer.status_code, code(answer)) == (status, wanted)


class TestGroups:
    def test_cycle(self, azure: LocalAzure) -> None:
        body = {"location": "East US 2", "tags": {"a": "b"}}
        made = azure.arm("PUT", "/resourcegroups/Cycle", body)
        assert made.status_code == 201
        assert made.json() == {
            "id": f"{azure.subscription}/resourceGroups/Cycle",
            "name": "Cycle",
            "type": "Microsoft.Resources/resourceGroups",
            "location": "eastus2",
            "tags": {"a": "b"},
            "properties": {"provisioningState": "Succeeded"},
        }
        assert azure.arm("PUT", "/resourceGroups/CYCLE", body).status_code == 200
        assert azure.arm("GET", "/resourceGroups/cycle").json() == made.json()
        assert azure.arm("HEAD", "/resourceGroups/cycle").status_code == 204
        moved = azure.arm("PUT", "/resourceGroups/cycle", {"location": "westus"})
        assert (moved.status_code, code(moved)) == (409, "InvalidResourceGroupLocation")
        patched = azure.arm("PATCH", "/resourceGroups/cycle", {"tags": {"c": "d"}})
        assert patched.json()["tags"] == {"c": "d"}
        gone = azure.arm("DELETE", "/resourceGroups/cycle")
        assert (gone.status_code, gone.content) == (202, b"")
        assert "azure-asyncoperation" not in gone.headers
        end = azure.done(gone)
        assert (end.status_code, end.content) == (200, b"")
        assert azure.arm("HEAD", "/resourceGroups/cycle").status_code == 404
        assert code(azure.arm("DELETE", "/resourceGroups/cycle")) == "ResourceGroupNotFound"

    def test_deleting_takes_everything_along(self, azure: LocalAzure) -> None:
        group = azure.group("full")
        network = f"{group}/providers/Microsoft.Network/virtualNetworks/net"
        subnets = [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}]
        body = {
            "location": "eastus",
            "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets},
        }
        azure.done(azure.arm("PUT", network, body))
        interface = {
            "location": "eastus",
            "properties": {
                "ipConfigurations": [
                    {"name": "c", "properties": {"subnet": {"id": f"{azure.subscription}{network}/subnets/s"}}}
                ]
            },
        }
        azure.done(azure.arm("PUT", f"{group}/providers/Microsoft.Network/networkInterfaces/nic", interface))
        listed = azure.arm("GET", f"{group}/resources").json()["value"]
        assert {entry["name"] for entry in listed} == {"net", "nic"}
        azure.done(azure.arm("DELETE", group))
        azure.group("full")
        assert azure.arm("GET", f"{group}/resources").json()["value"] == []

    def test_new_versions_sign_each_poll(self, azure: LocalAzure) -> None:
        azure.control("PUT", "/latency", {"name": "instant", "polls": 1})
        azure.group("signed")
        first = azure.arm("DELETE", "/resourceGroups/signed", api="2025-04-01").headers["location"]
        second = azure.arm("GET", first).headers["location"]
        assert len(first) > 2000
        assert first.split("&t=")[0] == second.split("&t=")[0]
        assert first != second
        assert azure.arm("GET", second).status_code == 200
        azure.control("PUT", "/latency", {"name": "fast"})

    def test_pages(self, azure: LocalAzure) -> None:
        for number in range(5):
            azure.group(f"page{number}")
        names, answer = [], azure.arm("GET", "/resourceGroups?api-version=2021-04-01&$top=2").json()
        while True:
            assert len(answer["value"]) <= 2
            names += [group["name"] for group in answer["value"]]
            if "nextLink" not in answer:
                break
            answer = azure.arm("GET", answer["nextLink"]).json()
        assert names == sorted(names)
        assert {f"page{number}" for number in range(5)} <= set(names)

    def test_filter_by_tag(self, azure: LocalAzure) -> None:
        azure.arm("PUT", "/resourceGroups/tagged", {"location": "eastus", "tags": {"Job": "demo"}})
        query = "/resourceGroups?api-version=2021-04-01&$filter=tagName eq 'job' and tagValue eq 'demo'"
        assert [group["name"] for group in azure.arm("GET", query).json()["value"]] == ["tagged"]

    @pytest.mark.parametrize("name", ["a.", "a b", "x" * 91, "a%2Fb"])
    def test_names(self, azure: LocalAzure, name: str) -> None:
        assert azure.arm("PUT", f"/resourceGroups/{name}", {"location": "eastus"}).status_code == 400


def test_subscription_and_locations(azure: LocalAzure) -> None:
    listed = azure.http.get("/subscriptions?api-version=2022-12-01").json()["value"]
    assert [entry["id"] for entry in listed] == [azure.subscription]
    assert azure.arm("GET", "").json()["tenantId"] == azure.secrets["tenant"]
    regions = {entry["name"]: entry["displayName"] for entry in azure.arm("GET", "/locations").json()["value"]}
    assert regions["eastus2"] == "East US 2"


def test_providers(azure: LocalAzure) -> None:
    path = "/providers/Microsoft.Compute"
    assert azure.arm("GET", path).json()["registrationState"] == "Registered"
    assert azure.arm("POST", f"{path}/unregister").json()["registrationState"] == "Unregistering"
    refused = azure.arm("PUT", f"{azure.group('unregistered')}{path}/disks/d", {"location": "eastus"})
    assert (refused.status_code, code(refused)) == (409, "MissingSubscriptionRegistration")
    azure.control("POST", "/clock", {"advance": 120})
    assert azure.arm("GET", path).json()["registrationState"] == "Unregistered"
    assert azure.arm("POST", f"{path}/register").json()["registrationState"] == "Registering"
    azure.control("POST", "/clock", {"advance": 120})
    assert azure.arm("GET", path).json()["registrationState"] == "Registered"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
_BODY = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("location", "properties", "tags", "sku", "kind", "zones"), _JSON)
    | {
        "properties": st.dictionaries(
            st.sampled_from(["addressSpace", "subnets", "ipConfigurations", "securityRules"]), _JSON
        )
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=_BODY,
    kind=st.sampled_from(
        [
            "Network/virtualNetworks",
            "Network/networkInterfaces",
            "Network/publicIPAddresses",
            "Network/networkSecurityGroups",
            "Storage/storageAccounts",
        ]
    ),
)
def test_no_body_breaks_the_server(azure: LocalAzure, body: dict[str, object], kind: str) -> None:
    path = f"/resourceGroups/any/providers/Microsoft.{kind}/name"
    azure.arm("PUT", "/resourceGroups/any", {"location": "eastus"})
    answer = azure.arm("PUT", path, {"location": "eastus"} | body)
    assert answer.status_code < 500, (body, answer.text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.binary(max_size=30), query=st.binary(max_size=30))
def test_no_path_breaks_the_server(azure: LocalAzure, path: bytes, query: bytes) -> None:
    def quote(raw: bytes) -> str:
        return "".join(f"%{byte:02X}" for byte in raw)

    url = f"{azure.url}{azure.subscription}/{quote(path)}?{quote(query)}&api-version=2021-04-01"
    assert azure.http.get(url).status_code < 500


def test_group_operation_names_are_opaque_base64(azure: LocalAzure) -> None:
    azure.group("opaque")
    location = azure.arm("DELETE", "/resourceGroups/opaque").headers["location"]
    name = location.split("/operationresults/")[1].split("?")[0]
    assert "jobId" in json.loads(base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)))


def test_each_poll_of_a_group_deletion_tells_another_url(azure: LocalAzure) -> None:
    azure.group("renewed")
    azure.control("PUT", "/latency", {"name": "realistic"})
    try:
        first = azure.arm("DELETE", "/resourceGroups/renewed").headers["location"]
        second = azure.http.get(first).headers["location"]
    finally:
        azure.control("PUT", "/latency", {"name": "fast"})
    assert first != second
    assert first.split("&t=")[0] == second.split("&t=")[0]
