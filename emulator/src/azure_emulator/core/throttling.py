# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Token buckets in front of ARM and Compute, and the headers that tell what is left.

Limits [documented]: ARM per subscription and principal, and fifteen times that per subscription; Compute per machine
and per subscription and region for machines, per subscription and region for the rest. The names and sizes in the header
``x-ms-ratelimit-remaining-resource`` are recorded. The buckets always count and refill by the emulator's clock, so the
headers are alive; nothing is refused unless the control API says ``{"mode": "documented"}``, with a ``factor`` for limits and
refill if wished. Counts live in memory.
"""

from __future__ import annotations

import math
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.checks import SettingError, check_fields, choice, number
from azure_emulator.core.errors import ArmError, ThrottledError
from azure_emulator.core.locations import normalize
from azure_emulator.core.policies import Policy, policies_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure_emulator.core.routing import Route
    from azure_emulator.core.store import Store
    from azure_emulator.core.tokens import Principal

_NAMESPACE = "throttling"
_MOST = 20_000
_GLOBAL = 15
# Bucket size, refill a second, of one principal in one subscription.
_ARM = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
_KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass(frozen=True, slots=True)
class Setting:
    """``mode``: ``off`` (count only) or ``documented`` (refuse); ``factor`` multiplies sizes and refill."""

    mode: str = "off"
    factor: float = 1.0


@dataclass(slots=True)
class _Bucket:
    size: float
    refill: float
    left: float
    seen: float

    def fill(self, now: float) -> None:
        self.left = min(self.size, self.left + max(0.0, now - self.seen) * self.refill)
        self.seen = now

    def wait(self) -> int:
        """Seconds until there is a token."""
        return max(1, math.ceil((1 - self.left) / self.refill))


class Throttle:
    """The buckets of one server. Called by the event loop only, but for `set`."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self._lock = threading.Lock()

    @property
    def refuses(self) -> bool:
        return self.setting.mode != "off"

    def set(self, setting: Setting) -> None:
        """Change the limits; all buckets are full again."""
        with self._lock:
            self.setting = setting
            self._buckets.clear()

    def take(
        self, route: Route, ids: Mapping[str, str], principal: Principal, region: str, now: float, when: str
    ) -> dict[str, str]:
        """Take a token from each bucket of a request; the headers that say what is left.

        :param region: of the resource, empty where nobody knows it.
        :param now: seconds of the emulator's clock; ``when`` is the same as text.
        :raises ArmError: 429 when a bucket is empty.
        """
        subscription = ids.get("subscription", "").lower()
        with self._lock:
            arm = self._arm(route.method, subscription, principal, now)
            found = self._compute(route, ids, subscription, region, now)
            if self.refuses:
                self._check_arm(arm, subscription, principal)
                self._check_compute(found, when)
            for bucket in (*arm.values(), *(bucket for _ignored, bucket in found)):
                bucket.left = max(0.0, bucket.left - 1)
            return _headers(arm, found)

    def _arm(self, method: str, subscription: str, principal: Principal, now: float) -> dict[str, _Bucket]:
        kind = _KINDS.get(method, "writes")
        size, refill = _ARM[kind]
        own = self._bucket(("arm", kind, subscription, principal.object_id), size, refill, now)
        shared = self._bucket(("arm", kind, subscription), size * _GLOBAL, refill * _GLOBAL, now)
        return {kind: own, f"global-{kind}": shared}

    def _compute(
        self, route: Route, ids: Mapping[str, str], subscription: str, region: str, now: float
    ) -> list[tuple[Policy, _Bucket]]:
        found = []
        for policy in policies_of(route):
            name = ids.get("name") or ids.get("operation") or ""
            owner = (f"{ids.get('group', '')}/{name}".lower(),) if policy.per_resource else ()
            key = ("compute", policy.name, subscription, region, *owner)
            found.append((policy, self._bucket(key, policy.size, policy.refill, now)))
        return found

    def _bucket(self, key: tuple[str, ...], size: float, refill: float, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST:
                self._buckets.clear()
            size = max(1.0, size * self.setting.factor)
            bucket = self._buckets[key] = _Bucket(size, refill * self.setting.factor, size, now)
        bucket.fill(now)
        return bucket

    def _check_arm(self, arm: dict[str, _Bucket], subscription: str, principal: Principal) -> None:
        for kind, bucket in arm.items():
            if bucket.left < 1:
                wait = bucket.wait()
                raise ArmError(
                    429,
                    "SubscriptionRequestsThrottled",
                    f"Number of '{kind.removeprefix('global-')[:-1]}' requests for subscription '{subscription}' actor "
                    f"'{principal.object_id}' exceeded. Please try again after '{wait}' seconds after additional tokens are "
                    "available. Refer to https://aka.ms/arm-throttling for additional information.",
                    headers={"Retry-After": str(wait), f"x-ms-ratelimit-remaining-subscription-{kind}": "0"},
                )

    def _check_compute(self, found: list[tuple[Policy, _Bucket]], when: str) -> None:
        for policy, bucket in found:
            if policy.enforced and bucket.left < 1:
                size = int(bucket.size)
                raise ThrottledError(policy.name, bucket.wait(), when, when, size, size + 1)


def _headers(arm: dict[str, _Bucket], found: list[tuple[Policy, _Bucket]]) -> dict[str, str]:
    headers = {f"x-ms-ratelimit-remaining-subscription-{kind}": str(int(bucket.left)) for kind, bucket in arm.items()}
    shown = [f"Microsoft.Compute/{policy.name};{int(bucket.left)}" for policy, bucket in found if policy.shown]
    if shown:
        headers["x-ms-ratelimit-remaining-resource"] = ",".join(shown)
    return headers


def region_of(store: Store, ids: Mapping[str, str], path: str) -> str:
    """Where the resource of a path is; only asked when requests may be refused."""
    if "location" in ids:
        return normalize(ids["location"])
    parts = path.split("/")
    if len(parts) < 9:
        return ""
    identity = arm_ids.resource_id(parts[2], parts[4], f"{parts[6]}/{parts[7]}", parts[8])
    row = store.read("SELECT location FROM resources WHERE id_lower = ?", identity.lower()).fetchone()
    return str(row[0] or "") if row else ""


def load(store: Store) -> Setting:
    """The setting in force."""
    return Setting(**(store.kv_get(_NAMESPACE, "setting") or {}))


def save(store: Store, setting: Setting) -> None:
    store.kv_put(_NAMESPACE, "setting", asdict(setting))


def from_json(value: dict[str, Any]) -> Setting:
    """A setting from a control request.

    :raises SettingError: naming what is wrong.
    """
    check_fields(value, ("mode", "factor"), "throttling")
    mode = choice(value, "mode", "throttling", ("off", "documented"), "documented")
    factor = number(value, "factor", "throttling", 1)
    if not factor:
        raise SettingError("throttling.factor must be more than 0")
    return Setting(mode, factor)
