# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of a new disk or snapshot come from: every ``createOption``.

Recorded: Empty, Copy, CopyStart, FromImage, Import, Upload. Documented: the rest and the API versions that know them.
Guessed: most texts of refusals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.values import member, missing, number_of, object_of, required_text, text_of
from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._data import page_store
from azure_emulator.services.compute._shared import GIB, PROVIDER, invalid
from azure_emulator.services.compute._skus import MAX_GB
from azure_emulator.services.compute.disk_copies import begin_copy, check_complete
from azure_emulator.services.compute.sources import resolve, resolve_platform_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sources import ImageSource

MIN_UPLOAD = 20 * 1024**2 + FOOTER_SIZE
MAX_UPLOAD = MAX_GB * GIB + FOOTER_SIZE
_UPLOAD_SIZE_SINCE = "2019-03-01"

_INHERITED = (
    "osType",
    "hyperVGeneration",
    "purchasePlan",
    "supportsHibernation",
    "supportedCapabilities",
    "securityProfile",
    "encryptionSettingsCollection",
)
_SOURCES = ("microsoft.compute/disks", "microsoft.compute/snapshots")
_RESTORE_POINT = f"{PROVIDER}/restorePointCollections/restorePoints/diskRestorePoints"
_GALLERY_IDS = ("id", "sharedGalleryImageId", "communityGalleryImageId")


@dataclass
class Origin:
    """The start of a disk.

    `size` in bytes is None for an upload, whose disk has no size until it is complete. `told` is the part of
    `inherited` that the 202 already shows. `blobs` are fetched in the background: the items of `blobs.fetch`.
    `guest_state` names the pages of a second blob, the state of the machine's virtual TPM. `copy` describes a copy
    that goes on when the disk exists (see `disk_copies`).
    """

    pages: str
    creation: dict[str, Any]
    size: int | None
    inherited: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    blobs: list[dict[str, Any]] = field(default_factory=list)
    guest_state: str | None = None
    copy: dict[str, Any] | None = None


def open_origin(ctx: Context, location: str, target: str) -> Origin:
    """Check ``creationData`` and get the bytes; copies hold what the source has now.

    :raises ArmError: 400, 404 or 409 as Azure's disk provider words them.
    """
    creation = member(ctx.body, "properties", "creationData")
    if not isinstance(creation, dict):
        raise missing(f"{target}.properties.creationData", target)
    option = required_text(ctx.body, "properties", "creationData", "createOption")
    known = next((name for name in _MAKERS if name.lower() == option.lower()), None)
    if known is None or _SINCE.get(known, "") > ctx.api_version:
        raise invalid(
            f"The value '{option}' of parameter '{target}.creationData.createOption' is invalid.",
            f"{target}.creationData.createOption",
        )
    return _MAKERS[known](ctx, {**creation, "createOption": known}, location, target)


def requested_size(ctx: Context, target: str) -> int | None:
    """``diskSizeGB`` of the request in bytes."""
    size = gigabytes_of(object_of(ctx.body, "properties"), target)
    return None if size is None else size * GIB


def gigabytes_of(disk: dict[str, Any], target: str) -> int | None:
    """``diskSizeGB`` of a disk in a request, None when absent.

    :raises ArmError: 400 when there are no disks of that size.
    """
    size = number_of(disk, "diskSizeGB")
    if size is not None and not 1 <= size <= MAX_GB:
        raise invalid(
            f"The value '{size}' of parameter '{target}.diskSizeGB' is out of range. "
            f"The value must be between '1' and '{MAX_GB}', inclusive.",
            f"{target}.diskSizeGB",
        )
    return size


def _empty(ctx: Context, creation: dict[str, Any], _location: str, target: str) -> Origin:
    size = requested_size(ctx, target)
    if size is None:
        raise missing(f"{target}.diskSizeGB", f"{target}.diskSizeGB")
    return Origin(page_store(ctx.data_dir).create(), creation, size)


def _grown(ctx: Context, size: int, target: str) -> int:
    """The size of a disk that is made from something with a size."""
    wanted = requested_size(ctx, target)
    if wanted is None:
        return size
    if wanted // GIB < size // GIB:
        raise invalid(
            f"The specified disk size {wanted // GIB} GB is smaller than the size of the source, {size // GIB} GB.",
            f"{target}.diskSizeGB",
        )
    return max(wanted, size)


def usable_source(ctx: Context, source_id: str, location: str | None) -> Doc:
    """A disk or snapshot whose bytes can be copied; `location` None: it may be anywhere.

    :raises ArmError: 404 when it is absent, 409 while it waits for an upload, an import or a copy [guessed texts].
    """
    parsed = arm_ids.parse(source_id)
    source = ctx.store.get(source_id)
    if source is None or parsed.type.lower() not in _SOURCES:
        raise resource_not_found(parsed.type, parsed.names, parsed.group)
    if location is not None and source["location"] != location:
        raise invalid(
            f"The source resource '{source_id}' is in location '{source['location']}', the target in '{location}'. "
            "Both must be in the same location.",
            "creationData.sourceResourceId",
        )
    if source.get("_awaits_upload") or "_pages" not in source:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The resource '{source['name']}' cannot be used as a source while it is in state "
            f"'{source['properties'].get('diskState')}'. Finish the upload and call EndGetAccess first.",
        )
    if source.get("_importing"):
        state = source["properties"]["provisioningState"]
        raise ArmError(
            409, "DiskImageNotReady", f"Disk image {source_id} is in {state} state. Please retry when image is ready."
        )
    check_complete(ctx, source)
    return source


def inherited_from(source: Doc) -> dict[str, Any]:
    """What a disk or snapshot hands on to its copies."""
    return {name: source["properties"][name] for name in _INHERITED if name in source["properties"]}


def _copy(ctx: Context, creation: dict[str, Any], location: str, target: str) -> Origin:
    source = usable_source(ctx, required_text(creation, "sourceResourceId"), location)
    return _copied(ctx, source, creation, target)


def _copied(ctx: Context, source: Doc, creation: dict[str, Any], target: str) -> Origin:
    creation["sourceUniqueId"] = source["properties"]["uniqueId"]
    size = _grown(ctx, source["properties"]["diskSizeBytes"], target)
    told = inherited_from(source)
    inherited = dict(told)
    # Copies of what is encrypted with a customer's key are so, too, unless the request says otherwise.
    encryption = source["properties"].get("encryption", {})
    if encryption.get("diskEncryptionSetId"):
        inherited["encryption"] = encryption
    state = source.get("_guest_state")
    store = page_store(ctx.data_dir)
    return Origin(
        store.copy(source["_pages"]),
        creation,
        size,
        inherited,
        told,
        guest_state=store.copy(state) if state else None,
    )


def _copy_start(ctx: Context, creation: dict[str, Any], location: str, target: str) -> Origin:
    """A copy to another region: it exists at once, and can be used when it is complete."""
    source = usable_source(ctx, required_text(creation, "sourceResourceId"), None)
    copy = begin_copy(ctx, source, location)
    origin = _copied(ctx, source, creation, target)
    origin.inherited.pop("encryption", None)  # a disk encryption set serves its own region
    origin.told, origin.copy = {}, copy
    return origin


def _restore(ctx: Context, creation: dict[str, Any], _location: str, target: str) -> Origin:
    """From a disk restore point; the emulator makes none, so the id of one that exists comes from elsewhere."""
    parsed = arm_ids.parse(required_text(creation, "sourceResourceId"))
    if parsed.type.lower() != _RESTORE_POINT.lower():
        raise invalid(
            f"The value '{parsed.id}' of parameter 'creationData.sourceResourceId' is invalid: with createOption "
            f"'Restore' it must be of type '{_RESTORE_POINT}'.",
            "creationData.sourceResourceId",
        )
    source = ctx.store.get(parsed.id)
    if source is None or "_pages" not in source:
        raise resource_not_found(parsed.type, parsed.names, parsed.group)
    return _copied(ctx, source, creation, target)


def _from_image(ctx: Context, creation: dict[str, Any], location: str, target: str) -> Origin:
    image, reference = _image_of(ctx, creation, location, target)
    lun = number_of(reference, "lun")
    disk = image.os if lun is None else next((disk for disk in image.data if disk.lun == lun), None)
    if disk is None:
        raise invalid("The value of parameter imageReference is invalid.", "imageReference")
    size = _grown(ctx, disk.size, target)
    inherited = {"osType": image.os_type, "hyperVGeneration": image.generation, **image.handed_on}
    return Origin(disk.take(ctx.data_dir), creation, size, inherited if lun is None else {})


def _image_of(ctx: Context, creation: dict[str, Any], location: str, target: str) -> tuple[ImageSource, dict[str, Any]]:
    """The image of ``imageReference`` (Marketplace, managed) or ``galleryImageReference`` (galleries)."""
    gallery = object_of(creation, "galleryImageReference")
    if gallery:
        if sum(1 for name in _GALLERY_IDS if text_of(gallery, name)) != 1:
            raise invalid(
                f"Exactly one of '{', '.join(_GALLERY_IDS)}' must be given in parameter 'galleryImageReference'.",
                f"{target}.creationData.galleryImageReference",
            )
        wanted = {name: gallery[name] for name in _GALLERY_IDS if text_of(gallery, name)}
        return resolve(ctx, wanted, ctx.subscription, location), gallery
    reference = text_of(creation, "imageReference", "id")
    if not reference:
        raise missing(f"{target}.creationData.imageReference.id", f"{target}.creationData")
    return resolve_platform_id(ctx, reference, location), object_of(creation, "imageReference")


def _import(ctx: Context, creation: dict[str, Any], _location: str, target: str) -> Origin:
    blob = blobs.describe(ctx, required_text(creation, "sourceUri"))
    size = _grown(ctx, blob["size"] - FOOTER_SIZE, target)
    pages = page_store(ctx.data_dir).create()
    return Origin(pages, creation, size, blobs=[{"pages": pages, "blob": blob}])


def _import_secure(ctx: Context, creation: dict[str, Any], location: str, target: str) -> Origin:
    """An import together with the machine's guest state."""
    _require_security(ctx, target)
    state = blobs.describe(ctx, required_text(creation, "securityDataUri"))
    origin = _import(ctx, creation, location, target)
    origin.guest_state = page_store(ctx.data_dir).create()
    origin.blobs.append({"pages": origin.guest_state, "blob": state})
    return origin


def _upload(ctx: Context, creation: dict[str, Any], _location: str, target: str) -> Origin:
    size = number_of(creation, "uploadSizeBytes")
    name = f"{target}.creationData.uploadSizeBytes"
    if size is None and ctx.api_version < _UPLOAD_SIZE_SINCE:
        return _upload_of_gigabytes(ctx, creation, target)
    if size is None:
        raise missing(name, name)
    if not MIN_UPLOAD <= size <= MAX_UPLOAD:
        raise invalid(
            f"The value '{size}' of parameter '{name}' is out of range. "
            f"The value must be between '{MIN_UPLOAD}' and '{MAX_UPLOAD}', inclusive.",
            name,
        )
    if size % 512:
        raise invalid(f"The value '{size}' of parameter '{name}' must be a multiple of 512.", name)
    if requested_size(ctx, target) is not None:
        raise invalid(
            f"Parameter '{target}.diskSizeGB' is not allowed when creationData.createOption is 'Upload'.",
            f"{target}.diskSizeGB",
        )
    return Origin(page_store(ctx.data_dir).create(), creation, None)


def _upload_of_gigabytes(ctx: Context, creation: dict[str, Any], target: str) -> Origin:
    """An upload as the first version with uploads asked for it: by the disk's size [recorded]."""
    size = requested_size(ctx, target)
    if size is None:
        raise missing(f"{target}.diskSizeGB", f"{target}.diskSizeGB")
    return Origin(page_store(ctx.data_dir).create(), {**creation, "uploadSizeBytes": size + FOOTER_SIZE}, None)


def _upload_secure(ctx: Context, creation: dict[str, Any], location: str, target: str) -> Origin:
    """An upload of a disk and of its machine's guest state."""
    _require_security(ctx, target)
    origin = _upload(ctx, creation, location, target)
    origin.guest_state = page_store(ctx.data_dir).create()
    return origin


def _require_security(ctx: Context, target: str) -> None:
    if not text_of(ctx.body, "properties", "securityProfile", "securityType"):
        raise missing(f"{target}.securityProfile.securityType", f"{target}.securityProfile")


def _from_san(_ctx: Context, creation: dict[str, Any], _location: str, _target: str) -> Origin:
    """From a snapshot of an Elastic SAN volume; the emulator has no Elastic SAN, so none is ever found."""
    parsed = arm_ids.parse(required_text(creation, "elasticSanResourceId"))
    raise resource_not_found(parsed.type, parsed.names, parsed.group)


def _attach(_ctx: Context, _creation: dict[str, Any], _location: str, target: str) -> Origin:
    """Only the disks of a machine's profile can be attached."""
    name = f"{target}.creationData.createOption"
    raise invalid(f"The value 'Attach' of parameter '{name}' is not allowed.", name)


_MAKERS: dict[str, Callable[[Context, dict[str, Any], str, str], Origin]] = {
    "Empty": _empty,
    "Attach": _attach,
    "FromImage": _from_image,
    "Import": _import,
    "ImportSecure": _import_secure,
    "Copy": _copy,
    "CopyStart": _copy_start,
    "Restore": _restore,
    "Upload": _upload,
    "UploadPreparedSecure": _upload_secure,
    "CopyFromSanSnapshot": _from_san,
}
_SINCE = {
    "Upload": "2018-09-30",
    "CopyStart": "2020-12-01",
    "ImportSecure": "2021-08-01",
    "UploadPreparedSecure": "2022-03-02",
    "CopyFromSanSnapshot": "2023-04-02",
}
