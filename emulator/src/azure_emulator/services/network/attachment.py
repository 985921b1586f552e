# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How machines take and leave their network interfaces; for the compute service."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from azure_emulator.core import ids
from azure_emulator.core.errors import ArmError
from azure_emulator.services.network import _shared, public_addresses

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc


def check_free(scope: Scope, interface_id: str, machine_id: str) -> Doc:
    """The interface, if this machine may have it.

    :raises ArmError: 400 ``InvalidResourceReference`` or ``NicInUse``.
    """
    doc = _shared.required(scope, {"id": interface_id}, "Microsoft.Network/networkInterfaces")
    holder = doc["properties"].get("virtualMachine")
    if holder and not ids.same(holder["id"], machine_id):
        raise ArmError(
            400,
            "NicInUse",
            f"Network Interface {doc['id']} is used by existing resource {holder['id']}.",
        )
    return doc


def attach(scope: Scope, interface_id: str, machine_id: str, *, primary: bool = True) -> None:
    """Note the machine in the interface; it gets a MAC address, and its public address a number."""
    doc = check_free(scope, interface_id, machine_id)
    properties = doc["properties"]
    properties["virtualMachine"] = {"id": machine_id}
    properties["primary"] = primary
    properties.setdefault("macAddress", "00-0D-3A-" + "-".join(f"{byte:02X}" for byte in secrets.token_bytes(3)))
    _shared.save(scope, doc)
    for configuration in properties["ipConfigurations"]:
        if "publicIPAddress" in configuration["properties"]:
            public_addresses.number(scope, configuration["properties"]["publicIPAddress"]["id"])


def detach(scope: Scope, interface_id: str, machine_id: str) -> None:
    """Free the interface; nothing happens when another machine has it or it is gone."""
    doc = scope.store.get(interface_id)
    if doc is None or not ids.same(doc["properties"].get("virtualMachine", {}).get("id"), machine_id):
        return
    for key in ("virtualMachine", "primary", "macAddress"):
        doc["properties"].pop(key, None)
    _shared.save(scope, doc)
