# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditional headers of reads, as the blob service documents them."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from azure_emulator.disks.blob_errors import BlobError, bad_header

if TYPE_CHECKING:
    from collections.abc import Callable


def check_conditions(header: Callable[[str], str | None], etag: str, modified: float) -> None:
    """Let a read go on, or end it.

    :param header: gives a request's header by name.
    :param modified: seconds since 1970; headers know whole seconds.
    :raises BlobError: 412 ``ConditionNotMet``, or 304 when the client has what there is.
    """
    match, none_match = header("If-Match"), header("If-None-Match")
    if match and not _names(match, etag):
        raise _failed(412)
    if none_match and _names(none_match, etag):
        raise _failed(304)
    stamp = int(modified)
    since, unless = _seconds(header, "If-Modified-Since"), _seconds(header, "If-Unmodified-Since")
    if unless is not None and stamp > unless:
        raise _failed(412)
    if since is not None and stamp <= since and not none_match:
        raise _failed(304)


def _names(value: str, etag: str) -> bool:
    """Whether a list of entity tags contains this one; clients leave the quotes away, too."""
    return any(part.strip() in ("*", etag, etag.strip('"')) for part in value.split(","))


def _seconds(header: Callable[[str], str | None], name: str) -> int | None:
    value = header(name)
    if not value:
        return None
    try:
        return int(parsedate_to_datetime(value).timestamp())
    except (TypeError, ValueError, OverflowError):
        raise bad_header(name, value) from None


def _failed(status: int) -> BlobError:
    message = "The condition specified using HTTP conditional header(s) is not met."
    return BlobError(status, "ConditionNotMet", message)
