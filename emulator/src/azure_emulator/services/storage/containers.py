# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of an account, seen through the blob server's own API."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from azure_emulator.core.faults import INTERNAL
from azure_emulator.services.storage.signatures import account_sas

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.store import Doc

_SECONDS = 30


def remove_all(authority: Path, url: str, account: Doc) -> None:
    """Delete every container below an account's endpoint."""
    query = account_sas(account, "rwdl", time.time())
    listed = ET.fromstring(_call(authority, "GET", f"{url}?comp=list&{query}"))  # noqa: S314 - our own child's answer
    for name in [element.text or "" for element in listed.iter("Name")]:
        _call(authority, "DELETE", f"{url}{quote(name)}?restype=container&{query}")


def listed(authority: Path, url: str, account: Doc) -> list[dict[str, str]]:
    """Every container: ``name``, ``etag``, ``modified`` (``2026-11-25T21:00:00.0000000Z``)."""
    answer = _call(authority, "GET", f"{url}?comp=list&{account_sas(account, 'rl', time.time())}")
    found = []
    for element in ET.fromstring(answer).iter("Container"):  # noqa: S314 - our own child's answer
        modified = parsedate_to_datetime(element.findtext("Properties/Last-Modified") or "")
        entry = {
            "name": element.findtext("Name") or "",
            "etag": element.findtext("Properties/Etag") or "",
            "modified": modified.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        }
        found.append(entry)
    return found


def make(authority: Path, url: str, account: Doc, name: str) -> bool:
    """Make a container; whether there was none."""
    query = account_sas(account, "rwdlc", time.time())
    try:
        _call(authority, "PUT", f"{url}{quote(name)}?restype=container&{query}")
    except urllib.error.HTTPError as error:
        if error.code == 409:
            return False
        raise
    return True


def remove(authority: Path, url: str, account: Doc, name: str) -> None:
    """Delete a container with its blobs."""
    _call(authority, "DELETE", f"{url}{quote(name)}?restype=container&{account_sas(account, 'rwdl', time.time())}")


def _call(authority: Path, method: str, url: str) -> bytes:
    request = urllib.request.Request(url, None, INTERNAL, method=method)  # noqa: S310 - our own https URL
    context = ssl.create_default_context(cafile=str(authority))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=_SECONDS) as answer:
        content: bytes = answer.read()
        return content
