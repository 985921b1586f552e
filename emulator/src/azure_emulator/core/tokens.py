# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens: made by the identity service, checked before every ARM call."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from azure_emulator.core.credentials import Credentials, write_private
from azure_emulator.core.errors import ArmError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIFETIME = 3599
_ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
_KNOWN = 4096


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller."""

    client_id: str
    object_id: str
    role: str
    tenant: str = ""


class Tokens:
    """Signs and checks tokens with the folder's own key (``DIR/tls/tokens.key``)."""

    def __init__(self, data_dir: Path, credentials: Credentials) -> None:
        self._credentials = credentials
        path = data_dir / "tls" / "tokens.key"
        if not path.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_private(path, pem)
        # It is the key that was made above: whether its numbers are primes need not be asked at each start.
        loaded = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise TypeError(f"{path} is not an RSA key")
        self._key = loaded
        self._public = loaded.public_key()
        self._seen: dict[str, dict[str, Any]] = {}

    def issue(self, principal: Principal, audience: str, *, lifetime: int = LIFETIME) -> str:
        """A bearer token with the claims that Azurite and the SDKs look at."""
        now = int(time.time())
        tenant = self._credentials.tenant
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now - 5,
            "nbf": now - 5,
            "exp": now + lifetime,
            "appid": principal.client_id,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": tenant,
            "idtyp": "app",
            "ver": "1.0",
            "uti": uuid.uuid4().hex[:22],
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "local"})

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [key | {"kid": "local", "use": "sig", "alg": "RS256"}]}

    def decode(self, token: str) -> dict[str, Any]:
        """The claims of one of our own tokens, without looking at the audience.

        :raises jwt.InvalidTokenError: when it is not ours or has expired.
        """
        claims: dict[str, Any] = jwt.decode(token, self._public, algorithms=["RS256"], options={"verify_aud": False})
        return claims

    def authenticate(self, headers: Mapping[str, str], base_url: str) -> Principal:
        """The caller of an ARM request.

        :raises ArmError: 401 with Azure's code and ``WWW-Authenticate``.
        """
        header = headers.get("authorization", "")
        if not header:
            raise self._refuse(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", base_url
            )
        scheme, _ignored, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise self._refuse(
                "AuthenticationFailedInvalidHeader",
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
                base_url,
            )
        claims = self._claims(token.strip(), base_url)
        account = self._credentials.account(str(claims.get("appid", "")))
        if account is None:
            raise self._refuse("InvalidAuthenticationToken", "The access token is invalid.", base_url)
        return Principal(account.client_id, account.object_id, account.role, self._credentials.tenant)

    def _claims(self, token: str, base_url: str) -> dict[str, Any]:
        claims = self._seen.get(token)
        if claims is None:
            try:
                claims = self.decode(token)
            except jwt.ExpiredSignatureError:
                raise self._expired(token, base_url) from None
            except (jwt.InvalidTokenError, ValueError):
                raise self._refuse("InvalidAuthenticationToken", "The access token is invalid.", base_url) from None
            if not isinstance(claims.get("exp"), int):
                raise self._refuse("InvalidAuthenticationToken", "The access token is invalid.", base_url)
            if len(self._seen) >= _KNOWN:
                self._seen.clear()
            self._seen[token] = claims
        if claims["exp"] < time.time():
            raise self._expired(token, base_url)
        if claims.get("tid") != self._credentials.tenant:
            raise self._refuse(
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer. It must match the tenant '{self._credentials.tenant}' "
                "associated with this subscription.",
                base_url,
            )
        allowed = {*_ARM_AUDIENCES, base_url, *_local(base_url)}
        if str(claims.get("aud", "")).rstrip("/") not in allowed:
            raise self._refuse(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims.get('aud')}'. "
                f"It should exactly match with one of the allowed audiences '{','.join(sorted(allowed))}'.",
                base_url,
            )
        return claims

    def _expired(self, token: str, base_url: str) -> ArmError:
        claims = jwt.decode(token, options={"verify_signature": False})
        form = "%m/%d/%Y %I:%M:%S %p"
        expiry = min(max(int(claims.get("exp", 0)), 0), int(time.time()))
        then = datetime.fromtimestamp(expiry, UTC).strftime(form)
        now = datetime.now(UTC).strftime(form)
        return self._refuse(
            "ExpiredAuthenticationToken",
            f"The access token expiry UTC time '{then}' is earlier than current UTC time '{now}'.",
            base_url,
        )

    def _refuse(self, code: str, message: str, base_url: str) -> ArmError:
        description = message.encode("ascii", "replace").decode().replace('"', "'")
        challenge = (
            f'Bearer authorization_uri="{base_url}/{self._credentials.tenant}", error="invalid_token", '
            f'error_description="{description}"'
        )
        return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def _local(base_url: str) -> list[str]:
    """The emulator under its other names."""
    port = base_url.rpartition(":")[2]
    return [f"https://{host}:{port}" for host in ("localhost", "127.0.0.1", "[::1]")] if port.isdigit() else []
