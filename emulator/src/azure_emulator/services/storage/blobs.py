# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the blob server in step with the storage accounts of the store."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks, outcomes
from azure_emulator.core.certificates import Certificates
from azure_emulator.services.storage.blob_server import BlobServer, BlobServerError
from azure_emulator.services.storage.containers import Containers
from azure_emulator.services.storage.missing import PREFIX

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.app import Emulator
    from azure_emulator.core.context import Scope

_log = logging.getLogger(__name__)
TYPE = "Microsoft.Storage/storageAccounts"
_NAMESPACE = "storage"


class _Blobs:
    """The blob server of one running emulator."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.server = BlobServer(emulator.data_dir)
        #: The accounts have changed since the server was told.
        self.stale = False

    def provide(self) -> None:
        """Serve the accounts of the store; without Node.js or Azurite only say so."""
        self.stale = False
        with self.emulator.database.reading() as store:
            accounts = {doc["name"]: doc["_keys"][0]["value"] for doc in store.list(type=TYPE)}
            port = int(store.kv_get(_NAMESPACE, "port") or 0)
        if not accounts:
            return
        try:
            found = self.server.provide(accounts, port)
        except BlobServerError as missing:
            _log.warning("%s", missing)
            found = 0
        if found != port:
            with self.emulator.database.writing() as store:
                store.kv_put(_NAMESPACE, "port", found)


_RUNNING: dict[Path, _Blobs] = {}


def provide(data_dir: Path) -> None:
    """Wait until the blob server knows all accounts."""
    blobs = _RUNNING.get(data_dir)
    if blobs:
        blobs.provide()


def provide_empty(data_dir: Path, account_id: str) -> None:
    """The same for a new account, without the containers that an earlier account of its name may have left."""
    blobs = _RUNNING.get(data_dir)
    if blobs is None:
        return
    blobs.provide()
    with blobs.emulator.reading() as scope:
        account = scope.store.get(account_id)
        url = endpoint(scope, account["name"]) if account else ""
    if account and PREFIX not in url:
        Containers(Certificates(data_dir).authority, url, account).remove_all()


def changed(scope: Scope) -> None:
    """Tell the blob server about changed keys or fewer accounts once the transaction is committed."""
    blobs = _RUNNING.get(scope.data_dir)
    if blobs:
        blobs.stale = True


def endpoint(scope: Scope, account: str) -> str:
    """Where an account's blobs are, with a slash at the end."""
    port = scope.store.kv_get(_NAMESPACE, "port")
    return f"https://127.0.0.1:{port}/{account}/" if port else f"{scope.base_url}{PREFIX}/{account}/"


def _start(emulator: Emulator) -> None:
    _RUNNING[emulator.data_dir] = _Blobs(emulator)
    with emulator.reading() as scope:
        _planned(emulator, outcomes.plan_of(scope.store))
    provide(emulator.data_dir)


def _stop(emulator: Emulator) -> None:
    blobs = _RUNNING.pop(emulator.data_dir, None)
    if blobs:
        blobs.server.close()


def _committed(emulator: Emulator) -> None:
    blobs = _RUNNING.get(emulator.data_dir)
    if blobs and blobs.stale:
        blobs.provide()


def _reset(scope: Scope) -> None:
    blobs = _RUNNING.get(scope.data_dir)
    if blobs:
        blobs.server.clear()


def _planned(emulator: Emulator, plan: dict[str, Any]) -> None:
    blobs = _RUNNING.get(emulator.data_dir)
    if blobs:
        blobs.server.plan(plan)


hooks.planned.append(_planned)
hooks.start.append(_start)
hooks.stop.append(_stop)
hooks.committed.append(_committed)
hooks.reset.append(_reset)
