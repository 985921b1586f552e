# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks that a backup becomes: what they are named, made of, and how they go again when they were made for nothing."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import backup_sets, disks
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import present, stated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.backup_sets import BackupSet, Member
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task, Undo

RESTORED = "goldenimage_restored_from"  # the tag of a restored disk: the set's name
_MOST = 99  # disks of one name and a number


@dataclass(frozen=True)
class Target:
    """One disk that a member becomes.

    :ivar found: the disk, where it is there already and as it was made.
    """

    member: Member
    id: ids.ResourceId
    found: Wire | None


def group_of(params: Mapping[str, Any]) -> str:
    """Where the disks, and a new machine, go."""
    return str(params["target_resource_group"] or params["resource_group"])


def check_prefix(params: Mapping[str, Any]) -> None:
    """Refuse what cannot begin the name of a disk.

    :raises InvalidInput: saying what can.
    """
    prefix = params["disk_prefix"]
    if prefix is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", prefix):
        raise InvalidInput(
            f"disk_prefix is {prefix!r}, which cannot begin the name of a disk.",
            remedy="Use letters, digits, _ and -, up to 64, beginning with a letter or digit.",
        )


def _stem(params: Mapping[str, Any], whole: BackupSet) -> str:
    name = params["new_name"] if params["restore_to"] == "new_vm" else params["name"]
    return str(params["disk_prefix"] or f"{name}-{whole.name}")


def is_of(disk: Wire, snapshot: Wire) -> bool:
    """Whether a disk was made of exactly this snapshot, not of one that had its name before."""
    creation, unique = disk["properties"].get("creationData", {}), snapshot["properties"].get("uniqueId")
    if unique and creation.get("sourceUniqueId"):
        return bool(creation["sourceUniqueId"] == unique)
    return ids.same(creation.get("sourceResourceId"), snapshot["id"])


def _never_used(disk: Wire) -> bool:
    """Only a machine can change a disk, and each that ever had it has left a time."""
    return not disk.get("managedBy") and not disk["properties"].get("LastOwnershipUpdateTime")


def _target(task: Task, whole: BackupSet, member: Member, *, used_too: bool) -> Target:
    """The disk for a member: one that an earlier attempt made, or the first name that is free.

    :param used_too: one that a machine has had since is also taken for it.
    """
    azure, group, stem = task.azure, group_of(task.params), _stem(task.params, whole)
    for number in range(1, _MOST + 1):
        name = backup_sets.part_name(stem, member.key, number)
        where = ids.build(azure.subscription_id, group, disks.TYPE, name)
        found = disks.settled(azure, group, name)
        if found is None:
            return Target(member, where, None)
        if task.params["force"] or not member.snapshot or not is_of(found, member.snapshot):
            continue
        if used_too or _never_used(found):
            return Target(member, where, found)
    raise InvalidInput(
        f"All names from {backup_sets.part_name(stem, member.key)} on are taken by other disks.",
        remedy="Remove disks that are no longer needed, or set disk_prefix.",
    )


def targets(task: Task, whole: BackupSet, *, used_too: bool = False) -> list[Target]:
    task.azure.resources.location(group_of(task.params))  # the group must exist
    return [_target(task, whole, one, used_too=used_too) for one in whole.members.values()]


def _body(task: Task, whole: BackupSet, target: Target, zone: str | None) -> Wire:
    """The disk as ARM wants it: like the one that the snapshot is of."""
    member, settings = target.member, target.member.settings
    snapshot = member.snapshot or {}
    zone = zone or settings.get("zone")
    sku, encryption = settings.get("sku"), snapshot["properties"].get("encryption") or {}
    zonal = zone is not None and not str(sku).endswith("_ZRS")
    own_key = encryption if encryption.get("diskEncryptionSetId") else None
    creation = {"createOption": "Copy", "sourceResourceId": snapshot["id"], "logicalSectorSize": settings.get("sector")}
    properties = {
        "creationData": creation,
        "diskIOPSReadWrite": settings.get("iops"),
        "diskMBpsReadWrite": settings.get("mbps"),
        "maxShares": settings.get("shares"),
        "encryption": own_key,
    }
    tags = {**(task.tags({}) or {}), RESTORED: whole.name, backup_sets.VM: whole.vm, backup_sets.LUN: member.key}
    return stated(
        {
            "location": snapshot["location"],
            "zones": [zone] if zonal else None,
            "sku": {"name": sku},
            "tags": tags,
            "properties": properties,
        }
    )


def make(task: Task, whole: BackupSet, wanted: list[Target], *, zone: str | None = None) -> list[Undo]:
    """Make the disks that are not there; how to remove those that were made here.

    :param zone: that of the machine they are for; ``None``: each is in the zone of the disk it was.
    """
    made = []
    for one in wanted:
        if one.found is None:
            where = one.id
            made.append(task.undo(f"the disk {where.name}, restored for nothing", _removal(task, where)))
            disks.create(task, where.resource_group, where.name, _body(task, whole, one, zone))
    return made


def _removal(task: Task, where: ids.ResourceId) -> Callable[[], None]:
    def remove() -> None:
        """Remove it, unless a machine has got it meanwhile: an update whose answer was lost may have been carried out."""
        found = disks.read(task.azure, where.resource_group, where.name)
        if found is not None and not found.get("managedBy"):
            disks.delete(task, where.resource_group, where.name)

    return remove


def show(task: Task, wanted: list[Target]) -> list[dict[str, Any]]:
    """The disks of the result; in check mode those that would be made have only a name."""
    shown = []
    for one in wanted:
        where = one.id
        found = one.found if task.check_mode else disks.read(task.azure, where.resource_group, where.name)
        disk = present(found) if found else {"name": where.name}
        shown.append({"member": one.member.key, "lun": one.member.lun, "caching": one.member.caching, "disk": disk})
    return shown


def may_be_held(task: Task, wanted: list[Target]) -> bool:
    """Whether a machine has got one of them, as far as Azure tells."""
    with contextlib.suppress(GoldenImageError):
        found = [disks.read(task.azure, one.id.resource_group, one.id.name) for one in wanted]
        return any(disk is not None and disk.get("managedBy") for disk in found)
    return True  # Azure does not say


def dismiss(made: list[Undo]) -> None:
    for undo in made:
        undo.dismiss()
