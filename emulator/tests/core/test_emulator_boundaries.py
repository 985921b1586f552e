# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever breaks in a handler, an effect or its work: its client is told so, nothing of it stays, the server goes on."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure_emulator.control import api
from azure_emulator.core import hooks, polling
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.dispatch import Dispatcher
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, Router
from azure_emulator.core.tokens import Principal

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from azure_emulator.core.app import Emulator
    from starlette.types import ASGIApp

#: What the faults say; it belongs into the log and nowhere else.
SECRET = "what nobody may read"
THING = "/resourceGroups/g/providers/Microsoft.Compute/things/t"
CODE = "InternalServerError"
EXECUTION = "InternalExecutionError"


def _break_work(_data_dir: Path, _args: dict[str, Any]) -> None:
    raise OSError(SECRET)


@effect("boundary.effect")
def _break_effect(scope: Scope, _args: dict[str, Any]) -> None:
    scope.store.kv_put("boundary", "effect", 1)
    raise KeyError(SECRET)


@effect("boundary.work", work=_break_work)
def _after_work(scope: Scope, _args: dict[str, Any]) -> None:
    scope.store.kv_put("boundary", "effect", 1)


@effect("boundary.none")
def _nothing(_scope: Scope, _args: dict[str, Any]) -> None:
    """Succeeds."""


def _start(ctx: Context, name: str) -> Reply:
    thing = f"/subscriptions/{ctx.subscription}{THING}"
    return Reply(202, None, ctx.operations.start("compute", "eastus", f"boundary.{name}", {}, thing).headers())


def _put(ctx: Context) -> Reply:
    how = ctx.ids["how"]
    if how in ("effect", "work", "none"):
        return _start(ctx, how)
    ctx.store.kv_put("boundary", "handler", 1)
    _start(ctx, "work")
    if how == "answer":
        return Reply(200, {SECRET: object()})
    raise LookupError(SECRET)


def _get(ctx: Context) -> Reply:
    if ctx.ids["how"] == "handler":
        raise LookupError(SECRET)
    return Reply(
        200, {"handler": ctx.store.kv_get("boundary", "handler"), "effect": ctx.store.kv_get("boundary", "effect")}
    )


_ROOT = "/subscriptions/{subscription}/providers/Microsoft.Compute"
ROUTES = [
    Route("PUT", f"{_ROOT}/breakers/{{how}}", _put),
    Route("GET", f"{_ROOT}/breakers/{{how}}", _get),
    Route("GET", f"{_ROOT}/waiters/{{how}}", _get, waits=True),
]


class Client:
    """Calls the application as a server does."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.app = Dispatcher(emulator, Router([*polling.ROUTES, *ROUTES]))
        account = emulator.credentials.contributor
        caller = Principal(account.client_id, account.object_id, account.role, emulator.credentials.tenant)
        self.token = f"Bearer {emulator.tokens.issue(caller, 'https://management.azure.com/')}"
        self.thing = f"/subscriptions/{emulator.credentials.subscription}{THING}"
        with emulator.writing() as scope:
            doc = {"id": self.thing, "name": "t", "properties": {"provisioningState": "Updating"}}
            scope.store.put(self.thing, doc)

    @property
    def root(self) -> str:
        return f"/subscriptions/{self.emulator.credentials.subscription}/providers/Microsoft.Compute"

    def call(self, method: str, path: str) -> httpx.Response:
        """One request; an exception that leaves the application is the test's."""
        url = path if path.startswith("https:") else f"{self.root}{path}?api-version=2024-07-01"
        return self._ask(self.app, method, url, self.token, None if method == "GET" else {})

    def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The same of the control API."""
        token = f"Bearer {self.emulator.credentials.control_token}"
        return self._ask(api.Control(self.emulator), method, f"{api.PREFIX}{path}", token, body)

    def _ask(self, app: ASGIApp, method: str, url: str, token: str, body: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url=self.emulator.url) as client:
                return await client.request(method, url, json=body, headers={"Authorization": token})

        return asyncio.run(ask())

    def served(self) -> bool:
        """Whether the next requests, a write with its operation and a read, are answered, and nothing stayed."""
        begun = self.call("PUT", "/breakers/none")
        ended = self.call("GET", begun.headers["azure-asyncoperation"]).json()["status"]
        found = self.call("GET", "/breakers/fine").json()
        return (begun.status_code, ended, found) == (202, "Succeeded", {"handler": None, "effect": None})

    def state(self) -> str:
        """The resource's own."""
        with self.emulator.reading() as scope:
            doc = scope.store.get(self.thing)
        assert doc is not None
        return str(doc["properties"]["provisioningState"])


@pytest.fixture
def client(emulator: Emulator) -> Client:
    return Client(emulator)


def _told(answer: httpx.Response) -> str:
    """All that the client sees."""
    return f"{answer.text} {answer.headers}"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/breakers/handler"), ("GET", "/breakers/handler"), ("GET", "/waiters/handler")]
)
def test_a_broken_handler(client: Client, caplog: pytest.LogCaptureFixture, method: str, path: str) -> None:
    answer = client.call(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, CODE)
    assert "x-ms-request-id" in answer.headers
    assert SECRET not in _told(answer)
    assert "Traceback" not in _told(answer)
    assert f"{method} {client.root}{path}" in caplog.text
    assert f"LookupError: {SECRET}" in caplog.text
    with client.emulator.reading() as scope:
        assert scope.operations.running(client.thing) is None
    assert client.served()


def test_an_answer_that_cannot_be_written_down(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.call("PUT", "/breakers/answer")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, CODE)
    assert SECRET not in _told(answer)
    assert "not JSON serializable" in caplog.text
    with client.emulator.reading() as scope:
        assert scope.operations.running(client.thing) is None
    assert client.served()


@pytest.mark.parametrize(
    ("how", "where", "what"),
    [
        ("effect", "effect boundary.effect of operation", "KeyError"),
        ("work", "background work of operation", "OSError"),
    ],
)
def test_a_broken_operation(client: Client, caplog: pytest.LogCaptureFixture, how: str, where: str, what: str) -> None:
    begun = client.call("PUT", f"/breakers/{how}")
    assert begun.status_code == 202
    poll = _polled(client, begun.headers["azure-asyncoperation"])
    assert (poll.status_code, poll.json()["status"], poll.json()["error"]["code"]) == (200, "Failed", EXECUTION)
    assert SECRET not in _told(poll)
    assert "Traceback" not in _told(poll)
    assert where in caplog.text
    assert what in caplog.text
    assert SECRET in caplog.text
    assert client.state() == "Failed"
    assert client.served()


def test_a_broken_control_call(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(scope: Scope, _event: dict[str, Any]) -> bool:
        scope.store.kv_put("boundary", "handler", 1)
        raise LookupError(SECRET)

    monkeypatch.setattr(hooks, "guest_event", [breaks])
    answer = client.control("POST", "/guest", {"vm": client.thing, "event": "shutdown"})
    assert (answer.status_code, answer.json()) == (500, {"error": "LookupError; see the server's log"})
    assert f"control call POST {api.PREFIX}/guest" in caplog.text
    assert f"LookupError: {SECRET}" in caplog.text
    assert client.control("GET", "/status").status_code == 200
    assert client.served()


def test_a_client_that_leaves_is_no_fault(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """One that goes before it has sent its body gets no answer, and nothing is logged as broken."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    path = f"{client.root}/breakers/none"
    headers = {"authorization": client.token, "content-length": "5", "host": "localhost:1"}
    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"api-version=2024-07-01",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(client.app(scope, receive, send))
    assert sent == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert client.served()


def _polled(client: Client, url: str) -> httpx.Response:
    """The last poll of an operation whose work is done by another thread."""
    for _ignored in range(1000):
        poll = client.call("GET", url)
        if poll.json()["status"] != "InProgress":
            return poll
    raise AssertionError("the operation does not end")
