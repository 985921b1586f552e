# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules over the facts of one machine: findings, and whether Sysprep is safe now."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import (
    rules_apps,
    rules_disks,
    rules_roles,
    rules_state,
    rules_system,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Facts, Unknown, read_facts
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import (
    ERROR,
    SEVERITIES,
    Evidence,
    Rule,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.shape import SHAPE
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

SAFE, UNSAFE, UNKNOWN = "safe", "unsafe", "unknown"
FOUND = "found"
RULES: tuple[Rule, ...] = tuple(
    rule
    for rules in (rules_state.RULES, rules_system.RULES, rules_roles.RULES, rules_disks.RULES, rules_apps.RULES)
    for rule in rules.all
)
_MOST_EVIDENCE = 20


def preflight(document: object) -> dict[str, Any]:
    """Judge a machine by its facts.

    :returns: ``verdict``: *unsafe* when an error was found; else *unknown* when anything could not be decided; else
        *safe*. Every fact is asked for by some rule, so a machine of which a fact is missing is never safe.
        ``findings``: what was found or could not be decided, the worst first, always in the same order.
        ``counts``: how many findings have each severity, and how many rules passed.
    :raises InvalidInput: the facts are no facts at all.
    """
    facts = read_facts(document, SHAPE)
    judged = [_judge(rule, facts) for rule in RULES]
    findings = [each for each in judged if each is not None]
    findings.sort(key=lambda each: (each["result"] == UNKNOWN, SEVERITIES.index(each["severity"])))
    counts = Counter(each["severity"] for each in findings if each["result"] == FOUND)
    return {
        "verdict": _verdict(findings),
        "findings": findings,
        "counts": {
            **{severity: counts[severity] for severity in SEVERITIES},
            UNKNOWN: sum(each["result"] == UNKNOWN for each in findings),
            "pass": len(RULES) - len(findings),
        },
    }


def _verdict(findings: list[dict[str, Any]]) -> str:
    if any(each["result"] == FOUND and each["severity"] == ERROR for each in findings):
        return UNSAFE
    return UNKNOWN if any(each["result"] == UNKNOWN for each in findings) else SAFE


def _judge(rule: Rule, facts: Facts) -> dict[str, Any] | None:
    try:
        evidence = rule.look(facts)
    except Unknown as unknown:
        return _undecided(rule, unknown)
    return _finding(rule, FOUND, evidence, rule.cause, rule.remedy) if evidence else None


def _undecided(rule: Rule, unknown: Unknown) -> dict[str, Any]:
    return _finding(
        rule,
        UNKNOWN,
        [(unknown.what, unknown.reason)],
        f"It is not known whether this holds: {rule.title}. {rule.cause}",
        f"See why the fact is not known (evidence) and collect the facts again, or look by hand. {rule.remedy}",
    )


def _finding(rule: Rule, result: str, evidence: list[Evidence], cause: str, remedy: str) -> dict[str, Any]:
    shown = [{"fact": fact, "value": printable(value)} for fact, value in evidence[:_MOST_EVIDENCE]]
    if len(evidence) > _MOST_EVIDENCE:
        shown.append({"fact": "", "value": f"and {len(evidence) - _MOST_EVIDENCE} more"})
    return {
        "rule": rule.id,
        "title": rule.title,
        "result": result,
        "severity": rule.severity,
        "evidence": shown,
        "cause": cause,
        "remedy": remedy,
        "repair": rule.repair if result == FOUND else None,
        "source": rule.source,
    }
