"""The tables behind the ledger, as the newest revision of `migrations` makes them.

Times are seconds since 1970 in UTC; credits are EvoLink's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    false,
    make_url,
)

from .sqlite_file import prepare

BUSY_SECONDS = 15  # how long a writer waits for another one; SQLite lets one write at a time
MIGRATION_SECONDS = 600.0  # for a statement, or for the lock while another process migrates
CHECKPOINT_WAIT_MS = 500  # others wait as long; what could not be emptied is emptied with the next wipe or sweep
POSTGRES_LOCK = 0x45564F4C  # advisory lock under which one process at a time changes the tables ("EVOL")

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("visitor", Text, nullable=False, index=True),
    Column("household", Text, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("mode", String(8), nullable=False),
    Column("request", JSON, nullable=False),
    Column("idempotency_key", String(96), nullable=False, unique=True),
    Column("run", Integer, nullable=False, default=1),
    Column("created_at", Double, nullable=False, index=True),
    Column("updated_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ordered_at", Double),
    Column("finished_at", Double),
    Column("own_key", Boolean, nullable=False, default=False),
    Column("sealed_key", Text),
    Column("image_name", String(20)),
    Column("video_name", String(20)),
    Column("image_url", Text),
    Column("video_url", Text),
    Column("video_seconds", Double, nullable=False),
    Column("uploaded_bytes", Integer, nullable=False, default=0),
    Column("total_bytes", Integer, nullable=False, default=0),
    Column("notice", Text),
    Column("task_id", Text, unique=True),
    Column("estimated_seconds", Double),
    Column("expected_seconds", Double),
    Column("progress", Integer),
    Column("credits_estimated", Double, nullable=False),
    Column("credits_reserved", Double),
    Column("credits_used", Double),
    Column("fault", JSON),
    Column("charged", String(7)),
    Column("vendor_url", Text),
    Column("vendor_expires_at", Double),
    Column("result_bytes", Integer),
    Column("doubt", JSON),
    Column("doubt_due_at", Double),
    Column("must_verify", Boolean, nullable=False, server_default=false()),
)
# Every task that a job has or had: what stands here is not another app's.
known_tasks = Table(
    "known_tasks",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("seen_at", Double, nullable=False),
)
uploads = Table(
    "uploads",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("host", String(10), primary_key=True),
    Column("url", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("file_id", Text),
    Column("created_at", Double),
)
# Orders by their content and by the names that pages and programs gave them; a name outlives its job.
placed_orders = Table(
    "placed_orders",
    metadata,
    Column("job_id", String(40), primary_key=True),
    Column("visitor", Text, nullable=False),
    Column("reference", String(160)),
    Column("digest", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("visitor", "reference", name="placed_orders_reference"),
)
# What orders cost, see `spend.py`. Rows are only ever added.
spend = Table(
    "spend",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", String(40), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("at", Double, nullable=False),
    Column("day", Date, nullable=False, index=True),
    Column("visitor", Text, nullable=False),
    Column("household", Text, nullable=False),
    Column("account", String(64), nullable=False),
    Column("own_key", Boolean, nullable=False),
    Column("mode", String(8), nullable=False),
    Column("credits", Double, nullable=False),
)
# Which processes live, where several share one PostgreSQL.
replicas = Table(
    "replicas",
    metadata,
    Column("executor_id", String(64), primary_key=True),
    Column("beat_at", DateTime(timezone=True), nullable=False),
)
# Read by apps from before Alembic, which refuse a database of a version above 1.
schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))
# One row: the name of this database, so that nobody takes another one's files in a shared bucket for leftovers.
instance = Table("instance", metadata, Column("id", String(32), primary_key=True))


def _json(text: str) -> Any:
    """None for what is no JSON: one row must not end the reading of all."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def open_engine(url: str, *, late_storage: bool = False) -> Engine:
    """An engine for `sqlite:///path` or `postgresql+psycopg://…`, safe to use from several threads."""
    if not url.startswith("sqlite"):
        from .postgres import connector  # psycopg is an extra

        return create_engine(url, pool_pre_ping=True, creator=connector(make_url(url)), json_deserializer=_json)
    if database := make_url(url).database:  # without a name it lives in memory
        prepare(Path(database), late_storage=late_storage)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, json_deserializer=_json)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves; pysqlite would begin them late
        connection.execute("pragma synchronous=full")  # a stored task id must survive a power cut: it is paid
        connection.execute("pragma secure_delete=on")  # a wiped key is overwritten, not only unlinked

    return engine


def unhurried(connection: Connection) -> AbstractContextManager[None]:
    """Allow statements of this transaction MIGRATION_SECONDS each; on SQLite they have no limit anyway."""
    if connection.dialect.name == "sqlite":
        return nullcontext()
    from .postgres import patient  # psycopg is an extra

    return patient(connection, MIGRATION_SECONDS)


def empty_write_ahead_log(engine: Engine) -> bool:
    """Take what was overwritten out of SQLite's write-ahead log too; False where a reader or writer is in the way.

    PostgreSQL overwrites in its own time (vacuum, and its log's recycling).
    """
    if engine.dialect.name != "sqlite":
        return True
    with engine.connect() as connection:
        connection.exec_driver_sql(f"pragma busy_timeout={CHECKPOINT_WAIT_MS}")
        try:
            blocked, *_ = connection.exec_driver_sql("pragma wal_checkpoint(truncate)").one()
        finally:
            connection.exec_driver_sql(f"pragma busy_timeout={1000 * BUSY_SECONDS}")
    return not blocked


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")  # wait for the other writer here, not in mid-transaction
        yield connection
