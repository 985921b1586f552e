# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User name and password at a login service of one's own.

azure-identity asks such a service for the user's realm first and drops its port on the way (MSAL 1.39). A cloud that is
known by its address only has no federated users, so the token is asked for directly.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken


class PasswordCredential:
    """A ``TokenCredential`` for OAuth's password grant.

    :param authority: https address without the tenant.
    :param transport: an azure-core transport.
    """

    def __init__(
        self, *, authority: str, tenant: str, client_id: str, username: str, password: str, transport: Any
    ) -> None:
        self._url = f"{authority}/{tenant}/oauth2/v2.0/token"
        self._form = {"grant_type": "password", "client_id": client_id, "username": username, "password": password}
        self._transport = transport

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """:raises azure.core.exceptions.ClientAuthenticationError: the service refuses."""
        from azure.core import PipelineClient
        from azure.core.credentials import AccessToken
        from azure.core.exceptions import ClientAuthenticationError
        from azure.core.pipeline import policies
        from azure.core.rest import HttpRequest

        steps: list[Any] = [policies.ProxyPolicy(), policies.RetryPolicy(retry_total=3)]
        client: Any = PipelineClient(self._url, policies=steps, transport=self._transport)
        now = int(time.time())
        response = client.send_request(HttpRequest("POST", self._url, data={**self._form, "scope": " ".join(scopes)}))
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if isinstance(answer, dict) and isinstance(answer.get("access_token"), str):
            return AccessToken(answer["access_token"], now + int(answer.get("expires_in") or 0))
        said = answer.get("error_description") if isinstance(answer, dict) else None
        raise ClientAuthenticationError(str(said or f"HTTP {response.status_code} without a token"))
