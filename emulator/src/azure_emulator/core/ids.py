# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource ids: read, compare and build them. ARM compares ids without regard to case."""

from __future__ import annotations

from dataclasses import dataclass

from azure_emulator.core.errors import ArmError


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The parts of one resource id, each as it was written.

    ``type`` is the whole type (``Microsoft.Compute/galleries/images``), ``parent`` the id of the enclosing resource
    of the same provider (``None`` for a top-level resource).
    """

    id: str
    subscription: str
    group: str
    type: str
    name: str
    names: tuple[str, ...]
    parent: str | None

    @property
    def key(self) -> str:
        """The form in which two ids of the same resource are equal."""
        return self.id.lower()


def parse(resource_id: str) -> ResourceId:
    """Take a resource id apart.

    :raises ArmError: 400 ``LinkedInvalidPropertyId`` when it is not an id of a resource or resource group.
    """
    parts = resource_id.split("/") if isinstance(resource_id, str) else []
    group_at = len(parts) > 3 and parts[3].lower() == "resourcegroups"
    if len(parts) < 5 or parts[0] or parts[1].lower() != "subscriptions" or not group_at or not all(parts[1:]):
        raise _invalid(resource_id)
    subscription, group, rest = parts[2], parts[4], parts[5:]
    if not rest:
        return ResourceId(resource_id, subscription, group, "Microsoft.Resources/resourceGroups", group, (group,), None)
    if rest[0].lower() != "providers" or len(rest) < 4 or len(rest) % 2:
        raise _invalid(resource_id)
    types, names = rest[2::2], rest[3::2]
    parent = "/".join(parts[:-2]) if len(names) > 1 else None
    return ResourceId(resource_id, subscription, group, "/".join([rest[1], *types]), names[-1], tuple(names), parent)


def resource_id(subscription: str, group: str, resource_type: str, *names: str) -> str:
    """Build an id: ``resource_id(sub, "rg", "Microsoft.Compute/galleries/images", "gallery", "definition")``."""
    provider, *types = resource_type.split("/")
    tail = "".join(f"/{kind}/{name}" for kind, name in zip(types, names, strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}{tail}"


def group_id(subscription: str, group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def same(one: str | None, other: str | None) -> bool:
    """Whether two ids name the same resource."""
    return (one or "").lower() == (other or "").lower()


def _invalid(value: object) -> ArmError:
    return ArmError(
        400,
        "LinkedInvalidPropertyId",
        f"Property id '{value}' is invalid. Expect fully qualified resource Id that start with '/subscriptions/{{subscriptionId}}' "
        "or '/providers/{resourceProviderNamespace}/'.",
    )
