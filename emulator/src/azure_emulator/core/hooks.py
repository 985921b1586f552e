# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where services take part in events that the core does not understand. Append functions at import time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.app import Emulator
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.routing import Route

#: Run inside the writing transaction of a reset, after the tables were emptied; remove files here.
reset: list[Callable[[Scope], None]] = []

#: ``{"vm": resource id, "event": "shutdown", …}`` in a writing transaction; returns whether it took the event.
guest_event: list[Callable[[Scope, dict[str, Any]], bool]] = []

#: ``{"location", "size", "zones"}`` of the control API in a writing transaction: what is to be had no more (``available``
#: true: again). Raises `SettingError` for what is not known.
restrict: list[Callable[[Scope, dict[str, Any]], None]] = []

#: Run once when the server has been built, before it answers, and when it ends.
start: list[Callable[[Emulator], None]] = []
stop: list[Callable[[Emulator], None]] = []

#: After each committed writing request or settled operation, outside any transaction; must be quick.
committed: list[Callable[[Emulator], None]] = []

#: Run before each handler, in its transaction; an `ArmError` refuses the request.
before: list[Callable[[Context, Route], None]] = []

#: Run with the id of a resource group that has gone, in the transaction that removed it.
group_gone: list[Callable[[Scope, str], None]] = []

#: There is a new plan of faults (as JSON, ``{}`` for none); for whoever serves requests in another process.
planned: list[Callable[[Emulator, dict[str, Any]], None]] = []

#: A seed has copied a document, in a writing transaction; give the copy what it must not share (bytes).
copied: list[Callable[[Scope, dict[str, Any]], None]] = []

#: Deletion of a resource by the cascade of its group: type in lower case -> function in a writing transaction.
#: A type without an entry is simply forgotten. An `ArmError` says that something else must go first; the cascade
#: then tries again, and fails with ``ResourceGroupDeletionBlocked`` when nothing more can go.
cascade: dict[str, Callable[[Scope, dict[str, Any]], None]] = {}

#: What a provider says about all resources of a type (lower case) before a template with them is deployed: gets their
#: bodies, as far as they are known by then, each with its ``id``. An `ArmError` refuses the deployment.
preflight: dict[str, Callable[[Context, list[dict[str, Any]]], None]] = {}
