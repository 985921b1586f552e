# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of an account, seen through the blob server's own API."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Containers:
    """Those of one account; ``url`` is its endpoint, with a slash at the end."""

    authority: Path
    url: str
    account: Doc

    def listed(self) -> list[dict[str, str]]:
        """All: ``name``, ``etag``, ``modified`` (``2026-11-25T21:00:00.0000000Z``), ``access`` (as for `make`)."""
        answer, found = self._call("GET", "?comp=list", "rl"), []
        for element in ET.fromstring(answer).iter("Container"):  # noqa: S314 - our own child's answer
            modified = parsedate_to_datetime(element.findtext("Properties/Last-Modified") or "")
            entry = {
                "name": element.findtext("Name") or "",
                "etag": element.findtext("Properties/Etag") or "",
                "modified": modified.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
                "access": (element.findtext("Properties/PublicAccess") or "None").capitalize(),
            }
            found.append(entry)
        return found

    def make(self, name: str, access: str) -> bool:
        """Make a container that strangers may read (``Blob``, ``Container``) or not (``None``); whether there was none."""
        headers = {} if access == "None" else {"x-ms-blob-public-access": access.lower()}
        try:
            self._call("PUT", f"{quote(name)}?restype=container", "rwdlc", headers)
        except urllib.error.HTTPError as error:
            if error.code == 409:
                return False
            raise
        return True

    def remove(self, name: str) -> None:
        """Delete a container with its blobs."""
        self._call("DELETE", f"{quote(name)}?restype=container", "rwdl")

    def remove_all(self) -> None:
        """Delete every container."""
        for entry in self.listed():
            self.remove(entry["name"])

    def _call(self, method: str, path: str, permissions: str, headers: dict[str, str] | None = None) -> bytes:
        url = f"{self.url}{path}&{account_sas(self.account, permissions, time.time())}"
        headers = INTERNAL | (headers or {})
        request = urllib.request.Request(url, None, headers, method=method)  # noqa: S310 - our own https URL
        context = ssl.create_default_context(cafile=str(self.authority))
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        with urllib.request.build_opener(*handlers).open(request, timeout=_SECONDS) as answer:
            content: bytes = answer.read()
            return content
