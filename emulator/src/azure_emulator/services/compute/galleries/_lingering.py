# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nested resources that are gone but still counted.

After a version's deletion its GET is 404 at once, while the deletion of its definition is still refused for about
twenty seconds [reported by users]. That happens with the realistic latency profile, or for as long as a profile says
for ``compute.gallery.linger``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_emulator.core import ids as arm_ids

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope

_NAMESPACE = "galleries.lingering"
_EFFECT = "compute.gallery.linger"
_SECONDS = 20.0


def linger(scope: Scope, identity: str) -> None:
    """Let the parent of a deleted resource count it for a while."""
    parent = arm_ids.parse(identity).parent
    profile = scope.operations.profile
    seconds = profile.duration(_EFFECT, _SECONDS if profile.name == "realistic" else 0.0)
    if parent and seconds > 0:
        scope.store.kv_put(_NAMESPACE, identity.lower(), scope.clock.now() + seconds)


def nested(scope: Scope, parent: str) -> bool:
    """Whether a resource has nested ones, or still counts some."""
    if scope.store.list(parent=parent, limit=1):
        return True
    now = scope.clock.now()
    waiting = False
    for identity, until in scope.store.kv_items(_NAMESPACE, f"{parent.lower()}/"):
        if until > now:
            waiting = True
        else:
            scope.store.kv_delete(_NAMESPACE, identity)
    return waiting
