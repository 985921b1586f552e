# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a load balancer that are resources too: templates of scale sets send NAT rules by themselves."""

from __future__ import annotations

from typing import Any

from azure_emulator.core.context import Context, Reply, Scope
from azure_emulator.core.errors import resource_not_found
from azure_emulator.core.operations import effect
from azure_emulator.core.routing import Route, documented
from azure_emulator.services.network import _shared
from azure_emulator.services.network.balancers import part

_KIND = "loadBalancers"
_TYPE = f"{_shared.PROVIDER}/{_KIND}"
_ONE = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{_TYPE}/{{name}}"
#: Those that can be written, and those that can only be read.
_WRITABLE = ("inboundNatRules", "backendAddressPools")
_READABLE = ("frontendIPConfigurations", "loadBalancingRules", "outboundRules", "probes")


def _put(ctx: Context, collection: str) -> Reply:
    balancer = _shared.parent_of(ctx, _KIND, "part")
    _shared.check_not_deleting(ctx, balancer)
    found = _shared.part_of(balancer, collection, ctx.ids["part"])
    made = part(balancer, collection, {**ctx.body, "name": found["name"] if found else ctx.ids["part"]})
    parts = balancer["properties"][collection]
    parts[:] = [made if one is found else one for one in parts] if found else [*parts, made]
    _shared.save(ctx, balancer)
    operation = ctx.operations.start(
        "network", balancer["location"], "network.put", {"id": balancer["id"]}, balancer["id"]
    )
    return Reply(200 if found else 201, made, _shared.started(ctx, operation))


def _get(ctx: Context, collection: str) -> Reply:
    balancer = _shared.parent_of(ctx, _KIND, "part")
    found = _shared.part_of(balancer, collection, ctx.ids["part"])
    if found is None:
        raise resource_not_found(f"{_TYPE}/{collection}", [ctx.ids["name"], ctx.ids["part"]], ctx.ids["group"])
    return Reply(200, found, {"ETag": found["etag"]})


def _list(ctx: Context, collection: str) -> Reply:
    return Reply(200, {"value": _shared.parent_of(ctx, _KIND, "part")["properties"][collection]})


def _delete(ctx: Context, collection: str) -> Reply:
    balancer = _shared.parent_of(ctx, _KIND, "part")
    found = _shared.part_of(balancer, collection, ctx.ids["part"])
    if found is None:
        return Reply(204)
    args = {"id": balancer["id"], "collection": collection, "name": found["name"]}
    operation = ctx.operations.start("network", balancer["location"], "network.part.delete", args, balancer["id"])
    return Reply(202, None, _shared.started(ctx, operation))


@effect("network.part.delete")
def _deleted(scope: Scope, args: dict[str, Any]) -> None:
    balancer = scope.store.get(args["id"])
    found = _shared.part_of(balancer, args["collection"], args["name"]) if balancer else None
    if balancer and found:
        balancer["properties"][args["collection"]].remove(found)
        _shared.save(scope, balancer)


def _routes(collection: str) -> list[Route]:
    spec = documented("2026-11-25")
    every, one = f"{_ONE}/{collection}", f"{_ONE}/{collection}/{{part}}"
    routes = [
        Route("GET", every, lambda ctx: _list(ctx, collection), evidence=spec),
        Route("GET", one, lambda ctx: _get(ctx, collection), evidence=spec),
    ]
    if collection in _WRITABLE:
        routes += [
            Route("PUT", one, lambda ctx: _put(ctx, collection), evidence=spec),
            Route("DELETE", one, lambda ctx: _delete(ctx, collection), evidence=spec),
        ]
    return routes


ROUTES = [route for collection in (*_WRITABLE, *_READABLE) for route in _routes(collection)]
