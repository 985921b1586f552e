# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources below a virtual machine: extensions and managed run commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError, parent_not_found, resource_not_found
from azure_emulator.core.routing import DATED, ApiVersions, Handler, Route, documented
from azure_emulator.services.compute._shared import GROUP, PROVIDER, Present, check_name, set_tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc

EXTENSIONS = f"{PROVIDER}/virtualMachines/extensions"
RUN_COMMANDS = f"{PROVIDER}/virtualMachines/runCommands"
#: Refusals of what needs a running machine: a change of its children, and all else.
UNMODIFIABLE = "Cannot modify extensions in the VM when the VM is not running."
NOT_RUNNING = "The operation requires the VM to be running (or set to run)."


def machine_of(ctx: Context) -> Doc:
    """The machine of the request's path.

    :raises ArmError: 404 ``ParentResourceNotFound``.
    """
    identity = arm_ids.resource_id(ctx.subscription, ctx.ids["group"], f"{PROVIDER}/virtualMachines", ctx.ids["name"])
    doc = ctx.store.get(identity)
    if doc is None:
        raise parent_not_found([ctx.ids["name"], ctx.ids.get("child", "")])
    return doc


def child_id(ctx: Context, child_type: str) -> str:
    """The id that the request's path means."""
    return arm_ids.resource_id(ctx.subscription, ctx.ids["group"], child_type, ctx.ids["name"], ctx.ids["child"])


def find_child(ctx: Context, child_type: str) -> Doc:
    """The child of the request's path.

    :raises ArmError: 404, of the machine or of the child.
    """
    machine_of(ctx)
    doc = ctx.store.get(child_id(ctx, child_type))
    if doc is None:
        raise resource_not_found(child_type, [ctx.ids["name"], ctx.ids["child"]], ctx.ids["group"])
    return doc


def new_child(ctx: Context, child_type: str, machine: Doc, target: str) -> Doc:
    """The head of a new child: it is where its machine is."""
    check_name(ctx.ids["child"], target)
    doc: Doc = {
        "name": ctx.ids["child"],
        "id": child_id(ctx, child_type),
        "type": child_type,
        "location": machine["location"],
    }
    set_tags(ctx, doc)
    return doc


def children_of(scope: Scope, machine: Doc, child_type: str) -> list[Doc]:
    """The children of a type, by name."""
    return scope.store.list(type=child_type, parent=machine["id"])


def has_children(ctx: Context, child_type: str) -> bool:
    """Whether any machine of the subscription has children of a type."""
    sql = "SELECT 1 FROM resources WHERE type = ? AND subscription = ? LIMIT 1"
    return ctx.store.read(sql, child_type.lower(), ctx.subscription.lower()).fetchone() is not None


def routes(
    child_type: str,
    *,
    put: Handler,
    patch: Handler,
    delete: Callable[[Context, Doc], Reply],
    present: Present,
    api_versions: ApiVersions = DATED,
) -> list[Route]:
    """The calls of a type of children; the list has one page. `delete` begins the deletion of one that is there."""

    def get(ctx: Context) -> Reply:
        return Reply(200, present(ctx, find_child(ctx, child_type)))

    def remove(ctx: Context) -> Reply:
        machine = machine_of(ctx)
        doc = ctx.store.get(child_id(ctx, child_type))
        if doc is None:
            return Reply(204)
        check_running(machine, UNMODIFIABLE)
        return delete(ctx, doc)

    def list_children(ctx: Context) -> Reply:
        machine = machine_of(ctx)
        return Reply(200, {"value": [present(ctx, doc) for doc in children_of(ctx, machine, child_type)]})

    everything = f"{GROUP}/virtualMachines/{{name}}/{child_type.rpartition('/')[2]}"
    one = f"{everything}/{{child}}"
    calls = (
        ("PUT", one, put),
        ("PATCH", one, patch),
        ("GET", one, get),
        ("DELETE", one, remove),
        ("GET", everything, list_children),
    )
    known = documented("2026-11-25")
    return [
        Route(method, template, handler, api_versions=api_versions, evidence=known)
        for method, template, handler in calls
    ]


def check_running(machine: Doc, message: str = NOT_RUNNING) -> None:
    """Refuse what needs a running machine: 409 ``OperationNotAllowed`` with the operation's own text."""
    if machine.get("_power") != "running":
        raise ArmError(409, "OperationNotAllowed", message)


def check_extensions_allowed(machine: Doc) -> None:
    """Refuse what needs the agent when the machine was made without, or with extensions disallowed."""
    profile = machine["properties"].get("osProfile", {})
    configuration = profile.get("linuxConfiguration") or profile.get("windowsConfiguration") or {}
    if profile.get("allowExtensionOperations") is False or configuration.get("provisionVMAgent") is False:
        raise ArmError(
            409,
            "OperationNotAllowed",
            "This operation cannot be performed when extension operations are disallowed. To allow, please ensure VM Agent "
            "is installed on the VM and the osProfile.allowExtensionOperations property is true.",
        )


def forget_children(scope: Scope, machine: Doc) -> None:
    """A machine's children go with it."""
    for child_type in (EXTENSIONS, RUN_COMMANDS):
        for child in children_of(scope, machine, child_type):
            scope.operations.cancel(child["id"])
            scope.store.delete(child["id"])
