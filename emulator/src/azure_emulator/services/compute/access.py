# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared access signatures of disks and snapshots: grant, revoke, and what a revoked upload leaves.

Recorded: statuses, headers, the shape of the URL, the error while a SAS is active. Documented: the second SAS for the
guest state of a machine, Entra authentication, file formats. The signature's policy is kept on the server, so revoking
works at once. Guessed: the refusal of a second grant, of export from a running VM, what becomes of an upload whose
footer is wrong, and the size of a guest state.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import hooks
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import effect
from azure_emulator.core.values import choice_of, flag_of, missing, number_of
from azure_emulator.disks.vhd import FOOTER_SIZE, footer_problem
from azure_emulator.services.compute._data import GRANTS, blob_url, page_store
from azure_emulator.services.compute._shared import accepted, begin, find, invalid
from azure_emulator.services.compute._types import check_types
from azure_emulator.services.compute.disk_copies import check_complete
from azure_emulator.services.compute.disk_resources import Kind, check_no_access, forget_grant
from azure_emulator.services.compute.disk_shapes import refresh

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Reply, Scope
    from azure_emulator.core.store import Doc

_MAX_SECONDS = 2**32 - 1
_GUEST_STATE_SIZE = 4 << 20


def begin_access(ctx: Context, kind: Kind) -> Reply:
    """beginGetAccess: 202; the URL comes with the operation's result."""
    check_types(ctx.body)
    doc = find(ctx, kind.collection)
    access = choice_of(ctx.body, ("None", "Read", "Write"), "access")
    if access in (None, "None"):
        raise missing("access")
    seconds = number_of(ctx.body, "durationInSeconds")
    if seconds is None or not 0 < seconds <= _MAX_SECONDS:
        raise invalid("The value of parameter 'durationInSeconds' is out of range.", "durationInSeconds")
    expire(ctx, doc)
    _check_format(ctx, doc)
    _check_grantable(ctx, doc, access == "Write")
    grant = _grant(ctx, doc, seconds, writable=access == "Write")
    if flag_of(ctx.body, "getSecureVMGuestStateSAS"):
        _grant_guest_state(ctx, doc, grant)
    doc["_grant"] = grant
    refresh(doc)
    ctx.store.put(doc["id"], doc)
    return accepted(begin(ctx, doc, "compute.disk.access.begin", style="disk", container=grant["container"]))


def _check_format(ctx: Context, doc: Doc) -> None:
    """Disks are kept as VHDs; a VHDX can be had only of a snapshot that is one, and there are none."""
    if choice_of(ctx.body, ("VHD", "VHDX"), "fileFormat") == "VHDX":
        raise ArmError(
            409, "OperationNotAllowed", f"'{doc['name']}' is not in VHDX format; the fileFormat must be 'VHD'."
        )


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
    if writable != bool(doc.get("_awaits_upload")) or doc.get("_importing"):
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
    grant = {
        "container": secrets.token_hex(6),
        **_signed(),
        "expires": ctx.clock.now() + seconds,
        "writable": writable,
        "entra": properties.get("dataAccessAuthMode") == "AzureActiveDirectory",
        "pages": doc["_pages"],
        "size": size,
        "identity": properties["uniqueId"],
    }
    if writable:
        _own(ctx, doc)
    ctx.store.kv_put(GRANTS, grant["container"], grant)
    return grant


def _own(scope: Scope, doc: Doc) -> None:
    """Give a disk that is being uploaded files of its own: a seed's copies share them."""
    for name in (doc["_pages"], doc.get("_guest_state")):
        if name:
            page_store(scope.data_dir).own(name)


def _signed() -> dict[str, str]:
    return {"policy": str(uuid.uuid4()), "signature": base64.b64encode(secrets.token_bytes(32)).decode()}


def _grant_guest_state(ctx: Context, doc: Doc, grant: dict[str, Any]) -> None:
    """A second SAS in the same container, for the state of the machine's virtual TPM."""
    if not doc["properties"].get("securityProfile", {}).get("securityType"):
        raise invalid(
            f"'{doc['name']}' has no guest state: its securityProfile has no securityType.",
            "getSecureVMGuestStateSAS",
        )
    doc["_guest_state"] = doc.get("_guest_state") or page_store(ctx.data_dir).create()
    key = f"{grant['container']}/{uuid.uuid4()}_vmgs"
    ctx.store.kv_put(GRANTS, key, grant | _signed() | {"pages": doc["_guest_state"], "size": _GUEST_STATE_SIZE})
    grant["guest_state"] = key


@effect("compute.disk.access.begin")
def _granted(scope: Scope, args: dict[str, Any]) -> Any:
    grant = scope.store.kv_get(GRANTS, args["container"])
    doc = scope.store.get(args["id"])
    if grant is None or doc is None:
        raise ArmError(409, "OperationNotAllowed", "The access was ended before it was granted.")
    output = {"accessSAS": _url(scope, f"{args['container']}/abcd", grant)}
    key = doc.get("_grant", {}).get("guest_state")
    if key:
        output["securityDataAccessSAS"] = _url(scope, key, scope.store.kv_get(GRANTS, key))
    return output


def _url(scope: Scope, path: str, grant: dict[str, Any]) -> str:
    signature = grant["signature"].replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"{blob_url(scope, path)}?sv=2018-03-28&sr=b&si={grant['policy']}&sig={signature}"


def end_access(ctx: Context, kind: Kind) -> Reply:
    """endGetAccess: 202, also when nothing was granted."""
    doc = find(ctx, kind.collection)
    revoke(ctx, doc)
    ctx.store.put(doc["id"], doc)
    return accepted(begin(ctx, doc, "compute.disk.access.end", style="disk"))


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
    """Make the signatures worthless at once; the caller stores the document."""
    grant = doc.pop("_grant", None)
    if grant is None:
        return
    forget_grant(scope, grant)
    if grant["writable"]:
        doc["_finish_upload"] = True
    else:
        refresh(doc)


def _finish_upload(scope: Scope, doc: Doc) -> None:
    """Make a disk of a complete upload.

    A disk that nothing was written to is an empty one [recorded]. With data but no footer the upload was broken off: the disk
    waits for another one [guessed]. A wrong footer fails the operation.
    """
    size = doc["properties"]["creationData"]["uploadSizeBytes"] - FOOTER_SIZE
    store = page_store(scope.data_dir)
    footer = store.read(doc["_pages"], size, FOOTER_SIZE)
    written = any(True for _range in store.ranges(doc["_pages"], 0, size + FOOTER_SIZE))
    if written and not any(footer):
        return
    problem = footer_problem(footer, size) if written else None
    if problem:
        raise ArmError(409, "InvalidVhd", f"The upload to disk '{doc['name']}' cannot be completed: {problem}.")
    store.cut(doc["_pages"], size)
    if doc.get("_guest_state"):
        store.cut(doc["_guest_state"], _GUEST_STATE_SIZE)
    del doc["_awaits_upload"]
    doc["properties"]["diskSizeBytes"] = size


def expire(scope: Scope, doc: Doc) -> None:
    """Drop a grant whose time is over."""
    grant = doc.get("_grant")
    if grant and grant["expires"] <= scope.clock.now():
        forget_grant(scope, grant)
        del doc["_grant"]
        refresh(doc)


def _copied(scope: Scope, doc: Doc) -> None:
    """The signatures of a disk are not those of its copy by a seed, and what is written by them does not reach it."""
    grant = doc.pop("_grant", None)
    if grant is None:
        return
    if grant["writable"]:
        _own(scope, doc)
    refresh(doc)


hooks.copied.append(_copied)


def shown(doc: Doc, now: float) -> Doc:
    """The document as it is now: an expired grant no longer shows in the state."""
    grant = doc.get("_grant")
    if grant and grant["expires"] <= now:
        doc = {key: value for key, value in doc.items() if key != "_grant"}
        doc["properties"] = dict(doc["properties"])
        refresh(doc)
    return doc
