# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blob URLs: which account, container and blob they name, and how the emulator itself reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from azure_emulator.services.storage import blobs
from azure_emulator.services.storage.signatures import account_sas

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc


@dataclass(frozen=True, slots=True)
class BlobLocation:
    """``url`` is where it can be read locally, without a signature."""

    account: Doc
    container: str
    blob: str
    url: str


def locate(scope: Scope, url: str) -> BlobLocation | None:
    """The blob behind ``https://127.0.0.1:PORT/account/container/blob`` or
    ``https://account.blob.core.windows.net/container/blob``; ``None`` when it names no account that exists."""
    parts = urlsplit(url)
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    host = (parts.hostname or "").lower()
    name = host.split(".")[0] if ".blob." in host else (segments.pop(0) if segments else "")
    if len(segments) < 2:
        return None
    account = find(scope, name)
    if account is None:
        return None
    container, blob = segments[0], "/".join(segments[1:])
    local = f"{blobs.endpoint(scope, account['name'])}{quote(container)}/{quote(blob)}"
    return BlobLocation(account, container, blob, local)


def find(scope: Scope, name: str) -> Doc | None:
    """A storage account by its name, which is unique in all of Azure."""
    owner = scope.store.kv_get("storage.names", name.lower())
    return scope.store.get(owner) if owner else None


def readable(location: BlobLocation, now: float) -> str:
    """The local URL with a signature that lets any HTTP client read the blob for six hours."""
    return f"{location.url}?{account_sas(location.account, 'rl', now)}"
