# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure resource ids: parse, build, compare.

Azure answers with ids in mixed case (resource groups in capitals above all), so ids are compared without regard to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput


@dataclass(frozen=True, eq=False)
class ResourceId:
    """One resource. Equal to another one that differs in case only.

    :ivar namespace: ``Microsoft.Compute``.
    :ivar types: ``("galleries", "images")``.
    :ivar names: one for each type.
    :ivar resource_group: empty for a resource of the subscription itself.
    """

    subscription_id: str
    resource_group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """``Microsoft.Compute/galleries/images``."""
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        """The resource's own name, without its parents'."""
        return self.names[-1]

    @property
    def parent(self) -> ResourceId | None:
        """The resource it is nested in, if it is."""
        if len(self.types) == 1:
            return None
        return ResourceId(self.subscription_id, self.resource_group, self.namespace, self.types[:-1], self.names[:-1])

    def child(self, type_: str, name: str) -> ResourceId:
        """A resource nested in this one."""
        types, names = (*self.types, type_), (*self.names, name)
        return ResourceId(self.subscription_id, self.resource_group, self.namespace, types, names)

    def __str__(self) -> str:
        group = f"/resourceGroups/{self.resource_group}" if self.resource_group else ""
        pairs = "".join(f"/{type_}/{name}" for type_, name in zip(self.types, self.names, strict=True))
        return f"/subscriptions/{self.subscription_id}{group}/providers/{self.namespace}{pairs}"

    def __eq__(self, other: object) -> bool:
        return str(self).lower() == str(other).lower() if isinstance(other, ResourceId) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self).lower())


def build(subscription_id: str, resource_group: str, type_: str, *names: str) -> ResourceId:
    """Put an id together.

    :param type_: ``Microsoft.Compute/galleries/images``, with as many names.
    """
    namespace, *types = type_.split("/")
    if len(types) != len(names):
        raise ValueError(f"{type_} needs {len(types)} names, not {len(names)}")
    return ResourceId(subscription_id, resource_group, namespace, tuple(types), names)


def parse(text: str) -> ResourceId:
    """Take an id apart.

    :raises InvalidInput: it is no id of a resource.
    """
    parts = text.strip().strip("/").split("/")
    keys = [part.lower() for part in parts]
    if all(parts) and len(parts) >= 6 and keys[0] == "subscriptions":
        has_group = keys[2] == "resourcegroups"
        rest = 4 if has_group else 2
        pairs = parts[rest + 2 :]
        if keys[rest] == "providers" and pairs and len(pairs) % 2 == 0:
            group = parts[3] if has_group else ""
            return ResourceId(parts[1], group, parts[rest + 1], tuple(pairs[::2]), tuple(pairs[1::2]))
    raise InvalidInput(
        f"{text!r} is no Azure resource id.",
        remedy="An id looks like /subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/disks/name.",
    )


def same(one: str | ResourceId | None, other: str | ResourceId | None) -> bool:
    """Whether two ids name the same resource; ``None`` names nothing."""
    if one is None or other is None:
        return False
    return str(one).strip().rstrip("/").lower() == str(other).strip().rstrip("/").lower()


def resolve(
    value: str | Mapping[str, Any], *, type_: str, subscription_id: str, resource_group: str | None, parameter: str
) -> ResourceId:
    """The id that a parameter means: an id, a name, or a name with its resource group.

    :param value: ``/subscriptions/…``, ``name`` (``gallery/definition`` for a nested type), or a dictionary with
        ``name`` and optionally ``resource_group`` and ``subscription_id``.
    :param type_: what it must be: ``Microsoft.Compute/disks``.
    :param resource_group: where a bare name is looked for.
    :param parameter: its name, for the message.
    :raises InvalidInput: it is something else, or another type of resource.
    """
    if isinstance(value, Mapping):
        subscription_id = value.get("subscription_id") or subscription_id
        resource_group = value.get("resource_group") or resource_group
        value = value.get("name") or ""
    text = str(value).strip()
    if text.startswith("/"):
        found = parse(text)
        if found.type.lower() != type_.lower():
            raise InvalidInput(f"{parameter} is the id of a {found.type}.", remedy=f"Give the id of a {type_}.")
        return found
    names, wanted = text.split("/"), type_.split("/")[1:]
    if not all(names) or len(names) != len(wanted):
        form = "/".join(wanted) if len(wanted) > 1 else "a name"
        raise InvalidInput(f"{parameter} is {text!r}.", remedy=f"Give {form}, or the whole id of a {type_}.")
    if not resource_group:
        raise InvalidInput(
            f"{parameter} is {text!r} without a resource group.", remedy="Set resource_group, or give an id."
        )
    return build(subscription_id, resource_group, type_, *names)
