# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a backup: to disks, to a new machine, or to the machine it is of. Only a complete set is ever restored.

The disks are made first. The machine then gets all of them in one update, so that it never has some of the old and some of
the new ones. The disks it had stay, detached.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import (
    backup_sets,
    backups,
    disks,
    locations,
    machine_network,
    machines,
    restored_disks,
    virtual_machines,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import stated
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.restored_disks import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.backup_sets import BackupSet
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task


def restore(task: Task) -> dict[str, Any]:
    """What the module does with ``state: restored``."""
    backup_sets.check_name(task.params["set"])
    restored_disks.check_prefix(task.params)
    whole = backups.must_be_complete(task, task.params["set"])
    ways = {"disks": _to_disks, "new_vm": _to_new_machine, "same_vm": _to_same_machine}
    return ways[task.params["restore_to"]](task, whole)


def _result(task: Task, plan: Plan, whole: BackupSet, targets: list[Target], **more: Any) -> dict[str, Any]:
    return task.result(plan, backup=backup_sets.show(whole), disks=restored_disks.show(task, targets), **more)


def _to_disks(task: Task, whole: BackupSet) -> dict[str, Any]:
    targets = restored_disks.targets(task, whole, used_too=True)
    before = {"disks": {one.member.key: one.id.name if one.found else None for one in targets}}
    plan = Plan.act("restore", before, {"disks": {one.member.key: one.id.name for one in targets}})
    if plan.changed and not task.check_mode:
        for undo in restored_disks.make(task, whole, targets):
            undo.dismiss()
    return _result(task, plan, whole, targets)


def _holding(azure: Session, vm: Wire) -> dict[str, Wire]:
    """The machine's disks as resources, by key."""
    storage = vm["properties"]["storageProfile"]
    attached = {backup_sets.OS: storage["osDisk"]}
    attached.update({str(disk["lun"]): disk for disk in storage.get("dataDisks") or []})
    found = {}
    for key, disk in attached.items():
        found[key] = {"name": disk.get("name"), "properties": {}}
        identity = (disk.get("managedDisk") or {}).get("id")
        if identity:
            where = ids.parse(identity)
            found[key] = disks.read(azure, where.resource_group, where.name) or found[key]
    return found


def _has_it(holding: Mapping[str, Wire], whole: BackupSet) -> bool:
    """Whether a machine has exactly the disks that were made of this set, each at its place."""
    return all(
        key in holding and one.snapshot is not None and restored_disks.is_of(holding[key], one.snapshot)
        for key, one in whole.members.items()
    )


def _already(task: Task, whole: BackupSet, vm: Wire, holding: Mapping[str, Wire]) -> dict[str, Any]:
    targets = [Target(one, ids.parse(holding[key]["id"]), holding[key]) for key, one in whole.members.items()]
    shown = virtual_machines.show(task.azure, vm)
    return _result(task, Plan.nothing(), whole, targets, vm=shown, replaced_disks=[], kept_luns=[])


# --- the same machine ------------------------------------------------------------------------------------------------


def _to_same_machine(task: Task, whole: BackupSet) -> dict[str, Any]:
    """Swap the OS disk and the data disks of the machine, which must be deallocated for it."""
    params, azure = task.params, task.azure
    group, name = params["resource_group"], params["name"]
    vm = virtual_machines.must_exist(azure, group, name)
    holding = _holding(azure, vm)
    if _has_it(holding, whole) and not params["force"]:
        return _already(task, whole, vm, holding)
    state = virtual_machines.power_state(vm)
    _check_same(task, whole, vm, state)
    targets = restored_disks.targets(task, whole)
    kept = sorted(int(key) for key in holding if key not in whole.members)
    before = {"disks": {key: disk["name"] for key, disk in holding.items() if key in whole.members}}
    plan = Plan.act("restore", before, {"disks": {one.member.key: one.id.name for one in targets}})
    if kept:
        luns = ", ".join(map(str, kept))
        task.warn(f"The machine {name} has a disk at LUN {luns} that the set {whole.name} does not know; it stays.")
    if not task.check_mode:
        _at_rest(task, whole, vm, targets, state)
        vm = virtual_machines.must_exist(azure, group, name)
    replaced = [holding[key]["id"] for key in whole.members if "id" in holding.get(key, {})]
    shown = virtual_machines.show(azure, vm)
    return _result(task, plan, whole, targets, vm=shown, replaced_disks=replaced, kept_luns=kept)


def _at_rest(task: Task, whole: BackupSet, vm: Wire, targets: list[Target], state: str | None) -> None:
    """Swap the disks while the machine is deallocated; one that ran before runs again then, whatever happened."""
    group, name = task.params["resource_group"], task.params["name"]
    if state == "running":
        start = task.undo(f"the machine {name} is deallocated", lambda: virtual_machines.start(task, group, name))
    if state != "deallocated":
        virtual_machines.deallocate(task, group, name)
    _swap(task, whole, vm, targets)
    if state == "running":
        start.run()


def _check_same(task: Task, whole: BackupSet, vm: Wire, state: str | None) -> None:
    """Everything that would stop it half-way.

    :raises InvalidInput: naming all of it.
    """
    problems = []
    if state != "deallocated" and not task.params["power_off"]:
        problems.append(f"it is {state or 'in an unknown power state'}, and power_off is not set")
    if virtual_machines.is_generalized(vm):
        problems.append("it is marked as generalized and can never start again (restore to a new_vm)")
    os_disk = whole.members[backup_sets.OS].snapshot or {"location": ""}
    if locations.plain(os_disk["location"]) != locations.plain(vm["location"]):
        problems.append(f"it lies in {vm['location']}, and the snapshots in {os_disk['location']}")
    has, had = (vm["properties"].get("securityProfile") or {}).get("securityType"), whole.machine.get("security_type")
    if (has or "Standard") != (had or "Standard"):
        problems.append(f"its security type is {has or 'Standard'}, and was {had or 'Standard'}")
    if problems:
        raise InvalidInput(
            f"The set {whole.name} cannot be restored to the machine {vm['name']}: {'; '.join(problems)}.",
            remedy="Deallocate it (goldenimage.azure.vm) or set power_off, or restore to disks or to a new_vm.",
            problems=problems,
        )
    if backup_sets.same_machine(whole.vm_id, vm) is False:
        task.warn(
            f"The machine {vm['name']} is another one than the set {whole.name} was taken of: it was made anew since."
        )


def _swap(task: Task, whole: BackupSet, vm: Wire, targets: list[Target]) -> None:
    """Give the machine all its disks in one update; if that fails, the disks that were made for it go again."""
    group, name = task.params["resource_group"], task.params["name"]
    made = restored_disks.make(task, whole, targets, zone=next(iter(vm.get("zones") or []), None))
    body = {"properties": {"storageProfile": _storage(vm, targets)}}
    update = task.azure.compute.virtual_machines.begin_update
    try:
        task.azure.send(update, group, name, body=body, what=f"give the machine {name} its disks of {whole.name}")
    except GoldenImageError as error:
        if restored_disks.may_be_held(task, targets):
            restored_disks.dismiss(made)  # the machine has them, or will: a repeated task sees what became of it
        error.remedy = (
            f"{error.remedy or ''} Run the task again; the disks that the machine had were not changed.".strip()
        )
        raise
    restored_disks.dismiss(made)


def _storage(vm: Wire, targets: list[Target]) -> Wire:
    """The machine's storage profile with the restored disks at their places, and those at other LUNs as they are."""
    storage = vm["properties"]["storageProfile"]
    at = {disk["lun"]: disk for disk in storage.get("dataDisks") or []}
    os_disk: Wire = {}
    for one in targets:
        common = {
            "name": one.id.name,
            "caching": one.member.caching,
            "managedDisk": {"id": str(one.id)},
            "writeAcceleratorEnabled": one.member.settings.get("accelerated"),
        }
        if one.member.lun is None:
            os_disk = {**common, "createOption": storage["osDisk"]["createOption"]}
        else:
            option = at.get(one.member.lun, {}).get("deleteOption")
            place = {"lun": one.member.lun, "createOption": "Attach", "deleteOption": option}
            at[one.member.lun] = {**common, **place}
    return stated({"osDisk": os_disk, "dataDisks": [at[lun] for lun in sorted(at)]})


# --- a new machine ---------------------------------------------------------------------------------------------------


def _to_new_machine(task: Task, whole: BackupSet) -> dict[str, Any]:
    """Make another machine of the set, with the module vm's own means."""
    params, azure = task.params, task.azure
    group, name = restored_disks.group_of(params), params["new_name"]
    found = azure.attach(azure.compute.virtual_machines.get, group, name, expand="instanceView")
    if found is not None:
        holding = _holding(azure, found)
        if not _has_it(holding, whole):
            raise InvalidInput(
                f"The machine {name} exists, and its disks are not of the set {whole.name}.",
                remedy="Choose another new_name, or remove that machine first.",
            )
        return _mended(task, whole, found, holding)
    targets = restored_disks.targets(task, whole)
    part = task.acting(_machine_params(params, whole, targets))
    _check_new(task, whole, part.params)
    plan = Plan.between(
        None,
        {
            "vm": name,
            "size": part.params["size"],
            "disks": {one.member.key: one.id.name for one in targets},
        },
    )
    if task.check_mode:
        return _result(task, plan, whole, targets, vm={"name": name}, replaced_disks=[], kept_luns=[])
    if whole.machine.get("secure_boot") is False:
        task.warn(f"Secure boot was off on the machine that was backed up; it is on for {name}.")
    made = restored_disks.make(task, whole, targets)
    try:
        vm = machines.ensure(part)["vm"]
    except GoldenImageError:
        if restored_disks.may_be_held(task, targets):
            restored_disks.dismiss(made)
        raise
    restored_disks.dismiss(made)
    return _result(task, plan, whole, targets, vm=vm, replaced_disks=[], kept_luns=[])


def _mended(task: Task, whole: BackupSet, vm: Wire, holding: Mapping[str, Wire]) -> dict[str, Any]:
    """The machine that is there already; one whose provisioning failed is applied again, as the module vm does it."""
    result = _already(task, whole, vm, holding)
    if vm["properties"].get("provisioningState") != "Failed":
        return result
    if not task.check_mode:
        targets = [Target(one, ids.parse(holding[key]["id"]), holding[key]) for key, one in whole.members.items()]
        result["vm"] = machines.ensure(task.acting(_machine_params(task.params, whole, targets)))["vm"]
    plan = Plan.act("mend", {"provisioning_state": "Failed"}, {"provisioning_state": "Succeeded"})
    return {**result, **task.result(plan)}


def _options(**given: Any) -> dict[str, Any]:
    """Options of a module, of which all others are not stated."""
    options: dict[str, Any] = defaultdict(lambda: None)
    options.update(given)
    return options


def _machine_params(params: Mapping[str, Any], whole: BackupSet, targets: list[Target]) -> dict[str, Any]:
    """The options of the module vm for the new machine."""
    snapshot = whole.members[backup_sets.OS].snapshot or {}
    plan = snapshot["properties"].get("purchasePlan")
    os_disk = next(one for one in targets if one.member.lun is None)
    data = [one for one in targets if one.member.lun is not None]
    return _options(
        resource_group=restored_disks.group_of(params),
        name=params["new_name"],
        location=snapshot["location"],
        zone=whole.machine.get("zone"),
        size=params["size"] or whole.machine.get("size"),
        os_disk=_options(source=str(os_disk.id), caching=os_disk.member.caching),
        data_disks=[
            _options(lun=one.member.lun, source=str(one.id), caching=one.member.caching, state="present")
            for one in data
        ],
        license_type=whole.machine.get("license_type"),
        plan={key: plan[key] for key in ("name", "product", "publisher")} if plan else None,
        security_type="TrustedLaunch" if whole.machine.get("security_type") == "TrustedLaunch" else None,
        network_interfaces=params["network_interfaces"],
        subnet=params["subnet"],
        address_prefix=params["address_prefix"],
        public_ip_address=False,
        allowed_source="*",
        state="present",
        remove_on_absent=[],
        tags=params["tags"],
        append_tags=params["append_tags"],
    )


def _check_new(task: Task, whole: BackupSet, options: Mapping[str, Any]) -> None:
    """What can be known before the first disk is made.

    :raises InvalidInput: size, network or security type do not fit.
    """
    os_disk = whole.members[backup_sets.OS].snapshot or {"properties": {}}
    had = whole.machine.get("security_type")
    if had not in (None, "Standard", "TrustedLaunch"):
        raise InvalidInput(
            f"The machine that was backed up had the security type {had}, which this module does not make.",
            remedy="Restore to disks, and make the machine of them with Azure's own tools.",
        )
    if any(one.settings.get("sku") == "UltraSSD_LRS" for one in whole.members.values()):
        raise InvalidInput(
            "The machine that was backed up had Ultra disks, and this module makes no machine that takes them.",
            remedy="Restore to disks, and make the machine of them with Azure's own tools.",
        )
    generation = os_disk["properties"].get("hyperVGeneration")
    size = options["size"] or machines.DEFAULT_SIZE
    locations.check_size(task.azure, options["location"], size, generation)
    machine_network.check(task.azure, options)
