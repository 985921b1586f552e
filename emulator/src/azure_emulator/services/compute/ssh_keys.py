# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH public keys as resources, and key pairs that Azure makes [documented]. Private keys are shown once and never kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.errors import ArmError
from azure_emulator.core.routing import Route, documented
from azure_emulator.core.values import choice_of, object_of, tags_of, text_of
from azure_emulator.services.compute._shared import (
    GROUP,
    SUBSCRIPTION,
    check_location,
    find,
    getter,
    lister,
    new_resource,
    resource_id,
    visible,
)
from azure_emulator.services.compute._types import check_types

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_KIND = "sshPublicKeys"
_TYPES = ("ssh-rsa ", "ssh-ed25519 ", "REDACTED")  # recordings have this word in place of keys


def _put(ctx: Context) -> Reply:
    check_types(ctx.body)
    found = ctx.store.get(resource_id(ctx, _KIND))
    if found is not None:
        check_location(ctx, found)
    doc = found or new_resource(ctx, _KIND, "sshPublicKeyName")
    _change(ctx, doc)
    return Reply(200 if found else 201, visible(doc))


def _patch(ctx: Context) -> Reply:
    check_types(ctx.body)
    doc = find(ctx, _KIND)
    _change(ctx, doc)
    return Reply(200, visible(doc))


def _change(ctx: Context, doc: Doc) -> None:
    key = text_of(object_of(ctx.body, "properties"), "publicKey")
    properties = doc.setdefault("properties", {})
    if key is not None:
        if not key.lstrip().startswith(_TYPES):
            raise ArmError(
                400,
                "InvalidParameter",
                "The value of parameter sshPublicKey.publicKey is invalid.",
                "sshPublicKey.publicKey",
            )
        properties["publicKey"] = key
    tags = tags_of(ctx.body)
    if tags is not None:
        doc["tags"] = tags
    ctx.store.put(doc["id"], doc)


def _generate(ctx: Context) -> Reply:
    doc = find(ctx, _KIND)
    if "publicKey" in doc["properties"]:
        raise ArmError(
            409, "OperationNotAllowed", f"The SSH public key resource '{doc['name']}' has a public key already."
        )
    kind = choice_of(ctx.body, ("RSA", "Ed25519"), "encryptionType") or "RSA"
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if kind == "RSA":
        key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        form = PrivateFormat.TraditionalOpenSSL
    else:
        key = ed25519.Ed25519PrivateKey.generate()
        form = PrivateFormat.OpenSSH
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + " generated-by-azure"
    doc["properties"]["publicKey"] = public
    ctx.store.put(doc["id"], doc)
    private = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    return Reply(200, {"privateKey": private, "publicKey": public, "id": doc["id"]})


def _delete(ctx: Context) -> Reply:
    return Reply(200 if ctx.store.delete(resource_id(ctx, _KIND)) else 204)


def _shown(_ctx: Context, doc: Doc) -> Doc:
    return visible(doc)


_KNOWN = documented("2026-11-25")
_ONE = f"{GROUP}/{_KIND}/{{name}}"
ROUTES = [
    Route("PUT", _ONE, _put, evidence=_KNOWN),
    Route("PATCH", _ONE, _patch, evidence=_KNOWN),
    Route("GET", _ONE, getter(_KIND, _shown), evidence=_KNOWN),
    Route("DELETE", _ONE, _delete, evidence=_KNOWN),
    Route("POST", f"{_ONE}/generateKeyPair", _generate, evidence=_KNOWN),
    Route("GET", f"{GROUP}/{_KIND}", lister(_KIND, _shown), evidence=_KNOWN),
    Route("GET", f"{SUBSCRIPTION}/{_KIND}", lister(_KIND, _shown), evidence=_KNOWN),
]
