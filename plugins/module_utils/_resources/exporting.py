# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export of a disk in Azure to a file or page blob: what is there, what shall be there, and the way in between."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import uploading
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_blob import BlobTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats, journal, qemu_img
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.build import (
    need_folder,
    need_space,
    replacing,
    untouched,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source, recognise_file
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sinks import FULL, FileSink
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import FileSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import (
    Transferred,
    data_size,
    fingerprint,
    transfer,
)

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.export_sources import Origin
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

SAME, OTHER = "as in the source", "other"
_ENDINGS = ("vhd", "vhdx", "qcow2", "raw")
_RECORD = "user.goldenimage.export"


class FileTarget:
    """The file an export makes."""

    def __init__(self, task: Task, origin: Origin) -> None:
        self.task = task
        self.origin = origin
        self.path: str = task.params["dest"]
        self.format: str = task.params["format"]
        if os.path.isdir(self.path):
            raise InvalidInput(f"dest is a folder: {self.path}.", remedy="Give the name of the file to write.")
        need_folder(self.path)
        ending = os.path.splitext(self.path)[1].lower().lstrip(".")
        if ending in _ENDINGS and ending != self.format:
            task.warn(f"dest ends with .{ending}, and format is {self.format}: {self.path} is a {self.format} file.")
        if self.format in qemu_img.FORMATS:
            qemu_img.program(instead=", or choose vhd or raw")

    def plan(self) -> Plan:
        """Compare what is there with the source; without a record of it, by reading the source, but not in check mode.

        :raises InvalidInput: something else is there, and there is no ``force``; or somebody writes to what is there.
        """
        wanted = {"format": self.format, "content": SAME}
        if not os.path.lexists(self.path):
            return Plan.between(None, wanted)
        FileSource(self.path).close()  # refused while somebody writes, whatever is in it
        same = self._holds()
        found = {"format": recognise_file(self.path).format, "content": SAME if same else OTHER}
        plan = Plan.between(found, wanted)
        if plan.changed and not self.task.params["force"]:
            other = f"is of the format {found['format']}, not {self.format}"
            raise InvalidInput(
                f"{self.path} exists and {other if found['format'] != self.format else f'holds something else than {self.origin.title}'}.",
                remedy="Set force to replace it, or give another dest.",
            )
        return plan

    def _holds(self) -> bool:
        found = recognise_file(self.path)
        if found.format != self.format:
            return False
        try:
            with open_source(self.path, found) as file:
                progress = self.task.progress("comparing", data_size(file))
                held = fingerprint(file, update=progress.update)
        except InvalidInput:  # damaged, cut off
            return False
        if self.origin.recorded is not None:
            return held == self.origin.recorded
        record = self._record()
        if self.origin.identity is not None and record.get("identity") == self.origin.identity:
            return held == record.get("fingerprint")
        return not self.task.check_mode and held == self._remote()

    def _remote(self) -> str:
        left = self.origin.identity is not None and journal.began(self.path, self.origin.identity)
        with self.origin.opened(left=left) as lent, uploading.opened(self.task, lent) as blob:
            source = BlobSource(blob)
            progress = self.task.progress("comparing with Azure", data_size(source))
            workers = self.task.params["connections"]
            return fingerprint(source, update=progress.update, workers=workers)

    def _record(self) -> dict[str, Any]:
        try:
            record = json.loads(os.getxattr(self.path, _RECORD))
        except (OSError, ValueError):  # a file system without such attributes: the source is read then
            return {}
        return record if isinstance(record, dict) else {}

    def write(self) -> dict[str, Any]:
        """Receive the disk and put the file in its place, in one step.

        :returns: what was done, as the module's result shows it.
        :raises GoldenImageError: the disk is full, the source changed; what was received is kept for the next run.
        """
        origin, task = self.origin, self.task
        identity = origin.identity or uuid.uuid4().hex
        left = journal.began(self.path, identity)
        with origin.opened(left=left) as lent, uploading.opened(task, lent) as blob:
            source = BlobSource(blob)
            try:
                with journal.receiving(self.path, identity, source.size) as partial:
                    moved = self._receive(source, partial)
                    self._put_in_place(partial, source, moved.fingerprint)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                raise GoldenImageError(
                    f"There is no space left for {self.path}: {error.strerror}.",
                    remedy="Free some space and run again; what was received is kept for that.",
                ) from error
        journal.discard(self.path)
        return {
            "fingerprint": moved.fingerprint,
            "virtual_size": source.size,
            "bytes_received": moved.bytes_read,
            "bytes_kept": moved.bytes_kept,
            "seconds": round(moved.seconds, 3),
        }

    def _receive(self, source: BlobSource, partial: journal.Partial) -> Transferred:
        total = data_size(source)
        allocated = os.fstat(partial.fd).st_blocks * 512
        try:
            need_space(os.path.dirname(partial.path), max(0, total - allocated))
        except InvalidInput:
            if not partial.resumed:
                journal.discard(self.path)  # there is nothing in it
            raise
        progress = self.task.progress("going on" if partial.resumed else None, total)
        workers = self.task.params["connections"]
        sink = _BlobFile(partial.fd, source)
        moved = transfer(source, sink, workers=workers, update=progress.update, memory=partial)
        os.fsync(partial.fd)
        if self.task.params["verify"]:
            with FileSource(partial.path, fd=os.dup(partial.fd)) as file:
                if fingerprint(file) != moved.fingerprint:
                    journal.discard(self.path)  # going on with that would end here every time
                    raise GoldenImageError(
                        f"{partial.path} does not hold what was received.",
                        remedy="Check the file system, then run again.",
                    )
        return moved

    def _put_in_place(self, partial: journal.Partial, source: BlobSource, content: str) -> None:
        record = json.dumps({"identity": self.origin.identity, "fingerprint": content}).encode()
        if self.format in qemu_img.FORMATS:
            progress = self.task.progress(f"writing {self.format}", 100, "%")
            with replacing(self.path) as (fd, name):
                qemu_img.pack(partial.path, name, self.format, progress.update, title=self.path)
                _remember(fd, record)
            return
        if self.format == formats.FIXED_VHD:
            FileSink(partial.fd).write(source.size, memoryview(source.footer))
        os.fsync(partial.fd)
        _remember(partial.fd, record)
        with untouched(self.path):
            os.replace(partial.path, self.path)

    def present(self) -> dict[str, Any]:
        """The file for the task's result."""
        return {"file": {"path": self.path, "format": self.format}}


class _BlobFile(FileSink):
    """The file that is received: stopping it stops the reading, too."""

    def __init__(self, fd: int, source: BlobSource) -> None:
        super().__init__(fd)
        self._source = source

    def abort(self) -> None:
        self._source.blob.abort()


def _remember(fd: int, record: bytes) -> None:
    with contextlib.suppress(OSError):  # not every file system keeps such attributes
        os.setxattr(fd, _RECORD, record)


def to_blob(task: Task, origin: Origin) -> tuple[Plan, dict[str, Any]]:
    """Make the page blob, or find that it is there.

    :returns: the plan, and what the module's result shows.
    :raises InvalidInput: something else is there, and there is no ``force``.
    """
    target = BlobTarget(task, None, source=origin.identity)
    known = target.recorded is not None
    same = known and (target.recorded == origin.recorded or target.made_from_source)
    if known and not same and origin.identity is None and not task.check_mode:
        with origin.opened() as lent, uploading.opened(task, lent) as blob:
            same = fingerprint(BlobSource(blob), workers=task.params["connections"]) == target.recorded
    plan = target.plan(same_content=same, force=task.params["force"])
    result: dict[str, Any] = {}
    if plan.changed and not task.check_mode:
        with origin.opened(left=target.made_from_source) as lent, uploading.opened(task, lent) as blob:
            source = BlobSource(blob)
            target.size = source.size
            moved = uploading.upload(task, AzureDisk(source, footer=source.footer, exact=True), target)
        result["export"] = {
            **{key: moved[key] for key in ("fingerprint", "virtual_size", "bytes_kept", "seconds")},
            "bytes_received": moved["bytes_read"],
        }
    return plan, {**target.present(), **result}
