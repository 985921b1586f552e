# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marking a machine as generalized, and what has to happen to its power for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import virtual_machines

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task


def plan(found: Wire, *, power_off: bool, deallocate: bool, mark: bool = True) -> Plan:
    """What brings the machine to rest and, unless told otherwise, marks it.

    :param power_off: a running machine may be stopped.
    :param deallocate: it shall be deallocated in the end, not only stopped.
    :param mark: it shall be marked as generalized.
    :raises InvalidInput: it is running and may not be stopped.
    """
    state, generalized = virtual_machines.power_state(found), virtual_machines.is_generalized(found)
    if state not in virtual_machines.NOT_RUNNING and not power_off:
        raise InvalidInput(
            f"The machine {found['name']} is {state or 'in an unknown power state'}, and power_off is not set.",
            remedy="Generalize its operating system first, then set power_off, or stop it with goldenimage.azure.vm.",
        )
    rest = "deallocated" if deallocate or state == "deallocated" else "stopped"
    before = {"power_state": state, "generalized": generalized}
    after = {"power_state": rest, "generalized": generalized or mark}
    return Plan.act("generalize", before, after)


def apply(task: Task, plan: Plan, group: str, name: str) -> Wire:
    """Stop, deallocate, mark, as far as the plan says; then the machine as it is.

    A machine that was shut down from inside shows itself as stopped, but Azure marks it only after it was stopped
    through Azure, too; to deallocate it does that.
    """
    state, marks = plan.before["power_state"], "generalized" in plan.changes
    deallocates = plan.after["power_state"] == "deallocated" and state != "deallocated"
    if state not in virtual_machines.NOT_RUNNING or (state == "stopped" and marks and not deallocates):
        virtual_machines.power_off(task, group, name)
    if deallocates:
        virtual_machines.deallocate(task, group, name)
    if marks:
        virtual_machines.generalize(task, group, name)
    return virtual_machines.must_exist(task.azure, group, name)
