# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator as one object: state, transactions, background work."""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from azure_emulator.core import hooks, latency
from azure_emulator.core.clock import Clock
from azure_emulator.core.context import Scope
from azure_emulator.core.errors import ArmError, execution_failed
from azure_emulator.core.operations import Operations, work_of
from azure_emulator.core.requestlog import RequestLog
from azure_emulator.core.steering import Steering
from azure_emulator.core.store import Database, SettlingNeeded, Store, WriteNeeded
from azure_emulator.core.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azure_emulator.core.credentials import Credentials

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_END_SECONDS = 5


class Emulator:
    """Everything that handlers, mounts and the control API share. ``url`` is ``https://localhost:PORT``."""

    def __init__(self, data_dir: Path, url: str, credentials: Credentials) -> None:
        self.data_dir = data_dir
        self.url = url
        self.credentials = credentials
        self.tokens = Tokens(data_dir, credentials)
        self.database = Database(data_dir / "state.sqlite")
        self.log = RequestLog(data_dir)
        with self.database.reading() as store:
            self.steering = Steering(store)
        # Writers queue for one lock; with threads of their own they never keep readers waiting. More readers would only
        # contend for the interpreter: two, so that one that waits for a blob does not keep all others waiting.
        self.readers = ThreadPoolExecutor(2, "reader")
        self.writers = ThreadPoolExecutor(2, "writer")
        self._workers = ThreadPoolExecutor(2, "work")
        #: Set by `end`: background work was still running and is left to the next start.
        self.unfinished = False
        self._working: dict[str, Future[None]] = {}

    # --- transactions ----------------------------------------------------------------------------------------------
    @contextmanager
    def reading(self, base_url: str = "") -> Iterator[Scope]:
        """A consistent view; writing raises `WriteNeeded`."""
        with self.database.reading() as store:
            yield self._scope(store, base_url)

    @contextmanager
    def writing(self, base_url: str = "") -> Iterator[Scope]:
        """A transaction in which all due operations have ended; committed at the end of the block."""
        with ExitStack() as stack:
            scope = self._scope(stack.enter_context(self.database.writing()), base_url)
            scope.operations.settle(scope)
            yield scope
        self._committed(scope)

    def run(self, function: Callable[[Scope], _T], *, write: bool, base_url: str = "") -> _T:
        """Call a function in a transaction: a reading one first where that may do."""
        if not write:
            try:
                return self.read(function, base_url)
            except WriteNeeded:
                pass
        return self._write(function, base_url)

    def read(self, function: Callable[[Scope], _T], base_url: str = "") -> _T:
        """Call a function in a reading transaction.

        :raises SettlingNeeded: when an operation is due.
        :raises WriteNeeded: when the function wants to write.
        """
        with self.reading(base_url) as scope:
            if scope.operations.is_due():
                raise SettlingNeeded
            return function(scope)

    def settle(self) -> None:
        """Let all due operations end."""
        with self.writing():
            pass

    def _write(self, function: Callable[[Scope], _T], base_url: str) -> _T:
        failure: ArmError | None = None
        with self.database.writing() as store:
            scope = self._scope(store, base_url)
            # What was due stays done even when the handler refuses this request.
            scope.operations.settle(scope)
            settled = len(scope.operations.queued)
            try:
                with store.savepoint():
                    result = function(scope)
            except ArmError as error:
                failure = error
                del scope.operations.queued[settled:]
        self._committed(scope)
        if failure is not None:
            raise failure
        return result

    def _scope(self, store: Store, base_url: str) -> Scope:
        base = base_url or self.url
        clock = store.remember("clock", lambda: Clock(store))
        profile = store.remember("latency", lambda: latency.load(store))
        operations = Operations(store, clock, profile, base)
        return Scope(store, operations, clock, self.data_dir, base)

    def _committed(self, scope: Scope) -> None:
        for operation_id in scope.operations.queued:
            self._work(operation_id)
        for function in hooks.committed:
            function(self)

    # --- life ------------------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Seed an empty store, take up background work where the last process left it."""
        with self.database.writing() as store:
            self.seed(self._scope(store, ""))
            pending = store.read(
                "SELECT id FROM operations WHERE status = 'InProgress' AND work = 'pending'"
            ).fetchall()
        for (operation_id,) in pending:
            self._work(operation_id)
        for function in hooks.start:
            function(self)

    def end(self) -> None:
        """Stop threads and children; unfinished work is taken up at the next start."""
        for pool in (self.readers, self.writers):
            pool.shutdown(wait=True, cancel_futures=True)
        self._workers.shutdown(wait=False, cancel_futures=True)
        self.unfinished = bool(wait(list(self._working.values()), timeout=_END_SECONDS).not_done)
        for function in hooks.stop:
            function(self)
        if not self.unfinished:
            self.database.close()
        self.log.close()

    def reset(self) -> None:
        """Forget all resources, operations, settings and logged requests; credentials stay."""
        for future in list(self._working.values()):
            future.cancel()
        for future in list(self._working.values()):
            if not future.cancelled():
                future.exception()
        with self.database.writing() as store:
            self.database.clear(store)
            scope = self._scope(store, "")
            for function in hooks.reset:
                function(scope)
            self.seed(scope)
            self.steering.reload(scope.store)
        for planned in hooks.planned:
            planned(self, {})
        self._working.clear()
        self.log.clear()
        self._committed(scope)

    def seed(self, scope: Scope) -> None:
        """The one subscription that is always there."""
        if scope.store.kv_get("subscriptions", self.credentials.subscription) is None:
            value = {"displayName": "Local Azure", "state": "Enabled"}
            scope.store.kv_put("subscriptions", self.credentials.subscription, value)

    # --- background work -------------------------------------------------------------------------------------------
    def _work(self, operation_id: str) -> None:
        future = self._workers.submit(self._run_work, operation_id)
        self._working[operation_id] = future
        future.add_done_callback(lambda _: self._working.pop(operation_id, None))

    def _run_work(self, operation_id: str) -> None:
        with self.database.reading() as store:
            row = store.read(
                "SELECT effect, args FROM operations WHERE id = ? AND work = 'pending'", operation_id
            ).fetchone()
        if row is None:
            return
        error = self._do_work(operation_id, row[0], json.loads(row[1]))
        with self.database.writing() as store:
            if error is not None:
                self._scope(store, "").operations.fail_work(operation_id, error.inner())
            else:
                store.write("UPDATE operations SET work = 'done' WHERE id = ?", operation_id)

    def _do_work(self, operation_id: str, effect: str, args: dict[str, Any]) -> ArmError | None:
        """Why the background work of an operation failed, if it did."""
        try:
            function = work_of(effect)
            if function is not None:
                function(self.data_dir, args)
        except ArmError as refused:
            return refused
        except Exception:
            # Nobody waits for this thread: an operation whose work is neither done nor failed would never end. The log
            # says what it was, and fails the tests.
            _log.exception("background work of operation %s", operation_id)
            return execution_failed()
        return None
