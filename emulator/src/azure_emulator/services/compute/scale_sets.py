# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scale sets, as far as images need them: made from an image, shown, scaled, deleted.

Recorded: the properties of a finished set. An image is used as by a machine, and refused as for one. The instances
exist as numbers and states only: they have no disks, no interfaces, and no guests.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import (
    choice_of,
    cloned,
    flag_of,
    missing,
    number_of,
    object_of,
    objects_of,
    tags_of,
    text_of,
)
from azure_emulator.services.compute._shared import (
    GROUP,
    PROVIDER,
    SUBSCRIPTION,
    accepted,
    check_idle,
    check_location,
    find,
    getter,
    lister,
    new_resource,
    resource_id,
    visible,
    without,
)
from azure_emulator.services.compute.quotas import check_quota
from azure_emulator.services.compute.sizes import check_architecture, check_generation, check_size
from azure_emulator.services.compute.vm_identity import set_identity
from azure_emulator.services.compute.vm_profiles import os_profile
from azure_emulator.services.compute.vm_rules import check_plan, check_security
from azure_emulator.services.compute.vm_storage import Machine, plan

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sources import ImageSource

_KIND = "virtualMachineScaleSets"
_MODES = ("Automatic", "Manual", "Rolling")
_MOST = 1000
_ECHOED = ("scaleInPolicy", "automaticRepairsPolicy", "orchestrationMode", "platformFaultDomainCount", "zoneBalance")
# What came when: recorded for 2019-12-01, published for 2024; the bounds are documented.
_OS_TYPE = "2020-12-01"
_TIME_CREATED = "2021-11-01"
_CONTROLLER = "2023-03-01"
_PROFILE_CREATED = "2023-09-01"


def _put(ctx: Context) -> Reply:
    found = ctx.store.get(resource_id(ctx, _KIND))
    if found is not None:
        check_location(ctx, found)
        return _update(ctx, found)
    doc = new_resource(ctx, _KIND, "vmScaleSetName")
    wanted = object_of(ctx.body, "properties")
    sku = object_of(ctx.body, "sku")
    size = check_size(text_of(sku, "name") or _lacking("sku.name"))
    count = _capacity(sku)
    check_quota(ctx, doc["location"], size)
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    doc["sku"] = {"name": size.name, "tier": "Standard", "capacity": count}
    doc |= {name: ctx.body[name] for name in ("zones", "plan") if ctx.body.get(name)}
    set_identity(ctx, doc)
    profile = _profile(ctx, Machine(doc["id"], doc["name"], doc["location"], size), wanted)
    small = flag_of(wanted, "singlePlacementGroup")
    mode = choice_of(object_of(wanted, "upgradePolicy"), _MODES, "mode") or "Manual"
    doc["properties"] = {
        "singlePlacementGroup": count <= 100 if small is None else small,
        "upgradePolicy": {**object_of(wanted, "upgradePolicy"), "mode": mode},
        "virtualMachineProfile": profile,
        "provisioningState": "Creating",
        "overprovision": _switch(wanted, "overprovision", default=True),
        "doNotRunExtensionsOnOverprovisionedVMs": False,
        **{name: wanted[name] for name in _ECHOED if wanted.get(name) is not None},
        "uniqueId": str(uuid.uuid4()),
        "timeCreated": ctx.clock.iso(),
    }
    return _start(ctx, doc, 201, "compute.vmss.put")


def _update(ctx: Context, found: Doc) -> Reply:
    check_idle(ctx, found, "Update VM Scale Set", "VM Scale Set")
    sku = object_of(ctx.body, "sku")
    if sku.get("capacity") is not None:
        count = _capacity(sku)
        if count > found["sku"]["capacity"]:
            check_quota(ctx, found["location"], check_size(found["sku"]["name"]))
        found["sku"]["capacity"] = count
    if name := text_of(sku, "name"):
        found["sku"]["name"] = check_size(name).name
    tags = tags_of(ctx.body)
    if tags is not None:
        found["tags"] = tags
    if ctx.body.get("identity") is not None:
        set_identity(ctx, found)
    wanted = object_of(ctx.body, "properties")
    if mode := choice_of(object_of(wanted, "upgradePolicy"), _MODES, "mode"):
        found["properties"]["upgradePolicy"]["mode"] = mode
    found["properties"]["provisioningState"] = "Updating"
    return _start(ctx, found, 200, "compute.vmss.put")


def _patch(ctx: Context) -> Reply:
    return _update(ctx, find(ctx, _KIND))


def _start(ctx: Context, doc: Doc, status: int, name: str) -> Reply:
    ctx.store.put(doc["id"], doc)
    operation = ctx.operations.start("compute", doc["location"], name, {"id": doc["id"]}, doc["id"])
    return Reply(status, _show(ctx, doc), operation.headers())


def _lacking(name: str) -> str:
    raise missing(name)


def _capacity(sku: dict[str, Any]) -> int:
    count = number_of(sku, "capacity")
    if count is None:
        return 0
    if not 0 <= count <= _MOST:
        raise ArmError(
            400, "InvalidParameter", "The value of parameter 'sku.capacity' is out of range.", "sku.capacity"
        )
    return count


def _switch(wanted: dict[str, Any], name: str, *, default: bool) -> bool:
    """A flag that templates write as text, too."""
    value = wanted.get(name)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    found = flag_of(wanted, name)
    return default if found is None else found


def _profile(ctx: Context, machine: Machine, wanted: dict[str, Any]) -> dict[str, Any]:
    given = object_of(wanted, "virtualMachineProfile")
    if not given:
        raise missing("virtualMachineProfile", "properties")
    storage, image = plan(ctx, machine, given)
    check_generation(machine.size, image.generation if image else "V1")
    if image is not None:
        check_architecture(machine.size, image.architecture)
    check_plan(ctx, machine.id, image)
    check_security(given, machine.size, image)
    found: dict[str, Any] = {}
    if image is not None and image.generalized:
        found["osProfile"] = _os_profile(given, image)
    found["storageProfile"] = _storage(storage, image)
    found["networkProfile"] = _network(given)
    for name in (
        "securityProfile",
        "diagnosticsProfile",
        "extensionProfile",
        "priority",
        "evictionPolicy",
        "licenseType",
    ):
        if given.get(name) is not None:
            found[name] = given[name]
    return found


def _os_profile(given: dict[str, Any], image: ImageSource) -> dict[str, Any]:
    wanted = object_of(given, "osProfile")
    prefix = text_of(wanted, "computerNamePrefix")
    if not prefix:
        raise missing("computerNamePrefix", "osProfile")
    shown, _secrets = os_profile({"osProfile": {**wanted, "computerName": prefix[:15]}}, image.os_type)
    for name in ("linuxConfiguration", "windowsConfiguration"):
        if name in shown and not object_of(wanted, name, "patchSettings"):
            shown[name] = without(shown[name], "patchSettings")  # a default of single machines only
    return {"computerNamePrefix": prefix, **without(shown, "computerName", "computerNamePrefix")}


def _storage(storage: dict[str, Any], image: ImageSource | None) -> dict[str, Any]:
    os_disk = storage["osDisk"]
    size = os_disk.get("diskSizeGB") or (image.os.size_gb if image else 30)
    kept = ("createOption", "caching", "managedDisk")
    disk = {"osType": os_disk["osType"], **{k: os_disk[k] for k in kept if k in os_disk}, "diskSizeGB": size}
    shown: dict[str, Any] = {"osDisk": disk}
    if "imageReference" in storage:
        shown["imageReference"] = without(storage["imageReference"], "exactVersion")
    disks = [{k: disk[k] for k in ("lun", *kept, "diskSizeGB") if k in disk} for disk in storage["dataDisks"]]
    return {**shown, **({"dataDisks": disks} if disks else {})}


def _network(given: dict[str, Any]) -> dict[str, Any]:
    configurations = objects_of(given, "networkProfile", "networkInterfaceConfigurations")
    if not configurations:
        raise missing("networkInterfaceConfigurations", "networkProfile")
    return {"networkInterfaceConfigurations": [_interface(one) for one in configurations]}


def _interface(given: dict[str, Any]) -> dict[str, Any]:
    wanted = object_of(given, "properties")
    addresses = [
        {
            "name": text_of(one, "name") or "",
            "properties": {"privateIPAddressVersion": "IPv4", **object_of(one, "properties")},
        }
        for one in objects_of(wanted, "ipConfigurations")
    ]
    return {
        "name": text_of(given, "name") or "",
        "properties": {
            **without(wanted, "ipConfigurations"),
            "primary": _switch(wanted, "primary", default=True),
            "enableAcceleratedNetworking": _switch(wanted, "enableAcceleratedNetworking", default=False),
            "dnsSettings": {"dnsServers": [], **object_of(wanted, "dnsSettings")},
            "enableIPForwarding": _switch(wanted, "enableIPForwarding", default=False),
            "ipConfigurations": addresses,
        },
    }


def _show(ctx: Context, doc: Doc) -> Doc:
    shown: Doc = cloned(visible(doc))
    properties = shown["properties"]
    profile = properties["virtualMachineProfile"]
    if ctx.api_version >= _PROFILE_CREATED:
        profile["timeCreated"] = properties["timeCreated"]
    if ctx.api_version < _TIME_CREATED:
        del properties["timeCreated"]
    if ctx.api_version >= _CONTROLLER:
        profile["storageProfile"]["diskControllerType"] = "SCSI"
    if ctx.api_version < _OS_TYPE:
        profile["storageProfile"]["osDisk"].pop("osType", None)
    return shown


@effect("compute.vmss.put")
def _done(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is not None:
        doc["properties"]["provisioningState"] = "Succeeded"
        scope.store.put(doc["id"], doc)


def _delete(ctx: Context) -> Reply:
    doc = ctx.store.get(resource_id(ctx, _KIND))
    if doc is None:
        return Reply(204)
    ctx.operations.cancel(doc["id"])
    doc["properties"]["provisioningState"] = "Deleting"
    ctx.store.put(doc["id"], doc)
    return accepted(
        ctx.operations.start("compute", doc["location"], "compute.vmss.delete", {"id": doc["id"]}, doc["id"])
    )


@effect("compute.vmss.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    scope.store.delete(args["id"])


def _instances(ctx: Context) -> Reply:
    doc = find(ctx, _KIND)
    return Reply(200, {"value": [_instance(doc, number) for number in range(doc["sku"]["capacity"])]})


def _one_instance(ctx: Context) -> Reply:
    doc = find(ctx, _KIND)
    number = ctx.ids["instance"]
    if not number.isdecimal() or int(number) >= doc["sku"]["capacity"]:
        kind = f"{PROVIDER}/{_KIND}/virtualMachines"
        raise resource_not_found(kind, [doc["name"], number], ctx.ids["group"])
    return Reply(200, _instance(doc, int(number)))


def _instance(doc: Doc, number: int) -> dict[str, Any]:
    profile = doc["properties"]["virtualMachineProfile"]
    return {
        "name": f"{doc['name']}_{number}",
        "id": f"{doc['id']}/virtualMachines/{number}",
        "type": f"{PROVIDER}/{_KIND}/virtualMachines",
        "location": doc["location"],
        "instanceId": str(number),
        "sku": {"name": doc["sku"]["name"], "tier": "Standard"},
        "properties": {
            "latestModelApplied": True,
            "vmId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{doc['properties']['uniqueId']}/{number}")),
            "storageProfile": profile["storageProfile"],
            "provisioningState": doc["properties"]["provisioningState"],
        },
    }


_KNOWN = documented("2026-11-25")
_ONE = f"{GROUP}/{_KIND}/{{name}}"
ROUTES = [
    Route("PUT", _ONE, _put, evidence=_KNOWN),
    Route("PATCH", _ONE, _patch, evidence=_KNOWN),
    Route("GET", _ONE, getter(_KIND, _show), evidence=_KNOWN),
    Route("DELETE", _ONE, _delete, evidence=_KNOWN),
    Route("GET", f"{GROUP}/{_KIND}", lister(_KIND, _show), evidence=_KNOWN),
    Route("GET", f"{SUBSCRIPTION}/{_KIND}", lister(_KIND, _show), evidence=_KNOWN),
    Route("GET", f"{_ONE}/virtualMachines", _instances),
    Route("GET", f"{_ONE}/virtualMachines/{{instance}}", _one_instance),
]
