# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that lie in Azure and shall be read: a disk, a snapshot, an image, a gallery version, a page blob.

What Azure gives no access to is copied to something temporary first, which is named after what it is for: a run that
was killed leaves it to the next one, every other run removes it.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import made
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import disk_access, disks, marks
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.marks import CONTENT, INCOMPLETE
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.disk_access import Kind, Lent
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

TEMPORARY = "goldenimage_temporary"
_SNAPSHOTS, _IMAGES = "microsoft.compute/snapshots", "microsoft.compute/images"
_VERSIONS = "microsoft.compute/galleries/images/versions"


class Opened(Protocol):
    """Lends the address of the data; ``left``: an access that is active is one that an earlier attempt left."""

    def __call__(self, *, left: bool = False) -> AbstractContextManager[Lent]: ...


@dataclass(frozen=True)
class Origin:
    """A disk to be read.

    :ivar title: for messages: ``the disk d``.
    :ivar identity: stays the same only while the content does; ``None`` if nothing tells that.
    :ivar recorded: the fingerprint of the content, where it is known for sure.
    :ivar opened: lends the address of the data.
    :ivar size: of the disk in bytes; ``None`` for an image, which does not tell it exactly.
    :ivar os_type: ``Linux`` or ``Windows``, where the source tells it, and so ``generation``.
    """

    title: str
    identity: str | None
    recorded: str | None
    opened: Opened
    size: int | None = None
    os_type: str | None = None
    generation: str | None = None


def find(task: Task, source: str, *, lun: int | None = None, sas: str | None = None) -> Origin:
    """Find a disk by the name or id of a resource, or the address of a page blob.

    :param lun: the data disk of an image or version; ``None``: the OS disk.
    :param sas: the signature that comes with an address.
    :raises InvalidInput: it does not exist, is something else, or cannot be read now.
    """
    if source.lower().startswith(("https://", "http://")):
        return _blob(task, source, sas)
    group = task.params["resource_group"]
    azure = task.azure
    if not source.startswith("/"):
        return _disk(task, ids.build(azure.subscription_id, group, disks.TYPE, source))
    found = ids.parse(source)
    kind = found.type.lower()
    if lun is not None and kind not in (_IMAGES, _VERSIONS):
        raise InvalidInput(f"lun is for images and versions; {source} is a {found.type}.", remedy="Leave lun out.")
    if kind == disks.TYPE.lower():
        return _disk(task, found)
    if kind == _SNAPSHOTS:
        return _snapshot(task, found)
    if kind == _IMAGES:
        wire = azure.read(azure.compute.images.get, found.resource_group, found.name)
        return _image(task, found, wire, {"imageReference": {"id": source, "lun": lun}}, lun)
    if kind == _VERSIONS:
        wire = azure.read(azure.compute.gallery_image_versions.get, found.resource_group, *found.names)
        return _image(task, found, wire, {"galleryImageReference": {"id": source, "lun": lun}}, lun)
    raise InvalidInput(
        f"source is a {found.type}.",
        remedy="Give a disk, a snapshot, a managed image, a gallery version or a page blob.",
    )


def _disk(task: Task, where: ids.ResourceId) -> Origin:
    wire = _existing(disks.read(task.azure, where.resource_group, where.name), where)
    properties = wire["properties"]
    size, state, title = properties.get("diskSizeBytes"), properties.get("diskState"), f"the disk {where.name}"
    _refuse_incomplete(wire, title)
    if state == "Attached":  # to a machine that may be writing
        return Origin(title, None, None, _snapshot_of(task, where, wire), *_kind(properties))
    # Only a machine can change a disk, and each that ever had it has left a time; or somebody has enlarged it.
    changed = properties.get("LastOwnershipUpdateTime")
    identity = f"{where} {properties.get('uniqueId')} {changed} {size}".lower()
    uploaded = (properties.get("creationData") or {}).get("uploadSizeBytes")
    untouched = changed is None and size is not None and uploaded == size + FOOTER_SIZE
    recorded = marks.fingerprint(wire.get("tags")) if untouched else None
    return Origin(title, identity, recorded, _opener(task, where, "disk", state), *_kind(properties))


def _snapshot(task: Task, where: ids.ResourceId) -> Origin:
    azure, title = task.azure, f"the snapshot {where.name}"
    wire = _existing(azure.read(azure.compute.snapshots.get, where.resource_group, where.name), where)
    properties = wire["properties"]
    _refuse_incomplete(wire, title)
    percent = properties.get("completionPercent")
    if percent is not None and percent < 100:
        raise InvalidInput(f"{title} is still being copied ({percent} %).", remedy="Wait until it is complete.")
    identity = f"{where} {properties.get('uniqueId')}".lower()
    opened = _opener(task, where, "snapshot", properties.get("diskState"))
    return Origin(title, identity, None, opened, *_kind(properties))


def _kind(properties: Wire) -> tuple[int | None, str | None, str | None]:
    """Size in bytes, operating system and generation of a disk or snapshot."""
    return properties.get("diskSizeBytes"), properties.get("osType"), properties.get("hyperVGeneration")


def _image(task: Task, where: ids.ResourceId, wire: Wire | None, reference: Wire, lun: int | None) -> Origin:
    wire = _existing(wire, where)
    properties = wire["properties"]
    title = f"the image {'/'.join(where.names)}"
    state = properties.get("provisioningState")
    if state != "Succeeded":
        raise InvalidInput(
            f"{title} is not complete: its provisioning state is {state}.", remedy="Wait, or make it anew."
        )
    _refuse_lun(properties, lun, title)
    published = (properties.get("publishingProfile") or {}).get("publishedDate")
    # An image never changes; made anew under the same name it differs in what it was made from, or when.
    made_from = hashlib.sha256(repr(properties.get("storageProfile")).encode()).hexdigest()
    identity = f"{where} {lun} {published} {made_from}".lower()
    body = {
        "location": wire["location"],
        "sku": {"name": "Standard_LRS"},
        "properties": {
            "creationData": {
                "createOption": "FromImage",
                **{name: {k: v for k, v in one.items() if v is not None} for name, one in reference.items()},
            }
        },
    }
    return Origin(title, identity, None, _Temporary(task, "disk", where, f"{where} {lun}", body))


def _snapshot_of(task: Task, where: ids.ResourceId, wire: Wire) -> Opened:
    body = {
        "location": wire["location"],
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": str(where)}, "incremental": True},
    }
    return _Temporary(task, "snapshot", where, str(where), body, reuse=False)


def _blob(task: Task, address: str, sas: str | None) -> Origin:
    if "?" in address:
        raise InvalidInput("source has a query.", remedy="Give the signature as source_sas, which is kept secret.")
    if not address.lower().startswith("https:"):
        raise InvalidInput(
            f"source is {address}, where data and permission would go unencrypted.", remedy="Give the https address."
        )
    azure = task.azure

    def grant() -> Access:
        if sas:
            return Access(f"{address}?{sas.lstrip('?')}")
        return disk_access.by_token(azure, address)

    with PageBlob(grant, ca=azure.ca) as blob:
        headers = blob.properties()
    kind = headers.get("x-ms-blob-type", "PageBlob")
    if kind != "PageBlob":
        raise InvalidInput(f"{address} is a {kind}.", remedy="Give a page blob with a fixed VHD.")
    mark = headers.get(f"x-ms-meta-{CONTENT}")
    if mark == INCOMPLETE:
        raise InvalidInput(f"{address} is not complete.", remedy="Finish its upload first (vhd_upload).")

    @contextlib.contextmanager
    def opened(*, left: bool = False) -> Iterator[Lent]:  # noqa: ARG001 - a blob lends to many
        yield disk_access.Lent(grant, grant)

    # The mark stays when others write to the blob, but they change the ETag.
    size = int(headers["content-length"]) - FOOTER_SIZE
    return Origin(f"the blob {address}", f"{address} {headers.get('etag')}", None, opened, size)


def _opener(task: Task, where: ids.ResourceId, kind: Kind, state: str | None) -> Opened:
    def opened(*, left: bool = False) -> AbstractContextManager[Lent]:
        if str(state).startswith("ActiveSAS") and not left:
            raise InvalidInput(
                f"Somebody reads the {kind} {where.name} through a SAS that is still active.",
                remedy=f"Wait for that to end, or revoke its access (az {kind} revoke-access).",
            )
        return disk_access.granted(task, where.resource_group, where.name, "Read", kind=kind, left=left)

    return opened


@dataclass(frozen=True)
class _Temporary:
    """Something temporary that is made of a source, to lend the address of its data.

    :ivar what: names the source, the same for each attempt.
    :ivar reuse: one that a killed run has left holds what is wanted.
    """

    task: Task
    kind: Kind
    where: ids.ResourceId
    what: str
    body: Wire
    reuse: bool = True

    @contextlib.contextmanager
    def __call__(self, *, left: bool = False) -> Iterator[Lent]:  # noqa: ARG002 - what is left is always ours
        task = self.task
        with task.undo(f"the temporary {self.kind} {self._name}", self._remove):
            self._make()
            with disk_access.granted(task, self._group, self._name, "Read", kind=self.kind) as lent:
                yield lent

    def _make(self) -> None:
        azure = self.task.azure
        found = azure.attach(self._calls.get, self._group, self._name)
        if found is not None:
            disk_access.revoke(self.task, self._group, self._name, kind=self.kind)
            if self.reuse and found["properties"].get("provisioningState") == "Succeeded":
                return
            self._remove()
        body = {**self.body, "tags": {TEMPORARY: "true"}}
        what = f"make the temporary {self.kind} {self._name}"
        azure.send(self._calls.begin_create_or_update, self._group, self._name, body=body, what=what, done=made)

    def _remove(self) -> None:
        what = f"delete the temporary {self.kind} {self._name}"
        self.task.azure.send(self._calls.begin_delete, self._group, self._name, what=what)

    @property
    def _calls(self) -> Any:
        compute = self.task.azure.compute
        return compute.snapshots if self.kind == "snapshot" else compute.disks

    @property
    def _group(self) -> str:
        return self.task.params["resource_group"] or self.where.resource_group

    @property
    def _name(self) -> str:
        return f"goldenimage-export-{hashlib.sha256(self.what.lower().encode()).hexdigest()[:20]}"


def _existing(wire: Wire | None, where: ids.ResourceId) -> Wire:
    if wire is None:
        raise InvalidInput(f"The source {where} does not exist.", remedy="Check its name and resource group.")
    return wire


def _refuse_incomplete(wire: Wire, title: str) -> None:
    state = wire["properties"].get("diskState")
    if state in ("ReadyToUpload", "ActiveUpload") or (wire.get("tags") or {}).get(CONTENT) == INCOMPLETE:
        raise InvalidInput(f"{title} is not complete.", remedy="Finish its upload first (vhd_upload).")


def _refuse_lun(properties: Wire, lun: int | None, title: str) -> None:
    profile = properties.get("storageProfile") or {}
    listed = profile.get("dataDisks") or profile.get("dataDiskImages") or []
    known = sorted(disk["lun"] for disk in listed)
    if lun is not None and lun not in known:
        raise InvalidInput(
            f"{title} has no data disk with lun {lun}.",
            remedy=f"It has {', '.join(map(str, known))}." if known else "It has no data disks; leave lun out.",
        )
