# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module vm does: one machine, from what is wanted of it to what it is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import (
    disks,
    locations,
    machine_body,
    machine_network,
    machine_sources,
    virtual_machines,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present, stated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

DEFAULT_SIZE = "Standard_B2s"
POWER = {"started": "running", "restarted": "restarted", "stopped": "stopped", "deallocated": "deallocated"}

# What only a new machine can have otherwise.
IMMUTABLE = (
    "location",
    "zones",
    "storage_profile.image_reference",
    "storage_profile.os_disk",
    "os_profile",
    "license_type",
)
CASE_INSENSITIVE = (
    "location",
    "hardware_profile.vm_size",
    "storage_profile.image_reference.*",
    "storage_profile.os_disk.managed_disk.id",
    "storage_profile.data_disks.*.managed_disk.id",
)
KEYS = {"storage_profile.data_disks": "lun"}


def ensure(task: Task) -> dict[str, Any]:
    """Make the machine, or bring an existing one to what is wanted."""
    params, azure = task.params, task.azure
    group, name = params["resource_group"], params["name"]
    _resolve_disks(azure, params)
    found = azure.attach(azure.compute.virtual_machines.get, group, name, expand="instanceView")
    if found is None:
        return _create(task)
    wanted = _wanted(task, found)
    _refuse_new_only(azure, params, found)
    plan = _plan(found, wanted, params["state"])
    if plan.changed:
        _refuse_start_of_generalized(found, plan)
        _check_changes(azure, params, found, plan)
    if plan.changed and not task.check_mode:
        _apply(task, plan, found, wanted)
        found = virtual_machines.must_exist(azure, group, name)
    return task.result(plan, vm=virtual_machines.show(azure, found))


def _resolve_disks(azure: Session, params: dict[str, Any]) -> None:
    """Names of existing disks become ids."""
    where = {"subscription_id": azure.subscription_id, "resource_group": params["resource_group"], "type_": disks.TYPE}
    for disk in params["data_disks"] or []:
        if disk["source"]:
            parameter = f"data_disks[{disk['lun']}].source"
            disk["source"] = str(ids.resolve(disk["source"], parameter=parameter, **where))
    os_disk = params["os_disk"] or {}
    if os_disk.get("source"):
        if params["image"]:
            raise InvalidInput("Both image and os_disk.source are given.", remedy="Give one of them.")
        os_disk["source"] = str(ids.resolve(os_disk["source"], parameter="os_disk.source", **where))


def _create(task: Task) -> dict[str, Any]:
    params, azure = task.params, task.azure
    location = locations.plain(params["location"] or azure.resources.location(params["resource_group"]))
    source = _source(azure, params, location)
    _check(azure, params, source, location)
    params["size"] = params["size"] or DEFAULT_SIZE
    power = POWER.get(params["state"], "running").replace("restarted", "running")
    tags = task.tags(None)
    if params["public_ip_address"] and params["allowed_source"] == "*":
        task.warn("The machine's login port is open to the whole internet; set allowed_source to where you come from.")
    if task.check_mode:
        wanted = machine_body.desire(params, source, location=location, tags=tags, nics=[])
        plan = _creation(params["name"], wanted, power)
        return task.result(plan, vm={"name": params["name"], **plan.after})
    network = machine_network.MachineNetwork(task, location, source.os_type)
    wanted = machine_body.desire(params, source, location=location, tags=tags, nics=network.interfaces())
    try:
        _put(task, wanted)
    except GoldenImageError:
        with contextlib.suppress(GoldenImageError):  # not to be told: then Azure keeps what the machine holds
            if virtual_machines.read(azure, params["resource_group"], params["name"]) is not None:
                _keep(network)  # the machine is there, failed, and holds its network: a re-run mends it
        raise
    _keep(network)
    if power != "running":
        _set_power(task, power)
    found = virtual_machines.must_exist(azure, params["resource_group"], params["name"])
    return task.result(_creation(params["name"], wanted, power), vm=virtual_machines.show(azure, found))


def _source(azure: Session, params: Mapping[str, Any], location: str) -> machine_sources.Source:
    os_disk = params["os_disk"] or {}
    if os_disk.get("source"):
        return machine_sources.from_disk(azure, os_disk["source"])
    if params["image"]:
        return machine_sources.from_image(azure, params["image"], group=params["resource_group"], location=location)
    raise InvalidInput(
        f"The machine {params['name']} does not exist, and nothing to make it from is given.",
        remedy="Set image, or os_disk.source for an existing OS disk.",
    )


def _check(azure: Session, params: Mapping[str, Any], source: machine_sources.Source, location: str) -> None:
    """Everything that can be known before the first write."""
    locations.check(azure, location)
    if source.location and locations.plain(source.location) != locations.plain(location):
        raise InvalidInput(
            f"{source.name} lies in {source.location}, the machine shall lie in {location}.",
            remedy="Make the machine there, or an image in this location.",
        )
    machine_body.check(params, source)
    locations.check_size(azure, location, params["size"] or DEFAULT_SIZE, source.generation)
    for disk in machine_body.wanted_disks(params):
        _check_new_disk(azure, params, disk, from_image=disk["lun"] in source.luns)
    if source.image:
        _check_free_name(azure, params, machine_body.os_disk(params, source)["name"])
    machine_network.check(azure, params)


def _check_new_disk(azure: Session, params: Mapping[str, Any], disk: Mapping[str, Any], *, from_image: bool) -> None:
    if disk["source"]:
        _check_attachable(azure, disk)
        return
    if not disk["disk_size_gb"] and not from_image:
        raise InvalidInput(
            f"The new data disk at LUN {disk['lun']} has no size.",
            remedy="Set disk_size_gb, or source for an existing disk.",
        )
    _check_free_name(azure, params, machine_body.data_disk(params["name"], disk, None)["name"])


def _check_free_name(azure: Session, params: Mapping[str, Any], name: str) -> None:
    """A disk that is there already is not taken over: it may be all that is left of something."""
    if disks.read(azure, params["resource_group"], name) is not None:
        raise InvalidInput(
            f"The disk {name}, which the machine {params['name']} would make, exists.",
            remedy="Attach it as it is (os_disk.source or data_disks.source), delete it, or name the new disk differently.",
        )


def _refuse_new_only(azure: Session, params: Mapping[str, Any], found: Wire) -> None:
    """Options that only a new machine can have: an existing one has them as stated, or the task fails.

    :raises InvalidInput: naming all that differ.
    """
    properties, problems = found["properties"], machine_body.lun_problems(params)
    generation = properties.get("instanceView", {}).get("hyperVGeneration")
    security = properties.get("securityProfile", {}).get("securityType")
    if params["hyper_v_generation"] and generation and params["hyper_v_generation"] != generation:
        problems.append(f"hyper_v_generation is {params['hyper_v_generation']}, and the machine is of {generation}")
    if params["security_type"] and params["security_type"] != security:
        problems.append(f"security_type is {params['security_type']}, and the machine has {security or 'none'}")
    if params["network_interfaces"]:
        wanted = sorted(nic.lower() for nic in machine_network.interface_ids(azure, params))
        if wanted != sorted(nic.lower() for nic in virtual_machines.nic_ids(found)):
            problems.append("network_interfaces are not the ones it has")
    if params["public_ip_address"] and not virtual_machines.addresses(azure, found)["public_ip_addresses"]:
        problems.append("public_ip_address is set, and the machine has none")
    have = {disk["lun"]: disk for disk in properties["storageProfile"].get("dataDisks") or []}
    for disk in machine_body.wanted_disks(params):
        size = have.get(disk["lun"], {}).get("diskSizeGB")
        if disk["disk_size_gb"] and size and disk["disk_size_gb"] != size:
            problems.append(
                f"the disk at LUN {disk['lun']} has {size} GiB, not {disk['disk_size_gb']} (goldenimage.azure.disk)"
            )
    if problems:
        raise InvalidInput(
            f"The machine {params['name']} exists and cannot become as stated: {'; '.join(problems)}.",
            remedy="Leave these options out, or make a new machine.",
            problems=problems,
        )


def _check_changes(azure: Session, params: Mapping[str, Any], found: Wire, plan: Plan) -> None:
    """What Azure would refuse of a change, before it is asked for."""
    if "hardware_profile.vm_size" in plan.changes:
        generation = found["properties"].get("instanceView", {}).get("hyperVGeneration")
        locations.check_size(azure, found["location"], params["size"], generation)
    have = {disk["lun"] for disk in found["properties"]["storageProfile"].get("dataDisks") or []}
    for disk in machine_body.wanted_disks(params):
        if disk["lun"] not in have:
            _check_new_disk(azure, params, disk, from_image=False)


def _check_attachable(azure: Session, disk: Mapping[str, Any]) -> None:
    owner = disks.check_source(azure, disk["source"]).get("managedBy")
    if owner:
        raise InvalidInput(
            f"The disk {disk['source']} belongs to {owner} already.", remedy="Detach it there, or copy it."
        )


def _creation(name: str, wanted: Wire, power: str) -> Plan:
    """The plan of a new machine; secrets and what Azure numbers itself do not belong into a diff."""
    shown = present(wanted)
    shown.pop("network_profile", None)
    profile = shown.get("os_profile", {})
    for secret in ("admin_password", "custom_data"):
        profile.pop(secret, None)
    profile.get("windows_configuration", {}).pop("additional_unattend_content", None)
    return Plan.between(None, {"name": name, **shown, "power_state": power})


def _put(task: Task, wanted: Wire) -> None:
    """Create it, at most once: a second PUT would take away the data disks that came from the image."""
    machines = task.azure.compute.virtual_machines
    group, name = task.params["resource_group"], task.params["name"]
    what = f"create the machine {name}"
    create = machines.begin_create_or_update
    task.azure.send(create, group, name, body=wanted, what=what, done=lambda found: found is not None)


def _keep(network: machine_network.MachineNetwork) -> None:
    for undo in network.made:
        undo.dismiss()


def _wanted(task: Task, found: Wire) -> Wire:
    """What is stated of an existing machine, as ARM has it. Passwords and custom data cannot be compared."""
    params = task.params
    profile = {"adminUsername": params["admin_username"], "computerName": params["computer_name"]}
    diagnostics = {"bootDiagnostics": {"enabled": params["boot_diagnostics"]}}
    storage: Wire = {"dataDisks": _data_disks(params, found) if params["data_disks"] else None}
    if params["image"]:
        storage["imageReference"] = _reference(task.azure, params)
    if (params["os_disk"] or {}).get("source"):
        storage["osDisk"] = {"managedDisk": {"id": params["os_disk"]["source"]}}
    return stated(
        {
            "location": params["location"] and locations.plain(params["location"]),
            "zones": [params["zone"]] if params["zone"] else None,
            "tags": task.tags(found.get("tags")),
            "properties": {
                "hardwareProfile": {"vmSize": params["size"]},
                "storageProfile": storage,
                "osProfile": profile,
                "diagnosticsProfile": diagnostics,
                "licenseType": params["license_type"],
            },
        }
    )


def _reference(azure: Session, params: Mapping[str, Any]) -> Wire:
    """The stated image as a reference, without asking whether it still exists."""
    image = params["image"]
    if isinstance(image, str) and image.count(":") == 3 and not image.startswith("/"):
        names = ("publisher", "offer", "sku", "version")
        return dict(zip(names, image.split(":"), strict=True))
    where = {"subscription_id": azure.subscription_id, "resource_group": params["resource_group"]}
    return {"id": str(ids.resolve(image, type_="Microsoft.Compute/images", parameter="image", **where))}


def _data_disks(params: Mapping[str, Any], found: Wire) -> list[Wire]:
    """All data disks of the machine: the ones it has, with those added, changed or taken away that are stated."""
    have = {disk["lun"]: disk for disk in found["properties"]["storageProfile"].get("dataDisks") or []}
    for disk in params["data_disks"]:
        lun = disk["lun"]
        if disk["state"] == "absent":
            have.pop(lun, None)
        elif lun in have:
            source = {"managedDisk": {"id": disk["source"]}} if disk["source"] else {}
            have[lun] = {**have[lun], "caching": disk["caching"], **source}
        else:
            have[lun] = stated(machine_body.data_disk(params["name"], disk, None))
    return [have[lun] for lun in sorted(have)]


def _plan(found: Wire, wanted: Wire, state: str) -> Plan:
    have = {**present(found), "power_state": virtual_machines.power_state(found)}
    want = {**present(wanted), "power_state": POWER.get(state)}
    if found["properties"].get("provisioningState") == "Failed":
        want["provisioning_state"] = "Succeeded"
    return Plan.between(have, want, immutable=IMMUTABLE, case_insensitive=CASE_INSENSITIVE, keys=KEYS)


def _refuse_start_of_generalized(found: Wire, plan: Plan) -> None:
    if (
        "power_state" in plan.changes
        and virtual_machines.is_generalized(found)
        and plan.after["power_state"]
        in (
            "running",
            "restarted",
        )
    ):
        raise InvalidInput(
            f"The machine {found['name']} is generalized and can never start again.",
            remedy="Make a new machine from its image (vm_capture), or leave its power state alone (state: present).",
        )


def _apply(task: Task, plan: Plan, found: Wire, wanted: Wire) -> None:
    properties = [path for path in plan.changes if path != "power_state"]
    if properties:
        machines = task.azure.compute.virtual_machines
        group, name = task.params["resource_group"], task.params["name"]
        asked = wanted.get("properties", {})
        # The size is always sent: any update makes Azure apply a machine again whose provisioning has failed.
        size = asked.get("hardwareProfile") or found["properties"]["hardwareProfile"]
        storage = {"dataDisks": asked.get("storageProfile", {}).get("dataDisks")}
        changed = {
            "hardwareProfile": size,
            "storageProfile": storage,
            "diagnosticsProfile": asked.get("diagnosticsProfile"),
        }
        body = stated({"tags": wanted.get("tags"), "properties": changed})
        task.azure.send(machines.begin_update, group, name, body=body, what=f"update the machine {found['name']}")
    if "power_state" in plan.changes:
        _set_power(task, plan.after["power_state"])


def _set_power(task: Task, state: str) -> None:
    actions: dict[str, Callable[[Task, str, str], None]] = {
        "running": virtual_machines.start,
        "restarted": virtual_machines.restart,
        "stopped": virtual_machines.power_off,
        "deallocated": virtual_machines.deallocate,
    }
    actions[state](task, task.params["resource_group"], task.params["name"])


def remove(task: Task) -> dict[str, Any]:
    """Delete the machine, and what was asked for beside it.

    Of an interrupted deletion a repeated task still finds the network that was made; the disks of a machine that is gone
    can no longer be told from others, so they stay.
    """
    group, name = task.params["resource_group"], task.params["name"]
    found = virtual_machines.read(task.azure, group, name)
    going = _going(task, found)
    plan = Plan.between({"vm": present(found) if found else None, "also": going} if found or going else None, None)
    if not plan.changed or task.check_mode:
        return task.result(plan, removed=going)
    if found is not None:
        virtual_machines.delete(task, group, name)
    network = task.azure.network
    for resource in going:
        parts = ids.parse(resource)
        if parts.type.lower() == disks.TYPE.lower():
            disks.delete(task, parts.resource_group, parts.name)
        elif parts.type.lower() == machine_network.NIC.lower():
            call = network.network_interfaces.begin_delete
            task.azure.send(call, parts.resource_group, parts.name, what=f"delete the network interface {parts.name}")
    if "network" in task.params["remove_on_absent"]:
        machine_network.remove(task, group, name)
    return task.result(plan, removed=going)


def _going(task: Task, found: Wire | None) -> list[str]:
    """The ids of what goes with the machine."""
    asked, azure = task.params["remove_on_absent"], task.azure
    going: list[str] = []
    if found is not None:
        storage = found["properties"]["storageProfile"]
        attached = [storage["osDisk"]] if "os_disk" in asked else []
        attached += storage.get("dataDisks") or [] if "data_disks" in asked else []
        going += [disk["managedDisk"]["id"] for disk in attached if disk.get("managedDisk")]
        going += virtual_machines.nic_ids(found) if "network_interfaces" in asked else []
    if "network" in asked:
        pieces = machine_network.pieces(azure, task.params["resource_group"], task.params["name"])
        for _operations, one in pieces:
            others = machine_network.users(one, task.params["name"])
            if others:
                task.warn(f"{one['name']} stays, because {', '.join(others)} uses it.")
            elif one["id"] not in going:
                going.append(one["id"])
    return going
