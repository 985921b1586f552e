# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that lies in Azure, copied to a managed disk or page blob inside of Azure: no byte of it comes here.

Put Page From URL copies the ranges that the source says are written. Where the destination does not do that, the bytes go
through this machine, and that is said.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import export_sources, uploading
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.marks import COPIED
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_blob import BlobTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_disk import DiskTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import MIB, AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Refused
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import add, leftover
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import Transferred, data_size, pieces

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import Run

_TICK = 0.2  # seconds between looks at the workers


def execute(task: Task) -> dict[str, Any]:
    """What the module does with a ``source`` in Azure."""
    params = task.params
    origin = export_sources.find(task, params["source"], sas=params["source_sas"])
    if origin.size is None:
        raise InvalidInput(
            f"{origin.title} is no disk, snapshot or page blob.",
            remedy="Make a disk or a gallery version of an image (module disk), or export it (vhd_export).",
        )
    target: DiskTarget | BlobTarget
    if params["disk"]:
        params["os_type"] = params["os_type"] or origin.os_type
        generation = params["hyper_v_generation"] or origin.generation
        uploading.check_target(params, generation)
        if origin.size % MIB:
            raise InvalidInput(
                f"{origin.title} has {origin.size} bytes, which is not a whole number of MiB, as a disk has to be.",
                remedy="Export it (vhd_export) and upload the file.",
            )
        target = DiskTarget(task, origin.size, generation, source=origin.identity)
    else:
        uploading.check_target(params, None)
        target = BlobTarget(task, origin.size, source=origin.identity)
    recorded = target.recorded
    same = recorded is not None and (recorded == origin.recorded or target.made_from_source)
    plan = target.plan(same_content=same, force=params["force"])
    result: dict[str, Any] = {}
    if plan.changed and not task.check_mode:
        if target.keeps_content:
            target.update()
        else:
            with origin.opened(left=target.made_from_source) as lent, uploading.opened(task, lent) as blob:
                source = BlobSource(blob)
                copier = _Copier(source, origin.recorded or COPIED)
                disk = AzureDisk(source, footer=source.footer, exact=True)
                result["upload"] = {
                    **uploading.upload(task, disk, target, send=copier.send),
                    "in_azure": copier.in_azure,
                }
    return task.result(plan, **target.present(), **result)


class _Copier:
    """Copies one source; ``in_azure`` tells afterwards whether its bytes stayed there."""

    def __init__(self, source: BlobSource, mark: str) -> None:
        self.in_azure = True
        self._source = source
        self._mark = mark

    def send(self, task: Task, disk: AzureDisk, blob: PageBlob) -> Transferred:
        """Make the blob hold the disk; as :func:`uploading.send`, which is what happens where Azure does not copy."""
        todo = list(pieces(self._source))
        try:
            if todo:  # whether Azure copies at all shows with the first
                self._one(todo[0], blob)
        except Refused as error:
            if error.status not in (400, 403, 404, 501):
                raise
            task.warn(
                f"Azure does not copy {self._source.path} itself ({error.code}); the data goes through this machine."
            )
            self.in_azure = False
            return uploading.send(task, disk, blob)
        return self._copy(task, disk, blob, todo)

    def _copy(self, task: Task, disk: AzureDisk, blob: PageBlob, todo: list[Run]) -> Transferred:
        began = time.monotonic()
        held = blob.page_ranges()
        progress = task.progress("copying", data_size(self._source))
        self._run(todo, blob, task.params["connections"], progress.update)
        self._source.verify_unchanged()
        runs: list[Run] = []
        for piece in todo:
            add(runs, *piece)
        for start, end in leftover(held, runs, disk.size):
            blob.clear(start, end - start)
        blob.write(disk.size, memoryview(disk.footer))
        uploading.check(task, blob, disk, runs, None if self._mark == COPIED else self._mark)
        return Transferred(self._mark, 0, 0, 0, runs, time.monotonic() - began)

    def _run(self, todo: list[Run], blob: PageBlob, workers: int, update: Callable[[int], object]) -> None:
        waiting = iter(todo[1:])  # the first is there
        done = sum(end - start for start, end in todo[:1])
        with ThreadPoolExecutor(workers, thread_name_prefix="copy") as pool:
            pending = {pool.submit(self._one, piece, blob) for piece in islice(waiting, 2 * workers)}
            try:
                while pending:
                    ready, pending = wait(pending, timeout=_TICK, return_when=FIRST_COMPLETED)
                    for future in ready:
                        done += future.result()
                        piece = next(waiting, None)
                        if piece is not None:
                            pending.add(pool.submit(self._one, piece, blob))
                    update(done)
            except BaseException:
                blob.abort()
                raise

    def _one(self, piece: Run, blob: PageBlob) -> int:
        start, length = piece[0], piece[1] - piece[0]
        access = self._source.blob.client.access
        try:
            blob.copy_from(start, length, access)
        except Refused:
            renewed = self._source.blob.client.access
            if renewed is access:
                raise
            blob.copy_from(start, length, renewed)  # another thread has renewed it, which ended this one
        return length
