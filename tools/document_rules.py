# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables of docs/windows.md from the rules themselves.

python tools/document_rules.py          writes them
python tools/document_rules.py --check  says whether they are as the rules are
"""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import server_roles
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import RULES
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import NEVER, REPAIRS
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.shape import SHAPE

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "windows.md"


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _each in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def tables() -> dict[str, str]:
    """The tables by the name of their marker."""
    return {
        "rules": table(
            ("rule", "severity", "demand", "remedy", "repair", "disk file", "source"),
            [
                (
                    f"`{rule.id}`",
                    rule.severity,
                    rule.title,
                    rule.remedy,
                    f"`{rule.repair}`" if rule.repair else "",
                    "" if rule.offline == NEVER else rule.offline,
                    rule.source,
                )
                for rule in RULES
            ],
        ),
        "repairs": table(("repair", "what it does"), [(f"`{name}`", text) for name, text in REPAIRS.items()]),
        "roles": table(
            ("role", *server_roles.PUBLISHED, "condition"),
            [(role.title, *role.answers, role.note) for role in server_roles.TABLE],
        ),
        "facts": table(("fact", "what it is"), [(f"`{fact.path}`", fact.about) for fact in SHAPE]),
    }


def filled(text: str) -> str:
    """The document with all tables put between their markers."""
    for name, content in tables().items():
        begin, end = f"<!-- {name}: written by tools/document_rules.py -->\n", f"\n<!-- end of {name} -->"
        before, _begin, rest = text.partition(begin)
        _old, _end, after = rest.partition(end)
        if not _begin or not _end:
            raise SystemExit(f"{DOCUMENT.name} has no place for {name}")
        text = f"{before}{begin}{content}{end}{after}"
    return text


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        sys.exit(0 if filled(text) == text else f"{DOCUMENT.name} is not as the rules are; run tools/document_rules.py")
    DOCUMENT.write_text(filled(text), encoding="utf-8")


if __name__ == "__main__":
    main()
