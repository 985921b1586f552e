# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Page blobs of local storage accounts: what disks are imported from, and where unmanaged disks live.

Blobs are served by another process, so everything here is HTTP; whole disks are moved in the background part of an
operation, only a blob's size and kind are asked for at once.
"""

from __future__ import annotations

import http.client
import ssl
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from azure_emulator.core.certificates import Certificates
from azure_emulator.core.errors import ArmError
from azure_emulator.core.faults import INTERNAL
from azure_emulator.disks.vhd import FOOTER_SIZE, footer_problem, make_footer
from azure_emulator.services.compute._data import page_store
from azure_emulator.services.compute._shared import GIB
from azure_emulator.services.storage import blob_urls, signatures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure_emulator.core.context import Scope
    from azure_emulator.services.storage.blob_urls import BlobLocation

#: Namespace of blobs that are captured images: URL in lower case -> ``{"marketplace": bool}``.
CAPTURED = "compute.captured"

_CHUNK = 4 << 20
_VERSION = "2020-12-06"


def locate(scope: Scope, uri: str) -> BlobLocation:
    """The blob that a URI names.

    :raises ArmError: 400 when it is in no account of this Azure.
    """
    found = blob_urls.locate(scope, uri)
    if found is None:
        text = f"The blob '{_plain(uri)}' is not in a storage account of this subscription."
        raise ArmError(400, "InvalidParameter", text)
    return found


def describe(scope: Scope, uri: str) -> dict[str, Any]:
    """``{"url", "size"}`` of a page blob that holds a VHD; the URL is signed, `size` includes the footer.

    :raises ArmError: ``ImageBlobNotFound``, ``IncorrectImageBlobType``, ``DiskImageNotReady`` or ``InvalidVhd``.
    """
    location = locate(scope, uri)
    url = blob_urls.readable(location, scope.clock.now())
    with _connection(scope.data_dir, url) as connection:
        answer = _ask(connection, "HEAD", url)
    if answer.status == 404:
        raise ArmError(404, "ImageBlobNotFound", f"Unable to find VHD blob with URI {location.url} for disk.")
    if answer.status != 200:
        raise ArmError(409, "AcquireDiskLeaseFailed", f"The VHD blob with URI {location.url} cannot be read.")
    if answer.headers.get("x-ms-blob-type") != "PageBlob":
        raise ArmError(
            409,
            "IncorrectImageBlobType",
            f"Blob of unsupported type was specified in URI {location.url}. Disks must be of type page blob.",
        )
    copying = answer.headers.get("x-ms-copy-status", "success")
    if copying != "success":
        raise ArmError(
            409,
            "DiskImageNotReady",
            f"Disk image {location.url} is in {copying} state. Please retry when image is ready.",
        )
    size = int(answer.headers.get("Content-Length", 0))
    if size <= FOOTER_SIZE or size % 512:
        raise ArmError(409, "InvalidVhd", f"The blob with URI {location.url} has no valid VHD size ({size} bytes).")
    return {"url": url, "size": size}


def fetch(data_dir: Path, args: dict[str, Any]) -> None:
    """The work of an import: read blobs into pages, ``{"blobs": [{"pages", "blob": as described}]}``. Can be repeated.

    :raises ArmError: 409 ``InvalidVhd`` for a wrong footer, or when a blob cannot be read.
    """
    for item in args["blobs"]:
        _fetch(data_dir, item["pages"], item["blob"])


def _fetch(data_dir: Path, pages: str, blob: dict[str, Any]) -> None:
    """Read the written pages of a blob, without the VHD footer."""
    store = page_store(data_dir)
    url, size = blob["url"], blob["size"] - FOOTER_SIZE
    with _connection(data_dir, url) as connection:
        problem = footer_problem(_read(connection, url, size, FOOTER_SIZE), size)
        if problem:
            raise ArmError(409, "InvalidVhd", f"The blob cannot be used as a disk: {problem}.")
        for start, end in _ranges(connection, url):
            for position in range(start, min(end, size), _CHUNK):
                length = min(_CHUNK, end - position, size - position)
                store.write(pages, position, _read(connection, url, position, length))


def create_vhd(data_dir: Path, url: str, container_url: str, size_gb: int) -> None:
    """Make a page blob that is an empty disk. An existing one is kept, so this can be repeated."""
    size = size_gb * GIB
    with _connection(data_dir, url) as connection:
        _ask(connection, "PUT", f"{container_url}&restype=container")
        if _ask(connection, "HEAD", url).status == 200:
            return
        _create(connection, url, size + FOOTER_SIZE)
        _write(connection, url, size, make_footer(size, uuid.uuid4()))


def copy_vhd(data_dir: Path, url: str, container_url: str, source: str) -> None:
    """Copy the written pages of a page blob to another one, which shares nothing with it. Can be repeated.

    :raises ArmError: 409 when one of the two cannot be reached.
    """
    with _connection(data_dir, source) as reading, _connection(data_dir, url) as writing:
        _ask(writing, "PUT", f"{container_url}&restype=container")
        found = _ask(reading, "HEAD", source)
        if found.status != 200:
            raise _unreadable(found)
        _create(writing, url, int(found.headers.get("Content-Length", 0)))
        for start, end in _ranges(reading, source):
            for position in range(start, end, _CHUNK):
                _write(writing, url, position, _read(reading, source, position, min(_CHUNK, end - position)))


def exists(scope: Scope, uri: str) -> bool:
    """Whether there is a blob of this name."""
    url = blob_urls.readable(locate(scope, uri), scope.clock.now())
    with _connection(scope.data_dir, url) as connection:
        return _ask(connection, "HEAD", url).status == 200


def _plain(url: str) -> str:
    return url.split("?", maxsplit=1)[0]


def writable(location: BlobLocation, now: float) -> dict[str, str]:
    """Signed URLs of a blob and its container, for `create_vhd`."""
    signed = signatures.account_sas(location.account, "rwlac", now)
    container = location.url[: location.url.index(f"/{location.container}/") + len(location.container) + 1]
    return {"url": f"{location.url}?{signed}", "container_url": f"{container}?{signed}"}


@contextmanager
def _connection(data_dir: Path, url: str) -> Iterator[http.client.HTTPConnection]:
    parts = urlsplit(url)
    trust = ssl.create_default_context(cafile=str(Certificates(data_dir).authority))
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=60, context=trust)
    try:
        yield connection
    except (OSError, http.client.HTTPException) as error:
        message = "The storage account's blobs cannot be reached; is the blob server (Azurite) installed?"
        raise ArmError(409, "StorageAccountNotAvailable", message) from error
    finally:
        connection.close()


class _Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> _Answer:
    parts = urlsplit(url)
    extra = {"Content-Length": str(len(body))} if method == "PUT" else {}
    connection.request(
        method,
        f"{parts.path}?{parts.query}",
        body or None,
        {"x-ms-version": _VERSION, **INTERNAL, **extra, **(headers or {})},
    )
    return _Answer(connection.getresponse())


def _create(connection: http.client.HTTPConnection, url: str, size: int) -> None:
    """Make an empty page blob of `size` bytes in place of what is there."""
    headers = {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": str(size)}
    _check_written(_ask(connection, "PUT", url, headers), url)


def _write(connection: http.client.HTTPConnection, url: str, start: int, data: bytes) -> None:
    headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={start}-{start + len(data) - 1}"}
    _check_written(_ask(connection, "PUT", f"{url}&comp=page", headers, data), url)


def _check_written(answer: _Answer, url: str) -> None:
    if answer.status != 201:
        text = f"The blob {_plain(url)} could not be written (status {answer.status})."
        raise ArmError(409, "StorageAccountOperationFailed", text)


def _unreadable(answer: _Answer) -> ArmError:
    text = f"The VHD blob could not be read (status {answer.status})."
    return ArmError(409, "AcquireDiskLeaseFailed", text)


def _read(connection: http.client.HTTPConnection, url: str, start: int, length: int) -> bytes:
    answer = _ask(connection, "GET", url, {"x-ms-range": f"bytes={start}-{start + length - 1}"})
    if answer.status != 206 or len(answer.body) != length:
        raise _unreadable(answer)
    return answer.body


def _ranges(connection: http.client.HTTPConnection, url: str) -> Iterator[tuple[int, int]]:
    answer = _ask(connection, "GET", f"{url}&comp=pagelist")
    if answer.status != 200:
        raise _unreadable(answer)
    # The text comes from the emulator's own blob server.
    for item in ElementTree.fromstring(answer.body).iter("PageRange"):  # noqa: S314
        yield int(item.findtext("Start") or 0), int(item.findtext("End") or 0) + 1
