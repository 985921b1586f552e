# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure regions: programmatic and display names, and the errors for wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core.errors import ArmError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = {
    "eastus": ("East US", "US", "westus"),
    "eastus2": ("East US 2", "US", "centralus"),
    "southcentralus": ("South Central US", "US", "northcentralus"),
    "westus2": ("West US 2", "US", "westcentralus"),
    "westus3": ("West US 3", "US", "eastus"),
    "australiaeast": ("Australia East", "Asia Pacific", "australiasoutheast"),
    "southeastasia": ("Southeast Asia", "Asia Pacific", "eastasia"),
    "northeurope": ("North Europe", "Europe", "westeurope"),
    "swedencentral": ("Sweden Central", "Europe", "swedensouth"),
    "uksouth": ("UK South", "UK", "ukwest"),
    "westeurope": ("West Europe", "Europe", "northeurope"),
    "centralus": ("Central US", "US", "eastus2"),
    "southafricanorth": ("South Africa North", "Africa", "southafricawest"),
    "centralindia": ("Central India", "Asia Pacific", "southindia"),
    "eastasia": ("East Asia", "Asia Pacific", "southeastasia"),
    "indonesiacentral": ("Indonesia Central", "Asia Pacific", ""),
    "japaneast": ("Japan East", "Asia Pacific", "japanwest"),
    "japanwest": ("Japan West", "Asia Pacific", "japaneast"),
    "koreacentral": ("Korea Central", "Asia Pacific", "koreasouth"),
    "malaysiawest": ("Malaysia West", "Asia Pacific", ""),
    "newzealandnorth": ("New Zealand North", "Asia Pacific", ""),
    "canadacentral": ("Canada Central", "Canada", "canadaeast"),
    "austriaeast": ("Austria East", "Europe", ""),
    "francecentral": ("France Central", "Europe", "francesouth"),
    "germanywestcentral": ("Germany West Central", "Europe", "germanynorth"),
    "italynorth": ("Italy North", "Europe", ""),
    "norwayeast": ("Norway East", "Europe", "norwaywest"),
    "polandcentral": ("Poland Central", "Europe", ""),
    "spaincentral": ("Spain Central", "Europe", ""),
    "switzerlandnorth": ("Switzerland North", "Europe", "switzerlandwest"),
    "mexicocentral": ("Mexico Central", "Mexico", ""),
    "uaenorth": ("UAE North", "Middle East", "uaecentral"),
    "brazilsouth": ("Brazil South", "South America", "southcentralus"),
    "israelcentral": ("Israel Central", "Middle East", ""),
    "qatarcentral": ("Qatar Central", "Middle East", ""),
    "northcentralus": ("North Central US", "US", "southcentralus"),
    "westus": ("West US", "US", "eastus"),
    "westcentralus": ("West Central US", "US", "westus2"),
    "ukwest": ("UK West", "UK", "uksouth"),
    "canadaeast": ("Canada East", "Canada", "canadacentral"),
    "australiacentral": ("Australia Central", "Asia Pacific", "australiacentral2"),
    "australiasoutheast": ("Australia Southeast", "Asia Pacific", "australiaeast"),
    "southindia": ("South India", "Asia Pacific", "centralindia"),
    "koreasouth": ("Korea South", "Asia Pacific", "koreacentral"),
    "francesouth": ("France South", "Europe", "francecentral"),
    "germanynorth": ("Germany North", "Europe", "germanywestcentral"),
    "norwaywest": ("Norway West", "Europe", "norwayeast"),
    "switzerlandwest": ("Switzerland West", "Europe", "switzerlandnorth"),
    "uaecentral": ("UAE Central", "Middle East", "uaenorth"),
    "southafricawest": ("South Africa West", "Africa", "southafricanorth"),
    "centraluseuap": ("Central US EUAP", "US", "eastus2euap"),
    "eastus2euap": ("East US 2 EUAP", "US", "centraluseuap"),
}

ALL: tuple[str, ...] = tuple(_NAMES)
#: Regions with availability zones.
ZONED = frozenset(ALL[:34]) - {"austriaeast"}


def normalize(location: str) -> str:
    """``East US 2`` -> ``eastus2``; unknown names come back in the same form."""
    return location.replace(" ", "").lower()


def is_known(location: str) -> bool:
    return normalize(location) in _NAMES


def display_name(location: str) -> str:
    """``eastus2`` -> ``East US 2``, as gallery versions rewrite their regions."""
    entry = _NAMES.get(normalize(location))
    return entry[0] if entry else location


def geography(location: str) -> str:
    return _NAMES[normalize(location)][1]


def pair(location: str) -> str:
    """The paired region, empty when there is none."""
    return _NAMES[normalize(location)][2]


def check(location: str | None, resource_type: str) -> str:
    """The normalized location of a new resource.

    :raises ArmError: 400 ``LocationRequired`` or ``LocationNotAvailableForResourceType``.
    """
    if not location or not location.strip():
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if not is_known(location):
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{resource_type}'. "
            f"List of available regions for the resource type is '{_comma(ALL)}'.",
        )
    return normalize(location)


def check_unmoved(found: str | None, wanted: str, name: str, group: str) -> None:
    """Refuse a PUT that would move a resource: 409 ``InvalidResourceLocation``."""
    if found and normalize(found) != normalize(wanted):
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{name}' already exists in location '{found}' in resource group '{group}'. "
            f"A resource with the same name cannot be created in location '{normalize(wanted)}'. "
            "Please select a new resource name.",
        )


def _comma(names: Iterable[str]) -> str:
    return ",".join(names)
