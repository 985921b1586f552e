# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/windows.md says what the rules say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import RULES

if TYPE_CHECKING:
    from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[5]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    specification = importlib.util.spec_from_file_location("document_rules", REPOSITORY / "tools" / "document_rules.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_tables_are_as_the_rules_are(tool: ModuleType) -> None:
    text = (REPOSITORY / "docs" / "windows.md").read_text(encoding="utf-8")
    assert tool.filled(text) == text, "run tools/document_rules.py"


def test_every_rule_is_in_the_table(tool: ModuleType) -> None:
    assert tool.tables()["rules"].count("\n| `") == len(RULES)


def test_a_change_of_the_tables_is_seen(tool: ModuleType) -> None:
    text = (REPOSITORY / "docs" / "windows.md").read_text(encoding="utf-8")
    changed = text.replace("`cdrom.start` | error", "`cdrom.start` | info")
    assert changed != text
    assert tool.filled(changed) != changed
