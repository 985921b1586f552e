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
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_blob import BlobTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_disk import DiskTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Refused
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import (
    Run,
    Transferred,
    data_size,
    leftover,
    windows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob

_TICK = 0.2  # seconds between looks at the workers
_UNKNOWN = "copied"  # the mark of a complete copy whose bytes nobody here has seen


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
        target = DiskTarget(task, origin.size, generation, source=origin.identity)
    else:
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
                copier = _Copier(source, origin.recorded or _UNKNOWN)
                disk = AzureDisk(source, footer=source.footer)
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
        try:
            return self._copy(task, disk, blob)
        except Refused as error:
            if error.status not in (400, 403, 404, 501):
                raise
            task.warn(
                f"Azure does not copy {self._source.path} itself ({error.code}); the data goes through this machine."
            )
            self.in_azure = False
            return uploading.send(task, disk, blob)

    def _copy(self, task: Task, disk: AzureDisk, blob: PageBlob) -> Transferred:
        began = time.monotonic()
        held = blob.page_ranges()
        pieces = [run for window in windows(self._source) for run in window]
        progress = task.progress("copying", data_size(self._source))
        self._run(pieces, blob, task.params["connections"], progress.update)
        self._source.verify_unchanged()
        merged = _merged(pieces)
        for start, end in leftover(held, merged, disk.size):
            blob.clear(start, end - start)
        blob.write(disk.size, memoryview(disk.footer))
        uploading.check(task, blob, disk, merged, None if self._mark == _UNKNOWN else self._mark)
        return Transferred(self._mark, 0, 0, 0, merged, time.monotonic() - began)

    def _run(self, pieces: list[Run], blob: PageBlob, workers: int, update: Callable[[int], object]) -> None:
        if not pieces:
            return
        todo = iter(pieces[1:])
        self._one(pieces[0], blob)  # whether it is done at all shows with the first
        done = pieces[0][1] - pieces[0][0]
        with ThreadPoolExecutor(workers, thread_name_prefix="copy") as pool:
            pending = {pool.submit(self._one, piece, blob) for piece in islice(todo, 2 * workers)}
            try:
                while pending:
                    ready, pending = wait(pending, timeout=_TICK, return_when=FIRST_COMPLETED)
                    for future in ready:
                        done += future.result()
                        piece = next(todo, None)
                        if piece is not None:
                            pending.add(pool.submit(self._one, piece, blob))
                    update(done)
            except BaseException:
                blob.abort()
                raise

    def _one(self, piece: Run, blob: PageBlob) -> int:
        start, end = piece
        blob.copy_from(start, end - start, self._source.blob.client.access)
        return end - start


def _merged(pieces: list[Run]) -> list[Run]:
    merged: list[Run] = []
    for start, end in pieces:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
