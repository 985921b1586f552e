# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse bodies whose members have the wrong JSON type, before anything else looks at them.

A member's name says its type everywhere in Compute, so one table does for all resources.
"""

from __future__ import annotations

from typing import Any

from azure_emulator.core.errors import ArmError, invalid_content

_TEXTS = """
    location name id type createOption osType osState hyperVGeneration caching deleteOption storageAccountType sourceUri
    storageAccountId sourceResourceId networkAccessPolicy publicNetworkAccess access vmSize computerName adminUsername
    adminPassword customData userData path keyData publisher offer version exactVersion product uri blobUri licenseType
    priority timeZone patchMode assessmentMode dataAccessAuthMode diskAccessId settingName passName componentName content
    protocol securityType vhdPrefix destinationContainerName keyUrl diskEncryptionSetId encryptionType
    secureVMDiskEncryptionSetId federatedClientId securityDataUri elasticSanResourceId diskControllerTypes fileFormat
    provisionedBandwidthCopySpeed sharedGalleryImageId communityGalleryImageId tier
"""
_NUMBERS = """
    lun diskSizeGB uploadSizeBytes diskIOPSReadWrite diskMBpsReadWrite diskIOPSReadOnly diskMBpsReadOnly maxShares
    durationInSeconds logicalSectorSize instantAccessDurationMinutes
"""
_FLAGS = """
    incremental zoneResilient toBeDetached disablePasswordAuthentication provisionVMAgent enableAutomaticUpdates
    allowExtensionOperations primary writeAcceleratorEnabled burstingEnabled supportsHibernation secureBootEnabled
    vTpmEnabled ultraSSDEnabled performancePlus optimizedForFrequentAttach rotationToLatestKeyVersionEnabled
    acceleratedNetwork getSecureVMGuestStateSAS
"""
_OBJECTS = """
    properties creationData tags encryption securityProfile purchasePlan supportedCapabilities storageProfile osDisk
    managedDisk snapshot sourceVirtualMachine imageReference galleryImageReference osProfile linuxConfiguration
    windowsConfiguration ssh patchSettings networkProfile hardwareProfile vhd identity plan diagnosticsProfile
    availabilitySet additionalCapabilities uefiSettings winRM diffDiskSettings extendedLocation
    activeKey sourceVault encryptionSettingsCollection availabilityPolicy diskEncryptionSet
"""
_OBJECT_LISTS = "dataDisks networkInterfaces publicKeys secrets additionalUnattendContent listeners"
_TEXT_LISTS = "zones"

_TYPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(_TEXTS.lower().split(), (str, "a string")),
    **dict.fromkeys(_NUMBERS.lower().split(), (int, "an integer")),
    **dict.fromkeys(_FLAGS.lower().split(), (bool, "a boolean")),
    **dict.fromkeys(_OBJECTS.lower().split(), (dict, "an object")),
    **dict.fromkeys((_OBJECT_LISTS + " " + _TEXT_LISTS).lower().split(), (list, "an array")),
}
_MEMBERS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(_OBJECT_LISTS.lower().split(), (dict, "an object")),
    **dict.fromkeys(_TEXT_LISTS.lower().split(), (str, "a string")),
}


def check_types(body: dict[str, Any]) -> None:
    """Look at every member of a request's body.

    :raises ArmError: 400 ``InvalidRequestContent`` that names the member.
    """
    _check(body, "")


def _check(value: Any, path: str) -> None:
    if isinstance(value, list):
        for number, inner in enumerate(value):
            _check(inner, f"{path}[{number}]")
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        here = f"{path}.{name}".lstrip(".")
        lower = name.lower()
        if inner is not None and lower in _TYPES and not _fits(inner, _TYPES[lower][0]):
            raise _wrong(here, _TYPES[lower][1])
        if isinstance(inner, list) and lower in _MEMBERS:
            kind, words = _MEMBERS[lower]
            if not all(_fits(item, kind) for item in inner):
                raise _wrong(f"{here}[]", words)
        if lower != "tags":  # its names are the client's own
            _check(inner, here)


def _fits(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, kind)


def _wrong(path: str, words: str) -> ArmError:
    return invalid_content(f"The member '{path}' must be {words}")
