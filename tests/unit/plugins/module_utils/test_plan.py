# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The difference between wanted and found."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan, merge_tags


@pytest.mark.parametrize(
    ("found", "wanted", "action", "before", "after"),
    [
        (None, None, "none", {}, {}),
        (None, {"a": 1, "b": None, "c": {"d": None}}, "create", {}, {"a": 1, "c": {}}),
        ({"a": 1}, None, "delete", {"a": 1}, {}),
        ({"a": 1, "b": 2}, {"a": 1}, "none", {}, {}),
        ({"a": 1, "b": 2}, {"a": 3}, "update", {"a": 1}, {"a": 3}),
        ({"a": 1}, {"a": None}, "none", {}, {}),
        ({}, {"a": 1}, "update", {}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 5}}, "update", {"a": {"b": 1}}, {"a": {"b": 5}}),
        ({"a": None}, {"a": {"b": 5}}, "update", {}, {"a": {"b": 5}}),
        ({"a": 1}, {"a": True}, "update", {"a": 1}, {"a": True}),
        ({}, {"a": [], "b": {}}, "none", {}, {}),
    ],
)
def test_between(found: Any, wanted: Any, action: str, before: Any, after: Any) -> None:
    plan = Plan.between(found, wanted)
    assert plan.action == action
    assert plan.changed == (action != "none")
    assert plan.diff == {"before": before, "after": after}


def test_changes_name_paths() -> None:
    plan = Plan.between({"a": {"b": 1}, "tags": {"x.y": "1"}}, {"a": {"b": 2, "c": 3}, "tags": {"x.y": "2"}})
    assert plan.changes == {"a.b": (1, 2), "a.c": (None, 3), "tags.x.y": ("1", "2")}
    assert plan.diff["after"] == {"a": {"b": 2, "c": 3}, "tags": {"x.y": "2"}}


@pytest.mark.parametrize(
    ("found", "wanted", "keys", "changes"),
    [
        ([1, 2], [1, 2], {}, {}),
        ([1, 2], [2, 1], {}, {"l.0": (1, 2), "l.1": (2, 1)}),
        ([1, 2], [1], {}, {"l.1": (2, None)}),
        ([], [1], {}, {"l.0": (None, 1)}),
        ([{"k": 1, "v": 1, "z": 1}, {"k": 2, "v": 2}], [{"k": 2, "v": 2}, {"k": 1, "v": 1}], {"l": "k"}, {}),
        ([{"k": 1, "v": 1}], [{"k": 1, "v": 9}], {"l": "k"}, {"l.1.v": (1, 9)}),
        ([{"k": 1}], [{"k": 2}], {"l": "k"}, {"l.1": ({"k": 1}, None), "l.2": (None, {"k": 2})}),
    ],
)
def test_lists(found: Any, wanted: Any, keys: dict[str, str], changes: Any) -> None:
    assert Plan.between({"l": found}, {"l": wanted}, keys=keys).changes == changes


def test_case_insensitive_only_where_it_is_stated() -> None:
    found, wanted = (
        {"location": "WestEurope", "disks": [{"id": "/A"}]},
        {"location": "westeurope", "disks": [{"id": "/a"}]},
    )
    assert Plan.between(found, wanted, case_insensitive=["location", "disks.*.id"]).action == "none"
    assert set(Plan.between(found, wanted, case_insensitive=["disks.*.id"]).changes) == {"location"}


def test_exact_mappings_lose_what_is_not_wanted() -> None:
    plan = Plan.between({"tags": {"a": "1", "b": "2"}}, {"tags": {"a": "1"}})
    assert plan.changes == {"tags.b": ("2", None)}
    assert Plan.between({"tags": {"a": "1"}}, {"tags": None}).action == "none"
    assert Plan.between({"tags": {"a": "1"}}, {"tags": {}}).changes == {"tags.a": ("1", None)}


def test_immutable_changes_are_refused_all_at_once() -> None:
    found = {"location": "a", "os": {"type": "linux", "size": 1}, "size": 1}
    wanted = {"location": "b", "os": {"type": "windows", "size": 1}, "size": 2}
    with pytest.raises(InvalidInput) as caught:
        Plan.between(found, wanted, immutable=["location", "os"])
    assert caught.value.details == {"immutable": ["location", "os.type"]}
    assert 'location (is "a", wanted "b")' in str(caught.value)
    assert 'os.type (is "linux", wanted "windows")' in str(caught.value)
    assert Plan.between(found, {"location": "a", "size": 2}, immutable=["location", "os"]).changes == {"size": (1, 2)}


def test_immutable_is_nothing_to_a_new_resource() -> None:
    assert Plan.between(None, {"location": "b"}, immutable=["location"]).action == "create"


def test_act() -> None:
    plan = Plan.act("Generalize", {"state": "running"}, {"state": "generalized"})
    assert (plan.action, plan.description, plan.changes) == ("act", "Generalize", {"state": ("running", "generalized")})
    assert plan.diff == {"before": {"state": "running"}, "after": {"state": "generalized"}}
    again = Plan.act("Generalize", {"state": "generalized"}, {"state": "generalized"})
    assert (again.action, again.changed, again.changes) == ("none", False, {})


@pytest.mark.parametrize(
    ("found", "wanted", "append", "merged"),
    [
        ({"a": "1"}, None, True, None),
        ({"a": "1"}, None, False, None),
        ({"a": "1"}, {"b": 2}, True, {"a": "1", "b": "2"}),
        ({"a": "1"}, {"b": 2}, False, {"b": "2"}),
        ({"a": "1"}, {}, False, {}),
        (None, {"b": True, "c": None}, True, {"b": "true", "c": ""}),
        ({"Owner": "x"}, {"owner": "y"}, True, {"Owner": "y"}),
        ({"Owner": "x"}, {"owner": "y"}, False, {"Owner": "y"}),
    ],
)
def test_merge_tags(found: Any, wanted: Any, append: bool, merged: Any) -> None:
    assert merge_tags(found, wanted, append=append) == merged
