# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shared access signature of a disk gives access to, and what the endpoint needs to know from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure_emulator.disks.vhd import FOOTER_SIZE

if TYPE_CHECKING:
    import uuid

    from azure_emulator.core.faults import Fault

#: The first segment of every blob's path.
ACCOUNT = "_disks"


@dataclass(frozen=True)
class Grant:
    """What one SAS gives access to.

    `size` is the disk's size in bytes without the VHD footer. For an upload (`writable`) the stored pages include the
    footer; for an export the endpoint appends one. `entra`: a token is needed, too.
    """

    pages: str
    size: int
    writable: bool
    policy: str
    signature: str
    identity: uuid.UUID
    entra: bool = False

    @property
    def length(self) -> int:
        """Length of the blob."""
        return self.size + FOOTER_SIZE


Lookup = Callable[[str], Grant | None]
"""Finds the grant that is valid now for a container's name; its other blobs are ``container/blob``."""

Authorize = Callable[[str], bool]
"""Whether a bearer token may read and write the data of disks; raises `BlobError` when it is no such token."""

RequestLog = Callable[[str, str, int, "Fault | None"], None]
"""Receives method, path without the query, status and planned fault of every request; status 0: no answer."""

Striker = Callable[[str, str], "Fault | None"]
"""Says which planned fault a request meets, by method and path."""
