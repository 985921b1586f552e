# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All state: resources, operations and small tables in one SQLite database.

WAL with ``synchronous=NORMAL``: a committed transaction survives the death of the process at any moment (not
necessarily a power failure). There is one writer at a time; readers see a consistent snapshot meanwhile.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from azure_emulator.core import ids

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from pathlib import Path

_T = TypeVar("_T")
_MAPPED = 128 << 20
# Bytes that each reading thread may remember, and what an entry counts besides its own bytes.
_REMEMBERED, _ENTRY = 16 << 20, 1024

Doc = dict[str, Any]
Docs = list[Doc]
Pairs = list[tuple[str, Any]]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources(
  id_lower TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, subscription TEXT NOT NULL,
  group_lower TEXT NOT NULL, name TEXT NOT NULL, parent TEXT, location TEXT, doc TEXT NOT NULL,
  created REAL NOT NULL, changed REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resources_by_group ON resources(subscription, group_lower, type, id_lower);
CREATE INDEX IF NOT EXISTS resources_by_type ON resources(type, subscription, id_lower);
CREATE INDEX IF NOT EXISTS resources_by_parent ON resources(parent, type, id_lower);
CREATE TABLE IF NOT EXISTS operations(
  id TEXT PRIMARY KEY, style TEXT NOT NULL, subscription TEXT NOT NULL, location TEXT NOT NULL,
  effect TEXT NOT NULL, args TEXT NOT NULL, resource_id TEXT, retry_after INTEGER, polls INTEGER NOT NULL,
  started REAL NOT NULL, due REAL NOT NULL, ended REAL, status TEXT NOT NULL, output TEXT, error TEXT,
  work TEXT, planned TEXT
);
CREATE INDEX IF NOT EXISTS operations_running ON operations(due) WHERE status = 'InProgress';
CREATE INDEX IF NOT EXISTS operations_by_resource ON operations(resource_id) WHERE status = 'InProgress';
CREATE TABLE IF NOT EXISTS kv(
  namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(namespace, key)
) WITHOUT ROWID;
"""


class WriteNeeded(Exception):  # noqa: N818 - a signal to run again as the writer
    """Something was written in a reading transaction; the dispatcher runs the handler again as the writer."""


class SettlingNeeded(WriteNeeded):
    """An operation is due: its effect has to be written before anybody reads."""


class Memory:
    """What was made of one state of the database, to be made once only; as large as some megabytes."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._version = -1
        self._room = _REMEMBERED

    def at(self, version: int) -> Memory:
        """Itself, empty if the database is no longer in the same state."""
        if version != self._version:
            self._forget()
            self._version = version
        return self

    def value(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What was kept, or what is made now."""
        if key in self._values:
            found: _T = self._values[key]
            return found
        made = make()
        self.keep(key, made)
        return made

    def get(self, key: Hashable) -> Any:
        return self._values.get(key)

    def keep(self, key: Hashable, value: Any) -> None:
        size = _ENTRY + (len(value) if isinstance(value, bytes) else 0)
        if size > self._room:
            self._forget()
        self._values[key] = value
        self._room -= size

    def _forget(self) -> None:
        self._values.clear()
        self._room = _REMEMBERED


class Store:
    """One transaction's view of the database. ``memory`` is there while nothing can be written."""

    def __init__(self, connection: sqlite3.Connection, *, writable: bool, memory: Memory | None = None) -> None:
        self._connection = connection
        self._writable = writable
        self.memory = memory

    def remember(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What depends on nothing but the content of the database, made once for each state. Never change it."""
        return make() if self.memory is None else self.memory.value(key, make)

    # --- resources -------------------------------------------------------------------------------------------------
    def get(self, resource_id: str) -> Doc | None:
        """The document of a resource, or ``None``. A fresh copy: change it and ``put`` it back."""
        row = self.read("SELECT doc FROM resources WHERE id_lower = ?", resource_id.lower()).fetchone()
        return None if row is None else _load(row[0])

    def exists(self, resource_id: str) -> bool:
        return self.read("SELECT 1 FROM resources WHERE id_lower = ?", resource_id.lower()).fetchone() is not None

    def put(self, resource_id: str, doc: Doc) -> None:
        """Write a resource as a whole. Type, group, name and parent come from the id, the location from the document.

        Keys of the document that begin with an underscore are private to the service: ``public`` leaves them out.
        """
        parsed, now = ids.parse(resource_id), time.time()
        self.write(
            "INSERT INTO resources(id_lower, id, type, subscription, group_lower, name, parent, location, doc, created, changed)"
            " VALUES(?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id_lower) DO UPDATE SET"
            " doc = excluded.doc, location = excluded.location, changed = excluded.changed",
            parsed.key,
            resource_id,
            parsed.type.lower(),
            parsed.subscription.lower(),
            parsed.group.lower(),
            parsed.name,
            parsed.parent.lower() if parsed.parent else None,
            doc.get("location"),
            json.dumps(doc, separators=(",", ":")),
            now,
            now,
        )

    def delete(self, resource_id: str) -> bool:
        """Forget a resource (not its children); whether it was there."""
        return self.write("DELETE FROM resources WHERE id_lower = ?", resource_id.lower()).rowcount > 0

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 - ARM's word
        subscription: str | None = None,
        group: str | None = None,
        parent: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Docs:
        """Documents in the order of their lower-case ids, filtered (without regard to case).

        ``after`` is the id of the last document of the page before.
        """
        if parent is not None:
            # It implies the others, and its own index finds a page of its children without reading any more.
            subscription = group = None
        where, values = _filter(type=type, subscription=subscription, group_lower=group, parent=parent)
        if after is not None:
            where, values = [*where, "id_lower > ?"], [*values, after.lower()]
        sql = f"SELECT doc FROM resources WHERE {' AND '.join(where) or '1'} ORDER BY id_lower LIMIT ?"  # noqa: S608 - only column names of `_filter`
        texts = [row[0] for row in self.read(sql, *values, -1 if limit is None else limit)]
        found: Docs = json.loads(f"[{','.join(texts)}]")
        return found

    def count(self, *, type: str | None = None, subscription: str | None = None) -> int:  # noqa: A002 - ARM's word
        """How many resources pass the filter."""
        where, values = _filter(type=type, subscription=subscription)
        sql = f"SELECT count(*) FROM resources WHERE {' AND '.join(where) or '1'}"  # noqa: S608 - as above
        return int(self.read(sql, *values).fetchone()[0])

    # --- small tables ----------------------------------------------------------------------------------------------
    def kv_get(self, namespace: str, key: str) -> Any:
        """A JSON value, or ``None``."""
        row = self.read("SELECT value FROM kv WHERE namespace = ? AND key = ?", namespace, key).fetchone()
        return None if row is None else json.loads(row[0])

    def kv_put(self, namespace: str, key: str, value: Any) -> None:
        self.write("INSERT OR REPLACE INTO kv VALUES(?,?,?)", namespace, key, json.dumps(value, separators=(",", ":")))

    def kv_delete(self, namespace: str, key: str) -> bool:
        return self.write("DELETE FROM kv WHERE namespace = ? AND key = ?", namespace, key).rowcount > 0

    def kv_items(self, namespace: str, prefix: str = "") -> Pairs:
        """Keys with a prefix and their values, in order."""
        rows = self.read(
            "SELECT key, value FROM kv WHERE namespace = ? AND key >= ? AND key < ? ORDER BY key",
            namespace,
            prefix,
            prefix + "\U0010ffff",
        )
        return [(row[0], json.loads(row[1])) for row in rows]

    # --- SQL -------------------------------------------------------------------------------------------------------
    def read(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a SELECT."""
        return self._connection.execute(sql, values)

    def write(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a changing statement; in a reading transaction it asks for a repetition as the writer."""
        if not self._writable:
            raise WriteNeeded
        return self._connection.execute(sql, values)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote when it raises."""
        self.write("SAVEPOINT inner_step")
        try:
            yield
        except BaseException:
            self.write("ROLLBACK TO inner_step")
            raise
        finally:
            self.write("RELEASE inner_step")


class Database:
    """The file: opens transactions. Safe for use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._local = threading.local()
        # SQLite gives its side files the database's mode: it must be private from the beginning (account keys).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)
        self._upgrade()

    def _upgrade(self) -> None:
        """Columns that folders of earlier releases lack."""
        if "planned" not in {row[1] for row in self._writer.execute("PRAGMA table_info(operations)")}:
            self._writer.execute("ALTER TABLE operations ADD COLUMN planned TEXT")

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """A snapshot; nothing can be written in it."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            self._local.memory = Memory()
        connection.execute("BEGIN")
        try:
            # The first statement takes the snapshot: the number is another one after each commit of the writer.
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            yield Store(connection, writable=False, memory=self._local.memory.at(version))
        finally:
            connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """The one writer: committed when the block ends, rolled back when it raises. Never nest it."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield Store(self._writer, writable=True)
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def clear(self, store: Store) -> None:
        """Empty every table."""
        for table in ("resources", "operations", "kv"):
            store.write(f"DELETE FROM {table}")  # noqa: S608 - a name from the line above

    def close(self) -> None:
        with self._lock:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        # Reads come from the page cache of the system instead of a system call each.
        connection.execute(f"PRAGMA mmap_size={_MAPPED}")
        return connection


def public(doc: Doc) -> Doc:
    """A document without its private keys."""
    return {key: value for key, value in doc.items() if not key.startswith("_")}


def _load(text: str) -> Doc:
    doc: Doc = json.loads(text)
    return doc


def _filter(**wanted: str | None) -> tuple[list[str], list[Any]]:
    given = {column: value.lower() for column, value in wanted.items() if value is not None}
    return [f"{column} = ?" for column in given], [*given.values()]
