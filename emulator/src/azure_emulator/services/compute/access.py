# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared access signatures of disks and snapshots: grant, revoke, and what a revoked upload leaves.

Recorded: statuses, headers, the shape of the URL, the error while a SAS is active. The signature's policy is kept on
the server, so revoking works at once. Guessed: the refusal of a second grant, of export from a running VM, and what
becomes of an upload whose footer is wrong.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import choice_of, number_of
from azure_emulator.disks.vhd import FOOTER_SIZE, footer_problem
from azure_emulator.services.compute._data import GRANTS, blob_url, page_store
from azure_emulator.services.compute._shared import accepted, find
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.disk_copies import check_complete
from azure_emulator.services.compute.disk_resources import Kind, check_no_access
from azure_emulator.services.compute.disk_shapes import refresh

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Reply, Scope
    from azure_emulator.core.store import Doc

_MAX_SECONDS = 2**32 - 1


def begin(ctx: Context, kind: Kind) -> Reply:
    """beginGetAccess: 202; the URL comes with the operation's result."""
    check_types(ctx.body)
    doc = find(ctx, kind.collection)
    access = choice_of(ctx.body, ("None", "Read", "Write"), "access")
    if access in (None, "None"):
        raise ArmError(400, "InvalidParameter", "Required parameter 'access' is missing (null).", "access")
    seconds = number_of(ctx.body, "durationInSeconds")
    if seconds is None or not 0 < seconds <= _MAX_SECONDS:
        raise ArmError(
            400, "InvalidParameter", "The value of parameter 'durationInSeconds' is out of range.", "durationInSeconds"
        )
    expire(ctx, doc)
    _check_grantable(ctx, doc, access == "Write")
    grant = _grant(ctx, doc, seconds, writable=access == "Write")
    doc["_grant"] = grant
    refresh(doc)
    ctx.store.put(doc["id"], doc)
    ctx.store.kv_put(GRANTS, grant["container"], grant)
    args = {"id": doc["id"], "container": grant["container"]}
    operation = ctx.operations.start("disk", doc["location"], "compute.disk.access.begin", args, doc["id"])
    return accepted(operation)


def _check_grantable(ctx: Context, doc: Doc, writable: bool) -> None:
    properties = doc["properties"]
    if properties.get("networkAccessPolicy") == "DenyAll":
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Access to '{doc['name']}' cannot be granted since its networkAccessPolicy is 'DenyAll'.",
        )
    check_no_access(ctx, doc)
    check_complete(ctx, doc)
    if writable != bool(doc.get("_awaits_upload")):
        option = properties["creationData"]["createOption"]
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Access '{'Write' if writable else 'Read'}' cannot be granted on '{doc['name']}', which was created with "
            f"option '{option}' and is in state '{properties['diskState']}'.",
        )
    if doc.get("managedBy") and not doc.get("_vm_deallocated"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk {doc['name']} is attached to running VM {doc['managedBy']}. Deallocate the VM or use a snapshot.",
        )


def _grant(ctx: Context, doc: Doc, seconds: int, *, writable: bool) -> dict[str, Any]:
    properties = doc["properties"]
    size = properties["creationData"]["uploadSizeBytes"] - FOOTER_SIZE if writable else properties["diskSizeBytes"]
    return {
        "container": secrets.token_hex(6),
        "policy": str(uuid.uuid4()),
        "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
        "expires": ctx.clock.now() + seconds,
        "writable": writable,
        "pages": doc["_pages"],
        "size": size,
        "identity": properties["uniqueId"],
    }


@effect("compute.disk.access.begin")
def _granted(scope: Scope, args: dict[str, Any]) -> Any:
    grant = scope.store.kv_get(GRANTS, args["container"])
    if grant is None:
        raise ArmError(409, "OperationNotAllowed", "The access was ended before it was granted.")
    signature = grant["signature"].replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    query = f"sv=2018-03-28&sr=b&si={grant['policy']}&sig={signature}"
    return {"accessSAS": f"{blob_url(scope, args['container'])}?{query}"}


def end(ctx: Context, kind: Kind) -> Reply:
    """endGetAccess: 202, also when nothing was granted."""
    doc = find(ctx, kind.collection)
    revoke(ctx, doc)
    ctx.store.put(doc["id"], doc)
    operation = ctx.operations.start("disk", doc["location"], "compute.disk.access.end", {"id": doc["id"]}, doc["id"])
    return accepted(operation)


def _not_accepted(scope: Scope, args: dict[str, Any], _error: ArmError) -> None:
    doc = scope.store.get(args["id"])
    if doc:
        doc.pop("_finish_upload", None)
        refresh(doc)
        scope.store.put(doc["id"], doc)


@effect("compute.disk.access.end", failed=_not_accepted)
def _ended(scope: Scope, args: dict[str, Any]) -> None:
    doc = scope.store.get(args["id"])
    if doc is None:
        return
    if doc.pop("_finish_upload", False):
        _finish_upload(scope, doc)
    refresh(doc)
    scope.store.put(doc["id"], doc)


def revoke(scope: Scope, doc: Doc) -> None:
    """Make the signature worthless at once; the caller stores the document."""
    grant = doc.pop("_grant", None)
    if grant is None:
        return
    scope.store.kv_delete(GRANTS, grant["container"])
    if grant["writable"]:
        doc["_finish_upload"] = True
    else:
        refresh(doc)


def _finish_upload(scope: Scope, doc: Doc) -> None:
    """Make a disk of a complete upload.

    Without a footer the upload was broken off: the disk waits for another one. A wrong footer fails the operation.
    """
    size = doc["properties"]["creationData"]["uploadSizeBytes"] - FOOTER_SIZE
    store = page_store(scope.data_dir)
    footer = store.read(doc["_pages"], size, FOOTER_SIZE)
    if not any(footer):
        return
    problem = footer_problem(footer, size)
    if problem:
        raise ArmError(409, "InvalidVhd", f"The upload to disk '{doc['name']}' cannot be completed: {problem}.")
    store.cut(doc["_pages"], size)
    del doc["_awaits_upload"]
    doc["properties"]["diskSizeBytes"] = size


def expire(scope: Scope, doc: Doc) -> None:
    """Drop a grant whose time is over."""
    grant = doc.get("_grant")
    if grant and grant["expires"] <= scope.clock.now():
        scope.store.kv_delete(GRANTS, grant["container"])
        del doc["_grant"]
        refresh(doc)


def shown(doc: Doc, now: float) -> Doc:
    """The document as it is now: an expired grant no longer shows in the state."""
    grant = doc.get("_grant")
    if grant and grant["expires"] <= now:
        doc = {key: value for key, value in doc.items() if key != "_grant"}
        refresh(doc)
    return doc
