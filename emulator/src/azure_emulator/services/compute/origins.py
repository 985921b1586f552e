# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of a new disk or snapshot come from: every ``createOption`` that image work uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError, resource_not_found
from azure_emulator.core.values import member, missing, number_of, required_text, text_of
from azure_emulator.disks.vhd import FOOTER_SIZE
from azure_emulator.services.compute import blobs
from azure_emulator.services.compute._data import page_store
from azure_emulator.services.compute._shared import GIB
from azure_emulator.services.compute.sources import resolve_platform_id

if TYPE_CHECKING:
    from azure_emulator.core.context import Context
    from azure_emulator.core.store import Doc

MIN_UPLOAD = 20 * 1024**2 + FOOTER_SIZE
MAX_UPLOAD = 32767 * GIB + FOOTER_SIZE
MAX_GB = 32767

_INHERITED = ("osType", "hyperVGeneration", "purchasePlan", "supportedCapabilities", "securityProfile")


@dataclass
class Origin:
    """The start of a disk.

    `size` in bytes is None for an upload, whose disk has no size until it is complete. `blob` is set when the bytes
    must still be fetched.
    """

    pages: str
    creation: dict[str, Any]
    size: int | None
    inherited: dict[str, Any] = field(default_factory=dict)
    blob: dict[str, Any] | None = None


def open_origin(ctx: Context, location: str, target: str) -> Origin:
    """Check ``creationData`` and get the bytes; copies hold what the source has now.

    :raises ArmError: 400, 404 or 409 as Azure's disk provider words them.
    """
    creation = member(ctx.body, "properties", "creationData")
    if not isinstance(creation, dict):
        raise missing(f"{target}.properties.creationData", target)
    option = required_text(ctx.body, "properties", "creationData", "createOption")
    known = next((name for name in _MAKERS if name.lower() == option.lower()), None)
    if known is None:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The value '{option}' of parameter '{target}.creationData.createOption' is invalid.",
            f"{target}.creationData.createOption",
        )
    return _MAKERS[known](ctx, {**creation, "createOption": known}, location, target)


def requested_size(ctx: Context, target: str) -> int | None:
    """``diskSizeGB`` of the request in bytes."""
    size = number_of(ctx.body, "properties", "diskSizeGB")
    if size is None:
        return None
    if not 1 <= size <= MAX_GB:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The value '{size}' of parameter '{target}.diskSizeGB' is out of range. "
            f"The value must be between '1' and '{MAX_GB}', inclusive.",
            f"{target}.diskSizeGB",
        )
    return size * GIB


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
        raise ArmError(
            400,
            "InvalidParameter",
            f"The specified disk size {wanted // GIB} GB is smaller than the size of the source, {size // GIB} GB.",
            f"{target}.diskSizeGB",
        )
    return max(wanted, size)


def usable_source(ctx: Context, source_id: str, location: str | None) -> Doc:
    """A disk or snapshot whose bytes can be copied.

    :raises ArmError: 404 when it is absent, 409 while it waits for an upload (that text is guessed).
    """
    parsed = arm_ids.parse(source_id)
    source = ctx.store.get(source_id)
    if source is None or parsed.type.lower() not in {"microsoft.compute/disks", "microsoft.compute/snapshots"}:
        raise resource_not_found(parsed.type, parsed.names, parsed.group)
    if location is not None and source["location"] != location:
        raise ArmError(
            400,
            "InvalidParameter",
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
    return source


def _copy(ctx: Context, creation: dict[str, Any], location: str, target: str) -> Origin:
    source_id = required_text(creation, "sourceResourceId")
    crossing = creation["createOption"] == "CopyStart"
    source = usable_source(ctx, source_id, None if crossing else location)
    creation["sourceUniqueId"] = source["properties"]["uniqueId"]
    inherited = {name: source["properties"][name] for name in _INHERITED if name in source["properties"]}
    size = _grown(ctx, source["properties"]["diskSizeBytes"], target)
    return Origin(page_store(ctx.data_dir).copy(source["_pages"]), creation, size, inherited)


def _from_image(ctx: Context, creation: dict[str, Any], location: str, target: str) -> Origin:
    reference = text_of(creation, "imageReference", "id")
    if not reference:
        raise missing(f"{target}.creationData.imageReference.id", f"{target}.creationData")
    image = resolve_platform_id(ctx, reference, location)
    size = _grown(ctx, image.os.size, target)
    inherited = {"osType": image.os_type, "hyperVGeneration": image.generation}
    return Origin(image.os.take(ctx.data_dir), creation, size, inherited)


def _import(ctx: Context, creation: dict[str, Any], _location: str, target: str) -> Origin:
    uri = required_text(creation, "sourceUri")
    blob = blobs.describe(ctx, uri)
    size = _grown(ctx, blob["size"] - FOOTER_SIZE, target)
    return Origin(page_store(ctx.data_dir).create(), creation, size, blob=blob)


def _upload(ctx: Context, creation: dict[str, Any], _location: str, target: str) -> Origin:
    size = number_of(creation, "uploadSizeBytes")
    name = f"{target}.creationData.uploadSizeBytes"
    if size is None:
        raise missing(name, name)
    if not MIN_UPLOAD <= size <= MAX_UPLOAD:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The value '{size}' of parameter '{name}' is out of range. "
            f"The value must be between '{MIN_UPLOAD}' and '{MAX_UPLOAD}', inclusive.",
            name,
        )
    if size % 512:
        raise ArmError(
            400, "InvalidParameter", f"The value '{size}' of parameter '{name}' must be a multiple of 512.", name
        )
    if requested_size(ctx, target) is not None:
        raise ArmError(
            400,
            "InvalidParameter",
            f"Parameter '{target}.diskSizeGB' is not allowed when creationData.createOption is 'Upload'.",
            f"{target}.diskSizeGB",
        )
    return Origin(page_store(ctx.data_dir).create(), creation, None)


_MAKERS = {
    "Empty": _empty,
    "Copy": _copy,
    "CopyStart": _copy,
    "FromImage": _from_image,
    "Import": _import,
    "Upload": _upload,
}
