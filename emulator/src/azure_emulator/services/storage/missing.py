# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands where blobs would be when Node.js or Azurite is not installed: an error that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator.services.storage.blob_server import REMEDY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from azure_emulator.core.app import Emulator

PREFIX = "/_blobs"


def application(_emulator: Emulator) -> ASGIApp:
    """Answers every blob request with 501 and the remedy."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobServerMissing</Code><Message>{REMEDY}</Message></Error>'
        response = Response(text, 501, {"x-ms-error-code": "BlobServerMissing"}, "application/xml")
        await response(scope, receive, send)

    return answer
