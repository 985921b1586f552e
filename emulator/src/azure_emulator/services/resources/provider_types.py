# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource providers and their types, as the front end lists them."""

from __future__ import annotations

#: What the front end knows of a provider: newest API versions first; types with their abilities.
VERSIONS = {
    name: tuple(text.split())
    for name, text in (
        (
            "Microsoft.Compute",
            (
                "2025-04-01 2024-11-01 2024-07-01 2024-03-01 2023-09-01 2023-03-01 2022-11-01 "
                "2022-08-01 2022-03-01 2021-11-01 2021-07-01 2021-04-01 2021-03-01 2020-12-01 "
                "2020-06-01 2019-12-01 2019-07-01 2019-03-01 2018-10-01 2018-06-01 2017-12-01 "
                "2016-03-30"
            ),
        ),
        (
            "Microsoft.Network",
            (
                "2025-01-01 2024-10-01 2024-07-01 2024-05-01 2024-03-01 2024-01-01 2023-11-01 "
                "2023-09-01 2023-05-01 2022-11-01 2022-05-01 2022-01-01 2021-08-01 2021-02-01 "
                "2020-11-01 2020-06-01 2019-11-01 2019-04-01 2018-08-01 2018-01-01 2017-10-01 "
                "2015-06-15"
            ),
        ),
        (
            "Microsoft.Storage",
            (
                "2025-06-01 2025-01-01 2024-01-01 2023-05-01 2023-01-01 2022-09-01 2021-09-01 "
                "2021-04-01 2020-08-01-preview 2019-06-01 2018-11-01 2018-02-01 2016-12-01"
            ),
        ),
        (
            "Microsoft.KeyVault",
            "2024-11-01 2023-07-01 2023-02-01 2022-07-01 2021-10-01 2019-09-01 2018-02-14 2016-10-01 2015-06-01",
        ),
        (
            "Microsoft.ManagedIdentity",
            "2024-11-30 2023-01-31 2018-11-30 2015-08-31-preview",
        ),
        (
            "Microsoft.MarketplaceOrdering",
            "2021-01-01 2015-06-01",
        ),
        (
            "Microsoft.Features",
            "2021-07-01 2015-12-01",
        ),
        (
            "Microsoft.Authorization",
            "2022-04-01 2020-05-01 2018-07-01 2017-04-01 2016-09-01 2015-07-01",
        ),
        (
            "Microsoft.Resources",
            (
                "2024-11-01 2024-07-01 2023-07-01 2022-09-01 2021-04-01 2020-10-01 2020-06-01 "
                "2019-10-01 2019-07-01 2019-05-01 2018-05-01 2017-05-10 2016-09-01"
            ),
        ),
    )
}
NO_LOCATION = ("Microsoft.Resources", "Microsoft.Authorization", "Microsoft.Features")
#: Providers that every subscription has.
FREE = ("Microsoft.Resources", "Microsoft.Authorization", "Microsoft.Features")
_MOVABLE = "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove, SupportsTags, SupportsLocation"
_IDENTITY = (
    "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove, SystemAssignedResourceIdentity, SupportsTags, "
    "SupportsLocation"
)
_TAGGED = "SupportsTags, SupportsLocation"
#: Types whose resources can be in an availability zone.
ZONED = ("virtualMachines", "disks", "publicIPAddresses", "virtualMachineScaleSets")
#: A type of two names is a child; those with a location in front answer questions: neither has abilities.
TYPES: dict[str, dict[str, str]] = {
    "Microsoft.Compute": {
        "availabilitySets": _MOVABLE,
        "virtualMachines": _IDENTITY,
        "virtualMachineScaleSets": _IDENTITY,
        "virtualMachines/extensions": _TAGGED,
        "virtualMachines/runCommands": _TAGGED,
        "images": _MOVABLE,
        "disks": _MOVABLE,
        "snapshots": _MOVABLE,
        "diskEncryptionSets": _IDENTITY,
        "diskAccesses": _TAGGED,
        "sshPublicKeys": _TAGGED,
        "proximityPlacementGroups": _MOVABLE,
        "galleries": _TAGGED,
        "galleries/images": _TAGGED,
        "galleries/images/versions": _TAGGED,
        "galleries/applications": _TAGGED,
        "galleries/applications/versions": _TAGGED,
        "locations": "None",
        "locations/operations": "None",
        "locations/DiskOperations": "None",
        "locations/capsoperations": "None",
        "locations/publishers": "None",
        "locations/vmSizes": "None",
        "locations/usages": "None",
        "locations/runCommands": "None",
        "locations/communityGalleries": "None",
        "locations/sharedGalleries": "None",
        "operations": "None",
    },
    "Microsoft.Network": {
        "virtualNetworks": _MOVABLE,
        "virtualNetworks/subnets": "None",
        "networkInterfaces": _MOVABLE,
        "publicIPAddresses": _MOVABLE,
        "networkSecurityGroups": _MOVABLE,
        "networkSecurityGroups/securityRules": "None",
        "loadBalancers": _MOVABLE,
        "applicationGateways": _TAGGED,
        "applicationSecurityGroups": _MOVABLE,
        "routeTables": _MOVABLE,
        "natGateways": _TAGGED,
        "privateEndpoints": _MOVABLE,
        "locations": "None",
        "locations/operations": "None",
        "locations/operationResults": "None",
        "locations/CheckDnsNameAvailability": "None",
        "locations/usages": "None",
        "operations": "None",
    },
    "Microsoft.Storage": {
        "storageAccounts": _IDENTITY,
        "storageAccounts/blobServices": "None",
        "storageAccounts/blobServices/containers": "None",
        "checkNameAvailability": "None",
        "locations": "None",
        "locations/asyncoperations": "None",
        "operations": "None",
    },
    "Microsoft.KeyVault": {
        "vaults": _MOVABLE,
        "vaults/accessPolicies": "None",
        "deletedVaults": "None",
        "checkNameAvailability": "None",
        "locations": "None",
        "locations/deletedVaults": "None",
        "locations/operationResults": "None",
        "operations": "None",
    },
    "Microsoft.MarketplaceOrdering": {"agreements": "None", "offertypes": "None", "operations": "None"},
    "Microsoft.ManagedIdentity": {"userAssignedIdentities": _TAGGED, "operations": "None"},
    "Microsoft.Features": {"features": "None", "providers": "None"},
    "Microsoft.Authorization": {"roleAssignments": "None", "roleDefinitions": "None", "locks": "None"},
    "Microsoft.Resources": {
        "resourceGroups": "None",
        "subscriptions": "None",
        "subscriptions/resourceGroups": "None",
        "tenants": "None",
        "providers": "None",
        "resources": "None",
        "deployments": "None",
        "deployments/operations": "None",
        "tags": "None",
    },
}
#: Applications of the provider that may act in a subscription; any will do here.
AUTHORIZATIONS = {
    "Microsoft.Compute": ("60e6cd67-9c8c-4951-9b3c-23c25a2169af", "e4770acb-272e-4dc8-87f3-12f44a612224"),
    "Microsoft.Network": ("2cf9eb86-36b5-49dc-86ae-9a63135dfa8c", "13ba9ab4-19f0-4804-adc4-14ece36cc7a1"),
    "Microsoft.Storage": ("a6aa9161-5291-40bb-8c5c-923b567bee3b", "070ab87f-0efc-4423-b18b-756f3bdb0236"),
    "Microsoft.KeyVault": ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "1cf9858a-28a2-4228-abba-94e606305b95"),
}
