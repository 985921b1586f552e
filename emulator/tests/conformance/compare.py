# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an answer differs from the recorded one: status, operation headers, key set, provisioningState, error code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from conformance.recording import Exchange

_HEADERS = ("azure-asyncoperation", "location", "azure-asyncnotification")


def differences(recorded: Exchange, answer: httpx.Response, *, retry_after: bool) -> Iterator[str]:
    """Every difference in words; nothing when the answers agree."""
    if recorded.status != answer.status_code:
        yield f"status {answer.status_code}, recorded {recorded.status}: {answer.text[:300]}"
        return
    for name in (*_HEADERS, *(("retry-after",) if retry_after else ())):
        if (name in recorded.headers) != (name in answer.headers):
            yield f"header {name} {'missing' if name in recorded.headers else 'not recorded'}"
    ours = body_of(answer)
    theirs = "" if recorded.response is None else recorded.response
    if type(ours) is not type(theirs):
        yield f"body is {_kind(ours)}, recorded {_kind(theirs)}"
        return
    if state(ours) != state(theirs):
        yield f"state {state(ours)}, recorded {state(theirs)}"
    if code(ours) != code(theirs):
        yield f"error {code(ours)}, recorded {code(theirs)}"
    more, less = keys(ours) - keys(theirs), keys(theirs) - keys(ours)
    if more:
        yield f"additional {', '.join(sorted(more))}"
    if less:
        yield f"missing {', '.join(sorted(less))}"


def own(recorded: Exchange, groups: set[str]) -> Exchange:
    """The exchange without other people's resources, which lists of a whole subscription hold."""
    body = recorded.response
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        return recorded
    if "/resourcegroups/" in recorded.path.lower():
        return recorded
    members = [member for member in body["value"] if _group_of(member) in (None, *groups)]
    return replace(recorded, response={**body, "value": members})


def _group_of(member: Any) -> str | None:
    parts = str(member.get("id", "")).lower().split("/") if isinstance(member, dict) else []
    return parts[4] if len(parts) > 4 and parts[3] == "resourcegroups" else None


def body_of(answer: httpx.Response) -> Any:
    """The JSON value of an answer, ``""`` when it is empty, its text when it is not JSON."""
    if not answer.content:
        return ""
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def keys(value: Any, prefix: str = "") -> set[str]:
    """All paths of a body; the members of an array share theirs."""
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in ({f"{prefix}{key}"} | keys(inner, f"{prefix}{key}."))}
    if isinstance(value, list):
        return {path for inner in value for path in keys(inner, f"{prefix}[].")}
    return set()


def state(body: Any) -> Any:
    """An operation's status or a resource's provisioningState."""
    if not isinstance(body, dict):
        return None
    if "status" in body:
        return body["status"]
    properties = body.get("properties")
    return properties.get("provisioningState") if isinstance(properties, dict) else None


def code(body: Any) -> Any:
    """The code of an error, wherever the provider puts it."""
    if not isinstance(body, dict):
        return None
    error = body.get("error") or body.get("Error") or {}
    return (error.get("code") or error.get("Code")) if isinstance(error, dict) else None


def _kind(value: Any) -> str:
    if value == "":
        return "empty"
    return "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else "text"
