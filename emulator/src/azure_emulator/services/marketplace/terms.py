# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terms of purchase plans: shown, accepted, cancelled. A machine with a plan needs them accepted.

Recorded: paths, shapes, that every look gives another signature, and that accepting is a PUT of what was shown with
``accepted: true``. Documented: the older calls (``sign``, ``cancel``).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import flag_of, object_of, text_of
from azure_emulator.services.compute import catalogue
from azure_emulator.services.compute.vm_rules import TERMS, terms_key

if TYPE_CHECKING:
    from azure_emulator.services.compute.catalogue import Sku

_PROVIDER = "Microsoft.MarketplaceOrdering"
_NONCE = 24


def _show(ctx: Context) -> Reply:
    return Reply(200, _agreement(ctx, _plan(ctx), _accepted(ctx)))


def _accept(ctx: Context) -> Reply:
    sku = _plan(ctx)
    wanted = object_of(ctx.body, "properties")
    signature = text_of(wanted, "signature")
    if not signature or not _is_ours(signature, _key(ctx)):
        raise ArmError(400, "BadRequest", "The signature of the terms is not valid. Please get the terms again.")
    accepted = flag_of(wanted, "accepted")
    if accepted is None:
        raise ArmError(400, "BadRequest", "The property 'accepted' of the terms is missing.")
    ctx.store.kv_put(TERMS, _key(ctx), {"accepted": accepted})
    return Reply(200, _agreement(ctx, sku, accepted, signature))


def _sign(ctx: Context) -> Reply:
    return _decide(ctx, accepted=True)


def _cancel(ctx: Context) -> Reply:
    return _decide(ctx, accepted=False)


def _decide(ctx: Context, *, accepted: bool) -> Reply:
    sku = _plan(ctx)
    ctx.store.kv_put(TERMS, _key(ctx), {"accepted": accepted})
    return Reply(200, _agreement(ctx, sku, accepted))


def _list(ctx: Context) -> Reply:
    found = []
    for key, value in ctx.store.kv_items(TERMS, f"{ctx.subscription}/".lower()):
        _subscription, publisher, offer, plan = key.split("/")
        sku = catalogue.find(publisher, offer, plan)
        if sku is not None:
            found.append(_agreement(ctx, sku, value["accepted"]))
    return Reply(200, found)


def _key(ctx: Context) -> str:
    return terms_key(ctx.subscription, ctx.ids["publisher"], ctx.ids["offer"], ctx.ids["plan"])


def _accepted(ctx: Context) -> bool:
    return bool((ctx.store.kv_get(TERMS, _key(ctx)) or {}).get("accepted"))


def _plan(ctx: Context) -> Sku:
    if ctx.ids.get("type", "virtualmachine").lower() != "virtualmachine":
        raise ArmError(400, "BadRequest", f"The offer type '{ctx.ids['type']}' is not supported.")
    sku = catalogue.find(ctx.ids["publisher"], ctx.ids["offer"], ctx.ids["plan"])
    if sku is None or sku.plan is None:
        raise ArmError(
            400,
            "BadRequest",
            f"Offer with PublisherId: '{ctx.ids['publisher']}', OfferId: '{ctx.ids['offer']}' and plan "
            f"'{ctx.ids['plan']}' was not found.",
        )
    return sku


def _signature(nonce: bytes, key: str) -> str:
    """Another one for each look, and one can see whether it belongs to a plan."""
    return base64.b32encode(nonce + hashlib.sha256(nonce + key.encode()).digest()).decode().rstrip("=")


def _is_ours(signature: str, key: str) -> bool:
    try:
        nonce = base64.b32decode(signature + "=" * (-len(signature) % 8))[:_NONCE]
    except ValueError:
        return False
    return _signature(nonce, key) == signature


def _agreement(ctx: Context, sku: Sku, accepted: bool, signature: str | None = None) -> dict[str, Any]:
    if signature is None:
        key = terms_key(ctx.subscription, sku.publisher, sku.offer, sku.sku)
        signature = _signature(secrets.token_bytes(_NONCE), key)
    path = f"offerTypes/VirtualMachine/publishers/{sku.publisher}/offers/{sku.offer}/plans/{sku.sku}/agreements/current"
    now = ctx.clock.iso()
    who = ctx.principal.object_id if ctx.principal else ""
    link = f"https://mpcprodsa.blob.core.windows.net/legalterms/{sku.publisher}_{sku.offer}_{sku.sku}.txt"
    return {
        "id": f"/subscriptions/{ctx.subscription}/providers/{_PROVIDER}/{path}",
        "name": sku.sku,
        "type": f"{_PROVIDER}/offertypes",
        "properties": {
            "publisher": sku.publisher,
            "product": sku.offer,
            "plan": sku.sku,
            "licenseTextLink": link,
            "privacyPolicyLink": f"https://{sku.publisher}.example/privacy",
            "marketplaceTermsLink": link.replace("legalterms", "marketplaceterms"),
            "retrieveDatetime": now,
            "signature": signature,
            "accepted": accepted,
        },
        "systemData": {
            "createdBy": who,
            "createdByType": "ManagedIdentity",
            "createdAt": now,
            "lastModifiedBy": who,
            "lastModifiedByType": "ManagedIdentity",
            "lastModifiedAt": now,
        },
    }


_ROOT = f"/subscriptions/{{subscription}}/providers/{_PROVIDER}"
_CURRENT = f"{_ROOT}/offerTypes/{{type}}/publishers/{{publisher}}/offers/{{offer}}/plans/{{plan}}/agreements/current"
_AGREEMENT = f"{_ROOT}/agreements/{{publisher}}/offers/{{offer}}/plans/{{plan}}"
_KNOWN = documented("2026-11-25")
ROUTES = [
    Route("GET", _CURRENT, _show, evidence=_KNOWN),
    Route("PUT", _CURRENT, _accept, evidence=_KNOWN),
    Route("GET", f"{_ROOT}/agreements", _list, evidence=_KNOWN),
    Route("GET", _AGREEMENT, _show, evidence=_KNOWN),
    Route("POST", f"{_AGREEMENT}/sign", _sign, evidence=_KNOWN),
    Route("POST", f"{_AGREEMENT}/cancel", _cancel, evidence=_KNOWN),
]
