# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a guest is, in Azure's words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Guest:
    """What Azure knows about a Linux virtual machine when it starts it for the first time.

    ``ssh_keys`` are lines as in authorized_keys. ``custom_data`` is the plain content, not yet base64.
    """

    computer_name: str
    admin_username: str
    ssh_keys: tuple[str, ...] = ()
    admin_password: str | None = field(default=None, repr=False)
    custom_data: bytes | None = field(default=None, repr=False)
    vm_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    name: str = ""
    resource_group: str = "local"
    subscription_id: str = "00000000-0000-0000-0000-000000000000"
    location: str = "westeurope"
    vm_size: str = "Standard_B2s"
    zone: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    mac_address: str = "00:22:48:3a:9c:fa"
    private_ip: str = "168.63.128.15"

    def __post_init__(self) -> None:
        if not self.ssh_keys and self.admin_password is None:
            raise ValueError("a guest needs ssh_keys or an admin_password: nobody could log in otherwise")

    @property
    def vm_name(self) -> str:
        return self.name or self.computer_name

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.Compute/virtualMachines/{self.vm_name}"
        )

    @property
    def key_path(self) -> str:
        return f"/home/{self.admin_username}/.ssh/authorized_keys"


@dataclass(frozen=True)
class Request:
    """What the guest asked for: ``path`` without the query, header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What it is told."""

    status: int
    content_type: str
    body: bytes
