# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page blob that a file or another disk is uploaded into: find the account and its permission, read, plan, apply.

Its metadata are :mod:`marks`. One that is incomplete stays, and the next run goes on with it.
"""

from __future__ import annotations

import contextlib
import re
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import errors
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import marks
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.disk_access import MARGIN, Lent, by_token
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.marks import (
    AS_IN_FILE,
    CONTENT,
    INCOMPLETE,
    SOURCE,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

_TYPE = "PageBlob"
_LIFETIME = timedelta(hours=24)
_CLOCKS_DIFFER = timedelta(minutes=15)

# Azure: "Naming and referencing containers, blobs, and metadata".
_CONTAINER = re.compile(r"\$(?:root|web|logs)|(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")


def _check_container(name: str) -> None:
    if not _CONTAINER.fullmatch(name):
        raise InvalidInput(
            f"container is {name!r}, which is no name of one.",
            remedy="Give 3 to 63 small letters, digits and single hyphens; a letter or digit first and last.",
        )


class BlobTarget:
    """One page blob, as it is and as it shall be.

    :param size: virtual size of the file's disk in bytes; the blob has the footer's 512 more. ``None``: it is set before
        the blob is made, and not compared.
    :param source: what identifies the content where it comes from, when that is not a file.
    :raises InvalidInput: no such account, or one that cannot hold page blobs; no container and none to be made.
    """

    def __init__(self, task: Task, size: int | None, *, source: str | None = None) -> None:
        self.task = task
        self.size = size
        self._source = marks.of_source(source)
        _check_container(task.params["container"])
        self.account = self._read_account()
        self.found = self._read()
        self._keep = self._granted = False

    @property
    def recorded(self) -> str | None:
        """The fingerprint of what a complete blob of the right size holds; ``None`` if that is not known."""
        if self.found is None or self.found["type"] != _TYPE:
            return None
        if self.size is not None and self.found["size"] != self._length:
            return None
        content: str | None = self.found["metadata"].get(CONTENT)
        return None if content == INCOMPLETE else content

    @property
    def made_from_source(self) -> bool:
        """Whether what the blob holds, or began to get, comes from just this source."""
        metadata = self.found["metadata"] if self.found else {}
        return self._source is not None and metadata.get(SOURCE) == self._source

    @property
    def _length(self) -> int:
        """Of the blob, in bytes."""
        return (self.size or 0) + FOOTER_SIZE

    def plan(self, *, same_content: bool, force: bool) -> Plan:
        """Compare.

        :raises InvalidInput: the blob is complete and holds something else, and there is no ``force``.
        """
        self._keep = same_content
        wanted = {"content": AS_IN_FILE, "size": self._length, "type": _TYPE}
        if self.size is None:
            del wanted["size"]
        if self.found is None:
            return Plan.between(None, wanted)
        found = {"size": self.found["size"], "type": self.found["type"], "content": "other"}
        found = {key: found[key] for key in wanted}
        if same_content:
            found["content"] = AS_IN_FILE
        elif self.found["metadata"].get(CONTENT) == INCOMPLETE:
            found["content"] = INCOMPLETE
        elif not force:
            length = self.found["size"]
            alike = self.size is None or length == self._length
            difference = "other content" if alike else f"another size ({length} bytes)"
            raise InvalidInput(
                f"The blob {self._name} exists with {difference} than the {'source' if self.size is None else 'file'}.",
                remedy="Choose another name, or set force to overwrite the blob.",
            )
        return Plan.between(found, wanted)

    @property
    def keeps_content(self) -> bool:
        """Whether the planned change leaves the blob's data alone."""
        return self._keep

    def update(self) -> None:
        """Nothing of a blob can differ but its content."""

    @contextlib.contextmanager
    def receiving(self) -> Iterator[Lent]:
        """Make the blob, empty, or take up one that is incomplete, and lend its address with the permission."""
        with errors.translated(f"create the page blob {self._name}"):
            self._make_room()
            if not self._resumable:
                self._blob.create_page_blob(self._length, metadata=marks.made(INCOMPLETE, self._source))
        yield Lent(self._grant, self._permission)

    @contextlib.contextmanager
    def left(self) -> Iterator[Lent | None]:
        """Nothing that an earlier attempt left stands in the way of going on."""
        yield None

    @property
    def _resumable(self) -> bool:
        found = self.found
        same = found is not None and (found["type"], found["size"]) == (_TYPE, self._length)
        return found is not None and same and found["metadata"].get(CONTENT) == INCOMPLETE

    def _make_room(self) -> None:
        """The container, without a blob of another type; what a repeated request finds done is as good."""
        with errors.sdk_import():
            from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
        if self.task.params["create_container"] and not self._container.exists():
            with contextlib.suppress(ResourceExistsError):
                self._container.create_container()
        if self.found is not None and self.found["type"] != _TYPE:
            with contextlib.suppress(ResourceNotFoundError):
                self._blob.delete_blob()

    def complete(self, fingerprint: str) -> None:
        """Record, as the last step, what the blob holds."""
        with errors.translated(f"complete the page blob {self._name}"):
            self._blob.set_blob_metadata(marks.made(fingerprint, self._source))

    def present(self) -> dict[str, Any]:
        """The blob for the task's result."""
        return {
            "blob": {
                "url": f"{self._endpoint.rstrip('/')}/{self._name.partition('/')[2]}",
                "storage_account_id": self.account["id"],
                "container": self.task.params["container"],
                "name": self.task.params["blob"],
                **({} if self.size is None else {"size": self._length}),
            }
        }

    def _read_account(self) -> Wire:
        params, azure = self.task.params, self.task.azure
        group, name = params["resource_group"], params["storage_account"]
        account = azure.read(azure.storage.storage_accounts.get_properties, group, name)
        if account is None:
            raise InvalidInput(
                f"The storage account {name} does not exist in {group}.",
                remedy="Create it first, or correct storage_account and resource_group.",
            )
        hierarchical = account["properties"].get("isHnsEnabled")
        if hierarchical or account.get("kind") in ("BlockBlobStorage", "FileStorage"):
            reason = "has a hierarchical namespace" if hierarchical else f"is of kind {account['kind']}"
            raise InvalidInput(
                f"The storage account {name} {reason} and cannot hold page blobs.",
                remedy="Use a general-purpose account (StorageV2) without a hierarchical namespace.",
            )
        return account

    def _read(self) -> dict[str, Any] | None:
        with errors.sdk_import():
            from azure.core.exceptions import ResourceNotFoundError
        with errors.translated(f"read the blob {self._name}"):
            if not self._container.exists():
                if self.task.params["create_container"]:
                    return None
                raise InvalidInput(
                    f"The container {self.task.params['container']} does not exist in {self.account['name']}.",
                    remedy="Set create_container, or create it first.",
                )
            try:
                found = self._blob.get_blob_properties()
            except ResourceNotFoundError:
                return None
        return {"size": found.size, "type": str(found.blob_type.value), "metadata": found.metadata or {}}

    @property
    def _endpoint(self) -> str:
        return str(self.account["properties"]["primaryEndpoints"]["blob"])

    @property
    def _name(self) -> str:
        params = self.task.params
        return f"{params['storage_account']}/{params['container']}/{params['blob']}"

    @cached_property
    def _key(self) -> str | None:
        """The account's key; ``None`` when Entra tokens are wanted, or the only way in."""
        wanted = self.task.params["blob_auth"]
        allowed = self.account["properties"].get("allowSharedKeyAccess") is not False
        if wanted == "entra" or (wanted == "auto" and not allowed):
            return None
        accounts = self.task.azure.storage.storage_accounts
        params = self.task.params
        what = f"read the keys of the storage account {params['storage_account']}"
        try:
            answer = self.task.azure.send(
                accounts.list_keys, params["resource_group"], params["storage_account"], what=what
            )
        except errors.AzureError as error:
            if wanted == "auto" and error.status == 403:  # may still have a data role
                return None
            raise
        return str((answer or {})["keys"][0]["value"])

    @cached_property
    def _service(self) -> Any:
        with errors.sdk_import():
            from azure.storage.blob import BlobServiceClient
        azure = self.task.azure
        credential = (
            azure.credential if self._key is None else {"account_name": self.account["name"], "account_key": self._key}
        )
        return BlobServiceClient(self._endpoint, credential=credential, **azure.for_blobs)

    @property
    def _container(self) -> Any:
        return self._service.get_container_client(self.task.params["container"])

    @property
    def _blob(self) -> Any:
        return self._container.get_blob_client(self.task.params["blob"])

    def _grant(self) -> Access:
        """A new permission for the blob, after the one before was refused."""
        if self._key is None and self._granted:
            self.task.azure.credential.forget(self.task.azure.cloud.storage_scope)
        self._granted = True
        return self._permission()

    def _permission(self) -> Access:
        """A permission for the blob: its address and headers."""
        url = str(self._blob.url)
        azure = self.task.azure
        if self._key is None:
            return by_token(azure, url)
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        now = datetime.now(UTC)
        signature = generate_blob_sas(
            self.account["name"],
            self.task.params["container"],
            self.task.params["blob"],
            account_key=self._key,
            permission=BlobSasPermissions(read=True, write=True),
            start=now - _CLOCKS_DIFFER,
            expiry=now + _LIFETIME,
        )
        return Access(f"{url}?{signature}", renew_at=time.monotonic() + _LIFETIME.total_seconds() - MARGIN)
