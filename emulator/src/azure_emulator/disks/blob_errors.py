# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the blob service: codes and texts as documented for Azure Storage."""

from __future__ import annotations

# As many as a number of 64 bits may have.
_DIGITS = 19


class BlobError(Exception):
    """An answer in the blob service's error format; `headers` are added to those of every answer."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, **details: str
    ) -> None:
        super().__init__(message)
        self.headers = headers or {}
        self.status = status
        self.code = code
        self.message = message
        self.details = details


def unauthenticated(detail: str) -> BlobError:
    """403: no such signature, or one that no longer holds; `detail` says which."""
    return BlobError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature.",
        AuthenticationErrorDetail=detail,
    )


def no_token(detail: str = "NoAuthenticationInformation") -> BlobError:
    """401: a disk with Entra authentication needs a token besides the SAS [documented]."""
    challenge = 'Bearer authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", resource_id="https://disk.azure.com"'
    text = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
    return BlobError(401, detail, text, {"WWW-Authenticate": challenge})


def not_permitted() -> BlobError:
    """403: the signature does not reach that far."""
    return BlobError(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )


def invalid_range(code: str = "InvalidRange") -> BlobError:
    """416, for reads or (``InvalidPageRange``) for writes."""
    text = (
        "The page range specified is invalid."
        if code == "InvalidPageRange"
        else ("The range specified is invalid for the current size of the resource.")
    )
    return BlobError(416, code, text)


def bad_header(name: str, value: str) -> BlobError:
    """400: a header that cannot be understood."""
    return BlobError(
        400,
        "InvalidHeaderValue",
        "The value for one of the HTTP headers is not in the correct format.",
        HeaderName=name,
        HeaderValue=value,
    )


def number(text: str | None, default: int) -> int:
    """A number from a header or the query.

    :raises BlobError: 400 when it is none.
    """
    if not text:
        return default
    if not text.isdecimal() or len(text) > _DIGITS:
        raise BlobError(400, "InvalidInput", f"{text!r} is not a number.")
    return int(text)
