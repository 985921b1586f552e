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
from azure_emulator.core.store import public
from azure_emulator.core.values import cloned, flag_of, member, object_of, required_text, text_of
from azure_emulator.services.compute import extension_images
from azure_emulator.services.compute._shared import (
    DOOMED,
    begin,
    begin_deletion,
    check_location,
    not_allowed,
    set_state,
    set_tags,
)
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.vm_children import (
    EXTENSIONS,
    UNMODIFIABLE,
    check_extensions_allowed,
    check_running,
    child_id,
    children_of,
    find_child,
    machine_of,
    new_child,
    routes,
)
from azure_emulator.services.compute.vm_run_command import message

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_ECHOED = ("enableAutomaticUpgrade", "suppressFailures", "provisionAfterExtensions")
_VERSION = re.compile(r"\d+(\.\d+){0,3}")
_SCRIPTS = ("customscript", "customscriptforlinux", "customscriptextension")


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    machine = machine_of(ctx)
    found = ctx.store.get(child_id(ctx, EXTENSIONS))
    check_location(ctx, found or machine)
    doc = new_child(ctx, EXTENSIONS, machine, "vmExtensionName")
    return _start(ctx, machine, doc, object_of(ctx.body, "properties"), found)


def _patch(ctx: Context) -> Reply:
    check_types(ctx.body)
    machine = machine_of(ctx)
    doc = find_child(ctx, EXTENSIONS)
    set_tags(ctx, doc)
    wanted = {**doc["properties"], **object_of(ctx.body, "properties")}
    return _start(ctx, machine, doc, wanted, doc)


def _start(ctx: Context, machine: Doc, doc: Doc, wanted: dict[str, Any], found: Doc | None) -> Reply:
    properties, version = _checked(ctx, machine, doc, wanted)
    check_running(machine, UNMODIFIABLE)
    check_extensions_allowed(machine)
    if found is not None and found["properties"]["provisioningState"] == "Deleting":
        raise not_allowed("Update VM Extension", doc, f"it {DOOMED}", "VM extension")
    properties["provisioningState"] = "Updating" if found else "Creating"
    doc["properties"] = properties
    doc["_version"] = version
    ctx.store.put(doc["id"], doc)
    operation = begin(ctx, doc, "compute.extension.put", retry_after=0)
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
        **{name: wanted[name] for name in _ECHOED if wanted.get(name) is not None},
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
    set_state(scope, args["id"], "Succeeded")


def _delete(ctx: Context, doc: Doc) -> Reply:
    ctx.operations.cancel(doc["id"])
    return begin_deletion(ctx, doc, "compute.extension.delete", style="extension")


@effect("compute.extension.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    scope.store.delete(args["id"])


ROUTES = routes(EXTENSIONS, put=_put, patch=_patch, delete=_delete, present=present)
