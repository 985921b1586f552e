# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of a request that a recording has lost: what the answer to it, or the next one about the resource, shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.recording import Exchange, Scenario

# What services add by themselves, wherever it stands.
_READ_ONLY = frozenset(("etag", "provisioningState", "vmId", "resourceGuid", "uniqueId", "timeCreated", "exactVersion"))
_TOP_ONLY = frozenset(("id", "name", "type"))
_LOGIN = {"adminPassword": "REDACTED"}


def request(exchange: Exchange, scenario: Scenario) -> Any:
    """A body that asks for what was answered; ``{}`` when nothing of it is recorded."""
    shown = exchange.response if isinstance(exchange.response, dict) else None
    if shown is None:
        later = [e for e in scenario.exchanges if e.number > exchange.number and e.path == exchange.path]
        shown = next((e.response for e in later if isinstance(e.response, dict)), {})
    body = _without({key: value for key, value in shown.items() if key not in _TOP_ONLY})
    properties = body.get("properties")
    if isinstance(properties, dict) and isinstance(properties.get("osProfile"), dict):
        properties["osProfile"] |= _LOGIN
    return body


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in _READ_ONLY}
    return [_without(item) for item in value] if isinstance(value, list) else value
