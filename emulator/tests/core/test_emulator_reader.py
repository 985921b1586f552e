# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every route asks who calls: strangers get 401, and a reader 403 for whatever is not reading."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from every_route import GUARDED, path_of, version_of
from local_azure import LocalAzure, code

if TYPE_CHECKING:
    from azure_emulator.core.routing import Route

ACTIONS = {name: route for name, route in GUARDED.items() if route.method not in ("GET", "HEAD")}


@pytest.fixture(scope="module")
def reader(azure: LocalAzure) -> str:
    return f"Bearer {azure.token('reader')}"


@pytest.mark.parametrize("route", ACTIONS.values(), ids=ACTIONS)
def test_a_reader_may_do_nothing_but_read(azure: LocalAzure, reader: str, route: Route) -> None:
    url = f"{azure.url}{path_of(route, azure)}?api-version={version_of(route)}"
    answer = azure.http.request(route.method, url, json={}, headers={"Authorization": reader})
    assert (answer.status_code, code(answer)) == (403, "AuthorizationFailed")
    action = route.action({"namespace": "Microsoft.Compute"})
    message = answer.json()["error"]["message"]
    assert f"does not have authorization to perform action '{action}' over scope '/" in message
    assert azure.secrets["reader"]["object_id"] in message
    assert action.rpartition("/")[2] in ("write", "delete", "action")


@pytest.mark.parametrize("route", GUARDED.values(), ids=GUARDED)
def test_no_route_serves_strangers(azure: LocalAzure, route: Route) -> None:
    url = f"{azure.url}{path_of(route, azure)}?api-version={version_of(route)}"
    answer = azure.http.request(route.method, url, headers={"Authorization": "Bearer e30.e30.e30"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith(f'Bearer authorization_uri="{azure.url}/')
    if route.method != "HEAD":
        assert code(answer) == "InvalidAuthenticationToken"


@pytest.mark.parametrize("name", ["listKeys", "beginGetAccess", "runCommand", "generalize"])
def test_actions_that_give_secrets_or_change_are_among_them(name: str) -> None:
    assert any(route.template.lower().endswith(f"/{name.lower()}") for route in ACTIONS.values())


@pytest.mark.parametrize(
    ("claims", "wanted"),
    [
        ({"tid": 5}, "InvalidAuthenticationTokenTenant"),
        ({"tid": None}, "InvalidAuthenticationTokenTenant"),
        ({"aud": ["https://management.azure.com"]}, "InvalidAuthenticationTokenAudience"),
        ({"aud": {"a": 1}}, "InvalidAuthenticationTokenAudience"),
        ({"appid": "00000000-0000-0000-0000-000000000001"}, "InvalidAuthenticationToken"),
        ({"appid": 7}, "InvalidAuthenticationToken"),
        ({"exp": "soon"}, "InvalidAuthenticationToken"),
        ({"exp": None}, "InvalidAuthenticationToken"),
        ({"exp": 1}, "ExpiredAuthenticationToken"),
        ({"exp": -(10**30)}, "ExpiredAuthenticationToken"),
        ({"nbf": int(time.time()) + 900}, "InvalidAuthenticationToken"),
        ({"iat": "x"}, "InvalidAuthenticationToken"),
    ],
)
def test_odd_claims(azure: LocalAzure, claims: dict[str, Any], wanted: str) -> None:
    key = (azure.data / "tls" / "tokens.key").read_text()
    changed = jwt.decode(azure.token(), options={"verify_signature": False}) | claims
    changed = {name: value for name, value in changed.items() if value is not None}
    answer = azure.arm("GET", "/resourceGroups", Authorization=f"Bearer {encoded(changed, key)}")
    assert (answer.status_code, code(answer)) == (401, wanted)


def encoded(claims: dict[str, Any], key: str) -> str:
    """A token with claims that a careful library would refuse to write."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm="RS256")


@pytest.mark.parametrize(
    "header", ["Bearer", "bearer,", "bearer a.b", "Bearer a b c", "Negotiate x", "\xe9", "Bearer \xff"]
)
def test_odd_headers(azure: LocalAzure, header: str) -> None:
    url = f"{azure.subscription}/resourceGroups?api-version=2021-04-01"
    answer = azure.http.get(url, headers=[(b"Authorization", header.encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.json()["error"]["code"].startswith(("AuthenticationFailed", "InvalidAuthenticationToken"))


@pytest.mark.parametrize("path", ["/oauth2/v2.0/token", "/oauth2/token"])
def test_both_grants_check_the_tenant(azure: LocalAzure, path: str) -> None:
    form = azure.login() | {"resource": "https://management.azure.com/"}
    other = azure.http.post(f"/00000000-0000-0000-0000-00000000000a{path}", data=form)
    assert (other.status_code, other.json()["error_codes"]) == (400, [90002])
    token = azure.http.post(f"/{azure.secrets['tenant']}{path}", data=form).json()["access_token"]
    assert azure.arm("GET", "/resourceGroups", Authorization=f"Bearer {token}").status_code == 200
    wrong = form | {"scope": "https://vault.azure.net/.default", "resource": "https://vault.azure.net"}
    token = azure.http.post(f"/{azure.secrets['tenant']}{path}", data=wrong).json()["access_token"]
    refused = azure.arm("GET", "/resourceGroups", Authorization=f"Bearer {token}")
    assert (refused.status_code, code(refused)) == (401, "InvalidAuthenticationTokenAudience")
