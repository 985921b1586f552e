# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check and complete the ``osProfile`` and ``networkProfile`` of a virtual machine.

Recorded: what is echoed and which defaults appear. Texts of refusals are Azure's as documented or commonly reported;
where only the code is known the text is plain.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import flag_of, missing, object_of, objects_of, required_text, text_of
from azure_emulator.services.compute._shared import invalid, without
from azure_emulator.services.network import attachment

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc

# Recorded traffic carries this word in place of secrets; its replay must not fail the rules for real ones.
_REDACTED = "REDACTED"
_RESERVED = frozenset((
    "administrator", "admin", "admin1", "admin2", "user", "user1", "user2", "user3", "user4", "user5", "test", "test1", "test2",
    "test3", "1", "123", "a", "actuser", "adm", "aspnet", "backup", "console", "david", "guest", "john", "owner", "root",
    "server", "sql", "support", "support_388945a0", "sys",
))  # fmt: skip
_SECRETS = ("adminPassword", "customData")
#: How public keys begin.
KEY_TYPES = ("ssh-rsa ", "ssh-ed25519 ", _REDACTED)
_MAX_CUSTOM_DATA = 87380
_BAD_WINDOWS_NAME = re.compile(r"[`~!@#$%^&*()=+_\[\]{}\\|;:.'\",<>/?\s]")


def os_profile(properties: dict[str, Any], os_type: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The profile as it is shown, and the secrets that a guest needs to provision itself.

    :raises ArmError: 400 for what Azure refuses.
    """
    given = object_of(properties, "osProfile")
    if not given:
        raise missing("osProfile", "osProfile")
    name = text_of(given, "computerName")
    if not name:
        raise missing("computerName", "osProfile")
    _check_computer_name(name, os_type)
    user = text_of(given, "adminUsername")
    if not user:
        raise missing("adminUsername", "osProfile")
    _check_user(user, os_type)
    shown = {"windowsConfiguration": _windows(given)} if os_type == "Windows" else {"linuxConfiguration": _linux(given)}
    _check_password(given, os_type)
    _check_custom_data(given)
    kept = without(given, *_SECRETS, "linuxConfiguration", "windowsConfiguration", "secrets")
    profile = {
        **kept,
        **shown,
        "secrets": given.get("secrets") or [],
        "allowExtensionOperations": flag_of(given, "allowExtensionOperations") is not False,
        "requireGuestProvisionSignal": True,
    }
    return profile, {key: given[key] for key in _SECRETS if given.get(key)}


_WINDOWS_NAME_RULE = (
    "Windows computer name cannot be more than 15 characters long, be entirely numeric, or contain the following "
    "characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : . ' \" , < > / ?."
)
_LINUX_NAME_RULE = (
    "Linux host name cannot exceed 64 characters in length or contain the following characters: "
    "` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / ?."
)


def _check_computer_name(name: str, os_type: str) -> None:
    if os_type == "Windows" and (len(name) > 15 or name.isdecimal() or _BAD_WINDOWS_NAME.search(name)):
        raise invalid(_WINDOWS_NAME_RULE, "computerName")
    if os_type == "Linux" and (len(name) > 64 or re.search(r"[^A-Za-z0-9.-]", name)):
        raise invalid(_LINUX_NAME_RULE, "computerName")


def _check_user(user: str, os_type: str) -> None:
    limit = 20 if os_type == "Windows" else 64
    if user.lower() in _RESERVED or user.endswith("."):
        raise invalid("The Admin Username specified is not allowed.", "adminUsername")
    if len(user) > limit:
        raise invalid(f"The Admin Username must not be longer than {limit} characters.", "adminUsername")


def _windows(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("linuxConfiguration"):
        raise invalid("Parameter 'linuxConfiguration' is not allowed.", "linuxConfiguration")
    wanted = object_of(given, "windowsConfiguration")
    contents = [without(item, "content") for item in objects_of(wanted, "additionalUnattendContent")]
    for item in contents:
        required_text(item, "settingName")
    return {
        "provisionVMAgent": True,
        "enableAutomaticUpdates": True,
        **wanted,
        **({"additionalUnattendContent": contents} if contents else {}),
        "patchSettings": {
            "patchMode": "AutomaticByOS",
            "assessmentMode": "ImageDefault",
            **object_of(wanted, "patchSettings"),
        },
    }


def _linux(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("windowsConfiguration"):
        raise invalid("Parameter 'windowsConfiguration' is not allowed.", "windowsConfiguration")
    wanted = object_of(given, "linuxConfiguration")
    user = given["adminUsername"]
    keys = objects_of(wanted, "ssh", "publicKeys")
    for key in keys:
        path = f"/home/{user}/.ssh/authorized_keys"
        if text_of(key, "path") != path:
            raise invalid(
                f"Destination path for SSH public keys is currently limited to its default value {path} due to a known "
                "issue in Linux provisioning agent.",
                "linuxConfiguration.ssh.publicKeys.path",
            )
        if not (text_of(key, "keyData") or "").lstrip().startswith(KEY_TYPES):
            raise invalid(
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.",
                "linuxConfiguration.ssh.publicKeys.keyData",
            )
    by_key_only = bool(flag_of(wanted, "disablePasswordAuthentication"))
    if by_key_only and not keys:
        raise invalid(
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
            "linuxConfiguration",
        )
    if by_key_only and given.get("adminPassword"):
        raise invalid(
            "Parameter 'adminPassword' is not allowed when password authentication is disabled.", "adminPassword"
        )
    return {
        "disablePasswordAuthentication": False,
        **wanted,
        "provisionVMAgent": flag_of(wanted, "provisionVMAgent") is not False,
        "patchSettings": {
            "patchMode": "ImageDefault",
            "assessmentMode": "ImageDefault",
            **object_of(wanted, "patchSettings"),
        },
    }


def _check_password(given: dict[str, Any], os_type: str) -> None:
    password = text_of(given, "adminPassword")
    linux = object_of(given, "linuxConfiguration")
    if not password:
        has_keys = bool(objects_of(linux, "ssh", "publicKeys"))
        if os_type == "Windows" or not has_keys:
            raise missing("adminPassword", "adminPassword")
        return
    low, high = (8, 123) if os_type == "Windows" else (6, 72)
    kinds = (r"[A-Z]", r"[a-z]", r"\d", r"[^A-Za-z\d\s]")
    strong = sum(bool(re.search(kind, password)) for kind in kinds) >= 3 and low <= len(password) <= high
    if not strong and password != _REDACTED:
        raise invalid(
            f"The supplied password must be between {low}-{high} characters long and must satisfy at least 3 of password "
            "complexity requirements from the following:\r\n1) Contains an uppercase character\r\n2) Contains a lowercase "
            "character\r\n3) Contains a numeric digit\r\n4) Contains a special character\r\n5) Control characters are not "
            "allowed",
            "adminPassword",
        )


def _check_custom_data(given: dict[str, Any]) -> None:
    data = text_of(given, "customData")
    if not data:
        return
    try:
        base64.b64decode(data, validate=True)
        fits = len(data) <= _MAX_CUSTOM_DATA or data == _REDACTED
    except (binascii.Error, ValueError):
        fits = data == _REDACTED
    if not fits:
        raise invalid(
            f"Custom data in OSProfile must be in Base64 encoding and with a maximum length of {_MAX_CUSTOM_DATA} characters.",
            "customData",
        )


def network_profile(ctx: Context, vm_id: str, location: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The profile as it is shown; every interface exists, is here, and is free.

    :raises ArmError: 400 otherwise.
    """
    interfaces = objects_of(properties, "networkProfile", "networkInterfaces")
    if not interfaces:
        raise missing("networkProfile", "networkProfile")
    primary = [item for item in interfaces if flag_of(item, "properties", "primary")]
    if len(interfaces) > 1 and len(primary) != 1:
        raise ArmError(
            400,
            "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary",
            f"Virtual machine {vm_id} must have one network interface set as the primary.",
        )
    for item in interfaces:
        identity = required_text(item, "id")
        interface = attachment.check_free(ctx, identity, vm_id)
        if interface["location"] != location:
            raise ArmError(
                400,
                "InvalidResourceReference",
                f"Resource {identity} referenced by resource {vm_id} was not found. Please make sure that the referenced "
                "resource exists, and that both resources are in the same region.",
            )
    return {"networkInterfaces": interfaces}


def claim_interfaces(ctx: Context, doc: Doc) -> None:
    """Write the VM into its interfaces, as Azure shows it there."""
    interfaces = doc["properties"]["networkProfile"]["networkInterfaces"]
    for item in interfaces:
        primary = len(interfaces) == 1 or bool(flag_of(item, "properties", "primary"))
        attachment.attach(ctx, item["id"], doc["id"], primary=primary)
