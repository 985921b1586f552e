# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States that change over time without an operation: registrations of providers and features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure_emulator.core.context import Context


@dataclass(frozen=True, slots=True)
class Changing:
    """The states of one kind of things, by name in the subscription."""

    #: The table they are kept in.
    namespace: str
    #: The state of what was never changed.
    first: str
    #: What the latency profile calls a change, and how many seconds Azure takes for one.
    effect: str
    seconds: float

    def state(self, ctx: Context, name: str) -> str:
        """The state now."""
        change = ctx.store.kv_get(self.namespace, _key(ctx, name))
        if change is None:
            return self.first
        return str(change["then"] if ctx.clock.now() >= change["at"] else change["state"])

    def begin(self, ctx: Context, name: str, meanwhile: str, after: str) -> None:
        """Begin a change, unless it has happened or is under way."""
        if self.state(ctx, name) not in (meanwhile, after):
            ready = ctx.clock.now() + ctx.operations.profile.duration(self.effect, self.seconds)
            ctx.store.kv_put(self.namespace, _key(ctx, name), {"state": meanwhile, "then": after, "at": ready})


def _key(ctx: Context, name: str) -> str:
    return f"{ctx.subscription}/{name}".lower()
