# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes in, to whatever route: an error of Azure's form, no 500, no trace in the log, and a server that lives.

``AZURE_EMULATOR_FUZZ=5000`` looks longer, ``AZURE_EMULATOR_FUZZ_SEED=n`` elsewhere.
"""

from __future__ import annotations

import copy
import json
import os
import random
import socket
from typing import TYPE_CHECKING, Any

import pytest
from every_route import ROUTES, furnish, path_of, version_of, vocabulary
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from azure_emulator.core.routing import Route
    from local_azure import LocalAzure

MANY = int(os.environ.get("AZURE_EMULATOR_FUZZ", "120"))
SEED = int(os.environ.get("AZURE_EMULATOR_FUZZ_SEED", "1"))
WORDS = vocabulary()
CHANGING = [route for route in ROUTES if route.method in ("PUT", "PATCH", "POST") and not route.anonymous]
SETTINGS = settings(max_examples=MANY, deadline=None, database=None, suppress_health_check=list(HealthCheck))

_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "/",
            "/subscriptions/x",
            "latest",
            "1.0.0",
            "eastus",
            "V2",
            "Empty",
            "FromImage",
            "\x00",
            "\U0001f600",
        ]
    ),
    st.sampled_from(["2026-01-01T00:00:00Z", "9999-99-99", "10.0.0.0/33", "::/0", "a" * 300, "-1", "1e400", "Ⅷ", "²"]),
)
_LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXT,
)
_NAME = st.one_of(st.sampled_from(WORDS), st.sampled_from(["id", "properties", "name"]), st.text(max_size=6))
VALUE = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAME, inner, max_size=4),
    max_leaves=12,
)
BODY = st.fixed_dictionaries(
    {"location": st.sampled_from(["eastus", "East US", 5, None, "nowhere"])},
    optional={
        "properties": st.dictionaries(_NAME, VALUE, max_size=6) | VALUE,
        "tags": VALUE,
        "sku": VALUE,
        "zones": VALUE,
        "identity": VALUE,
        "plan": VALUE,
    },
)
_SEGMENT = st.one_of(
    st.just("one"),
    st.text(min_size=1, max_size=12),
    st.sampled_from([".", "..", "%", "a b", "ä", "x" * 400, "*", "1.0.0", "latest"]),
)
_PARAMETERS = (
    "$expand",
    "$filter",
    "$top",
    "$skiptoken",
    "$orderby",
    "$select",
    "monitor",
    "forceDeletion",
    "skipShutdown",
)
QUERY = st.dictionaries(st.sampled_from(_PARAMETERS) | st.text(max_size=5), _TEXT, max_size=3)


@pytest.fixture(scope="module")
def furnished(azure: LocalAzure) -> Iterator[LocalAzure]:
    """A store in which requests find something; afterwards the log tells of no trace."""
    furnish(azure)
    yield azure
    log = (azure.data / "server.log").read_text()
    assert "Traceback" not in log, log[-3000:]


def check(azure: LocalAzure, answer: httpx.Response, about: object) -> None:
    """Azure's form of an answer."""
    assert answer.status_code < 500, (about, answer.text)
    if answer.status_code >= 400 and answer.content and "json" in answer.headers.get("content-type", ""):
        body = answer.json()
        error = body.get("error", body.get("Error", body))
        assert error, (about, body)
    if answer.headers.get("azure-asyncoperation"):
        # What was accepted must end well or badly, but not by a fault of the emulator.
        status = azure.arm("GET", answer.headers["azure-asyncoperation"])
        assert "InternalExecutionError" not in status.text, (about, status.text)


def call(
    azure: LocalAzure, route: Route, path: str, query: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    return azure.http.request(
        route.method, azure.url + path, params={"api-version": version_of(route)} | (query or {}), **more
    )


def test_random_bodies(furnished: LocalAzure) -> None:
    @SETTINGS
    @seed(SEED)
    @given(route=st.sampled_from(CHANGING), name=st.sampled_from(["one", "new"]), body=BODY)
    def run(route: Route, name: str, body: dict[str, Any]) -> None:
        path = path_of(route, furnished, name=name)
        data = json.dumps(body).encode(errors="replace")
        check(
            furnished,
            call(furnished, route, path, content=data, headers={"Content-Type": "application/json"}),
            (route, body),
        )

    run()


def test_real_bodies_with_one_wrong_member(furnished: LocalAzure) -> None:
    found = {}
    for route in CHANGING:
        answer = furnished.http.get(
            furnished.url + path_of(route, furnished), params={"api-version": version_of(route)}
        )
        if route.method == "PUT" and answer.status_code == 200:
            found[route.template] = (route, answer.json())
    places = [(name, place) for name, (_ignored, body) in found.items() for place in members(body)]
    assert len(places) > 100

    @SETTINGS
    @seed(SEED)
    @given(where=st.sampled_from(places), value=VALUE, name=st.sampled_from(["one", "other"]))
    def run(where: tuple[str, tuple[Any, ...]], value: Any, name: str) -> None:
        route, body = found[where[0]]
        content = json.dumps(changed(body, where[1], value)).encode(errors="replace")
        path = path_of(route, furnished, name=name)
        answer = call(furnished, route, path, content=content, headers={"Content-Type": "application/json"})
        check(furnished, answer, (where, value))

    run()


def members(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the members of a body are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(*at, key), *members(inner, (*at, key))]]


def changed(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(body)
    inner = result
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return result


def test_names_versions_queries_and_headers(furnished: LocalAzure) -> None:
    from urllib.parse import quote

    names = (
        "name",
        "group",
        "location",
        "subscription",
        "operation",
        "gallery",
        "definition",
        "version",
        "namespace",
        "tenant",
    )
    odd_headers = st.dictionaries(
        st.sampled_from(
            [
                "If-Match",
                "If-None-Match",
                "Accept",
                "Accept-Language",
                "x-ms-client-request-id",
                "Host",
                "Range",
                "x-ms-correlation-request-id",
                "Metadata",
                "Content-Type",
                "x-ms-return-client-request-id",
            ]
        ),
        st.binary(max_size=12).map(lambda raw: bytes(b for b in raw if b > 31 and b != 127).strip()),
        max_size=3,
    )

    @SETTINGS
    @seed(SEED)
    @given(
        route=st.sampled_from(ROUTES),
        values=st.dictionaries(st.sampled_from(names), _SEGMENT, max_size=2),
        query=QUERY,
        version=st.none() | _TEXT | st.sampled_from(["2024-07-01", "2014-01-01", "2099-01-01-preview", "2024-02-31"]),
        headers=odd_headers,
    )
    def run(
        route: Route, values: dict[str, str], query: dict[str, str], version: str | None, headers: dict[str, bytes]
    ) -> None:
        quoted = {name: quote(value, safe="", errors="replace") for name, value in values.items()}
        path = path_of(route, furnished, **quoted)
        query = {name: value.encode(errors="replace").decode() for name, value in query.items()}
        if version is not None:
            query["api-version"] = version.encode(errors="replace").decode()
        pairs = [(name.encode(), value) for name, value in headers.items()]
        given_ = call(furnished, route, path, query, content=b"{}" if route.method != "GET" else None, headers=pairs)
        check(furnished, given_, (route.method, path, query, headers))

    run()


_RAW = [
    b"",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"\x00",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"properties":' * 900 + b"1" + b"}" * 900,
    b'{"a":1e999}',
    b'{"a":NaN}',
    b'{"properties":{"a":' + b"9" * 5000 + b"}}",
    b'{"a":"\\ud800"}',
    b'{"a":"\xff"}',
    b'{"a":1,"a":2}',
    b'{"location":"\xc3\x28"}',
    b'{"location":"eastus","tags":{"' + b"k" * 100_000 + b'":"v"}}',
    b"grant_type=client_credentials&client_id=%FF%FE&client_secret=%00",
    b"&" * 5000,
    b"a=" + b"b" * (5 << 20),
]


@pytest.mark.parametrize("raw", _RAW, ids=range(len(_RAW)))
def test_bodies_that_are_no_json(furnished: LocalAzure, raw: bytes) -> None:
    chance = random.Random(f"{SEED}{len(raw)}")
    for route in chance.sample([route for route in ROUTES if route.method in ("PUT", "PATCH", "POST")], 8):
        for kind in ("application/json", "application/x-www-form-urlencoded", "application/json; charset=utf-16"):
            answer = call(furnished, route, path_of(route, furnished), content=raw, headers={"Content-Type": kind})
            check(furnished, answer, (route, raw[:80]))


_FRAMES = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nNo colon\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc",
    b"PUT /subscriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nshort",
    b"GET http://[::1/ HTTP/1.1\r\nHost: [::1\r\n\r\n",
    b"GET //subscriptions//%2e%2e HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"CONNECT management.azure.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"GET /subscriptions HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@pytest.mark.parametrize("frame", _FRAMES, ids=range(len(_FRAMES)))
@pytest.mark.parametrize("tls", [True, False])
def test_frames_that_are_no_http(furnished: LocalAzure, frame: bytes, *, tls: bool) -> None:
    import ssl

    port = int(furnished.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        context = ssl.create_default_context(cafile=str(furnished.data / "tls" / "ca.pem"))
        wire = context.wrap_socket(plain, server_hostname="localhost") if tls else plain
        answer = b""
        try:
            wire.sendall(frame)
            wire.settimeout(0.1)
            answer = wire.recv(65536)
        except OSError:
            pass
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert furnished.arm("GET", "/resourceGroups").status_code == 200
