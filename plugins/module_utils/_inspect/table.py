# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of an inspection as lines for people."""

from __future__ import annotations

from typing import Any

_ORDER = {"fail": 0, "unknown": 1, "pass": 2, "not applicable": 3}
_SEVERITIES = {"error": 0, "warning": 1, "info": 2}
_FAILING = {"error": ("error",), "warning": ("error", "warning"), "never": ()}
_OPEN = ("fail", "unknown")
_YES = {True: "yes", False: "no", None: "not known"}


def lines(found: dict[str, Any], *, everything: bool = False) -> list[str]:
    """Return the table: what it is, the verdict, then the checks, the worst first.

    :param everything: checks that passed or do not apply as well.
    """
    system = found.get("os", {})
    name = system.get("name") or system.get("family", "unknown")
    agents = [f"{key} {value.get('version', '')}".strip() for key, value in found.get("agents", {}).items()
              if isinstance(value, dict) and value.get("installed")]  # fmt: skip
    result = [
        f"system       {name} {system.get('architecture') or ''}".rstrip(),
        f"agents       {', '.join(agents) or 'none'}",
        f"boots as     {', '.join(found.get('generations', [])) or 'nothing'}",
        f"generalized  {_YES[found.get('generalized')]}",
        f"ready        {_YES[found.get('ready')]}",
    ]
    result += [f"problem      {text}" for text in found.get("problems", [])]
    for check in sorted(
        found.get("checks", []), key=lambda each: (_ORDER[each["result"]], _SEVERITIES[each["severity"]])
    ):
        if everything or check["result"] in _OPEN:
            evidence = "; ".join(f"{each['file']}: {each['value']}".strip(": ") for each in check["evidence"][:2])
            more = len(check["evidence"]) - 2
            result.append(
                f"{check['result']:<8} {check['severity']:<8} {check['id']:<30} {evidence}{f' (+{more})' if more > 0 else ''}"
            )
    return result


def failures(found: dict[str, Any], fail_on: str) -> list[dict[str, Any]]:
    """Return the checks that failed and matter, by an option ``fail_on``: ``error``, ``warning`` or ``never``."""
    severities = _FAILING[fail_on]
    return [each for each in found.get("checks", []) if each["result"] == "fail" and each["severity"] in severities]


def shortened(found: dict[str, Any]) -> dict[str, Any]:
    """The result without the checks that passed or do not apply: for a failure, all of which Ansible shows."""
    return {**found, "checks": [each for each in found.get("checks", []) if each["result"] in _OPEN]}
