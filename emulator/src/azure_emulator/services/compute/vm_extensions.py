# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extensions of virtual machines.

Recorded: statuses, headers, the shape, and that the machine shows its extensions as ``resources``. No agent runs
behind a machine's document: an extension is accepted, checked against the catalogue, and succeeds after its time;
what its script would have done is not done. ``protectedSettings`` are never kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.store import public
from azure_emulator.core.values import cloned, flag_of, member, object_of, required_text, tags_of, text_of
from azure_emulator.services.compute import extension_images
from azure_emulator.services.compute._shared import GROUP, accepted, check_location
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.vm_children import (
    EXTENSIONS,
    check_extensions_allowed,
    check_running,
    child_id,
    children_of,
    find_child,
    lister,
    machine_of,
    new_child,
)
from azure_emulator.services.compute.vm_run_command import message

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_NOT_RUNNING = "Cannot modify extensions in the VM when the VM is not running."
_ECHOED = ("forceUpdateTag", "enableAutomaticUpgrade", "suppressFailures", "provisionAfterExtensions")
_VERSION = re.compile(r"\d+(\.\d+){0,3}")
_SCRIPTS = ("customscript", "customscriptforlinux", "customscriptextension")


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    machine = machine_of(ctx)
    found = ctx.store.get(child_id(ctx, EXTENSIONS))
    if found is not None:
        check_location(ctx, found)
    else:
        check_location(ctx, machine)
    doc = new_child(ctx, EXTENSIONS, machine, "vmExtensionName")
    return _start(ctx, machine, doc, object_of(ctx.body, "properties"), found)


def _patch(ctx: Context) -> Reply:
    check_types(ctx.body)
    machine = machine_of(ctx)
    doc = find_child(ctx, EXTENSIONS)
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    wanted = {**doc["properties"], **object_of(ctx.body, "properties")}
    return _start(ctx, machine, doc, wanted, doc)


def _start(ctx: Context, machine: Doc, doc: Doc, wanted: dict[str, Any], found: Doc | None) -> Reply:
    properties, version = _checked(ctx, machine, doc, wanted)
    check_running(machine, _NOT_RUNNING)
    check_extensions_allowed(machine)
    if found is not None and found["properties"]["provisioningState"] == "Deleting":
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Operation 'Update VM Extension' is not allowed on VM extension '{doc['name']}' since it is marked for "
            "deletion. You can only retry the Delete operation (or wait for an ongoing one to complete).",
        )
    properties["provisioningState"] = "Updating" if found else "Creating"
    doc["properties"] = properties
    doc["_version"] = version
    ctx.store.put(doc["id"], doc)
    operation = ctx.operations.start(
        "compute", doc["location"], "compute.extension.put", {"id": doc["id"]}, doc["id"], retry_after=0
    )
    return Reply(200 if found else 201, present(ctx, doc), operation.headers())


def _checked(ctx: Context, machine: Doc, doc: Doc, wanted: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The properties as they are shown, and the version that is installed.

    :raises ArmError: for what Azure refuses: unknown extensions, wrong systems, a second one of the same handler.
    """
    publisher, kind = required_text(wanted, "publisher"), required_text(wanted, "type")
    wanted_version = required_text(wanted, "typeHandlerVersion")
    upgrade = bool(flag_of(wanted, "autoUpgradeMinorVersion"))
    image = extension_images.find(publisher, kind)
    if image is None:
        raise ArmError(
            404,
            "ArtifactNotFound",
            f"The VM extension with publisher '{publisher}' and type '{kind}' could not be found in location "
            f"'{machine['location']}'.",
        )
    version = image.installed(wanted_version, upgrade=upgrade) if _VERSION.fullmatch(wanted_version) else None
    if version is None:
        raise ArmError(
            404,
            "ArtifactVersionNotFound",
            f"No version found in the artifact repository that satisfies the requested version '{wanted_version}' for VM "
            f"extension with publisher '{publisher}' and type '{kind}'.",
        )
    _check_system(machine, image)
    _check_single(ctx, machine, doc, image)
    force = {"forceUpdateTag": wanted["forceUpdateTag"]} if text_of(wanted, "forceUpdateTag") else {}
    properties: dict[str, Any] = {
        "autoUpgradeMinorVersion": upgrade,
        **force,
        "provisioningState": "Creating",
        **{name: wanted[name] for name in _ECHOED[1:] if wanted.get(name) is not None},
        "publisher": publisher,
        "type": kind,
        "typeHandlerVersion": wanted_version,
    }
    if member(wanted, "settings") is not None:
        properties["settings"] = object_of(wanted, "settings")
    return properties, version


def _check_system(machine: Doc, image: extension_images.ExtensionImage) -> None:
    os_type = machine["properties"]["storageProfile"]["osDisk"]["osType"]
    if image.os_type != os_type:
        raise ArmError(
            400,
            "BadRequest",
            f"The VM extension with publisher '{image.publisher}' and type '{image.type}' does not support OS type "
            f"'{os_type}'.",
        )


def _check_single(ctx: Context, machine: Doc, doc: Doc, image: extension_images.ExtensionImage) -> None:
    for other in children_of(ctx, machine, EXTENSIONS):
        has = other["properties"]
        same_handler = (has["publisher"].lower(), has["type"].lower()) == (image.publisher.lower(), image.type.lower())
        if other["id"].lower() != doc["id"].lower() and same_handler:
            raise ArmError(
                400,
                "BadRequest",
                f"Multiple VMExtensions per handler not supported for OS type '{image.os_type}'. VMExtension "
                f"'{doc['name']}' with handler '{image.publisher}.{image.type}' already added or specified in input.",
            )


def present(ctx: Context, doc: Doc) -> Doc:
    """What a client sees of an extension."""
    shown: Doc = cloned(public(doc))
    if "instanceview" in ctx.query.get("$expand", "").lower() and "child" in ctx.ids:
        shown["properties"]["instanceView"] = status_of(doc)
    return shown


def status_of(doc: Doc) -> dict[str, Any]:
    """An extension as it stands in an instance view."""
    properties = doc["properties"]
    state = properties["provisioningState"]
    status = {
        "code": f"ProvisioningState/{state.lower() if state != 'Creating' else 'transitioning'}",
        "level": "Error" if state == "Failed" else "Info",
        "displayStatus": "Provisioning failed" if state == "Failed" else f"Provisioning {state.lower()}",
    }
    if state == "Succeeded":
        script = properties["type"].lower() in _SCRIPTS
        status["message"] = message() if script else "Enable succeeded."
    return {
        "name": doc["name"],
        "type": f"{properties['publisher']}.{properties['type']}",
        "typeHandlerVersion": doc["_version"],
        "statuses": [status],
    }


def handler_of(doc: Doc) -> dict[str, Any]:
    """The handler of an extension as the agent reports it."""
    properties = doc["properties"]
    return {
        "type": f"{properties['publisher']}.{properties['type']}",
        "typeHandlerVersion": doc["_version"],
        "status": {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"},
    }


@effect("compute.extension.put")
def _installed(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is not None:
        doc["properties"]["provisioningState"] = "Succeeded"
        scope.store.put(doc["id"], doc)


def _get(ctx: Context) -> Reply:
    return Reply(200, present(ctx, find_child(ctx, EXTENSIONS)))


def _delete(ctx: Context) -> Reply:
    machine = machine_of(ctx)
    doc = ctx.store.get(child_id(ctx, EXTENSIONS))
    if doc is None:
        return Reply(204)
    check_running(machine, _NOT_RUNNING)
    ctx.operations.cancel(doc["id"])
    doc["properties"]["provisioningState"] = "Deleting"
    ctx.store.put(doc["id"], doc)
    args = {"id": doc["id"]}
    return accepted(ctx.operations.start("extension", doc["location"], "compute.extension.delete", args, doc["id"]))


@effect("compute.extension.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    scope.store.delete(args["id"])


_ALL = f"{GROUP}/virtualMachines/{{name}}/extensions"
_ONE = f"{_ALL}/{{child}}"
ROUTES = [
    Route("PUT", _ONE, _put, evidence=documented("2026-11-25")),
    Route("PATCH", _ONE, _patch, evidence=documented("2026-11-25")),
    Route("GET", _ONE, _get, evidence=documented("2026-11-25")),
    Route("DELETE", _ONE, _delete, evidence=documented("2026-11-25")),
    Route("GET", _ALL, lister(EXTENSIONS, present), evidence=documented("2026-11-25")),
]
