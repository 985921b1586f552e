# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ties page data to resources: where files are, when they go, and the endpoint that serves them.

A document names its pages in ``_pages`` (a name, or an object of names) and ``_guest_state`` (a name). Files are made
before the transaction that refers to them is committed and removed after the one that forgets them, so that a document
never lacks its bytes; what a killed process leaves over is swept at the next start.
"""

from __future__ import annotations

import threading
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import jwt

from azure_emulator.core import hooks
from azure_emulator.core.certificates import Certificates
from azure_emulator.disks.blob_errors import no_token
from azure_emulator.disks.endpoint import DiskEndpoint
from azure_emulator.disks.grants import ACCOUNT, Grant
from azure_emulator.disks.pages import PageStore

if TYPE_CHECKING:
    from pathlib import Path

    from azure_emulator.core.app import Emulator
    from azure_emulator.core.context import Scope
    from azure_emulator.core.faults import Fault
    from azure_emulator.core.store import Doc

GRANTS = "disks.grants"

_AUDIENCE = "https://disk.azure.com"

_GARBAGE = "disks.garbage"
_PORT = "disks.endpoint"
_stores: dict[Path, PageStore] = {}
_endpoints: dict[Path, DiskEndpoint] = {}
_has_garbage = threading.Event()


def page_store(data_dir: Path) -> PageStore:
    """The page store of a data folder."""
    if data_dir not in _stores:
        _stores[data_dir] = PageStore(data_dir / "disks")
    return _stores[data_dir]


def discard(scope: Scope, doc: Doc) -> None:
    """Remove the pages of a document once the transaction that forgets it is committed."""
    for name in _names(doc):
        scope.store.kv_put(_GARBAGE, name, 1)
        _has_garbage.set()


def blob_url(scope: Scope, path: str) -> str:
    """Where the endpoint serves a blob of a grant, ``container/abcd``, without the signature."""
    endpoint = _endpoints.get(scope.data_dir)
    port = endpoint.port if endpoint else 0
    return f"https://127.0.0.1:{port}/{ACCOUNT}/{path}"


def _names(doc: Doc) -> list[str]:
    pages = doc.get("_pages") or {}
    names = [pages] if isinstance(pages, str) else list(pages.values())
    return [*names, doc["_guest_state"]] if doc.get("_guest_state") else names


def _collect(emulator: Emulator) -> None:
    if not _has_garbage.is_set():
        return
    _has_garbage.clear()
    with emulator.reading() as scope:
        names = [name for name, _ignored in scope.store.kv_items(_GARBAGE)]
    store = page_store(emulator.data_dir)
    for name in names:
        store.delete(name)
    with emulator.database.writing() as writer:
        for name in names:
            writer.kv_delete(_GARBAGE, name)


def _sweep(emulator: Emulator) -> None:
    with emulator.database.writing() as store:
        keep = {name for doc in store.list() for name in _names(doc)}
        for name, _ignored in store.kv_items(_GARBAGE):
            store.kv_delete(_GARBAGE, name)
        page_store(emulator.data_dir).sweep(keep)


def _start(emulator: Emulator) -> None:
    _sweep(emulator)
    with emulator.reading() as scope:
        port = int(scope.store.kv_get(_PORT, "port") or 0)
    try:
        endpoint = _open_endpoint(emulator, port)
    except OSError:  # somebody else has the port now: older SAS URLs are lost, new ones work
        endpoint = _open_endpoint(emulator, 0)
    _remember_port(emulator, endpoint.port)
    _endpoints[emulator.data_dir] = endpoint
    endpoint.start()


def _remember_port(emulator: Emulator, port: int) -> None:
    """SAS URLs stay good over a restart."""
    with emulator.database.writing() as store:
        store.kv_put(_PORT, "port", port)


def _open_endpoint(emulator: Emulator, port: int) -> DiskEndpoint:
    certificates = Certificates(emulator.data_dir)
    certificates.ensure()

    def lookup(container: str) -> Grant | None:
        with emulator.reading() as scope:
            found: dict[str, Any] | None = scope.store.kv_get(GRANTS, container)
            if found is None or found["expires"] <= scope.clock.now():
                return None
        return Grant(
            pages=found["pages"],
            size=found["size"],
            writable=found["writable"],
            policy=found["policy"],
            signature=found["signature"],
            identity=uuid.UUID(found["identity"]),
            entra=found.get("entra", False),
        )

    def log(method: str, path: str, status: int, fault: Fault | None) -> None:
        emulator.log.add(
            ({"fault": str(fault)} if fault else {})
            | {
                "time": round(time.time(), 6),
                "method": method,
                "path": path,
                "query": "",
                "status": status,
                "seconds": 0.0,
                "write": method not in {"GET", "HEAD"},
                "client_request_id": "",
                "user_agent": "",
            }
        )

    def strike(method: str, path: str) -> Fault | None:
        kind = "read" if method in {"GET", "HEAD"} else "write"
        return emulator.steering.plan.strike(method, path, lambda: f"Disk/blob/{kind}")

    return DiskEndpoint(
        page_store(emulator.data_dir),
        lookup,
        partial(_may_use_data, emulator),
        certificate=certificates.certificate,
        key=certificates.key,
        authority=certificates.authority,
        port=port,
        log=log,
        striker=strike,
    )


def _may_use_data(emulator: Emulator, token: str) -> bool:
    """Whether an identity has the data role: the one that may write has it, the reader reads resources only.

    :raises BlobError: 401 for what is not a token for disks.
    """
    try:
        claims = emulator.tokens.decode(token)
    except (jwt.InvalidTokenError, ValueError):
        raise no_token("InvalidAuthenticationInfo") from None
    if str(claims.get("aud", "")).rstrip("/") != _AUDIENCE:
        raise no_token("InvalidAuthenticationInfo")
    account = emulator.credentials.account(str(claims.get("appid", "")))
    return account is not None and account.role == "Contributor"


def _stop(emulator: Emulator) -> None:
    endpoint = _endpoints.pop(emulator.data_dir, None)
    if endpoint:
        endpoint.shutdown()
        endpoint.server_close()


def _reset(scope: Scope) -> None:
    page_store(scope.data_dir).sweep(set())
    if endpoint := _endpoints.get(scope.data_dir):
        scope.store.kv_put(_PORT, "port", endpoint.port)


def _copied(scope: Scope, doc: Doc) -> None:
    """A copy of a seed has bytes of its own."""
    store, pages = page_store(scope.data_dir), doc.get("_pages")
    if isinstance(pages, str):
        doc["_pages"] = store.copy(pages)
    elif isinstance(pages, dict):
        doc["_pages"] = {key: store.copy(name) for key, name in pages.items()}
    if doc.get("_guest_state"):
        doc["_guest_state"] = store.copy(doc["_guest_state"])


hooks.copied.append(_copied)
hooks.start.append(_start)
hooks.stop.append(_stop)
hooks.committed.append(_collect)
hooks.reset.append(_reset)
