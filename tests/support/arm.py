# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second pair of eyes: ARM read with the standard library alone, none of the code under test in between."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSIONS = {"compute": "2024-03-01", "network": "2024-05-01", "storage": "2023-05-01", "": "2021-04-01"}


class Arm:
    """The Azure that the environment names.

    :param environment: what ``azure-emulator env`` exports.
    :param agent: by which the requests are known in the emulator's log.
    """

    def __init__(self, environment: Mapping[str, str], agent: str = "tests") -> None:
        self._environment = environment
        self.agent = agent
        self.subscription = environment["AZURE_SUBSCRIPTION_ID"]

    def get(self, path: str) -> dict[str, Any] | None:
        """A resource or a list, by its path below the subscription or from the root; ``None`` for 404."""
        try:
            return self.call("GET", path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def named(self, path: str) -> dict[str, dict[str, Any]]:
        """A list, by name."""
        return {one["name"]: one for one in (self.get(path) or {})["value"]}

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request; a long-running one is only begun."""
        if not path.startswith("/subscriptions"):
            path = f"/subscriptions/{self.subscription}/{path}"
        namespace = re.search(r"/providers/Microsoft\.(\w+)/", path, re.IGNORECASE)
        version = VERSIONS[namespace[1].lower() if namespace else ""]
        headers = {"Authorization": f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        return self._open(method, f"{path}?api-version={version}", headers, data)

    @cached_property
    def token(self) -> str:
        given = self._environment
        form = {
            "grant_type": "client_credentials",
            "scope": f"{given['AZURE_CLOUD_ENVIRONMENT']}/.default",
            "client_id": given["AZURE_CLIENT_ID"],
            "client_secret": given["AZURE_SECRET"],
        }
        answer = self._open("POST", f"/{given['AZURE_TENANT']}/oauth2/v2.0/token", {}, urlencode(form).encode())
        return str(answer["access_token"])

    def _open(self, method: str, path: str, headers: dict[str, str], data: bytes | None = None) -> dict[str, Any]:
        url = self._environment["AZURE_CLOUD_ENVIRONMENT"] + path
        headers = {**headers, "User-Agent": self.agent}
        if method == "POST" and data is None:
            data = b""
        request = urllib.request.Request(url, data, headers, method=method)
        context = ssl.create_default_context(cafile=self._environment["SSL_CERT_FILE"])
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        with urllib.request.build_opener(*handlers).open(request, timeout=60) as answer:
            text = answer.read()
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found
