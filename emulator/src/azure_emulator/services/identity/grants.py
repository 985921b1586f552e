# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens for a secret, an assertion, a password, or a managed identity. Errors carry Entra's AADSTS numbers."""

from __future__ import annotations

import base64
import hmac
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.routing import UNVERSIONED, Route, documented
from azure_emulator.core.tokens import LIFETIME, Principal, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.credentials import Account, Credentials

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class _GrantError(Exception):
    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.number, self.text = status, error, number, text


class Grants:
    """The token endpoints of one data folder; bound by `bind` when the server starts."""

    credentials: Credentials
    tokens: Tokens


_SERVER = Grants()


def bind(credentials: Credentials, tokens: Tokens) -> None:
    """Give the token endpoints the credentials of this server."""
    _SERVER.credentials, _SERVER.tokens = credentials, tokens


def token_v2(ctx: Context) -> Reply:
    return _answer(ctx, lambda form: _audience(form.get("scope", ""), "scope"))


def token_v1(ctx: Context) -> Reply:
    return _answer(ctx, lambda form: _audience(form.get("resource", "") or form.get("scope", ""), "resource"))


def managed_identity(ctx: Context) -> Reply:
    """The instance metadata service's token call, as on a VM."""
    if ctx.headers.get("metadata", "").lower() != "true":
        return Reply(400, {"error": "invalid_request", "error_description": "Required metadata header not specified"})
    resource = ctx.query.get("resource", "")
    if not resource:
        return Reply(
            400, {"error": "invalid_request", "error_description": "Required audience parameter not specified"}
        )
    account = _SERVER.credentials.account(ctx.query.get("client_id", "")) or _SERVER.credentials.contributor
    if ctx.query.get("client_id") and account.client_id != ctx.query["client_id"].lower():
        return Reply(400, {"error": "invalid_request", "error_description": "Identity not found"})
    body = _token(account, resource.rstrip("/") or resource)
    return Reply(200, body | {"client_id": account.client_id, "resource": resource})


def keys(_ctx: Context) -> Reply:
    return Reply(200, _SERVER.tokens.jwks())


def _answer(ctx: Context, audience_of: Callable[[dict[str, str]], str]) -> Reply:
    try:
        form = dict(parse_qsl(ctx.raw_body.decode("ascii"), max_num_fields=50))
    except ValueError:
        form = {}
    try:
        account = _account(ctx, form)
        return Reply(
            200, _token(account, audience_of(form)), {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
        )
    except _GrantError as refused:
        return Reply(refused.status, _error(refused))


def _account(ctx: Context, form: dict[str, str]) -> Account:
    tenant = ctx.ids["tenant"].lower()
    if tenant not in (_SERVER.credentials.tenant, "common", "organizations"):
        raise _GrantError(
            400,
            "invalid_request",
            90002,
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
        )
    grant = form.get("grant_type")
    if not grant:
        raise _GrantError(
            400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."
        )
    if not form.get("client_id") and "authorization" in ctx.headers:
        form |= _basic(ctx.headers["authorization"])
    if grant == "password":
        return _by_password(form)
    if grant == "client_credentials":
        return _by_client(form)
    raise _GrantError(400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'.")


def _by_client(form: dict[str, str]) -> Account:
    client_id = form.get("client_id", "")
    if not client_id:
        raise _GrantError(
            400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."
        )
    account = _SERVER.credentials.account(client_id)
    if account is None:
        raise _GrantError(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{client_id}' was not found in the directory 'Local Azure'.",
        )
    if "client_assertion" in form:
        _check_assertion(form, account)
    elif "client_secret" not in form:
        raise _GrantError(
            401,
            "invalid_client",
            7000216,
            "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
        )
    elif not hmac.compare_digest(form["client_secret"].encode(), account.secret.encode()):
        raise _GrantError(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{client_id}'.",
        )
    return account


def _check_assertion(form: dict[str, str], account: Account) -> None:
    # Signed with a certificate or by a federated issuer; neither is registered anywhere here, so the claims decide.
    if form.get("client_assertion_type") != _ASSERTION:
        raise _GrantError(401, "invalid_client", 50027, "JWT token is invalid or malformed.")
    try:
        claims = jwt.decode(form["client_assertion"], options={"verify_signature": False})
        expired = float(claims.get("exp", 0)) < time.time()
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise _GrantError(401, "invalid_client", 50027, "JWT token is invalid or malformed.") from None
    if expired:
        raise _GrantError(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
    if not claims.get("sub"):
        raise _GrantError(
            401,
            "invalid_client",
            700021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        )
    if claims.get("iss") == claims["sub"] and str(claims["sub"]).lower() != account.client_id:
        raise _GrantError(
            401,
            "invalid_client",
            700021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        )


def _by_password(form: dict[str, str]) -> Account:
    credentials = _SERVER.credentials
    name_ok = form.get("username", "").lower() == credentials.username
    if not name_ok or not hmac.compare_digest(form.get("password", "").encode(), credentials.password.encode()):
        raise _GrantError(
            400, "invalid_grant", 50126, "Error validating credentials due to invalid username or password."
        )
    return credentials.contributor


def _audience(text: str, parameter: str) -> str:
    scopes = [scope for scope in text.split() if scope not in ("openid", "profile", "offline_access")]
    if not scopes:
        raise _GrantError(
            400, "invalid_request", 900144, f"The request body must contain the following parameter: '{parameter}'."
        )
    scope = scopes[0]
    for suffix in ("/.default", "/user_impersonation"):
        scope = scope.removesuffix(suffix)
    return scope.rstrip("/")


def _token(account: Account, audience: str) -> dict[str, Any]:
    principal = Principal(account.client_id, account.object_id, account.role)
    now = int(time.time())
    return {
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "expires_on": str(now + LIFETIME),
        "not_before": str(now),
        "resource": audience,
        "access_token": _SERVER.tokens.issue(principal, audience),
    }


def _basic(header: str) -> dict[str, str]:
    scheme, _ignored, value = header.partition(" ")
    try:
        name, _ignored, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": name, "client_secret": secret} if scheme.lower() == "basic" else {}


def _error(refused: _GrantError) -> dict[str, Any]:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return {
        "error": refused.error,
        "error_description": f"AADSTS{refused.number}: {refused.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}",
        "error_codes": [refused.number],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
    }


_KNOWN = documented("2026-11-25")


def _open(method: str, template: str, handler: Callable[[Context], Reply]) -> Route:
    return Route(method, template, handler, api_versions=UNVERSIONED, reading=True, anonymous=True, evidence=_KNOWN)


ROUTES = [
    _open("POST", "/{tenant}/oauth2/v2.0/token", token_v2),
    _open("POST", "/{tenant}/oauth2/token", token_v1),
    _open("GET", "/{tenant}/discovery/v2.0/keys", keys),
    _open("GET", "/{tenant}/discovery/keys", keys),
    _open("GET", "/metadata/identity/oauth2/token", managed_identity),
]
