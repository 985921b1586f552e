# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in pages: ``value`` and ``nextLink``."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from azure_emulator.core import json_text
from azure_emulator.core.context import Reply
from azure_emulator.core.errors import ArmError

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc

_TOKEN = "$skiptoken"  # noqa: S105 - the name of a query parameter


def paged(
    ctx: Context,
    *,
    type: str | None = None,  # noqa: A002 - as in Store.list
    parent: str | None = None,
    size: int = 100,
    show: Callable[[Doc], Any] | None = None,
    keep: Callable[[Doc], bool] | None = None,
) -> Reply:
    """Answer a list call of the path's subscription and group.

    :param size: resources read for a page [guessed: Azure does not say]; ``$top`` may make it smaller.
    :param show: what becomes of each document; ``keep``: which ones are shown (a page may then be shorter).
    """
    memory = ctx.store.memory
    if memory is None:
        return Reply(200, _page(ctx, type, parent, size, show, keep))
    # A whole page costs milliseconds: it is made and written down once for each state of the store, unless it tells of
    # the time. Besides these, only the store goes into a page.
    key = ("page", ctx.path, ctx.base_url, ctx.api_version, tuple(ctx.query.items()))
    text = memory.get(key)
    if text is None:
        asked = ctx.clock.asked
        text = json_text.compact(_page(ctx, type, parent, size, show, keep))
        if ctx.clock.asked == asked:
            memory.keep(key, text)
    return Reply(200, text, {"Content-Type": "application/json; charset=utf-8"})


def _page(
    ctx: Context,
    type: str | None,  # noqa: A002 - as above
    parent: str | None,
    size: int,
    show: Callable[[Doc], Any] | None,
    keep: Callable[[Doc], bool] | None,
) -> dict[str, Any]:
    limit = _top(ctx, size)
    found = ctx.store.list(
        type=type,
        subscription=ctx.subscription or None,
        group=ctx.ids.get("group"),
        parent=parent,
        after=_after(ctx),
        limit=limit + 1,
    )
    page = found[:limit]
    body: dict[str, Any] = {"value": [show(doc) if show else doc for doc in page if keep is None or keep(doc)]}
    if len(found) > limit:
        token = base64.urlsafe_b64encode(page[-1]["id"].lower().encode()).decode()
        query = {name: value for name, value in ctx.query.items() if name != _TOKEN} | {_TOKEN: token}
        body["nextLink"] = f"{ctx.base_url}{ctx.path}?{urlencode(query)}"
    return body


def _top(ctx: Context, size: int) -> int:
    text = ctx.query.get("$top", "")
    if not text:
        return size
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) == 0:
        raise ArmError(400, "InvalidParameter", f"The value '{text[:40]}' of parameter '$top' is invalid.", "$top")
    return min(size, int(text))


def _after(ctx: Context) -> str | None:
    token = ctx.query.get(_TOKEN)
    if not token:
        return None
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError:
        raise ArmError(400, "InvalidParameter", "The value of parameter '$skiptoken' is invalid.", _TOKEN) from None
