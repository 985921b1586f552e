# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does to a request of the ASGI server what a planned fault says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from azure_emulator.core.faults import Fault, error_of

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from starlette.types import ASGIApp, Receive, Scope, Send

_PIECES = 20


class TornError(Exception):
    """The connection is to be torn: the client gets no answer."""


async def strike(fault: Fault, target: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Handle a request with a fault.

    :raises TornError: when the connection is to be torn.
    """
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.after:
        await target(scope, receive, _nowhere)
    if fault.timeout:
        await _hold(fault.timeout, receive)
    if fault.tears:
        raise TornError
    if fault.status:
        await _response(fault)(scope, receive, send)
    else:
        await target(scope, receive, _slowly(fault.slow, send) if fault.slow else send)


async def _nowhere(_message: MutableMapping[str, Any]) -> None:
    """The answer is lost."""


async def _hold(seconds: float, receive: Receive) -> None:
    """Wait, but not for a client that has gone away."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return


def _slowly(seconds: float, send: Send) -> Send:
    """Sends bodies in pieces, the whole spread over some seconds."""

    async def dribble(message: MutableMapping[str, Any]) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or not body:
            await send(message)
            return
        step = -(-len(body) // _PIECES)
        for at in range(0, len(body), step):
            await asyncio.sleep(seconds * step / len(body))
            last = at + step >= len(body) and not message.get("more_body", False)
            await send({"type": "http.response.body", "body": body[at : at + step], "more_body": not last})

    return dribble


def _response(fault: Fault) -> Response:
    code, message = error_of(fault)
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    body = json.dumps({"error": {"code": code, "message": message}})
    return Response(body, fault.status, headers, "application/json")
