# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a handler gets and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from azure_emulator.core.clock import Clock
    from azure_emulator.core.operations import Operations
    from azure_emulator.core.store import Store
    from azure_emulator.core.tokens import Principal


@dataclass(slots=True)
class Scope:
    """One transaction: what effects and hooks get."""

    store: Store
    operations: Operations
    clock: Clock
    data_dir: Path
    #: ``https://localhost:PORT`` as the client wrote it, without a slash at the end.
    base_url: str


@dataclass(slots=True)
class Context(Scope):
    """One request.

    ``ids`` are the placeholders of the route's template, decoded, in the client's spelling. ``query`` and ``headers``
    have lower-case names (the value is as written). ``body`` is ``{}`` when the request had none.
    """

    method: str
    path: str
    ids: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: dict[str, Any]
    api_version: str
    subscription: str
    principal: Principal | None
    #: The undecoded body, for routes that do not speak JSON (tokens).
    raw_body: bytes = b""


@dataclass(slots=True)
class Reply:
    """An answer. ``body``: JSON value, text, or ``None`` for an empty one. Keys ``_…`` of a top-level object are dropped."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
