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
from azure_emulator.core.values import choice_of, text_of
from azure_emulator.services.compute._calls import immediate
from azure_emulator.services.compute._shared import GROUP, find, invalid
from azure_emulator.services.compute.vm_profiles import KEY_TYPES

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc


def _apply(ctx: Context, doc: Doc) -> None:
    key = text_of(ctx.body, "properties", "publicKey")
    if key is not None and not key.lstrip().startswith(KEY_TYPES):
        raise invalid("The value of parameter sshPublicKey.publicKey is invalid.", "sshPublicKey.publicKey")
    properties = doc.setdefault("properties", {})
    if key is not None:
        properties["publicKey"] = key


def _generate(ctx: Context) -> Reply:
    doc = find(ctx, _KEY.collection)
    if "publicKey" in doc["properties"]:
        text = f"The SSH public key resource '{doc['name']}' has a public key already."
        raise ArmError(409, "OperationNotAllowed", text)
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


_KEY = immediate("sshPublicKeys", "sshPublicKeyName", _apply)
ROUTES = [
    *_KEY.routes(),
    Route(
        "POST",
        f"{GROUP}/{_KEY.collection}/{{name}}/generateKeyPair",
        _generate,
        evidence=documented("2026-11-25"),
    ),
]
