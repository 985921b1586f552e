# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import AzureError, ErrorBody
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import locations
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import present, snake, stated


class Azure:
    """A session that knows two locations, or may not list any."""

    subscription_id = "sub"

    def __init__(self, status: int | None = None) -> None:
        self.status = status

    def list_raw(self, *_arguments: Any, **_named: Any) -> list[dict[str, str]]:
        if self.status is not None:
            raise AzureError("list locations", ErrorBody("AuthorizationFailed"), status=self.status)
        return [{"name": "westeurope"}, {"name": "eastus"}]


def test_a_location_is_known_as_people_write_it() -> None:
    locations.check(Azure(), "West Europe")


def test_an_unknown_location_is_refused_with_what_looks_like_it() -> None:
    with pytest.raises(InvalidInput, match="westeurope"):
        locations.check(Azure(), "westeuropa")


def test_who_may_not_list_locations_may_still_use_one() -> None:
    locations.check(Azure(status=403), "anywhere")


def test_other_refusals_are_told() -> None:
    with pytest.raises(AzureError):
        locations.check(Azure(status=500), "anywhere")


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        ("diskSizeGB", "disk_size_gb"),
        ("hyperVGeneration", "hyper_v_generation"),
        ("publicIPAddress", "public_ip_address"),
        ("diskIOPSReadWrite", "disk_iops_read_write"),
        ("vmId", "vm_id"),
        ("vCPUs", "vcpus"),
    ],
)
def test_names_become_snake_case(wire: str, shown: str) -> None:
    assert snake(wire) == shown


def test_properties_are_flattened_and_tags_are_the_users_own() -> None:
    wire = {"name": "d", "tags": {"costCentre": "1"}, "properties": {"diskSizeGB": 4, "dataDisks": [{"lun": 0}]}}
    assert present(wire) == {"name": "d", "tags": {"costCentre": "1"}, "disk_size_gb": 4, "data_disks": [{"lun": 0}]}


def test_what_is_not_stated_is_not_sent() -> None:
    assert stated({"a": None, "b": {"c": None}, "tags": {}, "d": [{"e": None, "f": 0}]}) == {
        "tags": {},
        "d": [{"f": 0}],
    }
