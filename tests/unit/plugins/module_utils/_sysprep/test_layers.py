# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the decisions may know of the rest of the house."""

from __future__ import annotations

import re
from pathlib import Path

MODULE_UTILS = Path(__file__).resolve().parents[5] / "plugins" / "module_utils"
IMPORTED = re.compile(r"^from ansible_collections\.goldenimage\.azure\.plugins\.module_utils\.(\w+)", re.MULTILINE)


def test_decisions_know_nothing_of_azure_disks_or_ansible() -> None:
    files = sorted((MODULE_UTILS / "_sysprep").glob("*.py"))
    assert len(files) > 5
    for path in files:
        text = path.read_text()
        assert set(IMPORTED.findall(text)) <= {"_errors", "_text", "_sysprep"}, path.name
        assert not re.search(
            r"^(from|import) (ansible\b|azure\b|os\b|subprocess|time\b|pathlib|socket)", text, re.MULTILINE
        ), path.name


def test_only_inspection_uses_them_among_the_parts() -> None:
    for folder in ("_azure", "_resources", "_vhd"):
        for path in (MODULE_UTILS / folder).glob("*.py"):
            assert "_sysprep" not in IMPORTED.findall(path.read_text()), path
