# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run command: the catalogue of a region, and the call that runs one in a machine.

Recorded: the catalogue, statuses, headers, both forms of the result. No guest is listening behind a machine's
document, so nothing is executed: a script is accepted and its two streams are empty, which is what a script that
prints nothing looks like. The one effect that Azure itself adds is modelled: while one runs, a second is refused.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import objects_of, required_text
from azure_emulator.services.compute._shared import (
    GROUP,
    LOCATION,
    accepted,
    begin,
    entity_not_found,
    find,
    invalid,
    location_of,
    without,
)
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.vm_children import NOT_RUNNING, check_extensions_allowed, check_running

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_PART = "/runCommand"  # of the machine is busy with one, nothing else
_SCHEMA = "http://schema.management.azure.com/schemas/2016-11-17/runcommands.json"


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Every command by its id in lower case."""
    lines = json.loads((files(__package__) / "run_commands.json").read_text(encoding="utf-8"))
    return {line["id"].lower(): line for line in lines}


def _list(ctx: Context) -> Reply:
    location_of(ctx)
    return Reply(200, {"value": [_head(line) for line in catalogue().values()]})


def _get(ctx: Context) -> Reply:
    location_of(ctx)
    line = known(ctx.ids["command"])
    parameters = {"parameters": line["parameters"]} if "parameters" in line else {}
    return Reply(200, {"script": line.get("script", []), **parameters, **_head(line)})


def _head(line: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": _SCHEMA, **without(line, "script", "parameters")}


def known(command: str) -> dict[str, Any]:
    """A command of the catalogue, without regard to case.

    :raises ArmError: 404 for an unknown one.
    """
    found = catalogue().get(command.lower())
    if found is None:
        raise entity_not_found()
    return found


def run(ctx: Context) -> Reply:
    """POST runCommand: 202, the streams come with the operation's result."""
    check_types(ctx.body)
    doc = find(ctx, "virtualMachines")
    command = known(required_text(ctx.body, "commandId"))
    os_type = doc["properties"]["storageProfile"]["osDisk"]["osType"]
    if command["osType"] != os_type:
        raise invalid(
            f"Run command '{command['id']}' is for {command['osType']} and cannot run in the {os_type} VM '{doc['name']}'.",
            "commandId",
        )
    objects_of(ctx.body, "parameters")  # they must be of that form
    check_running(doc)
    check_extensions_allowed(doc)
    if ctx.operations.running(doc["id"] + _PART):
        raise ArmError(
            409,
            "Conflict",
            "Run command extension execution is in progress. Please wait for completion before invoking a run command.",
        )
    return accepted(begin(ctx, doc, "compute.vm.run_command", seconds=15, part=_PART, command=command["id"]))


def message(stdout: str = "", stderr: str = "") -> str:
    """What the Linux agent reports of a script."""
    return f"Enable succeeded: \n[stdout]\n{stdout}\n[stderr]\n{stderr}"


def output(doc: Doc) -> dict[str, Any]:
    """The result of a script that printed nothing, in the form of the machine's system."""
    shared = {"level": "Info", "displayStatus": "Provisioning succeeded"}
    if doc["properties"]["storageProfile"]["osDisk"]["osType"] == "Linux":
        return {"value": [{"code": "ProvisioningState/succeeded", **shared, "message": message()}]}
    codes = ("ComponentStatus/StdOut/succeeded", "ComponentStatus/StdErr/succeeded")
    return {"value": [{"code": code, **shared, "message": ""} for code in codes]}


@effect("compute.vm.run_command")
def _ran(scope: Scope, args: dict[str, Any]) -> Any:
    doc = scope.store.get(args["id"])
    if doc is None or doc.get("_power") != "running":
        raise ArmError(409, "OperationNotAllowed", NOT_RUNNING)
    return output(doc)


_COMMANDS = f"{LOCATION}/runCommands"
ROUTES = [
    Route("GET", _COMMANDS, _list, evidence=documented("2026-11-25")),
    Route("GET", f"{_COMMANDS}/{{command}}", _get, evidence=documented("2026-11-25")),
    Route("POST", f"{GROUP}/virtualMachines/{{name}}/runCommand", run, evidence=documented("2026-11-25")),
]
