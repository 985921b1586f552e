# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an HTTP request to a handler and back, with everything that is the same for all of ARM."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from azure_emulator.core import internal, json_text
from azure_emulator.core.admission import admit
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError, ThrottledError, invalid_content
from azure_emulator.core.loose_json import strict
from azure_emulator.core.routing import Route, Router, check_api_version
from azure_emulator.core.store import SettlingNeeded, WriteNeeded, public
from azure_emulator.core.throttling import region_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Send
    from starlette.types import Scope as AsgiScope

    from azure_emulator.core.app import Emulator
    from azure_emulator.core.tokens import Principal

_log = logging.getLogger(__name__)
_MAX_BODY = 4 * 1024 * 1024
_PUBLIC_HOSTS = ("management.azure.com", "login.microsoftonline.com", "login.windows.net", "login.microsoft.com")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")


@dataclass(slots=True)
class Incoming:
    """A request that has been read but not yet understood."""

    method: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    base_url: str
    body: bytes
    #: The provider that the front end has let it through to: what is refused from here on is refused by that one.
    provider: str = ""


@dataclass(frozen=True, slots=True)
class _Match:
    """A route, or why there is none: that is told only to callers with a token, as ARM does."""

    route: Route | None
    values: Mapping[str, str]
    failure: ArmError | None

    def found(self) -> Route:
        if self.route is None:
            raise self.failure or ArmError(404, "NotFound", "Not found.")
        return self.route


class Dispatcher:
    """The ASGI application for all routes. Puts ``write`` (see `Route.writes`) into the ASGI scope for the log."""

    def __init__(self, emulator: Emulator, router: Router) -> None:
        self._emulator = emulator
        self._router = router
        self._settling: asyncio.Future[None] | None = None
        internal.bind(router)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        # Of a header that comes twice the last one counts.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        incoming = Incoming(
            method=scope["method"],
            raw_path=scope.get("raw_path", b"").decode("latin-1"),
            query={},
            headers=headers,
            base_url=_base_url(headers.get("host", ""), self._emulator.url),
            body=b"",
        )
        try:
            reply, arm = await self._answer(scope, incoming, receive)
        except ClientDisconnect:
            return
        await _send(reply, incoming, send, arm=arm)

    async def _answer(self, scope: AsgiScope, incoming: Incoming, receive: Receive) -> tuple[Reply, bool]:
        """The answer, written down, and whether it is one of ARM.

        :raises ClientDisconnect: when the client has gone before it had sent its body.
        """
        arm, left = True, {}
        try:
            incoming.query = _query(scope["query_string"])
            match = self._match(incoming)
            arm = not match.route or not match.route.anonymous
            scope["azure_emulator.write"] = bool(match.route and match.route.writes)
            principal = self._emulator.tokens.authenticate(incoming.headers, incoming.base_url) if arm else None
            route = match.found()
            left = self._throttle(route, match.values, incoming, principal) if principal else {}
            if "content-length" in incoming.headers or "transfer-encoding" in incoming.headers:
                incoming.body = await _body(Request(scope, receive))
            reply = await self._run(route, match.values, incoming, principal)
            reply.headers = {**left, **reply.headers}
        except ArmError as error:
            headers = {**_refusal(error, incoming, left), **error.headers}
            reply = _written(Reply(error.status, error.body(), headers), incoming)
        except ClientDisconnect:
            raise
        except Exception:
            # Whatever is broken in a handler, its client gets Azure's own form of that and all others go on being
            # served; what the handler wrote is undone. The trace is for us: it goes into the server's log only, and a trace
            # there fails the tests, so that nothing broken is hidden by this.
            _log.exception("%s %s", incoming.method, incoming.raw_path)
            broken = ArmError(500, "InternalServerError", "Encountered internal server error.")
            reply = _written(Reply(500, broken.body()), incoming)
        return reply, arm

    def route_name(self, method: str, raw_path: str) -> str:
        """The action name of a request's route, empty when there is none."""
        try:
            route, values = self._router.match(method, raw_path)
        except ArmError:
            return ""
        return route.action(values)

    def _match(self, incoming: Incoming) -> _Match:
        try:
            route, values = self._router.match(incoming.method, incoming.raw_path)
        except ArmError as error:
            return _Match(None, {}, error)
        return _Match(route, values, None)

    def _throttle(
        self, route: Route, values: Mapping[str, str], incoming: Incoming, principal: Principal
    ) -> dict[str, str]:
        """Headers that tell what is left of the limits; 429 when nothing is."""
        steering, region = self._emulator.steering, ""
        if steering.throttle.refuses:
            with self._emulator.database.reading() as store:
                region = region_of(store, values, incoming.raw_path)
        now = steering.clock.now()
        return steering.throttle.take(route, values, principal, region, now, steering.clock.iso(now))

    async def _run(
        self, route: Route, values: Mapping[str, str], incoming: Incoming, principal: Principal | None
    ) -> Reply:
        version = check_api_version(route, incoming.query, values)
        # Reading with POST (listKeys) is an action, too, and the role of a reader has none.
        if principal is not None and principal.role == "Reader" and route.method not in ("GET", "HEAD"):
            raise _forbidden(principal, route, values, incoming)
        body = {} if route.anonymous else _json_object(incoming, loose=route.loose)
        emulator = self._emulator

        def call(scope: Scope) -> Reply:
            scope.operations.api_version = version
            scope.operations.method = incoming.method
            context = Context(
                scope.store,
                scope.operations,
                scope.clock,
                scope.data_dir,
                scope.base_url,
                method=incoming.method,
                path=incoming.raw_path,
                ids=values,
                query=incoming.query,
                headers=incoming.headers,
                body=body,
                api_version=version,
                subscription=values.get("subscription", ""),
                principal=principal,
                raw_body=incoming.body,
            )
            admit(context, route)
            incoming.provider = route.template.partition("/providers/")[2].partition("/")[0].lower()
            # Written down here: an answer that cannot be is a fault of the handler's, and undone like any other.
            return _written(route.handler(context), incoming)

        write = route.writes
        if not write and not route.waits:
            try:
                return await self._read(call, incoming.base_url)
            except WriteNeeded:
                write = True
        pool = emulator.writers if write else emulator.readers
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: emulator.run(call, write=write, base_url=incoming.base_url))

    async def _read(self, call: Callable[[Scope], Reply], base_url: str) -> Reply:
        """Read here and now: SQLite answers in microseconds and waits for no writer; another thread would cost more."""
        try:
            return self._emulator.read(call, base_url)
        except SettlingNeeded:
            # Once for all who ask at this moment.
            if self._settling is None or self._settling.done():
                loop = asyncio.get_running_loop()
                self._settling = loop.run_in_executor(self._emulator.writers, self._emulator.settle)
        await asyncio.shield(self._settling)
        return self._emulator.read(call, base_url)


def _base_url(host: str, default: str) -> str:
    """How the client calls us: operation URLs must lead through the same name (and proxy)."""
    name, _ignored, port = host.rpartition(":") if host.rpartition(":")[2].isdigit() else (host, "", "")
    if name.lower() in _PUBLIC_HOSTS or (name.lower() in _LOCAL_HOSTS and port):
        return f"https://{host}"
    return default


def _query(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise ArmError(400, "InvalidRequestUri", "The request URI's query cannot be read.") from None
    return {name.lower(): value for name, value in pairs}


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MAX_BODY:
            raise ArmError(
                413,
                "RequestContentTooLarge",
                f"The request content size exceeds the maximum size of '{_MAX_BODY}' bytes.",
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _json_object(incoming: Incoming, *, loose: bool) -> dict[str, Any]:
    if not incoming.body.strip():
        if incoming.method in ("PUT", "PATCH"):
            raise invalid_content("The request body is required but was empty")
        return {}
    kind = incoming.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in ("application/json", "text/json", ""):
        raise ArmError(
            415,
            "UnsupportedMediaType",
            f"The content media type '{kind[:80]}' is not supported. Only 'application/json' is supported.",
        )
    try:
        value = _json_value(incoming.body, loose)
        # What cannot be written back (lone surrogates, endless nesting, 1e999) must not reach the store.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid_content(f"{type(error).__name__} while reading JSON") from None
    if not isinstance(value, dict):
        raise invalid_content("The request body must be a JSON object")
    return value


def _json_value(body: bytes, loose: bool) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except ValueError:
        if not loose:
            raise
    return json.loads(strict(body.decode()), parse_constant=_refuse_constant, strict=False)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _forbidden(principal: Principal, route: Route, values: Mapping[str, str], incoming: Incoming) -> ArmError:
    # What an action is done to is the path without its last part.
    scope = incoming.raw_path.rstrip("/")
    if not route.template.endswith("}"):
        scope = scope.rpartition("/")[0]
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{principal.client_id}' with object id '{principal.object_id}' does not have authorization to perform "
        f"action '{route.action(values)}' over scope '{scope}' or the scope is invalid. If access was recently "
        "granted, please refresh your credentials.",
    )


def _refusal(error: ArmError, incoming: Incoming, left: dict[str, str]) -> dict[str, str]:
    """The headers of a refusal: a provider's tells what is left of the limits, the front end's who it was [recorded]."""
    if isinstance(error, ThrottledError) or _GATEWAY in error.headers:
        return {}
    return left if incoming.provider.startswith("microsoft.") else {_GATEWAY: "gateway"}


def _written(reply: Reply, incoming: Incoming) -> Reply:
    """The same answer with its body as bytes."""
    body, headers = reply.body, dict(reply.headers)
    if body is None or incoming.method == "HEAD" or reply.status == 204:
        content = b""
    elif isinstance(body, (str, bytes)):
        content = body.encode() if isinstance(body, str) else body
    else:
        content = _json(public(body) if isinstance(body, dict) else body, headers, incoming.provider)
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
    return Reply(reply.status, content, headers)


async def _send(reply: Reply, incoming: Incoming, send: Send, *, arm: bool) -> None:
    # Asked only whether a resource exists, ARM answers 204 [documented].
    exists = arm and incoming.method == "HEAD" and reply.status == 200
    status = 204 if exists else reply.status
    shown = {name.lower(): value for name, value in reply.headers.items()}
    if arm:
        shown = {**_ARM_HEADERS, **_request_headers(incoming), **shown}
    if status != 204:
        shown = {"content-length": str(len(reply.body)), **shown}
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in shown.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.body})


def _json(body: Any, headers: dict[str, str], provider: str) -> bytes:
    """Compute indents what it writes itself, with CRLF; lists and the front end's errors are compact [recorded]."""
    if provider != "microsoft.compute" or _GATEWAY in headers or isinstance(body, list) or "value" in body:
        return json_text.compact(body)
    return json_text.indented(body)


_GATEWAY = "x-ms-failure-cause"
_ARM_HEADERS = {
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "-1",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-cache": "CONFIG_NOCACHE",
}


def _request_headers(incoming: Incoming) -> dict[str, str]:
    request_id = str(uuid.uuid4())
    client_id = incoming.headers.get("x-ms-correlation-request-id", "")
    correlation = client_id if len(client_id) == 36 and client_id.replace("-", "").isalnum() else request_id
    now = time.gmtime()
    stamp, edge = time.strftime("%Y%m%dT%H%M%SZ", now), time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    headers = {
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"LOCAL:{stamp}:{request_id}",
        "x-msedge-ref": f"Ref A: {request_id.replace('-', '').upper()} Ref B: LOCAL Ref C: {edge}",
    }
    if incoming.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        headers["x-ms-client-request-id"] = incoming.headers.get("x-ms-client-request-id", "")
    return headers
