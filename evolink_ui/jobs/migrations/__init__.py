"""Brings a database of any older version of this app to the tables of `tables.py`, with Alembic, as the ledger opens.

How to add a revision: change `tables.py`; copy the newest file of `versions/` to the next number, name the file that
you copied as its `down_revision`, and write the change in `upgrade()`, with `op.batch_alter_table` for changes of
columns, because SQLite can only rebuild a table. Name columns and types there as they are today and import nothing of
`tables.py`, which goes on changing. A revision runs inside one transaction on SQLite and PostgreSQL alike, under a lock
that keeps other processes away, and is never edited once it is on the main branch. `tests/jobs/test_migrations.py`
compares what the revisions make with `tables.py`, and fails where two revisions follow the same one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from evolink_ui.jobs.job import JobError

FOLDER = Path(__file__).parent
OLD_APPS_REFUSE = 2  # the `schema_version` that makes apps from before Alembic, which know 1, refuse this database
_one_at_a_time = Lock()  # Alembic's `op` and `context` are one per process


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision, in the transaction of `connection`.

    Args:
        connection: in a transaction, and alone with the tables: the caller holds the lock.

    Raises:
        JobError: a newer app wrote them.
    """
    found = MigrationContext.configure(connection).get_current_heads()
    newest = _revisions().get_current_head()
    if found == (newest,):
        return
    known = {revision.revision for revision in _revisions().walk_revisions()}
    if newer := set(found) - known:
        raise _newer(f"revision {', '.join(sorted(newer))}")
    if not found and inspect(connection).has_table("schema_version"):
        version = connection.scalar(text("select max(version) from schema_version"))
        if version is not None and version >= OLD_APPS_REFUSE:
            raise _newer(f"version {version} of the tables")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    with _one_at_a_time:
        command.upgrade(config, "head")


def is_current(connection: Connection) -> bool:
    """Whether the database is at the newest revision that this app knows."""
    return MigrationContext.configure(connection).get_current_heads() == (_revisions().get_current_head(),)


@cache
def _revisions() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER))


def _newer(what: str) -> JobError:
    return JobError(
        "database_is_newer",
        f"The database was written by a newer version of this app ({what} is not known here).",
        "Start the newer version, or use another EVOLINK_UI_DATA_DIR.",
    )
