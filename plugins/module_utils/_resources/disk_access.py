# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to get at the data of a disk: a shared access signature (SAS), asked for, renewed, and always revoked; or a token."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import AzureError
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

DURATION = 24 * 3600  # seconds; asked for again when a longer transfer outlives it
MARGIN = 900  # seconds before the end at which it is asked for again
_GRANTS = 4  # how often an access is asked for whose answer gets lost
_TOKEN_LIFE = 300.0  # seconds after which the cache is asked again; it knows when a token ends
Kind = Literal["disk", "snapshot"]


@dataclass(frozen=True)
class Lent:
    """How to get the address of a disk's data, a secret; both ask Azure each time.

    :ivar grant: where there is none yet, or the one before has ended. Fails when somebody else has one meanwhile.
    :ivar renewed: while the one before is still good; it ends by that.
    """

    grant: Callable[[], Access]
    renewed: Callable[[], Access]


@dataclass
class _Grants:
    """Asks for one access as often as its answer is lost, and knows whether an active one is ours.

    :ivar had: it was given to us once.
    :ivar refused: somebody else has it.
    """

    task: Task
    group: str
    name: str
    access: Literal["Read", "Write"]
    kind: Kind
    restored: Callable[[], None] | None
    had: bool = False
    refused: bool = False

    def grant(self, *, ours: bool = False) -> Access:
        """A new access; it is to be renewed by the monotonic time that it says.

        :param ours: an access that is active is ours, and ends by this.
        :raises GoldenImageError: Azure refuses it, or tells no address of it.
        """
        self.refused = False
        for attempt in range(_GRANTS):
            asked_at = time.monotonic()
            try:
                answer = self._ask()
            except AzureError as error:
                # Of ours, or granted by a request of ours whose answer was lost.
                mine = error.unclear or (ours and attempt == 0)
                if error.status != 409 or not mine or attempt == _GRANTS - 1:
                    self.refused = error.status == 409 and not mine and not self.had
                    raise
                revoke(self.task, self.group, self.name, kind=self.kind)
                if self.restored is not None and not self.had:
                    self.restored()
            else:
                break
        self.had = True
        url = answer.get("accessSAS") or answer.get("accessSas")
        if not url:
            raise GoldenImageError(
                f"Azure granted access to the {self.kind} {self.name} without telling its address.",
                remedy="Run again; if it persists, check its network access policy.",
            )
        return Access(str(url), renew_at=asked_at + DURATION - MARGIN)

    def _ask(self) -> dict[str, Any]:
        body = {"access": self.access, "durationInSeconds": DURATION}
        call = _calls(self.task, self.kind).begin_grant_access
        what = f"get {self.access.lower()} access to the {self.kind} {self.name}"
        return self.task.azure.send(call, self.group, self.name, body=body, what=what) or {}

    def take_back(self) -> None:
        if not self.refused:  # otherwise whatever is active is not ours
            revoke(self.task, self.group, self.name, kind=self.kind)


@contextlib.contextmanager
def granted(
    task: Task,
    group: str,
    name: str,
    access: Literal["Read", "Write"],
    *,
    kind: Kind = "disk",
    left: bool = False,
    restored: Callable[[], None] | None = None,
) -> Iterator[Lent]:
    """Lend the address of the data of a disk or snapshot for the length of a block.

    The access is revoked when the block ends, however it ends, but for one that somebody else has. Writing is possible
    only while the disk is being uploaded, and revoking is what completes it.

    :param left: an access that is active is one that an earlier attempt of ours left.
    :param restored: called when an access that nobody has used was revoked: that makes an empty disk of one that waits for
        an upload, and no such access is given to it any more.
    """
    grants = _Grants(task, group, name, access, kind, restored)
    with task.undo(f"the {access.lower()} access to the {kind} {name}", grants.take_back):
        yield Lent(lambda: grants.grant(ours=left), lambda: grants.grant(ours=True))


def by_token(azure: Session, url: str) -> Access:
    """A permission for a page blob that the task's own identity has."""
    token = azure.credential.get_token(azure.cloud.storage_scope).token
    return Access(url, {"Authorization": f"Bearer {token}"}, time.monotonic() + _TOKEN_LIFE)


def revoke(task: Task, group: str, name: str, *, kind: Kind = "disk") -> None:
    """End whatever access is active; a disk without any is left as it is."""
    what = f"revoke the access to the {kind} {name}"
    task.azure.send(_calls(task, kind).begin_revoke_access, group, name, what=what)


def _calls(task: Task, kind: Kind) -> Any:
    return task.azure.compute.snapshots if kind == "snapshot" else task.azure.compute.disks
