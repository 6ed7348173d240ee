"""The sandbox's SQLite file: its tables, its transactions, and who may render.

One connection under one lock serves all threads of a process; several processes may share the file. Times are seconds
since 1970 (UTC), money is in credits.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_SECONDS = 10.0  # how long a transaction waits for another process's, which takes milliseconds

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, granted REAL NOT NULL, used REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL,
    status TEXT NOT NULL, stage TEXT NOT NULL, progress INTEGER NOT NULL DEFAULT 0,
    video_seconds REAL, estimate_seconds REAL NOT NULL, reserved REAL NOT NULL, used REAL,
    attempts INTEGER NOT NULL DEFAULT 0, planned_error TEXT,
    error_code TEXT, error_message TEXT, note TEXT, result_token TEXT, finished REAL,
    idempotency_key TEXT, body_digest TEXT NOT NULL, answer TEXT NOT NULL,
    UNIQUE (account, idempotency_key)
);
CREATE INDEX IF NOT EXISTS tasks_by_status ON tasks (status, created);
CREATE INDEX IF NOT EXISTS tasks_by_account ON tasks (account, created);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, original_name TEXT NOT NULL, suffix TEXT NOT NULL,
    upload_path TEXT NOT NULL, mime_type TEXT NOT NULL, size_bytes INTEGER NOT NULL, created REAL NOT NULL,
    expires REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS files_by_account ON files (account, created);
CREATE TABLE IF NOT EXISTS callbacks (
    task_id TEXT PRIMARY KEY, url TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
);
DROP TABLE IF EXISTS speeds;  -- its means held the start of each render as well; they are learnt again at once
CREATE TABLE IF NOT EXISTS render_speeds (name TEXT PRIMARY KEY, seconds REAL NOT NULL);
"""


_EMPTY = {"TEXT": "''", "REAL": "0", "INTEGER": "0"}


def _add_missing_columns(connection: sqlite3.Connection) -> None:
    """Bring tables that an earlier version made up to `_SCHEMA`."""
    with closing(sqlite3.connect(":memory:")) as newest:
        newest.executescript(_SCHEMA)
        for (table,) in newest.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            there = {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}
            for _, name, kind, not_null, default, _ in newest.execute(f"PRAGMA table_info({table})"):
                if name not in there:
                    filled = f" NOT NULL DEFAULT {default or _EMPTY[kind]}" if not_null else ""
                    connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}{filled}")


class Database:
    """One open SQLite file. Safe for any number of threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        # A killed process loses nothing in this mode; only a power cut may take the last moments, which are play money.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        _add_missing_columns(self._connection)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other process or thread can cut into; rolled back if the block raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


class RenderLicense:
    """Which of the processes that share a folder may render. The system takes it back when its holder dies.

    An exclusive transaction on a file of its own: a lock that every system knows, without a further package.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> bool:
        """Whether this process holds it now; never waits."""
        if self._connection is not None:
            return True
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:  # another process has it
            connection.close()
            return False
        self._connection = connection
        return True

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
