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
from azure_emulator.core.errors import resource_not_found
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route
from azure_emulator.core.store import public
from azure_emulator.core.values import choice_of, cloned, flag_of, missing, number_of, object_of, objects_of, text_of
from azure_emulator.services.compute._calls import Resource
from azure_emulator.services.compute._shared import (
    GROUP,
    PROVIDER,
    begin,
    begin_deletion,
    check_idle,
    find,
    invalid,
    set_state,
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


def _write(ctx: Context, doc: Doc) -> Reply:
    return _update(ctx, doc) if "properties" in doc else _create(ctx, doc)


def _create(ctx: Context, doc: Doc) -> Reply:
    wanted = object_of(ctx.body, "properties")
    sku = object_of(ctx.body, "sku")
    name = text_of(sku, "name")
    if not name:
        raise missing("sku.name")
    size = check_size(name)
    count = _capacity(sku)
    check_quota(ctx, doc["location"], size)
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
    return _start(ctx, doc, 201)


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
    if ctx.body.get("identity") is not None:
        set_identity(ctx, found)
    wanted = object_of(ctx.body, "properties")
    if mode := choice_of(object_of(wanted, "upgradePolicy"), _MODES, "mode"):
        found["properties"]["upgradePolicy"]["mode"] = mode
    found["properties"]["provisioningState"] = "Updating"
    return _start(ctx, found, 200)


def _start(ctx: Context, doc: Doc, status: int) -> Reply:
    ctx.store.put(doc["id"], doc)
    return Reply(status, _show(ctx, doc), begin(ctx, doc, "compute.vmss.put").headers())


def _capacity(sku: dict[str, Any]) -> int:
    count = number_of(sku, "capacity")
    if count is None:
        return 0
    if not 0 <= count <= _MOST:
        raise invalid("The value of parameter 'sku.capacity' is out of range.", "sku.capacity")
    return count


def _switch(wanted: dict[str, Any], name: str, *, default: bool) -> bool:
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
    shown: Doc = cloned(public(doc))
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
    set_state(scope, args["id"], "Succeeded")


def _delete(ctx: Context, doc: Doc) -> Reply:
    ctx.operations.cancel(doc["id"])
    return begin_deletion(ctx, doc, "compute.vmss.delete")


@effect("compute.vmss.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    scope.store.delete(args["id"])


def _instances(ctx: Context) -> Reply:
    doc = find(ctx, _KIND)
    return Reply(200, {"value": [_instance(doc, number) for number in range(doc["sku"]["capacity"])]})


def _one_instance(ctx: Context) -> Reply:
    doc = find(ctx, _KIND)
    number = ctx.ids["instance"]
    if not number.isdecimal() or len(number) > len(str(_MOST)) or int(number) >= doc["sku"]["capacity"]:
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


# Templates write flags as text here, so bodies are looked at where they are read.
_SET = Resource(_KIND, "vmScaleSetName", _write, _delete, show=_show, typed=False)
_ONE = f"{GROUP}/{_KIND}/{{name}}"
ROUTES = [
    *_SET.routes(),
    Route("GET", f"{_ONE}/virtualMachines", _instances),
    Route("GET", f"{_ONE}/virtualMachines/{{instance}}", _one_instance),
]
