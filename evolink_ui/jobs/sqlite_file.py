"""SQLite files that stay fast and give their space back."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

log = logging.getLogger("evolink_ui.jobs")

WAIT_SECONDS: Final = 15.0  # for another process that still has the file
INCREMENTAL: Final = 2  # SQLite's number for `auto_vacuum = incremental`


def prepare(path: Path, *, late_storage: bool = False) -> None:
    """Set how a database file, new or old, is journalled, and that it can shrink. Before others open it.

    Both settings are stored in the file. An older file is rewritten once, which takes its size again on the disk; where
    there is no room for that it stays as it is.

    Args:
        path: of the file; made where it is missing.
        late_storage: whether the file lies where whole files are copied away seconds later, as a Space's bucket does. A
            database in two files would come back torn there, so it keeps a rollback journal.
    """
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as database:
        if database.execute("pragma auto_vacuum").fetchone()[0] != INCREMENTAL:
            try:
                database.execute("pragma auto_vacuum = incremental")
                database.execute("vacuum")
            except sqlite3.OperationalError as error:
                log.warning("%s keeps the space of what is deleted: %s", path.name, error)
        database.execute(f"pragma journal_mode = {'delete' if late_storage else 'wal'}")


def shrink(path: Path) -> None:
    """Give the space of deleted rows back to the disk.

    Args:
        path: of a prepared file, which others may be using.

    Raises:
        sqlite3.Error: it is locked for too long, or can't be written.
    """
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as database:
        # As a script, because each step frees one page, and `execute` takes one step of what returns no columns.
        database.executescript("pragma incremental_vacuum; pragma wal_checkpoint(truncate);")
