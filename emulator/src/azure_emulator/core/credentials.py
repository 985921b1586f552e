# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call: ids and secrets, random for each data folder, made at the first start."""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "credentials.json"


@dataclass(frozen=True, slots=True)
class Account:
    """A service principal. ``role`` is ``Contributor`` or ``Reader``."""

    client_id: str
    secret: str
    object_id: str
    role: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything random about one local Azure. ``control_token`` opens the control API, ``username`` the password grant."""

    tenant: str
    subscription: str
    username: str
    password: str
    control_token: str
    contributor: Account
    reader: Account

    def account(self, client_id: str) -> Account | None:
        """The principal with a client id."""
        return next((a for a in (self.contributor, self.reader) if a.client_id == client_id.lower()), None)


def load(data_dir: Path) -> Credentials:
    """Read the folder's credentials, or make them."""
    path = data_dir / _FILE
    if not path.exists():
        write_private(path, json.dumps(asdict(_make()), indent=2) + "\n")
    values = json.loads(path.read_text())
    contributor, reader = Account(**values.pop("contributor")), Account(**values.pop("reader"))
    return Credentials(contributor=contributor, reader=reader, **values)


def write_private(path: Path, text: str | bytes) -> None:
    """Write a file that only its owner can read, as a whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    temporary.replace(path)


def _make() -> Credentials:
    def account(role: str) -> Account:
        return Account(str(uuid.uuid4()), secrets.token_urlsafe(30), str(uuid.uuid4()), role)

    return Credentials(
        tenant=str(uuid.uuid4()),
        subscription=str(uuid.uuid4()),
        username="operator@local.onmicrosoft.com",
        password=secrets.token_urlsafe(24),
        control_token=secrets.token_urlsafe(32),
        contributor=account("Contributor"),
        reader=account("Reader"),
    )
