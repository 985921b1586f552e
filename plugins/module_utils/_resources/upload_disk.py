# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managed disk that a file or another disk is uploaded into: read, plan, apply.

Its tags are :mod:`marks`. One that is incomplete stays, without access, and the next run goes on with it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import disk_access, disks, locations, marks
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present, stated
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.marks import (
    AS_IN_FILE,
    CONTENT,
    INCOMPLETE,
    SOURCE,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

_WAITING = "ReadyToUpload"
_UPLOADING = "ActiveUpload"
_CHANGEABLE = ("sku.name", "os_type")


class DiskTarget:
    """One disk, as it is and as it shall be.

    :param size: virtual size of the file's disk in bytes.
    :param generation: Hyper-V generation it shall have, ``None`` for a data disk.
    :param source: what identifies the content where it comes from, when that is not a file.
    """

    def __init__(self, task: Task, size: int, generation: str | None, *, source: str | None = None) -> None:
        self.task = task
        self.group: str = task.params["resource_group"]
        self.name: str = task.params["disk"]
        self.size = size
        self.found = disks.read(task.azure, self.group, self.name)
        self.tags = marks.without((self.found or {}).get("tags"))
        self._source = marks.of_source(source)
        self.wanted = self._desire(generation)
        self._keep = self._usable = self._same_but_content = False

    @property
    def recorded(self) -> str | None:
        """The fingerprint of what a complete disk of the right size holds; ``None`` if that is not known."""
        found = self.found
        if found is None or self._incomplete or self._size != self.size:
            return None
        return (found.get("tags") or {}).get(CONTENT)

    @property
    def made_from_source(self) -> bool:
        """Whether what the disk holds, or began to get, comes from just this source."""
        return self._source is not None and ((self.found or {}).get("tags") or {}).get(SOURCE) == self._source

    def plan(self, *, same_content: bool, force: bool) -> Plan:
        """Compare.

        :raises InvalidInput: the disk is complete and differs in what only a new one can have, and there is no
            ``force``; or it would have to be replaced and is attached; or a new one cannot be made at that location.
        """
        wanted = {**self._view(self.wanted), "content": AS_IN_FILE, "virtual_size": self.size}
        if self.found is None:
            self._check_location()
            return Plan.between(None, wanted)
        content = AS_IN_FILE if same_content else INCOMPLETE if self._incomplete else "other"
        if content == "other" and not force:
            raise InvalidInput(self._difference(), remedy="Choose another name, or set force to replace the disk.")
        plan = Plan.between(
            {**self._view(self.found), "content": content, "virtual_size": self._size},
            wanted,
            immutable=() if force or content == INCOMPLETE else disks.IMMUTABLE,
            case_insensitive=disks.CASE_INSENSITIVE,
        )
        fixed = {key for key in plan.changes if key not in _CHANGEABLE and not key.startswith("tags.")}
        self._keep = same_content and not fixed
        self._same_but_content = not fixed - {"content"}
        self._usable = self._state in (_WAITING, _UPLOADING) and self._same_but_content
        if not self._keep:
            disks.refuse_delete(self.found)
            if not self._usable:
                self._check_location()
        return plan

    def update(self) -> None:
        """Change tags, SKU and OS type of a disk that already holds the content."""
        self._write((self.found or {}).get("tags", {}).get(CONTENT))

    @property
    def keeps_content(self) -> bool:
        """Whether the planned change leaves the disk's data alone."""
        return self._keep

    @contextlib.contextmanager
    def receiving(self) -> Iterator[disk_access.Lent]:
        """Make the disk, or take one up that waits for this upload, and lend the address of its data."""
        task = self.task
        if self.found is not None and not self._usable:
            disks.delete(task, self.group, self.name)
            self.found = None
        if self.found is None:
            self._create()
        else:
            self._write(INCOMPLETE)
        with disk_access.granted(task, self.group, self.name, "Write", restored=self._wait_again) as lent:
            yield lent

    def _create(self) -> None:
        disks.create(self.task, self.group, self.name, {**self.wanted, "tags": self._tags(INCOMPLETE)})

    def _wait_again(self) -> None:
        """Make a disk that became an empty one, before a byte of ours was in it, wait for the upload again."""
        self.found = disks.read(self.task.azure, self.group, self.name)
        if self._state == "Unattached" and self._incomplete:
            disks.delete(self.task, self.group, self.name)
            self._create()

    @contextlib.contextmanager
    def left(self) -> Iterator[disk_access.Lent | None]:
        """End what an earlier attempt left open. If that was at its very end, lend the address of what it brought.

        Such a disk takes no data any more, and only its mark is missing: the fingerprint has to be found by reading it.
        """
        if self.found is not None and self._state == _UPLOADING:
            disk_access.revoke(self.task, self.group, self.name)
            self.found = disks.read(self.task.azure, self.group, self.name)
            self._usable = self._usable and self.found is not None and self._state == _WAITING
        properties = (self.found or {}).get("properties") or {}
        uploaded = (properties.get("creationData") or {}).get("createOption") == "Upload"
        closed = uploaded and self._incomplete and self._state == "Unattached" and self._size == self.size
        if not closed or not self._same_but_content:
            yield None
            return
        with disk_access.granted(self.task, self.group, self.name, "Read") as lent:
            yield lent

    def complete(self, fingerprint: str) -> None:
        """Record, as the last step, what the disk holds."""
        self._write(fingerprint)

    def present(self) -> dict[str, Any]:
        """The disk for the task's result; what a new one would be like in check mode."""
        found = disks.read(self.task.azure, self.group, self.name)
        shown = present(found) if found else {**present(self.wanted), "name": self.name}
        return {"disk": shown}

    @property
    def _state(self) -> str | None:
        state: str | None = ((self.found or {}).get("properties") or {}).get("diskState")
        return state

    @property
    def _incomplete(self) -> bool:
        found = self.found or {}
        return self._state in (_WAITING, _UPLOADING) or found.get("tags", {}).get(CONTENT) == INCOMPLETE

    @property
    def _size(self) -> int:
        properties = (self.found or {})["properties"]
        upload: int | None = properties.get("creationData", {}).get("uploadSizeBytes")
        size: int = properties.get("diskSizeBytes") or (upload or FOOTER_SIZE) - FOOTER_SIZE
        return size

    def _check_location(self) -> None:
        """Before anything is deleted: a new disk that Azure refuses must not cost the old one."""
        locations.check(self.task.azure, self.wanted["location"])

    def _desire(self, generation: str | None) -> Wire:
        params = self.task.params
        tags = self.task.tags(self.tags)
        return stated(
            {
                "location": locations.plain(disks.location(self.task.azure, params, self.found)),
                "zones": [params["zone"]] if params["zone"] else None,
                "sku": {"name": params["sku"]},
                "tags": self.tags if tags is None else tags,
                "properties": {
                    "osType": params["os_type"],
                    "hyperVGeneration": generation,
                    "securityProfile": {"securityType": params["security_type"]},
                    "creationData": {"createOption": "Upload", "uploadSizeBytes": self.size + FOOTER_SIZE},
                },
            }
        )

    def _view(self, disk: Wire) -> dict[str, Any]:
        """What is compared and shown as the difference."""
        shown = present(disk)
        shown["location"] = locations.plain(disk["location"])
        shown.pop("creation_data", None)  # the disk may have been made otherwise; its content and size count
        shown["tags"] = marks.without(shown.get("tags"))
        return dict(shown)

    def _difference(self) -> str:
        text = f"The disk {self.name} exists in {self.group} with "
        if self._size != self.size:
            return f"{text}another size: it has {self._size} bytes, the file {self.size}."
        known = bool((self.found or {}).get("tags", {}).get(CONTENT))
        return text + ("other content than the file." if known else "content that was not uploaded by this module.")

    def _tags(self, content: str | None) -> dict[str, str]:
        return {**self.wanted["tags"], **marks.made(content, self._source)}

    def _write(self, content: str | None) -> None:
        """Change what can be changed in place, and record what the disk holds."""
        wanted = {**self.wanted, "tags": self._tags(content)}
        if disks.update(self.task, self.group, self.name, wanted) is None:
            raise GoldenImageError(f"The disk {self.name} disappeared meanwhile.", remedy="Run again.")
