# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The legacy capture of machines with blob disks: their blobs are copied, a template tells how to start from them.

Recorded: statuses, names of blobs, the template, that ``overwriteVhds`` may be the text "true". The bytes are copied
while the operation runs; the machine's own blobs are not touched.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import member, missing, text_of
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._shared import PROVIDER, accepted, begin, doc_of, find, invalid
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.vm_rules import check_idle

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.context import Context, Reply, Scope
    from azure_emulator.core.store import Doc

_PREFIX = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
_CONTAINER = re.compile(r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]")


def capture(ctx: Context) -> Reply:
    """202; the template comes with the operation's result."""
    check_types(ctx.body)
    doc = find(ctx, "virtualMachines")
    check_idle(ctx, doc, "Capture VM")
    storage = doc["properties"]["storageProfile"]
    if "managedDisk" in storage["osDisk"]:
        raise ArmError(
            409,
            "OperationNotAllowed",
            "The Capture action is only supported on a Virtual Machine with blob based disks. Please use the 'Image' "
            "resource APIs to create an Image from a managed Virtual Machine.",
        )
    if not doc.get("_generalized"):
        raise ArmError(
            409, "OperationNotAllowed", "Capture operation cannot be completed because the VM is not generalized."
        )
    prefix, container = _wanted(ctx)
    disks = _targets(doc, prefix, container)
    if not _overwrites(ctx):
        _check_free(ctx, disks)
    copies = _copies(ctx, disks)
    return accepted(begin(ctx, doc, "compute.vm.capture", disks=disks, copies=copies, version=ctx.api_version))


def _wanted(ctx: Context) -> tuple[str, str]:
    found = []
    for name in ("vhdPrefix", "destinationContainerName"):
        value = text_of(ctx.body, name)
        if not value:
            raise missing(name)
        found.append(value)
    prefix, container = found
    if not re.fullmatch(_PREFIX, prefix):
        text = f"'{prefix}' is not a valid captured VHD blob name prefix. A valid prefix matches regex '{_PREFIX}'."
        raise invalid(text, "vhdPrefix")
    if not _CONTAINER.fullmatch(container):
        raise invalid(
            f"Container name {container} is invalid. Container names must be 3-63 characters in length and may contain only "
            "lower-case alphanumeric characters and hyphen. Hyphen must be preceded and followed by an alphanumeric "
            "character.",
            "destinationContainerName",
        )
    return prefix, container


def _overwrites(ctx: Context) -> bool:
    """``true``, or the text of it; anything else is refused."""
    value = member(ctx.body, "overwriteVhds")
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise invalid("The value of parameter overwriteVhds is invalid.", "overwriteVhds")


def _targets(doc: Doc, prefix: str, container: str) -> list[dict[str, Any]]:
    """What becomes of each disk: its blob, the image's, and the one of a machine that is started from it."""
    storage = doc["properties"]["storageProfile"]
    found = []
    for disk in (storage["osDisk"], *(disk for disk in storage["dataDisks"] if "vhd" in disk)):
        label = f"dataDisk-{disk['lun']}" if "lun" in disk else "osDisk"
        name = f"{prefix}-{label}.{doc['properties']['vmId']}.vhd"
        base = disk["vhd"]["uri"].rsplit("/", 2)[0]
        fresh = uuid.uuid4()
        found.append(
            {
                **({"lun": disk["lun"]} if "lun" in disk else {"osType": disk["osType"]}),
                "name": name,
                "source": disk["vhd"]["uri"],
                "image": f"{base}/system/Microsoft.Compute/Images/{container}/{name}",
                "vhd": f"{base}/vmcontainer{fresh}/{label}.{fresh}.vhd",
                "caching": disk["caching"],
            }
        )
    return found


def _check_free(ctx: Context, disks: list[dict[str, Any]]) -> None:
    for disk in disks:
        if blobs.exists(ctx, disk["image"]):
            raise ArmError(
                409,
                "TargetDiskBlobAlreadyExists",
                f"Capture operation cannot continue because target image blob {disk['image']} already exists and the flag to "
                "overwrite VHD blobs is not set. Either delete the blob or set the flag to overwrite VHD blobs and retry.",
            )


def _copies(ctx: Context, disks: list[dict[str, Any]]) -> list[dict[str, str]]:
    now = ctx.clock.now()
    return [
        {
            **blobs.writable(blobs.locate(ctx, disk["image"]), now),
            "source": blobs.describe(ctx, disk["source"])["url"],
        }
        for disk in disks
    ]


def _copy(data_dir: Path, args: dict[str, Any]) -> None:
    for one in args["copies"]:
        blobs.copy_vhd(data_dir, **one)


@effect("compute.vm.capture", work=_copy)
def _captured(scope: Scope, args: dict[str, Any]) -> Any:
    doc = doc_of(scope, args)
    from_market = "publisher" in doc["properties"]["storageProfile"].get("imageReference", {})
    for disk in args["disks"]:
        scope.store.kv_put(blobs.CAPTURED, disk["image"].lower(), {"marketplace": from_market})
    return _template(doc, args["disks"], args["version"])


def _template(doc: Doc, disks: list[dict[str, Any]], version: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "vmName": {"type": "string"},
        "vmSize": {"type": "string", "defaultValue": doc["properties"]["hardwareProfile"]["vmSize"]},
        "adminUserName": {"type": "string"},
        "adminPassword": {"type": "securestring"},
        "networkInterfaceId": {"type": "string"},
    }
    profile = {
        "computerName": "[parameters('vmName')]",
        "adminUsername": "[parameters('adminUsername')]",
        "adminPassword": "[parameters('adminPassword')]",
    }
    storage: dict[str, Any] = {"osDisk": _disk(disks[0])}
    if disks[1:]:
        storage["dataDisks"] = [_disk(disk) for disk in disks[1:]]
    return {
        "$schema": "http://schema.management.azure.com/schemas/2014-04-01-preview/VM_IP.json",
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "resources": [
            {
                "name": "[parameters('vmName')]",
                "type": f"{PROVIDER}/virtualMachines",
                "location": doc["location"],
                "apiVersion": version,
                "properties": {
                    "hardwareProfile": {"vmSize": "[parameters('vmSize')]"},
                    "storageProfile": storage,
                    "osProfile": profile,
                    "networkProfile": {"networkInterfaces": [{"id": "[parameters('networkInterfaceId')]"}]},
                    "provisioningState": 0,
                },
            }
        ],
    }


def _disk(disk: dict[str, Any]) -> dict[str, Any]:
    head = {"lun": disk["lun"]} if "lun" in disk else {"osType": disk["osType"]}
    return {
        **head,
        "name": disk["name"],
        "createOption": "FromImage",
        "image": {"uri": disk["image"]},
        "vhd": {"uri": disk["vhd"]},
        "caching": disk["caching"],
    }
