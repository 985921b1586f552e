# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module vm_backup does with sets of snapshots: take one, tag it, delete it, keep only some of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import (
    backup_members,
    backup_sets,
    disks,
    snapshots,
    virtual_machines,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.backup_sets import BackupSet, Member
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

STANDING = "Succeeded"
_MOST_DAYS = 36500


def place(params: Mapping[str, Any]) -> str:
    """The resource group of the snapshots."""
    return str(params["snapshot_resource_group"] or params["resource_group"])


def machine(params: Mapping[str, Any]) -> str:
    """What the tags call the machine."""
    return f"{params['resource_group']}/{params['name']}"


def find(task: Task, name: str | None = None) -> list[BackupSet]:
    """The sets of the task's machine, the newest first, after what is being done to their snapshots has ended.

    :param name: only this one, which gives one or none.
    """
    group, vm = place(task.params), machine(task.params)
    found = snapshots.find(task.azure, group)
    ours = {wire["name"] for one in backup_sets.collect(found, vm=vm, name=name) for wire in _wires(one)}
    settled = [_settled(task.azure, group, wire) if wire["name"] in ours else wire for wire in found]
    return backup_sets.collect([wire for wire in settled if wire is not None], vm=vm, name=name)


def _settled(azure: Session, group: str, wire: Wire) -> Wire | None:
    if wire["properties"].get("provisioningState") == STANDING:
        return wire
    return snapshots.settled(azure, group, wire["name"])


def _wires(found: BackupSet) -> list[Wire]:
    return [one.snapshot for one in found.members.values() if one.snapshot is not None]


def must_be_complete(task: Task, name: str) -> BackupSet:
    """The set of this name, when a machine can be restored from it.

    :raises InvalidInput: there is none, or something of it is missing; nothing is ever restored of a part.
    """
    found = next(iter(find(task, name)), None)
    where = f"of the machine {machine(task.params)} in the resource group {place(task.params)}"
    if found is None:
        raise InvalidInput(
            f"There is no set {name} {where}.", remedy="List what there is: goldenimage.azure.vm_backup_info."
        )
    if not found.complete:
        raise InvalidInput(
            f"The set {name} {where} is not complete: {found.why_incomplete()}. Nothing was restored.",
            remedy="Restore another set, or make disks of the single snapshots (goldenimage.azure.disk).",
            backup=backup_sets.show(found),
        )
    return found


def take(task: Task) -> dict[str, Any]:
    """Take a set, go on with one that broke off, or find that it is there."""
    params, azure = task.params, task.azure
    backup_sets.check_name(params["set"])
    found = next(iter(find(task, params["set"])), None)
    vm = virtual_machines.read(azure, params["resource_group"], params["name"])
    if found is not None:
        _refuse_other_machine(found, vm)
        if backup_sets.OS in found.expected and not found.missing and not found.problems:
            return _present(task, found)
    if vm is None:
        left = f" It has {found.why_incomplete()}, which can no longer be taken." if found else ""
        raise InvalidInput(
            f"There is no machine {params['name']} in the resource group {params['resource_group']}, and no complete set"
            f" {params['set']} of it either.{left}",
            remedy="Check name, resource_group and snapshot_resource_group.",
        )
    wanted = _wanted(task, vm, found)
    plan = Plan.between(
        _shape(task, found, wanted=False) if found else None,
        _shape(task, wanted, wanted=True),
        exact=("snapshots.*.tags",),
    )
    if not task.check_mode:
        wanted = _take(task, wanted)
    return task.result(plan, backup=backup_sets.show(wanted))


def _refuse_other_machine(found: BackupSet, vm: Wire | None) -> None:
    if vm is not None and backup_sets.same_machine(found.vm_id, vm) is False:
        have = vm["properties"]["vmId"]
        raise InvalidInput(
            f"The set {found.name} is of another machine, which was named {vm['name']} before: its vm_id is {found.vm_id},"
            f" and that of {vm['name']} is {have}.",
            remedy="Choose another name for the set.",
        )


def _wanted(task: Task, vm: Wire, found: BackupSet | None) -> BackupSet:
    """The whole set as it shall become; members that are taken already have their snapshot.

    :raises InvalidInput: what stands in the way, before anything is written.
    """
    params, azure = task.params, task.azure
    azure.resources.location(place(params))  # the group must exist
    now = backup_members.of(azure, vm)
    if found is not None:
        reason = backup_sets.stale(found, now, at=datetime.now(UTC))
        if reason:
            raise InvalidInput(
                f"The set {found.name} is not complete ({found.why_incomplete()}) and cannot be gone on with: {reason}.",
                remedy="Delete it (state absent) and take it anew, or choose another name for the set.",
                backup=backup_sets.show(found),
            )
        by_key = {**{one.key: one for one in now}, **found.members}
        return replace(found, members={key: by_key[key] for key in found.expected})
    for one in now:
        sku = str(one.settings["sku"])
        snapshots.incremental(_incremental(params, one), sku=params["sku"], source_sku=sku)
    own = [name for name in params["tags"] or {} if not backup_sets.is_ours(name)]
    if len(own) + len(backup_sets.TAGS) > backup_sets.MOST_TAGS:
        raise InvalidInput(
            f"tags has {len(own)} names; a snapshot has room for {backup_sets.MOST_TAGS - len(backup_sets.TAGS)}.",
            remedy="State fewer tags.",
        )
    exact = virtual_machines.power_state(vm) == "deallocated" and not any("shares" in one.settings for one in now)
    whole = backup_sets.BackupSet(
        name=params["set"],
        group=place(params),
        vm=machine(params),
        vm_id=str(vm["properties"].get("vmId", "")),
        expected=tuple(one.key for one in now),
        members={one.key: one for one in now},
        consistency="exact" if exact else "crash",
        machine=backup_members.machine(vm),
    )
    for one in now:
        _refuse_taken_name(task, whole, one)
    return whole


def _refuse_taken_name(task: Task, whole: BackupSet, member: Member) -> None:
    name = _name(task, whole, member)
    if snapshots.settled(task.azure, whole.group, name) is not None:
        raise InvalidInput(
            f"The snapshot {name}, which the set {whole.name} would make, exists and is not of this set.",
            remedy="Choose another name for the set, or another snapshot_resource_group.",
        )


def _name(task: Task, whole: BackupSet, member: Member) -> str:
    if member.snapshot:
        return str(member.snapshot["name"])
    return backup_sets.part_name(f"{task.params['name']}-{whole.name}", member.key)


def _incremental(params: Mapping[str, Any], member: Member) -> bool | None:
    """Where there are only incremental ones, a wish for full ones is for the other disks of the machine."""
    return None if member.settings.get("sku") in snapshots.ONLY_INCREMENTAL else params["incremental"]


def _body(task: Task, whole: BackupSet, member: Member, location: str) -> Wire:
    params, source_sku = task.params, str(member.settings.get("sku"))
    incremental = snapshots.incremental(_incremental(params, member), sku=params["sku"], source_sku=source_sku)
    tags = {**_own_tags(task, None), **backup_sets.tags_of(whole, member)}
    group, _slash, name = member.disk.partition("/")
    source = ids.build(task.azure.subscription_id, group, disks.TYPE, name)
    options = {"incremental": incremental, "sku": params["sku"]}
    return snapshots.desire(options, snapshots.creation(str(source)), location=location, tags=tags)


def _own_tags(task: Task, found: Mapping[str, str] | None) -> dict[str, str]:
    """The user's tags of a snapshot, as they shall be; the set's own are not the user's to change."""
    have = {name: value for name, value in (found or {}).items() if not backup_sets.is_ours(name)}
    wanted = task.tags(have)
    return {
        name: value for name, value in (have if wanted is None else wanted).items() if not backup_sets.is_ours(name)
    }


def _shape(task: Task, whole: BackupSet, *, wanted: bool) -> dict[str, Any]:
    """A set as the diff shows it, as it is or as it shall be: without times and ids, the same in check mode and for real."""
    parts = {}
    for one in whole.members.values():
        have = (one.snapshot or {}).get("tags")
        own = {name: text for name, text in (have or {}).items() if not backup_sets.is_ours(name)}
        part = {"disk": one.disk, "lun": one.lun, "caching": one.caching}
        parts[_name(task, whole, one)] = {**part, "tags": _own_tags(task, have) if wanted else own}
    return {"set": whole.name, "vm": whole.vm, "consistency": whole.consistency, "snapshots": parts}


def _take(task: Task, whole: BackupSet) -> BackupSet:
    """Begin all snapshots that are not there, as close together as can be, then wait for them.

    What was begun stays if something fails: its tags say which set it is of and what is missing.
    """
    azure, names = task.azure, {key: _name(task, whole, one) for key, one in whole.members.items()}
    vm = virtual_machines.must_exist(azure, task.params["resource_group"], task.params["name"])
    try:
        for key, one in whole.members.items():
            if one.snapshot is None:
                body = _body(task, whole, one, vm["location"])
                snapshots.create(task, whole.group, names[key], body, wait=False)
        for name in names.values():
            _await(task, whole.group, name)
    except GoldenImageError as error:
        error.remedy = (
            f"{error.remedy or ''} The set {whole.name} was begun and is not complete; run the task again to go on with"
            " it, or remove it with state absent."
        ).strip()
        raise
    _withdraw_claim(task, whole, vm)
    for taken in find(task, whole.name):
        _retag(task, taken, *_tags(task, taken))
    found = next(iter(find(task, whole.name)), None)
    if found is None or not found.complete:
        reason = found.why_incomplete() if found else "its snapshots are gone"
        raise GoldenImageError(
            f"The set {whole.name} was taken, but it is not complete: {reason}.",
            remedy="See whether something else removes or changes its snapshots, then run the task again.",
        )
    return found


def _await(task: Task, group: str, name: str) -> Wire:
    found = snapshots.settled(task.azure, group, name)
    if found is None:
        raise GoldenImageError(f"The snapshot {name} could not be taken: Azure began it, and it failed or went away.")
    return snapshots.complete(task, group, name, found)


def _withdraw_claim(task: Task, whole: BackupSet, vm: Wire) -> None:
    """Call the set exact only if the machine rested until the last snapshot was taken."""
    if whole.consistency != "exact":
        return
    now = virtual_machines.read(task.azure, task.params["resource_group"], task.params["name"])
    owned = {one.key: one.settings.get("owned") for one in backup_members.of(task.azure, now)} if now else {}
    before = {one.key: one.settings.get("owned") for one in whole.members.values()}
    if now is not None and virtual_machines.power_state(now) == "deallocated" and owned == before:
        return
    task.warn(
        f"The machine {vm['name']} was started or changed meanwhile: the set {whole.name} is crash-consistent only."
    )
    for wire in (wire for one in find(task, whole.name) for wire in _wires(one)):
        tags = {**wire["tags"], backup_sets.CONSISTENCY: "crash"}
        snapshots.update(task, whole.group, wire["name"], {"tags": tags})


def _tags(task: Task, found: BackupSet) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tags of the set's snapshots by name, as they are and as they shall be."""
    have: dict[str, Any] = {wire["name"]: {"tags": dict(wire.get("tags") or {})} for wire in _wires(found)}
    want = {}
    for name, one in have.items():
        ours = {tag: text for tag, text in one["tags"].items() if backup_sets.is_ours(tag)}
        want[name] = {"tags": {**ours, **_own_tags(task, one["tags"])}}
    return have, want


def _retag(task: Task, found: BackupSet, have: Mapping[str, Any], want: Mapping[str, Any]) -> None:
    for name, one in want.items():
        if one != have[name]:
            snapshots.update(task, found.group, name, one)


def _present(task: Task, found: BackupSet) -> dict[str, Any]:
    """The set is there: only the user's tags can change, and bytes that are still copied are waited for."""
    have, want = _tags(task, found)
    plan = Plan.between({"snapshots": have}, {"snapshots": want}, exact=("snapshots.*.tags",))
    if not task.check_mode:
        _retag(task, found, have, want)
        for wire in _wires(found):
            snapshots.complete(task, found.group, wire["name"], wire)
        if plan.changed or not found.complete:
            found = next(iter(find(task, found.name)), found)
    return task.result(plan, backup=backup_sets.show(found))


def remove(task: Task, going: Sequence[BackupSet]) -> None:
    """Delete sets. One that breaks off is incomplete from then on, and says so."""
    for one in going:
        for wire in _wires_to_delete(task, one):
            snapshots.delete(task, one.group, wire["name"])


def _wires_to_delete(task: Task, one: BackupSet) -> list[Wire]:
    """All snapshots with the set's tags, those that cannot be told apart included."""
    found = snapshots.find(task.azure, one.group)
    return [wire for wire in found if backup_sets.collect([wire], vm=one.vm, name=one.name)]


def delete(task: Task) -> dict[str, Any]:
    """Delete one set, complete or not."""
    backup_sets.check_name(task.params["set"])
    found = next(iter(find(task, task.params["set"])), None)
    if found is None:
        return task.result(Plan.nothing(), removed=[])
    names = _refuse_read(task, [found])
    plan = Plan.between({"set": found.name, "vm": found.vm, "snapshots": names}, None)
    if not task.check_mode:
        remove(task, [found])
    return task.result(plan, removed=[found.name])


def _refuse_read(task: Task, going: Sequence[BackupSet]) -> list[str]:
    """The names of the snapshots that go, after none of them was found in use."""
    wires = [wire for one in going for wire in _wires_to_delete(task, one)]
    for wire in wires:
        snapshots.refuse_delete(wire)
    return sorted(wire["name"] for wire in wires)


def prune(task: Task) -> dict[str, Any]:
    """Delete the sets that retention does not keep."""
    params = task.params
    check_retention(params)
    found = find(task)
    days = params["older_than_days"]
    if not found:
        group, vm = place(params), machine(params)
        task.warn(
            f"There are no sets of {vm} in {group}, so nothing is pruned. If there should be, look at these names."
        )
    going = backup_sets.outdated(
        found,
        keep=params["keep"],
        older_than=None if days is None else timedelta(days=days),
        incomplete=params["prune_incomplete"],
        at=datetime.now(UTC),
    )
    gone = {one.name for one in going}
    staying = [one for one in found if one.name not in gone]
    incomplete = [one.name for one in staying if not one.complete]
    for one in (one for one in staying if not one.complete):
        task.warn(f"The set {one.name} of {one.vm} is not complete and stays: {one.why_incomplete()}.")
    before = {"sets": [one.name for one in found]}
    plan = Plan.act("prune", before, {"sets": [one.name for one in staying]})
    _refuse_read(task, going)
    if plan.changed and not task.check_mode:
        remove(task, going)
    kept = [backup_sets.show(one) for one in staying]
    return task.result(plan, removed=[one.name for one in going], kept=kept, incomplete=incomplete)


def check_retention(params: Mapping[str, Any]) -> None:
    """Refuse limits that say nothing, or would leave nothing.

    :raises InvalidInput: naming them.
    """
    keep, days = params["keep"], params["older_than_days"]
    if keep is None and days is None and not params["prune_incomplete"]:
        raise InvalidInput(
            "state is pruned, and it is not said what shall go.",
            remedy="Set keep, older_than_days or both; or prune_incomplete, for incomplete sets only.",
        )
    if keep is not None and keep < 1:
        raise InvalidInput(f"keep is {keep}.", remedy="Keep at least 1; to delete a set by its name use state absent.")
    if days is not None and not 0 <= days <= _MOST_DAYS:
        raise InvalidInput(f"older_than_days is {days}.", remedy=f"State 0 to {_MOST_DAYS} days.")
