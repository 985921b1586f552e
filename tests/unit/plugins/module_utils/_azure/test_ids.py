# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

DISK = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/d"
VERSION = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0"
SHOUTED = "/Subscriptions/S/resourcegroups/RG/Providers/microsoft.compute/DISKS/D"


@pytest.mark.parametrize("text", [DISK, VERSION, "/subscriptions/s/providers/Microsoft.Compute/locations/eastus"])
def test_there_and_back(text: str) -> None:
    assert str(ids.parse(text)) == text


def test_parts() -> None:
    version = ids.parse(VERSION)
    assert (version.type, version.name) == ("Microsoft.Compute/galleries/images/versions", "1.0.0")
    assert version.parent is not None
    assert version.parent.name == "i"
    assert version.parent.child("versions", "1.0.0") == version
    assert ids.parse(DISK).parent is None


def test_case_does_not_matter() -> None:
    assert ids.parse(DISK) == ids.parse(SHOUTED)
    assert len({ids.parse(DISK), ids.parse(SHOUTED)}) == 1
    assert ids.same(DISK, SHOUTED + "/")
    assert ids.same(ids.parse(DISK), SHOUTED)
    assert not ids.same(DISK, VERSION)
    assert not ids.same(None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d",
        "/subscriptions/s",
        "/subscriptions/s/resourceGroups/rg",
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute",
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks",
        "/subscriptions//resourceGroups/rg/providers/Microsoft.Compute/disks/d",
        "/CommunityGalleries/g/Images/i",
    ],
)
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no Azure resource id"):
        ids.parse(text)


def test_build_counts_names() -> None:
    assert str(ids.build("s", "rg", "Microsoft.Compute/disks", "d")) == DISK
    with pytest.raises(ValueError, match="needs 1 names"):
        ids.build("s", "rg", "Microsoft.Compute/disks", "d", "e")


def resolve(value: Any, type_: str = "Microsoft.Compute/disks", group: str | None = "rg") -> str:
    return str(ids.resolve(value, type_=type_, subscription_id="s", resource_group=group, parameter="os_disk"))


@pytest.mark.parametrize("value", ["d", DISK, {"name": "d"}, {"name": DISK}, {"name": "d", "resource_group": "rg"}])
def test_every_way_to_say_it(value: Any) -> None:
    assert resolve(value) == DISK


def test_elsewhere() -> None:
    assert "/s2/" in resolve({"name": "d", "subscription_id": "s2"})
    assert resolve("g/i/1.0.0", "Microsoft.Compute/galleries/images/versions") == VERSION


@pytest.mark.parametrize(
    ("value", "group", "message"),
    [
        (VERSION, "rg", "os_disk is the id of a Microsoft.Compute/galleries/images/versions"),
        ("a/b", "rg", "os_disk is 'a/b'"),
        ("", "rg", "os_disk is ''"),
        ({"resource_group": "rg"}, "rg", "os_disk is ''"),
        ("d", None, "without a resource group"),
    ],
)
def test_refusals_name_the_parameter(value: Any, group: str | None, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        resolve(value, group=group)
