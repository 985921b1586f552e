# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every machine: nothing unknown is ever called safe, and the same facts always give the same answer."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Unknown, read_facts
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import preflight
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.shape import SHAPE
from hypothesis import given, settings
from hypothesis import strategies as st

from .machines import Document, changed, client, server, without
from .test_preflight import CASES

PATHS = [fact.path for fact in SHAPE]
MACHINES = {"server": server(), "client": client()}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.text(max_size=8)
    | st.sampled_from(["absent", "IMAGE_STATE_COMPLETE"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "kind", "start", "mount"]), inner, max_size=3)
    ),
    max_leaves=6,
)
RULES = settings(max_examples=200, deadline=None)


def dangerous() -> list[Document]:
    return [changed(case.machine, case.changes) for case in CASES.values()]


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("path", PATHS)
def test_a_clean_machine_without_a_fact_is_not_safe(kind: str, path: str) -> None:
    found = preflight(without(MACHINES[kind], path))
    assert found["verdict"] == "unknown"
    assert any(path in (each["fact"] for each in finding["evidence"]) for finding in found["findings"])


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("section", sorted({path.partition(".")[0] for path in PATHS}))
def test_a_section_that_failed_makes_no_machine_safe(kind: str, section: str) -> None:
    machine = copy.deepcopy(MACHINES[kind])
    del machine[section]
    machine["errors"] = {section: "it failed"}
    assert preflight(machine)["verdict"] == "unknown"


def test_nothing_but_the_schema_is_not_safe() -> None:
    assert preflight({"schema": 1})["verdict"] == "unknown"


@RULES
@given(
    machine=st.sampled_from([*MACHINES.values(), *dangerous()]),
    dropped=st.sets(st.sampled_from(PATHS), min_size=1, max_size=12),
)
def test_dropping_facts_never_makes_a_machine_safe(machine: Document, dropped: set[str]) -> None:
    less = copy.deepcopy(machine)
    for path in dropped:
        section, name = path.split(".")
        less[section].pop(name, None)
    assert preflight(less)["verdict"] != "safe"


@RULES
@given(machine=st.sampled_from([*MACHINES.values(), *dangerous()]), path=st.sampled_from(PATHS), value=JSON)
def test_any_value_of_any_fact_gives_a_sound_answer(machine: Document, path: str, value: Any) -> None:
    mutated = changed(machine, {path: value})
    found = preflight(mutated)
    json.dumps(found)
    fact = next(each for each in SHAPE if each.path == path)
    try:
        read_facts(mutated, SHAPE)[fact]
    except Unknown:
        assert found["verdict"] != "safe"
    errors = [each for each in found["findings"] if each["severity"] == "error" and each["result"] == "found"]
    undecided = [each for each in found["findings"] if each["result"] == "unknown"]
    assert found["verdict"] == ("unsafe" if errors else "unknown" if undecided else "safe")


@RULES
@given(machine=st.sampled_from(dangerous()), data=st.data())
def test_findings_are_the_same_whatever_the_order_of_the_facts(machine: Document, data: st.DataObject) -> None:
    sections = data.draw(st.permutations(list(machine)))
    shuffled = {name: machine[name] for name in sections}
    before = copy.deepcopy(shuffled)
    assert preflight(shuffled) == preflight(machine)
    assert shuffled == before, "the facts are not changed"


@RULES
@given(first=st.sampled_from(list(CASES.values())), second=st.sampled_from(list(CASES.values())))
def test_two_troubles_are_both_told(first: Any, second: Any) -> None:
    """An error that was found stays found, whatever else is wrong with the machine in other sections."""
    sections = {path.partition(".")[0] for path in second.changes}
    if {path.partition(".")[0] for path in first.changes} & sections or "os" in sections or "roles" in sections:
        return
    if first.machine != server() or second.machine != server() or first.verdict != "unsafe":
        return
    found = preflight(changed(server(), {**first.changes, **second.changes}))
    assert found["verdict"] == "unsafe"
    assert first.rule in {each["rule"] for each in found["findings"]}
