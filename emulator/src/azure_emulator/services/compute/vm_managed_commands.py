# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed run commands: `virtualMachines/{vm}/runCommands/{name}`, scripts that are resources [documented].

As for the plain call nothing is executed; the instance view says that the script ended with exit code 0 and printed
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import ApiVersions
from azure_emulator.core.store import public
from azure_emulator.core.values import flag_of, missing, number_of, object_of, objects_of, text_of
from azure_emulator.services.compute._shared import begin, begin_deletion, invalid, set_tags, without
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.vm_children import (
    RUN_COMMANDS,
    UNMODIFIABLE,
    check_extensions_allowed,
    check_running,
    child_id,
    find_child,
    machine_of,
    new_child,
    routes,
)
from azure_emulator.services.compute.vm_run_command import known

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_ECHOED = ("runAsUser", "outputBlobUri", "errorBlobUri", "treatFailureAsDeploymentFailure")
_SINCE = ApiVersions(oldest="2020-06-01")
_MAX_SECONDS = 5_400


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    machine = machine_of(ctx)
    found = ctx.store.get(child_id(ctx, RUN_COMMANDS))
    doc = new_child(ctx, RUN_COMMANDS, machine, "runCommandName")
    return _start(ctx, machine, doc, object_of(ctx.body, "properties"), exists=found is not None)


def _patch(ctx: Context) -> Reply:
    check_types(ctx.body)
    doc = find_child(ctx, RUN_COMMANDS)
    machine = machine_of(ctx)
    set_tags(ctx, doc)
    wanted = {**without(doc["properties"], "provisioningState"), **object_of(ctx.body, "properties")}
    return _start(ctx, machine, doc, wanted, exists=True)


def _start(ctx: Context, machine: Doc, doc: Doc, wanted: dict[str, Any], *, exists: bool) -> Reply:
    check_running(machine, UNMODIFIABLE)
    check_extensions_allowed(machine)
    doc["properties"] = _checked(wanted) | {"provisioningState": "Updating" if exists else "Creating"}
    doc["_started"] = ctx.clock.now()
    doc.pop("_ended", None)
    ctx.store.put(doc["id"], doc)
    operation = begin(ctx, doc, "compute.vm.run_commands.put", seconds=15)
    return Reply(200 if exists else 201, _present(ctx, doc), operation.headers())


def _checked(wanted: dict[str, Any]) -> dict[str, Any]:
    source = object_of(wanted, "source")
    given = [name for name in ("script", "scriptUri", "commandId", "galleryScriptReferenceId") if source.get(name)]
    if not given:
        raise missing("source", "properties")
    if len(given) > 1:
        raise invalid(
            "Only one of 'script', 'scriptUri' and 'commandId' may be specified in the source of a run command.",
            "source",
        )
    if "commandId" in given:
        known(text_of(source, "commandId") or "")
    seconds = number_of(wanted, "timeoutInSeconds")
    if seconds is not None and not 0 <= seconds <= _MAX_SECONDS:
        raise invalid("The value of parameter 'timeoutInSeconds' is out of range.", "timeoutInSeconds")
    return {
        "source": without(source, "scriptUriManagedIdentity"),
        "parameters": objects_of(wanted, "parameters"),
        "asyncExecution": bool(flag_of(wanted, "asyncExecution")),
        "timeoutInSeconds": seconds or 0,
        **{name: wanted[name] for name in _ECHOED if wanted.get(name) is not None},
    }


def _present(ctx: Context, doc: Doc) -> Doc:
    shown = public(doc)
    if "instanceview" in ctx.query.get("$expand", "").lower():
        shown["properties"] = {**shown["properties"], "instanceView": _instance_view(ctx, doc)}
    return shown


def _instance_view(scope: Scope, doc: Doc) -> dict[str, Any]:
    state = {"Succeeded": "Succeeded", "Failed": "Failed"}.get(doc["properties"]["provisioningState"], "Running")
    view: dict[str, Any] = {
        "executionState": state,
        "executionMessage": "",
        "exitCode": 0,
        "output": "",
        "error": "",
        "startTime": scope.clock.iso(doc["_started"]),
    }
    if "_ended" in doc:
        view["endTime"] = scope.clock.iso(doc["_ended"])
    return view | {"statuses": []}


@effect("compute.vm.run_commands.put")
def _ran(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    doc["properties"]["provisioningState"] = "Succeeded"
    doc["_ended"] = scope.clock.now()
    scope.store.put(doc["id"], doc)


def _delete(ctx: Context, doc: Doc) -> Reply:
    return begin_deletion(ctx, doc, "compute.vm.run_commands.delete", seconds=10)


@effect("compute.vm.run_commands.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    scope.store.delete(args["id"])


ROUTES = routes(RUN_COMMANDS, put=_put, patch=_patch, delete=_delete, present=_present, api_versions=_SINCE)
