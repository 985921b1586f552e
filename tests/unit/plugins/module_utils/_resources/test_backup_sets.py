# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a set of snapshots is, decided without Azure: members, completeness, names, going on, retention."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import (
    backup_members,
    backup_sets,
    restored_disks,
    snapshots,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.backup_sets import BackupSet, Member

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEYS = ("os", "0", "11")


def member(key: str, **settings: Any) -> Member:
    return Member(key, f"rg/disk-{key}", "ReadOnly", {"sku": "Premium_LRS", **settings})


def whole(
    name: str = "one", *, keys: tuple[str, ...] = KEYS, consistency: backup_sets.Consistency = "crash"
) -> BackupSet:
    members = {key: member(key, owned="then") for key in keys}
    return BackupSet(name, "rg", "rg/vm", "id-1", tuple(keys), members, consistency, {"size": "Standard_B2s"})


def wires(of: BackupSet, *, age: timedelta = timedelta(), state: str = "Succeeded") -> list[dict[str, Any]]:
    """The set's snapshots as Azure lists them."""
    found = []
    for one in of.members.values():
        name = backup_sets.part_name(f"vm-{of.name}", one.key)
        identity = f"/subscriptions/s/resourceGroups/{of.group}/providers/Microsoft.Compute/snapshots/{name}"
        properties = {"provisioningState": state, "timeCreated": (NOW - age).isoformat(), "uniqueId": f"unique-{name}"}
        tags = {**backup_sets.tags_of(of, one), "team": "images"}
        found.append({"id": identity, "name": name, "tags": tags, "properties": properties})
    return found


def test_a_set_comes_back_from_its_tags() -> None:
    (found,) = backup_sets.collect(reversed(wires(whole())))
    assert found.complete
    assert list(found.members) == ["os", "0", "11"]
    assert [one.lun for one in found.members.values()] == [None, 0, 11]
    assert found.members["11"].caching == "ReadOnly"
    assert found.members["11"].disk == "rg/disk-11"
    assert found.members["11"].settings == {"sku": "Premium_LRS", "owned": "then"}
    assert (found.vm, found.vm_id, found.machine) == ("rg/vm", "id-1", {"size": "Standard_B2s"})


@pytest.mark.parametrize("gone", KEYS)
def test_one_snapshot_tells_which_others_are_missing(gone: str) -> None:
    left = [wire for wire in wires(whole()) if wire["tags"][backup_sets.LUN] != gone]
    (found,) = backup_sets.collect(left)
    assert found.missing == [gone]
    assert not found.complete
    assert backup_sets.title(gone) in found.why_incomplete()


def test_the_names_of_tags_have_no_case() -> None:
    shouted = [{**wire, "tags": {key.upper(): value for key, value in wire["tags"].items()}} for wire in wires(whole())]
    assert backup_sets.collect(shouted)[0].complete


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({backup_sets.LUN: "zero"}, "which disk"),
        ({backup_sets.LUN: "7"}, "which disk"),
        ({backup_sets.LUN: ""}, "which disk"),
        ({backup_sets.LUN: "0"}, "more than one"),
        ({backup_sets.MEMBERS: "os,0"}, "other members"),
        ({backup_sets.MEMBERS: ""}, "other members"),
        ({backup_sets.VM_ID: "id-2"}, "another machine"),
        ({backup_sets.SETTINGS: "{"}, "what its disk was like"),
        ({backup_sets.SETTINGS: "[]"}, "what its disk was like"),
    ],
)
def test_damaged_tags_make_a_set_incomplete_and_never_an_error(change: dict[str, str], word: str) -> None:
    found = wires(whole())
    found[-1]["tags"].update(change)
    (one,) = backup_sets.collect(found)
    assert not one.complete
    assert word in one.why_incomplete()
    assert backup_sets.show(one)["problems"]


def test_any_damage_is_survived() -> None:
    chance = random.Random(5)
    texts = ["", "os", "0", "-1", "99999", "{}", "null", "[1]", "é", "os,0,11", "a" * 256]
    for _number in range(500):
        found = wires(whole())
        for wire in found:
            for tag in chance.sample(backup_sets.TAGS, 3):
                wire["tags"][tag] = chance.choice(texts)
        for one in backup_sets.collect(found):
            backup_sets.show(one)
            assert one.complete == (not one.why_incomplete() and "os" in one.members)


def test_a_snapshot_that_is_not_ready_makes_it_incomplete() -> None:
    found = wires(whole())
    found[1]["properties"]["completionPercent"] = 40.0
    (one,) = backup_sets.collect(found)
    assert (one.missing, one.unready, one.complete) == ([], ["0"], False)
    assert not backup_sets.collect(wires(whole(), state="Failed"))[0].complete


def test_sets_are_told_apart_and_the_newest_comes_first() -> None:
    other = replace(whole("two"), vm="rg/other")
    elsewhere = replace(whole("one"), group="far")
    young, old = whole("two"), whole("one")
    day = timedelta(days=1)
    found = [
        *wires(old, age=2 * day),
        *wires(young, age=day),
        *wires(other),
        *wires(elsewhere, age=3 * day),
        {"id": "x"},
    ]
    assert [(one.group, one.name) for one in backup_sets.collect(found, vm="RG/VM")] == [
        ("rg", "two"),
        ("rg", "one"),
        ("far", "one"),
    ]
    assert [one.vm for one in backup_sets.collect(found, name="TWO")] == ["rg/other", "rg/vm"]


@pytest.mark.parametrize("name", ["a", "before-sysprep", "2026-11-26_1", "a" * 40])
def test_good_names(name: str) -> None:
    backup_sets.check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a/b", "a.b", "a" * 41, "é", "a\n"])
def test_bad_names_are_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"set is .*Use letters"):
        backup_sets.check_name(name)


def test_names_of_snapshots_are_always_valid_and_differ() -> None:
    stems = ["vm-one", "vm.x-one", "v" * 64 + "-" + "s" * 40, "v" * 64 + "-" + "s" * 39 + "t"]
    names = [backup_sets.part_name(stem, key, number) for stem in stems for key in KEYS for number in (1, 2, 99)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= backup_sets.LONGEST
    assert backup_sets.part_name("vm-one", "os") == "vm-one-os"
    assert backup_sets.part_name("vm-one", "11", 2) == "vm-one-data-11-2"
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names)


def test_every_tag_fits_into_azure() -> None:
    keys = ("os", *map(str, range(64)))
    big = replace(
        whole(keys=keys),
        name="s" * 40,
        vm=f"{'g' * 90}/{'v' * 64}",
        machine={
            "size": "Standard_" + "x" * 40,
            "zone": "3",
            "license_type": "Windows_Server",
            "security_type": "TrustedLaunch",
            "secure_boot": False,
        },
    )
    settings = {
        "sku": "StandardSSD_LRS",
        "zone": "3",
        "iops": 400000,
        "mbps": 10000,
        "sector": 4096,
        "shares": 15,
        "accelerated": True,
        "owned": "2026-11-22T10:11:12.1234567+00:00",
    }
    tags = backup_sets.tags_of(big, Member("63", f"{'g' * 90}/{'d' * 80}", "ReadWrite", settings))
    assert set(tags) == set(backup_sets.TAGS)
    assert max(map(len, tags.values())) <= 256


class TestGoingOn:
    def begun(self, **change: Any) -> BackupSet:
        one = whole(**change)
        (found,) = backup_sets.collect(wires(one, age=timedelta(minutes=5))[:1])
        return found

    def now(self, **settings: Any) -> list[Member]:
        return [member(key, owned="then", **settings) for key in KEYS]

    def test_in_time(self) -> None:
        assert backup_sets.stale(self.begun(), self.now(), at=NOW) is None

    def test_too_late_for_a_machine_that_runs(self) -> None:
        reason = backup_sets.stale(self.begun(), self.now(), at=NOW + timedelta(minutes=11))
        assert reason is not None
        assert "16 minutes" in reason

    def test_any_time_while_the_machine_rests(self) -> None:
        begun = self.begun(consistency="exact")
        assert backup_sets.stale(begun, self.now(), at=NOW + timedelta(days=9)) is None

    def test_not_after_the_machine_ran(self) -> None:
        begun = self.begun(consistency="exact")
        now = [member(key, owned="later") for key in KEYS]
        assert "started or changed" in str(backup_sets.stale(begun, now, at=NOW))

    def test_not_with_other_disks(self) -> None:
        assert "0, 11" in str(backup_sets.stale(self.begun(), self.now()[:2], at=NOW))
        other = [replace(one, disk="rg/other") for one in self.now()]
        assert "rg/other" in str(backup_sets.stale(self.begun(), other, at=NOW))


class TestRetention:
    def sets(self, *ages: float, incomplete: tuple[int, ...] = ()) -> list[BackupSet]:
        found: list[dict[str, Any]] = []
        for number, age in enumerate(ages):
            one = wires(whole(f"set-{number}"), age=timedelta(days=age))
            found += one[1:] if number in incomplete else one
        return backup_sets.collect(found)

    def gone(
        self, sets: list[BackupSet], *, keep: int | None = None, days: float | None = None, incomplete: bool = False
    ) -> set[str]:
        older = None if days is None else timedelta(days=days)
        found = backup_sets.outdated(sets, keep=keep, older_than=older, incomplete=incomplete, at=NOW)
        assert len(found) == len({one.name for one in found})
        return {one.name for one in found}

    def test_by_number(self) -> None:
        assert self.gone(self.sets(1, 2, 3, 4), keep=2) == {"set-2", "set-3"}

    def test_by_age(self) -> None:
        assert self.gone(self.sets(1, 2, 3, 4), days=2.5) == {"set-2", "set-3"}

    def test_only_what_is_beyond_both(self) -> None:
        assert self.gone(self.sets(1, 2, 3, 4), keep=3, days=1.5) == {"set-3"}
        assert self.gone(self.sets(1, 2, 3, 4), keep=1, days=3.5) == {"set-3"}

    def test_the_newest_complete_one_stays(self) -> None:
        assert self.gone(self.sets(9), days=0) == set()
        assert self.gone(self.sets(1, 9, incomplete=(0,)), days=0, incomplete=True) == set()

    def test_incomplete_ones_do_not_count_and_stay_unless_told(self) -> None:
        sets = self.sets(1, 2, 3, 4, incomplete=(0, 2))
        assert self.gone(sets, keep=1) == {"set-3"}
        assert self.gone(sets, keep=2) == set()
        assert self.gone(sets, keep=2, incomplete=True) == {"set-2"}

    def test_without_limits_no_complete_one_goes(self) -> None:
        assert self.gone(self.sets(1, 2, 3, 4)) == set()
        assert self.gone(self.sets(1, 2, 3, 4, incomplete=(2,)), incomplete=True) == {"set-2"}

    def test_the_order_of_the_list_does_not_matter(self) -> None:
        sets = self.sets(*range(1, 9), incomplete=(1, 5))
        wanted = self.gone(sets, keep=3, days=2)
        for number in range(20):
            random.Random(number).shuffle(sets)
            assert self.gone(sets, keep=3, days=2) == wanted


def test_another_machine_of_the_same_name_is_another_one() -> None:
    vm = {"properties": {"vmId": "ABC"}}
    assert backup_sets.same_machine("abc", vm) is True
    assert backup_sets.same_machine("def", vm) is False
    assert backup_sets.same_machine("abc", None) is None
    assert backup_sets.same_machine("", vm) is None


@pytest.mark.parametrize("text", ["2026-11-22T10:11:12.1234567+00:00", "2026-11-22T10:11:12Z", "2026-11-22T10:11:12.1"])
def test_times_of_azure_are_read(text: str) -> None:
    found = backup_sets.moment_of(text)
    assert found is not None
    assert found.replace(microsecond=0) == datetime(2026, 11, 22, 10, 11, 12, tzinfo=UTC)


def test_what_is_no_time_is_none() -> None:
    assert backup_sets.moment_of("yesterday") is None
    assert backup_sets.moment_of(None) is None


class TestIncremental:
    @pytest.mark.parametrize(
        ("stated", "sku", "source", "wanted"),
        [
            (None, None, "Premium_LRS", True),
            (None, "Standard_ZRS", "Standard_LRS", True),
            (None, "Premium_LRS", "Premium_LRS", False),
            (False, None, "Premium_LRS", False),
            (None, None, "UltraSSD_LRS", True),
        ],
    )
    def test_where_it_can_be(self, stated: bool | None, sku: str | None, source: str, wanted: bool) -> None:
        assert snapshots.incremental(stated, sku=sku, source_sku=source) is wanted

    @pytest.mark.parametrize(
        ("stated", "sku", "source"),
        [(True, "Premium_LRS", "Premium_LRS"), (False, None, "PremiumV2_LRS"), (None, "Premium_LRS", "UltraSSD_LRS")],
    )
    def test_what_cannot_be_is_refused(self, stated: bool | None, sku: str | None, source: str) -> None:
        with pytest.raises(InvalidInput):
            snapshots.incremental(stated, sku=sku, source_sku=source)


def test_a_disk_is_of_a_snapshot_by_its_identity_not_by_its_name() -> None:
    disk = {"properties": {"creationData": {"sourceResourceId": "/s/A", "sourceUniqueId": "u1"}}}
    assert restored_disks.is_of(disk, {"id": "/s/other", "properties": {"uniqueId": "u1"}})
    assert not restored_disks.is_of(disk, {"id": "/s/a", "properties": {"uniqueId": "u2"}})
    assert restored_disks.is_of(disk, {"id": "/s/a", "properties": {}})


def test_what_has_no_managed_disk_is_named_at_once() -> None:
    storage = {
        "osDisk": {"managedDisk": {"id": "/x"}, "diffDiskSettings": {"option": "Local"}},
        "dataDisks": [{"lun": 3, "vhd": {"uri": "https://a/b"}}],
    }
    vm = {"name": "vm", "properties": {"storageProfile": storage}}
    with pytest.raises(InvalidInput, match=r"OS disk lies on the host.*LUN 3 is a blob"):
        backup_members.of(None, vm)  # type: ignore[arg-type]
