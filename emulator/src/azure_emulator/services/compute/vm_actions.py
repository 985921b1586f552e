# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done to a virtual machine: power, generalize, delete.

Recorded: statuses, headers, `generalize` as a synchronous 200, and the refusals for running or generalized machines.
A machine that shut itself down shows ``PowerState/stopped`` but still counts as running for `generalize`, until it is
powered off through ARM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import flag_of, text_of
from azure_emulator.services.compute._shared import (
    accepted,
    begin,
    begin_deletion,
    find,
    invalid,
    not_allowed,
    resource_id,
)
from azure_emulator.services.compute.disk_resources import remove as remove_disk
from azure_emulator.services.compute.disk_shapes import owned_anew, refresh
from azure_emulator.services.compute.vm_children import forget_children
from azure_emulator.services.compute.vm_disks import release
from azure_emulator.services.compute.vm_rules import DEALLOCATED, GENERALIZED, check_idle
from azure_emulator.services.compute.vm_write import VM_TYPE
from azure_emulator.services.network import attachment

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.store import Doc


@dataclass(frozen=True)
class Action:
    """A POST: its label in errors, the power state meanwhile and after."""

    name: str
    label: str
    meanwhile: str | None
    after: str | None
    generalized: bool = False
    deallocated: bool = True
    seconds: float = 30


ACTIONS = (
    Action("start", "Start VM", "starting", "running"),
    Action("restart", "Restart VM", None, "running", deallocated=False),
    Action("powerOff", "Stop VM", "stopping", "stopped", generalized=True, deallocated=False),
    Action("deallocate", "Deallocate VM", "deallocating", "deallocated", generalized=True),
    Action("redeploy", "Redeploy VM", None, "running", seconds=60),
    Action("reapply", "Reapply VM", None, None, generalized=True),
)


def actor(action: Action) -> Callable[[Context], Reply]:
    """The handler of an action."""

    def act(ctx: Context) -> Reply:
        doc = find(ctx, "virtualMachines")
        check_idle(ctx, doc, action.label)
        if doc.get("_generalized") and not action.generalized:
            raise not_allowed(action.label, doc, GENERALIZED)
        if doc["_power"] == "deallocated" and not action.deallocated:
            raise not_allowed(action.label, doc, DEALLOCATED)
        hibernate = action.name == "deallocate" and _flag(ctx, "hibernate")
        if hibernate:
            _check_can_hibernate(doc)
        for name in ("skipshutdown", "forcedeallocate"):  # only looked at: no guest has to be asked
            _flag(ctx, name)
        doc["_power"] = action.meanwhile or doc["_power"]
        doc["properties"]["provisioningState"] = "Updating"
        ctx.store.put(doc["id"], doc)
        operation = begin(ctx, doc, "compute.vm.power", seconds=action.seconds, after=action.after, hibernate=hibernate)
        return accepted(operation)

    return act


def _flag(ctx: Context, name: str) -> bool:
    """A parameter of the query that is true or false."""
    value = ctx.query.get(name, "false").lower()
    if value not in ("true", "false", ""):
        raise invalid(f"The value '{value}' of parameter '{name}' is invalid.", name)
    return value == "true"


def _check_can_hibernate(doc: Doc) -> None:
    if not flag_of(doc["properties"], "additionalCapabilities", "hibernationEnabled"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            "The Hibernate-Deallocate Operation is only allowed on a VM that has hibernation enabled. Please enable the "
            "property additionalCapabilities.hibernationEnabled during VM creation.",
        )
    if doc["_power"] != "running":
        raise ArmError(
            409,
            "OperationNotAllowed",
            "The Hibernate-Deallocate Operation is only allowed on a VM that is running and has the hibernation flag enabled.",
        )


@effect("compute.vm.power")
def _powered(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    doc["properties"]["provisioningState"] = "Succeeded"
    doc["_changed"] = scope.clock.now()
    if args["after"]:
        doc["_power"] = args["after"]
        doc["_hibernated"] = bool(args.get("hibernate"))
        doc["_stopped_by_guest"] = False
        _tell_disks(scope, doc)
    scope.store.put(doc["id"], doc)


def _tell_disks(scope: Scope, doc: Doc) -> None:
    """Disks of a deallocated machine are reserved, of a hibernated one frozen, not attached."""
    storage = doc["properties"]["storageProfile"]
    for disk in (storage["osDisk"], *storage["dataDisks"]):
        identity = text_of(disk, "managedDisk", "id")
        found = scope.store.get(identity) if identity else None
        if found is not None:
            deallocated = doc["_power"] == "deallocated"
            if found.get("_vm_deallocated", False) != deallocated:
                owned_anew(scope, found)
            found["_vm_deallocated"], found["_vm_hibernated"] = deallocated, doc["_hibernated"]
            refresh(found)
            scope.store.put(found["id"], found)


def generalize(ctx: Context) -> Reply:
    """Mark the machine as generalized: at once, and for good."""
    doc = find(ctx, "virtualMachines")
    check_idle(ctx, doc, "generalize")
    if doc["_power"] not in ("stopped", "deallocated") or doc.get("_stopped_by_guest"):
        reason = (
            "the VM is running. Please power off explicitly in case you shut down the VM from inside the guest operating "
            "system"
        )
        raise not_allowed("generalize", doc, reason)
    doc["_generalized"] = True
    doc["_specialized"] = False
    ctx.store.put(doc["id"], doc)
    return Reply(200)


def delete(ctx: Context) -> Reply:
    """202, or 204 when there is nothing. Runs also while the machine is busy with something else."""
    doc = ctx.store.get(resource_id(ctx, "virtualMachines"))
    if doc is None:
        return Reply(204)
    running = ctx.operations.running(doc["id"])
    if running and running.effect == "compute.vm.delete":
        return accepted(running)
    ctx.operations.cancel(doc["id"])
    _flag(ctx, "forcedeletion")
    return begin_deletion(ctx, doc, "compute.vm.delete")


@effect("compute.vm.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is not None:
        _remove(scope, doc)


def _remove(scope: Scope, doc: Doc) -> None:
    storage = doc["properties"]["storageProfile"]
    disks = [storage["osDisk"], *storage["dataDisks"]]
    doomed = {
        disk["managedDisk"]["id"].lower()
        for disk in disks
        if disk.get("deleteOption") == "Delete" and "id" in disk.get("managedDisk", {})
    }
    for released in release(scope, disks):
        if released["id"].lower() in doomed:
            remove_disk(scope, released)
    interfaces = doc["properties"]["networkProfile"]["networkInterfaces"]
    for item in interfaces:
        attachment.detach(scope, item["id"], doc["id"])
    forget_children(scope, doc)
    scope.store.delete(doc["id"])
    remove_interface = hooks.cascade.get("microsoft.network/networkinterfaces")
    for item in interfaces:
        if text_of(item, "properties", "deleteOption") != "Delete":
            continue
        interface = scope.store.get(item["id"])
        if interface is not None and remove_interface is not None:
            remove_interface(scope, interface)
        scope.store.delete(item["id"])


def _cascade(scope: Scope, doc: Doc) -> None:
    scope.operations.cancel(doc["id"])
    _remove(scope, doc)


def _guest_event(scope: Scope, event: dict[str, Any]) -> bool:
    """``shutdown``: the guest turned itself off. ``reboot`` leaves the machine running."""
    doc = scope.store.get(str(event.get("vm", "")))
    if doc is None or not arm_ids.same(doc.get("type"), VM_TYPE) or event.get("event") not in ("shutdown", "reboot"):
        return False
    if doc["_power"] != "running":
        return False
    if event["event"] == "shutdown":
        doc |= {"_power": "stopped", "_stopped_by_guest": True, "_changed": scope.clock.now()}
        scope.store.put(doc["id"], doc)
    return True


hooks.cascade[VM_TYPE.lower()] = _cascade
hooks.guest_event.append(_guest_event)
