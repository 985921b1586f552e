# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is checked before each handler, whoever calls: a client or another service."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from azure_emulator.core import hooks, ids
from azure_emulator.core.errors import ArmError, group_being_deleted, group_not_found

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.routing import Route


def admit(ctx: Context, route: Route) -> None:
    """Let a request through to its handler.

    :raises ArmError: when its subscription or group does not exist or goes away, or a service's check refuses it.
    """
    _check_containers(ctx, route)
    for check in hooks.before:
        check(ctx, route)


def _check_containers(ctx: Context, route: Route) -> None:
    """The subscription and the group of the path must exist."""
    if "subscription" not in ctx.ids:
        return
    store, subscription = ctx.store, ctx.subscription.lower()
    if store.remember(("subscription", subscription), lambda: store.kv_get("subscriptions", subscription)) is None:
        raise _no_subscription(ctx.subscription)
    if "group" not in ctx.ids or "/providers/" not in route.template:
        return
    identity = ids.group_id(subscription, ctx.ids["group"])
    group = store.remember(("group", identity), lambda: store.get(identity))
    if group is None:
        raise group_not_found(ctx.ids["group"])
    if ctx.method in ("PUT", "PATCH", "POST") and group["properties"]["provisioningState"] == "Deleting":
        raise group_being_deleted(ctx.ids["group"])


def _no_subscription(name: str) -> ArmError:
    try:
        uuid.UUID(name)
    except ValueError:
        return ArmError(
            400, "InvalidSubscriptionId", f"The provided subscription identifier '{name}' is malformed or invalid."
        )
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{name}' could not be found.")
