# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations that end as planned instead of as they would: part ``operations`` of the plan of faults.

Each rule is an object::

    {"effect": "compute.image.*", "resource": "regular expression", "status": "Failed", "code": "…", "message": "…",
     "when": "before", "seconds": 90, "probability": 0.5, "nth": [1, 3], "times": 1}

``effect`` is a pattern of effect names. ``before``: the operation ends without having done anything; ``after``: what it had
to do is done, and it still ends so. The fate is chosen when the operation starts, in its transaction, and kept in its
row: neither a restart nor a later plan changes it. ``OSProvisioningTimedOut`` has Azure's text, takes the forty minutes
that Azure takes (as the latency profile has it) and leaves the machine behind, running, as ``Failed``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from azure_emulator.core.checks import (
    SettingError,
    check_fields,
    checked_number,
    choice,
    number,
    numbers,
    pattern,
    text,
    whole,
)
from azure_emulator.core.errors import execution_failed

if TYPE_CHECKING:
    import re

    from azure_emulator.core.store import Store

_NAMESPACE = "faults"
_KEY = "plan"
_COUNTS = "faults.counts"
_FIELDS = (
    "effect",
    "resource",
    "status",
    "code",
    "message",
    "when",
    "seconds",
    "probability",
    "nth",
    "times",
)
_TIMED_OUT = "OSProvisioningTimedOut"
_TIMED_OUT_SECONDS = 2400.0
_TEXTS = {
    _TIMED_OUT: "OS Provisioning for VM '{name}' did not finish in the allotted time. The VM may still finish provisioning "
    "successfully. Please check provisioning state later. For details on how to check current provisioning state of "
    "Windows VMs, refer to https://aka.ms/WindowsVMLifecycle and Linux VMs, refer to https://aka.ms/LinuxVMLifecycle.",
    "OperationPreempted": "Operation execution has been preempted by a more recent operation.",
    "InternalExecutionError": execution_failed().message,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation is going to end. ``seconds``: how long that takes, if not as long as usual."""

    status: str
    code: str
    message: str
    after: bool
    seconds: float | None

    def stored(self) -> dict[str, Any]:
        return {"status": self.status, "code": self.code, "message": self.message, "after": self.after}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as given."""

    effect: str
    resource: re.Pattern[str]
    outcome: Outcome
    probability: float
    nth: frozenset[int]
    times: int


def parse(value: Any) -> list[Rule]:
    """The rules of a plan.

    :raises SettingError: naming what is wrong.
    """
    if not isinstance(value, list):
        raise SettingError(f"operations must be a list, not {value!r}")
    return [_rule(rule, f"operations[{at}]") for at, rule in enumerate(value)]


def plan_of(store: Store) -> dict[str, Any]:
    """The whole plan of faults in force, as it was given; ``{}`` when there is none."""
    found: dict[str, Any] = store.kv_get(_NAMESPACE, _KEY) or {}
    return found


def keep_plan(store: Store, plan: dict[str, Any]) -> None:
    """Put a plan in force, which counts anew."""
    store.kv_put(_NAMESPACE, _KEY, plan)
    for key, _ignored in store.kv_items(_COUNTS):
        store.kv_delete(_COUNTS, key)


def choose(store: Store, effect: str, resource_id: str | None) -> Outcome | None:
    """The planned end of an operation that starts now, in a writing transaction; counts it."""
    plan = plan_of(store)
    for at, rule in enumerate(parse(plan.get("operations", []))):
        if not fnmatchcase(effect, rule.effect) or not rule.resource.search(resource_id or ""):
            continue
        seen, done = store.kv_get(_COUNTS, str(at)) or (0, 0)
        luck = random.Random(f"{plan.get('seed')}:operation:{at}:{seen}").random()  # noqa: S311 - repeatable on purpose
        wanted = not rule.nth or seen + 1 in rule.nth
        meets = wanted and luck < rule.probability and not (rule.times and done >= rule.times)
        store.kv_put(_COUNTS, str(at), (seen + 1, done + meets))
        if meets:
            return _about(rule.outcome, resource_id)
    return None


def counts(store: Store, size: int) -> list[dict[str, int]]:
    """For each rule, how many operations fitted and how many of them end as planned."""
    found = [store.kv_get(_COUNTS, str(at)) or (0, 0) for at in range(size)]
    return [{"seen": seen, "done": done} for seen, done in found]


def _rule(value: Any, name: str) -> Rule:
    check_fields(value, _FIELDS, name)
    effect, status = text(value, "effect", name), choice(value, "status", name, ("Failed", "Canceled"), "Failed")
    if not effect:
        raise SettingError(f"{name}.effect is missing: a pattern of effect names, such as compute.vm.create*")
    code = text(value, "code", name) or ("OperationPreempted" if status == "Canceled" else "InternalExecutionError")
    when = choice(value, "when", name, ("before", "after"), "after" if code == _TIMED_OUT else "before")
    seconds = _TIMED_OUT_SECONDS if code == _TIMED_OUT else None
    if value.get("seconds") is not None:
        seconds = checked_number(value["seconds"], f"{name}.seconds")
    message = text(value, "message", name) or _TEXTS.get(code, "A planned failure.")
    return Rule(
        effect=effect,
        resource=pattern(value, "resource", name),
        outcome=Outcome(status, code, message, after=when == "after", seconds=seconds),
        probability=number(value, "probability", name, 1, most=1),
        nth=numbers(value, "nth", name),
        times=whole(value, "times", name),
    )


def _about(outcome: Outcome, resource_id: str | None) -> Outcome:
    return replace(outcome, message=outcome.message.replace("{name}", (resource_id or "").rpartition("/")[2]))
