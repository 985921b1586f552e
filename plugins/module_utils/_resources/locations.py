# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a location offers: asked only before something new is made there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import AzureError
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire

API = "2022-12-01"


def check(azure: Session, location: str) -> None:
    """Refuse a location that the subscription does not have.

    :raises InvalidInput: with the names that look like it.
    """
    wanted = plain(location)
    path = f"/subscriptions/{azure.subscription_id}/locations"
    names = [one["name"] for one in _readable(lambda: azure.list_raw(path, API, what="list locations"))]
    if names and wanted not in names:
        near = difflib.get_close_matches(wanted, names, n=3)
        raise InvalidInput(
            f"location is {location!r}, which this subscription does not have.",
            remedy=f"Did you mean {' or '.join(near)}?"
            if near
            else "Say a name as Azure's list of regions has it, such as westeurope.",
        )


def check_size(azure: Session, location: str, size: str, generation: str | None) -> None:
    """Refuse a machine size that the location does not offer, or that cannot boot this generation.

    :param generation: ``V1`` or ``V2``; ``None``: unknown.
    :raises InvalidInput: saying which.
    """
    skus, where = azure.compute.resource_skus, f"location eq '{plain(location)}'"
    offered = _readable(lambda: azure.list(skus.list, filter=where, what="list machine sizes"))
    machines = {one["name"].lower(): one for one in offered if one.get("resourceType") == "virtualMachines"}
    if not machines:
        return  # a cloud that does not tell: Azure's own answer will
    found = machines.get(size.lower())
    if found is None:
        near = difflib.get_close_matches(size.lower(), machines, n=3)
        hint = (
            f"Did you mean {' or '.join(machines[name]['name'] for name in near)}?" if near else "Choose another size."
        )
        raise InvalidInput(f"size is {size!r}, which {location} does not offer.", remedy=hint)
    capabilities = {one["name"]: one["value"] for one in found.get("capabilities", [])}
    boots = capabilities.get("HyperVGenerations", "V1,V2").split(",")
    if generation and generation not in boots:
        raise InvalidInput(
            f"size {size} starts machines of generation {' and '.join(boots)}, and the image is of generation {generation}.",
            remedy="Choose a size of that generation, or make the image of the other one.",
        )


def _readable(read: Callable[[], list[Wire]]) -> list[Wire]:
    """What an identity may know: one with rights in a resource group alone cannot list what the subscription has."""
    try:
        return read()
    except AzureError as error:
        if error.status != 403:
            raise
        return []


def plain(location: str) -> str:
    """``West Europe`` → ``westeurope``."""
    return location.replace(" ", "").lower()
