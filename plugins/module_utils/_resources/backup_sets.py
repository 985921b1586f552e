# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of a machine is: a set of snapshots that know by their tags what they belong to. Nothing here asks Azure.

Every snapshot of a set carries the names of all its members, so that one that is left tells which others are missing: a
set needs no record beside its snapshots, and the first one that was taken is the record that it was begun.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import snapshots
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Consistency = Literal["crash", "exact"]

# The tags. A tag's value has at most 256 characters, so ids are shortened to group/name: the subscription is the snapshots'.
# https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
PREFIX = "goldenimage_backup"
SET = PREFIX  # the set's name
VM = f"{PREFIX}_vm"  # group/name of the machine
VM_ID = f"{PREFIX}_vm_id"  # what Azure calls vmId: another machine of the same name has another one
MEMBERS = f"{PREFIX}_members"  # os,0,1: all members of the set
LUN = f"{PREFIX}_lun"  # os, or the LUN of a data disk
CACHING = f"{PREFIX}_caching"
DISK = f"{PREFIX}_disk"  # group/name of the disk
SETTINGS = f"{PREFIX}_settings"  # JSON: what a disk like it needs
MACHINE = f"{PREFIX}_machine"  # JSON: what a machine like it needs
CONSISTENCY = f"{PREFIX}_consistency"
TAGS = (SET, VM, VM_ID, MEMBERS, LUN, CACHING, DISK, SETTINGS, MACHINE, CONSISTENCY)
MOST_TAGS = 50
OS = "os"

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")
LONGEST = 80  # characters of the name of a snapshot or disk

# Seconds within which a set of a running machine that broke off may be gone on with: later its members would be of
# different states of the machine, and pass for one.
TOGETHER = 900.0

NOTES: dict[str, str] = {
    "exact": "The machine was deallocated the whole time: the snapshots are of one state, and nothing was being written.",
    "crash": "The machine was not deallocated: each snapshot is what a power failure would have left on that disk, and"
    " they were taken one after the other, so data that spans disks may not fit together.",
}


@dataclass(frozen=True)
class Member:
    """One disk of a machine, as a set keeps it.

    :ivar key: ``os``, or the LUN as text.
    :ivar disk: ``group/name``.
    :ivar settings: what a disk like it needs: ``sku``, ``zone``, ``iops`` …; ``owned`` is when its machine was last
        started, deallocated or changed, so that it tells whether somebody may have written since.
    :ivar snapshot: what was taken of it; ``None``: nothing yet.
    """

    key: str
    disk: str
    caching: str
    settings: dict[str, Any] = field(default_factory=dict)
    snapshot: Wire | None = None

    @property
    def lun(self) -> int | None:
        return None if self.key == OS else int(self.key)


@dataclass(frozen=True)
class BackupSet:
    """All snapshots that say they are of one set of one machine.

    :ivar group: the resource group of the snapshots.
    :ivar vm: ``group/name`` of the machine.
    :ivar expected: the keys of the members it was begun with.
    :ivar members: those that are there, by key.
    :ivar machine: what a machine like the one that was backed up needs: ``size``, ``security_type`` …
    :ivar problems: what is wrong with its tags.
    """

    name: str
    group: str
    vm: str
    vm_id: str
    expected: tuple[str, ...]
    members: dict[str, Member]
    consistency: Consistency
    machine: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        return [key for key in self.expected if key not in self.members]

    @property
    def unready(self) -> list[str]:
        """The members that are there, but of which no disk can be made yet."""
        return [key for key, one in self.members.items() if not (one.snapshot and snapshots.usable(one.snapshot))]

    @property
    def complete(self) -> bool:
        return OS in self.members and not (self.missing or self.unready or self.problems)

    @property
    def times(self) -> list[datetime]:
        """When Azure took the snapshots, the earliest first."""
        told = ((one.snapshot or {"properties": {}})["properties"].get("timeCreated") for one in self.members.values())
        return sorted(moment for moment in map(moment_of, told) if moment)

    @property
    def taken_at(self) -> datetime:
        """When it was begun; a set without any time counts as older than all."""
        return self.times[0] if self.times else datetime.min.replace(tzinfo=UTC)

    def why_incomplete(self) -> str:
        """In words, for messages; empty when it is complete."""
        parts = list(self.problems)
        if OS not in self.expected:
            parts.append("no snapshot says that the set has an OS disk")
        if self.missing:
            parts.append(f"no snapshot of {', '.join(map(title, self.missing))}")
        if self.unready:
            parts.append(f"the snapshot of {', '.join(map(title, self.unready))} is not complete")
        return "; ".join(parts)


def title(key: str) -> str:
    return "the OS disk" if key == OS else f"the data disk at LUN {key}"


def order(key: str) -> tuple[int, int]:
    """Sorts the OS disk first, then data disks by LUN."""
    return (0, 0) if key == OS else (1, int(key))


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a set.

    :raises InvalidInput: saying what can.
    """
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"set is {name!r}, which cannot be the name of a set.",
            remedy="Use letters, digits, _ and -, up to 40, beginning and ending with a letter or digit.",
        )


def part_name(stem: str, key: str, number: int = 1) -> str:
    """The name of a member's snapshot or disk: the stem, what it is of, and a number from the second on.

    What a name must not have becomes ``-``; a stem that is too long is cut and made unique again by a part of its hash.
    """
    ending = f"-{'os' if key == OS else f'data-{key}'}{f'-{number}' if number > 1 else ''}"
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", stem)
    room = LONGEST - len(ending)
    if len(plain) > room:
        mark = hashlib.sha256(stem.encode()).hexdigest()[:8]
        plain = f"{plain[: room - 9]}-{mark}"
    return plain + ending


def tags_of(whole: BackupSet, member: Member) -> dict[str, str]:
    """The tags that say what a snapshot belongs to."""
    return {
        SET: whole.name,
        VM: whole.vm,
        VM_ID: whole.vm_id,
        MEMBERS: ",".join(whole.expected),
        LUN: member.key,
        CACHING: member.caching,
        DISK: member.disk,
        SETTINGS: _compact(member.settings),
        MACHINE: _compact(whole.machine),
        CONSISTENCY: whole.consistency,
    }


def is_ours(tag: str) -> bool:
    return tag.casefold() in TAGS


def _compact(values: Mapping[str, Any]) -> str:
    return json.dumps({key: value for key, value in values.items() if value is not None}, separators=(",", ":"))


def moment_of(text: Any) -> datetime | None:
    """A time as Azure writes it (seven digits of a second); ``None`` for what is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def collect(found: Iterable[Wire], *, vm: str | None = None, name: str | None = None) -> list[BackupSet]:
    """The sets among snapshots, the newest first.

    :param found: snapshots as wire JSON; those without our tags do not matter.
    :param vm: only those of this machine, ``group/name``.
    :param name: only those of this name.
    """
    groups: dict[tuple[str, str, str], list[tuple[Wire, dict[str, str]]]] = {}
    for wire in found:
        tags = {key.casefold(): value for key, value in (wire.get("tags") or {}).items() if is_ours(key)}
        own_vm, own_name = tags.get(VM, ""), tags.get(SET, "")
        if not (own_vm and own_name) or (vm and own_vm.casefold() != vm.casefold()):
            continue
        if name is None or own_name.casefold() == name.casefold():
            place = ids.parse(wire["id"]).resource_group
            key = (place.casefold(), own_vm.casefold(), own_name.casefold())
            groups.setdefault(key, []).append((wire, tags))
    sets = [_assembled(parts) for parts in groups.values()]
    return sorted(sets, key=lambda one: (one.taken_at, one.name), reverse=True)


def _assembled(parts: Sequence[tuple[Wire, dict[str, str]]]) -> BackupSet:
    """One set of its snapshots; whatever is wrong with their tags makes it incomplete, never an error."""
    first = parts[0][1]
    problems: list[str] = []
    expected: set[str] = set()
    members: dict[str, Member] = {}
    for wire, tags in parts:
        listed = {key for key in tags.get(MEMBERS, "").split(",") if _is_key(key)}
        if len({tags.get(MEMBERS), first.get(MEMBERS)}) > 1 or not listed:
            problems.append(f"the snapshot {wire['name']} names other members ({MEMBERS})")
        if tags.get(VM_ID) != first.get(VM_ID):
            problems.append(f"the snapshot {wire['name']} is of another machine ({VM_ID})")
        expected |= listed
        key = tags.get(LUN, "")
        if not _is_key(key) or key not in listed:
            problems.append(f"the snapshot {wire['name']} does not tell which disk it is of ({LUN})")
        elif key in members:
            problems.append(f"more than one snapshot is of {title(key)}")
        else:
            settings, wrong = _settings(wire["name"], tags)
            problems += wrong
            members[key] = Member(key, tags.get(DISK, ""), tags.get(CACHING, "None"), settings, wire)
    machine = _read(next((tags[MACHINE] for _wire, tags in parts if tags.get(MACHINE)), "{}"))
    exact = all(tags.get(CONSISTENCY) == "exact" for _wire, tags in parts)
    return BackupSet(
        name=first[SET],
        group=ids.parse(parts[0][0]["id"]).resource_group,
        vm=first[VM],
        vm_id=first.get(VM_ID, ""),
        expected=tuple(sorted(expected, key=order)),
        members={key: members[key] for key in sorted(members, key=order)},
        consistency="exact" if exact else "crash",
        machine=machine or {},
        problems=tuple(problems),
    )


def _is_key(text: str) -> bool:
    return text == OS or bool(re.fullmatch(r"0|[1-9][0-9]?", text))


def _settings(name: str, tags: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    found = _read(tags.get(SETTINGS, ""))
    if found is None:
        return {}, [f"the snapshot {name} does not tell what its disk was like ({SETTINGS})"]
    return found, []


def _read(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def stale(found: BackupSet, now: Sequence[Member], *, at: datetime) -> str | None:
    """Why a set that was begun cannot be gone on with: what would be taken now is not of the state of the rest.

    :param now: the machine's disks as they are.
    :param at: the present time.
    :returns: the reason in words; ``None``: it can.
    """
    if found.problems:
        return "; ".join(found.problems)
    keys = [one.key for one in now]
    if sorted(keys, key=order) != list(found.expected):
        return f"it was begun with the disks {', '.join(found.expected)}, and the machine has {', '.join(keys)} now"
    by_key = {one.key: one for one in now}
    for key, kept in found.members.items():
        if by_key[key].disk.casefold() != kept.disk.casefold():
            return f"{title(key)} was {kept.disk} when it was begun, and is {by_key[key].disk} now"
    if found.consistency == "exact":
        rested = all(
            by_key[key].settings.get("owned") == one.settings.get("owned") for key, one in found.members.items()
        )
        return None if rested else "the machine was started or changed since it was begun"
    age = (at - found.taken_at).total_seconds()
    if age > TOGETHER:
        return (
            f"it was begun {age / 60:.0f} minutes ago, while the machine was not deallocated, so the rest would not fit"
        )
    return None


def outdated(
    sets: Sequence[BackupSet],
    *,
    keep: int | None,
    older_than: timedelta | None,
    incomplete: bool,
    at: datetime,
) -> list[BackupSet]:
    """The sets of one machine that retention removes.

    The newest complete one always stays. With both limits only what is beyond both goes, without both no complete one. An
    incomplete one neither counts nor goes, unless ``incomplete`` is set and a newer complete one exists.

    :param keep: how many complete ones stay at least; ``None``: only age decides.
    :param older_than: what is younger stays; ``None``: only the number decides.
    """
    complete = sorted((one for one in sets if one.complete), key=lambda one: one.taken_at, reverse=True)
    beyond = complete[keep or 1 :] if keep is not None or older_than is not None else []
    old = [one for one in beyond if older_than is None or at - one.taken_at > older_than]
    if incomplete and complete:
        old += [one for one in sets if not one.complete and one.taken_at < complete[0].taken_at]
    return old


def same_machine(vm_id: str, vm: Wire | None) -> bool | None:
    """Whether a machine is the one that was backed up; ``None``: there is no machine, or Azure does not tell.

    :param vm_id: what the set knows.
    """
    have = (vm or {"properties": {}})["properties"].get("vmId")
    return have.casefold() == vm_id.casefold() if have and vm_id else None


def show(found: BackupSet) -> dict[str, Any]:
    """A set as users see it."""
    group, _slash, name = found.vm.partition("/")
    return {
        "set": found.name,
        "resource_group": found.group,
        "vm": {"resource_group": group, "name": name, "vm_id": found.vm_id, **found.machine},
        "complete": found.complete,
        "missing": found.missing,
        "unready": found.unready,
        "problems": list(found.problems),
        "consistency": found.consistency,
        "consistency_note": NOTES[found.consistency],
        "taken_at": found.times[0].isoformat() if found.times else None,
        "finished_at": found.times[-1].isoformat() if found.times else None,
        "members": [_show_member(one) for one in found.members.values()],
    }


def _show_member(one: Member) -> dict[str, Any]:
    group, _slash, name = one.disk.partition("/")
    return {
        "member": one.key,
        "lun": one.lun,
        "caching": one.caching,
        "disk": {"resource_group": group, "name": name, **one.settings},
        "snapshot": present(one.snapshot) if one.snapshot else None,
    }
