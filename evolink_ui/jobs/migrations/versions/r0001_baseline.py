"""The tables as they were when Alembic came; older ones are brought to that shape.

Before Alembic every shape called itself version 1. What a database lacks is read from its columns: `own_key`,
`charged`, `notice`, `expected_seconds` and `uploads.file_id`, the tables `replicas` and `instance`, and the unbounded
`visitor` and `task_id` came one after another.
"""

from __future__ import annotations

import secrets

from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)

from evolink_ui.jobs.migrations import OLD_APPS_REFUSE

revision = "0001"
down_revision = None

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("visitor", Text, nullable=False, index=True),
    Column("state", String(12), nullable=False, index=True),
    Column("mode", String(8), nullable=False),
    Column("request", JSON, nullable=False),
    Column("idempotency_key", String(96), nullable=False, unique=True),
    Column("run", Integer, nullable=False),
    Column("created_at", Double, nullable=False, index=True),
    Column("updated_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ordered_at", Double),
    Column("finished_at", Double),
    Column("own_key", Boolean, nullable=False),
    Column("sealed_key", Text),
    Column("image_name", String(20)),
    Column("video_name", String(20)),
    Column("image_url", Text),
    Column("video_url", Text),
    Column("video_seconds", Double, nullable=False),
    Column("uploaded_bytes", Integer, nullable=False),
    Column("total_bytes", Integer, nullable=False),
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
)
replicas = Table(
    "replicas",
    metadata,
    Column("executor_id", String(64), primary_key=True),
    Column("beat_at", DateTime(timezone=True), nullable=False),
)
schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))
instance = Table("instance", metadata, Column("id", String(32), primary_key=True))


def upgrade() -> None:
    """Make missing tables whole, add missing columns to the others."""
    connection = op.get_bind()
    older = inspect(connection).has_table("jobs")
    metadata.create_all(connection)
    if older:
        _complete_uploads(connection)
        _complete_jobs(connection)
    if connection.scalar(select(instance.c.id)) is None:
        connection.execute(insert(instance).values(id=secrets.token_hex(8)))
    connection.execute(schema_version.delete())
    connection.execute(insert(schema_version).values(version=OLD_APPS_REFUSE))


def _complete_uploads(connection: Connection) -> None:
    if "file_id" not in _columns(connection, "uploads"):
        op.add_column("uploads", Column("file_id", Text))


def _complete_jobs(connection: Connection) -> None:
    there = _columns(connection, "jobs")
    with op.batch_alter_table("jobs") as batch:
        for name in ("own_key", "charged", "notice", "expected_seconds"):
            if name not in there:
                batch.add_column(Column(name, jobs.c[name].type))
        for name in ("visitor", "task_id"):
            if not isinstance(there[name], Text):
                batch.alter_column(name, type_=Text())
    if "own_key" not in there:
        # Keys were sealed beside their jobs, and only a visitor's own key was.
        connection.execute(update(jobs).values(own_key=jobs.c.sealed_key.is_not(None)))
        with op.batch_alter_table("jobs") as batch:
            batch.alter_column("own_key", existing_type=Boolean(), nullable=False)
    if "charged" not in there:
        for job_id, fault in connection.execute(select(jobs.c.id, jobs.c.fault)).all():
            if fault:
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(charged=fault["charged"]))


def _columns(connection: Connection, table: str) -> dict[str, object]:
    return {column["name"]: column["type"] for column in inspect(connection).get_columns(table)}
