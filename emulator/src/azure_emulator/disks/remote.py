# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of *Put Page From URL*: a disk's SAS or a blob on this machine. Nothing else is ever asked."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azure_emulator.core.faults import INTERNAL
from azure_emulator.disks.blob_errors import BlobError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_CONDITIONS = "x-ms-source-"
_SECONDS = 60


def read_source(url: str, start: int, end: int, headers: Mapping[str, str], authority: Path, version: str) -> bytes:
    """The bytes [start, end) of a blob.

    :param headers: the request's, with lower-case names; its ``x-ms-source-if-…`` conditions go to the source.
    :raises BlobError: ``CannotVerifyCopySource`` with the source's status, 412 when a condition does not hold.
    """
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:  # no URL at all
        raise _cannot_verify(404, "The specified resource does not exist.") from None
    if parts.scheme != "https" or parts.hostname not in _LOCAL or not url.isascii():
        raise _cannot_verify(404, "The specified resource does not exist.")
    asked = {**INTERNAL, "x-ms-version": version, "x-ms-range": f"bytes={start}-{end - 1}"}
    for name, value in headers.items():
        if name.startswith(f"{_CONDITIONS}if-"):
            asked[name[len(_CONDITIONS) :]] = value
    if token := headers.get("x-ms-copy-source-authorization"):
        asked["Authorization"] = token
    trust = ssl.create_default_context(cafile=str(authority))
    connection = http.client.HTTPSConnection(parts.hostname, port, timeout=_SECONDS, context=trust)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=asked)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        raise _cannot_verify(404, "The source cannot be reached.") from None
    finally:
        connection.close()
    if answer.status in (304, 412):
        raise BlobError(
            412, "SourceConditionNotMet", "The source condition specified using HTTP conditional header(s) is not met."
        )
    if answer.status not in (200, 206):
        status = answer.status if answer.status in (401, 403, 404, 409, 416) else 500
        raise _cannot_verify(status, f"The source answered with status {answer.status}.")
    if len(body) != end - start:
        raise BlobError(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    return body


def _cannot_verify(status: int, reason: str) -> BlobError:
    return BlobError(status, "CannotVerifyCopySource", f"Could not verify the copy source. {reason}")
