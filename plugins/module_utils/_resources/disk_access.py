# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shared access signature (SAS) of a managed disk: asked for, renewed, and always revoked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import AzureError
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

DURATION = 24 * 3600  # seconds; asked for again when a longer transfer outlives it


@contextlib.contextmanager
def granted(task: Task, group: str, name: str, access: Literal["Read", "Write"]) -> Iterator[Callable[[], str]]:
    """Lend the address of a disk's data, a secret, for the length of a block.

    The access is revoked when the block ends, however it ends. Writing is possible only while the disk is being
    uploaded, and revoking is what completes it.

    :returns: a function that returns the address, and asks for a new one each time it is called.
    """
    disks = task.azure.compute.disks

    def ask() -> dict[str, Any]:
        body = {"access": access, "durationInSeconds": DURATION}
        what = f"get {access.lower()} access to the disk {name}"
        return task.azure.send(disks.begin_grant_access, group, name, body=body, what=what) or {}

    def grant() -> str:
        try:
            answer = ask()
        except AzureError as error:
            if not (error.unclear and error.status == 409):
                raise
            revoke(task, group, name)  # of ours: it was granted by a request whose answer was lost
            answer = ask()
        url = answer.get("accessSAS") or answer.get("accessSas")
        if not url:
            raise GoldenImageError(
                f"Azure granted access to the disk {name} without telling its address.",
                remedy="Run again; if it persists, check the disk's network access policy.",
            )
        return str(url)

    with task.undo(f"the {access.lower()} access to the disk {name}", lambda: revoke(task, group, name)):
        yield grant


def revoke(task: Task, group: str, name: str) -> None:
    """End whatever access is active; a disk without any is left as it is."""
    disks = task.azure.compute.disks
    task.azure.send(disks.begin_revoke_access, group, name, what=f"revoke the access to the disk {name}")
