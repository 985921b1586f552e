# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that are malformed at random, and what must hold for their answers."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from azure_process import LocalAzure

MANY = int(os.environ.get("AZURE_EMULATOR_FUZZ", "150"))
SETTINGS = settings(max_examples=MANY, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
NONSENSE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.lists(st.integers(0, 9), max_size=2),
    st.dictionaries(st.sampled_from(["id", "name", "lun", "x"]), st.integers(0, 9), max_size=2),
    st.sampled_from(
        ["/subscriptions/x", "/", "Windows", "V2", "Attach", "FromImage", "Upload", "Copy", "Import", "Specialized"]
    ),
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the members of a body are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in items for path in [(*at, key), *paths(inner, (*at, key))]]


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(body)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return result


def check_members(
    azure: LocalAzure,
    every: dict[str, dict[str, Any]],
    version: str = "2024-07-01",
    *,
    at_once: bool = False,
    **query: str,
) -> None:
    """Put nonsense for one member of one of the bodies: Azure's form of an error, or a resource that can be read.

    ``at_once``: some of the resources are there without an operation. ``query`` is for reading.
    """
    places = [(short, path) for short, body in every.items() for path in paths(body)]

    @SETTINGS
    @given(st.sampled_from(places), NONSENSE, st.sampled_from(["PUT", "PATCH"]))
    def check(place: tuple[str, tuple[Any, ...]], value: Any, method: str) -> None:
        short, path = place
        answer = azure.call(method, short, changed(every[short], path, value), version)
        assert answer.status_code < 500, (short, path, value, answer.text)
        if answer.status_code >= 400:
            assert {"code", "message"} <= answer.json()["error"].keys()
            return
        if "azure-asyncoperation" in answer.headers or not at_once:
            status = azure.done(answer)
            assert "Internal" not in str(status), (short, path, value, status)
        found = azure.call("GET", short, version=version, **query)
        assert found.status_code == 200, (short, path, value, found.text)

    check()
