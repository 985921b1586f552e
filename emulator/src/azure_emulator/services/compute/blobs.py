# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Page blobs of local storage accounts: what disks are imported from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc
    from azure_emulator.disks.pages import PageStore


def account_of(ctx: Context, uri: str) -> Doc:
    """The storage account whose blob a URI names.

    :raises ArmError: 400 when no account of this Azure has that endpoint.
    """
    for account in ctx.store.list(type="Microsoft.Storage/storageAccounts"):
        endpoint = account["properties"].get("primaryEndpoints", {}).get("blob", "")
        if endpoint and uri.lower().startswith(endpoint.lower()):
            return account
    raise ArmError(
        400,
        "InvalidParameter",
        f"The blob '{uri.split('?', maxsplit=1)[0]}' is not in a storage account of this Azure.",
    )


def describe(ctx: Context, uri: str) -> dict[str, Any]:
    account_of(ctx, uri)
    raise ArmError(400, "NotSupported", "set below")


def fetch(store: PageStore, pages: str, blob: dict[str, Any]) -> None:
    """Read the written pages of a blob, without its VHD footer, into `pages`."""
