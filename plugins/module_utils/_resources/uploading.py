# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upload from its first look at what Azure holds to the mark that says it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ansible.module_utils.common.text.formatters import human_to_bytes
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import FOOTER_SIZE
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import leftover, missing
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import (
    Transferred,
    data_size,
    fingerprint,
    transfer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from ansible_collections.goldenimage.azure.plugins.module_utils._resources.disk_access import Lent
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import Run

    Sender = Callable[[Task, AzureDisk, PageBlob], Transferred]

ARGUMENTS: dict[str, Any] = {
    "source_sas": {"type": "str", "no_log": True},
    "storage_account": {"type": "str"},
    "container": {"type": "str"},
    "blob": {"type": "str"},
    "create_container": {"type": "bool", "default": False},
    "blob_auth": {"type": "str", "choices": ["auto", "entra", "key"], "default": "auto", "no_log": False},
    "connections": {"type": "int", "default": 8},
    "bandwidth_limit": {"type": "str"},
}
"""Options of every module that brings a disk to Azure or from there; the fragment ``transfer`` documents them."""
MAX_CONNECTIONS = 64
_DISK_ONLY = ("location", "zone", "sku", "security_type", "tags")
_LOOK = 4 << 20


class Target(Protocol):
    """Where an upload goes, in Azure's management: ``DiskTarget`` or ``BlobTarget``."""

    def left(self) -> AbstractContextManager[Lent | None]: ...

    def receiving(self) -> AbstractContextManager[Lent]: ...

    def complete(self, fingerprint: str) -> None: ...


def check_options(params: Mapping[str, Any]) -> int | None:
    """Return the bandwidth limit in bytes per second; ``None``: there is none.

    :raises InvalidInput: ``connections`` or ``bandwidth_limit`` cannot be.
    """
    if not 1 <= params["connections"] <= MAX_CONNECTIONS:
        raise InvalidInput(f"connections is {params['connections']}.", remedy=f"Give 1 to {MAX_CONNECTIONS}.")
    text = params["bandwidth_limit"]
    if text is None:
        return None
    try:
        limit = int(human_to_bytes(text))
    except ValueError:
        limit = 0
    if limit < 1:
        raise InvalidInput(
            f"bandwidth_limit is {text!r}.", remedy="Give the bytes that may go in a second: 20M, 512K, 1000000."
        )
    return limit


def check_target(params: Mapping[str, Any], generation: str | None) -> None:
    """Refuse options that do not fit what an upload makes.

    :param generation: the Hyper-V generation of the disk; ``None`` for a data disk or a page blob.
    :raises InvalidInput: naming the option.
    """
    if params["storage_account"]:
        for name in _DISK_ONLY:
            if params[name] is not None:
                raise InvalidInput(f"{name} is for managed disks; a page blob has none.", remedy=f"Leave {name} out.")
    elif params["security_type"] and generation != "V2":
        raise InvalidInput(
            f"security_type {params['security_type']} needs generation V2, but hyper_v_generation is {generation}.",
            remedy="Use a disk with an EFI system partition, or leave security_type out.",
        )


def opened(task: Task, lent: Lent) -> PageBlob:
    """The blob of a permission, with the task's options."""
    params = task.params
    return PageBlob(
        lent.grant,
        renewed=lent.renewed,
        ca=task.azure.ca,
        verify=params["verify"],
        most=params["connections"],
        bandwidth=check_options(params),
    )


def send(task: Task, disk: AzureDisk, blob: PageBlob) -> Transferred:
    """Make the blob hold the disk, whatever it held before, and verify that."""
    held = blob.page_ranges()
    progress = task.progress("going on" if held else None, data_size(disk))
    moved = transfer(disk, blob, workers=task.params["connections"], update=progress.update, held=held)
    for start, end in leftover(held, moved.runs, disk.size):
        blob.clear(start, end - start)
    blob.write(disk.size, memoryview(disk.footer))
    check(task, blob, disk, moved.runs, moved.fingerprint)
    return moved


def upload(task: Task, disk: AzureDisk, target: Target, *, send: Sender = send) -> dict[str, Any]:
    """Bring the disk to the target and mark it as complete.

    :param send: makes the target hold the disk.
    :returns: what was done, as the module's result shows it.
    """
    moved = _found_complete(task, disk, target)
    footer = 0 if moved else FOOTER_SIZE
    if moved is None:
        with target.receiving() as lent, opened(task, lent) as blob:
            moved = send(task, disk, blob)
    target.complete(moved.fingerprint)
    return {
        "fingerprint": moved.fingerprint,
        "virtual_size": disk.size,
        "bytes_read": moved.bytes_read,
        "bytes_sent": moved.bytes_sent + footer,
        "bytes_kept": moved.bytes_kept,
        "seconds": round(moved.seconds, 3),
    }


def check(task: Task, blob: PageBlob, disk: AzureDisk, runs: list[Run], content: str | None) -> None:
    """Verify, as far as the task's options ask for it, that the blob holds the disk.

    :param runs: where the disk is not zero.
    :param content: its fingerprint; ``None``: the disk has to be read for that.
    """
    params = task.params
    if params["verify"]:
        verify(blob, [*runs, (disk.size, disk.file_size)])
    if params.get("read_back"):
        _compare(task, blob, content or fingerprint(disk, workers=params["connections"]))


def verify(blob: PageBlob, wanted: list[Run]) -> None:
    """Ask which ranges the blob holds: all that were sent, and elsewhere nothing but zeros.

    :raises GoldenImageError: it is otherwise.
    """
    held = blob.page_ranges()
    lost = missing(wanted, held)
    if lost:
        raise GoldenImageError(
            f"{blob.place} lacks {len(lost)} ranges that were sent, the first at byte {lost[0][0]}.",
            remedy="Run again; if it persists, look for something else that writes there.",
        )
    for start, end in _pieces(leftover(held, wanted, wanted[-1][1])):
        buffer = bytearray(end - start)
        blob.readinto(start, memoryview(buffer))
        if any(buffer):
            raise GoldenImageError(
                f"{blob.place} holds something at byte {start} that is not in the file.",
                remedy="Look for something else that writes there, then run again.",
            )


def _pieces(runs: Iterator[Run]) -> Iterator[Run]:
    for start, end in runs:
        for begin in range(start, end, _LOOK):
            yield begin, min(end, begin + _LOOK)


def _compare(task: Task, blob: PageBlob, expected: str) -> None:
    back = BlobSource(blob)
    progress = task.progress("reading back", data_size(back))
    if fingerprint(back, update=progress.update, workers=task.params["connections"]) != expected:
        raise GoldenImageError(
            f"What was read back from {blob.place} is not what was sent.",
            remedy="Look for something else that writes there, then run again.",
        )


def _found_complete(task: Task, disk: AzureDisk, target: Target) -> Transferred | None:
    """What an earlier attempt brought, when it is the whole disk and only the mark is missing."""
    with target.left() as lent:
        if lent is None:
            return None
        with opened(task, lent) as blob:
            try:
                held = BlobSource(blob)
            except InvalidInput:
                return None
            progress = task.progress("comparing", data_size(held))
            there = transfer(held, None, workers=task.params["connections"], update=progress.update)
    progress = task.progress("comparing", data_size(disk))
    wanted = transfer(disk, None, workers=2, update=progress.update)
    if wanted.fingerprint != there.fingerprint:
        return None
    kept = sum(end - start for start, end in wanted.runs)
    return Transferred(wanted.fingerprint, wanted.bytes_read, 0, kept, wanted.runs, wanted.seconds)
