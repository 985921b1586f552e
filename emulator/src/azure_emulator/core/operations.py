# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long-running operations: rows that name an effect, and the answers that clients see meanwhile.

A handler starts one and answers with its headers::

    operation = ctx.operations.start("compute", "eastus", "compute.image.create", {"id": image_id}, image_id, seconds=30)
    return Reply(201, doc, operation.headers())

    @effect("compute.image.create")
    def _create(ctx: Scope, args: dict[str, Any]) -> Any | None:
        ...                      # runs exactly once, in the transaction that marks the operation Succeeded
        return output            # goes to properties.output (compute, disk, gallery) or is the final body (storage)

An `ArmError` in an effect undoes what the effect wrote and ends the operation as ``Failed`` (still HTTP 200 for pollers);
then ``failed`` runs, by default marking the resource's ``provisioningState`` as ``Failed``. Heavy file work belongs in
``work=``: a repeatable function that runs in the background without holding the writer, before the effect; it is
repeated after a crash, so it must not mind finding its own leftovers. An effect that is ``resumable`` may return `Again`:
it is then run again when the operations that it names have ended.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from azure_emulator.core import outcomes
from azure_emulator.core.errors import ArmError, execution_failed
from azure_emulator.core.styles import STYLES, Style

if TYPE_CHECKING:
    from azure_emulator.core.clock import Clock
    from azure_emulator.core.context import Scope
    from azure_emulator.core.latency import Profile
    from azure_emulator.core.store import Store

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

EffectFunction = Callable[["Scope", dict[str, Any]], Any]
FailedFunction = Callable[["Scope", dict[str, Any], ArmError], None]
WorkFunction = Callable[[Path, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Effect:
    run: EffectFunction
    failed: FailedFunction | None
    work: WorkFunction | None
    #: May return `Again`; its clock shows when it was due, not when somebody came to look.
    resumable: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Returned by an effect that failed in part: the operation ends as Failed, what was written stays."""

    error: ArmError
    #: The effect has left the resource as it must be; otherwise the ``failed`` function runs.
    settled: bool = True
    #: How the operation ends: ``Failed`` or ``Canceled``.
    status: str = "Failed"


@dataclass(frozen=True, slots=True)
class Again:
    """Returned by a resumable effect that has not finished: it runs again as soon as one of these operations (by id)
    has ended, or, when there are none, after some seconds."""

    after: Sequence[str] = ()
    seconds: float = 1.0


_EFFECTS: dict[str, Effect] = {}
_WAITING = "operations.waiting"
_NEVER = 1e18


def effect(
    name: str, *, failed: FailedFunction | None = None, work: WorkFunction | None = None, resumable: bool = False
) -> Callable[[EffectFunction], EffectFunction]:
    """Register what an operation does when its time has come. Names are stored: never rename a released one."""

    def register(function: EffectFunction) -> EffectFunction:
        if name in _EFFECTS:
            raise ValueError(f"two effects are named {name}")
        _EFFECTS[name] = Effect(function, failed, work, resumable)
        return function

    return register


def work_of(name: str) -> WorkFunction | None:
    """The background part of an effect.

    :raises KeyError: when no effect has that name.
    """
    return _EFFECTS[name].work


@dataclass(slots=True)
class Operation:
    """One row, with what is needed to speak about it to this client."""

    id: str
    style: Style
    subscription: str
    location: str
    effect: str
    args: dict[str, Any]
    resource_id: str | None
    retry_after: int | None
    polls: int
    started: float
    due: float
    ended: float | None
    status: str
    output: Any
    error: dict[str, Any] | None
    base_url: str
    api_version: str
    method: str
    profile: Profile
    #: How a plan of faults wants it to end, see `outcomes`.
    planned: dict[str, Any] | None

    @property
    def running(self) -> bool:
        return self.status == "InProgress"

    def headers(self, method: str | None = None) -> dict[str, str]:
        """Headers of the answer that starts the operation, for the request's method unless another is given."""
        return {
            **self.style.start_headers(self, method or self.method),
            **self.profile.retry_headers(self.retry_after),
        }

    def poll_headers(self) -> dict[str, str]:
        """``Retry-After`` of a poll that finds the operation running."""
        return self.profile.retry_headers(0 if self.retry_after == 0 else self.style.poll_retry)


@dataclass(slots=True)
class Operations:
    """The operations as one transaction sees them."""

    store: Store
    clock: Clock
    profile: Profile
    base_url: str
    api_version: str = ""
    method: str = "PUT"
    #: Operations begun in this transaction whose background work must be started after the commit.
    queued: list[str] = field(default_factory=list)
    #: All operations begun in this transaction.
    begun: list[str] = field(default_factory=list)

    def start(
        self,
        style: str,
        location: str,
        effect: str,
        args: dict[str, Any],
        resource_id: str | None = None,
        *,
        subscription: str | None = None,
        seconds: float | None = None,
        retry_after: int | None = None,
    ) -> Operation:
        """Begin an operation.

        :param style: ``compute | disk | gallery | network | storage | vault | group``.
        :param args: JSON object for the effect.
        :param resource_id: the resource that is busy; its ``provisioningState`` is marked when the operation fails.
        :param subscription: needed when there is no ``resource_id``.
        :param seconds: how long Azure takes; the latency profile makes of it what it wants.
        :param retry_after: seconds of the first ``Retry-After``; the style's recorded value unless given; 0: none at all.
        """
        if effect not in _EFFECTS:
            raise ValueError(f"no effect is named {effect}")
        shape = STYLES[style]
        now = self.clock.now()
        planned = outcomes.choose(self.store, effect, resource_id)
        if planned and planned.seconds is not None:
            seconds = planned.seconds
        due = now + self.profile.duration(effect, shape.seconds if seconds is None else seconds)
        owner = subscription or (resource_id or "").split("/")[2]
        work = "pending" if _EFFECTS[effect].work else None
        operation_id = str(uuid.uuid4())
        self.store.write(
            "INSERT INTO operations(id, style, subscription, location, effect, args, resource_id, retry_after, polls,"
            " started, due, status, work, planned) VALUES(?,?,?,?,?,?,?,?,?,?,?,'InProgress',?,?)",
            operation_id,
            style,
            owner,
            location,
            effect,
            json.dumps(args),
            resource_id.lower() if resource_id else None,
            shape.retry(self.method) if retry_after is None else retry_after,
            self.profile.polls,
            now,
            due,
            work,
            json.dumps(planned.stored()) if planned else None,
        )
        self.begun.append(operation_id)
        if work:
            self.queued.append(operation_id)
        return next(self._select(f"{_SELECT} WHERE id = ?", operation_id))

    def get(self, operation_id: str) -> Operation | None:
        """The operation with an id."""
        return next(self._select(f"{_SELECT} WHERE id = ?", operation_id.lower()), None)

    def running(self, resource_id: str) -> Operation | None:
        """The operation that a resource is busy with: "another operation is in progress"."""
        running = f"{_SELECT} WHERE resource_id = ? AND status = 'InProgress' LIMIT 1"
        return next(self._select(running, resource_id.lower()), None)

    def busy(self, effect: str) -> list[str]:
        """The ids (in lower case) of resources that are busy with an effect whose name begins so."""
        sql = (
            "SELECT resource_id FROM operations WHERE status = 'InProgress' AND effect LIKE ? AND resource_id NOT NULL"
        )
        return [row[0] for row in self.store.read(sql, f"{effect}%")]

    def polled(self, operation: Operation) -> None:
        """Note that a poll saw the operation running."""
        if operation.polls > 0:
            self.store.write("UPDATE operations SET polls = polls - 1 WHERE id = ?", operation.id)

    def is_due(self) -> bool:
        """Whether `settle` would end anything."""
        return self.store.remember("due", self._next_due) <= self.clock.now()

    def _next_due(self) -> float:
        row = self.store.read(f"SELECT min(due) FROM operations {_READY}").fetchone()  # noqa: S608 - a constant
        return _NEVER if row[0] is None else float(row[0])

    def cancel(self, resource_id: str) -> None:
        """End what a resource is busy with as ``Canceled`` (its group is going away)."""
        while busy := self.running(resource_id):
            self._finish(busy, "Canceled")

    def settle(self, scope: Scope) -> int:
        """Run the effects of all due operations, oldest first; how many ended."""
        ended = 0
        # Of those due at the same moment, one that waits for others comes after them: it then sees all of them ended.
        waiting = [name for name, known in _EFFECTS.items() if known.resumable]
        order = f"ORDER BY due, effect IN ({', '.join('?' * len(waiting))}), started"
        while operation := next(self._select(f"{_SELECT} {_DUE} {order} LIMIT 1", self.clock.now(), *waiting), None):
            self._end(scope, operation)
            ended += 1
        return ended

    def fail_work(self, operation_id: str, error: dict[str, Any]) -> None:
        """The background work failed: the operation ends as Failed when it is due."""
        self.store.write(
            "UPDATE operations SET work = 'failed', error = ? WHERE id = ?", json.dumps(error), operation_id
        )

    def _end(self, scope: Scope, operation: Operation) -> None:
        output = self._outcome(scope, operation)
        if isinstance(output, Again):
            self._park(operation, output)
            return
        if not isinstance(output, Failed):
            self._finish(operation, "Succeeded", output=output)
            return
        error = output.error
        self._finish(operation, output.status, error=json.dumps(error.inner() | {"_status": error.status}))
        if not output.settled:
            known, mark = _EFFECTS.get(operation.effect), mark_failed(operation.resource_id)
            failed = known.failed if known and known.failed else mark
            if isinstance(self._attempt(operation, lambda: failed(scope, operation.args, error)), Failed):
                mark(scope, operation.args, error)

    def _outcome(self, scope: Scope, operation: Operation) -> Failed | Again | str | None:
        """The effect's output as JSON; a `Failed` when it raised, with what it wrote undone, or as it was planned."""
        if operation.error is not None:
            return Failed(ArmError(409, operation.error["code"], operation.error["message"]), settled=False)
        plan = operation.planned
        if plan is None:
            return self._run_effect(scope, operation)
        done = self._run_effect(scope, operation) if plan["after"] else None
        if isinstance(done, (Failed, Again)):
            return done
        error = ArmError(409, plan["code"], plan["message"])
        if plan["after"]:
            mark_failed(operation.resource_id)(scope, operation.args, error)
        return Failed(error, settled=plan["after"], status=plan["status"])

    def _run_effect(self, scope: Scope, operation: Operation) -> Failed | Again | str | None:
        def run() -> Failed | Again | str | None:
            known, own = _EFFECTS[operation.effect], scope
            if known.resumable:
                clock = self.clock.standing(operation.due)
                own = replace(scope, clock=clock, operations=replace(self, clock=clock))
            output = known.run(own, operation.args)
            return output if output is None or isinstance(output, (Failed, Again)) else json.dumps(output)

        return self._attempt(operation, run)

    def _attempt(self, operation: Operation, part: Callable[[], _T]) -> _T | Failed:
        """What a part of an operation's end returns; a `Failed` when it raised, with what it wrote undone."""
        try:
            with self.store.savepoint():
                return part()
        except ArmError as error:
            return Failed(error, settled=False)
        except Exception:
            # It runs inside whatever request comes next, and again with each one until the operation has ended: a broken
            # effect would fail them all. So the operation fails, as by one of Azure's own faults; the log says why,
            # and fails the tests.
            _log.exception("effect %s of operation %s", operation.effect, operation.id)
            return Failed(execution_failed(), settled=False)

    def _park(self, operation: Operation, again: Again) -> None:
        waiting = [found for wanted in again.after if (found := self.get(wanted)) and found.running]
        due = _NEVER if waiting else operation.due + max(again.seconds, 0.001)
        self.store.write("UPDATE operations SET due = ? WHERE id = ?", due, operation.id)
        for other in waiting:
            self.store.kv_put(_WAITING, f"{other.id}|{operation.id}", operation.due)

    def _wake(self, operation: Operation) -> None:
        """Let those that wait for an operation go on from the moment at which it had to be over."""
        now = self.clock.now()
        for key, parked in self.store.kv_items(_WAITING, f"{operation.id}|"):
            due = max(parked, min(operation.due, now))
            sql = "UPDATE operations SET due = min(due, ?) WHERE id = ? AND status = 'InProgress'"
            self.store.write(sql, due, key.partition("|")[2])
            self.store.kv_delete(_WAITING, key)

    def _finish(
        self, operation: Operation, status: str, *, output: str | None = None, error: str | None = None
    ) -> None:
        sql = "UPDATE operations SET status = ?, ended = ?, output = ?, error = ? WHERE id = ?"
        self.store.write(sql, status, self.clock.now(), output, error, operation.id)
        self._wake(operation)

    def _select(self, sql: str, *values: Any) -> Iterator[Operation]:
        return (self._operation(row) for row in self.store.read(sql, *values))

    def _operation(self, row: tuple[Any, ...]) -> Operation:
        values = dict(zip(_COLUMNS, row, strict=True))
        for name in ("args", "output", "error", "planned"):
            values[name] = None if values[name] is None else json.loads(values[name])
        values["style"] = STYLES[values["style"]]
        return Operation(
            **values,
            base_url=self.base_url,
            api_version=self.api_version,
            method=self.method,
            profile=self.profile,
        )


_COLUMNS = (
    "id",
    "style",
    "subscription",
    "location",
    "effect",
    "args",
    "resource_id",
    "retry_after",
    "polls",
    "started",
    "due",
    "ended",
    "status",
    "output",
    "error",
    "planned",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM operations"  # noqa: S608 - the names above
_READY = "WHERE status = 'InProgress' AND polls <= 0 AND (work IS NULL OR work <> 'pending')"
_DUE = f"{_READY} AND due <= ?"


def mark_failed(resource_id: str | None) -> FailedFunction:
    """What is done about a failure unless the effect knows better: the resource says ``Failed``, and why (``_failure``)."""

    def mark(scope: Scope, _args: dict[str, Any], error: ArmError) -> None:
        doc = scope.store.get(resource_id) if resource_id else None
        if resource_id and doc and isinstance(doc.get("properties"), dict):
            doc["properties"]["provisioningState"] = "Failed"
            doc["_failure"] = {"code": error.code, "message": error.message}
            scope.store.put(doc.get("id", resource_id), doc)

    return mark
