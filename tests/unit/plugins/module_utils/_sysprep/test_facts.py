# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of facts: what is known, what is not, and why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Unknown, read_facts
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.shape import SHAPE

from .machines import changed, client, server, without


def test_clean_machines_have_every_fact() -> None:
    for machine in (server(), client()):
        facts = read_facts(machine, SHAPE)
        for fact in SHAPE:
            facts[fact]


def test_the_clean_machine_has_no_fact_that_is_not_in_the_shape() -> None:
    named = {
        f"{section}.{name}"
        for section, facts in server().items()
        if section not in ("schema", "errors")
        for name in facts
    }
    assert named == {fact.path for fact in SHAPE}


def test_paths_are_unique_and_explained() -> None:
    assert len({fact.path for fact in SHAPE}) == len(SHAPE)
    assert all(re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", fact.path) and fact.about for fact in SHAPE)


def test_what_is_not_in_the_registry_is_known() -> None:
    facts = read_facts(changed(server(), {"cdrom.start": "absent", "setup.image_state": "absent"}), SHAPE)
    assert facts[shape.CDROM_START] is None
    assert facts[shape.IMAGE_STATE] is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("os.build", "20348"), ("os.build", 20348.0), ("os.build", True), ("os.build", None), ("os.build", "absent"),
        ("os.edition", ""), ("os.edition", " "), ("os.edition", 7), ("os.edition", "absent"), ("os.edition", ["a"]),
        ("session.is_system", "false"), ("session.is_system", 0), ("session.is_system", []),
        ("pending_reboot.file_renames", "a"), ("pending_reboot.file_renames", [1]), ("pending_reboot.file_renames", {}),
        ("bitlocker.volumes", {"mount": "C:", "conversion": 0}), ("bitlocker.volumes", [{"mount": "C:"}]),
        ("bitlocker.volumes", [{"mount": "C:", "conversion": None}]), ("bitlocker.volumes", ["C:"]),
        ("appx.packages", [{"full_name": "x"}]), ("services.installed", [{"name": "RdAgent", "start": "2"}]),
        ("cdrom.start", "1"), ("cdrom.start", [1]), ("setup.image_state", 7),
    ],
)  # fmt: skip
def test_what_has_another_form_is_unknown(path: str, value: Any) -> None:
    facts = read_facts(changed(server(), {path: value}), SHAPE)
    fact = next(each for each in SHAPE if each.path == path)
    with pytest.raises(Unknown) as caught:
        facts[fact]
    assert caught.value.what == path
    assert caught.value.reason


def test_the_reason_is_the_collectors_error() -> None:
    machine = {**without(server(), "appx.packages"), "errors": {"appx": "COMException 0x80070005: denied\x1b[31m"}}
    with pytest.raises(Unknown, match=r"0x80070005: denied\?\[31m"):
        read_facts(machine, SHAPE)[shape.PACKAGES]


@pytest.mark.parametrize("document", [None, [], "facts", 7, {}, {"schema": 2}, {"schema": True}, {"schema": "1"}])
def test_what_are_no_facts_at_all_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_facts(document, SHAPE)
    assert "collect_facts.ps1" in str(caught.value.remedy)


def test_what_was_registered_is_told_from_facts() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_facts({"changed": False, "result": server()}, SHAPE)
    assert caught.value.remedy == "Give the registered variable's result."


@pytest.mark.parametrize("section", ["os", "appx"])
@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_a_section_that_is_none_makes_its_facts_unknown(section: str, value: Any) -> None:
    facts = read_facts({**server(), section: value}, SHAPE)
    for fact in SHAPE:
        if fact.path.startswith(f"{section}."):
            with pytest.raises(Unknown):
                facts[fact]
